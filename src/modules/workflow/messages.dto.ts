import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';

const name = z.string().max(80).meta({ description: 'As definitions name it', example: 'payment.booked' });
const send = z
  .strictObject({
    name,
    key: z.string().min(1).max(200).meta({ description: 'What it is about: the id of a request, or what the definition says' }),
    messageId: z.string().min(1).max(200).optional().meta({ description: 'What the sender calls it; sent again, it is the same one' }),
    payload: z.record(z.string().max(100), z.unknown()).refine((value) => JSON.stringify(value).length <= 65_536, 'at most 64 KiB').default({}),
    waitMinutes: z.int().min(0).max(129_600).default(10_080).meta({ description: 'For so long it is kept where nobody waits for it yet; 0: not at all' }),
  })
  .meta({ example: { name: 'payment.booked', key: '0190b5a0-0000-7000-8000-000000000001', messageId: 'booking-4711', payload: { reference: 'TRX-4711' } } });
export class SendMessageInput extends createZodDto(send) {}
export type SendMessage = z.output<typeof send>;

const message = z.object({
  id: uuid,
  name,
  key: z.string(),
  messageId: z.string().nullable(),
  sentBy: z.string().meta({ example: 'api_key:0190b5a0-0000-7000-8000-000000000001' }),
  createdAt: instant,
  expiresAt: instant,
  state: z.enum(['delivered', 'waiting', 'expired']),
  delivered: z.object({ at: instant, instanceId: uuid, node: z.string() }).nullable().meta({ description: 'The step that got it' }),
  problem: z.string().nullable().meta({ description: 'What was in the way the last time it was tried' }),
});
export type MessageView = z.output<typeof message>;
export class MessageResponse extends createZodDto(message) {}
export class MessagePage extends createZodDto(pageOf(message)) {}
const list = z.strictObject({ ...pageQuery, name: name.optional(), waiting: z.enum(['true', 'false']).default('true').meta({ description: 'Only those that no request has got' }) });
export class ListMessages extends createZodDto(list) {}
export type ListMessagesQuery = z.output<typeof list>;
