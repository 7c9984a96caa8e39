import type { BreakGlass, BreakGlassOpening, CustomPermission, Delegation, Grant, ResourceType, Role, RoleAssignment, RoleInheritance, SodMember, SodSet } from '../../platform/database';
import { type AuditEvent, plain } from '../audit';

type Fields = NonNullable<AuditEvent['after']>;
const grantFields = (row: Grant): Fields => ({
  permission: row.permissionCode, effect: row.effect, scope: row.scope, nodeId: row.nodeId, roleId: row.roleId, personId: row.personId,
  positionId: row.positionId, everyone: row.everyone, resourceType: row.resourceType, resourceId: row.resourceId, condition: row.condition, validFrom: plain(row.validFrom), validUntil: plain(row.validUntil), reason: row.reason,
});
const assignmentFields = (row: RoleAssignment): Fields => ({
  roleId: row.roleId, personId: row.personId, positionId: row.positionId, validFrom: plain(row.validFrom), validUntil: plain(row.validUntil), reason: row.reason,
});
const inheritanceFields = (row: RoleInheritance): Fields => ({ seniorId: row.seniorId, juniorId: row.juniorId });

export const roleCreated = (row: Role): AuditEvent => ({ action: 'role.created', target: { type: 'role', id: row.id }, after: { code: row.code, name: row.name, system: row.system } });
export const roleChanged = (before: Role, after: Role): AuditEvent => ({ action: 'role.changed', target: { type: 'role', id: after.id }, before: { name: before.name, version: before.version }, after: { name: after.name, version: after.version } });
export const roleDeleted = (row: Role): AuditEvent => ({ action: 'role.deleted', target: { type: 'role', id: row.id }, before: { code: row.code, name: row.name } });
export const inheritanceAdded = (row: RoleInheritance): AuditEvent => ({ action: 'role.inheritance_added', target: { type: 'role_inheritance', id: row.id }, after: inheritanceFields(row) });
export const inheritanceRemoved = (row: RoleInheritance): AuditEvent => ({ action: 'role.inheritance_removed', target: { type: 'role_inheritance', id: row.id }, before: inheritanceFields(row) });
export const grantCreated = (row: Grant): AuditEvent => ({ action: 'grant.created', target: { type: 'grant_rule', id: row.id }, after: grantFields(row) });
export const grantChanged = (before: Grant, after: Grant): AuditEvent => ({ action: 'grant.changed', target: { type: 'grant_rule', id: after.id }, before: grantFields(before), after: grantFields(after) });
export const grantRevoked = (row: Grant): AuditEvent => ({ action: 'grant.revoked', target: { type: 'grant_rule', id: row.id }, before: grantFields(row) });
const delegationFields = (row: Delegation): Fields => ({
  lenderId: row.lenderId, borrowerId: row.borrowerId, permissions: row.codes.length > 0 ? row.codes.join(' ') : null, nodeId: row.nodeId, transitive: row.transitive,
  validFrom: plain(row.validFrom), validUntil: plain(row.validUntil), reason: row.reason,
});
export const delegationCreated = (row: Delegation): AuditEvent => ({ action: 'delegation.created', target: { type: 'delegation', id: row.id }, after: delegationFields(row) });
export const delegationEnded = (before: Delegation, after: Delegation | null): AuditEvent => ({ action: 'delegation.ended', target: { type: 'delegation', id: before.id }, before: delegationFields(before), ...(after ? { after: delegationFields(after) } : {}) });
const sodFields = (row: SodSet & { members: SodMember[] }): Fields => ({
  kind: row.kind, name: row.name, cardinality: row.cardinality, version: row.version, members: row.members.map(({ roleId, permissionCode }) => roleId ?? permissionCode).sort(),
});
export const sodSetCreated = (row: SodSet & { members: SodMember[] }): AuditEvent => ({ action: 'separation_of_duty.created', target: { type: 'sod_set', id: row.id }, after: sodFields(row) });
export const sodSetChanged = (before: SodSet & { members: SodMember[] }, after: SodSet & { members: SodMember[] }): AuditEvent => ({ action: 'separation_of_duty.changed', target: { type: 'sod_set', id: after.id }, before: sodFields(before), after: sodFields(after) });
export const sodSetDeleted = (row: SodSet & { members: SodMember[] }): AuditEvent => ({ action: 'separation_of_duty.deleted', target: { type: 'sod_set', id: row.id }, before: sodFields(row) });
export const roleAssigned = (row: RoleAssignment): AuditEvent => ({ action: 'role.assigned', target: { type: 'role_assignment', id: row.id }, after: assignmentFields(row) });
export const roleUnassigned = (row: RoleAssignment): AuditEvent => ({ action: 'role.unassigned', target: { type: 'role_assignment', id: row.id }, before: assignmentFields(row) });

const typeFields = (row: ResourceType): Fields => ({ code: row.code, name: row.name, attributes: plain(row.attributes), version: row.version });
export const resourceTypeCreated = (row: ResourceType): AuditEvent => ({ action: 'resource_type.created', target: { type: 'resource_type', id: row.id }, after: typeFields(row) });
export const resourceTypeChanged = (before: ResourceType, after: ResourceType): AuditEvent => ({ action: 'resource_type.changed', target: { type: 'resource_type', id: after.id }, before: typeFields(before), after: typeFields(after) });
export const resourceTypeDeleted = (row: ResourceType): AuditEvent => ({ action: 'resource_type.deleted', target: { type: 'resource_type', id: row.id }, before: typeFields(row) });
export const customPermissionRegistered = (row: CustomPermission): AuditEvent => ({ action: 'permission.registered', target: { type: 'custom_permission', id: row.id }, after: { code: row.code, description: row.description } });
export const customPermissionRemoved = (row: CustomPermission): AuditEvent => ({ action: 'permission.removed', target: { type: 'custom_permission', id: row.id }, before: { code: row.code, description: row.description } });
const sealedFields = (row: BreakGlass): Fields => ({ roleId: row.roleId, personId: row.personId, positionId: row.positionId, mostMinutes: row.mostMinutes, purpose: row.purpose, withdrawnAt: plain(row.withdrawnAt) });
export const breakGlassSealed = (row: BreakGlass): AuditEvent => ({ action: 'break_glass.sealed', target: { type: 'break_glass', id: row.id }, after: sealedFields(row) });
export const breakGlassWithdrawn = (before: BreakGlass, after: BreakGlass): AuditEvent => ({ action: 'break_glass.withdrawn', target: { type: 'break_glass', id: after.id }, before: sealedFields(before), after: sealedFields(after) });
const openingFields = (row: BreakGlassOpening): Fields => ({ breakGlassId: row.breakGlassId, personId: row.personId, reason: row.reason, validUntil: plain(row.validUntil), closedAt: plain(row.closedAt), reviewedBy: row.reviewedBy, reviewedAt: plain(row.reviewedAt) });
export const breakGlassOpened = (row: BreakGlassOpening, sealed: BreakGlass): AuditEvent => ({ action: 'break_glass.opened', target: { type: 'break_glass_opening', id: row.id }, after: { ...openingFields(row), roleId: sealed.roleId, purpose: sealed.purpose } });
export const breakGlassClosed = (before: BreakGlassOpening, after: BreakGlassOpening): AuditEvent => ({ action: 'break_glass.closed', target: { type: 'break_glass_opening', id: after.id }, before: openingFields(before), after: openingFields(after) });
export const breakGlassReviewed = (before: BreakGlassOpening, after: BreakGlassOpening): AuditEvent => ({ action: 'break_glass.reviewed', target: { type: 'break_glass_opening', id: after.id }, before: openingFields(before), after: openingFields(after) });
