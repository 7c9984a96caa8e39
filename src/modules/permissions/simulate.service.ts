import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem } from '../../access';
import { Cursors, listName } from '../../http';
import { Database, everyRow, type Tx } from '../../platform/database';
import { heldOf, type Held } from './held';
import { ResourceTypes } from './resource-types.service';
import { type Difference, differences, type GrantFacts, Holdings, type Model } from './simulate';
import type { SimulatedChange, SimulateInput } from './simulate.dto';
import { compileSubject, type TypedCondition } from './subject';
import { Subjects } from './subjects.service';

const NOTHING: Held = { scopes: [], denied: false, lent: false };

/** What would be if: changes of authorization tried on what there is, without writing anything or holding anybody up. */
@Injectable()
export class SimulateService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly subjects: Subjects,
    private readonly resourceTypes: ResourceTypes,
    private readonly cursors: Cursors,
  ) {}

  /** Who gains and who loses what, by all the changes together; pages of people. */
  async simulate(actor: Actor, input: SimulateInput) {
    await this.permissions.require(actor, 'permission:read', {});
    await this.permissions.require(actor, 'permission:check', {});
    const { changes } = input;
    const moment = await this.subjects.momentOf(actor);
    return this.database.withTenant(
      actor,
      async (tx) => {
        const before = await load(tx, actor.foundationId);
        const after: Model = { ...before, appointments: [...before.appointments], inherits: [...before.inherits], assignments: [...before.assignments], delegations: [...before.delegations], grants: [] };
        const added: GrantFacts[] = [];
        const revoked: GrantFacts[] = [];
        /** Reached by the changes of grants themselves; who is reached by the others is seen by comparing. */
        for (const [index, change] of changes.entries()) await this.apply(tx, actor, change, `#/changes/${index}`, after, added, revoked);
        const structural = changes.some(({ op }) => op !== 'grant' && op !== 'revoke');
        const [was, is] = [new Holdings(before), new Holdings(after)];
        const reached = await reachedBy(tx, actor.foundationId, changes, { before, after, was, is, grants: [...added, ...revoked] });
        const concerned = new Set([...was.withLenders(reached), ...is.withLenders(reached)]);
        const codes = structural ? null : [...new Set([...added, ...revoked].map(({ code }) => code))];
        const grants = await grantsFor(tx, actor.foundationId, codes, concerned);
        const gone = new Set(revoked.map(({ id }) => id));
        const [now, then] = [new Holdings({ ...before, grants }), new Holdings({ ...after, grants: [...grants.filter(({ id }) => !gone.has(id)), ...added] })];
        const compiled = (holdings: Holdings, id: string) => compileSubject({ ...holdings.factsOf(id), v: moment.v.toString(), now: moment.now }, moment.now);
        const affected: { personId: string; found: Difference[]; held: [Map<string, Held>, Map<string, Held>] }[] = [];
        let looked = 0;
        for (const personId of [...reached].sort()) {
          // Others are let in between.
          if ((looked += 1) % 200 === 0) await new Promise((done) => setImmediate(done));
          const [one, other] = [compiled(now, personId), compiled(then, personId)];
          const found = differences(one, other);
          if (found.length > 0) affected.push({ personId, found, held: [heldOf(one), heldOf(other)] });
        }
        const page = await this.cursors.page(
          listName('simulate', input),
          input,
          (take, from) => Promise.resolve(affected.filter(({ personId }) => !from || personId > from[0]!).slice(0, take)),
          ({ personId }) => [personId],
        );
        const names = new Map((await everyRow(tx, 'name').person.findMany({ where: { id: { in: page.items.map(({ personId }) => personId) } }, select: { id: true, fullName: true } })).map(({ id, fullName }) => [id, fullName]));
        return {
          items: page.items.map(({ personId, found, held: [one, other] }) => ({
            personId,
            name: names.get(personId) ?? '',
            changes: found.map((each) => ({ ...each, before: one.get(each.permission) ?? NOTHING, after: other.get(each.permission) ?? NOTHING })),
          })),
          nextCursor: page.nextCursor,
          version: moment.v.toString(),
          lookedAt: reached.size,
          affected: affected.length,
        };
      },
      { timeout: 30_000 },
    );
  }

  /** Makes one change of the model. Throws 404 for what there is not, 400 for what would be refused as malformed. */
  private async apply(tx: Tx, actor: Actor, change: SimulatedChange, at: string, model: Model, added: GrantFacts[], revoked: GrantFacts[]): Promise<void> {
    const missing = () => new Problem('NOT_FOUND');
    const invalid = (pointer: string, detail: string) => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: `${at}/${pointer}`, code: 'change', detail }]);
    const period = ({ validFrom, validUntil }: { validFrom?: string | undefined; validUntil?: string | null | undefined }) => {
      const [from, until] = [validFrom ? Date.parse(validFrom) : null, validUntil ? Date.parse(validUntil) : null];
      if (until !== null && until <= (from ?? actor.startedAt)) throw invalid('validUntil', 'must be later than validFrom');
      return { from, until };
    };
    const person = async (id: string) => {
      if ((await everyRow(tx, 'reference').person.count({ where: { id, deletedAt: null } })) === 0) throw missing();
    };
    const role = async (id: string) => {
      if ((await tx.role.count({ where: { id } })) === 0) throw missing();
    };
    const take = <T>(rows: T[], which: (row: T) => boolean): void => {
      const index = rows.findIndex(which);
      if (index < 0) throw missing();
      rows.splice(index, 1);
    };
    const id = `simulated:${at}`;
    switch (change.op) {
      case 'grant': {
        const { permission, effect, scope, nodeId = null, subject, resource } = change.grant;
        const condition = (await this.resourceTypes.conditionOf(tx, change.grant, `${at}/grant`)) as TypedCondition | null;
        if (nodeId !== null && !model.units.has(nodeId)) throw missing();
        if (subject.type === 'person') await person(subject.id);
        if (subject.type === 'role') await role(subject.id);
        if (subject.type === 'position' && !model.positions.has(subject.id)) throw missing();
        const of = (type: string) => (subject.type === type && 'id' in subject ? subject.id : null);
        added.push({ id, code: permission, effect, scope, nodeId, everyone: subject.type === 'everyone', personId: of('person'), positionId: of('position'), roleId: of('role'), resource: resource ? { type: resource.type, id: resource.id ?? null } : null, condition, ...period(change.grant) });
        return;
      }
      case 'revoke': {
        const inside = added.findIndex((each) => each.id === change.grantId);
        if (inside >= 0) throw missing();
        const [row] = await readGrants(tx, actor.foundationId, { id: change.grantId });
        if (!row) throw missing();
        revoked.push(row);
        return;
      }
      case 'assign-role':
        if ((change.personId === undefined) === (change.positionId === undefined)) throw invalid('personId', 'give personId or positionId, one of them');
        await role(change.roleId);
        if (change.personId) await person(change.personId);
        if (change.positionId && !model.positions.has(change.positionId)) throw missing();
        model.assignments.push({ id, roleId: change.roleId, personId: change.personId ?? null, positionId: change.positionId ?? null, ...period(change) });
        return;
      case 'unassign-role':
        return take(model.assignments, (row) => row.id === change.assignmentId);
      case 'inherit': {
        await role(change.seniorId);
        await role(change.juniorId);
        if (new Holdings(model).reach(change.juniorId).has(change.seniorId)) throw invalid('juniorId', 'would make a cycle');
        model.inherits.push({ seniorId: change.seniorId, juniorId: change.juniorId });
        return;
      }
      case 'disinherit':
        return take(model.inherits, ({ seniorId, juniorId }) => seniorId === change.seniorId && juniorId === change.juniorId);
      case 'appoint':
        await person(change.personId);
        if (!model.positions.has(change.positionId)) throw missing();
        model.appointments.push({ id, personId: change.personId, positionId: change.positionId, ...period(change) });
        return;
      case 'end-appointment':
        return take(model.appointments, (row) => row.id === change.appointmentId);
      case 'delegate':
        await person(change.lenderId);
        await person(change.borrowerId);
        if (change.lenderId === change.borrowerId) throw invalid('borrowerId', 'is the lender');
        if (change.nodeId && !model.units.has(change.nodeId)) throw missing();
        await this.resourceTypes.requireKnown(tx, change.permissions ?? [], (index) => `${at}/permissions/${index}`);
        model.delegations.push({ id, lenderId: change.lenderId, borrowerId: change.borrowerId, codes: change.permissions ?? null, nodeId: change.nodeId ?? null, transitive: change.transitive, ...period(change) });
        return;
      case 'end-delegation':
        return take(model.delegations, (row) => row.id === change.delegationId);
    }
  }
}

/** Everybody a change can reach: those it names, holders of the posts and roles it names, before or after, and whoever borrows from them. */
async function reachedBy(tx: Tx, foundationId: string, changes: readonly SimulatedChange[], { before, after, was, is, grants }: { before: Model; after: Model; was: Holdings; is: Holdings; grants: readonly GrantFacts[] }): Promise<Set<string>> {
  const people = new Set<string>();
  const positions = new Set<string>();
  const roles = new Set<string>();
  let everyone = false;
  for (const { personId, positionId, roleId, everyone: all } of grants) {
    if (personId) people.add(personId);
    if (positionId) positions.add(positionId);
    if (roleId) roles.add(roleId);
    everyone ||= all;
  }
  const differing = <T extends { id: string }>(rows: (model: Model) => T[]) => {
    const [one, other] = [rows(before), rows(after)];
    const [had, has] = [new Set(one.map(({ id }) => id)), new Set(other.map(({ id }) => id))];
    return [...one.filter(({ id }) => !has.has(id)), ...other.filter(({ id }) => !had.has(id))];
  };
  for (const { personId, positionId } of differing(({ assignments }) => assignments)) {
    if (personId) people.add(personId);
    if (positionId) positions.add(positionId);
  }
  for (const { personId } of differing(({ appointments }) => appointments)) people.add(personId);
  for (const { borrowerId } of differing(({ delegations }) => delegations)) people.add(borrowerId);
  for (const change of changes) if (change.op === 'inherit' || change.op === 'disinherit') roles.add(change.seniorId);
  if (everyone) for (const { id } of await tx.$queryRaw<{ id: string }[]>`SELECT id::text AS id FROM person WHERE foundation_id = ${foundationId}::uuid AND deleted_at IS NULL`) people.add(id);
  for (const holdings of [was, is]) for (const id of [...holdings.holdersOf(roles), ...holdings.holdersOfPositions(positions)]) people.add(id);
  const reached = new Set([...was.withBorrowers(people), ...is.withBorrowers(people)]);
  const living = new Set((await tx.$queryRaw<{ id: string }[]>`SELECT id::text AS id FROM person WHERE id = ANY (${[...reached]}::uuid[]) AND deleted_at IS NULL`).map(({ id }) => id));
  return new Set([...reached].filter((id) => living.has(id)));
}

/** Everything but grants, as gloria_holds sees it: what has not ended, of positions and units that live. */
async function load(tx: Tx, foundationId: string): Promise<Model> {
  const [row] = await tx.$queryRaw<{ model: { units: [string, string[], string | null][]; positions: [string, string][]; appointments: Model['appointments']; inherits: Model['inherits']; assignments: Model['assignments']; delegations: Model['delegations'] } }[]>`
    SELECT jsonb_build_object(
      'units', (SELECT coalesce(jsonb_agg(jsonb_build_array(id, path, school_id)), '[]') FROM org_unit WHERE foundation_id = ${foundationId}::uuid),
      'positions', (SELECT coalesce(jsonb_agg(jsonb_build_array(p.id, p.unit_id)), '[]') FROM position p JOIN org_unit u ON u.foundation_id = p.foundation_id AND u.id = p.unit_id AND u.deleted_at IS NULL
                     WHERE p.foundation_id = ${foundationId}::uuid AND p.deleted_at IS NULL),
      'appointments', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'personId', person_id, 'positionId', position_id, 'from', extract(epoch FROM valid_from) * 1000, 'until', extract(epoch FROM valid_until) * 1000)), '[]')
                         FROM appointment WHERE foundation_id = ${foundationId}::uuid AND (valid_until IS NULL OR valid_until > now())),
      'inherits', (SELECT coalesce(jsonb_agg(jsonb_build_object('seniorId', senior_id, 'juniorId', junior_id)), '[]') FROM role_inheritance WHERE foundation_id = ${foundationId}::uuid),
      'assignments', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'roleId', role_id, 'personId', person_id, 'positionId', position_id, 'from', extract(epoch FROM valid_from) * 1000, 'until', extract(epoch FROM valid_until) * 1000)), '[]')
                        FROM role_assignment WHERE foundation_id = ${foundationId}::uuid AND (valid_until IS NULL OR valid_until > now())),
      'delegations', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'lenderId', d.lender_id, 'borrowerId', d.borrower_id, 'codes', CASE WHEN cardinality(d.codes) > 0 THEN to_jsonb(d.codes) END, 'nodeId', d.node_id, 'transitive', d.transitive,
                        'from', extract(epoch FROM d.valid_from) * 1000, 'until', extract(epoch FROM d.valid_until) * 1000)), '[]')
                        FROM delegation d JOIN person l ON l.foundation_id = d.foundation_id AND l.id = d.lender_id AND l.deleted_at IS NULL WHERE d.foundation_id = ${foundationId}::uuid AND d.valid_until > now())
    ) AS model`;
  const { units, positions, ...rows } = row!.model;
  return { ...rows, units: new Map(units.map(([id, path, schoolId]) => [id, { path, schoolId }])), positions: new Map(positions), grants: [] };
}

/** Grants that have not ended, of these permissions – any where null – that can matter to these people. */
function grantsFor(tx: Tx, foundationId: string, codes: readonly string[] | null, people: ReadonlySet<string>): Promise<GrantFacts[]> {
  return readGrants(tx, foundationId, { codes, people: [...people] });
}

async function readGrants(tx: Tx, foundationId: string, which: { id: string } | { codes: readonly string[] | null; people: readonly string[] }): Promise<GrantFacts[]> {
  const [id, codes, people] = 'id' in which ? [which.id, null, []] : [null, which.codes, which.people];
  return tx.$queryRaw<GrantFacts[]>`
    SELECT id::text, permission_code AS code, effect::text, scope::text, node_id::text AS "nodeId", everyone, person_id::text AS "personId", position_id::text AS "positionId", role_id::text AS "roleId",
           CASE WHEN resource_type IS NOT NULL THEN jsonb_build_object('type', resource_type, 'id', resource_id) END AS resource, condition,
           (extract(epoch FROM valid_from) * 1000)::double precision AS "from", (extract(epoch FROM valid_until) * 1000)::double precision AS until
      FROM grant_rule
     WHERE foundation_id = ${foundationId}::uuid AND (valid_until IS NULL OR valid_until > now())
       AND (${id}::uuid IS NULL OR id = ${id}::uuid)
       AND (${id}::uuid IS NOT NULL OR ((${codes}::text[] IS NULL OR permission_code = ANY (${codes}::text[])) AND (person_id IS NULL OR person_id = ANY (${people}::uuid[]))))`;
}
