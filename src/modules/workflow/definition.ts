import { createHash } from 'node:crypto';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import canonicalize from 'canonicalize';
import { RE2JS } from 're2js';
import { z } from 'zod';
import type { FieldError } from '../../access';
import { FILE_TYPES } from '../files';
import { LIMITS } from './feel';
import type { Ballot, Strategy } from './voting';

const id = z.string().regex(/^[a-z][a-z0-9-]{0,59}$/);
const title = z.strictObject({ en: z.string().min(1).max(120), id: z.string().min(1).max(120) });
const scalar = z.union([z.string().max(200), z.number(), z.boolean()]);

/** A FEEL expression over what is filled in, what is computed of it, and what earlier steps filled in. */
const expression = z.string().min(1).max(LIMITS.characters);

/** Of one field of the form, or an expression that has to be true. */
const condition = z.union([expression, z.strictObject({ field: z.string(), equals: scalar }), z.strictObject({ field: z.string(), oneOf: z.array(scalar).min(1).max(50) })]);

const weight = z.int().min(1).max(100).optional();
const within = z.enum(['unit', 'school', 'foundation']);
const candidateRule = z.union([
  /** Holders of a role, through posts (their own or assigned) in the request's unit, its school, or anywhere. */
  z.strictObject({ role: id, within, weight }),
  /** Whoever holds a position of this code there. */
  z.strictObject({ position: z.string().min(1).max(60), within, weight }),
  /** Whoever heads the request's unit, else the unit above, and so on upwards; `up`: begin so many units above. */
  z.strictObject({ relation: z.literal('head-of-unit'), up: z.int().min(1).max(10).optional(), weight }),
  z.strictObject({ person: z.uuid(), weight }),
  /** The person, or the people, whose ids an expression yields. */
  z.strictObject({ people: expression, weight }),
]);

/** Who may decide: the first alternative that yields somebody counts, or several rules together. The initiator never is a candidate. */
const alternative = z.union([candidateRule, z.strictObject({ together: z.array(candidateRule).min(2).max(10) })]);

const strategy = z.union([z.enum(['any', 'all', 'sequential', 'majority']), z.strictObject({ quorum: z.int().min(1).max(500) }), z.strictObject({ weighted: z.int().min(1).max(50_000) })]);

/** A time from now by the clock, or in working time, or one that is filled in: a day – it begins in the foundation's zone – or an instant. */
const moment = z.union([
  z.strictObject({ minutes: z.int().min(1).max(527_040) }),
  z.strictObject({ hours: z.int().min(1).max(8_784) }),
  z.strictObject({ days: z.int().min(1).max(366) }),
  /** By the calendar of the unit it is filed for. */
  z.strictObject({ workingHours: z.int().min(1).max(2_000) }),
  z.strictObject({ workingDays: z.int().min(1).max(250) }),
  z.strictObject({ until: z.string().min(1).max(100) }),
]);

/** What another system, or another request, sends: of this name, about what the expression yields; left out, about the request by its id. */
const message = z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9]*([.-][a-z0-9]+){0,9}$/).max(80), correlation: expression.optional() });

/** What goes wrong with what another system carries out, as that system calls it; `*`: whatever no other boundary names. */
const errorCode = z.union([z.literal('*'), z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,59}$/)]);

/**
 * What happens when a step has waited for so long, or a message comes meanwhile: it ends and goes there, or – where it does
 * not interrupt – waits on while something else begins, once. When what another system carries out has failed, it ends.
 */
const boundary = z.union([
  z.strictObject({ after: moment, to: id, interrupting: z.boolean().optional() }),
  z.strictObject({ message, to: id, interrupting: z.boolean().optional() }),
  z.strictObject({ error: errorCode, to: id }),
]);
const boundaries = z.array(boundary).min(1).max(5).optional();

/** By when it is to be decided; when to remind of it before; and who is asked as well when it has waited for so long. */
const serviceLevel = z.strictObject({ due: moment, warning: moment.optional(), escalation: z.array(z.strictObject({ after: moment, to: z.array(alternative).min(1).max(5) })).min(1).max(3).optional() });

/** The node that undoes it once it has been carried out. */
const compensation = id.optional();

/** What a step’s people fill in when they approve, or what another system reports – JSON Schema 2020-12 –, and what expressions call it: of several people a list. */
const asks = { form: z.record(z.string(), z.unknown()).optional(), as: z.string().regex(/^[a-z][a-zA-Z0-9_]{0,59}$/).optional() };

/** The endpoint asked to carry it out. What it answers is what is filled in, and the step is done; unless it `waits` and reports that by itself. */
const call = z.strictObject({ endpoint: id, waits: z.boolean().optional() });

const approval = z.strictObject({
  type: z.literal('approval'),
  title,
  ...asks,
  boundary: boundaries,
  serviceLevel: serviceLevel.optional(),
  candidates: z.array(alternative).min(1).max(5),
  /** How several decisions become one; left out, one is enough. */
  strategy: strategy.optional(),
  /** So many rejections reject by themselves; left out, one does where one approval is enough, and else they count as the strategy says. */
  rejections: z.int().min(1).max(500).optional(),
  /** Whether candidates may abstain. */
  abstain: z.boolean().optional(),
  /** What as many for as against is; left out, rejected. */
  tie: z.enum(['approve', 'reject']).optional(),
  /** Steps it can be sent back to, besides the initiator. */
  returns: z.array(id).min(1).max(20).optional(),
  /** Where a rejection leads; left out, it ends the request. */
  onReject: id.optional(),
  /** Steps whose deciders may not decide this one. */
  notActorOf: z.array(id).min(1).max(20).optional(),
  /** Whether nobody who works in the department of whoever files it may decide this one. */
  differentDepartment: z.boolean().optional(),
  /** `high`: decided only by people who have signed in to do so; no link in a mail decides it. Left out, `normal`. */
  sensitivity: z.enum(['normal', 'high']).optional(),
  /** Whether those who have approved an earlier step of it have approved this one. */
  skipDecided: z.boolean().optional(),
  /** Whether those asked may hand it on or let others decide in their place, and ask for further people’s decisions; left out, they may. */
  handOver: z.boolean().optional(),
  addSigners: z.boolean().optional(),
  /** For so many minutes whoever answered may take it back, while nothing has happened since; left out, 10. */
  takeBackMinutes: z.int().min(0).max(1_440).optional(),
  compensation,
  /** Where nobody can decide: refuse what leads here, or go on without. Left out, refuse. */
  noCandidate: z.enum(['refuse', 'skip']).optional(),
  to: id,
});

/** A step people do something at: one of those asked says when it is done. */
const task = approval.pick({ title: true, form: true, as: true, boundary: true, serviceLevel: true, candidates: true, returns: true, notActorOf: true, differentDepartment: true, handOver: true, noCandidate: true, compensation: true, to: true }).extend({ type: z.literal('task') });

/** In each language; what stands in braces, `{amount}`, is put in from what is filled in. */
const texts = (most: number) => z.strictObject({ en: z.string().min(1).max(most), id: z.string().min(1).max(most) });

const node = z.discriminatedUnion('type', [
  approval,
  task,
  /** Tells people something, by mail as well, and goes on. */
  z.strictObject({ type: z.literal('mail'), title, recipients: z.array(z.union([z.literal('initiator'), candidateRule])).min(1).max(10), subject: texts(120), text: texts(2_000), to: id }),
  /** A step another system carries out; whoever holds `workflow:complete` for the request reports it done. */
  z.strictObject({ type: z.literal('service'), title, call: call.optional(), ...asks, boundary: boundaries, compensation, to: id }),
  /** Undoes what has been carried out and names how: step by step, the last first; then goes on. One in a definition. */
  z.strictObject({ type: z.literal('compensate'), title, to: id }),
  /** How a step is undone: by another system, as with `service`. Named by the step, and led to by nothing. */
  z.strictObject({ type: z.literal('undo'), title, call: call.optional() }),
  /**
   * Files another request, for the same person and unit, filled in by `input`; or one for each of a list, called `item` there.
   * Goes on when they are completed – or at once, where it does not wait –; where one is rejected, or ended, as with an approval.
   */
  z.strictObject({
    type: z.literal('subworkflow'), title, definition: id, input: z.record(z.string().min(1).max(100), expression).refine((all) => Object.keys(all).length <= 50, 'at most 50'), each: expression.optional(), wait: z.boolean().optional(),
    as: asks.as, onReject: id.optional(), boundary: boundaries, compensation, to: id,
  }),
  /** Waits for a message; what it carries is what is filled in. */
  z.strictObject({ type: z.literal('message'), title, message, ...asks, boundary: boundaries, to: id }),
  /** Waits until a time has come. */
  z.strictObject({ type: z.literal('timer'), title, after: moment, to: id }),
  /** One way: of the branch whose condition holds – two may never hold together – or else `otherwise`. Without branches it only brings ways together. */
  z.strictObject({ type: z.literal('exclusive'), branches: z.array(z.strictObject({ when: condition, to: id })).max(20), otherwise: id }),
  /** Every way; goes on when a token has come by each way that leads here. */
  z.strictObject({ type: z.literal('parallel'), to: z.array(id).min(1).max(20) }),
  /** The ways whose conditions hold, or else `otherwise`; goes on when no further token can come. */
  z.strictObject({ type: z.literal('inclusive'), branches: z.array(z.strictObject({ when: condition, to: id })).max(6), otherwise: id }),
  /** One token ends here; the request is completed with its last. */
  z.strictObject({ type: z.literal('end') }),
  /** Completes the request, whatever else waits. */
  z.strictObject({ type: z.literal('terminate') }),
]);

export const definitionDocument = z.strictObject({
  key: id,
  title,
  /** JSON Schema 2020-12 of what the initiator fills in. */
  form: z.record(z.string(), z.unknown()),
  /** What is computed of it when it is submitted, by name; one may use another. */
  computed: z.record(z.string().regex(/^[a-z][a-zA-Z0-9_]{0,59}$/), expression).refine((all) => Object.keys(all).length <= 50, 'at most 50').optional(),
  /** Whoever files it is away in that time once it is completed, and somebody decides in their place: fields of the form. */
  absence: z.strictObject({ from: z.string().min(1).max(100), until: z.string().min(1).max(100), substitute: z.string().min(1).max(100) }).optional(),
  /** Its working days from the first to the last are counted, where the foundation counts this kind of leave: fields of the form, `kind` of its code. */
  leave: z.strictObject({ kind: z.string().min(1).max(100), from: z.string().min(1).max(100), until: z.string().min(1).max(100) }).optional(),
  /** Files whoever files it has to attach, and of which kinds they may be; left out, of any. */
  attachments: z.strictObject({ atLeast: z.int().min(1).max(10), contentTypes: z.array(z.enum(FILE_TYPES)).min(1).optional() }).optional(),
  start: id,
  nodes: z.record(id, node).refine((nodes) => Object.keys(nodes).length <= 100, 'at most 100 nodes'),
});

/** The same for other people’s editors: JSON Schema 2020-12. */
export const definitionSchema = z.toJSONSchema(definitionDocument, { target: 'draft-2020-12', io: 'input' }) as Record<string, unknown>;

export type Definition = z.output<typeof definitionDocument>;
export type Node = z.output<typeof node>;
export type Condition = z.output<typeof condition>;
export type CandidateRule = z.output<typeof candidateRule>;
export type CandidateAlternative = z.output<typeof alternative>;
/** A step that is put to people: to decide it, or to do it. */
export type Approval = z.output<typeof approval> | (z.output<typeof task> & { [field in Exclude<keyof z.output<typeof approval>, keyof z.output<typeof task>>]?: undefined });

/** Whether another system carries a step out. */
export const carriedOutElsewhere = (node: Node | undefined): node is Extract<Node, { type: 'service' | 'undo' }> => node?.type === 'service' || node?.type === 'undo';

export const asksPeople = (node: Node | undefined): node is Approval => node?.type === 'approval' || node?.type === 'task';
export type Moment = z.output<typeof moment>;
export type Boundary = z.output<typeof boundary>;

/** What a release has to know to run definitions; raised when documents can say something releases before could not run. */
export const ENGINE = 5;

const NEWER: ReadonlySet<Node['type']> = new Set(['message', 'task', 'mail', 'subworkflow', 'compensate', 'undo']);

/** What has to be known to run this one. */
export function engineOf({ nodes, computed, absence, attachments, leave }: Definition): number {
  if (leave || Object.values(nodes).some((node) => node.type === 'approval' && node.sensitivity)) return 5;
  if (attachments || Object.values(nodes).some((node) => NEWER.has(node.type) || (node.type === 'service' && node.call) || ('boundary' in node && node.boundary?.some((each) => !('after' in each))))) return 4;
  if (computed || absence || Object.values(nodes).some((node) => ('as' in node && node.as) || ('branches' in node && node.branches.some(({ when }) => typeof when === 'string')) || (asksPeople(node) && (node.serviceLevel || rulesOf(node).some((rule) => 'people' in rule))))) return 3;
  return Object.values(nodes).some((node) => node.type === 'timer' || ('boundary' in node && node.boundary) || (asksPeople(node) && (node.differentDepartment || node.skipDecided))) ? 2 : 1;
}

/** For how long an answer to a step may be taken back, in minutes. */
export const takeBackMinutesOf = ({ takeBackMinutes = 10 }: Approval): number => takeBackMinutes;

/** Every rule by which somebody is asked. */
export const rulesOf = ({ candidates }: Approval): CandidateRule[] => candidates.flatMap((each) => ('together' in each ? each.together : [each]));

/** An approval's rules for counting, with what is left out put in. */
export function ballotOf({ strategy: asked = 'any', rejections, tie = 'reject' }: Approval): Ballot {
  const counted: Strategy = typeof asked === 'string' ? { kind: asked } : 'quorum' in asked ? { kind: 'quorum', approvals: asked.quorum } : { kind: 'weighted', approvals: asked.weighted };
  return { strategy: counted, rejections: rejections ?? (counted.kind === 'any' ? 1 : null), tie };
}

/** SHA-256 of the document's RFC 8785 canonical form: two documents that mean the same are the same version. */
export function definitionHash(definition: Definition): string {
  return createHash('sha256').update(canonicalize(definition)!).digest('hex');
}

/**
 * The compiled form schema; throws where it is no valid JSON Schema. Patterns run on a linear-time engine (RE2), so that
 * none can be written that blocks the process. Refused: `$async`, which would pass everything, and references, by which a
 * small schema can take for ever.
 */
export function formValidator({ form }: { form: Record<string, unknown> }): ValidateFunction {
  for (const keyword of ['$async', '$ref', '$dynamicRef', '$recursiveRef']) if (mentions(form, keyword)) throw new Error(`${keyword} is not allowed`);
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowMatchingProperties: true, code: { regExp: linearTimeRegExp } });
  addFormats(ajv, { mode: 'fast', keywords: false });
  return ajv.compile(form);
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
