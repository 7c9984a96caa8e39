import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';


export class ListEventsQuery extends createZodDto(
  z.strictObject({
    ...pageQuery,
    actorId: z.string().max(100).optional().meta({ description: 'Person id, key id or system name' }),
    action: z.string().max(100).optional().meta({ example: 'grant.created' }),
    targetType: z.string().max(50).optional(),
    targetId: z.string().max(200).optional(),
    outcome: z.enum(['success', 'denied', 'failure']).optional(),
    requestId: z.string().max(64).optional(),
    from: instant.optional().meta({ description: 'Inclusive' }),
    until: instant.optional().meta({ description: 'Exclusive' }),
  }),
) {}

const event = z.object({
  id: uuid,
  occurredAt: instant,
  action: z.string().meta({ example: 'workflow.approved' }),
  outcome: z.enum(['success', 'denied', 'failure']),
  reasonCode: z.string().nullable(),
  actor: z.object({ kind: z.enum(['user', 'api_key', 'system', 'webhook']), id: z.string(), sessionId: z.string().nullable() }),
  target: z.object({ type: z.string(), id: z.string() }),
  context: z.record(z.string(), z.unknown()).meta({ description: 'Request id, route and client address' }),
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
});

export class EventPage extends createZodDto(pageOf(event)) {}
export type EventResponse = z.output<typeof event>;

export interface EventRow {
  id: string;
  occurred_at: Date;
  action: string;
  outcome: string;
  reason_code: string | null;
  actor_kind: string;
  actor_id: string;
  session_id: string | null;
  target_type: string;
  target_id: string;
  context: Record<string, unknown>;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export function toEventResponse(row: EventRow): EventResponse {
  return {
    id: row.id,
    occurredAt: row.occurred_at.toISOString(),
    action: row.action,
    outcome: row.outcome as EventResponse['outcome'],
    reasonCode: row.reason_code,
    actor: { kind: row.actor_kind as EventResponse['actor']['kind'], id: row.actor_id, sessionId: row.session_id },
    target: { type: row.target_type, id: row.target_id },
    context: row.context,
    before: row.before,
    after: row.after,
  };
}
