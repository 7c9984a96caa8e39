import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';

const code = z.string().regex(/^[a-z][a-z0-9-]{0,59}$/).meta({ description: 'What forms name it by', example: 'annual' });
const title = z.strictObject({ en: z.string().trim().min(1).max(120), id: z.string().trim().min(1).max(120) });
const year = z.int().min(2000).max(2200);
/** In halves. */
const days = (least: number) => z.number().min(least).max(999).multipleOf(0.5);
const rate = z.strictObject({ days: days(0).meta({ description: 'Working days a year' }), carryOver: days(0).default(0).meta({ description: 'At most so many days left over are kept for the year after' }) });
const rateView = z.object({ fromYear: year, days: z.number(), carryOver: z.number() });

export class CodeParam extends createZodDto(z.strictObject({ code })) {}
export class RateParam extends createZodDto(z.strictObject({ code, year: z.string().regex(/^2[01]\d\d$/).transform(Number).pipe(year) })) {}
const createKind = z.strictObject({ code, title, fromYear: year.optional().meta({ description: 'Left out: this year' }), ...rate.shape }).meta({ example: { code: 'annual', title: { en: 'Annual leave', id: 'Cuti tahunan' }, days: 12, carryOver: 6 } });
export class CreateLeaveKind extends createZodDto(createKind) {}
export type CreateKind = z.output<typeof createKind>;
export class NameLeaveKind extends createZodDto(z.strictObject({ title }).meta({ example: { title: { en: 'Annual leave', id: 'Cuti tahunan' } } })) {}
export class SetRate extends createZodDto(rate.meta({ example: { days: 14, carryOver: 6 } })) {}
export type RateInput = z.output<typeof rate>;
const kind = z.object({ code, title, rates: z.array(rateView).meta({ description: 'The first year first' }) });
export type KindView = z.output<typeof kind>;
export class LeaveKindResponse extends createZodDto(kind) {}
export class LeaveKindList extends createZodDto(z.object({ items: z.array(kind) })) {}

const whose = uuid.optional().meta({ description: 'Whose; left out, the caller’s own. Others’ for who administers requests' });
const yearText = z.string().regex(/^2[01]\d\d$/).transform(Number).pipe(year);
const balancesQuery = z.strictObject({ person: whose, year: yearText.optional().meta({ description: 'Left out: this one' }) });
export class BalancesQuery extends createZodDto(balancesQuery) {}
const balance = z.object({
  kind: z.object({ code, title: z.string() }),
  year,
  entitled: z.number().meta({ description: 'Days by the rate' }),
  carriedOver: z.number().meta({ description: 'Left over from the year before' }),
  granted: z.number().meta({ description: 'Added by somebody, or taken away' }),
  asked: z.number().meta({ description: 'In requests that are not decided yet' }),
  taken: z.number(),
  remaining: z.number(),
});
export type BalanceView = z.output<typeof balance>;
export class BalanceList extends createZodDto(z.object({ personId: uuid, year, items: z.array(balance) })) {}

const grant = z.strictObject({ person: uuid, kind: code, year, days: days(-999).refine((value) => value !== 0, 'changes nothing'), note: z.string().trim().min(1).max(500) });
export type Grant = z.output<typeof grant>;
export class GrantDays extends createZodDto(
  z.strictObject({ items: z.array(grant).min(1).max(200) }).meta({ example: { items: [{ person: '0190b5a0-0000-7000-8000-000000000001', kind: 'annual', year: 2026, days: -7, note: 'Came in August' }] } }),
) {}
const entry = z.object({ id: uuid, kind: code, year, days: z.number().meta({ description: 'Below zero where they are used' }), cause: z.enum(['granted', 'asked', 'taken']), instanceId: uuid.nullable(), note: z.string().nullable(), by: z.string(), at: instant });
export type EntryView = z.output<typeof entry>;
export class EntryPage extends createZodDto(pageOf(entry)) {}
export class EntriesResponse extends createZodDto(z.object({ items: z.array(entry) })) {}
const entriesQuery = z.strictObject({ ...pageQuery, person: whose, kind: code.optional(), year: yearText.optional() });
export class EntriesQuery extends createZodDto(entriesQuery) {}
export type EntriesFilter = z.output<typeof entriesQuery>;
