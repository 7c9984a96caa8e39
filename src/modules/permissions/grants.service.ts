import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, requireUnchanged } from '../../http';
import { changesAuthorization, Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { BoundedGranting } from './bounded-granting';
import { type CreateAssignment, type CreateGrant, type ListAssignmentsQuery, type ListGrantsQuery, toAssignmentResponse, toGrantResponse, type UpdateGrant } from './permissions.dto';
import { grantChanged, grantCreated, grantRevoked, roleAssigned, roleUnassigned } from './permissions.events';
import { ResourceTypes } from './resource-types.service';

const unknownReference = () => new Problem('NOT_FOUND');
const badPeriod = () => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/validUntil', code: 'period', detail: 'must be later than validFrom' }]);

/** Grants and role assignments: who may do what, from when until when. Effective with the answer. */
@Injectable()
export class GrantsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly bounded: BoundedGranting,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
    private readonly resourceTypes: ResourceTypes,
  ) {}

  async listGrants(actor: Actor, query: ListGrantsQuery) {
    await this.permissions.require(actor, 'permission:read', {});
    const { permission: permissionCode, roleId, personId, positionId } = query;
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('grants', query),
        query,
        (take, after) => tx.grant.findMany({ where: { permissionCode, roleId, personId, positionId, ...(after ? { id: { gt: after[0]! } } : {}) }, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toGrantResponse), nextCursor: page.nextCursor };
    });
  }

  createGrant(actor: Actor, input: CreateGrant) {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.createGrantIn(tx, actor, input)));
  }

  /** The same inside a transaction already open. `at`: where what is wrong with it stands. */
  async createGrantIn(tx: Tx, actor: Actor, input: CreateGrant, at = '#') {
    const { subject } = input;
    await this.bounded.requireMayWrite(tx, actor, { scope: input.scope, nodeId: input.nodeId ?? null });
    const condition = await this.resourceTypes.conditionOf(tx, input, at);
    const limits = { resourceType: input.resource?.type ?? null, resourceId: input.resource?.id ?? null, condition };
    await this.bounded.requireHeld(tx, actor, [{ permissionCode: input.permission, effect: input.effect, scope: input.scope, nodeId: input.nodeId ?? null, ...limits, validUntil: input.validUntil ? new Date(input.validUntil) : null }]);
    const grant = await namingConstraints(
      {
        grant_rule_once: () => new Problem('CODE_TAKEN', { field: 'grant' }),
        grant_rule_period: badPeriod,
        grant_rule_foundation_id_node_id_fkey: unknownReference,
        grant_rule_foundation_id_role_id_fkey: unknownReference,
        grant_rule_foundation_id_person_id_fkey: unknownReference,
        grant_rule_foundation_id_position_id_fkey: unknownReference,
      },
      () =>
        tx.grant.create({
          data: {
            id: uuidv7(),
            foundationId: actor.foundationId,
            permissionCode: input.permission,
            effect: input.effect,
            scope: input.scope,
            nodeId: input.nodeId,
            everyone: subject.type === 'everyone',
            roleId: subject.type === 'role' ? subject.id : null,
            personId: subject.type === 'person' ? subject.id : null,
            positionId: subject.type === 'position' ? subject.id : null,
            ...limits,
            condition: condition ?? undefined,
            grantedBy: actorKey(actor),
            validFrom: input.validFrom,
            validUntil: input.validUntil,
            reason: input.reason,
          },
        }),
    );
    await this.audit.record(tx, actor, grantCreated(grant));
    if (grant.effect === 'deny') await this.bounded.requireAdministratorLeft(tx, actor, [grant.permissionCode]);
    return toGrantResponse(grant);
  }

  async getGrant(actor: Actor, id: string) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => toGrantResponse(await this.findGrant(tx, id)));
  }

  /**
   * Moves a grant's end, or says better why. Ending an allow later, or a deny earlier, gives something: it must be held.
   * Throws 412 PRECONDITION_FAILED where the grant is not what If-Match names.
   */
  async updateGrant(actor: Actor, id: string, input: UpdateGrant, ifMatch: string | undefined) {
    return this.database.withTenant(actor, async (tx) => {
      const before = await this.lockGrant(tx, id);
      await this.bounded.requireMayWrite(tx, actor, before);
      requireUnchanged(toGrantResponse(before), { ifMatch });
      const validUntil = input.validUntil === undefined ? before.validUntil : input.validUntil === null ? null : new Date(input.validUntil);
      const reason = input.reason ?? before.reason;
      const [was, is] = [before.validUntil?.getTime() ?? Infinity, validUntil?.getTime() ?? Infinity];
      if (is !== was) {
        // What was, was: an end is moved from now on.
        if (Math.min(is, was) <= actor.startedAt) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/validUntil', code: 'past', detail: 'neither the old end nor the new one may have passed' }]);
        if (is > was) await this.bounded.requireHeld(tx, actor, [{ ...before, validUntil }]);
        else await this.bounded.requireDeniedHeld(tx, actor, [before]);
        await namingConstraints({ grant_rule_once: () => new Problem('CODE_TAKEN', { field: 'grant' }), grant_rule_period: badPeriod }, () => tx.grant.updateMany({ where: { id }, data: { validUntil, reason } }));
      } else if (reason !== before.reason) await tx.grant.updateMany({ where: { id }, data: { reason } });
      else {
        changesAuthorization(tx);
        return toGrantResponse(before);
      }
      const after = await this.findGrant(tx, id);
      await this.audit.record(tx, actor, grantChanged(before, after));
      if (is !== was) await this.bounded.requireAdministratorLeft(tx, actor, before.effect === 'deny' ? [before.permissionCode] : []);
      return toGrantResponse(after);
    });
  }

  async revokeGrant(actor: Actor, id: string, ifMatch: string | undefined): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const grant = await this.lockGrant(tx, id);
      requireUnchanged(toGrantResponse(grant), { ifMatch });
      await this.bounded.requireMayWrite(tx, actor, grant);
      await this.bounded.requireDeniedHeld(tx, actor, [grant]);
      await tx.grant.deleteMany({ where: { id } });
      await this.audit.record(tx, actor, grantRevoked(grant));
      await this.bounded.requireAdministratorLeft(tx, actor);
    });
  }

  async listAssignments(actor: Actor, query: ListAssignmentsQuery) {
    await this.permissions.require(actor, 'permission:read', {});
    const { roleId, personId, positionId } = query;
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('role-assignments', query),
        query,
        (take, after) => tx.roleAssignment.findMany({ where: { roleId, personId, positionId, ...(after ? { id: { gt: after[0]! } } : {}) }, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toAssignmentResponse), nextCursor: page.nextCursor };
    });
  }

  assign(actor: Actor, input: CreateAssignment) {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.assignIn(tx, actor, input)));
  }

  /** The same inside a transaction already open. */
  async assignIn(tx: Tx, actor: Actor, input: CreateAssignment) {
    await this.bounded.requireMayAssign(tx, actor, input.positionId ?? null);
    await this.bounded.requireRolesHeld(tx, actor, [input.roleId], input.validUntil ? new Date(input.validUntil) : null);
    const assignment = await namingConstraints(
      {
        role_assignment_once: () => new Problem('CODE_TAKEN', { field: 'role assignment' }),
        role_assignment_period: badPeriod,
        role_assignment_foundation_id_role_id_fkey: unknownReference,
        role_assignment_foundation_id_person_id_fkey: unknownReference,
        role_assignment_foundation_id_position_id_fkey: unknownReference,
      },
      () => tx.roleAssignment.create({ data: { ...input, id: uuidv7(), foundationId: actor.foundationId } }),
    );
    await this.audit.record(tx, actor, roleAssigned(assignment));
    await this.bounded.keepAdministrator(tx, actor, [assignment.roleId]);
    return toAssignmentResponse(assignment);
  }

  async unassign(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const assignment = await tx.roleAssignment.findFirst({ where: { id } });
      if (!assignment) throw new Problem('NOT_FOUND');
      await this.bounded.requireMayAssign(tx, actor, assignment.positionId);
      await this.bounded.requireRolesDeniedHeld(tx, actor, [assignment.roleId]);
      await tx.roleAssignment.deleteMany({ where: { id } });
      await this.audit.record(tx, actor, roleUnassigned(assignment));
      await this.bounded.requireAdministratorLeft(tx, actor);
    });
  }

  private async lockGrant(tx: Tx, id: string) {
    await tx.$queryRaw`SELECT 1 FROM grant_rule WHERE id = ${id}::uuid FOR UPDATE`;
    return this.findGrant(tx, id);
  }

  private async findGrant(tx: Tx, id: string) {
    const grant = await tx.grant.findFirst({ where: { id } });
    if (!grant) throw new Problem('NOT_FOUND');
    return grant;
  }
}
