import { Injectable } from '@nestjs/common';
import { type Actor, isPermissionCode, isRowKind, permissionCodes, PermissionPort, placesOf, Problem, type ResourceFacts, rowKindsOf, RowSources } from '../../access';
import { Cursors, listName } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { AskedRows } from './asked-rows';
import { decide, filterOf, type Question } from './decide';
import { PermissionsService } from './permissions.service';
import { ResourceTypes } from './resource-types.service';
import type { ListActionsInput, ListResourcesInput, ListSubjectsInput } from './search.dto';
import { Subjects } from './subjects.service';

/** How many people are looked at in one go, at most. */
const SWATH = 5_000;

/** A decision turned round: which rows, who, what. Every page is whole and goes on where the one before ended. */
@Injectable()
export class PermissionSearch {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionsService,
    private readonly port: PermissionPort,
    private readonly subjects: Subjects,
    private readonly resourceTypes: ResourceTypes,
    private readonly cursors: Cursors,
    private readonly sources: RowSources,
    private readonly rows: AskedRows,
  ) {}

  /** The rows of a kind that somebody may do something with: the decision as a WHERE clause. */
  async resources(actor: Actor, input: ListResourcesInput) {
    const { permission, type } = input;
    const personId = await this.whom(actor, input.personId);
    const kind = type;
    if (!isRowKind(kind)) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/type', code: 'kind', detail: 'rows of this kind are kept by another application' }]);
    if (!isPermissionCode(permission) || !rowKindsOf(permission).includes(kind)) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/type', code: 'kind', detail: `${permission} is not asked about rows of this kind` }]);
    const moment = await this.subjects.momentOf(actor);
    const subject = await this.subjects.get(actor.foundationId, personId, moment);
    const filter = this.permissions.beyondKey(actor, personId, permission) ? ({ kind: 'none' } as const) : filterOf(subject, permission, kind, this.permissions.contextOf(actor, input.context), input);
    if (!subject.living) throw new Problem('NOT_FOUND');
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(listName('list-resources', { ...input, personId }), input, (take, after) => this.sources.of(kind).ids(tx, filter, take, after?.[0] ?? null), (id) => [id]);
      return { items: page.items.map((id) => ({ id })), nextCursor: page.nextCursor };
    });
  }

  /** Who may do something: candidates by sets, in the database, and each of them decided. */
  async people(actor: Actor, input: ListSubjectsInput) {
    await this.port.require(actor, 'permission:check', {});
    const { permission } = input;
    const moment = await this.subjects.momentOf(actor);
    return this.database.withTenant(actor, async (tx) => {
      await this.resourceTypes.requireKnown(tx, [permission], () => '#/permission');
      const [resource] = await this.rows.factsOf(tx, [input.resource]);
      const question: Question = { permission, resource, context: this.permissions.contextOf(actor, input.context), subject: input.subject, action: input.action };
      const page = await this.cursors.page(
        listName('list-subjects', input),
        input,
        async (take, after) => {
          const found: string[] = [];
          let last = after?.[0] ?? null;
          for (let swath = Math.max(take * 2, 100); found.length < take; swath = Math.min(swath * 2, SWATH)) {
            const candidates = await mayHold(tx, actor.foundationId, permission, resource, last, swath);
            const compiled = await this.subjects.getMany(actor.foundationId, candidates, moment, tx);
            found.push(...candidates.filter((id) => decide(compiled.get(id)!, question).allowed));
            if (candidates.length < swath) break;
            last = candidates.at(-1)!;
          }
          return found.slice(0, take);
        },
        (id) => [id],
      );
      return { items: page.items.map((personId) => ({ personId })), nextCursor: page.nextCursor };
    });
  }

  /** What somebody may do with a row, or at all. */
  async actions(actor: Actor, input: ListActionsInput) {
    const personId = await this.whom(actor, input.personId);
    const moment = await this.subjects.momentOf(actor);
    const subject = await this.subjects.get(actor.foundationId, personId, moment);
    if (!subject.living) throw new Problem('NOT_FOUND');
    return this.database.withTenant(actor, async (tx) => {
      const [resource] = await this.rows.factsOf(tx, [input.resource]);
      const context = this.permissions.contextOf(actor, input.context);
      const page = await this.cursors.page(
        listName('list-actions', { ...input, personId }),
        input,
        async (take, after) => {
          const codes = await this.codesFor(tx, resource?.type, after?.[0] ?? null);
          return codes.filter((permission) => !this.permissions.beyondKey(actor, personId, permission) && decide(subject, { permission, resource, context, subject: input.subject, action: input.action }).allowed).slice(0, take);
        },
        (code) => [code],
      );
      return { items: page.items.map((permission) => ({ permission })), nextCursor: page.nextCursor };
    });
  }

  /** Every permission there is that is asked about rows of a type – any, where none is said – by code, after one. */
  async codesFor(tx: Tx, type: string | undefined, after: string | null): Promise<string[]> {
    const own = permissionCodes.filter((code) => type === undefined || (rowKindsOf(code) as readonly string[]).includes(type));
    const registered = (await this.resourceTypes.registered(tx, 2_147_483_647, null)).map(({ code }) => code).filter((code) => type === undefined || code.startsWith(`${type}:`));
    return [...own, ...registered].filter((code) => after === null || code > after).sort();
  }

  private async whom(actor: Actor, personId: string | undefined): Promise<string> {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    const whom = personId ?? own;
    if (whom === undefined) throw new Problem('NOT_FOUND');
    if (whom !== own) await this.port.require(actor, 'permission:check', {});
    return whom;
  }
}

/**
 * People who may hold a permission for a row, ascending, after one: everybody some allow of it reaches, and whoever
 * borrows from them. More than do, never fewer: denies, conditions and the bounds of loans are left to `decide`.
 */
export async function mayHold(tx: Tx, foundationId: string, permission: string, resource: ResourceFacts | undefined, after: string | null, take: number): Promise<string[]> {
  const places = [...new Set(placesOf(resource?.unitPath).flat())];
  const anywhere = resource === undefined;
  const rows = await tx.$queryRaw<{ id: string }[]>`
    WITH soon AS (SELECT now() + interval '2 seconds' AS at), giving AS (
      SELECT g.person_id, g.position_id, g.role_id, g.everyone, g.scope::text AS scope
        FROM grant_rule g, soon
       WHERE g.foundation_id = ${foundationId}::uuid AND g.permission_code = ${permission} AND g.effect = 'allow'
         AND g.valid_from <= soon.at AND (g.valid_until IS NULL OR g.valid_until > now() - interval '2 seconds')
         AND (${anywhere} OR g.resource_type IS NULL OR (g.resource_type = ${resource?.type ?? null} AND (g.resource_id IS NULL OR g.resource_id = ${resource?.id ?? null})))
         AND (${anywhere} OR g.scope <> 'node' OR g.node_id = ANY (${places}::uuid[]))
         AND (${anywhere} OR g.scope <> 'own' OR ${resource?.ownerPersonId ?? null}::uuid IS NOT NULL)
    ), held AS (
      SELECT person_id, position_id, everyone, scope FROM giving WHERE role_id IS NULL
      UNION
      SELECT r.person_id, r.position_id, false, g.scope FROM giving g
        JOIN role_closure c ON c.foundation_id = ${foundationId}::uuid AND c.junior_id = g.role_id
        JOIN role_assignment r ON r.foundation_id = c.foundation_id AND r.role_id = c.senior_id, soon
       WHERE r.valid_from <= soon.at AND (r.valid_until IS NULL OR r.valid_until > now() - interval '2 seconds')
    ), posts AS (
      SELECT a.person_id, a.position_id,
             u.id = ANY (${places}::uuid[]) AS department,
             coalesce(u.school_id = ANY (${places}::uuid[]), false) AS school
        FROM appointment a
        JOIN position p ON p.foundation_id = a.foundation_id AND p.id = a.position_id
        JOIN org_unit u ON u.foundation_id = p.foundation_id AND u.id = p.unit_id
        , soon
       WHERE a.foundation_id = ${foundationId}::uuid AND a.valid_from <= soon.at AND (a.valid_until IS NULL OR a.valid_until > now() - interval '2 seconds')
    ), reached AS (
      -- Named themselves: seen from every post they hold.
      SELECT h.person_id FROM held h WHERE h.person_id IS NOT NULL
         AND (${anywhere} OR h.scope IN ('all', 'node') OR (h.scope = 'own' AND h.person_id = ${resource?.ownerPersonId ?? null}::uuid)
           OR EXISTS (SELECT FROM posts p WHERE p.person_id = h.person_id AND ((h.scope = 'department' AND p.department) OR (h.scope = 'school' AND p.school))))
      UNION
      -- By a post: seen from that one.
      SELECT p.person_id FROM held h JOIN posts p ON p.position_id = h.position_id
       WHERE ${anywhere} OR h.scope IN ('all', 'node') OR (h.scope = 'own' AND p.person_id = ${resource?.ownerPersonId ?? null}::uuid) OR (h.scope = 'department' AND p.department) OR (h.scope = 'school' AND p.school)
      UNION
      SELECT p.person_id FROM posts p WHERE (p.department AND EXISTS (SELECT FROM held WHERE everyone AND scope = 'department')) OR (p.school AND EXISTS (SELECT FROM held WHERE everyone AND scope = 'school'))
      UNION
      SELECT ${resource?.ownerPersonId ?? null}::uuid WHERE EXISTS (SELECT FROM held WHERE everyone AND scope = 'own')
      UNION
      SELECT p.id FROM person p WHERE p.foundation_id = ${foundationId}::uuid
         AND EXISTS (SELECT FROM held WHERE everyone AND (${anywhere} OR scope IN ('all', 'node')))
    ), lent AS (
      SELECT d.lender_id, d.borrower_id FROM delegation d, soon WHERE d.foundation_id = ${foundationId}::uuid AND d.valid_from <= soon.at AND d.valid_until > now() - interval '2 seconds'
    ), first_loan AS (SELECT l.borrower_id FROM lent l JOIN reached r ON r.person_id = l.lender_id),
    candidates AS (
      SELECT person_id FROM reached UNION SELECT borrower_id FROM first_loan
      UNION SELECT l.borrower_id FROM lent l JOIN first_loan f ON f.borrower_id = l.lender_id
    )
    SELECT p.id::text AS id FROM candidates c JOIN person p ON p.foundation_id = ${foundationId}::uuid AND p.id = c.person_id AND p.deleted_at IS NULL
     WHERE ${after}::uuid IS NULL OR p.id > ${after}::uuid ORDER BY p.id LIMIT ${take}`;
  return rows.map(({ id }) => id);
}
