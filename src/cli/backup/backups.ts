import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import type { BackupConfig } from '../../platform/config';
import { ObjectStore } from '../../platform/storage';
import { decryptInto, encryptTo, libpq, ProgramFailed } from './programs';

/** What a backup says of itself; stored last, so that a backup without one was never finished. */
export interface Manifest {
  id: string;
  at: string;
  server: string;
  /** Migrations the database had, and the rows of every table, counted in the snapshot that was dumped. */
  migrations: string[];
  rows: Record<string, number>;
  files: { name: 'database' | 'paths'; key: string; bytes: number; sha256: string }[];
}

export class BackupRefused extends Error {}

const DAY_MS = 86_400_000;
/** The last moment a Date can hold: the age of what somebody else has put there. */
const NOT_OURS = 8.64e15;
const DATABASE = 'database.dump.age';
const PATHS = 'paths.tar.age';

/** Makes, lists, proves, restores and lets go of backups in one bucket. */
export class Backups {
  private readonly store: ObjectStore;

  constructor(
    private readonly config: BackupConfig,
    private readonly tell: (text: string) => void,
    private readonly now: () => Date = () => new Date(),
  ) {
    this.store = new ObjectStore({ endpoint: config.BACKUP_S3_ENDPOINT ?? null, region: config.BACKUP_S3_REGION, bucket: config.BACKUP_S3_BUCKET, accessKeyId: config.BACKUP_S3_ACCESS_KEY_ID, secretAccessKey: config.BACKUP_S3_SECRET_ACCESS_KEY });
  }

  close(): void {
    this.store.close();
  }

  /** Dumps, encrypts, uploads; resolves to the finished backup. Nothing that fails replaces or removes an older one. */
  async run(): Promise<Manifest> {
    const { BACKUP_DATABASE_URL: url, BACKUP_AGE_RECIPIENTS: recipients } = this.config;
    if (!url) throw new BackupRefused('BACKUP_DATABASE_URL is missing: the role gloria_backup');
    if (recipients.length === 0) throw new BackupRefused('BACKUP_AGE_RECIPIENTS is missing: a backup is never stored in the clear');
    const at = this.now();
    const id = `${at.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
    const work = await mkdtemp(join(this.config.BACKUP_WORK_DIR, 'gloria-backup-'));
    const credentials = await libpq(url, work);
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
    try {
      await client.connect();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const [snapshot] = (await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id')).rows;
      const content = await contentOf(client);
      this.tell(`dumping ${Object.keys(content.rows).length} tables`);
      const dumped = await encryptTo(join(work, DATABASE), { command: 'pg_dump', args: ['--format=custom', '--no-password', `--snapshot=${snapshot?.id ?? ''}`], env: credentials.env }, recipients);
      await client.query('COMMIT');
      const files: Manifest['files'] = [{ name: 'database', key: this.key('backups', id, DATABASE), ...dumped }];
      const paths = this.config.BACKUP_PATHS;
      const missing = paths.filter((path) => !existsSync(path));
      if (missing.length > 0) throw new BackupRefused(`BACKUP_PATHS: ${missing.join(', ')} is not there`);
      if (paths.length > 0) {
        this.tell(`packing ${paths.length} paths`);
        files.push({ name: 'paths', key: this.key('backups', id, PATHS), ...(await encryptTo(join(work, PATHS), tar(paths), recipients)) });
      }
      const lockedUntil = this.config.BACKUP_OBJECT_LOCK_DAYS > 0 ? new Date(at.getTime() + this.config.BACKUP_OBJECT_LOCK_DAYS * DAY_MS) : undefined;
      for (const file of files) {
        this.tell(`uploading ${file.name}, ${file.bytes} bytes`);
        await this.store.putFile(file.key, join(work, basename(file.key)), { lockedUntil });
      }
      const manifest: Manifest = { id, at: at.toISOString(), ...content, files };
      await this.store.putText(this.key('backups', id, 'manifest.json'), JSON.stringify(manifest, null, 2), { lockedUntil });
      if (this.config.BACKUP_KEYRING_DIR) await this.keepKeyring(id, work, recipients);
      return manifest;
    } finally {
      await client.end().catch(() => undefined);
      await credentials.forget();
      await rm(work, { recursive: true, force: true });
    }
  }

  /** The keyring, apart from everything else and without a lock: it must be possible to let go of it soon. */
  private async keepKeyring(id: string, work: string, recipients: readonly string[]): Promise<void> {
    const dir = this.config.BACKUP_KEYRING_DIR!;
    if (!existsSync(dir)) throw new BackupRefused(`BACKUP_KEYRING_DIR: ${dir} is not there`);
    this.tell('packing the keyring');
    const file = join(work, 'keyring.tar.age');
    await encryptTo(file, tar([dir]), recipients);
    await this.store.putFile(this.key('keyring', `${id}.tar.age`), file);
  }

  /** Finished backups, oldest first. */
  async list(): Promise<{ id: string; at: Date }[]> {
    const objects = await this.store.list(`${this.key('backups')}/`);
    return objects
      .filter(({ key }) => key.endsWith('/manifest.json'))
      .map(({ key }) => key.split('/').at(-2)!)
      .filter((id) => timeOf(id).getTime() < NOT_OURS)
      .map((id) => ({ id, at: timeOf(id) }))
      .sort((a, b) => a.at.getTime() - b.at.getTime());
  }

  async manifest(wanted: string): Promise<Manifest> {
    const id = wanted === 'latest' ? (await this.list()).at(-1)?.id : wanted;
    if (!id) throw new BackupRefused('there is no backup yet');
    if ((await this.store.size(this.key('backups', id, 'manifest.json'))) === null) throw new BackupRefused(`there is no finished backup ${id}`);
    return JSON.parse(await this.store.getText(this.key('backups', id, 'manifest.json'))) as Manifest;
  }

  /**
   * Restores a backup into an empty database and compares what is there with what was dumped: checksum, migrations, and
   * the rows of every table. Rejects (BackupRefused, ProgramFailed) on any difference.
   */
  async restore(wanted: string, into: string): Promise<Manifest> {
    const identity = this.config.BACKUP_AGE_IDENTITY_FILE;
    if (!identity) throw new BackupRefused('BACKUP_AGE_IDENTITY_FILE is missing: only the private key opens a backup');
    const manifest = await this.manifest(wanted);
    const database = manifest.files.find(({ name }) => name === 'database');
    if (!database) throw new BackupRefused(`${manifest.id} holds no database`);
    const client = new Client({ connectionString: into, connectionTimeoutMillis: 10_000 });
    await client.connect();
    const work = await mkdtemp(join(this.config.BACKUP_WORK_DIR, 'gloria-restore-'));
    const credentials = await libpq(into, work);
    try {
      const { rows } = await client.query<{ tables: number }>(`SELECT count(*)::int AS tables FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`);
      if (rows[0]!.tables > 0) throw new BackupRefused('the database to restore into is not empty; nothing was changed');
      this.tell(`restoring ${manifest.id}, ${database.bytes} bytes`);
      const read = await decryptInto(await this.store.get(database.key), identity, { command: 'pg_restore', args: ['--no-password', '--exit-on-error', '--single-transaction', `--dbname=${credentials.env.PGDATABASE}`], env: credentials.env });
      if (read.sha256 !== database.sha256 || read.bytes !== database.bytes) throw new BackupRefused(`${manifest.id} is not what was stored: its checksum differs`);
      const restored = await contentOf(client);
      const different = [...new Set([...Object.keys(manifest.rows), ...Object.keys(restored.rows)])].filter((table) => manifest.rows[table] !== restored.rows[table]);
      if (different.length > 0) throw new BackupRefused(`${manifest.id}: ${different.map((table) => `${table} had ${manifest.rows[table] ?? 'no'} rows, ${restored.rows[table] ?? 'none'} came back`).join('; ')}`);
      if (restored.migrations.join() !== manifest.migrations.join()) throw new BackupRefused(`${manifest.id}: other migrations came back than were dumped`);
      return manifest;
    } finally {
      await client.end();
      await credentials.forget();
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Restores the folders and files of a backup below a folder. */
  async restorePaths(wanted: string, below: string): Promise<Manifest> {
    const identity = this.config.BACKUP_AGE_IDENTITY_FILE;
    if (!identity) throw new BackupRefused('BACKUP_AGE_IDENTITY_FILE is missing: only the private key opens a backup');
    const manifest = await this.manifest(wanted);
    const paths = manifest.files.find(({ name }) => name === 'paths');
    if (!paths) throw new BackupRefused(`${manifest.id} holds no paths`);
    const read = await decryptInto(await this.store.get(paths.key), identity, { command: 'tar', args: ['--extract', '--preserve-permissions', '--directory', below, '--file', '-'] });
    if (read.sha256 !== paths.sha256) throw new BackupRefused(`${manifest.id} is not what was stored: the checksum of its paths differs`);
    return manifest;
  }

  /** Proves a backup by restoring it into a database made for it and dropped afterwards. */
  async verify(wanted: string): Promise<Manifest> {
    const server = this.config.BACKUP_VERIFY_DATABASE_URL;
    if (!server) throw new BackupRefused('BACKUP_VERIFY_DATABASE_URL is missing: a server to restore into');
    const name = `gloria_verify_${Date.now()}_${randomBytes(3).toString('hex')}`;
    const admin = new Client({ connectionString: server, connectionTimeoutMillis: 10_000 });
    await admin.connect();
    try {
      await admin.query(`CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE template0`);
      const into = new URL(server);
      into.pathname = `/${name}`;
      return await this.restore(wanted, into.toString());
    } finally {
      await admin.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
      await admin.end();
    }
  }

  /** Lets go of what retention no longer keeps: whole old backups, keyrings, and uploads that were never finished. */
  async prune(): Promise<string[]> {
    const before = (days: number) => this.now().getTime() - days * DAY_MS;
    const finished = await this.list();
    const old = finished.slice(0, Math.max(0, finished.length - this.config.BACKUP_KEEP_AT_LEAST)).filter(({ at }) => at.getTime() < before(this.config.BACKUP_KEEP_DAYS)).map(({ id }) => id);
    const gone = new Set(old);
    const known = new Set(finished.map(({ id }) => id));
    const locked = new Set<string>();
    for (const { key } of await this.store.list(`${this.key('backups')}/`)) {
      const id = key.split('/').at(-2)!;
      // Never finished, and too old to be under way.
      if (!known.has(id) && timeOf(id).getTime() < before(2)) gone.add(id);
      if (gone.has(id) && !key.endsWith('/manifest.json') && !(await this.letGo(key))) locked.add(id);
    }
    // The manifest last: what is half removed is still listed, and removed by the next run.
    for (const id of old) if (!locked.has(id)) await this.letGo(this.key('backups', id, 'manifest.json'));
    // The newest stays whatever its age: backups that fail for a week must not cost the keys.
    const keyrings = (await this.store.list(`${this.key('keyring')}/`)).map(({ key }) => ({ key, at: timeOf(key.split('/').at(-1)!.replace('.tar.age', '')).getTime() })).filter(({ at }) => at < NOT_OURS).sort((a, b) => a.at - b.at);
    for (const { key, at } of keyrings.slice(0, -1)) if (at < before(this.config.BACKUP_KEYRING_KEEP_DAYS)) await this.letGo(key);
    return [...gone].filter((id) => !locked.has(id));
  }

  /** False where the store will not let go of it yet: a lock that outlasts retention is no failure of tonight's backup. */
  private async letGo(key: string): Promise<boolean> {
    try {
      await this.store.remove(key);
      return true;
    } catch (error) {
      if ((error as Error).name !== 'AccessDenied') throw error;
      this.tell(`${key} is locked and stays`);
      return false;
    }
  }

  private key(...parts: string[]): string {
    return [this.config.BACKUP_S3_PREFIX, ...parts].filter(Boolean).join('/');
  }
}

/** 20261123T083000Z-a1b2c3 → its time; far in the future where the name is somebody else's: what is not ours is never let go of. */
function timeOf(id: string): Date {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{6}$/.exec(id) ?? [];
  return year ? new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) : new Date(NOT_OURS);
}

const tar = (paths: readonly string[]) => ({ command: 'tar', args: ['--create', '--file', '-', ...paths.flatMap((path) => ['--directory', dirname(path), basename(path)])] });

/** Server version, migrations, and the rows of every table of ours. */
async function contentOf(client: Client): Promise<Pick<Manifest, 'server' | 'migrations' | 'rows'>> {
  const { rows: tables } = await client.query<{ schema: string; name: string }>(`
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2`);
  if (tables.length === 0) throw new ProgramFailed('the database holds no table');
  const rows: Record<string, number> = {};
  for (const { schema, name } of tables) {
    const counted = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${escapeIdentifier(schema)}.${escapeIdentifier(name)}`);
    rows[`${schema}.${name}`] = Number(counted.rows[0]!.n);
  }
  const { rows: version } = await client.query<{ server: string }>(`SELECT current_setting('server_version') AS server`);
  const { rows: migrations } = await client.query<{ name: string }>('SELECT migration_name AS name FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY started_at, migration_name');
  return { server: version[0]!.server, migrations: migrations.map(({ name }) => name), rows };
}
