import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { setTimeout as pause } from 'node:timers/promises';
import { RedisConnection } from '../cache';
import { CONFIG, type Config } from '../config';
import { Database } from '../database';

/** A moment of authorization: a head, and the database's clock for what begins and ends by time alone. */
export interface Moment {
  v: bigint;
  /** The head itself, in whatever history: what depends on authorization is kept under it. */
  stamp: string;
  /** Epoch ms, database clock; at the latest. */
  now: number;
  /** The same at the earliest: between the two lies what a round trip took. */
  notBefore: number;
}

interface Known {
  v: bigint;
  stamp: string;
  /** Monotonic ms until which nothing has to be asked; 0 for no lease. */
  leaseUntil: number;
  /** The database's clock as last heard: its reading, and between which monotonic ms it was taken. */
  clock: { reading: number; from: number; until: number };
  /** Monotonic ms when somebody last asked. */
  wanted: number;
  /** The newest head heard of since the last beat was sent, on whose word the lease was given up; 0 for none. */
  heard: bigint;
}

/** How long an instance answers on its own after it has asked, and how often it asks. */
export const LEASE_MS = 1_000;
const BEAT_MS = 250;
/** A foundation nobody asked about for so long is given up. */
const FORGET_MS = 60_000;
const CHANNEL = 'gloria_authz';
/** What the wait is longer than the lease, for clocks that do not run quite alike. */
const MARGIN_MS = 20;

/**
 * How new what an instance knows is. The truth is one row a foundation, `authz_head`, raised in every transaction that
 * changes authorization; whatever is kept is kept under it. An instance with a lease (Gray and Cheriton, 1989) answers
 * without asking: for one second from before it last asked. Whoever changes authorization commits, tells everybody, and
 * is answered once every instance with a lease has said that it has acted on the new head, or its lease must have lapsed.
 *
 * Messages (LISTEN/NOTIFY, Redis) only make that quick. What makes it right: an instance's row in `authz_lease` is there
 * before it reads the head its lease rests on, so a change committed after that finds the row; and a lease is counted
 * on the instance's monotonic clock from before the question, the wait on the changer's from after its commit – so
 * the wait ends after the lease whatever the wall clocks say, and however long a process was stopped.
 */
@Injectable()
export class Freshness implements OnApplicationShutdown {
  private readonly instance = uuidv7();
  private readonly logger = new Logger('freshness');
  private readonly known = new Map<string, Known>();
  private readonly asking = new Map<string, { running: Promise<Moment>; next: Promise<Moment> | null }>();
  private readonly subscriber;
  private client: Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private beating: Promise<void> | null = null;
  private beatAgain = false;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly redis: RedisConnection,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    database.afterAuthorizationChange = (foundationId) => this.settle(foundationId);
    // It subscribes below, whenever it is connected: ioredis would by itself too, and nobody would hear that refused. Nor is a
    // subscription given up that is only slow.
    this.subscriber = redis.client?.duplicate({ autoResubscribe: false, commandTimeout: undefined }) ?? null;
    this.subscriber?.on('error', () => undefined);
    this.subscriber?.on('message', (_, message: string) => this.hear(message));
    this.subscriber?.on('ready', () => void this.subscriber?.subscribe(CHANNEL).catch(() => undefined));
  }

  /** The moment an instance with a lease answers for, without any I/O; null where it has to be asked. */
  leased(foundationId: string): Moment | null {
    const now = performance.now();
    const known = this.known.get(foundationId);
    if (!known) {
      this.want(foundationId);
      return null;
    }
    known.wanted = now;
    if (now >= known.leaseUntil) return null;
    const { reading, from, until } = known.clock;
    return { v: known.v, stamp: known.stamp, now: reading + (now - from), notBefore: reading + (now - until) };
  }

  /**
   * A moment that is not older than this call: of the lease, or asked for. `atLeast`: a head known to be reached. Rejects
   * where PostgreSQL does not answer.
   */
  async moment(foundationId: string, atLeast = 0n): Promise<Moment> {
    const leased = this.leased(foundationId);
    return leased && leased.v >= atLeast ? leased : this.ask(foundationId);
  }

  /**
   * The head and clock from the database, whatever is leased. Many at once share a question – but none joins one that was
   * sent before it came: the answer may be older than what it was told meanwhile.
   */
  ask(foundationId: string): Promise<Moment> {
    const under = this.asking.get(foundationId);
    if (!under) {
      const running = this.read(foundationId);
      this.follow(foundationId, { running, next: null });
      return running;
    }
    under.next ??= under.running.then(
      () => this.read(foundationId),
      () => this.read(foundationId),
    );
    return under.next;
  }

  /** A version was seen: where it is a newer one, the lease is over and the head is asked for. */
  learn(foundationId: string, v: bigint): void {
    const known = this.known.get(foundationId);
    if (known && v > known.v) this.giveUp(known, v);
  }

  /**
   * After a change of authorization has committed: resolves once no instance can answer from before it. Never rejects;
   * where the database is gone, by waiting for every lease to lapse.
   */
  async settle(foundationId: string): Promise<bigint | null> {
    // From the commit on a lease on an older head can last so long, and no longer, whatever does not answer meanwhile.
    const lapse = new AbortController();
    const lapsed = pause(LEASE_MS + MARGIN_MS, null, { signal: lapse.signal }).catch(() => null);
    const acknowledged = this.acknowledged(foundationId).catch(async (error: unknown) => {
      this.logger.warn({ msg: 'a change of authorization waits for every lease to lapse', err: error });
      return lapsed;
    });
    const v = await Promise.race([acknowledged, lapsed]);
    lapse.abort();
    return v;
  }

  /** Resolves to the head once every instance has acted on it, or those that have not are gone. */
  private async acknowledged(foundationId: string): Promise<bigint> {
    const [row] = await this.database.hot<{ v: string; lagging: { instance: string; beat: number }[] }>('SELECT v::text, lagging FROM gloria_announce($1, $2)', [foundationId, this.instance]);
    // Who has not beaten for so long from here on has no lease at all, and its row can go.
    const gone = performance.now() + LEASE_MS + MARGIN_MS;
    const { v, lagging } = row!;
    this.learn(foundationId, BigInt(v));
    if (lagging.length === 0) return BigInt(v);
    this.redis.client?.publish(CHANNEL, `${foundationId}:${v}`).catch(() => undefined);
    const dead = JSON.stringify(lagging);
    for (let wait = 2; ; wait = Math.min(wait * 1.5, 25)) {
      await pause(Math.min(wait, Math.max(0, gone - performance.now())));
      const over = performance.now() >= gone;
      const [left] = await this.database.hot<{ instances: string[] }>('SELECT gloria_lagging($1, $2, $3) AS instances', [foundationId, v, over ? dead : '[]']);
      if (over || !lagging.some(({ instance }) => left!.instances.includes(instance))) return BigInt(v);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    if (this.timer) clearInterval(this.timer);
    const foundations = [...this.known.keys()];
    // First no lease, then no row: what stays behind is waited for by everybody who changes something.
    this.known.clear();
    this.subscriber?.disconnect();
    await this.beating?.catch(() => undefined);
    if (foundations.length > 0) await this.client?.query('SELECT gloria_leave($1, $2)', [this.instance, foundations]).catch(() => undefined);
    await this.client?.end().catch(() => undefined);
    this.client = null;
  }

  private follow(foundationId: string, entry: { running: Promise<Moment>; next: Promise<Moment> | null }): void {
    this.asking.set(foundationId, entry);
    const done = () => {
      if (entry.next) this.follow(foundationId, { running: entry.next, next: null });
      else this.asking.delete(foundationId);
    };
    entry.running.then(done, done);
  }

  private async read(foundationId: string): Promise<Moment> {
    const [row] = await this.database.hot<{ v: string; stamp: string | null; now_ms: number }>('SELECT v::text, stamp, now_ms FROM gloria_moment($1)', [foundationId]);
    const v = BigInt(row!.v);
    this.learn(foundationId, v);
    return { v, stamp: row!.stamp ?? '', now: row!.now_ms, notBefore: row!.now_ms };
  }

  /** From now on this foundation is beaten for, until nobody asks any more. */
  private want(foundationId: string): void {
    if (this.closed) return;
    this.known.set(foundationId, { v: 0n, stamp: '', leaseUntil: 0, clock: { reading: 0, from: 0, until: 0 }, wanted: performance.now(), heard: 0n });
    this.timer ??= setInterval(() => void this.beat(), BEAT_MS).unref();
    this.beatSoon();
  }

  private beatSoon(): void {
    if (this.beating) this.beatAgain = true;
    else void this.beat();
  }

  private async beat(): Promise<void> {
    if (this.beating || this.closed) return;
    this.beating = this.beatOnce();
    try {
      await this.beating;
    } catch {
      // No lease is prolonged by a beat that failed; the next one opens a new connection.
      const broken = this.client;
      this.client = null;
      broken?.end().catch(() => undefined);
    } finally {
      this.beating = null;
      if (this.beatAgain && !this.closed) {
        this.beatAgain = false;
        void this.beat();
      }
    }
  }

  private async beatOnce(): Promise<void> {
    const forgotten = [...this.known].filter(([, { wanted }]) => wanted < performance.now() - FORGET_MS).map(([foundationId]) => foundationId);
    for (const foundationId of forgotten) this.known.delete(foundationId);
    const client = await this.connected();
    if (forgotten.length > 0) await client.query('SELECT gloria_leave($1, $2)', [this.instance, forgotten]);
    // Whoever no longer answers from before a head has acted on it, though it has not read it yet.
    const told = new Map([...this.known].map(([foundationId, { v, heard }]) => [foundationId, heard > v ? heard : v]));
    for (const known of this.known.values()) known.heard = 0n;
    if (told.size === 0) return;
    const sent = performance.now();
    const { rows } = await client.query<{ foundation_id: string; v: string; stamp: string | null; registered: boolean; now_ms: number }>('SELECT foundation_id, v::text, stamp, registered, now_ms FROM gloria_beat($1, $2, $3)', [
      this.instance, [...told.keys()], [...told.values()].map(String),
    ]);
    const back = performance.now();
    for (const { foundation_id: foundationId, v: text, stamp, registered, now_ms: reading } of rows) {
      const known = this.known.get(foundationId);
      if (!known) continue;
      const v = BigInt(text);
      // What is newer has to be acknowledged, and a row that was only made now is not one to rest on yet.
      if (v !== told.get(foundationId) || !registered) this.beatAgain = true;
      if (v < known.v) this.logger.warn({ msg: 'the database has gone back', foundationId });
      Object.assign(known, { v, stamp: stamp ?? '', clock: { reading, from: sent, until: back }, leaseUntil: registered && v >= known.heard ? sent + LEASE_MS : 0 });
    }
  }

  /** No more answers from before this head; nor from what a beat brings that was sent before it was heard of. */
  private giveUp(known: Known, head: bigint): void {
    known.leaseUntil = 0;
    if (head > known.heard) known.heard = head;
    this.beatSoon();
  }

  private async connected(): Promise<Client> {
    if (this.client) return this.client;
    const client = new Client({ connectionString: this.config.database.directUrl, connectionTimeoutMillis: 1_000, query_timeout: 2_000, keepAlive: true, application_name: `gloria freshness ${this.config.release.instance}`.slice(0, 63) });
    const lost = () => {
      if (this.client === client) this.client = null;
    };
    client.on('error', lost).on('end', lost);
    client.on('notification', ({ payload }) => this.hear(payload ?? '', true));
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
    this.client = client;
    return client;
  }

  /** Messages, whoever sent them, are a reason to ask and no answer. What comes from PostgreSQL ends the lease, too. */
  private hear(message: string, endsLease = false): void {
    const [, foundationId, v] = /^([0-9a-f-]{36}):(\d{1,18})$/.exec(message) ?? [];
    const known = foundationId === undefined ? undefined : this.known.get(foundationId);
    if (!known || BigInt(v!) <= known.v) return;
    if (endsLease) this.giveUp(known, BigInt(v!));
    else this.beatSoon();
  }
}
