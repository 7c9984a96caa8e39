import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { migrationUrlOrExit } from '../platform/config';
import { installJobs } from '../platform/jobs';

const USAGE = `usage: gloria migrate [--status] [--attempts <n>]

Applies the migrations of prisma/migrations as the owner, then installs the job tables. A migration that waited too
long for a lock is undone and tried again (10 attempts unless told); one that was cut off is undone first. Safe to
repeat. --status changes nothing and prints JSON: { "applied": [...], "unfinished": [...] }.
`;

const root = join(__dirname, '../..');
/** The key Prisma's migration engine locks while it works. */
const PRISMA_LOCK = 72707369;

export interface MigrationStatus {
  /** Names, in the order they were applied. */
  applied: string[];
  /** Begun and neither finished nor undone: a failure, or a run that was cut off. */
  unfinished: string[];
}

export async function migrate(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { status: { type: 'boolean' }, attempts: { type: 'string', default: '10' }, help: { type: 'boolean' } } });
  const attempts = Number(values.attempts);
  if (values.help || !(Number.isInteger(attempts) && attempts > 0)) {
    process.stderr.write(USAGE);
    process.exit(values.help ? 0 : 64);
  }
  const url = migrationUrlOrExit();
  if (values.status) {
    process.stdout.write(`${JSON.stringify(await migrationStatus(url))}\n`);
    return;
  }
  for (let attempt = 1; ; attempt += 1) {
    await undoUnfinished(url);
    const { code, output } = await prismaMigrateDeploy();
    if (code === 0) {
      process.stdout.write(output);
      break;
    }
    await undoUnfinished(url);
    if (!/lock timeout|55P03|deadlock detected|40P01/i.test(output)) throw new Error(`${output}\nNothing of the failed migration was kept.`);
    if (attempt >= attempts) throw new Error(`${output}\nA lock was not to be had in ${attempts} attempts; nothing of the migration was kept. Try again when fewer long transactions run.`);
    process.stdout.write(`A lock was not to be had in time; attempt ${attempt + 1} of ${attempts} follows.\n`);
    await pause(1_000 * attempt);
  }
  await installJobs(url);
}

/** What the database says of its migrations; empty where it has never been migrated. */
export function migrationStatus(url: string): Promise<MigrationStatus> {
  return asOwner(url, async (client) => {
    const { rows: tables } = await client.query<{ there: boolean }>(`SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS there`);
    if (!tables[0]?.there) return { applied: [], unfinished: [] };
    const { rows } = await client.query<{ name: string; finished: boolean }>(`
      SELECT migration_name AS name, finished_at IS NOT NULL AS finished
        FROM public._prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`);
    return { applied: rows.filter(({ finished }) => finished).map(({ name }) => name), unfinished: rows.filter(({ finished }) => !finished).map(({ name }) => name) };
  });
}

/**
 * Marks what was begun and not finished as undone, so that it is applied anew. True of every file that is one
 * transaction, because the engine marks it finished in that same transaction (scripts/schema-engine.cjs); a file that
 * cannot be one is named instead.
 */
async function undoUnfinished(url: string): Promise<void> {
  await asOwner(url, async (client) => {
    // Somebody else's migration under way is waited for, not undone.
    await client.query('SET statement_timeout = 60000; SET lock_timeout = 60000');
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_LOCK]);
    for (const name of (await migrationStatus(url)).unfinished) {
      if (!(await isOneTransaction(name))) {
        throw new Error(`${name} was cut off and is not one transaction: look at what it left (an invalid index: DROP INDEX CONCURRENTLY), then: node_modules/.bin/prisma migrate resolve --rolled-back ${name}`);
      }
      await client.query(`UPDATE public._prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`, [name]);
      process.stdout.write(`${name} was begun and not finished; it left nothing and is applied again.\n`);
    }
  });
}

async function isOneTransaction(name: string): Promise<boolean> {
  let sql: string;
  try {
    sql = readFileSync(join(root, 'prisma/migrations', name, 'migration.sql'), 'utf8');
  } catch {
    throw new Error(`${name} was begun by another release, which this one does not hold: migrate with that release`);
  }
  const rule = (await import(join(root, 'scripts/one-transaction.cjs'))) as { isOneTransaction: (text: string) => boolean };
  return rule.isOneTransaction(sql);
}

async function asOwner<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, application_name: 'gloria migrate' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function prismaMigrateDeploy(): Promise<{ code: number | null; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'migrate', 'deploy'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', fail);
    child.once('close', (code) => done({ code, output }));
  });
}
