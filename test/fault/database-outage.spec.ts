import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { testEnvironment } from '../support/app';
import { root } from '../support/documents';
import { type Running, startProcess } from '../support/processes';

interface Server {
  adminUrl: string;
  appUrl: string;
  ownerUrl: string;
  port: number;
  pid: number;
  launcher: ChildProcess;
}

/** The launcher is an ES module, which Jest's CommonJS cannot load: it runs in a process of its own. */
async function startServer(dir: string, port?: number): Promise<Server> {
  const program = `
    import { startPostgres, prepareRolesAndDatabase } from './scripts/embedded-postgres.mjs';
    const server = await startPostgres(${JSON.stringify({ dir, fast: true, port })});
    const urls = await prepareRolesAndDatabase(server.adminUrl, 'gloria', { app: 'app', owner: 'owner' });
    process.on('SIGTERM', () => server.stop().then(() => process.exit(0)));
    process.send({ adminUrl: server.adminUrl, port: server.port, pid: server.pid, ...urls });
    setInterval(() => {}, 60_000);`;
  const launcher = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [message] = (await once(launcher, 'message')) as [Omit<Server, 'launcher'>];
  return { ...message, launcher };
}

async function stopServer({ launcher }: Server): Promise<void> {
  const ended = once(launcher, 'exit');
  launcher.kill('SIGTERM');
  await ended;
}

describe('PostgreSQL killed and gone', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gloria-outage-'));
  let server: Server;
  let api: Running;

  beforeAll(async () => {
    server = await startServer(dir);
  });
  afterAll(async () => {
    await api?.kill();
    await stopServer(server);
    rmSync(dir, { recursive: true, force: true });
  });

  it('is a 503 with a stable code, never a 500 and never an allow; live stays live; and it comes back by itself', async () => {
    const urls = server;
    const run = (command: string, args: string[]) => {
      const { status, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { PATH: process.env.PATH, ...environment, MIGRATION_DATABASE_URL: urls.ownerUrl } });
      expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    };
    const environment = testEnvironment({ appUrl: urls.appUrl, ownerUrl: urls.ownerUrl, adminUrl: server.adminUrl });
    run(join(root, 'node_modules/.bin/prisma'), ['migrate', 'deploy']);
    run(process.execPath, ['dist/cli/gloria.js', 'seed-demo']);
    // Seeding again finds it there.
    run(process.execPath, ['dist/cli/gloria.js', 'seed-demo']);
    api = await startProcess('main', environment);
    const token = ((await (await fetch(`${api.url}/dev/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"person":"dewi"}' })).json()) as { token: string }).token;
    const get = (path: string) => fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect((await get('/api/v1/audit/events?limit=1')).status).toBe(200);

    const { port } = server;
    process.kill(server.pid, 'SIGKILL');
    const seen = new Set<string>();
    for (let n = 0; n < 20; n += 1) {
      const start = Date.now();
      const [answer, ready, live] = await Promise.all([get('/api/v1/audit/events?limit=1'), get('/health/ready'), get('/health/live')]);
      seen.add(`${answer.status} ${((await answer.json()) as { code: string }).code} ${ready.status} ${live.status}`);
      expect(Date.now() - start).toBeLessThan(15_000);
    }
    expect([...seen]).toEqual(['503 DEPENDENCY_UNAVAILABLE 503 200']);

    await stopServer(server);
    server = await startServer(dir, port);
    const back = Date.now() + 10_000;
    while ((await get('/health/ready')).status !== 200 && Date.now() < back) await new Promise((done) => setTimeout(done, 100));
    const again = await get('/api/v1/audit/events?limit=1');
    // The token may have expired while it was away; anything but an answer of the application is wrong.
    expect([200, 401]).toContain(again.status);
    expect(await api.stop()).toBe(0);
  });
});
