import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../platform/config';
import { bodyFault } from '../../http';
import { Database } from '../../platform/database';
import { OutboundHttp } from '../../platform/http-client';
import { Metrics } from '../../platform/telemetry';
import { WebhookSecrets } from './secrets';
import { type Answer, WebhooksService } from './webhooks.service';

/** Requests under way at once – each keeps a connection to the database, and what follows from it needs another –, and of these to one endpoint: one that is slow leaves the others room. */
const AT_ONCE = 4;
const TO_ONE = 2;

/** Seconds until it is tried again, by how often it was: for three days in all, then it is given up (as Standard Webhooks proposes). */
const PAUSES = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/** What follows from an answer is tried at these intervals, the last one over and over. */
const FOLLOW_UP = [5, 30, 300, 1_800, 3_600];

/** Seconds until something is taken up again that ended in a fault of our own. */
const AFTER_FAULT = 300;

/** After so long a round takes up nothing more: the worker shows between rounds that it lives. */
const ROUND_MS = 15_000;

type Client = Parameters<Parameters<Database['asWorker']>[0]>[0];

interface Row {
  id: string;
  foundation_id: string;
  endpoint_id: string;
  type: string;
  data: object;
  task_id: string | null;
  state: 'pending' | 'answered';
  attempts: number;
  answer: Answer | null;
  created_at: Date;
  url: string;
  key_id: string;
  secret: Buffer;
  former_secret: Buffer | null;
  former_until: Date | null;
}

/**
 * Tells other systems what there is to tell. A delivery is claimed by the lock on its row while it is under way: a worker
 * that is killed lets go of it at once, two workers never share one. At least once: receivers know one again by its
 * webhook-id. To one endpoint, nothing about a request goes out before what came before.
 */
@Injectable()
export class DeliveringService {
  private readonly logger = new Logger('webhooks');
  private readonly busy = new Map<string, number>();
  private readonly lanes: number;
  private claiming: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly http: OutboundHttp,
    private readonly secrets: WebhookSecrets,
    private readonly webhooks: WebhooksService,
    private readonly metrics: Metrics,
    @Inject(CONFIG) config: Pick<Config, 'database'>,
  ) {
    this.lanes = Math.max(1, Math.min(AT_ONCE, Math.floor(config.database.poolMax / 2) - 1));
  }

  /** Tells what is due in any foundation, up to about `limit`; resolves to how much it took up. */
  async deliverDue(limit = 100): Promise<number> {
    let taken = 0;
    const until = Date.now() + ROUND_MS;
    const lane = async () => {
      while (taken < limit && Date.now() < until && (await this.one())) taken += 1;
    };
    const ended = await Promise.allSettled(Array.from({ length: this.lanes }, lane));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
    return taken;
  }

  /** Whether there was one. */
  private async one(): Promise<boolean> {
    let claimed: Row | undefined;
    try {
      return await this.claimed((row) => (claimed = row));
    } catch (error) {
      if (!claimed) throw error;
      // Whatever it was about, it is not taken up again at once.
      const { id } = claimed;
      const what = String(error instanceof Error ? error.message : error).slice(0, 500);
      this.logger.error({ delivery: id, what }, 'a webhook could not be dealt with');
      await this.database.asWorker((client) => client.query(`UPDATE webhook_delivery SET attempts = attempts + 1, last_error = $2, try_at = now() + make_interval(secs => $3) WHERE id = $1 AND ended_at IS NULL`, [id, what, AFTER_FAULT]));
      return true;
    }
  }

  private claimed(taken: (row: Row) => void): Promise<boolean> {
    return this.database.asWorker(async (client) => {
      const row = await this.inTurn(() => this.claim(client));
      if (!row) return false;
      taken(row);
      try {
        await (row.state === 'pending' ? this.tell(client, row) : this.follow(client, row));
      } finally {
        this.busy.set(row.endpoint_id, this.busy.get(row.endpoint_id)! - 1);
      }
      return true;
    });
  }

  /** One after the other, so that each sees what those before have taken up. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.claiming.then(work, work);
    this.claiming = mine.catch(() => undefined);
    return mine;
  }

  private async claim(client: Client): Promise<Row | undefined> {
    const full = [...this.busy].filter(([, count]) => count >= TO_ONE).map(([id]) => id);
    const { rows } = await client.query<Row>(
      `SELECT d.id, d.foundation_id, d.endpoint_id, d.type, d.data, d.task_id, d.state, d.attempts, d.answer, d.created_at, e.url, e.key_id, e.secret, e.former_secret, e.former_until
         FROM webhook_delivery d JOIN webhook_endpoint e ON e.foundation_id = d.foundation_id AND e.id = d.endpoint_id
        WHERE d.ended_at IS NULL AND d.try_at <= now() AND (d.state = 'answered' OR (e.enabled AND e.deleted_at IS NULL))
          AND d.endpoint_id <> ALL ($1::uuid[])
          AND (d.state = 'answered' OR NOT EXISTS (SELECT FROM webhook_delivery b WHERE b.endpoint_id = d.endpoint_id AND b.subject_id = d.subject_id AND b.seq < d.seq AND b.state = 'pending'))
        ORDER BY d.try_at, d.seq LIMIT 1 FOR UPDATE OF d SKIP LOCKED`,
      [full],
    );
    const row = rows[0];
    if (row) this.busy.set(row.endpoint_id, (this.busy.get(row.endpoint_id) ?? 0) + 1);
    return row;
  }

  private async tell(client: Client, row: Row): Promise<void> {
    const attempts = row.attempts + 1;
    const wanted = row.task_id === null ? 'now' : await this.webhooks.wanted({ foundationId: row.foundation_id, taskId: row.task_id });
    if (wanted !== 'now') {
      await client.query(`UPDATE webhook_delivery SET state = CASE WHEN $2 THEN 'void' ELSE state END, ended_at = CASE WHEN $2 THEN now() END, try_at = now() + make_interval(secs => $3) WHERE id = $1`, [row.id, wanted === 'never', FOLLOW_UP[1]]);
      return;
    }
    const found = await this.request(row);
    if ('answer' in found) {
      // What follows from it comes in a step of its own, so that it is not asked for twice.
      const next = row.task_id === null ? 'delivered' : 'answered';
      await client.query(
        `UPDATE webhook_delivery SET state = $2, attempts = CASE WHEN $2 = 'answered' THEN 0 ELSE $3 END, answer = $4, last_error = NULL, try_at = now(), ended_at = CASE WHEN $2 = 'delivered' THEN now() END WHERE id = $1`,
        [row.id, next, attempts, JSON.stringify(found.answer)],
      );
      this.metrics.webhooks.inc({ result: 'delivered' });
      return;
    }
    const dead = attempts > PAUSES.length;
    this.metrics.webhooks.inc({ result: dead ? 'dead' : 'retry' });
    this.logger.warn({ delivery: row.id, attempts, what: found.failed }, dead ? 'a webhook was given up' : 'a webhook could not be delivered');
    if (dead && row.task_id !== null) {
      const answer: Answer = { unreachable: found.failed };
      await client.query(`UPDATE webhook_delivery SET state = 'answered', attempts = 0, answer = $2, last_error = $3, try_at = now() WHERE id = $1`, [row.id, JSON.stringify(answer), found.failed]);
      return;
    }
    await client.query(`UPDATE webhook_delivery SET state = CASE WHEN $2 THEN 'dead' ELSE state END, ended_at = CASE WHEN $2 THEN now() END, attempts = $3, last_error = $4, try_at = now() + make_interval(secs => $5) WHERE id = $1`, [
      row.id, dead, attempts, found.failed, dead ? 0 : Math.max(PAUSES[attempts - 1]! * (0.9 + Math.random() * 0.2), found.after),
    ]);
  }

  private async request(row: Row): Promise<{ answer: Answer } | { failed: string; after: number }> {
    const at = new Date();
    const body = JSON.stringify({ type: row.type, timestamp: row.created_at.toISOString(), data: row.data });
    try {
      const signature = await this.secrets.sign({ id: row.endpoint_id, keyId: row.key_id, secret: row.secret, formerSecret: row.former_secret, formerUntil: row.former_until }, row.id, at, body);
      const { status, headers, body: content } = await this.http.send(row.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'Gloria', 'webhook-id': row.id, 'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)), 'webhook-signature': signature },
        body,
      });
      const answer: Answer = { status, content: parsed(content) };
      if (status >= 200 && status < 300) return { answer };
      // A refusal in words is an answer too, where a step was asked for.
      if (row.task_id !== null && status >= 400 && status < 500 && refusalOf(answer) !== null) return { answer };
      const wait = Number(headers['retry-after']);
      return { failed: `answered ${status}`, after: status === 429 || status === 503 ? Math.min(Number.isFinite(wait) ? wait : 0, 86_400) : 0 };
    } catch (error) {
      return { failed: (error instanceof Error ? error.message || error.name : String(error)).slice(0, 500), after: 0 };
    }
  }

  private async follow(client: Client, row: Row): Promise<void> {
    try {
      await this.webhooks.answered({ foundationId: row.foundation_id, taskId: row.task_id! }, row.answer!);
      await client.query(`UPDATE webhook_delivery SET state = $2, ended_at = now(), last_error = CASE WHEN $2 = 'dead' THEN last_error END WHERE id = $1`, [row.id, 'unreachable' in row.answer! ? 'dead' : 'delivered']);
    } catch (error) {
      const what = (error instanceof Error ? error.message : String(error)).slice(0, 500);
      const pause = FOLLOW_UP[Math.min(row.attempts, FOLLOW_UP.length - 1)]!;
      await client.query(`UPDATE webhook_delivery SET attempts = attempts + 1, last_error = $2, try_at = now() + make_interval(secs => $3) WHERE id = $1`, [row.id, what, pause]);
    }
  }
}

/** The code by which another system says that it will not do it; null where it says nothing like that. */
export function refusalOf(answer: Answer): { code: string; detail: string } | null {
  if ('unreachable' in answer) return { code: 'unreachable', detail: answer.unreachable };
  const { code, detail } = (answer.content ?? {}) as { code?: unknown; detail?: unknown };
  return answer.status >= 400 && typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_.-]{0,59}$/.test(code) ? { code, detail: typeof detail === 'string' ? detail.slice(0, 500) : `answered ${answer.status}` } : null;
}

function parsed(body: Buffer): unknown {
  try {
    const value = JSON.parse(body.toString('utf8')) as unknown;
    // What the database could not keep is no answer.
    return bodyFault(value) === null ? value : null;
  } catch {
    return null;
  }
}
