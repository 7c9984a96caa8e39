import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/).meta({ description: 'Local time', example: '07:00' });
/** Minutes from midnight. */
export const minutesOf = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const hours = z
  .array(z.strictObject({ from: clock, to: clock }))
  .max(6)
  .refine((list) => list.every(({ from, to }, n) => minutesOf(from) < minutesOf(to) && (n === 0 || minutesOf(list[n - 1]!.to) <= minutesOf(from))), 'in order, each after the one before');
const week = z
  .array(hours)
  .length(7)
  .refine((days) => days.some((day) => day.length > 0), 'no day has any hours')
  .meta({ description: 'Hours by weekday, Monday first' });
const zone = z.string().max(60).refine(isZone, 'no IANA time zone').meta({ example: 'Asia/Jakarta' });
const name = z.string().trim().min(1).max(120);
const day = z.iso.date();

function isZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const workday = [{ from: '07:00', to: '12:00' }, { from: '13:00', to: '15:30' }];
const example = { name: 'SMA 1', timezone: 'Asia/Jakarta', week: [workday, workday, workday, workday, [{ from: '07:00', to: '11:00' }, { from: '13:00', to: '15:30' }], [], []] };

export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}
export class DayParam extends createZodDto(z.strictObject({ id: uuid, day })) {}
const create = z.strictObject({ unitId: uuid.meta({ description: 'A unit; those below it without a calendar of their own follow it' }), name, timezone: zone, week }).meta({ example: { unitId: '0190b5a0-0000-7000-8000-000000000001', ...example } });
export class CreateCalendar extends createZodDto(create) {}
const update = z.strictObject({ name: name.optional(), timezone: zone.optional(), week: week.optional(), version: z.int().optional() }).meta({ example: { name: 'SMA 1', version: 1 } });
export class UpdateCalendar extends createZodDto(update) {}
const calendar = z.object({ id: uuid, unitId: uuid, name: z.string(), timezone: z.string(), week: z.array(z.array(z.object({ from: z.string(), to: z.string() }))), version: z.int(), updatedAt: instant });
export type CalendarView = z.output<typeof calendar>;
export class CalendarResponse extends createZodDto(calendar) {}
export class CalendarPage extends createZodDto(pageOf(calendar)) {}
export class ListCalendarsQuery extends createZodDto(z.strictObject(pageQuery)) {}
const dayView = z.object({ day, name: z.string(), hours: z.array(z.object({ from: z.string(), to: z.string() })).meta({ description: 'None on a holiday' }), imported: z.boolean() });
export class DayResponse extends createZodDto(dayView) {}
export class DayPage extends createZodDto(pageOf(dayView)) {}
export class ListDaysQuery extends createZodDto(z.strictObject({ ...pageQuery, from: day.optional(), to: day.optional() })) {}
const setDay = z.strictObject({ name, hours }).meta({ example: { name: 'Report cards', hours: [{ from: '07:00', to: '11:00' }] } });
export class SetDay extends createZodDto(setDay) {}
export type SetDayInput = z.output<typeof setDay>;
export class ImportDays extends createZodDto(
  z.strictObject({ ics: z.string().min(1).max(524_288).meta({ description: 'An iCalendar file (RFC 5545): its all-day events are holidays' }) }).meta({
    example: { ics: 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:VEVENT\r\nUID:merdeka@example\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260817\r\nSUMMARY:Hari Kemerdekaan\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n' },
  }),
) {}
const imported = z.object({
  added: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  kept: z.array(z.object({ day, name: z.string() })).meta({ description: 'Days somebody wrote themselves, which an import leaves as they are' }),
  skipped: z.array(z.object({ uid: z.string().nullable(), name: z.string(), reason: z.string() })).meta({ description: 'Events that are no holidays' }),
});
export type Imported = z.output<typeof imported>;
export class ImportedDays extends createZodDto(imported) {}
