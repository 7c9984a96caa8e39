import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { type Config, configOrExit } from '../platform/config';

const USAGE = `usage: gloria validate-env [--processes <n>]

Checks every variable the application reads; exit code 78 lists what is wrong. With --processes it also asks the
database whether its connections suffice for that many API processes and one worker.
`;

/** The connection on which each process hears what is new in authorization. */
const LISTENER = 1;
/** Connections the worker opens beside its pool: job library and its listener. */
const WORKER_EXTRA = 5;
/** Room for migrations, backups, operators and the health of the server itself. */
const USABLE_SHARE = 0.8;

export async function validateEnv(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { processes: { type: 'string' }, help: { type: 'boolean' } } });
  const processes = values.processes === undefined ? null : Number(values.processes);
  if (values.help || (processes !== null && !(Number.isInteger(processes) && processes > 0))) {
    process.stderr.write(USAGE);
    process.exit(values.help ? 0 : 64);
  }
  const config = configOrExit();
  if (processes !== null) await requireConnections(config, processes);
  process.stdout.write(`The environment is usable (${config.environment}${config.environmentFile ? `, ${config.environmentFile}` : ''}).\n`);
}

async function requireConnections({ database }: Config, processes: number): Promise<void> {
  const client = new Client({ connectionString: database.directUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ available: number }>(`SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS available`);
    const available = Math.floor((rows[0]?.available ?? 0) * USABLE_SHARE);
    const needed = (processes + 1) * (database.poolMax + LISTENER) + WORKER_EXTRA;
    if (needed <= available) return;
    process.stderr.write(`The configuration is not usable:\n  - DATABASE_POOL_MAX: ${processes} API processes and the worker may open ${needed} connections; the server has ${available} to give (80 % of max_connections)\n`);
    process.exit(78);
  } finally {
    await client.end();
  }
}
