import { Global, Injectable, Module } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Database, type Tx } from '../database';
import { Metrics } from '../telemetry';

/** Topics and what their messages carry. Modules to the right add theirs by declaration merging. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an open list: filled where each topic is defined
export interface OutboxTopics {}

export interface OutboxMessage {
  id: string;
  foundationId: string;
  topic: string;
  payload: unknown;
  attempts: number;
}

export type OutboxHandler = (message: OutboxMessage) => Promise<void>;

const MAX_ATTEMPTS = 12;

/**
 * Things to deliver after commit. `send` writes in the business transaction, so a message exists exactly when its cause
 * does; `deliverDue` claims rows with SKIP LOCKED and marks them in the same transaction, so a killed worker releases
 * them at once and two workers never share one. Delivery is at least once: handlers pass the message id on.
 */
@Injectable()
export class Outbox {
  private readonly handlers = new Map<string, OutboxHandler>();

  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  /** Registers the one handler of a topic. */
  handle(topic: keyof OutboxTopics, handler: OutboxHandler): void {
    if (this.handlers.has(topic)) throw new Error(`topic ${topic} has a handler already`);
    this.handlers.set(topic, handler);
  }

  async send<T extends keyof OutboxTopics>(tx: Tx, foundationId: string, topic: T, payload: OutboxTopics[T] & object, notBefore?: Date): Promise<string> {
    const id = uuidv7();
    await tx.outboxMessage.create({ data: { id, foundationId, topic, payload, ...(notBefore ? { availableAt: notBefore } : {}) } });
    return id;
  }

  /** Delivers up to `limit` due messages of topics this process handles; resolves to how many it took up. */
  async deliverDue(limit = 20): Promise<number> {
    const topics = [...this.handlers.keys()];
    if (topics.length === 0) return 0;
    let taken = 0;
    while (taken < limit && (await this.deliverOne(topics))) taken += 1;
    return taken;
  }

  private async deliverOne(topics: string[]): Promise<boolean> {
    return this.database.asWorker(async (client) => {
      const { rows } = await client.query<{ id: string; foundation_id: string; topic: string; payload: unknown; attempts: number }>(
        `SELECT id, foundation_id, topic, payload, attempts FROM outbox_message
          WHERE delivered_at IS NULL AND dead_at IS NULL AND available_at <= now() AND topic = ANY($1)
          ORDER BY available_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
        [topics],
      );
      const row = rows[0];
      if (row) {
        const failure = await this.attempt({ id: row.id, foundationId: row.foundation_id, topic: row.topic, payload: row.payload, attempts: row.attempts });
        const attempts = row.attempts + 1;
        const dead = failure !== null && attempts >= MAX_ATTEMPTS;
        await client.query(
          `UPDATE outbox_message SET attempts = $2, last_error = $3, delivered_at = CASE WHEN $3::text IS NULL THEN now() END,
                  dead_at = CASE WHEN $4 THEN now() END, available_at = now() + make_interval(secs => $5) WHERE id = $1`,
          [row.id, attempts, failure, dead, failure === null ? 0 : backoffSeconds(attempts)],
        );
        this.metrics.outbox.inc({ topic: row.topic, result: failure === null ? 'delivered' : dead ? 'dead' : 'retry' });
      }
      return row !== undefined;
    });
  }

  /** null when delivered, else what went wrong. */
  private async attempt(message: OutboxMessage): Promise<string | null> {
    try {
      await this.handlers.get(message.topic)!(message);
      return null;
    } catch (error) {
      return String(error instanceof Error ? error.message : error).slice(0, 500);
    }
  }
}

/** 2, 4, 8 … s, at most an hour, ±20 %. */
function backoffSeconds(attempts: number): number {
  return Math.min(2 ** attempts, 3_600) * (0.8 + Math.random() * 0.4);
}

@Global()
@Module({ providers: [Outbox], exports: [Outbox] })
export class OutboxModule {}
