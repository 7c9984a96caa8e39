import { parser, trackVariables } from 'lezer-feel';
import { arithmetic, arithmeticType, type Operator } from './arithmetic';
import { BUILTINS, PARTS, type Run } from './functions';
import { ExpressionLimit, LIMITS } from './limits';
import type { Logic } from './logic';
import { ANY, BOOLEAN, contextOf, either, fits, fromJson, listOf, NULL, NUMBER, STRING, type Type, typeText } from './types';
import { compare, durationFrom, dayFrom, clockFrom, equal, instantFrom, isContext, isList, kindOf, Num, type Value } from './values';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** What is wrong with an expression, and where: characters from and to. */
export interface Fault {
  from: number;
  to: number;
  message: string;
}

/** What an expression is told: the variables as JSON, the time, and the zone days are of. */
export interface World {
  variables: Readonly<Record<string, unknown>>;
  now: Date;
  zone: string;
}

export interface Expression {
  type: Type;
  /** The variables it reads. */
  reads: ReadonlySet<string>;
  /** Whether it asks what time it is. */
  clock: boolean;
  /** What it says about its variables, as far as that can be told without running it. */
  logic: Logic;
  /** Throws ExpressionLimit where it needs more than it may. */
  evaluate: (world: World) => Value;
}

interface State {
  variables: Map<string, Value>;
  locals: Value[];
  run: Run;
  world: World;
}

type Code = (state: State) => Value;

interface Part {
  type: Type;
  code: Code;
  logic?: Logic;
  /** Where it is nothing but a variable, or a part of one; where it is always the same. */
  path?: string;
  constant?: Value;
}

/** Names inside an expression: of a loop, or of what is filtered. */
interface Scope {
  names: ReadonlyMap<string, { slot: number; type: Type; entry?: string }>;
  size: number;
  up: Scope | null;
}

class Wrong extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

/**
 * Reads a FEEL expression (DMN 1.5, 10.3; grammar: lezer-feel) over these variables and turns it into closures. Everything
 * is known before it runs: names, kinds, functions and how many arguments they take. Left out of the language: functions
 * one defines, named arguments, and ranges as values.
 */
export function compile(source: string, variables: Readonly<Record<string, Type>>): { expression: Expression; faults: [] } | { expression: null; faults: Fault[] } {
  if (source.length > LIMITS.characters) return { expression: null, faults: [{ from: LIMITS.characters, to: source.length, message: new ExpressionLimit('characters').message }] };
  const reading = new Reading(source, variables);
  try {
    return { expression: reading.whole(), faults: [] };
  } catch (error) {
    if (error instanceof Wrong) return { expression: null, faults: [error.fault] };
    throw error;
  }
}

const NO_SCOPE: Scope = { names: new Map(), size: 0, up: null };

const OPERATORS: Readonly<Record<string, (order: number) => boolean>> = { '<': (n) => n < 0, '<=': (n) => n <= 0, '>': (n) => n > 0, '>=': (n) => n >= 0 };
const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=', '!=': '!=' };

class Reading {
  private readonly reads = new Set<string>();
  private clock = false;

  constructor(
    private readonly source: string,
    private readonly variables: Readonly<Record<string, Type>>,
  ) {}

  whole(): Expression {
    const tree = parser.configure({ contextTracker: trackVariables(Object.fromEntries(Object.entries(this.variables).map(([name, type]) => [name, sample(type)]))) }).parse(this.source);
    const wrong: SyntaxNode[] = [];
    tree.iterate({ enter: (node) => void (node.type.isError && wrong.push(node.node)) });
    if (wrong[0]) throw new Wrong({ from: wrong[0].from, to: wrong[0].to, message: wrong[0].from === this.source.length ? 'ends too early' : `does not go on with “${this.source.slice(wrong[0].from, wrong[0].from + 20)}”` });
    const [top, more] = children(tree.topNode);
    if (!top || more) throw new Wrong({ from: 0, to: this.source.length, message: 'is no expression' });
    const part = this.part(top, NO_SCOPE, 1);
    return {
      type: part.type, reads: this.reads, clock: this.clock, logic: logicOf(part, this.text(top)),
      evaluate: (world) => {
        let left: number = LIMITS.steps;
        const spend = (steps: number) => {
          if ((left -= steps) < 0) throw new ExpressionLimit('steps');
        };
        return part.code({ variables: new Map(), locals: [], world, run: { spend, now: world.now, zone: world.zone } });
      },
    };
  }

  private text(node: SyntaxNode): string {
    return this.source.slice(node.from, node.to);
  }

  private wrong(node: SyntaxNode, message: string): Wrong {
    return new Wrong({ from: node.from, to: node.to, message });
  }

  /** One part and all in it; each costs a step whenever it is run. */
  private part(node: SyntaxNode, scope: Scope, depth: number): Part {
    if (depth > LIMITS.depth) throw this.wrong(node, new ExpressionLimit('depth').message);
    const { code, ...rest } = this.read(node, scope, depth + 1);
    return { ...rest, code: (state) => { state.run.spend(1); return code(state); } };
  }

  private read(node: SyntaxNode, scope: Scope, depth: number): Part {
    const inner = children(node);
    const at = (n: number) => this.part(inner[n]!, scope, depth);
    switch (node.name) {
      case 'ParenthesizedExpression':
        return at(1);
      case 'null':
        return constant(NULL, null);
      case 'BooleanLiteral':
        return constant(BOOLEAN, this.text(node) === 'true');
      case 'NumericLiteral':
        return constant(NUMBER, this.number(node));
      case 'StringLiteral':
        return constant(STRING, this.string(node));
      case 'DateTimeLiteral':
        return this.time(node, inner, scope, depth);
      case 'VariableName':
        return this.variable(node, scope);
      case 'PathExpression':
        return this.path(node, at(0), clean(this.text(inner.at(-1)!)));
      case 'Conjunction':
        return this.junction(node, at(0), at(2), false);
      case 'Disjunction':
        return this.junction(node, at(0), at(2), true);
      case 'Comparison':
        return this.comparison(node, inner, scope, depth);
      case 'ArithmeticExpression':
        return this.arithmetic(node, inner, scope, depth);
      case 'IfExpression':
        return this.choice(inner[1]!, at(1), at(3), at(5));
      case 'List':
        return this.list(inner.filter(({ name }) => !PUNCTUATION.has(name)).map((each) => this.part(each, scope, depth)));
      case 'Context':
        return this.context(inner.filter(({ name }) => name === 'ContextEntry'), scope, depth);
      case 'FilterExpression':
        return this.filter(node, at(0), inner[2]!, scope, depth);
      case 'ForExpression':
      case 'QuantifiedExpression':
        return this.loop(node, inner, scope, depth);
      case 'FunctionInvocation':
        return this.call(node, clean(this.text(inner[0]!)), inner.find(({ name }) => name === 'PositionalParameters' || name === 'NamedParameters'), scope, depth);
      case 'InstanceOfExpression':
        return this.instance(at(0), inner.at(-1)!);
      default:
        throw this.wrong(node, `“${this.text(node).slice(0, 40)}” is not for expressions here`);
    }
  }

  private number(node: SyntaxNode): Value {
    const value = new Num(this.text(node));
    if (!value.isFinite()) throw this.wrong(node, 'is no number that can be held');
    return value;
  }

  private string(node: SyntaxNode): string {
    const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', "'": "'" };
    return this.text(node).slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(.))/gs, (all, short?: string, long?: string, one?: string) => {
      if (one !== undefined) return escapes[one] ?? all;
      const point = parseInt(short ?? long!, 16);
      if (point > 0x10ffff) throw this.wrong(node, `${all} is no character`);
      return String.fromCodePoint(point);
    });
  }

  /** date("…") and its like, and @"…". What is written out has to be a time; without a zone it is of wherever it is asked. */
  private time(node: SyntaxNode, inner: SyntaxNode[], scope: Scope, depth: number): Part {
    if (inner[0]!.name === 'AtLiteral') {
      const text = this.string(children(inner[0]!).find(({ name }) => name === 'StringLiteral')!);
      const value = dayFrom(text) ?? clockFrom(text) ?? durationFrom(text) ?? instantFrom(text, 'utc');
      if (value === null) throw this.wrong(node, `“${text}” is no date, time or duration`);
      if (kindOf(value) === 'date and time' && !/(Z|[+-]\d{2}:\d{2})$/.test(text)) return { type: { kind: 'date and time' }, code: (state) => instantFrom(text, state.run.zone) };
      return constant({ kind: kindOf(value) } as Type, value);
    }
    const name = clean(this.text(inner[0]!));
    const part = this.call(node, name, inner.find((each) => each.name === 'PositionalParameters' || each.name === 'NamedParameters'), scope, depth);
    const given = children(inner.find((each) => each.name === 'PositionalParameters') ?? node);
    if (given.length !== 1 || given[0]!.name !== 'StringLiteral' || part.type.kind === 'date and time') return part;
    const text = this.string(given[0]!);
    const value = name === 'date' ? dayFrom(text) : name === 'time' ? clockFrom(text) : durationFrom(text);
    if (value === null) throw this.wrong(given[0]!, `“${text}” is no ${name}`);
    return constant({ kind: kindOf(value) } as Type, value);
  }

  private variable(node: SyntaxNode, scope: Scope): Part {
    const name = clean(this.text(node));
    for (let each: Scope | null = scope; each; each = each.up) {
      const found = each.names.get(name);
      if (found) return { type: found.type, code: ({ locals }) => (found.entry === undefined ? locals[found.slot]! : entryOf(locals[found.slot]!, found.entry)) };
    }
    if (!Object.hasOwn(this.variables, name)) throw this.wrong(node, `there is no ${name}`);
    const type = this.variables[name]!;
    this.reads.add(name);
    return {
      type, path: name,
      code: ({ variables, world, run }) => {
        const known = variables.get(name);
        if (known !== undefined) return known;
        const json = Object.hasOwn(world.variables, name) ? world.variables[name] : null;
        const value = fromJson(json, type, run.zone);
        variables.set(name, checked(value));
        return value;
      },
    };
  }

  private path(node: SyntaxNode, of: Part, name: string): Part {
    const type = this.entryType(node, of.type, name);
    return { type, path: of.path === undefined ? undefined : `${of.path}.${name}`, code: (state) => entryOf(of.code(state), name) };
  }

  private entryType(node: SyntaxNode, of: Type, name: string): Type {
    if (of.kind === 'any' || of.kind === 'null') return ANY;
    if (of.kind === 'list') return listOf(this.entryType(node, of.of, name));
    if (of.kind === 'context') {
      if (!Object.hasOwn(of.entries, name)) throw this.wrong(node, `there is no ${name} in it`);
      return of.entries[name]!;
    }
    const part = Object.hasOwn(PARTS, name) ? PARTS[name]! : undefined;
    if (!part || ['string', 'number', 'boolean'].includes(of.kind)) throw this.wrong(node, `a ${typeText(of)} has no ${name}`);
    return part[0];
  }

  /** Three-valued: what is neither true nor false decides nothing. */
  private junction(node: SyntaxNode, one: Part, other: Part, decides: boolean): Part {
    for (const each of [one, other]) this.demand(node, each.type, BOOLEAN);
    const [left, right] = children(node).filter((_, n) => n !== 1);
    return {
      type: BOOLEAN,
      logic: { op: decides ? 'or' : 'and', of: [logicOf(one, this.text(left!)), logicOf(other, this.text(right!))] },
      code: (state) => {
        const a = one.code(state);
        if (a === decides) return decides;
        const b = other.code(state);
        return b === decides ? decides : a === !decides && b === !decides ? !decides : null;
      },
    };
  }

  private demand(node: SyntaxNode, given: Type, wanted: Type): void {
    if (!fits(given, wanted)) throw this.wrong(node, `a ${typeText(given)} where a ${typeText(wanted)} is needed`);
  }

  private comparison(node: SyntaxNode, inner: SyntaxNode[], scope: Scope, depth: number): Part {
    const left = this.part(inner[0]!, scope, depth);
    const how = inner[1]!.name;
    if (how === 'between') {
      const [from, to] = [this.part(inner[2]!, scope, depth), this.part(inner[4]!, scope, depth)];
      return this.both(this.compared(node, left, '>=', from), this.compared(node, left, '<=', to), node);
    }
    if (how === 'in') {
      const tests = inner.slice(2).filter(({ name }) => !PUNCTUATION.has(name)).flatMap((each) => (each.name === 'PositiveUnaryTests' ? children(each).filter(({ name }) => !PUNCTUATION.has(name)) : [each]));
      return tests.map((each) => this.test(each, left, scope, depth)).reduce((one, other) => this.oneOf(one, other, node));
    }
    return this.compared(node, left, this.text(inner[1]!), this.part(inner[2]!, scope, depth));
  }

  private both(one: Part, other: Part, node: SyntaxNode): Part {
    return { type: BOOLEAN, logic: { op: 'and', of: [logicOf(one, this.text(node)), logicOf(other, this.text(node))] }, code: (state) => three(one.code(state), other.code(state), false) };
  }

  private oneOf(one: Part, other: Part, node: SyntaxNode): Part {
    return { type: BOOLEAN, logic: { op: 'or', of: [logicOf(one, this.text(node)), logicOf(other, this.text(node))] }, code: (state) => three(one.code(state), other.code(state), true) };
  }

  private compared(node: SyntaxNode, left: Part, operator: string, right: Part): Part {
    if (!fits(left.type, right.type) && !fits(right.type, left.type)) throw this.wrong(node, `a ${typeText(left.type)} cannot be compared with a ${typeText(right.type)}`);
    const logic = atomOf(left, operator, right) ?? atomOf(right, MIRRORED[operator]!, left);
    if (operator === '=' || operator === '!=') {
      const wanted = operator === '=';
      return { type: BOOLEAN, logic, code: (state) => { const same = equal(weighed(state, left), weighed(state, right)); return same === null ? null : same === wanted; } };
    }
    const holds = OPERATORS[operator]!;
    for (const { kind } of [left.type, right.type]) if (kind === 'boolean' || kind === 'list' || kind === 'context') throw this.wrong(node, `a ${kind} is not before or after anything`);
    return { type: BOOLEAN, logic, code: (state) => { const order = compare(weighed(state, left), weighed(state, right)); return order === null ? null : holds(order); } };
  }

  /** One of the tests after `in`: a comparison, an interval, a list, or a value. */
  private test(node: SyntaxNode, left: Part, scope: Scope, depth: number): Part {
    const inner = children(node);
    if (node.name === 'PositiveUnaryTest') return this.test(inner[0]!, left, scope, depth);
    if (node.name === 'SimplePositiveUnaryTest') {
      if (inner[0]!.name === 'Interval') return this.test(inner[0]!, left, scope, depth);
      return this.compared(node, left, this.text(inner[0]!), this.part(inner[1]!, scope, depth));
    }
    if (node.name === 'Interval') {
      const [from, to] = inner.filter(({ name }) => !PUNCTUATION.has(name)).map((each) => this.part(each, scope, depth));
      if (!from || !to) throw this.wrong(node, 'is no interval');
      const [opens, closes] = [this.source[node.from], this.source[node.to - 1]];
      return this.both(this.compared(node, left, opens === '[' ? '>=' : '>', from), this.compared(node, left, closes === ']' ? '<=' : '<', to), node);
    }
    // A list that is written out is its elements one by one.
    if (node.name === 'List') {
      const tests = inner.filter(({ name }) => !PUNCTUATION.has(name)).map((each) => this.test(each, left, scope, depth));
      return tests.length === 0 ? constant(BOOLEAN, false) : tests.reduce((one, other) => this.oneOf(one, other, node));
    }
    const right = this.part(node, scope, depth);
    if (right.type.kind !== 'list' && right.type.kind !== 'any') return this.compared(node, left, '=', right);
    return {
      type: BOOLEAN,
      code: (state) => {
        const [value, all] = [left.code(state), right.code(state)];
        if (!isList(all)) return equal(value, all);
        state.run.spend(all.length);
        return all.some((each) => equal(value, each) === true);
      },
    };
  }

  private arithmetic(node: SyntaxNode, inner: SyntaxNode[], scope: Scope, depth: number): Part {
    if (inner.length === 2) {
      const of = this.part(inner[1]!, scope, depth);
      const type = arithmeticType('*', NUMBER, of.type);
      if (type === null) throw this.wrong(node, `there is no negative ${typeText(of.type)}`);
      const minus = (value: Value) => arithmetic('*', new Num(-1), value);
      return of.constant === undefined ? { type, code: (state) => minus(of.code(state)) } : constant(type, minus(of.constant));
    }
    const operator = this.text(inner[1]!) as Operator;
    const [left, right] = [this.part(inner[0]!, scope, depth), this.part(inner[2]!, scope, depth)];
    const type = arithmeticType(operator, left.type, right.type);
    if (type === null) throw this.wrong(node, `a ${typeText(left.type)} ${operator} a ${typeText(right.type)} is nothing`);
    return { type, code: (state) => checked(arithmetic(operator, left.code(state), right.code(state))) };
  }

  private choice(node: SyntaxNode, when: Part, then: Part, otherwise: Part): Part {
    this.demand(node, when.type, BOOLEAN);
    return { type: either(then.type, otherwise.type), code: (state) => (when.code(state) === true ? then : otherwise).code(state) };
  }

  private list(parts: readonly Part[]): Part {
    return { type: listOf(parts.length === 0 ? ANY : parts.map(({ type }) => type).reduce(either)), code: (state) => checked(parts.map(({ code }) => code(state))) };
  }

  /** Entries see those before them. */
  private context(entries: readonly SyntaxNode[], scope: Scope, depth: number): Part {
    const read: { name: string; part: Part; slot: number }[] = [];
    for (const entry of entries) {
      const [key, value] = children(entry);
      const name = key!.firstChild?.name === 'StringLiteral' ? this.string(key!.firstChild) : clean(this.text(key!));
      if (read.some((each) => each.name === name)) throw this.wrong(entry, `${name} stands there twice`);
      const inside: Scope = { names: new Map(read.map((each) => [each.name, { slot: each.slot, type: each.part.type }])), size: scope.size + read.length, up: scope };
      read.push({ name, part: this.part(value!, inside, depth), slot: scope.size + read.length });
    }
    return {
      type: contextOf(Object.fromEntries(read.map(({ name, part }) => [name, part.type]))),
      code: (state) => {
        const found: [string, Value][] = [];
        for (const { name, part, slot } of read) found.push([name, (state.locals[slot] = part.code(state))]);
        return Object.fromEntries(found);
      },
    };
  }

  /** An element by its position – from the end, where it is negative –, or those for which something holds. */
  private filter(node: SyntaxNode, of: Part, by: SyntaxNode, scope: Scope, depth: number): Part {
    const element = of.type.kind === 'list' ? of.type.of : of.type;
    const slot = scope.size;
    const names = new Map<string, { slot: number; type: Type; entry?: string }>();
    if (element.kind === 'context') for (const [entry, type] of Object.entries(element.entries)) names.set(entry, { slot, type, entry });
    names.set('item', { slot, type: element });
    const test = this.part(by, { names, size: slot + 1, up: scope }, depth);
    const all = (value: Value): readonly Value[] => (isList(value) ? value : value === null ? [] : [value]);
    if (test.type.kind === 'number') {
      return {
        type: element,
        code: (state) => {
          const list = all(of.code(state));
          state.locals[slot] = null;
          const position = test.code(state);
          const n = position instanceof Num && position.isInteger() ? position.toNumber() : 0;
          return list.at(n > 0 ? n - 1 : n < 0 ? n : list.length) ?? null;
        },
      };
    }
    this.demand(node, test.type, BOOLEAN);
    return { type: listOf(element), code: (state) => all(of.code(state)).filter((item) => { state.locals[slot] = item; return test.code(state) === true; }) };
  }

  /** `for`, `some` and `every`: over lists and ranges of whole numbers, the last changing fastest. */
  private loop(node: SyntaxNode, inner: SyntaxNode[], scope: Scope, depth: number): Part {
    const names = new Map<string, { slot: number; type: Type }>();
    let inside: Scope = { names, size: scope.size, up: scope };
    const sources: { slot: number; elements: (state: State) => readonly Value[] }[] = [];
    for (const each of children(inner.find(({ name }) => name === 'InExpressions')!).filter(({ name }) => name === 'InExpression')) {
      const [name, , over] = children(each);
      const slot = inside.size;
      const bounds = over!.name === 'IterationContext' ? children(over!).filter((one) => !PUNCTUATION.has(one.name)) : [over!];
      const parts = bounds.map((one) => this.part(one, inside, depth));
      const element = parts.length === 2 ? NUMBER : parts[0]!.type.kind === 'list' ? parts[0]!.type.of : ANY;
      if (parts.length === 2) for (const one of parts) this.demand(each, one.type, NUMBER);
      else this.demand(each, parts[0]!.type, listOf(ANY));
      sources.push({ slot, elements: (state) => elements(parts.map(({ code }) => code(state))) });
      names.set(clean(this.text(name!)), { slot, type: element });
      inside = { names, size: slot + 1, up: scope };
    }
    const body = this.part(inner.at(-1)!, inside, depth);
    const each = (state: State, visit: (value: Value) => boolean) => {
      const nested = (n: number): boolean => {
        const source = sources[n];
        if (!source) return visit(body.code(state));
        return source.elements(state).every((value) => { state.run.spend(1); state.locals[source.slot] = value; return nested(n + 1); });
      };
      nested(0);
    };
    if (node.name === 'ForExpression') {
      return {
        type: listOf(body.type),
        code: (state) => {
          const found: Value[] = [];
          each(state, (value) => { found.push(value); checked(found); return true; });
          return found;
        },
      };
    }
    this.demand(node, body.type, BOOLEAN);
    const stops = inner[0]!.name === 'some';
    return {
      type: BOOLEAN,
      code: (state) => {
        let result: Value = !stops;
        each(state, (value) => { result = three(result, value, stops); return result !== stops; });
        return result;
      },
    };
  }

  private call(node: SyntaxNode, name: string, parameters: SyntaxNode | undefined, scope: Scope, depth: number): Part {
    const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
    if (!builtin) throw this.wrong(node, `there is no function ${name}`);
    if (parameters?.name === 'NamedParameters') throw this.wrong(parameters, 'arguments are given by their place');
    const given = parameters ? children(parameters).filter(({ name: each }) => !PUNCTUATION.has(each)) : [];
    const { takes, optional = 0, repeats = false, nulls = false, yields, apply, clock } = builtin;
    if (given.length < takes.length - optional || (!repeats && given.length > takes.length)) throw this.wrong(node, `${name} takes ${takes.length - optional}${repeats ? ' or more' : optional ? ` to ${takes.length}` : ''}`);
    const parts = given.map((each) => this.part(each, scope, depth));
    parts.forEach((part, n) => this.demand(given[n]!, part.type, takes[Math.min(n, takes.length - 1)]!));
    if (clock) this.clock = true;
    const wanted = parts.map((_, n) => takes[Math.min(n, takes.length - 1)]!);
    return {
      type: typeof yields === 'function' ? yields(parts.map(({ type }) => type)) : yields,
      logic: name === 'not' ? { op: 'not', of: logicOf(parts[0]!, this.text(given[0]!)) } : undefined,
      code: (state) => {
        const values = parts.map(({ code }) => code(state));
        for (const [n, value] of values.entries()) {
          if (value === null ? !nulls : wanted[n]!.kind !== 'any' && kindOf(value) !== wanted[n]!.kind) return null;
          state.run.spend(isList(value) ? value.length : typeof value === 'string' ? value.length >> 6 : 0);
        }
        return checked(apply(values, state.run));
      },
    };
  }

  private instance(of: Part, named: SyntaxNode): Part {
    const name = clean(this.text(named)).replace(/<.*$/s, '');
    const kinds = ['boolean', 'string', 'number', 'date', 'time', 'date and time', 'days and time duration', 'years and months duration', 'list', 'context'];
    if (name !== 'Any' && !kinds.includes(name)) throw this.wrong(named, `there is no kind ${name}`);
    return { type: BOOLEAN, code: (state) => { const value = of.code(state); return value !== null && (name === 'Any' || kindOf(value) === name); } };
  }
}

const PUNCTUATION: ReadonlySet<string> = new Set(['(', ')', '[', ']', '{', '}', ',', '..', ':']);

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let each = node.firstChild; each; each = each.nextSibling) if (!/Comment$/.test(each.name)) found.push(each);
  return found;
}

/** A name with one space between its words. */
const clean = (name: string) => name.trim().replace(/\s+/g, ' ');

const constant = (type: Type, value: Value): Part => ({ type, constant: value, code: () => value });

/** Something of this type, so that the grammar knows the names in it. */
function sample(type: Type): unknown {
  if (type.kind === 'list') return [sample(type.of)];
  return type.kind === 'context' ? Object.fromEntries(Object.entries(type.entries).map(([name, each]) => [name, sample(each)])) : 1;
}

function entryOf(value: Value, name: string): Value {
  if (isList(value)) return value.map((each) => entryOf(each, name));
  if (isContext(value)) return Object.hasOwn(value, name) ? value[name]! : null;
  return value !== null && Object.hasOwn(PARTS, name) ? PARTS[name]![1](value) : null;
}

/** What is compared costs by its size. */
function weighed(state: State, { code }: Part): Value {
  const value = code(state);
  state.run.spend(isList(value) ? value.length : typeof value === 'string' ? value.length >> 6 : 0);
  return value;
}

/** No list and no text grows beyond what it may. */
function checked<V extends Value>(value: V): V {
  if (isList(value) && value.length > LIMITS.list) throw new ExpressionLimit('list');
  if (typeof value === 'string' && value.length > LIMITS.text) throw new ExpressionLimit('text');
  return value;
}

/** What goes round: a list, or whole numbers from one to another, upwards or downwards. */
function elements(of: readonly Value[]): readonly Value[] {
  if (of.length === 1) return isList(of[0]!) ? of[0] : [];
  const [from, to] = of;
  if (!(from instanceof Num && to instanceof Num && from.isInteger() && to.isInteger())) return [];
  const length = to.minus(from).abs().plus(1);
  if (length.gt(LIMITS.list)) throw new ExpressionLimit('list');
  const step = to.gte(from) ? 1 : -1;
  return Array.from({ length: length.toNumber() }, (_, n) => from.plus(n * step));
}

function three(one: Value, other: Value, decides: boolean): Value {
  if (one === decides || other === decides) return decides;
  return one === !decides && other === !decides ? !decides : null;
}

function logicOf({ logic, path, type, constant: always }: Part, text: string): Logic {
  if (logic) return logic;
  if (typeof always === 'boolean') return { op: 'is', value: always };
  if (path !== undefined && type.kind === 'boolean') return { op: 'test', path, operator: '=', value: true };
  return { op: 'unknown', text };
}

function atomOf(of: Part, operator: string, against: Part): Logic | undefined {
  if (of.path === undefined || against.constant === undefined || !['=', '!=', '<', '<=', '>', '>='].includes(operator)) return undefined;
  return { op: 'test', path: of.path, operator: operator as Extract<Logic, { op: 'test' }>['operator'], value: against.constant };
}
