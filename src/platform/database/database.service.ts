import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, type QueryResultRow } from 'pg';
import { CONFIG, type Config } from '../config';
import { PrismaClient, type Prisma } from './generated/client';

/** A transaction; every query in it sees one foundation's rows only. */
export type Tx = Prisma.TransactionClient;

export interface TenantOptions {
  /** Longest the transaction may run, in ms. */
  timeout?: number;
}

/**
 * The one door to PostgreSQL. `withTenant` for everything that reads or writes business rows; `hot` for the few
 * statements that are database functions setting their own context in one round trip.
 */
@Injectable()
export class Database implements OnModuleInit, OnApplicationShutdown {
  readonly pool: Pool;
  private readonly prisma: PrismaClient;

  constructor(@Inject(CONFIG) config: Config) {
    this.pool = new Pool({
      connectionString: config.database.url,
      max: config.database.poolMax,
      // As long as a statement waits for a lock (prisma/roles.sql): a migration that waits briefly costs time, not answers.
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      application_name: `gloria ${config.release.instance}`.slice(0, 63),
    });
    // An idle connection that dies is replaced on next use; unheard, the event would end the process.
    this.pool.on('error', () => undefined);
    this.prisma = new PrismaClient({ adapter: new PrismaPg(this.pool, { disposeExternalPool: false }) });
  }

  async onModuleInit(): Promise<void> {
    await refusePrivilegedRole(this.pool, 'DATABASE_URL');
  }

  /**
   * Runs `work` in one transaction whose row-level security context is the foundation of `tenant`.
   * Costs BEGIN + set_config + COMMIT on top of the work's own statements.
   */
  async withTenant<T>(tenant: { foundationId: string }, work: (tx: Tx) => Promise<T>, options: TenantOptions = {}): Promise<T> {
    return this.prisma.$transaction(
      async (tx) => {
        await tx.$executeRaw`SELECT set_config('gloria.foundation_id', ${tenant.foundationId}, true)`;
        return work(tx);
      },
      { maxWait: 5_000, timeout: options.timeout ?? 10_000 },
    );
  }

  /** One statement outside any transaction of ours; for functions that set their own context. */
  async hot<R extends QueryResultRow>(text: string, values: unknown[]): Promise<R[]> {
    return (await this.pool.query<R>(text, values)).rows;
  }

  /** Proves the server answers: `$connect()` succeeds without one. */
  async ping(timeoutMs: number): Promise<void> {
    await withDeadline(this.pool.query('SELECT 1'), timeoutMs, 'PostgreSQL');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.prisma.$disconnect();
    await this.pool.end();
  }
}

/** Rejects where the role could go round row-level security: it would make every tenant check decoration. */
export async function refusePrivilegedRole(pool: Pool, variable: string): Promise<void> {
  const { rows } = await pool.query<{ name: string; privileged: boolean; owner: boolean }>(`
    SELECT current_user AS name, r.rolsuper OR r.rolbypassrls AS privileged,
           EXISTS (SELECT FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)
                      AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owner
      FROM pg_roles r WHERE r.rolname = current_user`);
  const role = rows[0];
  if (!role || role.privileged || role.owner) {
    throw new Error(`${variable} connects as "${role?.name}", which is a superuser, bypasses row-level security or owns tables; use gloria_app (prisma/roles.sql)`);
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
