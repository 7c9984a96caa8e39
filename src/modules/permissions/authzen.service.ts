import { Inject, Injectable } from '@nestjs/common';
import { type Actor, isPermissionCode, isRowId, isRowKind, PermissionPort, Problem, type ResourceFacts, rowKindsOf } from '../../access';
import { fieldErrors, MAX_PAGE } from '../../http';
import { CONFIG, type Config } from '../../platform/config';
import { Database, everyRow, type Tx } from '../../platform/database';
import type { Moment } from '../../platform/freshness';
import { AskedRows, type ResourceAsked } from './asked-rows';
import { type ActionSearchInput, type Evaluation, evaluation, type EvaluationsInput, type ResourceSearchInput, type SubjectSearchInput } from './authzen.dto';
import { decide, type Question } from './decide';
import { PermissionsService } from './permissions.service';
import { ResourceTypes } from './resource-types.service';
import { PermissionSearch } from './search.service';
import { Subjects } from './subjects.service';

interface Answer {
  decision: boolean;
  context?: Record<string, unknown>;
}

/** What a question is made of. */
const PARTS = ['subject', 'action', 'resource', 'context'] as const;
/** Kinds of subjects: a person by their id here, or by that of their account at Clerk. */
const PERSON = 'person';
const USER = 'user';
const isUuid = (id: string) => isRowId(id.toLowerCase());

/**
 * The standard interface, in terms of our own: subjects are people, actions are permissions – `approve` of the resource's
 * type, or a whole code like `workflow:approve` – and resources are rows of ours, which are read, or things of other
 * applications, of which what is said counts (`unitId` and `ownerPersonId` among the properties say where they belong).
 * What is not known – a subject, an action, a row – is refused by a decision, as the standard asks; never allowed.
 */
@Injectable()
export class AuthzenService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionsService,
    private readonly port: PermissionPort,
    private readonly subjects: Subjects,
    private readonly rows: AskedRows,
    private readonly resourceTypes: ResourceTypes,
    private readonly search: PermissionSearch,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  metadata() {
    const at = this.config.http.publicUrl;
    return {
      policy_decision_point: at,
      access_evaluation_endpoint: `${at}/access/v1/evaluation`,
      access_evaluations_endpoint: `${at}/access/v1/evaluations`,
      search_subject_endpoint: `${at}/access/v1/search/subject`,
      search_resource_endpoint: `${at}/access/v1/search/resource`,
      search_action_endpoint: `${at}/access/v1/search/action`,
    };
  }

  async evaluate(actor: Actor, input: Evaluation): Promise<Answer> {
    return (await this.decideAll(actor, [input]))[0]!;
  }

  /** Many questions, each whole after the defaults were taken in; without any, the defaults are the one question. */
  async evaluations(actor: Actor, input: EvaluationsInput): Promise<Answer | { evaluations: Answer[] }> {
    const { evaluations = [], options, ...defaults } = input;
    if (evaluations.length === 0) {
      const whole = evaluation.safeParse(defaults);
      if (!whole.success) throw new Problem('REQUEST_INVALID', { count: whole.error.issues.length }, fieldErrors(whole.error));
      return this.evaluate(actor, whole.data);
    }
    // Each default is looked at once, however many questions it is part of.
    const given = new Map(PARTS.map((part) => [part, evaluation.shape[part].safeParse(defaults[part])]));
    const parsed = evaluations.map((each): { question?: Evaluation; wrong?: string } => {
      const parts = PARTS.map((part) => [part, Object.hasOwn(each, part) ? evaluation.shape[part].safeParse(each[part]) : given.get(part)!] as const);
      const wrong = parts.flatMap(([part, { error }]) => (error ? fieldErrors(error).map(({ pointer, detail }) => `#/${part}${pointer.slice(1)}: ${detail}`) : []));
      return wrong.length > 0 ? { wrong: wrong.join('; ') } : { question: Object.fromEntries(parts.map(([part, { data }]) => [part, data])) as unknown as Evaluation };
    });
    const whole = parsed.flatMap((each) => each.question ?? []);
    const decided = await this.decideAll(actor, whole);
    let next = 0;
    const answers = parsed.map((each): Answer => (each.question ? decided[next++]! : { decision: false, context: { error: { status: 400, message: each.wrong } } }));
    const semantic = options?.evaluations_semantic ?? 'execute_all';
    const last = semantic === 'execute_all' ? -1 : answers.findIndex(({ decision }) => decision === (semantic === 'permit_on_first_permit'));
    return { evaluations: last < 0 ? answers : answers.slice(0, last + 1) };
  }

  /** Who may do it, with one resource: people, or their accounts. */
  async searchSubjects(actor: Actor, { subject, action, resource, context, page }: SubjectSearchInput) {
    const permission = await this.permissionOf(actor, await this.subjects.momentOf(actor), action.name, resource.type);
    const { facts } = await this.told(actor, [], [resource]);
    if (![PERSON, USER].includes(subject.type) || permission === null || !facts[0]) {
      await this.port.require(actor, 'permission:check', {});
      return { results: [], page: { next_token: '', count: 0 } };
    }
    const found = await this.search.people(actor, { permission, resource: askedOf(resource), context, subject: subject.properties, action: action.properties, limit: limitOf(page), cursor: page?.token });
    const people = found.items.map(({ personId }) => personId);
    if (subject.type === PERSON) return { results: people.map((id) => ({ type: PERSON, id })), page: { next_token: found.nextCursor ?? '', count: people.length } };
    const accounts = await this.database.withTenant(actor, (tx) => tx.userAccount.findMany({ where: { personId: { in: people } }, select: { personId: true, clerkUserId: true } }));
    const byPerson = new Map(accounts.map(({ personId, clerkUserId }) => [personId, clerkUserId]));
    const results = people.flatMap((id) => (byPerson.has(id) ? [{ type: USER, id: byPerson.get(id)! }] : []));
    return { results, page: { next_token: found.nextCursor ?? '', count: results.length } };
  }

  /** Which rows of ours somebody may do it with. Throws 400 for kinds of things other applications keep: nobody here knows them all. */
  async searchResources(actor: Actor, { subject, action, resource, context, page }: ResourceSearchInput) {
    if (!isRowKind(resource.type)) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/resource/type', code: 'kind', detail: 'things of this kind are kept by another application' }]);
    const permission = await this.permissionOf(actor, await this.subjects.momentOf(actor), action.name, resource.type);
    const personId = await this.living(actor, (await this.told(actor, [subject], [])).people.get(key(subject)));
    await this.requireMayAsk(actor, [personId]);
    if (personId === undefined || permission === null || !isPermissionCode(permission) || !rowKindsOf(permission).includes(resource.type)) return { results: [], page: { next_token: '', count: 0 } };
    const found = await this.search.resources(actor, { permission, type: resource.type, personId, context, subject: subject.properties, action: action.properties, limit: limitOf(page), cursor: page?.token });
    return { results: found.items.map(({ id }) => ({ type: resource.type, id })), page: { next_token: found.nextCursor ?? '', count: found.items.length } };
  }

  /** What somebody may do with one resource. */
  async searchActions(actor: Actor, { subject, resource, context, page }: ActionSearchInput) {
    const { people, facts } = await this.told(actor, [subject], [resource]);
    const personId = await this.living(actor, people.get(key(subject)));
    await this.requireMayAsk(actor, [personId]);
    if (personId === undefined || !facts[0]) return { results: [], page: { next_token: '', count: 0 } };
    const found = await this.search.actions(actor, { personId, resource: askedOf(resource), context, subject: subject.properties, limit: limitOf(page), cursor: page?.token });
    const results = found.items.map(({ permission }) => ({ name: permission.startsWith(`${resource.type}:`) ? permission.slice(resource.type.length + 1) : permission }));
    return { results, page: { next_token: found.nextCursor ?? '', count: results.length } };
  }

  private async decideAll(actor: Actor, inputs: readonly Evaluation[]): Promise<Answer[]> {
    if (inputs.length === 0) return [];
    const moment = await this.subjects.momentOf(actor);
    const { people, facts } = await this.told(actor, inputs.map(({ subject }) => subject), inputs.map(({ resource }) => resource));
    await this.requireMayAsk(actor, inputs.map(({ subject }) => people.get(key(subject))));
    const compiled = await this.subjects.getMany(actor.foundationId, [...new Set(people.values())], moment);
    // What there is, and is not, is told to who may ask about anybody.
    let open: boolean | undefined;
    const refused = async (reason: string): Promise<Answer> => ((open ??= await this.port.allows(actor, 'permission:check', {})) ? { decision: false, context: { reason } } : { decision: false });
    const permissions = new Map<string, string | null>();
    const answers: Answer[] = [];
    for (const [index, { subject, action, resource, context }] of inputs.entries()) {
      const name = `${resource.type}\0${action.name}`;
      let permission = permissions.get(name);
      if (permission === undefined) permissions.set(name, (permission = await this.permissionOf(actor, moment, action.name, resource.type)));
      const personId = people.get(key(subject));
      const holder = personId === undefined ? undefined : compiled.get(personId);
      const row = facts[index];
      const unknown = !holder?.living ? 'unknown-subject' : permission === null ? 'unknown-action' : !row ? 'unknown-resource' : null;
      if (unknown !== null) {
        answers.push(await refused(unknown));
        continue;
      }
      const question: Question = { permission: permission!, resource: row!, context: this.permissions.contextOf(actor, context), subject: subject.properties, action: action.properties };
      const { allowed, because } = this.permissions.beyondKey(actor, personId!, permission!) ? { allowed: false, because: { kind: 'not-held' } } : decide(holder!, question);
      this.permissions.countAdvisory(allowed);
      answers.push(allowed ? { decision: true } : await refused(because.kind));
    }
    return answers;
  }

  /** People by what names them, and what is asked about each resource; asks the database only where it has to. */
  private async told(actor: Actor, subjects: readonly { type: string; id: string }[], resources: readonly Evaluation['resource'][]): Promise<{ people: Map<string, string>; facts: (ResourceFacts | undefined)[] }> {
    const people = new Map(subjects.filter(({ type, id }) => type === PERSON && isUuid(id)).map((subject) => [key(subject), subject.id.toLowerCase()]));
    const users = [...new Set(subjects.filter(({ type }) => type === USER).map(({ id }) => id))];
    const stored = resources.some(({ type, properties }) => isRowKind(type) || placeOf(properties).unitId !== undefined);
    if (users.length === 0 && !stored) return { people, facts: resources.map(({ type, id, properties }) => (placeOf(properties).wrong ? undefined : { type, id: idOf(id), ownerPersonId: placeOf(properties).ownerPersonId, properties })) };
    return this.database.withTenant(actor, async (tx) => {
      const accounts = users.length > 0 ? await tx.userAccount.findMany({ where: { clerkUserId: { in: users } }, select: { clerkUserId: true, personId: true } }) : [];
      for (const { clerkUserId, personId } of accounts) people.set(key({ type: USER, id: clerkUserId }), personId);
      return { people, facts: await this.factsOf(tx, resources) };
    });
  }

  /** The same person, if they live. */
  private async living(actor: Actor, personId: string | undefined): Promise<string | undefined> {
    if (personId === undefined) return undefined;
    return (await this.subjects.get(actor.foundationId, personId, await this.subjects.momentOf(actor))).living ? personId : undefined;
  }

  /** About oneself anybody may ask; about others, and about nobody, who may check. */
  private async requireMayAsk(actor: Actor, people: readonly (string | undefined)[]): Promise<void> {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    if (people.some((personId) => personId === undefined || personId !== own)) await this.port.require(actor, 'permission:check', {});
  }

  /** What is asked about each resource: rows of ours as they are stored, undefined where there is none; others as they are told. */
  private async factsOf(tx: Tx, resources: readonly Evaluation['resource'][]): Promise<(ResourceFacts | undefined)[]> {
    const named = resources.map((each) => (isRowKind(each.type) ? { type: each.type, id: each.id.toLowerCase() } : undefined));
    const read = await this.rows.factsOf(tx, named.map((each) => (each && isUuid(each.id) ? each : undefined)));
    const units = await everyRow(tx, 'reference').orgUnit.findMany({ where: { id: { in: [...new Set(resources.flatMap(({ properties }) => placeOf(properties).unitId ?? []))] }, deletedAt: null }, select: { id: true, path: true } });
    const paths = new Map(units.map(({ id, path }) => [id, path]));
    return resources.map((each, index) => {
      if (!named[index]) {
        const { unitId, ownerPersonId, wrong } = placeOf(each.properties);
        // A place that is named and not known is no place to be allowed at.
        if (wrong || (unitId !== undefined && !paths.has(unitId))) return undefined;
        return { type: each.type, id: idOf(each.id), ownerPersonId, unitPath: unitId === undefined ? undefined : paths.get(unitId), properties: each.properties };
      }
      const stored = read[index];
      // A row that was read has properties; one there is not was only given back as it was named.
      return stored?.properties && { ...stored, properties: { ...each.properties, ...stored.properties } };
    });
  }

  /** The permission an action names for a type of resources; null where there is none. */
  private async permissionOf(actor: Actor, moment: Moment, name: string, type: string): Promise<string | null> {
    const code = name.includes(':') ? name : `${type}:${name}`;
    if (isPermissionCode(code)) {
      const kinds: readonly string[] = rowKindsOf(code);
      return kinds.length === 0 || kinds.includes(type) ? code : null;
    }
    return code.startsWith(`${type}:`) && (await this.resourceTypes.isRegistered(actor.foundationId, code, moment)) ? code : null;
  }
}

/** Ids that look like ours are taken as ours are written, as grants of single things are. */
const idOf = (id: string) => (isUuid(id) ? id.toLowerCase() : id);

const key = ({ type, id }: { type: string; id: string }) => `${type}:${type === PERSON ? id.toLowerCase() : id}`;

const limitOf = (page: { limit?: number | undefined } | undefined) => Math.min(page?.limit ?? 50, MAX_PAGE);

/** Where a thing of another application belongs, as its properties say; `wrong` where what they say is no id. */
function placeOf(properties: Readonly<Record<string, unknown>> | undefined): { unitId?: string; ownerPersonId?: string; wrong?: true } {
  const place: ReturnType<typeof placeOf> = {};
  for (const name of ['unitId', 'ownerPersonId'] as const) {
    const value = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' && isUuid(value)) place[name] = value.toLowerCase();
    else place.wrong = true;
  }
  return place;
}

/** A resource as our own searches take it: rows of ours by their id alone, others as they are told. */
function askedOf({ type, id, properties }: Evaluation['resource']): ResourceAsked {
  if (isRowKind(type)) return { type, id: id.toLowerCase() };
  const { unitId, ownerPersonId } = placeOf(properties);
  return { type, id: idOf(id), unitId, ownerPersonId, properties };
}
