import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { CONFIG, type Config } from '../config';
import { PrismaClient } from './generated/client';
import { isDatabaseUnavailable, postgresError } from './database-errors';
import { refusePrivilegedRole } from './privileged-role';
import { StatementNames } from './statement-names';
import { Replica } from './replica';
import type { Tx } from './rows';

/** Whose rows a transaction sees, and the request it is for. */
export interface Tenant {
  foundationId: string;
  request?: { changedTo?: bigint };
}

export interface TenantOptions {
  /** Longest the transaction may run, in ms. */
  timeout?: number;
  /** Everything is done and checked and answered, and rolled back. */
  dryRun?: boolean;
}

/** A dry run's answer, on its way out of the transaction it takes back. */
class TakenBack<T> extends Error {
  constructor(readonly answer: T) {
    super('dry run');
  }
}

/** Connections of a process kept for single statements. */
const HOT = 2;

const CHANGING = new WeakMap<object, { authorization: boolean }>();

/**
 * Notes that the open transaction changes what authorization depends on, or answers for a change that is made already: it
 * is then answered only once every instance knows.
 */
export function changesAuthorization(tx: object): void {
  const change = CHANGING.get(tx);
  if (change) change.authorization = true;
}

/**
 * The one door to PostgreSQL. `withTenant` for everything that reads or writes business rows; `hot` for the few
 * statements that are database functions setting their own context in one round trip.
 */
@Injectable()
export class Database implements OnModuleInit, OnApplicationShutdown {
  readonly pool: Pool;
  /**
   * For `hot`: what an open transaction may have to ask has connections of its own, else every transaction could hold one and
   * wait for one more.
   */
  readonly hotPool: Pool;
  /** What has to happen before a change of authorization is answered; resolves to the head it made. Set by platform/freshness. */
  afterAuthorizationChange: (foundationId: string) => Promise<bigint | null> = () => Promise.resolve(null);
  private readonly names = new StatementNames();
  private readonly prisma: PrismaClient;
  private readonly replica: Replica | null;

  constructor(@Inject(CONFIG) config: Config) {
    const connections = (max: number) => new Pool({
      connectionString: config.database.url,
      max,
      // As long as a statement waits for a lock (prisma/roles.sql): a migration that waits briefly costs time, not answers.
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      application_name: `gloria ${config.release.instance}`.slice(0, 63),
      keepAlive: true,
    });
    const apart = Math.min(HOT, Math.max(1, config.database.poolMax - 1));
    this.pool = connections(Math.max(1, config.database.poolMax - apart));
    this.hotPool = connections(apart);
    for (const pool of [this.pool, this.hotPool]) {
      // An idle connection that dies is replaced on next use; unheard, the event would end the process.
      pool.on('error', () => undefined);
      // One that dies in the very moment it is handed out has no listener yet: "ready" and "terminated" can come in one packet.
      pool.on('connect', (client) => client.on('error', () => undefined));
    }
    this.prisma = new PrismaClient({ adapter: new PrismaPg(this.pool, { disposeExternalPool: false, statementNameGenerator: ({ sql, args }) => (args.length > 0 ? this.names.of(sql) : '') }) });
    this.replica = config.database.readUrl ? new Replica(this.prisma, this.pool, config.database.readUrl, config) : null;
  }

  async onModuleInit(): Promise<void> {
    await refusePrivilegedRole(this.pool, 'DATABASE_URL');
    await this.names.learn(this.pool);
    await this.replica?.refusePrivileged();
  }

  /**
   * Runs `work` in one transaction that sees, of the tables the installation's own work may look through, the rows of every
   * foundation; all others stay closed to it.
   */
  async asWorker<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`SELECT set_config('gloria.worker', 'on', true)`);
      const done = await work(client);
      await client.query('COMMIT');
      return done;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  /**
   * Runs `work` in one transaction whose row-level security context is the foundation of `tenant`.
   * Costs BEGIN + set_config + COMMIT on top of the work's own statements. One that changed authorization resolves once
   * every instance knows, and leaves the head it made with the tenant's request.
   */
  async withTenant<T>(tenant: Tenant, work: (tx: Tx) => Promise<T>, options: TenantOptions = {}): Promise<T> {
    const change = { authorization: false };
    const answer = await this.within(
      this.prisma,
      tenant,
      async (tx) => {
        CHANGING.set(tx, change);
        const done = await work(tx);
        if (options.dryRun) throw new TakenBack(done);
        return done;
      },
      options,
    ).catch((error: unknown) => {
      if (!(error instanceof TakenBack)) throw error;
      change.authorization = false;
      return error.answer as T;
    });
    if (change.authorization) {
      const v = await this.afterAuthorizationChange(tenant.foundationId);
      if (v !== null && tenant.request) tenant.request.changedTo = v;
    }
    return answer;
  }

  /**
   * The same for reads that may be some seconds old: on the standby where there is one and it keeps up, else on the
   * primary. Never for what a decision rests on.
   */
  async withTenantReading<T>(tenant: { foundationId: string }, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (!(await this.replica?.keepsUp())) return this.withTenant(tenant, work);
    try {
      return await this.within(this.replica!.client, tenant, work, {});
    } catch (error) {
      // A standby that is gone, or cancelled the query because the primary removed its rows (40001).
      if (!isDatabaseUnavailable(error) && postgresError(error)?.sqlState !== '40001') throw error;
      this.replica!.leaveAlone();
      return this.withTenant(tenant, work);
    }
  }

  private within<T>(client: Pick<PrismaClient, '$transaction'>, tenant: { foundationId: string }, work: (tx: Tx) => Promise<T>, options: TenantOptions): Promise<T> {
    return client.$transaction(
      async (tx) => {
        await tx.$executeRaw`SELECT set_config('gloria.foundation_id', ${tenant.foundationId}, true)`;
        return work(tx);
      },
      { maxWait: 5_000, timeout: options.timeout ?? 10_000 },
    );
  }

  /** One statement outside any transaction of ours; for functions that set their own context. */
  async hot<R extends QueryResultRow>(text: string, values: unknown[]): Promise<R[]> {
    return (await this.hotPool.query<R>(text, values)).rows;
  }

  /** Proves the server answers: `$connect()` succeeds without one. */
  async ping(timeoutMs: number): Promise<void> {
    await withDeadline(this.pool.query('SELECT 1'), timeoutMs, 'PostgreSQL');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.replica?.close();
    await this.prisma.$disconnect();
    await Promise.all([this.pool.end(), this.hotPool.end()]);
  }
}

/** Rejects when `promise` has not settled after `ms`. */
export async function withDeadline<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
