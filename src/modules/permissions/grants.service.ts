import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, attributeTypesOf, checkCondition, type Condition, PermissionPort, Problem, rowKindsOf } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { Database } from '../../platform/database';
import { AuditService } from '../audit';
import { BoundedGranting } from './bounded-granting';
import { type CreateAssignment, type CreateGrant, type ListAssignmentsQuery, type ListGrantsQuery, toAssignmentResponse, toGrantResponse } from './permissions.dto';
import { grantCreated, grantRevoked, roleAssigned, roleUnassigned } from './permissions.events';

const unknownReference = () => new Problem('NOT_FOUND');
const badPeriod = () => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/validUntil', code: 'period', detail: 'must be later than validFrom' }]);

/**
 * A grant's condition as it is stored, with the types its attributes have now. Throws 400 REQUEST_INVALID where the kind of
 * rows is none the permission is asked about, or the condition does not type-check.
 */
function conditionOf({ permission, resource, condition }: Pick<CreateGrant, 'permission' | 'resource' | 'condition'>): { test: Condition; types: Record<string, string> } | null {
  const refuse = (errors: { pointer: string; code: string; detail: string }[]) => new Problem('REQUEST_INVALID', { count: errors.length }, errors);
  const kinds = rowKindsOf(permission);
  if (resource && !kinds.includes(resource.type)) {
    throw refuse([{ pointer: '#/resource/type', code: 'kind', detail: kinds.length > 0 ? `${permission} is asked about ${kinds.join(', ')}` : `${permission} is not asked about single rows` }]);
  }
  if (!condition) return null;
  // Without a kind there is no row to ask about, only the person and the request.
  const types = attributeTypesOf(resource?.type ?? null);
  const faults = checkCondition(condition, types);
  if (faults.length > 0) throw refuse(faults.map(({ pointer, detail }) => ({ pointer: `#/condition${pointer}`, code: 'condition', detail })));
  const used = new Set([...JSON.stringify(condition).matchAll(/"attribute":"([^"]+)"/g)].map(([, name]) => name!));
  return { test: condition, types: Object.fromEntries(Object.entries(types).filter(([name]) => used.has(name))) };
}

/** Grants and role assignments: who may do what, from when until when. Effective with the answer. */
@Injectable()
export class GrantsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly bounded: BoundedGranting,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
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

  async createGrant(actor: Actor, input: CreateGrant) {
    const { subject } = input;
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        await this.bounded.requireMayWrite(tx, actor, { scope: input.scope, nodeId: input.nodeId ?? null });
        const condition = conditionOf(input);
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
      }),
    );
  }

  async revokeGrant(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const grant = await tx.grant.findFirst({ where: { id } });
      if (!grant) throw new Problem('NOT_FOUND');
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

  async assign(actor: Actor, input: CreateAssignment) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
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
      }),
    );
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
}
