import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';
import type { BreakGlass, BreakGlassOpening } from '../../platform/database';

const purpose = z.string().trim().min(1).max(500);
const sealed = z.object({ id: uuid, roleId: uuid, personId: uuid.nullable(), positionId: uuid.nullable(), mostMinutes: z.int(), purpose: z.string(), sealedBy: z.string(), withdrawnAt: instant.nullable() });
export class BreakGlassResponse extends createZodDto(sealed) {}
export class BreakGlassPage extends createZodDto(pageOf(sealed)) {}
export class ListBreakGlassQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class SealBreakGlass extends createZodDto(
  z
    .strictObject({ roleId: uuid, personId: uuid.optional(), positionId: uuid.optional(), mostMinutes: z.int().min(1).max(1_440).meta({ description: 'How long one opening lasts at most' }), purpose })
    .refine((value) => (value.personId === undefined) !== (value.positionId === undefined), { message: 'give personId or positionId, one of them' })
    .meta({ example: { roleId: '0190b5a0-0000-7000-8000-000000000001', positionId: '0190b5a0-0000-7000-8000-000000000002', mostMinutes: 60, purpose: 'Payroll has to go out while finance is away' } }),
) {}
const opening = z.object({
  id: uuid, breakGlassId: uuid, personId: uuid, reason: z.string(), openedAt: instant, validUntil: instant, closedAt: instant.nullable(), reviewedBy: z.string().nullable(), reviewedAt: instant.nullable(),
});
export class OpeningResponse extends createZodDto(opening) {}
export class OpeningPage extends createZodDto(pageOf(opening)) {}
export class ListOpeningsQuery extends createZodDto(z.strictObject({ ...pageQuery, reviewed: z.enum(['true', 'false']).optional() })) {}
export class OpenBreakGlass extends createZodDto(z.strictObject({ minutes: z.int().min(1).max(1_440), reason: purpose }).meta({ example: { minutes: 30, reason: 'Salaries are due today and nobody of finance can be reached' } })) {}

export const toBreakGlassResponse = (row: BreakGlass): z.output<typeof sealed> => ({
  id: row.id, roleId: row.roleId, personId: row.personId, positionId: row.positionId, mostMinutes: row.mostMinutes, purpose: row.purpose, sealedBy: row.sealedBy, withdrawnAt: row.withdrawnAt?.toISOString() ?? null,
});
export const toOpeningResponse = (row: BreakGlassOpening): z.output<typeof opening> => ({
  id: row.id, breakGlassId: row.breakGlassId, personId: row.personId, reason: row.reason, openedAt: row.openedAt.toISOString(), validUntil: row.validUntil.toISOString(), closedAt: row.closedAt?.toISOString() ?? null,
  reviewedBy: row.reviewedBy, reviewedAt: row.reviewedAt?.toISOString() ?? null,
});
