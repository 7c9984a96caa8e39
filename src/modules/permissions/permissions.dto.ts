import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { ATTRIBUTE, type Condition, CONDITION_LIMITS, CUSTOM_PERMISSION, CUSTOM_TYPE, permissionCodes, ROW_KINDS, type RowKindName } from '../../access';
import { instant, pageOf, pageQuery, rowVersion, uuid } from '../../http';
import type { Delegation, Grant, Role, RoleAssignment, SodMember, SodSet } from '../../platform/database';
import type { TypedCondition } from './subject';

/** One of the catalogue, or one registered for another application. */
export const code = z.union([z.enum(permissionCodes), z.string().regex(CUSTOM_PERMISSION, 'is no permission')]).meta({ example: 'workflow:approve' });
export const scope = z.enum(['own', 'department', 'school', 'node', 'all']);
const effect = z.enum(['allow', 'deny']);
export const validity = {
  validFrom: instant.optional().meta({ description: 'Inclusive; now where left out' }),
  validUntil: instant.nullable().optional().meta({ description: 'Exclusive; open-ended where left out' }),
};
export const kind = z.union([z.enum(Object.keys(ROW_KINDS) as [RowKindName, ...RowKindName[]]), z.string().regex(CUSTOM_TYPE, 'is no kind of rows')]).meta({ example: 'request' });
const attribute = z.strictObject({ attribute: z.string().regex(ATTRIBUTE).meta({ example: 'resource.state' }) });
// What PostgreSQL cannot hold in text is no value to compare with.
const text = z.string().max(500).refine((value) => !value.includes('\0') && value.isWellFormed(), 'holds characters no text can hold');
const operand = z.union([attribute, z.strictObject({ value: z.union([text, z.number(), z.boolean(), z.array(text).max(CONDITION_LIMITS.list)]) })]);
const condition: z.ZodType<Condition> = z
  .lazy(() =>
    z.discriminatedUnion('op', [
      z.strictObject({ op: z.enum(['and', 'or']), of: z.array(condition).min(1).max(CONDITION_LIMITS.nodes) }),
      z.strictObject({ op: z.literal('not'), of: condition }),
      z.strictObject({ op: z.literal('known'), of: attribute }),
      z.strictObject({ op: z.enum(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'in']), left: operand, right: operand }),
    ]),
  )
  .meta({ id: 'Condition', description: 'A typed comparison over properties of subject, resource and context; what is not known does not allow, and denies' });
// Ids of our own as the database writes them, rows are compared by text; those of other applications as they are.
const rowId = z.union([uuid, z.string().min(1).max(200)]).meta({ example: '0190b5a0-0000-7000-8000-000000000001' });
const resource = z.strictObject({ type: kind, id: rowId.optional().meta({ description: 'One row; all of the kind where left out' }) });
export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}

const permission = z.object({ code: z.string(), description: z.string(), index: z.int().nullable().meta({ description: 'Bit position; null for one registered for another application' }), kinds: z.array(z.string()).meta({ description: 'The kinds of rows it is asked about' }) });
export class PermissionPage extends createZodDto(pageOf(permission)) {}
export class ListPermissionsQuery extends createZodDto(z.strictObject(pageQuery)) {}

export const properties = z.record(z.string().max(60), z.unknown()).optional();
/** A row asked about. Of one of ours that is named whole, what is not said is read; of others, and of none, what is said counts. */
export const resourceAsked = z.strictObject({
  type: kind.optional(),
  id: rowId.optional(),
  ownerPersonId: uuid.optional(),
  unitId: uuid.optional(),
  properties: properties.meta({ description: 'What conditions may ask about the row' }),
});
const check = z.strictObject({
  permission: code,
  personId: uuid.optional().meta({ description: 'Whom to ask about; yourself where left out' }),
  resource: resourceAsked.optional().meta({ description: 'The row asked about; left out: in any scope at all?' }),
  atLeast: z.string().regex(/^\d{1,18}$/).optional().meta({ description: 'A version of authorization the answer must not be older than: `X-Authorization-Version` of a change, or `version` of an answer' }),
  context: properties.meta({ description: 'What conditions may ask about the circumstances; `time` is always ours' }),
  subject: properties.meta({ description: 'What conditions may ask about who asks, beyond `id`' }),
  action: properties.meta({ description: 'What conditions may ask about what is done' }),
}).meta({ example: { permission: 'workflow:approve', resource: { unitId: '0190b5a0-0000-7000-8000-000000000001' } } });
export class CheckInput extends createZodDto(check) {}
/** How many questions one request may hold. */
export const MOST_CHECKS = 1_000;
export class BatchCheckInput extends createZodDto(
  z.strictObject({ checks: z.array(check).min(1).max(MOST_CHECKS) }).meta({ example: { checks: [{ permission: 'workflow:approve' }, { permission: 'workflow:read', resource: { type: 'request', id: '0190b5a0-0000-7000-8000-000000000001' } }] } }),
) {}
const checkResult = z.object({
    allowed: z.boolean(),
    version: z.string().meta({ description: 'The version of authorization it was answered from' }),
    because: z.object({
      kind: z.enum(['allow', 'deny', 'not-held', 'out-of-scope', 'condition-unmet']),
      grantId: uuid.optional(),
      scope: scope.optional(),
      roleId: uuid.nullable().optional(),
      loans: z.array(z.object({ id: uuid, lenderId: uuid })).optional().meta({ description: 'The delegations it came through, nearest first' }),
      held: z.array(scope).optional(),
      grantIds: z.array(uuid).optional().meta({ description: 'Grants whose condition is not met' }),
    }),
});
export class CheckResult extends createZodDto(checkResult) {}
export class BatchCheckResult extends createZodDto(z.object({ results: z.array(checkResult).meta({ description: 'In the order of the questions' }) })) {}

export class MyPermissions extends createZodDto(
  z.object({
    permissions: z.array(z.object({ code: z.string(), scopes: z.array(scope), denied: z.boolean().meta({ description: 'Some rows are denied' }), lent: z.boolean().meta({ description: 'Held only by delegation, or wider by one' }) })),
  }),
) {}

const role = z.object({
  id: uuid,
  code: z.string().meta({ example: 'finance-administration' }),
  name: z.string().meta({ example: 'Finance administration' }),
  system: z.boolean(),
  juniorIds: z.array(uuid).meta({ description: 'Roles whose grants it inherits directly' }),
  version: z.int(),
});
export class RoleResponse extends createZodDto(role) {}
export class RolePage extends createZodDto(pageOf(role)) {}
export class ListRolesQuery extends createZodDto(z.strictObject(pageQuery)) {}
const roleName = z.string().trim().min(1).max(120);
export class CreateRole extends createZodDto(
  z.strictObject({ code: z.string().regex(/^[a-z][a-z0-9-]{1,59}$/).meta({ example: 'librarian' }), name: roleName.meta({ example: 'Librarian' }), juniorIds: z.array(uuid).max(50).default([]) }).meta({ example: { code: 'librarian', name: 'Librarian', juniorIds: [] } }),
) {}
export class UpdateRole extends createZodDto(z.strictObject({ name: roleName.optional(), juniorIds: z.array(uuid).max(50).optional(), version: rowVersion.optional() }).meta({ example: { name: 'Head librarian', version: 1 } })) {}

const subject = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('role'), id: uuid }),
  z.strictObject({ type: z.literal('person'), id: uuid }),
  z.strictObject({ type: z.literal('position'), id: uuid }),
  z.strictObject({ type: z.literal('everyone') }),
]);
const grant = z.object({
  id: uuid,
  permission: z.string(),
  effect,
  scope,
  nodeId: uuid.nullable(),
  subject,
  resource: z.object({ type: z.string(), id: z.string().nullable() }).nullable().meta({ description: 'The rows it is for; null for all' }),
  condition: condition.nullable(),
  grantedBy: z.string().nullable().meta({ example: 'person:0190b5a0-0000-7000-8000-000000000001' }),
  validFrom: instant,
  validUntil: instant.nullable(),
  reason: z.string().nullable(),
});
export class GrantResponse extends createZodDto(grant) {}
export class GrantPage extends createZodDto(pageOf(grant)) {}
export class ListGrantsQuery extends createZodDto(
  z.strictObject({ ...pageQuery, permission: code.optional(), roleId: uuid.optional(), personId: uuid.optional(), positionId: uuid.optional() }),
) {}
export const grantBody = z
  .strictObject({ permission: code, effect: effect.default('allow'), scope, nodeId: uuid.optional().meta({ description: 'The unit, for scope node' }), subject, resource: resource.optional(), condition: condition.optional(), ...validity, reason: z.string().trim().max(500).optional() })
  .refine((value) => (value.scope === 'node') === (value.nodeId !== undefined), { path: ['nodeId'], message: 'nodeId goes with scope node, and only with it' })
  .meta({ example: { permission: 'workflow:read', scope: 'all', subject: { type: 'person', id: '0190b5a0-0000-7000-8000-000000000001' }, reason: 'Internal audit 2026' } });
export class CreateGrant extends createZodDto(grantBody) {}
export class UpdateGrant extends createZodDto(
  z
    .strictObject({ validUntil: validity.validUntil, reason: z.string().trim().max(500).optional() })
    .refine((value) => Object.keys(value).length > 0, { message: 'nothing to change' })
    .meta({ example: { validUntil: '2026-12-31T17:00:00Z', reason: 'Audit finished' } }),
) {}

const members = z.array(z.union([uuid, code])).min(2).max(50).meta({ description: 'Roles of a static set, permissions of a dynamic one' });
const sodSet = z.object({ id: uuid, kind: z.enum(['static', 'dynamic']), name: z.string(), cardinality: z.int(), members: z.array(z.string()), version: z.int() });
export class SodSetResponse extends createZodDto(sodSet) {}
export class SodSetPage extends createZodDto(pageOf(sodSet)) {}
export class ListSodSetsQuery extends createZodDto(z.strictObject(pageQuery)) {}
const cardinality = z.int().min(2).max(50).meta({ description: 'How many of the members are one too many for one person' });
export class CreateSodSet extends createZodDto(
  z
    .strictObject({ kind: z.enum(['static', 'dynamic']), name: roleName, cardinality: cardinality.default(2), members })
    .meta({ example: { kind: 'dynamic', name: 'Approving and paying', cardinality: 2, members: ['workflow:approve', 'workflow:complete'] } }),
) {}
export class UpdateSodSet extends createZodDto(z.strictObject({ name: roleName.optional(), cardinality: cardinality.optional(), members: members.optional(), version: rowVersion.optional() }).meta({ example: { cardinality: 3, version: 1 } })) {}

const delegation = z.object({
  id: uuid,
  lenderId: uuid,
  borrowerId: uuid,
  permissions: z.array(z.string()).nullable().meta({ description: 'null: everything the lender holds' }),
  nodeId: uuid.nullable(),
  transitive: z.boolean(),
  validFrom: instant,
  validUntil: instant,
  reason: z.string(),
});
export class DelegationResponse extends createZodDto(delegation) {}
export class DelegationPage extends createZodDto(pageOf(delegation)) {}
export class ListDelegationsQuery extends createZodDto(z.strictObject({ ...pageQuery, lenderId: uuid.optional(), borrowerId: uuid.optional() })) {}
export class CreateDelegation extends createZodDto(
  z
    .strictObject({
      borrowerId: uuid,
      permissions: z.array(code).min(1).max(100).optional().meta({ description: 'What is lent; everything you hold where left out' }),
      nodeId: uuid.optional().meta({ description: 'Only in this unit and below' }),
      transitive: z.boolean().default(false).meta({ description: 'Whether the borrower may lend it on' }),
      validFrom: instant.optional().meta({ description: 'Inclusive; now where left out' }),
      validUntil: instant.meta({ description: 'Exclusive; at most 366 days after validFrom' }),
      reason: z.string().trim().min(1).max(500),
    })
    .meta({ example: { borrowerId: '0190b5a0-0000-7000-8000-000000000001', permissions: ['workflow:approve'], validUntil: '2026-12-31T17:00:00Z', reason: 'Annual leave' } }),
) {}

const assignment = z.object({
  id: uuid,
  roleId: uuid,
  personId: uuid.nullable(),
  positionId: uuid.nullable(),
  validFrom: instant,
  validUntil: instant.nullable(),
  reason: z.string().nullable(),
});
export class AssignmentResponse extends createZodDto(assignment) {}
export class AssignmentPage extends createZodDto(pageOf(assignment)) {}
export class ListAssignmentsQuery extends createZodDto(z.strictObject({ ...pageQuery, roleId: uuid.optional(), personId: uuid.optional(), positionId: uuid.optional() })) {}
export class CreateAssignment extends createZodDto(
  z
    .strictObject({ roleId: uuid, personId: uuid.optional(), positionId: uuid.optional(), ...validity, reason: z.string().trim().max(500).optional() })
    .refine((value) => (value.personId === undefined) !== (value.positionId === undefined), { message: 'give personId or positionId, one of them' })
    .meta({ example: { roleId: '0190b5a0-0000-7000-8000-000000000001', positionId: '0190b5a0-0000-7000-8000-000000000002', reason: 'Finance staff of SMA 1' } }),
) {}

export const toRoleResponse = (row: Role & { juniors: { juniorId: string }[] }): z.output<typeof role> => ({
  id: row.id,
  code: row.code,
  name: row.name,
  system: row.system,
  juniorIds: row.juniors.map(({ juniorId }) => juniorId).sort(),
  version: row.version,
});

export const toGrantResponse = (row: Grant): z.output<typeof grant> => ({
  id: row.id,
  permission: row.permissionCode,
  effect: row.effect,
  scope: row.scope,
  nodeId: row.nodeId,
  subject: row.everyone
    ? { type: 'everyone' }
    : row.roleId
      ? { type: 'role', id: row.roleId }
      : row.personId
        ? { type: 'person', id: row.personId }
        : { type: 'position', id: row.positionId! },
  resource: row.resourceType ? { type: row.resourceType, id: row.resourceId } : null,
  condition: row.condition ? (row.condition as unknown as TypedCondition).test : null,
  grantedBy: row.grantedBy,
  validFrom: row.validFrom.toISOString(),
  validUntil: row.validUntil?.toISOString() ?? null,
  reason: row.reason,
});

export const toSodSetResponse = (row: SodSet & { members: SodMember[] }): z.output<typeof sodSet> => ({
  id: row.id,
  kind: row.kind as 'static' | 'dynamic',
  name: row.name,
  cardinality: row.cardinality,
  members: row.members.map(({ roleId, permissionCode }) => roleId ?? permissionCode!).sort(),
  version: row.version,
});

export const toDelegationResponse = (row: Delegation): z.output<typeof delegation> => ({
  id: row.id,
  lenderId: row.lenderId,
  borrowerId: row.borrowerId,
  permissions: row.codes.length > 0 ? row.codes : null,
  nodeId: row.nodeId,
  transitive: row.transitive,
  validFrom: row.validFrom.toISOString(),
  validUntil: row.validUntil.toISOString(),
  reason: row.reason,
});

export const toAssignmentResponse = (row: RoleAssignment): z.output<typeof assignment> => ({
  id: row.id,
  roleId: row.roleId,
  personId: row.personId,
  positionId: row.positionId,
  validFrom: row.validFrom.toISOString(),
  validUntil: row.validUntil?.toISOString() ?? null,
  reason: row.reason,
});
