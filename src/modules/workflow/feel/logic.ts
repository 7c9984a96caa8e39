import { fromJson, type Schema, typeOfSchema } from './types';
import { Clock, compare, Day, Duration, equal, Instant, Num, textOf, type Value } from './values';

/** What a condition says about variables. `unknown`: something that cannot be told without running it. */
export type Logic =
  | { op: 'and' | 'or'; of: readonly Logic[] }
  | { op: 'not'; of: Logic }
  | { op: 'is'; value: boolean }
  | { op: 'test'; path: string; operator: '=' | '!=' | '<' | '<=' | '>' | '>='; value: Value }
  | { op: 'unknown'; text: string };

type Test = Extract<Logic, { op: 'test' }>;
type Literal = Test | { op: 'unknown'; text: string; wanted: boolean };

/** More ways for a condition to hold than somebody would write. */
const WAYS = 2_000;

/**
 * Circumstances in which a condition is true. `never`: there are none. `where`: some, in words. `perhaps`: none were ruled
 * out, but part of it cannot be told without running it. By its disjunctive normal form: of each conjunction, every
 * variable by itself is an interval without some points, or one of the values its schema allows.
 */
export function satisfiable(logic: Logic, schemaOf: (path: string) => Schema | undefined): { holds: 'never' | 'perhaps' } | { holds: 'where'; where: string } {
  const ways = normal(logic, true);
  if (ways === null) return { holds: 'perhaps' };
  let perhaps = false;
  for (const way of ways) {
    const found = circumstances(way, schemaOf);
    if (found === null) continue;
    if (way.every((each) => each.op === 'test')) return { holds: 'where', where: found || 'always' };
    perhaps = true;
  }
  return { holds: perhaps ? 'perhaps' : 'never' };
}

/** As an or of ands of tests; null where there are too many. */
function normal(logic: Logic, wanted: boolean): Literal[][] | null {
  switch (logic.op) {
    case 'is':
      return logic.value === wanted ? [[]] : [];
    case 'not':
      return normal(logic.of, !wanted);
    case 'unknown':
      return [[{ ...logic, wanted }]];
    case 'test':
      return [[wanted ? logic : { ...logic, operator: OPPOSITE[logic.operator] }]];
    default: {
      const parts = logic.of.map((each) => normal(each, wanted));
      if (parts.includes(null)) return null;
      const known = parts as Literal[][][];
      if ((logic.op === 'or') === wanted) return known.flat();
      let all: Literal[][] = [[]];
      for (const part of known) {
        if (all.length * part.length > WAYS) return null;
        all = all.flatMap((one) => part.map((other) => [...one, ...other]));
      }
      return all;
    }
  }
}

const OPPOSITE = { '=': '!=', '!=': '=', '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const;

/** Values under which all of these hold, in words; null where there are none. */
function circumstances(way: readonly Literal[], schemaOf: (path: string) => Schema | undefined): string | null {
  const byPath = new Map<string, Test[]>();
  for (const each of way) {
    if (each.op === 'test') byPath.set(each.path, [...(byPath.get(each.path) ?? []), each]);
    // The same thing that nobody can tell cannot be both.
    else if (way.some((other) => other.op === 'unknown' && other.text === each.text && other.wanted !== each.wanted)) return null;
  }
  const said: string[] = [];
  for (const [path, tests] of byPath) {
    const value = example(tests, schemaOf(path));
    if (value === undefined) return null;
    said.push(`${path} is ${typeof value === 'string' ? JSON.stringify(value) : textOf(value)}`);
  }
  return said.join(' and ');
}

const holds = ({ operator, value }: Test, of: Value): boolean => {
  if (operator === '=') return equal(of, value) === true;
  // Of different kinds it is neither the same nor not the same.
  if (operator === '!=') return equal(of, value) === false;
  const order = compare(of, value);
  return order !== null && { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[operator];
};

/** A value that passes all the tests and that the schema allows; undefined where there is none. */
function example(tests: readonly Test[], schema: Schema | undefined): Value | undefined {
  const passes = (value: Value) => tests.every((test) => holds(test, value));
  const type = typeOfSchema(schema);
  const allowed = Array.isArray(schema?.enum) ? (schema.enum as unknown[]) : schema && 'const' in schema ? [schema.const] : type.kind === 'boolean' ? [true, false] : null;
  if (allowed) return [...allowed.map((each) => fromJson(each, type, 'utc')), null].find(passes);
  // Whatever is left out is null.
  if (passes(null)) return null;
  return candidates(tests, schema).find(passes);
}

/** What would pass the tests, if anything does: their ends, and beside and between them more than the tests could rule out one by one. */
function candidates(tests: readonly Test[], { minimum, maximum, multipleOf, type }: Schema & { minimum?: number; maximum?: number; multipleOf?: number } = {}): Value[] {
  const ends = [...tests.map(({ value }) => value), ...[minimum, maximum].flatMap((each) => (typeof each === 'number' ? [new Num(each)] : []))];
  const steps = tests.map((_, n) => n + 1);
  const numbers = ends.filter((each) => each instanceof Num).sort((a, b) => a.comparedTo(b));
  if (numbers.length > 0) {
    const unit = new Num(multipleOf ?? 1);
    const beside = numbers.flatMap((end) => [end, end.div(unit).floor().times(unit)].flatMap((from) => [from, ...steps.flatMap((n) => [from.minus(unit.times(n)), from.plus(unit.times(n))])]));
    const between = numbers.slice(1).flatMap((end, n) => steps.map((k) => numbers[n]!.plus(end.minus(numbers[n]!).times(k).div(tests.length + 1))));
    const stepped = type === 'integer' || multipleOf !== undefined;
    return [...beside, ...between].filter((each) => (minimum === undefined || each.gte(minimum)) && (maximum === undefined || each.lte(maximum)) && (!stepped || each.div(unit).isInteger()));
  }
  const texts = ends.filter((each) => typeof each === 'string');
  if (texts.length > 0) return [...texts, '', ...steps.map((n) => `other ${n}`), ...texts.flatMap((each) => steps.map((n) => each + '\u0001'.repeat(n)))];
  return ends.flatMap((each) => [each, ...steps.flatMap((n) => [shifted(each, n), shifted(each, -n)])]);
}

/** So many days, milliseconds or months later, whatever it is counted in. */
function shifted(value: Value, by: number): Value {
  if (value instanceof Day) return new Day(value.at.plus({ days: by }));
  if (value instanceof Instant) return new Instant(value.at.plus(by));
  if (value instanceof Clock) return new Clock(value.ms + by);
  return value instanceof Duration ? new Duration(value.unit, value.count + by) : value;
}
