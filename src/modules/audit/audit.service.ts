import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, DenialPort, type ProblemCode } from '../../access';
import { changesAuthorization, Database, type Tx } from '../../platform/database';
import { AUTHORIZATION_TARGETS, type AuditEvent } from './audit.event';

interface ActorColumns {
  kind: string;
  id: string;
  session: string | null;
}

/** The one writer of the audit log. */
@Injectable()
export class AuditService {
  /**
   * Writes events in the caller's transaction, so that a change and its record commit together; one statement however
   * many events there are. At COMMIT the database refuses a transaction that changed an audited row no event names.
   */
  async record(tx: Tx, actor: Actor, ...events: AuditEvent[]): Promise<void> {
    if (events.length === 0) return;
    if (events.some(({ target, outcome }) => AUTHORIZATION_TARGETS.has(target.type) && (outcome ?? 'success') === 'success')) changesAuthorization(tx);
    const { kind, id, session } = actorColumns(actor);
    const context = JSON.stringify({ requestId: actor.request.requestId, route: actor.request.route, ip: actor.request.ip });
    const rows = events.map((event) => ({
      id: uuidv7(),
      action: event.action,
      outcome: event.outcome ?? 'success',
      reason_code: event.reasonCode ?? null,
      target_type: event.target.type,
      target_id: event.target.id,
      before: event.before ?? null,
      after: event.after ?? null,
    }));
    await tx.$executeRaw`
      INSERT INTO audit.event (id, foundation_id, action, outcome, reason_code, actor_kind, actor_id, session_id, target_type, target_id, context, authz, before, after)
      SELECT e.id, ${actor.foundationId}::uuid, e.action, e.outcome, e.reason_code, ${kind}, ${id}, ${session}, e.target_type, e.target_id,
             ${context}::jsonb, ${JSON.stringify({ v: actor.authzVersion.toString() })}::jsonb, nullif(e.before, 'null'::jsonb), nullif(e.after, 'null'::jsonb)
        FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          AS e(id uuid, action text, outcome text, reason_code text, target_type text, target_id text, before jsonb, after jsonb)`;
  }
}

/** Enforced refusals, durable before they are answered; rejects where one cannot be written. */
@Injectable()
export class AuditDenials extends DenialPort {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {
    super();
  }

  async record(actor: Actor, denial: { code: ProblemCode; permission?: string; target?: { type: string; id: string } }): Promise<void> {
    const event: AuditEvent = {
      action: 'access.denied',
      outcome: 'denied',
      reasonCode: denial.code,
      target: (denial.target as AuditEvent['target'] | undefined) ?? { type: 'route', id: actor.request.route },
      after: { permission: denial.permission },
    };
    await this.database.withTenant(actor, (tx) => this.audit.record(tx, actor, event));
  }
}

function actorColumns(actor: Actor): ActorColumns {
  switch (actor.kind) {
    case 'user':
      return { kind: 'user', id: actor.personId, session: actor.sessionId };
    case 'api_key':
      return { kind: 'api_key', id: actor.apiKeyId, session: null };
    case 'system':
      return { kind: 'system', id: actor.name, session: null };
  }
}
