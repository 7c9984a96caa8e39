import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { FakeS3 } from '../support/fake-s3';
import { type Outcome, ProdlikeHost, recordDrill, runToEnd } from '../support/prodlike';
import { root } from '../support/documents';

const GLORIA = join(root, 'dist/cli/gloria.js');

/** Backups of a real database, with real pg_dump and age, through the real S3 SDK to a server that verifies signatures. */
describe('a backup', () => {
  let host: ProdlikeHost;
  const s3 = new FakeS3('gloria-backups');
  let dir: string;
  let environment: Record<string, string>;
  const canary = 'Canary-Of-The-Backup-Drill';

  /** As the timer and operators run it: the host's variables from a file, what is set beside it wins. */
  const gloria = (args: string[], changes: Record<string, string> = {}): Promise<Outcome> => runToEnd(join(root, 'scripts/backup.sh'), args, { PATH: process.env.PATH!, GLORIA_HOME: '/nonexistent', BACKUP_ENV_FILE: join(dir, 'backup.env'), ...changes });
  const keys = () => [...s3.objects.keys()].sort();
  const admin = async <T>(work: (client: Client) => Promise<T>, database = 'gloria') => {
    const client = new Client({ connectionString: host.is.adminUrl.replace(/\/postgres$/, `/${database}`) });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };

  beforeAll(async () => {
    await s3.start();
    host = await ProdlikeHost.start('backup', {}, ['--no-deploy']);
    dir = mkdtempSync(join(tmpdir(), 'gloria-backup-drill-'));
    for (const [name, url] of [['migrate', host.is.migrationUrl]] as const) {
      const { code, output } = await runToEnd(process.execPath, [GLORIA, name], { PATH: process.env.PATH!, MIGRATION_DATABASE_URL: url });
      if (code !== 0) throw new Error(output);
    }
    const secret = 'b-secret:with\\odd';
    await admin(async (client) => {
      await client.query(`ALTER ROLE gloria_backup PASSWORD '${secret}'`);
      await client.query(`SET session_replication_role = replica; INSERT INTO foundation (id, code, name, clerk_org_id) VALUES (gen_random_uuid(), 'backup', '${canary}', 'org_backup')`);
    });
    const keyFile = join(dir, 'identity');
    execFileSync('age-keygen', ['-o', keyFile], { stdio: 'ignore' });
    mkdirSync(join(dir, 'storage'));
    writeFileSync(join(dir, 'storage', 'receipt.txt'), canary);
    mkdirSync(join(dir, 'keyring'));
    writeFileSync(join(dir, 'keyring', 'key'), canary);
    const url = new URL(host.is.databaseUrl);
    url.username = 'gloria_backup';
    url.password = encodeURIComponent(secret);
    url.search = '?schema=public';
    environment = {
      BACKUP_DATABASE_URL: url.toString(), BACKUP_AGE_RECIPIENTS: /public key: (age1\w+)/.exec(readFileSync(keyFile, 'utf8'))![1]!, BACKUP_AGE_IDENTITY_FILE: keyFile,
      BACKUP_S3_ENDPOINT: s3.endpoint, BACKUP_S3_BUCKET: s3.bucket, BACKUP_S3_PREFIX: 'drill', BACKUP_S3_ACCESS_KEY_ID: s3.accessKeyId, BACKUP_S3_SECRET_ACCESS_KEY: s3.secretAccessKey, BACKUP_WORK_DIR: dir,
      BACKUP_PATHS: join(dir, 'storage'), BACKUP_KEYRING_DIR: join(dir, 'keyring'), BACKUP_VERIFY_DATABASE_URL: host.is.adminUrl,
    };
    writeFileSync(join(dir, 'backup.env'), Object.entries(environment).filter(([name]) => name.startsWith('BACKUP_')).map(([name, value]) => `${name}='${value}'\n`).join(''), { mode: 0o600 });
  }, 180_000);
  afterAll(async () => {
    s3.stop();
    await host?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  it('is made, stored encrypted, proven by restoring, and restored', async () => {
    const started = Date.now();
    const made = await gloria(['run']);
    expect([made.code, made.output]).toEqual([0, expect.stringMatching(/\d+ rows in \d+ tables[\s\S]*\n\d{8}T\d{6}Z-[0-9a-f]{6}\n$/)]);
    const id = made.output.trim().split('\n').at(-1)!;
    expect(keys()).toEqual([`drill/backups/${id}/database.dump.age`, `drill/backups/${id}/manifest.json`, `drill/backups/${id}/paths.tar.age`, `drill/keyring/${id}.tar.age`]);
    for (const [key, { content }] of s3.objects) if (key.endsWith('.age')) expect([key, content.subarray(0, 21).toString(), content.includes(canary)]).toEqual([key, 'age-encryption.org/v1', false]);
    // Nothing is left behind, least of all a password.
    expect(readdirSync(dir).sort()).toEqual(['backup.env', 'identity', 'keyring', 'storage']);
    const madeSeconds = (Date.now() - started) / 1000;

    const verified = await gloria(['verify']);
    expect([verified.code, verified.output]).toEqual([0, expect.stringContaining(`✔ restored and equal: ${id}`)]);
    expect(await admin(async (client) => (await client.query(`SELECT 1 FROM pg_database WHERE datname LIKE 'gloria_verify%'`)).rowCount)).toBe(0);

    await admin((client) => client.query('CREATE DATABASE restored'), 'postgres');
    const restoring = Date.now();
    const into = host.is.adminUrl.replace(/\/postgres$/, '/restored');
    expect(await gloria(['restore', id, '--into', into])).toMatchObject({ code: 0 });
    recordDrill('backup', { madeSeconds, restoreSeconds: (Date.now() - restoring) / 1000 });
    expect(await admin(async (client) => (await client.query('SELECT name FROM foundation')).rows, 'restored')).toEqual([{ name: canary }]);
    expect((await gloria(['restore', id, '--into', into])).output).toContain('is not empty; nothing was changed');
    mkdirSync(join(dir, 'back'));
    expect(await gloria(['restore', id, '--paths-below', join(dir, 'back')])).toMatchObject({ code: 0 });
    expect(readFileSync(join(dir, 'back/storage/receipt.txt'), 'utf8')).toBe(canary);
    rmSync(join(dir, 'back'), { recursive: true });
    expect((await gloria(['list'])).output).toContain(id);
  }, 120_000);

  it('that is corrupt, cut short or for another key is refused, and says why', async () => {
    const id = (await gloria(['run'])).output.trim().split('\n').at(-1)!;
    const key = `drill/backups/${id}/database.dump.age`;
    const good = s3.objects.get(key)!;
    const flipped = Buffer.from(good.content);
    flipped[Math.floor(flipped.length / 2)]! ^= 0x40;
    for (const [what, content, says] of [
      ['a flipped bit', flipped, /age failed/],
      ['a cut end', good.content.subarray(0, good.content.length - 1000), /age failed/],
      ['nothing', Buffer.alloc(0), /age failed/],
    ] as const) {
      s3.objects.set(key, { ...good, content: Buffer.from(content) });
      const { code, output } = await gloria(['verify', id]);
      expect([what, code, output]).toEqual([what, 1, expect.stringMatching(says)]);
    }
    s3.objects.set(key, good);
    // Another backup's bytes under this name: intact, and not what was stored.
    const other = [...s3.objects].find(([name]) => name.endsWith('database.dump.age') && name !== key)![1];
    s3.objects.set(key, other);
    expect(await gloria(['verify', id])).toMatchObject({ code: 1, output: expect.stringContaining('its checksum differs') });
    s3.objects.set(key, good);
    // Rows that went missing: the manifest is the witness.
    const manifest = s3.objects.get(`drill/backups/${id}/manifest.json`)!;
    s3.objects.set(`drill/backups/${id}/manifest.json`, { ...manifest, content: Buffer.from(manifest.content.toString().replace('"public.foundation": 1', '"public.foundation": 2')) });
    expect(await gloria(['verify', id])).toMatchObject({ code: 1, output: expect.stringContaining('public.foundation had 2 rows, 1 came back') });
    s3.objects.set(`drill/backups/${id}/manifest.json`, manifest);

    execFileSync('age-keygen', ['-o', join(dir, 'wrong')], { stdio: 'ignore' });
    expect(await gloria(['verify', id], { BACKUP_AGE_IDENTITY_FILE: join(dir, 'wrong') })).toMatchObject({ code: 1, output: expect.stringMatching(/age failed.*no identity matched/) });
    expect(await gloria(['verify', '20200101T000000Z-aaaaaa'])).toMatchObject({ code: 1, output: expect.stringContaining('there is no finished backup') });
  }, 180_000);

  it('of a database that is down, with wrong credentials or to a store that fails stores nothing', async () => {
    const before = keys();
    const wrong = new URL(environment.BACKUP_DATABASE_URL!);
    wrong.password = 'wrong';
    for (const [what, changes, code] of [
      ['database down', { BACKUP_DATABASE_URL: 'postgresql://gloria_backup:x@127.0.0.1:9/gloria' }, 1],
      ['wrong password', { BACKUP_DATABASE_URL: wrong.toString() }, 1],
      ['no such database', { BACKUP_DATABASE_URL: environment.BACKUP_DATABASE_URL!.replace('/gloria?', '/nothing?') }, 1],
      ['wrong secret', { BACKUP_S3_SECRET_ACCESS_KEY: 'wrong' }, 1],
      ['store down', { BACKUP_S3_ENDPOINT: 'http://127.0.0.1:9' }, 1],
      ['a recipient that is none', { BACKUP_AGE_RECIPIENTS: 'age1nobody' }, 1],
      ['no recipient', { BACKUP_AGE_RECIPIENTS: '' }, 1],
      ['a path that is gone', { BACKUP_PATHS: '/no/such/path' }, 1],
      ['no bucket', { BACKUP_S3_BUCKET: '' }, 78],
    ] as const) {
      const result = await gloria(['run'], changes);
      expect([what, result.code, result.output.length > 20]).toEqual([what, code, true]);
      expect([what, keys()]).toEqual([what, before]);
    }
    expect(readdirSync(dir).filter((name) => name.startsWith('gloria-') || name.startsWith('.'))).toEqual([]);
    s3.failNext = 2;
    expect((await gloria(['run'])).code).toBe(0); // a moment's trouble is tried again
  }, 180_000);

  it('is let go of by age, never the newest ones, never what is locked, and half ones too', async () => {
    s3.objects.clear();
    const store = (id: string, lockedUntil: Date | null = null, finished = true) => {
      for (const name of ['database.dump.age', ...(finished ? ['manifest.json'] : [])]) s3.objects.set(`drill/backups/${id}/${name}`, { content: Buffer.from('{}'), at: new Date(), lockedUntil });
      s3.objects.set(`drill/keyring/${id}.tar.age`, { content: Buffer.from('x'), at: new Date(), lockedUntil: null });
    };
    const old = Array.from({ length: 6 }, (_, n) => `2026010${n + 1}T000000Z-00000${n}`);
    old.forEach((id, n) => store(id, n === 1 ? new Date(Date.now() + 86_400_000) : null));
    store('20251231T000000Z-ffffff', null, false);
    for (const foreign of ['drill/backups/notes.txt', 'drill/backups/somebody/manifest.json', 'drill/keyring/README']) s3.objects.set(foreign, { content: Buffer.from('x'), at: new Date(0), lockedUntil: null });
    const pruned = await gloria(['prune'], { BACKUP_KEEP_AT_LEAST: '2' });
    expect([pruned.code, pruned.output]).toEqual([0, expect.stringContaining(old[0]!)]);
    expect(pruned.output).toContain('is locked and stays');
    expect(keys().filter((key) => !/notes|somebody|README|keyring/.test(key))).toEqual([old[1]!, ...old.slice(4)].flatMap((id) => [`drill/backups/${id}/database.dump.age`, `drill/backups/${id}/manifest.json`]));
    expect([...s3.objects.keys()].filter((key) => /notes|somebody|README/.test(key)).length).toBe(3);
    const locked = await gloria(['run'], { BACKUP_OBJECT_LOCK_DAYS: '14' });
    const id = locked.output.trim().split('\n').at(-1)!;
    expect(s3.objects.get(`drill/backups/${id}/manifest.json`)!.lockedUntil!.getTime()).toBeGreaterThan(Date.now() + 13 * 86_400_000);
  }, 60_000);
});
