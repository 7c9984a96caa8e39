import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { migrationUrlOrExit } from '../platform/config';

const USAGE = `usage: gloria restore-point <name>

Names this moment in the write-ahead log and waits until the archive holds it, so that the database can be recovered to
it. Asks for archive_mode = on and the right to call pg_create_restore_point and pg_switch_wal (prisma/recovery.sql).
`;

const ARCHIVE_SECONDS = 60;

export async function restorePoint([name, ...rest]: string[]): Promise<void> {
  if (name === '--help' || !name || rest.length > 0 || !/^[A-Za-z0-9._-]{1,63}$/.test(name)) {
    process.stderr.write(USAGE);
    process.exit(name === '--help' ? 0 : 64);
  }
  const client = new Client({ connectionString: migrationUrlOrExit(), connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ mode: string }>(`SELECT current_setting('archive_mode') AS mode`);
    if (rows[0]?.mode === 'off') throw new Error('archive_mode is off: the write-ahead log is not archived, so there is no recovering to a moment');
    await client.query('SELECT pg_create_restore_point($1)', [name]);
    const { rows: switched } = await client.query<{ segment: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS segment');
    const segment = switched[0]?.segment ?? '';
    const until = Date.now() + ARCHIVE_SECONDS * 1000;
    for (;;) {
      // By position, not by name of the last one: a timeline's history file counts as archived too.
      const { rows: archived } = await client.query<{ done: boolean; failure: string | null }>(
        `SELECT coalesce(right(last_archived_wal, 16) >= right($1, 16) AND last_archived_wal ~ '^[0-9A-F]{24}$', false) AS done,
                CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity') THEN last_failed_wal END AS failure FROM pg_stat_archiver`,
        [segment],
      );
      if (archived[0]?.done) break;
      if (Date.now() > until) throw new Error(`the archive has not got ${segment} after ${ARCHIVE_SECONDS} s${archived[0]?.failure ? `; archiving ${archived[0].failure} fails` : ''}`);
      await pause(100);
    }
    process.stdout.write(`Restore point ${name}; the archive holds it (${segment}).\n`);
  } finally {
    await client.end();
  }
}
