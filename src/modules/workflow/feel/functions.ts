import type { Decimal } from 'decimal.js';
import { DateTime } from 'luxon';
import { RE2JS } from 're2js';
import { ANY, BOOLEAN, DATE, INSTANT, listOf, MONTHS, NUMBER, STRING, TIME, type Type } from './types';
import { Clock, clockFrom, compare, type Context, Day, dayFrom, Duration, durationFrom, equal, finite, Instant, instantFrom, isContext, isList, Num, textOf, type Value } from './values';

/** What an expression may use up, and what it is told about the world. */
export interface Run {
  /** Throws ExpressionLimit where more is spent than there is. */
  spend: (steps: number) => void;
  now: Date;
  zone: string;
}

export interface Builtin {
  /** Of its arguments; the last repeats where `repeats` is set. */
  takes: readonly Type[];
  /** So many may be left out. */
  optional?: number;
  repeats?: boolean;
  /** Whether an argument may be null; else null makes null. */
  nulls?: boolean;
  yields: Type | ((given: readonly Type[]) => Type);
  /** Whether it asks what time it is. */
  clock?: boolean;
  apply: (given: readonly Value[], run: Run) => Value;
}

const LIST = listOf(ANY);
const DURATION: Type = ANY;
const elementOf = (types: readonly Type[]): Type => (types.length === 1 && types[0]!.kind === 'list' ? types[0]!.of : types.every((each) => each.kind === types[0]!.kind) ? types[0]! : ANY);
const listLike = (types: readonly Type[]): Type => (types[0]?.kind === 'list' ? types[0] : LIST);

/** One list, or the arguments as one. */
const many = (given: readonly Value[]): readonly Value[] => (given.length === 1 && isList(given[0]!) ? given[0] : given);
const numbers = (given: readonly Value[]): Num[] | null => {
  const all = many(given);
  return all.length > 0 && all.every((each) => each instanceof Num) ? (all as Num[]) : null;
};
const integer = (value: Value): number | null => (value instanceof Num && value.isInteger() && value.abs().lt(1e9) ? value.toNumber() : null);
const num = (value: number) => new Num(value);
/** Characters, not halves of them. */
const letters = (text: string) => Array.from(text);

function extreme(given: readonly Value[], sign: 1 | -1): Value {
  let best: Value | undefined;
  for (const each of many(given)) {
    const order = best === undefined ? sign : compare(each, best);
    if (order === null) return null;
    if (order === sign) best = each;
  }
  return best ?? null;
}

/** A pattern as Gloria takes it everywhere: linear in what it is matched with. */
function pattern(source: Value, flags: Value, run: Run): RE2JS | null {
  run.spend(100);
  const known: Record<string, number> = { i: RE2JS.CASE_INSENSITIVE, m: RE2JS.MULTILINE, s: RE2JS.DOTALL };
  let asked = 0;
  for (const flag of typeof flags === 'string' ? flags : '') {
    if (known[flag] === undefined) return null;
    asked |= known[flag];
  }
  try {
    return typeof source === 'string' ? RE2JS.compile(RE2JS.translateRegExp(source), asked) : null;
  } catch {
    // A pattern that is none matches nothing: null, as all that cannot be computed.
    return null;
  }
}

/** To so many places. */
const rounding = (mode: Decimal.Rounding): Builtin => ({
  takes: [NUMBER, NUMBER], optional: 1, yields: NUMBER,
  apply: ([n, places = num(0)]) => {
    const to = integer(places);
    if (to === null || Math.abs(to) > 6_000) return null;
    const unit = new Num(10).pow(-to);
    return finite((n as Num).div(unit).toDecimalPlaces(0, mode).times(unit));
  },
});

const partOfText = (name: 'before' | 'after'): Builtin => ({
  takes: [STRING, STRING], yields: STRING,
  apply: ([text, part]) => {
    const at = (text as string).indexOf(part as string);
    return at < 0 ? '' : name === 'before' ? (text as string).slice(0, at) : (text as string).slice(at + (part as string).length);
  },
});

const about = (ask: (text: string, part: string) => boolean): Builtin => ({ takes: [STRING, STRING], yields: BOOLEAN, apply: ([text, part]) => ask(text as string, part as string) });

const onNumber = (apply: (n: Num) => Num): Builtin => ({ takes: [NUMBER], yields: NUMBER, apply: ([n]) => finite(apply(n as Num)) });

/** Of a day or an instant. */
const ofDay = (yields: Type, apply: (at: DateTime) => Value): Builtin => ({ takes: [ANY], yields, apply: ([day]) => (day instanceof Day || day instanceof Instant ? apply(day.at) : null) });

const folded = (over: readonly Value[], stops: boolean): Value => {
  if (over.includes(stops)) return stops;
  return over.every((each) => each === !stops) ? !stops : null;
};

const unique = (all: readonly Value[], run: Run): Value[] => {
  const kept: Value[] = [];
  for (const each of all) {
    run.spend(kept.length);
    if (!kept.some((one) => equal(one, each) === true)) kept.push(each);
  }
  return kept;
};

const flat = (all: readonly Value[], run: Run): Value[] => {
  run.spend(all.length);
  return all.flatMap((each) => (isList(each) ? flat(each, run) : [each]));
};

/** Built-in functions of DMN 1.5, 10.3.4, by their names. Where something cannot be computed, they yield null. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  // Of truth.
  not: { takes: [BOOLEAN], yields: BOOLEAN, apply: ([value]) => !(value as boolean) },
  all: { takes: [ANY], repeats: true, nulls: true, yields: BOOLEAN, apply: (given) => folded(many(given), false) },
  any: { takes: [ANY], repeats: true, nulls: true, yields: BOOLEAN, apply: (given) => folded(many(given), true) },
  'is defined': { takes: [ANY], nulls: true, yields: BOOLEAN, apply: ([value]) => value !== null },
  // Of text.
  string: { takes: [ANY], yields: STRING, apply: ([value]) => textOf(value!) },
  'string length': { takes: [STRING], yields: NUMBER, apply: ([text]) => num(letters(text as string).length) },
  substring: {
    takes: [STRING, NUMBER, NUMBER], optional: 1, yields: STRING,
    apply: ([text, start, length]) => {
      const all = letters(text as string);
      const [at, size] = [integer(start!), length === undefined ? all.length : integer(length)];
      if (at === null || at === 0 || size === null) return null;
      const from = at > 0 ? at - 1 : Math.max(0, all.length + at);
      return all.slice(from, from + Math.max(0, size)).join('');
    },
  },
  'upper case': { takes: [STRING], yields: STRING, apply: ([text]) => (text as string).toUpperCase() },
  'lower case': { takes: [STRING], yields: STRING, apply: ([text]) => (text as string).toLowerCase() },
  'substring before': partOfText('before'),
  'substring after': partOfText('after'),
  contains: about((text, part) => text.includes(part)),
  'starts with': about((text, part) => text.startsWith(part)),
  'ends with': about((text, part) => text.endsWith(part)),
  matches: { takes: [STRING, STRING, STRING], optional: 1, yields: BOOLEAN, apply: ([text, source, flags = ''], run) => pattern(source!, flags, run)?.matcher(text as string).find() ?? null },
  replace: { takes: [STRING, STRING, STRING, STRING], optional: 1, yields: STRING, apply: ([text, source, by, flags = ''], run) => pattern(source!, flags, run)?.matcher(text as string).replaceAll(by as string) ?? null },
  split: { takes: [STRING, STRING], yields: listOf(STRING), apply: ([text, source], run) => pattern(source!, '', run)?.split(text as string, -1) ?? null },
  'string join': {
    takes: [listOf(STRING), STRING], optional: 1, yields: STRING,
    apply: ([all, by = '']) => {
      const said = (all as readonly Value[]).filter((each) => each !== null);
      return said.every((each) => typeof each === 'string') ? said.join(by as string) : null;
    },
  },
  // Of numbers.
  number: { takes: [STRING], yields: NUMBER, apply: ([text]) => (/^-?(\d{1,40}(\.\d{1,40})?|\.\d{1,40})$/.test(text as string) ? new Num(text as string) : null) },
  decimal: { takes: [NUMBER, NUMBER], yields: NUMBER, apply: (given, run) => rounding(Num.ROUND_HALF_EVEN).apply(given, run) },
  floor: rounding(Num.ROUND_FLOOR),
  ceiling: rounding(Num.ROUND_CEIL),
  'round up': rounding(Num.ROUND_UP),
  'round down': rounding(Num.ROUND_DOWN),
  'round half up': rounding(Num.ROUND_HALF_UP),
  'round half down': rounding(Num.ROUND_HALF_DOWN),
  abs: onNumber((n) => n.abs()),
  sqrt: { takes: [NUMBER], yields: NUMBER, apply: ([n]) => ((n as Num).isNegative() ? null : (n as Num).sqrt()) },
  modulo: { takes: [NUMBER, NUMBER], yields: NUMBER, apply: ([n, by]) => ((by as Num).isZero() ? null : finite((n as Num).minus((by as Num).times((n as Num).div(by as Num).floor())))) },
  odd: { takes: [NUMBER], yields: BOOLEAN, apply: ([n]) => ((n as Num).isInteger() ? !(n as Num).mod(2).isZero() : null) },
  even: { takes: [NUMBER], yields: BOOLEAN, apply: ([n]) => ((n as Num).isInteger() ? (n as Num).mod(2).isZero() : null) },
  // Of lists, or of several values.
  count: { takes: [LIST], yields: NUMBER, apply: ([all]) => num((all as readonly Value[]).length) },
  sum: { takes: [ANY], repeats: true, yields: NUMBER, apply: (given) => { const all = numbers(given); return all && finite(all.reduce((sum, each) => sum.plus(each))); } },
  product: { takes: [ANY], repeats: true, yields: NUMBER, apply: (given) => { const all = numbers(given); return all && finite(all.reduce((product, each) => product.times(each))); } },
  mean: { takes: [ANY], repeats: true, yields: NUMBER, apply: (given) => { const all = numbers(given); return all && finite(all.reduce((sum, each) => sum.plus(each)).div(all.length)); } },
  median: {
    takes: [ANY], repeats: true, yields: NUMBER,
    apply: (given) => {
      const all = numbers(given)?.toSorted((a, b) => a.comparedTo(b));
      return all ? all[(all.length - 1) >> 1]!.plus(all[all.length >> 1]!).div(2) : null;
    },
  },
  min: { takes: [ANY], repeats: true, yields: elementOf, apply: (given) => extreme(given, -1) },
  max: { takes: [ANY], repeats: true, yields: elementOf, apply: (given) => extreme(given, 1) },
  'list contains': { takes: [LIST, ANY], nulls: true, yields: BOOLEAN, apply: ([all, wanted]) => (isList(all!) ? all.some((each) => equal(each, wanted!) === true) : null) },
  'index of': { takes: [LIST, ANY], nulls: true, yields: listOf(NUMBER), apply: ([all, wanted]) => (isList(all!) ? all.flatMap((each, n) => (equal(each, wanted!) === true ? [num(n + 1)] : [])) : null) },
  append: { takes: [LIST, ANY], repeats: true, nulls: true, yields: LIST, apply: ([all, ...more]) => (isList(all!) ? [...all, ...more] : null) },
  concatenate: { takes: [LIST], repeats: true, yields: listLike, apply: (given) => given.flatMap((each) => each as readonly Value[]) },
  union: { takes: [LIST], repeats: true, yields: listLike, apply: (given, run) => unique(given.flatMap((each) => each as readonly Value[]), run) },
  'distinct values': { takes: [LIST], yields: listLike, apply: ([all], run) => unique(all as readonly Value[], run) },
  flatten: { takes: [LIST], yields: LIST, apply: ([all], run) => flat(all as readonly Value[], run) },
  reverse: { takes: [LIST], yields: listLike, apply: ([all]) => (all as readonly Value[]).toReversed() },
  remove: {
    takes: [LIST, NUMBER], yields: listLike,
    apply: ([all, position]) => {
      const [list, at] = [all as readonly Value[], integer(position!)];
      return at === null || at === 0 || Math.abs(at) > list.length ? null : list.filter((_, n) => n !== (at > 0 ? at - 1 : list.length + at));
    },
  },
  sublist: {
    takes: [LIST, NUMBER, NUMBER], optional: 1, yields: listLike,
    apply: ([all, start, length]) => {
      const [list, at] = [all as readonly Value[], integer(start!)];
      const size = length === undefined ? list.length : integer(length);
      if (at === null || at === 0 || Math.abs(at) > list.length || size === null || size < 0) return null;
      const from = at > 0 ? at - 1 : list.length + at;
      return list.slice(from, from + size);
    },
  },
  // Of contexts.
  'get value': { takes: [ANY, STRING], yields: ANY, apply: ([context, name]) => (isContext(context!) && Object.hasOwn(context, name as string) ? context[name as string]! : null) },
  'get entries': { takes: [ANY], yields: LIST, apply: ([context]) => (isContext(context!) ? Object.entries(context).map(([key, value]): Context => ({ key, value })) : null) },
  // Of time.
  date: {
    takes: [ANY, NUMBER, NUMBER], optional: 2, yields: DATE,
    apply: ([from, month, day]) => {
      if (typeof from === 'string') return dayFrom(from);
      if (from instanceof Day) return from;
      if (from instanceof Instant) return dayFrom(from.at.toFormat('yyyy-MM-dd'));
      const [y, m, d] = [integer(from!), integer(month ?? null), integer(day ?? null)];
      return y === null || m === null || d === null || y < 1 || y > 9_999 ? null : dayFrom(`${String(y).padStart(4, '0')}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`);
    },
  },
  time: { takes: [ANY], yields: TIME, apply: ([from]) => (typeof from === 'string' ? clockFrom(from) : from instanceof Instant ? new Clock(wallClock(from.at)) : null) },
  'date and time': {
    takes: [ANY, TIME], optional: 1, yields: INSTANT,
    apply: ([from, clock], run) => {
      if (clock instanceof Clock && (from instanceof Day || from instanceof Instant)) return instantFrom(`${from.at.toFormat('yyyy-MM-dd')}T${textOf(clock)}`, run.zone);
      return clock === undefined && typeof from === 'string' ? instantFrom(from, run.zone) : null;
    },
  },
  duration: { takes: [STRING], yields: DURATION, apply: ([text]) => durationFrom(text as string) },
  'years and months duration': {
    takes: [DATE, DATE], yields: MONTHS,
    apply: ([from, to]) => new Duration('months', Math.trunc((to as Day).at.diff((from as Day).at, 'months').months) + 0),
  },
  now: { takes: [], yields: INSTANT, clock: true, apply: (_, { now, zone }) => new Instant(DateTime.fromJSDate(now, { zone })) },
  today: { takes: [], yields: DATE, clock: true, apply: (_, { now, zone }) => dayFrom(DateTime.fromJSDate(now, { zone }).toFormat('yyyy-MM-dd')) },
  'day of year': ofDay(NUMBER, (at) => num(at.ordinal)),
  'day of week': ofDay(STRING, (at) => at.setLocale('en').weekdayLong),
  'month of year': ofDay(STRING, (at) => at.setLocale('en').monthLong),
  'week of year': ofDay(NUMBER, (at) => num(at.weekNumber)),
};

export const functionNames: readonly string[] = Object.keys(BUILTINS).sort();

/** What can be asked of a time by a path. */
export const PARTS: Readonly<Record<string, readonly [Type, (of: Value) => Value]>> = {
  year: [NUMBER, (of) => atOf(of, (at) => at.year) ?? monthsOf(of, (n) => Math.trunc(n / 12))],
  month: [NUMBER, (of) => atOf(of, (at) => at.month)],
  day: [NUMBER, (of) => atOf(of, (at) => at.day)],
  weekday: [NUMBER, (of) => atOf(of, (at) => at.weekday)],
  hour: [NUMBER, (of) => clockOf(of, 3_600_000, 24)],
  minute: [NUMBER, (of) => clockOf(of, 60_000, 60)],
  second: [NUMBER, (of) => clockOf(of, 1_000, 60)],
  years: [NUMBER, (of) => monthsOf(of, (n) => Math.trunc(n / 12))],
  months: [NUMBER, (of) => monthsOf(of, (n) => n % 12)],
  days: [NUMBER, (of) => daysOf(of, 86_400_000, Infinity)],
  hours: [NUMBER, (of) => daysOf(of, 3_600_000, 24)],
  minutes: [NUMBER, (of) => daysOf(of, 60_000, 60)],
  seconds: [NUMBER, (of) => daysOf(of, 1_000, 60)],
};

/** What the clock on the wall shows, where a day may have 23 hours. */
function wallClock({ hour, minute, second, millisecond }: DateTime): number {
  return ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond;
}

const atOf = (of: Value, ask: (at: DateTime) => number): Num | null => (of instanceof Day || of instanceof Instant ? num(ask(of.at)) : null);
const monthsOf = (of: Value, ask: (n: number) => number): Num | null => (of instanceof Duration && of.unit === 'months' ? num(ask(of.count)) : null);
const daysOf = (of: Value, unit: number, every: number): Num | null => (of instanceof Duration && of.unit === 'days' ? num(every === Infinity ? Math.trunc(of.count / unit) : Math.trunc(of.count / unit) % every) : null);
const clockOf = (of: Value, unit: number, every: number): Num | null => {
  const ms = of instanceof Clock ? of.ms : of instanceof Instant ? wallClock(of.at) : null;
  return ms === null ? null : num(Math.floor(ms / unit) % every);
};
