import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { spawnSync } from 'node:child_process';
import { testEnvironment } from '../support/app';
import { root } from '../support/documents';
import { type Running, startProcess } from '../support/processes';

interface Server {
  adminUrl: string;
  port: number;
  pid: number;
  stop: () => Promise<void>;
}

describe('PostgreSQL killed and gone', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gloria-outage-'));
  let server: Server;
  let api: Running;
  let tools: { startPostgres: (options: { dir: string; fast?: boolean; port?: number }) => Promise<Server>; prepareRolesAndDatabase: (url: string, name: string, passwords: object) => Promise<{ appUrl: string; ownerUrl: string }> };

  beforeAll(async () => {
    // The launcher is an ES module; Jest compiles tests to CommonJS, where only a real import() can load it.
    const load = new Function('specifier', 'return import(specifier)') as (specifier: string) => Promise<typeof tools>;
    tools = await load(pathToFileURL(join(root, 'scripts/embedded-postgres.mjs')).href);
    server = await tools.startPostgres({ dir, fast: true });
  });
  afterAll(async () => {
    await api?.kill();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('is a 503 with a stable code, never a 500 and never an allow; live stays live; and it comes back by itself', async () => {
    const urls = await tools.prepareRolesAndDatabase(server.adminUrl, 'gloria', { app: 'app', owner: 'owner' });
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
      expect(Date.now() - start).toBeLessThan(4_000);
    }
    expect([...seen]).toEqual(['503 DEPENDENCY_UNAVAILABLE 503 200']);

    server = await tools.startPostgres({ dir, fast: true, port });
    const back = Date.now() + 10_000;
    while ((await get('/health/ready')).status !== 200 && Date.now() < back) await new Promise((done) => setTimeout(done, 100));
    const again = await get('/api/v1/audit/events?limit=1');
    // The token may have expired while it was away; anything but an answer of the application is wrong.
    expect([200, 401]).toContain(again.status);
    expect(await api.stop()).toBe(0);
  });
});
