import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, requireBasis, requireUnchanged } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { BoundedGranting } from './bounded-granting';
import { type CreateRole, type ListRolesQuery, toRoleResponse, type UpdateRole } from './permissions.dto';
import { grantRevoked, inheritanceAdded, inheritanceRemoved, roleCreated, roleDeleted, roleChanged } from './permissions.events';

const withJuniors = { juniors: { select: { juniorId: true } } } as const;

@Injectable()
export class RolesService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly bounded: BoundedGranting,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
  ) {}

  async list(actor: Actor, query: ListRolesQuery) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('roles', query),
        query,
        (take, after) => tx.role.findMany({ where: after ? { code: { gt: after[0]! } } : {}, orderBy: { code: 'asc' }, take, include: withJuniors }),
        (row) => [row.code],
      );
      return { items: page.items.map(toRoleResponse), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => toRoleResponse(await this.find(tx, id)));
  }

  async create(actor: Actor, input: CreateRole) {
    await this.permissions.require(actor, 'role:write', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.createIn(tx, actor, input)));
  }

  /** The same inside a transaction already open, for who has asked for the right to it. */
  async createIn(tx: Tx, actor: Actor, input: CreateRole) {
    const role = await namingConstraints({ role_foundation_id_code_key: () => new Problem('CODE_TAKEN', { field: 'code' }) }, () =>
      tx.role.create({ data: { id: uuidv7(), foundationId: actor.foundationId, code: input.code, name: input.name } }),
    );
    await this.audit.record(tx, actor, roleCreated(role));
    await this.setJuniors(tx, actor, role.id, input.juniorIds);
    return toRoleResponse(await this.find(tx, role.id));
  }

  /** Throws 412 or 409 where the role is not what the change was based on, 428 where it is based on nothing. */
  async update(actor: Actor, id: string, input: UpdateRole, ifMatch: string | undefined) {
    await this.permissions.require(actor, 'role:write', {});
    const based = { ifMatch, version: input.version };
    requireBasis(based);
    return this.database.withTenant(actor, async (tx) => {
      const before = await this.lock(tx, id);
      requireUnchanged(toRoleResponse(before), based);
      const { name = before.name } = input;
      const juniors = input.juniorIds ? await this.setJuniors(tx, actor, id, input.juniorIds) : false;
      if (name !== before.name || juniors) {
        await tx.role.updateMany({ where: { id }, data: { name, version: { increment: 1 } } });
        await this.audit.record(tx, actor, roleChanged(before, await this.find(tx, id)));
      }
      if (juniors) await this.bounded.requireAdministratorLeft(tx, actor);
      return toRoleResponse(await this.find(tx, id));
    });
  }

  async remove(actor: Actor, id: string, ifMatch: string | undefined): Promise<void> {
    await this.permissions.require(actor, 'role:write', {});
    await this.database.withTenant(actor, async (tx) => {
      const role = await this.lock(tx, id);
      requireUnchanged(toRoleResponse(role), { ifMatch });
      if (role.system) throw new Problem('ROLE_IS_SYSTEM');
      const inUse = await tx.roleAssignment.count({ where: { roleId: id } });
      if (inUse > 0) throw new Problem('STILL_IN_USE', { what: 'role assignments' });
      if ((await tx.breakGlass.count({ where: { roleId: id } })) > 0) throw new Problem('STILL_IN_USE', { what: 'access for emergencies' });
      if ((await tx.sodMember.count({ where: { roleId: id } })) > 0) throw new Problem('STILL_IN_USE', { what: 'sets of separation of duty' });
      await this.bounded.requireRolesDeniedHeld(tx, actor, [id]);
      const edges = await tx.roleInheritance.findMany({ where: { OR: [{ seniorId: id }, { juniorId: id }] } });
      const grants = await tx.grant.findMany({ where: { roleId: id } });
      await this.audit.record(tx, actor, ...edges.map(inheritanceRemoved), ...grants.map(grantRevoked), roleDeleted(role));
      await tx.roleInheritance.deleteMany({ where: { id: { in: edges.map((edge) => edge.id) } } });
      await tx.grant.deleteMany({ where: { roleId: id } });
      await tx.role.delete({ where: { foundationId_id: { foundationId: actor.foundationId, id } } });
      await this.bounded.requireAdministratorLeft(tx, actor);
    });
  }

  /** Of two who change the same role, the second sees what the first has done. */
  private async lock(tx: Tx, id: string) {
    await tx.$queryRaw`SELECT 1 FROM role WHERE id = ${id}::uuid FOR UPDATE`;
    return this.find(tx, id);
  }

  private async find(tx: Tx, id: string) {
    const role = await tx.role.findFirst({ where: { id }, include: withJuniors });
    if (!role) throw new Problem('NOT_FOUND');
    return role;
  }

  /** Makes exactly these the juniors; what a role comes to inherit must be held by whoever lets it. Resolves to whether anything changed. */
  private async setJuniors(tx: Tx, actor: Actor, seniorId: string, juniorIds: readonly string[]): Promise<boolean> {
    const present = await tx.roleInheritance.findMany({ where: { seniorId } });
    const added = juniorIds.filter((id) => !present.some(({ juniorId }) => juniorId === id));
    const removed = present.filter(({ juniorId }) => !juniorIds.includes(juniorId));
    if (added.length === 0 && removed.length === 0) return false;
    const known = await tx.role.count({ where: { id: { in: added } } });
    if (known !== new Set(added).size) throw new Problem('NOT_FOUND');
    await this.bounded.requireRolesHeld(tx, actor, added);
    await this.bounded.requireRolesDeniedHeld(tx, actor, removed.map(({ juniorId }) => juniorId));
    await tx.roleInheritance.deleteMany({ where: { id: { in: removed.map(({ id }) => id) } } });
    const rows = [...new Set(added)].map((juniorId) => ({ id: uuidv7(), foundationId: actor.foundationId, seniorId, juniorId }));
    await namingConstraints({ role_inheritance_not_self: () => new Problem('ROLE_CYCLE') }, () => tx.roleInheritance.createMany({ data: rows }));
    await this.audit.record(tx, actor, ...removed.map(inheritanceRemoved), ...rows.map(inheritanceAdded));
    return true;
  }
}
