import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { root } from '../support/documents';
import { freePort } from '../support/processes';
import { ProdlikeHost, recordDrill, succeeded } from '../support/prodlike';

const OUTSIDER = '127.0.0.9';

/** One production-like host: its nginx and its PM2, asked and ill-treated as a host would be. */
describe('a host', () => {
  let host: ProdlikeHost;
  const problem = (text: string) => JSON.parse(text) as { code: string; status: number; detail: string; instance: string };
  const reload = () => expect(spawnSync('nginx', ['-c', join(host.is.home, 'nginx/nginx.conf'), '-s', 'reload']).status).toBe(0);
  const settle = () => new Promise((done) => setTimeout(done, 500));
  /** Runs `work` while nginx sends requests to these servers. */
  const behind = async (servers: Server[], work: () => Promise<void>) => {
    const upstream = join(host.is.home, 'live/upstream.conf');
    const before = readFileSync(upstream, 'utf8');
    try {
      writeFileSync(upstream, servers.map((server) => `server 127.0.0.1:${(server.address() as AddressInfo).port} max_fails=0;\n`).join(''));
      reload();
      await settle();
      await work();
    } finally {
      writeFileSync(upstream, before);
      reload();
      await settle();
    }
  };
  const withSettings = async (changes: Record<string, string | number>, work: () => Promise<void>) => {
    const file = join(host.is.home, 'host.conf');
    const before = readFileSync(file, 'utf8');
    const changed = Object.entries(changes).reduce((text, [name, value]) => (new RegExp(`^${name}=`, 'm').test(text) ? text.replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`) : `${text}${name}=${value}\n`), before);
    const render = () => host.run('node', [join(host.is.kit, 'scripts/render-nginx.mjs')]);
    writeFileSync(file, changed);
    try {
      expect(await render()).toMatchObject({ code: 0 });
      reload();
      await settle();
      await work();
    } finally {
      writeFileSync(file, before);
      await render();
      reload();
      await settle();
    }
  };

  beforeAll(async () => {
    host = await ProdlikeHost.start('host', { WATCH_SECONDS: 1, START_SECONDS: 30, DRAIN_SECONDS: 1, NGINX_USER: 'www-data', NGINX_LOG_DIR: join(root, '.gloria/drills/host/nginx-logs') }, ['--no-deploy']);
  }, 300_000);
  afterAll(() => host?.stop(), 60_000);

  it('answers with a problem and when to try again while nothing is deployed, and takes its first release', async () => {
    const answer = await host.call('/api/v1/me');
    expect([answer.status, answer.headers['content-type'], answer.headers['retry-after'], problem(answer.text).code]).toEqual([502, 'application/problem+json', '5', 'UPSTREAM_UNREACHABLE']);
    const plan = await host.deploy(host.is.version, '--dry-run');
    expect([plan.code, plan.output]).toEqual([0, expect.stringContaining('Nothing was changed.')]);
    expect(plan.output).toMatch(/nothing serves[\s\S]*install and build[\s\S]*20261123050000_create_tables[\s\S]*gloria-blue × 2/);
    expect(existsSync(join(host.is.home, 'state/releases.jsonl'))).toBe(false);
    const { code, output } = await host.deploy(host.is.version);
    expect([code, output]).toEqual([0, expect.stringContaining('serves in blue')]);
    const verified = await host.run('./scripts/verify-deployment.sh');
    expect([verified.code, verified.output.match(/✔/g)?.length]).toEqual([0, 14]);
    expect((await host.run('node', [join(host.is.kit, 'scripts/render-nginx.mjs'), '--check'])).code).toBe(0);
  }, 120_000);

  describe('nginx', () => {
    it('speaks TLS 1.2 and 1.3 and nothing older, and HTTP/2', async () => {
      const handshake = (...version: string[]) => spawnSync('openssl', ['s_client', '-connect', `127.0.0.1:${host.is.ports.https}`, '-servername', host.is.serverName, '-CAfile', host.is.tls.ca, '-verify_return_error', ...version], { input: '', encoding: 'utf8' });
      for (const version of ['-tls1_2', '-tls1_3']) expect([version, handshake(version).status]).toEqual([version, 0]);
      expect(handshake('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0').stderr).toMatch(/alert protocol version/);
      expect(handshake('-tls1_2', '-cipher', 'AES128-SHA').stderr).toMatch(/handshake failure/);
      const session = connectHttp2(`https://127.0.0.1:${host.is.ports.https}`, { ca: readFileSync(host.is.tls.ca), servername: host.is.serverName });
      const status = await new Promise((done, fail) => {
        session.on('error', fail);
        session.request({ ':path': '/health', ':authority': host.is.serverName }).on('response', (headers) => done(headers[':status'])).on('error', fail);
      });
      session.close();
      expect(status).toBe(200);
    });

    it('redirects to HTTPS, keeps silent to names that are not ours', async () => {
      const plain = await fetch(`http://127.0.0.1:${host.is.ports.http}/api/v1/me?x=1`, { redirect: 'manual', headers: { host: host.is.serverName } }).catch(() => null);
      expect(plain).toBeNull(); // fetch does not let Host be set: 444
      const raw = (request: string) => new Promise<string>((done) => {
        const socket = connect(host.is.ports.http, '127.0.0.1', () => socket.write(request));
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString())).on('close', () => done(text)).on('error', () => done(text));
      });
      expect(await raw(`GET /api/v1/me?x=1 HTTP/1.1\r\nHost: ${host.is.serverName}\r\nConnection: close\r\n\r\n`)).toMatch(new RegExp(`308[\\s\\S]*Location: https://${host.is.serverName}:${host.is.ports.https}/api/v1/me\\?x=1`));
      expect(await raw('GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toBe('');
      await expect(host.call('/health', { host: 'evil.example' })).rejects.toThrow();
    });

    it('passes only the paths that are ours, and details to operators only', async () => {
      for (const [path, from, status] of [
        ['/api/v1evil', '127.0.0.1', 404], ['/', '127.0.0.1', 404], ['/.env', '127.0.0.1', 404], ['/docs', OUTSIDER, 404], ['/metrics', OUTSIDER, 404], ['/health/database', OUTSIDER, 404],
        ['/docs', '127.0.0.1', 200], ['/metrics', '127.0.0.1', 200], ['/health/database', '127.0.0.1', 200], ['/health', '127.0.0.1', 200], ['/health', OUTSIDER, 200], ['/health/live', OUTSIDER, 200],
        ['/api/v1/me', OUTSIDER, 401], ['/access/v1/evaluation', OUTSIDER, 404], ['/.well-known/authzen-configuration', OUTSIDER, 200],
      ] as const) {
        expect([path, from, (await host.call(path, { from })).status]).toEqual([path, from, status]);
      }
      expect(JSON.parse((await host.call('/health', { from: OUTSIDER })).text)).toEqual({ status: 'ok' });
      expect(JSON.parse((await host.call('/health')).text)).toMatchObject({ parts: { database: { status: 'up' }, redis: { status: 'up' } } });
      const answer = await host.call('/nowhere', { headers: { 'accept-language': 'en-GB' } });
      expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json', 'x-content-type-options': 'nosniff', 'strict-transport-security': expect.stringContaining('max-age'), 'cache-control': 'no-store', server: 'nginx' });
      expect(problem(answer.text)).toMatchObject({ code: 'NOT_FOUND', status: 404, detail: 'There is nothing here.', instance: `urn:gloria:request:${String(answer.headers['x-request-id'])}` });
    });

    it('gives each request one id that the caller, both logs and the answer share, and logs no query', async () => {
      const sent = await host.call('/api/v1/me?secret=canary-in-query', { headers: { 'x-request-id': 'host-drill-0001' } });
      expect(sent.headers['x-request-id']).toBe('host-drill-0001');
      const forged = await host.call('/api/v1/me', { headers: { 'x-request-id': 'x"},{"forged' } });
      expect(forged.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
      await settle();
      const lines = readFileSync(join(host.is.dir, 'nginx-logs/nginx-access.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.filter((line) => line.request_id === 'host-drill-0001')).toMatchObject([{ path: '/api/v1/me', status: 401, method: 'GET', upstream: `127.0.0.1:${host.is.ports.blue}` }]);
      expect(readFileSync(join(host.is.home, 'logs/gloria-blue.log'), 'utf8')).toContain('"requestId":"host-drill-0001"');
      for (const file of ['nginx-logs/nginx-access.log', 'home/logs/gloria-blue.log']) expect(readFileSync(join(host.is.dir, file), 'utf8')).not.toContain('canary-in-query');
    });

    it('does not believe what clients say of where they come from', async () => {
      const seen: Record<string, unknown>[] = [];
      const server = createServer((request, response) => {
        seen.push(request.headers);
        response.end('{}');
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      await behind([server], async () => {
        await host.call('/api/v1/x', { from: OUTSIDER, headers: { 'x-forwarded-for': '203.0.113.1', 'x-real-ip': '203.0.113.1', forwarded: 'for=203.0.113.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example', upgrade: 'websocket', connection: 'upgrade' } });
      });
      expect(seen).toMatchObject([{ 'x-forwarded-for': OUTSIDER, 'x-real-ip': OUTSIDER, 'x-forwarded-proto': 'https', 'x-forwarded-host': host.is.serverName, host: host.is.serverName }]);
      expect(Object.keys(seen[0]!).filter((name) => ['forwarded', 'upgrade'].includes(name))).toEqual([]);
      server.close();
    });

    it('limits bodies, addresses and headers with problems', async () => {
      const body = (bytes: number) => JSON.stringify({ x: 'a'.repeat(bytes - 8) });
      const authorization = `Bearer ${host.token()}`;
      expect((await host.call('/api/v1/schools', { method: 'POST', body: body(1024 * 1024), headers: { authorization } })).status).toBe(403);
      const large = await host.call('/api/v1/schools', { method: 'POST', body: body(1024 * 1024 + 1), headers: { authorization } });
      expect([large.status, problem(large.text).code]).toEqual([413, 'BODY_TOO_LARGE']);
      expect((await host.call('/api/v1/organization/import', { method: 'POST', body: body(2 * 1024 * 1024) })).status).toBe(401);
      const uri = await host.call(`/api/v1/me?x=${'a'.repeat(9000)}`);
      expect([uri.status, problem(uri.text).code]).toEqual([414, 'URI_TOO_LONG']);
      const header = await host.call('/api/v1/me', { headers: { 'x-long': 'a'.repeat(9000) } });
      expect([header.status, problem(header.text).code]).toEqual([431, 'HEADERS_TOO_LARGE']);
    });

    it('stops floods from one address with 429, not probes', async () => {
      await withSettings({ RATE_PER_SECOND: 5 }, async () => {
        const answers = await Promise.all(Array.from({ length: 60 }, () => host.call('/api/v1/me')));
        const limited = answers.filter(({ status }) => status === 429);
        expect(limited.length).toBeGreaterThan(30);
        expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(20);
        expect([limited[0]!.headers['retry-after'], problem(limited[0]!.text).code]).toEqual(['1', 'RATE_LIMITED']);
        const probes = await Promise.all(Array.from({ length: 60 }, () => host.call('/health')));
        expect(probes.map(({ status }) => status)).toEqual(Array(60).fill(200));
      });
      await withSettings({ CONNECTIONS_PER_ADDRESS: 2 }, async () => {
        const answers = await Promise.all(Array.from({ length: 12 }, () => host.call('/docs')));
        expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
      });
    });

    it('asks another process only where nothing can have been done', async () => {
      const seen: Record<string, string[]> = { dying: [], well: [] };
      const serve = async (name: 'dying' | 'well') => {
        const server: Server = createServer((request, response) => {
          seen[name]!.push(`${request.method}`);
          if (name === 'dying') request.socket.destroy();
          else response.end('{}');
        });
        await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
        return server;
      };
      const [dying, well] = [await serve('dying'), await serve('well')];
      await behind([dying, well], async () => {
        for (let n = 0; n < 6; n += 1) expect((await host.call('/api/v1/x')).status).toBe(200);
        const posts = [];
        for (let n = 0; n < 6; n += 1) posts.push((await host.call('/api/v1/x', { method: 'POST', body: {} })).status);
        expect(seen.dying).toContain('GET');
        expect(posts.filter((status) => status === 502).length).toBe(seen.dying!.filter((method) => method === 'POST').length);
        expect(seen.well!.filter((method) => method === 'POST').length).toBe(posts.filter((status) => status === 200).length);
        expect(posts).toContain(502);
      });
      dying.close();
      well.close();
    });

    it('closes for maintenance and opens again without a reload', async () => {
      const script = (word: string) => host.run('./scripts/maintenance.sh', [word]);
      expect((await script('on')).output).toContain('on');
      const closed = await host.call('/api/v1/me', { from: OUTSIDER });
      expect([closed.status, closed.headers['retry-after'], problem(closed.text).code]).toEqual([503, '600', 'MAINTENANCE']);
      expect((await host.call('/health/live', { from: OUTSIDER })).status).toBe(200);
      expect((await host.call('/api/v1/me')).status).toBe(401); // operators see whether it works
      expect((await script('status')).output).toMatch(/on since \d{4}-/);
      expect((await script('off')).code).toBe(0);
      expect((await host.call('/api/v1/me', { from: OUTSIDER })).status).toBe(401);
      expect((await script('sideways')).code).toBe(64);
    });
  });

  describe('PM2', () => {
    const names = async () => (await host.processes()).map(({ name, status }) => `${name} ${status}`).toSorted();
    const EXPECTED = ['gloria-blue online', 'gloria-blue online', 'gloria-worker-blue online'];

    it('replaces a process that grows beyond its memory', async () => {
      const home = mkdtempSync(join(host.is.dir, 'memory-'));
      mkdirSync(join(home, 'logs'));
      // Somewhat less than it takes: with much less its heap ends while it starts, and it never grows beyond anything.
      const takes = (await host.processes()).find(({ name }) => name === 'gloria-blue')!.memoryMb;
      const environment = { PM2_HOME: join(home, 'pm2'), GLORIA_HOME: home, GLORIA_SLOT: 'blue', GLORIA_PORT: String(await freePort()), GLORIA_INSTANCES: '1', GLORIA_MEMORY_MB: String(Math.floor(takes * 0.85)), GLORIA_ENV_FILE: join(host.is.home, 'app.env'), PM2_WORKER_INTERVAL: '500' };
      try {
        succeeded(await host.run('pm2', ['start', realpathSync(join(host.is.home, 'current', 'ecosystem.config.js')), '--only', 'gloria-blue'], environment));
        // The test's own time limit ends the waiting.
        while (!readFileSync(join(home, 'pm2/pm2.log'), 'utf8').includes('exceeds --max-memory-restart')) await settle();
      } finally {
        await host.run('pm2', ['kill'], environment);
      }
    }, 60_000);

    it('keeps no secret in its memory or its dump', async () => {
      const dump = readFileSync(join(host.is.home, 'pm2/dump.pm2'), 'utf8') + (await host.pm2('jlist')).output;
      for (const url of [host.is.databaseUrl, host.is.migrationUrl, host.is.redisUrl]) expect(dump).not.toContain(new URL(url).password);
      expect(dump).toContain('GLORIA_ENV_FILE');
    });

    it('brings everything back after a crash of the machine, by the command of the unit', async () => {
      const unit = readFileSync(join(root, 'scripts/host/gloria.service'), 'utf8');
      const [, command] = /^ExecStart=\{pm2\} (.+)$/m.exec(unit) ?? [];
      for (const { pid } of await host.processes()) process.kill(pid, 'SIGKILL');
      process.kill(Number(readFileSync(join(host.is.home, 'pm2/pm2.pid'), 'utf8')), 'SIGKILL');
      await settle();
      expect((await host.call('/health/live')).status).toBe(502);
      const started = Date.now();
      expect((await host.pm2(...command!.split(' '))).code).toBe(0);
      const verified = await host.run('./scripts/verify-deployment.sh', ['--deadline', '30']);
      succeeded(verified);
      expect(await names()).toEqual(EXPECTED);
      recordDrill('reboot', { seconds: (Date.now() - started) / 1000 });
    }, 120_000);

    it('starts a process again that was killed', async () => {
      const [victim] = (await host.processes()).filter(({ name }) => name === 'gloria-blue');
      process.kill(victim!.pid, 'SIGKILL');
      const verified = await host.run('./scripts/verify-deployment.sh', ['--deadline', '30']);
      expect([verified.code, verified.output]).toEqual([0, expect.stringContaining('2 ready')]);
    }, 60_000);

    it('goes on writing after the logs were rotated', async () => {
      const conf = join(host.is.dir, 'logrotate.conf');
      const words: Record<string, string> = { home: host.is.home, nginx_logs: join(host.is.dir, 'nginx-logs'), user: 'root', group: 'root', pm2: join(root, 'node_modules/.bin/pm2'), nginx_reopen: `nginx -c ${join(host.is.home, 'nginx/nginx.conf')} -s reopen` };
      writeFileSync(conf, readFileSync(join(root, 'scripts/host/logrotate.conf'), 'utf8').replace(/\{(home|user|group|pm2|nginx_logs|nginx_reopen)\}/g, (_, name: string) => words[name]!), { mode: 0o644 });
      const rotated = await host.run('logrotate', ['--force', '--state', join(host.is.dir, 'logrotate.state'), conf]);
      expect([rotated.code, rotated.output]).toEqual([0, '']);
      await host.call('/api/v1/me', { headers: { 'x-request-id': 'after-rotation-1' } });
      await settle();
      for (const [dir, name] of [['nginx-logs', 'nginx-access'], ['home/logs', 'gloria-blue']] as const) {
        expect(readdirSync(join(host.is.dir, dir)).filter((file) => file.startsWith(`${name}.log-`)).length).toBe(1);
        expect([name, readFileSync(join(host.is.dir, dir, `${name}.log`), 'utf8').includes('after-rotation-1')]).toEqual([name, true]);
      }
    }, 60_000);
  });
});
