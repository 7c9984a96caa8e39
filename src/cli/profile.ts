import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { describeRedis } from '../platform/cache';
import { configOrExit, environmentProfile, VARIABLES } from '../platform/config';
import { migrationStatus } from './migrate';

const PROFILE_USAGE = `usage: gloria profile > staging.json

Describes this environment as JSON: versions, settings, migrations, which variables are set. Of a secret it says only whether it is.
`;
const COMPARE_USAGE = `usage: gloria compare <profile.json> <profile.json>

Says what differs between two environments, beside what differs by its nature (names, keys, addresses). Exit code 1 where something does.
`;

/** Section → name → value; what \`gloria compare\` compares. */
export type Profile = Record<string, Record<string, string>>;

const DATABASE_SETTINGS = ['server_version', 'max_connections', 'wal_level', 'archive_mode', 'synchronous_commit', 'ssl', 'password_encryption', 'data_checksums', 'track_commit_timestamp', 'log_lock_waits', 'log_min_duration_statement', 'timezone', 'lc_collate', 'server_encoding'];

export async function profile(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean' } } });
  if (values.help) return void process.stderr.write(PROFILE_USAGE);
  const config = configOrExit();
  const described: Profile = {
    runtime: { node: process.versions.node.split('.')[0]!, architecture: process.arch, commit: config.release.commit },
    environment: environmentProfile(),
    database: await describeDatabase(config.database.directUrl),
    migrations: config.database.migrationUrl ? Object.fromEntries((await migrationStatus(config.database.migrationUrl)).applied.map((name) => [name, 'applied'])) : {},
    redis: config.redisUrl ? await describeRedis(config.redisUrl) : { version: 'none' },
  };
  process.stdout.write(`${JSON.stringify(described, null, 2)}\n`);
}

export function compare(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean' } } });
  if (values.help || positionals.length !== 2) {
    process.stderr.write(COMPARE_USAGE);
    process.exit(values.help ? 0 : 64);
  }
  const [left, right] = positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Profile) as [Profile, Profile];
  const differences = compareProfiles(left, right);
  for (const { at, left: a, right: b } of differences) process.stdout.write(`✘ ${at}: ${a ?? '(nothing)'} | ${b ?? '(nothing)'}\n`);
  process.stdout.write(differences.length === 0 ? '✔ nothing differs that should not\n' : `${differences.length} differences: ${positionals[0]} | ${positionals[1]}\n`);
  process.exitCode = differences.length === 0 ? 0 : 1;
  return Promise.resolve();
}

/** What differs between two profiles and is not of its place. */
export function compareProfiles(left: Profile, right: Profile): { at: string; left: string | undefined; right: string | undefined }[] {
  const ofItsPlace = new Set(Object.entries(VARIABLES).flatMap(([name, variable]) => ('ofItsPlace' in variable ? [`environment ${name}`] : [])));
  const sections = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return sections.flatMap((section) =>
    [...new Set([...Object.keys(left[section] ?? {}), ...Object.keys(right[section] ?? {})])]
      .map((name) => ({ at: `${section} ${name}`, left: left[section]?.[name], right: right[section]?.[name] }))
      .filter((each) => each.left !== each.right && !ofItsPlace.has(each.at)),
  );
}

async function describeDatabase(url: string): Promise<Record<string, string>> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; setting: string }>('SELECT name, setting FROM pg_settings WHERE name = ANY ($1) ORDER BY name', [DATABASE_SETTINGS]);
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  } finally {
    await client.end();
  }
}
