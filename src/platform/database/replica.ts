import { PrismaPg } from '@prisma/adapter-pg';
import { readReplicas } from '@prisma/extension-read-replicas';
import { Pool } from 'pg';
import type { Config } from '../config';
import { PrismaClient } from './generated/client';
import { refusePrivilegedRole } from './privileged-role';

/** How far behind a standby may be and still be asked, in ms; between one and two of these in practice. */
const BEHIND_MS = 5_000;

/** A streaming standby: asked only while it has replayed what the primary had a few seconds ago. */
export class Replica {
  readonly client: Pick<PrismaClient, '$transaction'>;
  private readonly pool: Pool;
  private readonly own: PrismaClient;
  private checkedAt = 0;
  private good = false;
  /** Where the primary was at the last check; what the standby must have reached by the next. */
  private position: string | null = null;

  constructor(primary: PrismaClient, private readonly primaryPool: Pool, url: string, config: Config) {
    this.pool = new Pool({ connectionString: url, max: config.database.poolMax, connectionTimeoutMillis: 2_000, idleTimeoutMillis: 30_000, application_name: `gloria reads ${config.release.instance}`.slice(0, 63) });
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.own = new PrismaClient({ adapter: new PrismaPg(this.pool, { disposeExternalPool: false }) });
    this.client = primary.$extends(readReplicas({ replicas: [this.own] })).$replica() as unknown as PrismaClient;
  }

  /** Rejects where the role could go round row-level security; a standby that does not answer is merely not asked. */
  async refusePrivileged(): Promise<void> {
    try {
      await this.pool.query('SELECT 1');
    } catch {
      return;
    }
    await refusePrivilegedRole(this.pool, 'READ_DATABASE_URL');
  }

  async keepsUp(): Promise<boolean> {
    if (Date.now() - this.checkedAt < BEHIND_MS) return this.good;
    this.checkedAt = Date.now();
    try {
      const wanted = this.position;
      const [now, there] = await Promise.all([
        this.primaryPool.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn'),
        this.pool.query<{ enough: boolean }>('SELECT NOT pg_is_in_recovery() OR coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS enough', [wanted]),
      ]);
      this.position = now.rows[0]?.lsn ?? null;
      this.good = wanted !== null && there.rows[0]?.enough === true;
    } catch {
      this.good = false;
    }
    return this.good;
  }

  leaveAlone(): void {
    this.good = false;
    this.checkedAt = Date.now();
  }

  async close(): Promise<void> {
    await this.own.$disconnect();
    await this.pool.end();
  }
}
