import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, rowVersion, uuid } from '../../http';

export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}
const name = z.string().regex(/^[a-z][a-z0-9-]{0,59}$/).meta({ description: 'As definitions name it', example: 'payments' });
const url = z.url({ protocol: /^https?$/ }).max(2_000);
const events = z.array(z.string().max(60)).max(50).meta({ description: 'Kinds of notifications it is told of, as they happen', example: ['step.asked', 'request.completed'] });
const endpoint = z.object({ id: uuid, name, url, events, enabled: z.boolean().meta({ description: 'While it is not, what there is to tell waits' }), createdAt: instant, version: rowVersion });
export type EndpointView = z.output<typeof endpoint>;
export class EndpointResponse extends createZodDto(endpoint) {}
export class EndpointPage extends createZodDto(pageOf(endpoint)) {}
export class ListEndpointsQuery extends createZodDto(z.strictObject(pageQuery)) {}
const create = z.strictObject({ name, url, events: events.default([]) }).meta({ example: { name: 'payments', url: 'https://payments.school.example/gloria', events: ['request.completed'] } });
export class CreateEndpoint extends createZodDto(create) {}
export type CreateEndpointInput = z.output<typeof create>;
const update = z.strictObject({ url: url.optional(), events: events.optional(), enabled: z.boolean().optional(), version: rowVersion.optional() }).meta({ example: { enabled: false, version: 1 } });
export class UpdateEndpoint extends createZodDto(update) {}
export type UpdateEndpointInput = z.output<typeof update>;
const secret = z.string().nullable().meta({ description: 'What requests are signed with (Standard Webhooks); in this answer only', example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' });
const withSecret = endpoint.extend({ secret });
export type EndpointWithSecret = z.output<typeof withSecret>;
export class EndpointMade extends createZodDto(withSecret) {}

export class Pinged extends createZodDto(z.object({ id: uuid })) {}

const state = z.enum(['pending', 'answered', 'delivered', 'dead', 'void']).meta({ description: 'answered: what follows from it is still to be done; dead: given up; void: there was no need any more' });
const delivery = z.object({
  id: uuid.meta({ description: 'Its `webhook-id`' }),
  endpointId: uuid,
  type: z.string(),
  subjectId: uuid.meta({ description: 'The request it is about' }),
  state,
  attempts: z.int(),
  createdAt: instant,
  nextTryAt: instant.nullable(),
  endedAt: instant.nullable(),
  problem: z.string().nullable(),
});
export type DeliveryView = z.output<typeof delivery>;
export class DeliveryResponse extends createZodDto(delivery) {}
export class DeliveryPage extends createZodDto(pageOf(delivery)) {}
const list = z.strictObject({ ...pageQuery, state: state.optional(), endpointId: uuid.optional() });
export class ListDeliveriesQuery extends createZodDto(list) {}
export type DeliveriesQuery = z.output<typeof list>;
