import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, isPermissionCode, type PermissionCode, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, requireBasis, requireUnchanged } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { brokenBy } from './duties';
import { type CreateSodSet, type ListSodSetsQuery, toSodSetResponse, type UpdateSodSet } from './permissions.dto';
import { sodSetChanged, sodSetCreated, sodSetDeleted } from './permissions.events';

const TAKEN = { sod_set_foundation_id_name_key: () => new Problem('CODE_TAKEN', { field: 'name' }) };
/** What is asked of requireDutyApart; a set of anything else would promise what nobody keeps. */
const DUTIES: readonly string[] = ['workflow:submit', 'workflow:approve', 'workflow:complete'] satisfies PermissionCode[];
const withMembers = { members: true } as const;

/**
 * Separation of duty as in INCITS 359. Static sets are kept by the database, whoever writes (sod_keep_roles_apart); dynamic
 * ones where a duty is done, by requireDutyApart.
 */
@Injectable()
export class SeparationOfDuty {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
  ) {}

  async list(actor: Actor, query: ListSodSetsQuery) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('separation-of-duty', query),
        query,
        (take, after) => tx.sodSet.findMany({ where: after ? { id: { gt: after[0]! } } : {}, orderBy: { id: 'asc' }, take, include: withMembers }),
        (row) => [row.id],
      );
      return { items: page.items.map(toSodSetResponse), nextCursor: page.nextCursor };
    });
  }

  /** Throws 409 ROLES_KEPT_APART where somebody holds too many of its roles already. */
  async create(actor: Actor, input: CreateSodSet) {
    await this.permissions.require(actor, 'role:write', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.createIn(tx, actor, input)));
  }

  /** The same inside a transaction already open, for who has asked for the right to it. */
  async createIn(tx: Tx, actor: Actor, input: CreateSodSet) {
    const id = uuidv7();
    const { kind, name, cardinality } = input;
    const members = await this.members(tx, actor, { id, kind, cardinality }, input.members);
    await namingConstraints(TAKEN, () => tx.sodSet.create({ data: { id, foundationId: actor.foundationId, kind, name, cardinality } }));
    await tx.sodMember.createMany({ data: members });
    const row = await this.find(tx, id);
    await this.audit.record(tx, actor, sodSetCreated(row));
    return toSodSetResponse(row);
  }

  async get(actor: Actor, id: string) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => toSodSetResponse(await this.find(tx, id)));
  }

  /** Throws 412 or 409 where the set is not what the change was based on, 428 where it is based on nothing. */
  async update(actor: Actor, id: string, input: UpdateSodSet, ifMatch: string | undefined) {
    await this.permissions.require(actor, 'role:write', {});
    const based = { ifMatch, version: input.version };
    requireBasis(based);
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const before = await this.lock(tx, id);
        requireUnchanged(toSodSetResponse(before), based);
        const { name = before.name, cardinality = before.cardinality } = input;
        const wanted = input.members ?? before.members.map(({ roleId, permissionCode }) => roleId ?? permissionCode!);
        const members = await this.members(tx, actor, { id, kind: before.kind, cardinality }, wanted);
        // The members go first and come last: what is judged is the new set, whole.
        await tx.sodMember.deleteMany({ where: { setId: id } });
        await namingConstraints(TAKEN, () => tx.sodSet.updateMany({ where: { id }, data: { name, cardinality, version: { increment: 1 } } }));
        await tx.sodMember.createMany({ data: members });
        const after = await this.find(tx, id);
        await this.audit.record(tx, actor, sodSetChanged(before, after));
        return toSodSetResponse(after);
      }),
    );
  }

  async remove(actor: Actor, id: string, ifMatch: string | undefined): Promise<void> {
    await this.permissions.require(actor, 'role:write', {});
    await this.database.withTenant(actor, async (tx) => {
      const row = await this.lock(tx, id);
      requireUnchanged(toSodSetResponse(row), { ifMatch });
      await tx.sodSet.deleteMany({ where: { id } });
      await this.audit.record(tx, actor, sodSetDeleted(row));
    });
  }

  async requireDutyApart(tx: Tx, code: PermissionCode, had: readonly PermissionCode[], target: { type: string; id: string }): Promise<void> {
    if (had.length === 0) return;
    const sets = await tx.sodSet.findMany({ where: { kind: 'dynamic', members: { some: { permissionCode: code } } }, include: withMembers, orderBy: { id: 'asc' } });
    const broken = brokenBy(sets.map(({ members, cardinality, name }) => ({ name, cardinality, duties: members.flatMap(({ permissionCode }) => permissionCode ?? []) })), code, had);
    if (broken) throw new Denied('DUTIES_KEPT_APART', { set: broken.name, permission: code }, target);
  }

  private async lock(tx: Tx, id: string) {
    await tx.$queryRaw`SELECT 1 FROM sod_set WHERE id = ${id}::uuid FOR UPDATE`;
    return this.find(tx, id);
  }

  private async find(tx: Tx, id: string) {
    const row = await tx.sodSet.findFirst({ where: { id }, include: withMembers });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }

  /** Rows for these members, each once. Throws 400 where one is of the other kind, or the set could never be broken; 404 for an unknown role. */
  private async members(tx: Tx, actor: Actor, set: { id: string; kind: string; cardinality: number }, names: readonly string[]) {
    const refuse = (pointer: string, code: string, detail: string) => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer, code, detail }]);
    const once = [...new Set(names)];
    const dynamic = set.kind === 'dynamic';
    const odd = once.findIndex((name) => (dynamic ? !DUTIES.includes(name) : isPermissionCode(name)));
    if (odd >= 0) throw refuse(`#/members/${odd}`, 'kind', dynamic ? `is none of the duties on a request: ${DUTIES.join(', ')}` : 'is no role');
    if (set.cardinality > once.length) throw refuse('#/cardinality', 'unreachable', `nobody could have ${set.cardinality} of ${once.length}`);
    if (!dynamic && (await tx.role.count({ where: { id: { in: once } } })) !== once.length) throw new Problem('NOT_FOUND');
    return once.map((name) => ({ id: uuidv7(), foundationId: actor.foundationId, setId: set.id, ...(dynamic ? { permissionCode: name } : { roleId: name }) }));
  }
}
