import type { FieldError } from '../../access';
import { pointer } from '../../http';
import { asksPeople, type CandidateAlternative, type Condition, type Definition, type Node } from './definition';
import { ANY, BOOLEAN, compile, contextOf, type Expression, ExpressionLimit, fits, fromJson, listOf, type Logic, NUMBER, satisfiable, type Schema, STRING, toJson, type Type, typeOfSchema, typeText } from './feel';
import { boundariesOf, type Flow, flowOf, waits } from './flow';
import type { Env, Form } from './transition';

/** An expression needed more than it may: where it stands, and what it needed. */
export class Unevaluated extends Error {
  constructor(
    readonly where: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** Every expression of a definition, ready to run, by its text; what is computed in an order in which each comes after those it uses. */
interface Expressions {
  bySource: ReadonlyMap<string, Expression>;
  computed: readonly (readonly [name: string, expression: Expression])[];
  types: Readonly<Record<string, Type>>;
}

type Document = Pick<Definition, 'nodes' | 'form' | 'computed'>;

/** Whether several people may fill in what is asked at a step. */
export const several = (node: Node): boolean => (asksPeople(node) && (node.strategy ?? 'any') !== 'any') || (node.type === 'subworkflow' && node.each !== undefined);

/** What is computed of what was filled in. Throws Unevaluated. */
export function computedOf(definition: Document, form: Form, { now, zone }: Pick<Env, 'now' | 'zone'>): Form {
  const found: Record<string, unknown> = {};
  for (const [name, expression] of expressionsOf(definition).computed) {
    try {
      found[name] = toJson(expression.evaluate({ variables: { ...form, ...found }, now, zone }));
    } catch (error) {
      if (error instanceof ExpressionLimit) throw new Unevaluated(name, error.message);
      throw error;
    }
  }
  return found;
}

/** Whether a condition is true. Throws ExpressionLimit. */
export function holds(definition: Document, when: Condition, form: Form, variables: Form, { now, zone }: Pick<Env, 'now' | 'zone'>): boolean {
  if (typeof when === 'string') return expressionsOf(definition).bySource.get(when)!.evaluate({ variables: { ...form, ...variables }, now, zone }) === true;
  const value = Object.hasOwn(form, when.field) ? form[when.field] : undefined;
  return 'equals' in when ? value === when.equals : when.oneOf.includes(value as never);
}

/** Requests filed at once by one step. */
const PARTS = 50;

/** How the requests a step files are filled in. Throws Unevaluated. */
export function inputsOf(definition: Document, name: string, variables: Form, { now, zone }: Pick<Env, 'now' | 'zone'>): Form[] {
  const { input, each } = definition.nodes[name] as Extract<Node, { type: 'subworkflow' }>;
  const { bySource } = expressionsOf(definition);
  const evaluated = (source: string, of: Form) => toJson(bySource.get(source)!.evaluate({ variables: of, now, zone }));
  try {
    const found = each === undefined ? [null] : evaluated(each, variables);
    const items: unknown[] = Array.isArray(found) ? found : found === null ? [] : [found];
    if (items.length > PARTS) throw new Unevaluated(name, `more than ${PARTS} requests`);
    // What is not there is not filled in.
    return items.map((item) => Object.fromEntries(Object.entries(input).map(([field, source]) => [field, evaluated(source, each === undefined ? variables : { ...variables, [ITEM]: item })] as const).filter(([, value]) => value !== null)));
  } catch (error) {
    if (error instanceof ExpressionLimit) throw new Unevaluated(name, error.message);
    throw error;
  }
}

/** What stands in braces in a text: names, with dots. */
const BLANK = /\{([a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)*)\}/g;
const blanksIn = (text: string): string[] => [...new Set([...text.matchAll(BLANK)].map(([, name]) => name!))];

/** A text with what stands in braces put in: nothing where there is none, lists with commas. Throws ExpressionLimit. */
export function filledText(definition: Document, text: string, variables: Form, { now, zone }: Pick<Env, 'now' | 'zone'>): string {
  const { bySource } = expressionsOf(definition);
  const said = (value: unknown): string => (value === null || value === undefined ? '' : Array.isArray(value) ? value.map(said).join(', ') : typeof value === 'object' ? Object.values(value).map(said).join(', ') : String(value));
  return text.replace(BLANK, (_, name: string) => said(toJson(bySource.get(name)!.evaluate({ variables, now, zone }))));
}

/** The people a rule names by an expression: their ids, each once. Throws ExpressionLimit. */
export function peopleBy(definition: Document, source: string, variables: Form, { now, zone }: Pick<Env, 'now' | 'zone'>): string[] {
  const found = toJson(expressionsOf(definition).bySource.get(source)!.evaluate({ variables, now, zone }));
  return [...new Set((Array.isArray(found) ? found : [found]).filter((each): each is string => typeof each === 'string'))];
}

/** What a message has to be about to be meant for a step: what its expression yields, or the request by its id. Throws ExpressionLimit; null where it yields nothing. */
export function correlationOf(definition: Document, { correlation }: { correlation?: string }, requestId: string, variables: Form, { now, zone }: Pick<Env, 'now' | 'zone'>): string | null {
  if (correlation === undefined) return requestId;
  const found = toJson(expressionsOf(definition).bySource.get(correlation)!.evaluate({ variables, now, zone }));
  return typeof found === 'string' || typeof found === 'number' ? String(found) : null;
}

/** Whether any expression stands in it. */
export const asksExpressions = (definition: Document): boolean => {
  const { bySource, computed } = expressionsOf(definition);
  return bySource.size + computed.length > 0;
};

const known = new WeakMap<Document, Expressions>();

function expressionsOf(definition: Document): Expressions {
  const found = known.get(definition) ?? read(definition, (place, _code, detail) => { throw new Error(`${pointer(place.map(String))}: ${detail}`); });
  known.set(definition, found);
  return found;
}

type Report = (place: (string | number)[], code: string, detail: string) => void;

/** Reads all of them; what is wrong is reported, and left out. */
function read({ nodes, form, computed = {} }: Document, report: Report): Expressions {
  const types: Record<string, Type> = Object.fromEntries(Object.entries((form as Schema).properties ?? {}).map(([name, schema]) => [name, typeOfSchema(schema)]));
  const taken = (name: string, place: (string | number)[]) => {
    if (Object.hasOwn(types, name)) report(place, 'duplicate', `${name} is a name already`);
  };
  const one = (source: string, place: (string | number)[], of: Readonly<Record<string, Type>>): Expression | null => {
    const { expression, faults } = compile(source, of);
    for (const { from, message } of faults) report(place, 'expression', `at ${from + 1}: ${message}`);
    return expression;
  };
  const ordered = orderOf(computed, report);
  const values: [string, Expression][] = [];
  for (const name of Object.keys(computed)) taken(name, ['computed', name]);
  for (const name of ordered) {
    const expression = one(computed[name]!, ['computed', name], { ...types });
    types[name] = expression?.type ?? ANY;
    if (expression) values.push([name, expression]);
  }
  const byName = new Map<string, Type>();
  for (const [name, node] of Object.entries(nodes)) {
    if (!('as' in node) || node.as === undefined) continue;
    taken(node.as, ['nodes', name, 'as']);
    const answered = node.type === 'subworkflow' ? contextOf({ id: STRING, state: STRING, form: ANY, variables: ANY }) : node.form ? typeOfSchema(node.form as Schema) : contextOf({});
    if (byName.has(node.as)) report(['nodes', name, 'as'], 'duplicate', `${node.as} is a name already`);
    byName.set(node.as, several(node) ? listOf(answered) : answered);
  }
  for (const [name, type] of byName) types[name] = type;
  const bySource = new Map<string, Expression>();
  for (const { source, place, wanted, item } of placesOf(nodes)) {
    const expression = one(source, place, item ? { ...types, [ITEM]: ANY } : types);
    if (!expression) continue;
    if (!wanted.some((type) => fits(expression.type, type))) report(place, 'expression', `yields a ${typeText(expression.type)} where a ${wanted.map(typeText).join(' or a ')} is needed`);
    bySource.set(source, expression);
  }
  return { bySource, computed: values, types };
}

interface Place {
  node: string;
  source: string;
  place: (string | number)[];
  wanted: readonly Type[];
  /** Whether it is told of one element of a list. */
  item?: boolean;
}

/** What expressions call the element of a list that a request is filed for. */
const ITEM = 'item';

function placesOf(nodes: Definition['nodes']): Place[] {
  return Object.entries(nodes).flatMap(([node, of]): Place[] => {
    const own: Place[] = [];
    if (of.type === 'exclusive' || of.type === 'inclusive') return of.branches.flatMap(({ when }, n) => (typeof when === 'string' ? [{ node, source: when, place: ['nodes', node, 'branches', n, 'when'], wanted: [BOOLEAN] }] : []));
    if (of.type === 'subworkflow') own.push(...(of.each === undefined ? [] : [{ node, source: of.each, place: ['nodes', node, 'each'], wanted: [listOf(ANY)] }]), ...Object.entries(of.input).map(([field, source]): Place => ({ node, source, place: ['nodes', node, 'input', field], wanted: [ANY], item: of.each !== undefined })));
    if (of.type === 'mail') {
      const rules = of.recipients.flatMap((rule, n): Place[] => (typeof rule === 'object' && 'people' in rule ? [{ node, source: rule.people, place: ['nodes', node, 'recipients', n, 'people'], wanted: [STRING, listOf(STRING)] }] : []));
      const texts = (['subject', 'text'] as const).flatMap((field) => (['en', 'id'] as const).flatMap((locale) => blanksIn(of[field][locale]).map((source): Place => ({ node, source, place: ['nodes', node, field, locale], wanted: [ANY] }))));
      return [...rules, ...texts];
    }
    const named = [...(of.type === 'message' ? [{ message: of.message, place: ['nodes', node, 'message', 'correlation'] }] : []), ...boundariesOf(of).flatMap(([at, { on }]) => ('message' in on ? [{ message: on.message, place: ['nodes', node, 'boundary', at, 'message', 'correlation'] }] : []))];
    const correlations = named.flatMap(({ message, place }): Place[] => (message.correlation === undefined ? [] : [{ node, source: message.correlation, place, wanted: [STRING, NUMBER] }]));
    if (!asksPeople(of)) return [...correlations, ...own];
    const rulesIn = (alternatives: readonly CandidateAlternative[], place: (string | number)[]) => alternatives.flatMap((each, n) => ('together' in each ? each.together.map((rule, k) => ({ rule, at: [...place, n, 'together', k] })) : [{ rule: each, at: [...place, n] }]));
    const rules = [...rulesIn(of.candidates, ['candidates']), ...(of.serviceLevel?.escalation ?? []).flatMap(({ to }, n) => rulesIn(to, ['serviceLevel', 'escalation', n, 'to']))];
    return [...correlations, ...rules.flatMap(({ rule, at }): Place[] => ('people' in rule ? [{ node, source: rule.people, place: ['nodes', node, ...at, 'people'], wanted: [STRING, listOf(STRING)] }] : []))];
  });
}

/** The names in an order in which each comes after those its expression mentions; of those that mention one another in a ring, none. */
function orderOf(computed: Readonly<Record<string, string>>, report: Report): string[] {
  const names = Object.keys(computed).sort();
  const mentions = new Map(names.map((name) => [name, names.filter((other) => new RegExp(`(?<![\\w.])${other}(?!\\w)`).test(computed[name]!.replace(/"(?:[^"\\]|\\.)*"/g, '""')))]));
  const ordered: string[] = [];
  for (let rest = names; rest.length > 0; ) {
    const ready = rest.filter((name) => mentions.get(name)!.every((other) => ordered.includes(other)));
    if (ready.length === 0) {
      for (const name of rest) report(['computed', name], 'loop', `is computed of itself, by way of ${rest.join(', ')}`);
      return ordered;
    }
    ordered.push(...ready);
    rest = rest.filter((name) => !ready.includes(name));
  }
  return ordered;
}

/** What is wrong with expressions: what they say, what they read before it is there, and branches two of which could hold together. */
export function expressionProblems(definition: Definition): FieldError[] {
  const problems: FieldError[] = [];
  const report: Report = (place, code, detail) => problems.push({ pointer: pointer(place.map(String)), code, detail });
  for (const [name, node] of Object.entries(definition.nodes)) if (node.type !== 'subworkflow' && ('as' in node || 'form' in node) && (node.as === undefined) !== (node.form === undefined)) report(['nodes', name], 'form', 'what is filled in needs a name, and a name something that is filled in');
  const { bySource } = read(definition, report);
  if (problems.length > 0) return problems;
  unwrittenProblems(definition, bySource, report);
  for (const [name, node] of Object.entries(definition.nodes)) if (node.type === 'exclusive') overlapProblems(definition, name, node, bySource, report);
  return problems;
}

function unwrittenProblems(definition: Definition, bySource: ReadonlyMap<string, Expression>, report: Report): void {
  const names = new Map(Object.entries(definition.nodes).flatMap(([node, of]) => ('as' in of && of.as !== undefined ? [[of.as, node]] : [])));
  const written = writtenBefore(definition);
  for (const { node, source, place } of placesOf(definition.nodes)) {
    for (const name of bySource.get(source)!.reads) {
      const step = names.get(name);
      if (step !== undefined && !written.get(node)!.has(name)) report(place, 'unwritten', `${name} is filled in at ${step}, which need not have been done by then`);
    }
  }
}

/** Which steps’ answers are there whenever a node is come to: the greatest solution, by going round until nothing changes. */
export function writtenBefore(definition: Pick<Definition, 'start' | 'nodes'>): ReadonlyMap<string, ReadonlySet<string>> {
  const flow = flowOf(definition);
  const all = new Set([...flow.nodes.values()].flatMap((node) => ('as' in node && node.as !== undefined ? [node.as] : [])));
  const before = new Map([...flow.nodes.keys()].map((name) => [name, new Set(all)]));
  const ways = [...waysOf(flow)];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name, node] of flow.nodes) {
      const coming = ways.filter(({ to }) => to === name).map(({ from, writes, clears }) => ({ from, set: new Set([...[...before.get(from)!].filter((each) => !clears.has(each)), ...(writes === undefined ? [] : [writes])]) }));
      // Where ways are joined all of them have been gone: from each node by one of the ways it can be left.
      const joined = node.type === 'parallel' ? [...new Set(coming.map(({ from }) => from))].map((from) => common(coming.filter((each) => each.from === from).map(({ set }) => set))) : [common(coming.map(({ set }) => set))];
      const meet = new Set(joined.flatMap((set) => [...set]));
      if (name === definition.start) meet.clear();
      if (meet.size < before.get(name)!.size) {
        before.set(name, meet);
        changed = true;
      }
    }
  }
  return before;
}

/** What is in all of them. */
const common = (sets: readonly ReadonlySet<string>[]) => new Set([...(sets[0] ?? [])].filter((each) => sets.every((set) => set.has(each))));

interface Way {
  from: string;
  to: string;
  writes?: string | undefined;
  clears: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

function* waysOf(flow: Flow): Generator<Way> {
  const beside = askedBeside(flow);
  for (const [from, node] of flow.nodes) {
    if (!waits(node)) {
      for (const to of leadsOn(node)) yield { from, to, clears: beside(from, to) };
      continue;
    }
    const name = asOf(node);
    const own = name === undefined ? NONE : new Set([name]);
    // A step that may be gone past need not have been filled in.
    const passed = asksPeople(node) && (node.noCandidate === 'skip' || node.skipDecided === true);
    yield passed ? { from, to: node.to, clears: own } : { from, to: node.to, writes: name, clears: NONE };
    for (const to of [...leadsOn(node).slice(1), ...((asksPeople(node) && node.returns) || [])]) yield { from, to, clears: own };
  }
}

/** Where a node leads while all else goes on beside it: a return ends that. */
function leadsOn(node: Definition['nodes'][string]): string[] {
  if (waits(node)) return [node.to, ...('onReject' in node && node.onReject !== undefined ? [node.onReject] : []), ...boundariesOf(node).map(([, { to }]) => to)];
  if ('to' in node && typeof node.to === 'string') return [node.to];
  return node.type === 'parallel' ? node.to : node.type === 'exclusive' || node.type === 'inclusive' ? [...node.branches.map(({ to }) => to), node.otherwise] : [];
}

/**
 * What may be asked on the other ways of a gateway while one of them is gone; asked again, a step's answer is gone. Other
 * ways end where they wait to be joined with this one.
 */
function askedBeside({ nodes, incoming }: Flow): (gateway: string, to: string) => ReadonlySet<string> {
  const reached = (start: string, stops: (name: string) => boolean): ReadonlySet<string> => {
    const seen = new Set([start]);
    for (const name of seen) if (!stops(name)) for (const to of leadsOn(nodes.get(name)!)) if (nodes.has(to)) seen.add(to);
    return seen;
  };
  const joins = (name: string) => ['parallel', 'inclusive'].includes(nodes.get(name)!.type) && incoming.get(name)!.length > 1;
  return (gateway, to) => {
    const node = nodes.get(gateway)!;
    if (node.type !== 'parallel' && node.type !== 'inclusive') return NONE;
    const here = reached(to, () => false);
    const others = leadsOn(node).filter((other) => other !== to).flatMap((other) => [...reached(other, (name) => joins(name) && here.has(name))]);
    return new Set(others.flatMap((name) => asOf(nodes.get(name)!) ?? []));
  };
}

const asOf = (node: Definition['nodes'][string]): string | undefined => ('as' in node ? node.as : undefined);

function overlapProblems(definition: Definition, name: string, { branches }: Extract<Definition['nodes'][string], { type: 'exclusive' }>, bySource: ReadonlyMap<string, Expression>, report: Report): void {
  const schemaOf = (path: string) => path.split('.').reduce<Schema | undefined>((schema, each) => schema?.properties?.[each], definition.form as Schema);
  const logics = branches.map(({ when }) => logicOf(when, bySource));
  for (const [n, logic] of logics.entries()) {
    const place = ['nodes', name, 'branches', n, 'when'];
    if (satisfiable(logic, schemaOf).holds === 'never') report(place, 'never', 'can never hold');
    for (const [before, other] of logics.slice(0, n).entries()) {
      const found = satisfiable({ op: 'and', of: [other, logic] }, schemaOf);
      if (found.holds === 'where') report(place, 'overlap', `holds together with branch ${before}, where ${found.where}`);
      if (found.holds === 'perhaps') report(place, 'overlap', `may hold together with branch ${before}; say here that the other does not: not(…) and …`);
    }
  }
}

function logicOf(when: Condition, bySource: ReadonlyMap<string, Expression>): Logic {
  if (typeof when === 'string') return bySource.get(when)!.logic;
  const values = 'equals' in when ? [when.equals] : when.oneOf;
  return { op: 'or', of: values.map((value) => ({ op: 'test', path: when.field, operator: '=', value: fromJson(value, ANY, 'utc') })) };
}
