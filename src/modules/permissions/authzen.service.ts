import { Inject, Injectable } from '@nestjs/common';
import { type Actor, isPermissionCode, isRowKind, PermissionPort, Problem, type ResourceFacts, rowKindsOf } from '../../access';
import { fieldErrors, MAX_PAGE } from '../../http';
import { CONFIG, type Config } from '../../platform/config';
import { Database, type Tx } from '../../platform/database';
import { AskedRows } from './asked-rows';
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

/** A question in our own terms, or why there is no answer but no. */
type Asked = { personId: string; question: Question } | { reason: string };

/** Kinds of subjects: a person by their id here, or by that of their account at Clerk. */
const PERSON = 'person';
const USER = 'user';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

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
    const at = this.config.http.publicUrl.replace(/\/$/, '');
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
    const given = Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined));
    const parsed = evaluations.map((each) => evaluation.safeParse({ ...given, ...each }));
    const whole = parsed.flatMap((each) => (each.success ? [each.data] : []));
    const decided = await this.decideAll(actor, whole);
    let next = 0;
    const answers = parsed.map((each): Answer => (each.success ? decided[next++]! : { decision: false, context: { error: { status: 400, message: fieldErrors(each.error).map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ') } } }));
    const semantic = options?.evaluations_semantic ?? 'execute_all';
    const last = semantic === 'execute_all' ? -1 : answers.findIndex(({ decision }) => decision === (semantic === 'permit_on_first_permit'));
    return { evaluations: last < 0 ? answers : answers.slice(0, last + 1) };
  }

  /** Who may do it, with one resource: people, or their accounts. */
  async searchSubjects(actor: Actor, { subject, action, resource, context, page }: SubjectSearchInput) {
    const { permission, facts } = await this.database.withTenant(actor, async (tx) => ({ permission: await this.permissionOf(tx, action.name, resource.type), facts: await this.factsOf(tx, [resource]) }));
    if (![PERSON, USER].includes(subject.type) || permission === null || !facts[0]) {
      await this.port.require(actor, 'permission:check', {});
      return { results: [], page: { next_token: '', count: 0 } };
    }
    const asked = isRowKind(resource.type) ? { type: resource.type, id: resource.id.toLowerCase() } : { type: resource.type, id: resource.id, ...placeOf(resource.properties), properties: resource.properties };
    const found = await this.search.people(actor, { permission, resource: asked, context, subject: subject.properties, action: action.properties, limit: limitOf(page), cursor: page?.token });
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
    const { personId, permission } = await this.database.withTenant(actor, async (tx) => ({ personId: (await this.peopleOf(tx, [subject])).get(key(subject)), permission: await this.permissionOf(tx, action.name, resource.type) }));
    await this.requireMayAsk(actor, [personId]);
    if (personId === undefined || permission === null || !isPermissionCode(permission) || !rowKindsOf(permission).includes(resource.type)) return { results: [], page: { next_token: '', count: 0 } };
    const found = await this.search.resources(actor, { permission, type: resource.type, personId, context, subject: subject.properties, action: action.properties, limit: limitOf(page), cursor: page?.token });
    return { results: found.items.map(({ id }) => ({ type: resource.type, id })), page: { next_token: found.nextCursor ?? '', count: found.items.length } };
  }

  /** What somebody may do with one resource. */
  async searchActions(actor: Actor, { subject, resource, context, page }: ActionSearchInput) {
    const { personId, facts } = await this.database.withTenant(actor, async (tx) => ({ personId: (await this.peopleOf(tx, [subject])).get(key(subject)), facts: await this.factsOf(tx, [resource]) }));
    await this.requireMayAsk(actor, [personId]);
    if (personId === undefined || !facts[0]) return { results: [], page: { next_token: '', count: 0 } };
    const asked = isRowKind(resource.type) ? { type: resource.type, id: resource.id.toLowerCase() } : { type: resource.type, id: resource.id, ...placeOf(resource.properties), properties: resource.properties };
    const found = await this.search.actions(actor, { personId, resource: asked, context, subject: subject.properties, limit: limitOf(page), cursor: page?.token });
    const results = found.items.map(({ permission }) => ({ name: permission.startsWith(`${resource.type}:`) ? permission.slice(resource.type.length + 1) : permission }));
    return { results, page: { next_token: found.nextCursor ?? '', count: results.length } };
  }

  private async decideAll(actor: Actor, inputs: readonly Evaluation[]): Promise<Answer[]> {
    if (inputs.length === 0) return [];
    const asked = await this.database.withTenant(actor, async (tx) => {
      const people = await this.peopleOf(tx, inputs.map(({ subject }) => subject));
      const facts = await this.factsOf(tx, inputs.map(({ resource }) => resource));
      const permissions = new Map<string, string | null>();
      for (const { action, resource } of inputs) {
        const name = JSON.stringify([action.name, resource.type]);
        if (!permissions.has(name)) permissions.set(name, await this.permissionOf(tx, action.name, resource.type));
      }
      return inputs.map(({ subject, action, resource, context }, index): Asked & { of?: string } => {
        const personId = people.get(key(subject));
        const permission = permissions.get(JSON.stringify([action.name, resource.type]));
        if (personId === undefined) return { reason: 'unknown-subject' };
        if (!permission) return { reason: 'unknown-action', of: personId };
        const row = facts[index];
        if (!row) return { reason: 'unknown-resource', of: personId };
        return { personId, question: { permission, resource: row, context: this.permissions.contextOf(actor, context), subject: subject.properties, action: action.properties } };
      });
    });
    await this.requireMayAsk(actor, asked.map((each) => ('personId' in each ? each.personId : each.of)));
    const moment = await this.subjects.momentOf(actor);
    const compiled = await this.subjects.getMany(actor.foundationId, asked.flatMap((each) => ('personId' in each ? [each.personId] : [])), moment);
    return asked.map((each): Answer => {
      if ('reason' in each) return { decision: false, context: { reason: each.reason } };
      const { allowed, because } = this.permissions.beyondKey(actor, each.personId, each.question.permission) ? { allowed: false, because: { kind: 'not-held' } } : decide(compiled.get(each.personId)!, each.question);
      this.permissions.countAdvisory(allowed);
      return allowed ? { decision: true } : { decision: false, context: { reason: because.kind } };
    });
  }

  /** About oneself anybody may ask; about others, and about nobody, who may check. */
  private async requireMayAsk(actor: Actor, people: readonly (string | undefined)[]): Promise<void> {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    if (people.some((personId) => personId === undefined || personId !== own)) await this.port.require(actor, 'permission:check', {});
  }

  /** Living people by what names them. */
  private async peopleOf(tx: Tx, subjects: readonly { type: string; id: string }[]): Promise<Map<string, string>> {
    const ids = subjects.filter(({ type, id }) => type === PERSON && UUID.test(id)).map(({ id }) => id.toLowerCase());
    const accounts = subjects.filter(({ type }) => type === USER).map(({ id }) => id);
    const people = ids.length > 0 ? await tx.person.findMany({ where: { id: { in: [...new Set(ids)] }, deletedAt: null }, select: { id: true } }) : [];
    const users = accounts.length > 0 ? await tx.userAccount.findMany({ where: { clerkUserId: { in: [...new Set(accounts)] }, person: { deletedAt: null } }, select: { clerkUserId: true, personId: true } }) : [];
    return new Map([...people.map(({ id }) => [key({ type: PERSON, id }), id] as const), ...users.map(({ clerkUserId, personId }) => [key({ type: USER, id: clerkUserId }), personId] as const)]);
  }

  /** What is asked about each resource: rows of ours as they are stored, undefined where there is none; others as they are told. */
  private async factsOf(tx: Tx, resources: readonly Evaluation['resource'][]): Promise<(ResourceFacts | undefined)[]> {
    const named = resources.map((each) => (isRowKind(each.type) ? { type: each.type, id: each.id.toLowerCase() } : undefined));
    const read = await this.rows.factsOf(tx, named.map((each) => (each && UUID.test(each.id) ? each : undefined)));
    const units = await tx.orgUnit.findMany({ where: { id: { in: [...new Set(resources.flatMap(({ properties }) => placeOf(properties).unitId ?? []))] }, deletedAt: null }, select: { id: true, lft: true } });
    const lfts = new Map(units.map(({ id, lft }) => [id, lft]));
    return resources.map((each, index) => {
      if (!named[index]) {
        const { unitId, ownerPersonId } = placeOf(each.properties);
        return { type: each.type, id: each.id, ownerPersonId, unitLft: unitId === undefined ? undefined : lfts.get(unitId), properties: each.properties };
      }
      const stored = read[index];
      // A row that was read has properties; one there is not was only given back as it was named.
      return stored?.properties && { ...stored, properties: { ...each.properties, ...stored.properties } };
    });
  }

  /** The permission an action names for a type of resources; null where there is none. */
  private async permissionOf(tx: Tx, name: string, type: string): Promise<string | null> {
    const code = name.includes(':') ? name : `${type}:${name}`;
    if (isPermissionCode(code)) {
      const kinds: readonly string[] = rowKindsOf(code);
      return kinds.length === 0 || kinds.includes(type) ? code : null;
    }
    return code.startsWith(`${type}:`) && (await this.resourceTypes.isRegistered(tx, code)) ? code : null;
  }
}

const key = ({ type, id }: { type: string; id: string }) => `${type}:${type === PERSON ? id.toLowerCase() : id}`;

const limitOf = (page: { limit?: number | undefined } | undefined) => Math.min(page?.limit ?? 50, MAX_PAGE);

/** Where a thing of another application belongs, as its properties say. */
function placeOf(properties: Readonly<Record<string, unknown>> | undefined): { unitId?: string; ownerPersonId?: string } {
  const uuid = (name: string) => {
    const value = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    return typeof value === 'string' && UUID.test(value) ? value.toLowerCase() : undefined;
  };
  const [unitId, ownerPersonId] = [uuid('unitId'), uuid('ownerPersonId')];
  return { ...(unitId === undefined ? {} : { unitId }), ...(ownerPersonId === undefined ? {} : { ownerPersonId }) };
}
