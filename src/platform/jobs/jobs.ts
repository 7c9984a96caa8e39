import { Global, Inject, Injectable, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Logger as WorkerLogger, parseCronItems, run, type Runner } from 'graphile-worker';
import { Pool } from 'pg';
import { CONFIG, type Config } from '../config';
import { refusePrivilegedRole } from '../database';

export interface Housekeeping {
  name: string;
  /** Cron expression, UTC. */
  schedule: string;
  run: () => Promise<void>;
}

/** Cron and housekeeping, on a library; business timers and the outbox are rows of our own. Runs in the worker only. */
@Injectable()
export class Jobs implements OnApplicationShutdown {
  private readonly logger = new Logger('jobs');
  private runner: Runner | null = null;
  private pool: Pool | null = null;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Starts running these; a run missed while no worker was up is made up for once, within a day. */
  async start(tasks: readonly Housekeeping[]): Promise<void> {
    const pool = new Pool({ connectionString: this.config.database.directUrl, max: 4, application_name: 'gloria jobs' });
    // A connection that dies, idle or in use, is replaced; unheard, its error would end the process.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    this.pool = pool;
    await refusePrivilegedRole(pool, 'DIRECT_DATABASE_URL');
    await proveDirect(pool);
    this.runner = await run({
      pgPool: pool,
      concurrency: 2,
      noHandleSignals: true,
      pollInterval: 5_000,
      taskList: Object.fromEntries(tasks.map((task) => [task.name, () => task.run()])),
      parsedCronItems: parseCronItems(tasks.map((task) => ({ task: task.name, match: task.schedule, options: { backfillPeriod: 86_400_000 } }))),
      logger: new WorkerLogger(() => (level, message) => {
        if (level === 'error') this.logger.error(message);
        else if (level === 'warning') this.logger.warn(message);
      }),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.runner?.stop();
    await this.pool?.end();
  }
}

/**
 * A transaction pooler between us and the server would take LISTEN and advisory locks without an error and keep
 * neither: a notification that does not come back says so at the start instead of never.
 */
async function proveDirect(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    const channel = `gloria_direct_${process.pid}`;
    const heard = new Promise<boolean>((done) => {
      const timer = setTimeout(() => done(false), 2_000);
      client.once('notification', () => {
        clearTimeout(timer);
        done(true);
      });
    });
    await client.query(`LISTEN ${channel}`);
    await pool.query(`NOTIFY ${channel}`);
    if (!(await heard)) throw new Error('DIRECT_DATABASE_URL goes through a transaction pooler (a notification did not arrive); give the server itself');
    await client.query(`UNLISTEN ${channel}`);
  } finally {
    client.release();
  }
}

@Global()
@Module({ providers: [Jobs], exports: [Jobs] })
export class JobsModule {}
