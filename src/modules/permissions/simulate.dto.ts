import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { pageOf, pageQuery, uuid } from '../../http';
import { code, grantBody, scope, validity } from './permissions.dto';

const period = { validFrom: validity.validFrom, validUntil: validity.validUntil };
const change = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('grant'), grant: grantBody }),
  z.strictObject({ op: z.literal('revoke'), grantId: uuid }),
  z.strictObject({ op: z.literal('assign-role'), roleId: uuid, personId: uuid.optional(), positionId: uuid.optional(), ...period }),
  z.strictObject({ op: z.literal('unassign-role'), assignmentId: uuid }),
  z.strictObject({ op: z.literal('inherit'), seniorId: uuid, juniorId: uuid }),
  z.strictObject({ op: z.literal('disinherit'), seniorId: uuid, juniorId: uuid }),
  z.strictObject({ op: z.literal('appoint'), personId: uuid, positionId: uuid, ...period }),
  z.strictObject({ op: z.literal('end-appointment'), appointmentId: uuid }),
  z.strictObject({ op: z.literal('delegate'), lenderId: uuid, borrowerId: uuid, permissions: z.array(code).min(1).max(100).optional(), nodeId: uuid.optional(), transitive: z.boolean().default(false), ...period }),
  z.strictObject({ op: z.literal('end-delegation'), delegationId: uuid }),
]);
export type SimulatedChange = z.output<typeof change>;
/** How many changes are tried together. */
export const MOST_CHANGES = 100;
export class SimulateInput extends createZodDto(
  z
    .strictObject({ changes: z.array(change).min(1).max(MOST_CHANGES), limit: pageQuery.limit, cursor: pageQuery.cursor })
    .meta({ example: { changes: [{ op: 'grant', grant: { permission: 'workflow:read', scope: 'all', subject: { type: 'everyone' } } }, { op: 'revoke', grantId: '0190b5a0-0000-7000-8000-000000000001' }] } }),
) {}
const held = z.object({ scopes: z.array(scope), denied: z.boolean(), lent: z.boolean() });
const affected = z.object({
  personId: uuid,
  name: z.string(),
  changes: z.array(z.object({ permission: z.string(), gains: z.boolean(), loses: z.boolean(), before: held, after: held })),
});
export class Simulation extends createZodDto(
  pageOf(affected).extend({ version: z.string().meta({ description: 'The version of authorization it was tried on' }), lookedAt: z.int().meta({ description: 'People the changes could reach' }), affected: z.int().meta({ description: 'People something changes for' }) }),
) {}
