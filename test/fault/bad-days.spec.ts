import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Load, ProdlikeHost, succeeded } from '../support/prodlike';

const migration = (name: string, sql: string) => ({ [`prisma/migrations/${name}/migration.sql`]: sql });
const ROLLBACK = '-- rollback: forward only; made for a drill and gone with it.\n';

/** Everything that can be wrong on the day of a deployment: a clear message, the service up, nothing lost. */
describe('on a bad day', () => {
  let host: ProdlikeHost;
  let load: Load;
  let commit: string;
  beforeAll(async () => {
    host = await ProdlikeHost.start('bad-days', { WATCH_SECONDS: 1, START_SECONDS: 15, DRAIN_SECONDS: 1 });
    commit = host.history().at(-1)!.commit as string;
    load = host.load(4);
  }, 300_000);
  afterAll(async () => {
    await load?.stop();
    await host?.stop();
  }, 60_000);
  afterEach(async () => {
    expect(load.failures.splice(0)).toEqual([]);
    expect(String((await host.call('/health/live')).headers['x-gloria-release'])).toContain(commit);
  });

  const expectRefused = async (version: string, code: number, says: RegExp) => {
    const { code: was, output } = await host.deploy(version);
    expect([version, was, output]).toEqual([version, code, expect.stringMatching(says)]);
  };
  const query = async (url: string, sql: string) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const withFile = async (file: string, change: (text: string) => string, work: () => Promise<void>) => {
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, change(before));
    try {
      await work();
    } finally {
      writeFileSync(file, before);
    }
  };

  it('what is asked for does not exist, or is nothing to ask for', async () => {
    await expectRefused('v9.9.9', 65, /there is no tag v9\.9\.9/);
    for (const version of ['latest', 'v1', 'v1.2.3;id', 'v$(id)', '../v1.0.0', '--upload-pack=id']) await expectRefused(version, 64, /no version|usage|Unknown option/);
    const staging = await host.run('./deploy.sh', ['staging', host.is.version]);
    expect([staging.code, staging.output]).toEqual([64, expect.stringContaining('this host is "production", not "staging"')]);
    expect((await host.run('./deploy.sh', [])).code).toBe(64);
    expect((await host.run('./deploy.sh', ['production', host.is.version], { GLORIA_HOME: '/nowhere' })).output).toContain('/nowhere/host.conf is missing');
    expect((await host.rollback('v0.0.1')).output).toContain('v0.0.1 is not kept on this host');
    expect((await host.rollback()).output).toContain('no earlier release is kept');
  }, 60_000);

  it('the tag was moved to other code', async () => {
    await withFile(join(host.is.home, 'state/releases.jsonl'), (text) => `${text}${JSON.stringify({ at: '2026-01-01T00:00:00Z', version: 'v3.0.0', commit: 'a'.repeat(40), result: 'failed' })}\n`, async () => {
      host.publish('v3.0.0', { 'README.md': 'moved' });
      await expectRefused('v3.0.0', 65, /the tag v3\.0\.0 was moved: it was a{40}/);
    });
  });

  it('the tag is signed by somebody this host does not know', async () => {
    const key = join(host.is.dir, 'signing');
    expect(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]).status).toBe(0);
    const git = (...args: string[]) => expect([args, spawnSync('git', ['--git-dir', host.is.repository, '-c', 'user.name=Gloria', '-c', 'user.email=release@gloria.test', '-c', 'gpg.format=ssh', '-c', `user.signingkey=${key}`, ...args], { encoding: 'utf8' }).stderr]).toEqual([args, '']);
    git('tag', '--sign', '--message', 'signed', 'v3.0.1', commit);
    const signers = join(host.is.dir, 'signers');
    const dryRun = () => host.run('./deploy.sh', ['production', 'v3.0.1', '--dry-run'], { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'gpg.ssh.allowedSignersFile', GIT_CONFIG_VALUE_0: signers });
    writeFileSync(signers, '');
    const unknown = await dryRun();
    expect([unknown.code, unknown.output]).toEqual([65, expect.stringContaining('the signature of the tag v3.0.1 does not verify')]);
    writeFileSync(signers, `release@gloria.test ${readFileSync(`${key}.pub`, 'utf8')}`);
    const known = await dryRun();
    expect([known.code, known.output]).toEqual([0, expect.stringContaining('Deploying v3.0.1')]);
  }, 60_000);

  it('the tree that deploys was changed by hand', async () => {
    await withFile(join(host.is.kit, 'deploy.sh'), (text) => `${text}# a quick fix\n`, () => expectRefused(host.is.version, 78, /changes nobody committed \(1 files\)/));
  });

  it('the settings are wrong', async () => {
    await withFile(join(host.is.home, 'host.conf'), (text) => `${text.replace(/^PORT_GREEN=.*$/m, `PORT_GREEN=${host.is.ports.blue}`)}COLOUR=red\n`, () => expectRefused(host.is.version, 78, /COLOUR is no setting[\s\S]*must differ/));
    await withFile(join(host.is.home, 'app.env'), (text) => text.replace(/^ENCRYPTION_KEY=.*$/m, 'ENCRYPTION_KEY=change-me'), () => expectRefused(host.is.version, 78, /ENCRYPTION_KEY still holds an example value[\s\S]*serves as before/));
    await withFile(join(host.is.home, 'app.env'), (text) => text.replace(/^DATABASE_POOL_MAX=.*$/m, "DATABASE_POOL_MAX='80'"), () => expectRefused(host.is.version, 78, /may open 491 connections/));
    chmodSync(join(host.is.home, 'app.env'), 0o644);
    await expectRefused(host.is.version, 78, /can be read by others/);
    chmodSync(join(host.is.home, 'app.env'), 0o600);
    await withFile(join(host.is.home, 'nginx/nginx.conf'), (text) => text.replace('http {', 'http { nonsense;'), () => expectRefused(host.is.version, 78, /nginx's configuration is not valid now/));
  }, 120_000);

  it('the repository cannot be reached', async () => {
    renameSync(host.is.repository, `${host.is.repository}.away`);
    await expectRefused(host.is.version, 69, /cannot be reached; nothing was changed/);
    renameSync(`${host.is.repository}.away`, host.is.repository);
  });

  it('the build fails', async () => {
    host.publish('v3.1.0', { 'src/main.ts': (text) => `${text}\nconst wrong: number = 'text';\nvoid wrong;\n` });
    await expectRefused('v3.1.0', 1, /the build failed; the running release was not touched[\s\S]*TS2322[\s\S]*serves as before/);
    expect(existsSync(join(host.is.home, 'releases')) && spawnSync('ls', ['-A', join(host.is.home, 'releases')], { encoding: 'utf8' }).stdout).not.toMatch(/v3\.1\.0/);
  }, 120_000);

  it('a migration fails, and the next version mends it', async () => {
    host.publish('v3.2.0', migration('20270301000000_fail', `${ROLLBACK}ALTER TABLE person ADD COLUMN drill_half text;\nSELECT 1 / 0;\n`));
    await expectRefused('v3.2.0', 1, /the migration failed[\s\S]*division by zero[\s\S]*Nothing of the failed migration was kept[\s\S]*serves as before/);
    expect(await query(host.is.adminUrl.replace(/\/postgres$/, '/gloria'), `SELECT 1 FROM information_schema.columns WHERE column_name = 'drill_half'`)).toEqual([]);
    commit = host.publish('v3.2.1', migration('20270301000000_fail', `${ROLLBACK}ALTER TABLE person ADD COLUMN drill_half text;\n`));
    succeeded(await host.deploy('v3.2.1'));
  }, 240_000);

  it('a migration would lock or break what serves', async () => {
    host.publish('v3.3.0', migration('20270302000000_rename', `${ROLLBACK}ALTER TABLE person RENAME COLUMN full_name TO name;\n`), 'v3.2.1');
    await expectRefused('v3.3.0', 65, /would not survive[\s\S]*20270302000000_rename[^\n]*renaming-column[\s\S]*serves as before/);
    host.publish('v3.3.1', migration('20270302000000_index', `${ROLLBACK}CREATE INDEX person_drill ON person (full_name);\n`), 'v3.2.1');
    await expectRefused('v3.3.1', 65, /require-concurrent-index-creation/);
    host.publish('v3.3.2', migration('20270302000000_silent', 'ALTER TABLE person ADD COLUMN drill_silent text;\n'), 'v3.2.1');
    await expectRefused('v3.3.2', 65, /says nothing of how it is undone/);
    host.publish('v3.3.3', migration('20270302000000_contract', `${ROLLBACK}-- contract: since v3.9.0\nALTER TABLE person DROP COLUMN drill_half;\n`), 'v3.2.1');
    await expectRefused('v3.3.3', 65, /takes away what releases before v3\.9\.0 use, and v3\.2\.1 is running/);
  }, 240_000);

  it('somebody holds a lock that a migration wants', async () => {
    commit = host.publish('v3.4.0', migration('20270303000000_add_waited_for', `${ROLLBACK}ALTER TABLE person ADD COLUMN drill_waited text;\n`), 'v3.2.1');
    const holder = new Client({ connectionString: host.is.adminUrl.replace(/\/postgres$/, '/gloria') });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT count(*) FROM person');
    const deploying = host.deploy('v3.4.0');
    // A reader behind the waiting migration waits no longer than the migrator's own patience.
    let slowest = 0;
    let over = false;
    void deploying.then(() => (over = true));
    let held = true;
    while (!over) {
      if (held && readFileSync(join(host.is.home, 'logs/deploy.log'), 'utf8').includes('A lock was not to be had in time')) {
        held = false;
        await holder.query('COMMIT');
      }
      const started = Date.now();
      await query(host.is.databaseUrl, 'SELECT count(*) FROM person');
      slowest = Math.max(slowest, Date.now() - started);
      await new Promise((done) => setTimeout(done, 50));
    }
    await holder.end();
    const { code, output } = await deploying;
    expect([code, output]).toEqual([0, expect.stringMatching(/A lock was not to be had in time; attempt \d+ of 10 follows/)]);
    expect(slowest).toBeGreaterThan(500);
    expect(slowest).toBeLessThan(4_000);
  }, 240_000);

  it('the way back leads over a migration that took something away', async () => {
    const contracting = host.publish('v3.5.0', migration('20270304000000_drop_half', `${ROLLBACK}-- contract: since v3.4.0\nALTER TABLE person DROP COLUMN drill_half;\n`), 'v3.4.0');
    commit = contracting;
    succeeded(await host.deploy('v3.5.0'));
    const point = host.history().at(-1)!.restorePoint as { name: string };
    expect(point.name).toMatch(/^before-v3\.5\.0-/);
    const wrong = await host.rollback('v3.2.1');
    expect([wrong.code, wrong.output]).toEqual([65, expect.stringContaining(`needs-recovery: 20270304000000_drop_half took away what releases before v3.4.0 use; v3.2.1 needs the database of`)]);
    expect(wrong.output).toContain(point.name);
    const right = await host.rollback('v3.4.0');
    expect([right.code, right.output]).toEqual([0, expect.stringContaining('compatible: every migration since only added')]);
    expect((await host.rollback('v3.5.0')).code).toBe(0);
    // A migration nobody here knows.
    await query(host.is.adminUrl.replace(/\/postgres$/, '/gloria'), `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count) VALUES ('x', 'x', now(), '20280101000000_from_elsewhere', now(), 1)`);
    const unknown = await host.rollback('--dry-run');
    expect([unknown.code, unknown.output]).toEqual([65, expect.stringContaining('refused: the database has 20280101000000_from_elsewhere, which no release on this host knows')]);
    await query(host.is.adminUrl.replace(/\/postgres$/, '/gloria'), `DELETE FROM _prisma_migrations WHERE id = 'x'`);
  }, 240_000);

  it('the disk is full, at the start or in the middle', async () => {
    await withFile(join(host.is.home, 'host.conf'), (text) => text.replace(/^MIN_FREE_MB=.*$/m, 'MIN_FREE_MB=99999999'), () => expectRefused(host.is.version, 78, /MB are free below .*99999999 are asked for/));
    host.publish('v3.6.0', { 'README.md': 'disk' }, 'v3.5.0');
    // A small disk of its own for the new release: what serves and what is remembered lie elsewhere.
    const releases = join(host.is.home, 'releases');
    const cache = join(host.is.dir, 'small-cache');
    mkdirSync(cache);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'tmpfs', cache]).status).toBe(0);
    try {
      await withFile(join(host.is.home, 'host.conf'), (text) => text.replace(/^CACHE_DIR=.*$/m, `CACHE_DIR=${cache}`), () => expectRefused('v3.6.0', 1, /(the disk is full|npm ci failed[\s\S]*(ENOSPC|no space))[\s\S]*serves as before/));
    } finally {
      spawnSync('umount', [cache]);
    }
    expect(spawnSync('ls', ['-A', releases], { encoding: 'utf8' }).stdout).not.toMatch(/v3\.6\.0/);
    // Nor is there room to remember anything: the reason is told all the same.
    const state = join(host.is.home, 'state');
    const kept = join(host.is.dir, 'kept-state');
    expect(spawnSync('cp', ['-a', state, kept]).status).toBe(0);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', state]).status).toBe(0);
    try {
      spawnSync('cp', ['-a', `${kept}/.`, state]);
      spawnSync('bash', ['-c', `cat /dev/zero > "${state}/filler"`]);
      await expectRefused('v3.6.0', 1, /the disk is full|no space left/i);
    } finally {
      spawnSync('umount', [state]);
    }
  }, 240_000);

  it('there is no way back for the database', async () => {
    host.publish('v3.6.1', migration('20270601000000_add_way_back', `${ROLLBACK}ALTER TABLE person ADD COLUMN way_back text;\n`), 'v3.5.0');
    await withFile(join(host.is.home, 'host.conf'), (text) => `${text}RESTORE_POINT=backup\nBACKUP_ENV_FILE=${join(host.is.dir, 'no-backup.env')}\n`, () => expectRefused('v3.6.1', 69, /there is no way back for the database, so nothing was migrated[\s\S]*no-backup\.env/));
    expect(await query(host.is.migrationUrl, `SELECT 1 FROM _prisma_migrations WHERE migration_name LIKE '%way_back'`)).toEqual([]);
  }, 120_000);

  it('the connection to the host is lost in the middle', async () => {
    commit = host.publish('v3.7.0', { 'README.md': 'connection' }, 'v3.5.0');
    const child = spawn(join(host.is.kit, 'deploy.sh'), ['production', 'v3.7.0'], { cwd: host.is.kit, env: host.environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    await new Promise((done) => setTimeout(done, 1_000));
    child.stdout.destroy();
    child.stderr.destroy();
    // As a terminal does: to everybody in it.
    process.kill(-child.pid!, 'SIGHUP');
    expect(await ended).toEqual([0, null]);
    expect(readFileSync(join(host.is.home, 'logs/deploy.log'), 'utf8')).toMatch(/The terminal is gone; this goes on\.[\s\S]*v3\.7\.0 \([0-9a-f]{12}\) serves/);
  }, 120_000);

  it('the certificate has expired', async () => {
    const { certificate, key, ca } = host.is.tls;
    copyFileSync(certificate, `${certificate}.good`);
    const expired = spawnSync('faketime', ['60 days ago', 'openssl', 'x509', '-req', '-in', join(certificate, '../request.pem'), '-CA', ca, '-CAkey', join(ca, '../ca.key'), '-CAcreateserial', '-days', '20', '-extfile', join(certificate, '../extensions'), '-out', certificate], { encoding: 'utf8' });
    expect([expired.status, expired.stderr]).toEqual([0, expect.any(String)]);
    const verified = await host.run('./scripts/verify-deployment.sh', ['--deadline', '0']);
    expect([verified.code, verified.output]).toEqual([1, expect.stringContaining('✘ has expired')]);
    const { code, output } = await host.deploy('v3.7.0', '--dry-run');
    expect([code, output]).toEqual([0, expect.stringContaining('! the certificate has expired')]);
    copyFileSync(`${certificate}.good`, certificate);
    expect(existsSync(key)).toBe(true);
    expect((await host.run('./scripts/verify-deployment.sh')).output).toMatch(/✔ expires in 1\d days/);
  }, 60_000);

  it('the history was cut off in the middle of a line', async () => {
    appendFileSync(join(host.is.home, 'state/releases.jsonl'), '{"at":"2026-11-23T00:00:00Z","ki');
    expect((await host.deploy('v3.7.0')).code).toBe(0);
    const lines = readFileSync(join(host.is.home, 'state/releases.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ version: 'v3.7.0', result: 'live' });
  }, 120_000);
});
