import { Injectable, Logger } from '@nestjs/common';
import { systemActor } from '../../access';
import { Database, type Tx } from '../../platform/database';
import { Metrics } from '../../platform/telemetry';
import { EscalationService } from './escalation.service';
import { inTheWay, TRIED_AGAIN_AT } from './retrying';
import { isMark } from './service-level';
import { Transitions } from './transitions.service';

/** Timers fired at once: enough to hide the way to the database, few enough to leave connections to others. */
const AT_ONCE = 4;

/**
 * Makes what is due happen. A timer is claimed by the lock on its request, in the transaction of the transition it causes:
 * a worker that is killed lets go of it at once, two workers never fire one, and whoever decides just then is not waited
 * for – whichever comes first makes the other void.
 */
@Injectable()
export class TimersService {
  private readonly logger = new Logger('timers');

  constructor(
    private readonly database: Database,
    private readonly transitions: Transitions,
    private readonly metrics: Metrics,
    private readonly escalations: EscalationService,
  ) {}

  /** Fires what is due in any foundation, oldest first, up to `limit`; resolves to how many it fired. */
  async fireDue(limit = 200): Promise<number> {
    const due = await this.due(limit);
    let fired = 0;
    const work = async () => {
      for (let next = due.shift(); next !== undefined; next = due.shift()) if (await this.fire(next)) fired += 1;
    };
    const ended = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, due.length) }, work));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
    return fired;
  }

  private async due(limit: number): Promise<{ id: string; foundation_id: string }[]> {
    return this.database.asWorker(async (client) => {
      const { rows } = await client.query<{ id: string; foundation_id: string }>(
        `SELECT id, foundation_id FROM workflow_timer WHERE state = 'pending' AND coalesce(retry_at, due_at) <= now() ORDER BY coalesce(retry_at, due_at) LIMIT $1`,
        [limit],
      );
      return rows;
    });
  }

  private async fire({ id, foundation_id: foundationId }: { id: string; foundation_id: string }): Promise<boolean> {
    const actor = systemActor('timer', foundationId);
    try {
      const lag = await this.database.withTenant(actor, async (tx) => {
        const claimed = await claim(tx, id);
        if (!claimed) return null;
        const row = await this.transitions.locked(tx, actor, claimed.instance_id);
        const { task_id: task, boundary } = claimed;
        const added = isMark(boundary) ? await this.escalations.asks(tx, row, task, boundary) : [];
        const asks = added.map(({ part: of, weight, turn }) => ({ of, weight, turn }));
        await this.transitions.run(tx, actor, row, { type: 'fire', task, boundary, ...(asks.length > 0 ? { asks } : {}), form: row.form }, { timer: id, ...(added.length > 0 ? { asked: { remove: [], fromTurn: 0, shift: 0, add: added } } : {}) });
        return claimed.lag;
      });
      if (lag !== null) this.metrics.timerLag.observe(lag);
      return lag !== null;
    } catch (error) {
      const what = inTheWay(error);
      this.logger.warn({ timer: id, what }, 'a timer could not be fired');
      // Where the database is gone this fails as well, and the round ends; else the next one is nobody's fault.
      await this.database.withTenant(actor, (tx) => putOff(tx, id, what));
      return false;
    }
  }
}

/** The timer, if it is due still and nobody is at its request just now; the request is locked then. */
async function claim(tx: Tx, id: string): Promise<{ instance_id: string; task_id: string; boundary: number | null; lag: number } | null> {
  const [found] = await tx.$queryRaw<{ instance_id: string; task_id: string; boundary: number | null; lag: number }[]>`
    SELECT i.id::text AS instance_id, t.id::text AS task_id, m.boundary, extract(epoch FROM now() - coalesce(m.retry_at, m.due_at))::float8 AS lag
      FROM workflow_timer m JOIN workflow_task t ON t.foundation_id = m.foundation_id AND t.id = m.task_id JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id
      JOIN workflow_instance whole ON whole.foundation_id = i.foundation_id AND whole.id = coalesce(i.root_id, i.id)
     WHERE m.id = ${id}::uuid AND m.state = 'pending' AND coalesce(m.retry_at, m.due_at) <= now()
       FOR UPDATE OF whole SKIP LOCKED`;
  if (!found) return null;
  // Asked again under the lock: what was read before it may have been halted or moved.
  const [still] = await tx.$queryRaw<object[]>`SELECT 1 AS due FROM workflow_timer m WHERE m.id = ${id}::uuid AND m.state = 'pending' AND coalesce(m.retry_at, m.due_at) <= now()`;
  return still ? found : null;
}

async function putOff(tx: Tx, id: string, what: string): Promise<void> {
  await tx.$executeRaw`
    UPDATE workflow_timer SET attempts = attempts + 1, last_error = ${what}, retry_at = ${TRIED_AGAIN_AT}
     WHERE id = ${id}::uuid AND state = 'pending'`;
}
