import { createHash } from 'node:crypto';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import canonicalize from 'canonicalize';
import { RE2JS } from 're2js';
import { z } from 'zod';
import type { FieldError } from '../../access';
import { fieldErrors, pointer } from '../../http';

const id = z.string().regex(/^[a-z][a-z0-9-]{0,59}$/);
const title = z.strictObject({ en: z.string().min(1).max(120), id: z.string().min(1).max(120) });
const scalar = z.union([z.string().max(200), z.number(), z.boolean()]);

/** A condition over one field of the form. */
const condition = z.union([z.strictObject({ field: z.string(), equals: scalar }), z.strictObject({ field: z.string(), oneOf: z.array(scalar).min(1).max(50) })]);

/** Who may decide: the first rule that yields somebody counts. The initiator never is a candidate. */
const candidateRule = z.union([
  /** Holders of a role, through posts (their own or assigned) in the request's unit, its school, or anywhere. */
  z.strictObject({ role: id, within: z.enum(['unit', 'school', 'foundation']) }),
  /** Whoever heads the request's unit, else the unit above, and so on upwards. */
  z.strictObject({ relation: z.literal('head-of-unit') }),
]);

const node = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('approval'), title, candidates: z.array(candidateRule).min(1).max(5), to: id }),
  /** A step another system carries out; whoever holds `workflow:complete` for the request reports it done. */
  z.strictObject({ type: z.literal('service'), title, to: id }),
  z.strictObject({ type: z.literal('exclusive'), branches: z.array(z.strictObject({ when: condition, to: id })).min(1).max(20), otherwise: id }),
  z.strictObject({ type: z.literal('end') }),
]);

export const definitionDocument = z.strictObject({
  key: id,
  title,
  /** JSON Schema 2020-12 of what the initiator fills in. */
  form: z.record(z.string(), z.unknown()),
  start: id,
  nodes: z.record(id, node).refine((nodes) => Object.keys(nodes).length <= 100, 'at most 100 nodes'),
});

export type Definition = z.output<typeof definitionDocument>;
export type Node = z.output<typeof node>;
export type Condition = z.output<typeof condition>;
export type CandidateRule = z.output<typeof candidateRule>;

/** SHA-256 of the document's RFC 8785 canonical form: two documents that mean the same are the same version. */
export function definitionHash(definition: Definition): string {
  return createHash('sha256').update(canonicalize(definition)!).digest('hex');
}

/** Where a node leads. */
export function successors(of: Node): string[] {
  switch (of.type) {
    case 'approval':
    case 'service':
      return [of.to];
    case 'exclusive':
      return [...of.branches.map(({ to }) => to), of.otherwise];
    case 'end':
      return [];
  }
}

/**
 * The gate at publication: the document, or everything that is wrong with it, located. Checked: shape, references, form
 * schema, fields of conditions, every node reachable, every node able to reach the end, no decision loop without a step.
 */
export function readDefinition(input: unknown): { definition: Definition; problems: [] } | { definition: null; problems: FieldError[] } {
  const parsed = definitionDocument.safeParse(input);
  if (!parsed.success) return { definition: null, problems: fieldErrors(parsed.error) };
  const definition = parsed.data;
  const problems: FieldError[] = [];
  const problem = (path: string[], code: string, detail: string) => problems.push({ pointer: pointer(path), code, detail });
  const nodes = new Map(Object.entries(definition.nodes));

  if (!nodes.has(definition.start)) problem(['start'], 'unknown_node', `there is no node ${definition.start}`);
  for (const [name, each] of nodes) {
    for (const to of successors(each)) if (!nodes.has(to)) problem(['nodes', name], 'unknown_node', `leads to ${to}, which does not exist`);
  }
  const fields = (definition.form as { properties?: Record<string, unknown> }).properties ?? {};
  for (const [name, each] of nodes) {
    if (each.type !== 'exclusive') continue;
    each.branches.forEach(({ when }, index) => {
      if (!Object.hasOwn(fields, when.field)) problem(['nodes', name, 'branches', String(index), 'when', 'field'], 'unknown_field', `the form has no field ${when.field}`);
    });
  }
  try {
    formValidator(definition);
  } catch (error) {
    problem(['form'], 'schema', (error as Error).message.slice(0, 300));
  }
  if (problems.length > 0) return { definition: null, problems };

  const reachable = walk([definition.start], (name) => successors(nodes.get(name)!));
  const ends = [...nodes].filter(([, each]) => each.type === 'end').map(([name]) => name);
  const before = (name: string) => [...nodes].filter(([, each]) => successors(each).includes(name)).map(([from]) => from);
  const completing = walk(ends, before);
  for (const name of nodes.keys()) {
    if (!reachable.has(name)) problem(['nodes', name], 'unreachable', 'no way leads here from the start');
    if (!completing.has(name)) problem(['nodes', name], 'no_end', 'no way leads from here to an end');
    const decisions = (from: string) => (nodes.get(from)!.type === 'exclusive' ? successors(nodes.get(from)!) : []);
    if (nodes.get(name)!.type === 'exclusive' && walk(decisions(name), decisions).has(name)) problem(['nodes', name], 'loop', 'a decision leads back to itself without any step');
  }
  return problems.length > 0 ? { definition: null, problems } : { definition, problems: [] };
}

/**
 * The compiled form schema; throws where it is no valid JSON Schema. Patterns run on a linear-time engine (RE2), so that
 * none can be written that blocks the process. Refused: `$async`, which would pass everything, and references, by which a
 * small schema can take for ever.
 */
export function formValidator(definition: Definition): ValidateFunction {
  for (const keyword of ['$async', '$ref', '$dynamicRef', '$recursiveRef']) if (mentions(definition.form, keyword)) throw new Error(`${keyword} is not allowed`);
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowMatchingProperties: true, code: { regExp: linearTimeRegExp } });
  addFormats(ajv, { mode: 'fast', keywords: false });
  return ajv.compile(definition.form);
}

const linearTimeRegExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    // Ajv keeps compiled patterns by what toString answers.
    return { test: (text: string) => compiled.matcher(text).find(), toString: () => `linear:${pattern}` };
  },
  { code: 'linearTimeRegExp' },
);

function mentions(value: unknown, key: string): boolean {
  if (value === null || typeof value !== 'object') return false;
  return Object.hasOwn(value, key) || Object.values(value).some((inner) => mentions(inner, key));
}

/** Every field of the form that is not filled in as the schema asks. */
export function formProblems(validate: ValidateFunction, form: unknown): FieldError[] {
  // Exactly true: anything else, a promise too, is no yes.
  if (validate(form) === true) return [];
  return (validate.errors ?? []).slice(0, 50).map((error) => {
    const extra = (error.params as { missingProperty?: string; additionalProperty?: string }).missingProperty ?? (error.params as { additionalProperty?: string }).additionalProperty;
    return { pointer: `#/form${error.instancePath}${extra === undefined ? '' : `/${extra}`}`, code: error.keyword, detail: error.message ?? error.keyword };
  });
}

function walk(from: readonly string[], next: (name: string) => string[]): Set<string> {
  const seen = new Set<string>();
  const queue = [...from];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    queue.push(...next(name));
  }
  return seen;
}
