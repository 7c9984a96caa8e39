import { IANAZone } from 'luxon';
import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';
import { KIND_NAMES } from './kinds';

const notification = z.object({
  id: uuid,
  kind: z.enum(KIND_NAMES),
  title: z.string().meta({ description: 'In the caller’s language', example: 'Leave: your decision is asked for' }),
  body: z.string().meta({ example: 'Siti Aminah filed Leave; “Head of the unit” waits for you.' }),
  instanceId: uuid.nullable(),
  taskId: uuid.nullable(),
  at: instant,
  readAt: instant.nullable(),
});
export type NotificationView = z.output<typeof notification>;
export class NotificationPage extends createZodDto(pageOf(notification)) {}
const list = z.strictObject({ ...pageQuery, unread: z.enum(['true', 'false']).optional().meta({ description: 'Only those that are not read' }) });
export class ListNotifications extends createZodDto(list) {}
export type ListNotificationsQuery = z.output<typeof list>;
export class Unread extends createZodDto(z.object({ unread: z.int().meta({ description: 'How many are not read; at most 1,000 are counted' }) })) {}
export class MarkRead extends createZodDto(z.strictObject({ ids: z.array(uuid).min(1).max(200).optional().meta({ description: 'Left out: all' }) }).meta({ example: { ids: ['0190b5a0-0000-7000-8000-000000000001'] } })) {}

/** The parts of Postmark’s reports that are looked at; they have many more. */
const postmarkReport = z
  .object({
    RecordType: z.string().max(60),
    Email: z.string().max(320).optional(),
    Recipient: z.string().max(320).optional(),
    Type: z.string().max(60).optional(),
    Inactive: z.boolean().optional(),
    SuppressSending: z.boolean().optional(),
    SuppressionReason: z.string().max(60).nullish(),
    Metadata: z.object({ foundation: uuid.optional() }).optional(),
  })
  .meta({ example: { RecordType: 'Bounce', Type: 'HardBounce', Email: 'siti@school.example', Inactive: true, Metadata: { id: '0190b5a0-0000-7000-8000-000000000001', foundation: '0190b5a0-0000-7000-8000-000000000002' } } });
export class PostmarkReport extends createZodDto(postmarkReport) {}
export type PostmarkReportInput = z.output<typeof postmarkReport>;

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/).meta({ example: '21:00' });
const choice = z.enum(['now', 'digest', 'off']);
const mail = z.partialRecord(z.enum(KIND_NAMES), choice).meta({ description: 'By kind: at once, collected once a day, or not at all', example: { 'request.commented': 'off' } });
const quiet = z.strictObject({ from: clock, until: clock }).nullable().meta({ description: 'No mail between; what comes in it goes out at its end' });
const shape = { timezone: z.string().max(60).refine((zone) => IANAZone.isValidZone(zone), 'no IANA time zone').nullable().meta({ description: 'The zone of these times; null: the foundation’s', example: 'Asia/Jakarta' }), quiet, digestAt: clock, mail };
const suppressed = z.object({ reason: z.string().meta({ example: 'HardBounce' }), since: instant }).nullable().meta({ description: 'Why the caller’s address is not mailed any more, where it is not: it bounced, or a mail was called spam. Another address is mailed again' });
const preferences = z.object({ ...shape, suppressed, quiet: z.object({ from: clock, until: clock }).nullable(), mail: z.record(z.enum(KIND_NAMES), choice), version: z.int() });
export type PreferencesView = z.output<typeof preferences>;
export class PreferencesResponse extends createZodDto(preferences) {}
const update = z
  .strictObject({ timezone: shape.timezone.optional(), quiet: quiet.optional(), digestAt: clock.optional(), mail: mail.optional() })
  .meta({ example: { quiet: { from: '21:00', until: '06:00' }, mail: { 'request.commented': 'off' } } });
export class UpdatePreferences extends createZodDto(update) {}
export type PreferencesUpdate = z.output<typeof update>;
