import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Actor, Denied, DenialPort, type Problem } from '../../access';
import { toProblem } from '../../http';
import type { BulkItem, BulkResult } from './workflow.dto';
import { DecisionsService } from './decisions.service';

/** Items under way at once: enough to hide the way to the database, few enough to leave connections to others. */
const AT_ONCE = 4;

/** Many decisions in one request. Each is a transaction of its own, as if it had come alone. */
@Injectable()
export class BulkService {
  constructor(
    private readonly decisions: DecisionsService,
    private readonly denials: DenialPort,
  ) {}

  /**
   * Decides each item; what one of them is refused for keeps no other from being decided. Results in the order of the
   * items. Under an Idempotency-Key an item that was decided answers as it did; one that was refused is tried again.
   * Throws where the database is gone: what was decided by then stays, and the same request under the same key goes on.
   */
  async decide(actor: Actor, items: readonly BulkItem[]): Promise<BulkResult[]> {
    const results: BulkResult[] = [];
    const waiting = [...items.entries()];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await this.one(actor, next[1]);
    };
    const stopping = async () => {
      try {
        await work();
      } catch (error) {
        // Nothing more is begun, and what is under way is waited for: the answer says where it ended.
        waiting.length = 0;
        throw error;
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, items.length) }, stopping));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
    return results;
  }

  private async one(actor: Actor, item: BulkItem): Promise<BulkResult> {
    const { taskId, verb, ...input } = item;
    try {
      return { taskId, status: 200, instance: await this.decisions.decide(asItem(actor, item), taskId, verb, input), problem: null };
    } catch (error) {
      const problem: Problem = toProblem(error);
      if (problem.status >= 500) throw error;
      // On record before it is answered, as for a request of its own.
      if (problem instanceof Denied) await this.denials.record(actor, { code: problem.code, permission: problem.params.permission?.toString(), target: problem.target });
      return { taskId, status: problem.status, instance: null, problem: { code: problem.code, detail: problem.detail(actor.locale) } };
    }
  }
}

/** The actor as of one item's request: with a key of its own under the request's. */
function asItem<A extends Actor>(actor: A, item: BulkItem): A {
  const { idempotency, ...request } = actor.request;
  if (!idempotency) return actor;
  const requestHash = createHash('sha256').update(JSON.stringify(item)).digest('hex');
  return { ...actor, request: { ...request, idempotency: { key: `${idempotency.key}#${item.taskId}`, requestHash } } };
}
