import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { aFoundation, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected } from '../support/database';
import { freePort, type Running, startProcess } from '../support/processes';
import { recordDrill } from '../support/prodlike';

/** Decisions to take; the long run takes ten times as many. */
const DECISIONS = 100_000 * Number(process.env.DRILL_ROUNDS ?? 1);
const PEOPLE = ['siti', 'joko', 'lina', 'eko', 'maya', 'putu', 'wayan', 'fitri'] as const;
const BATCH = 100;
const CODE = 'api-key:read';

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

function call(url: string, token: string, method: string, path: string, body: object | undefined, agent: Agent): Promise<Answer> {
  return new Promise((done, fail) => {
    const outgoing = request(`${url}/api/v1${path}`, { method, agent, timeout: 15_000, headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => done({ status: response.statusCode ?? 0, body: (text ? JSON.parse(text) : {}) as Answer['body'] }));
      response.on('error', fail);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', fail);
    outgoing.end(body ? JSON.stringify(body) : undefined);
  });
}

/** A Redis of this test's own, which it may kill. */
async function startRedis(port: number): Promise<ChildProcess> {
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break;
  child.stdout.resume();
  return child;
}

describe('three processes', () => {
  let testApp: TestApp;
  let world: World;
  let redis: ChildProcess;
  let redisPort: number;
  const processes: Running[] = [];
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    redisPort = await freePort();
    redis = await startRedis(redisPort);
    const environment = testEnvironment(testApp.database, { REDIS_URL: `redis://127.0.0.1:${redisPort}` });
    for (let n = 0; n < 3; n += 1) processes.push(await startProcess('main', { ...environment, INSTANCE_ID: `freshness-drill-${n}` }));
  }, 120_000);
  afterAll(async () => {
    for (const { child } of processes) child.kill('SIGCONT');
    await Promise.all(processes.map(({ kill }) => kill()));
    redis.kill('SIGKILL');
    await testApp.close();
  });

  it(`never allow what was revoked before they were asked, in ${DECISIONS} decisions, whatever is killed, cut or stopped meanwhile`, async () => {
    const ids = await world.ids();
    const agents = processes.map(() => new Agent({ keepAlive: true, maxSockets: 32 }));
    const anywhere = () => Math.floor(Math.random() * processes.length);
    const at = (n: number, who: string, method: string, path: string, body?: object) => call(processes[n]!.url, world.token(who), method, path, body, agents[n]!);
    let running = true;
    const counts = { decisions: 0, requests: 0, unanswered: 0, stale: 0, grants: 0, revocations: 0, waitsMs: [] as number[], allowed: 0, faults: { redis: 0, postgres: 0, stopped: 0 } };
    /** For each person, since when – on this clock – they have certainly not held it; null while they may. */
    const revokedSince = new Map<string, number | null>(PEOPLE.map((who) => [who, performance.now()]));

    const flipping = PEOPLE.map(async (who) => {
      while (running) {
        revokedSince.set(who, null);
        const subject = { type: 'person', id: ids.person(who) };
        const granted = await at(anywhere(), 'dewi', 'POST', '/grants', { permission: CODE, scope: 'all', subject }).catch(() => null);
        counts.grants += 1;
        await pause(Math.random() * 60);
        // Whatever became of the answers: all that there is of it is taken away, until that was answered.
        const listed = async () => {
          for (;;) {
            const answer = await at(anywhere(), 'dewi', 'GET', `/grants?permission=${CODE}&personId=${subject.id}`).catch(() => null);
            if (answer?.status === 200) return (answer.body.items as { id: string }[]).map(({ id }) => id);
            await pause(20);
          }
        };
        const known = granted?.status === 201 ? [(granted.body as { id: string }).id] : await listed();
        for (const id of known) {
          for (;;) {
            const from = performance.now();
            const answer = await at(anywhere(), 'dewi', 'DELETE', `/grants/${id}`).catch(() => null);
            if (answer?.status === 204) counts.waitsMs.push(performance.now() - from);
            if (answer?.status === 204) break;
            // An answer that was lost may have been "done": then the list says so, from the database, and the lease has lapsed.
            if (answer?.status === 404) {
              await pause(1_100);
              break;
            }
            await pause(20);
          }
        }
        if (granted?.status !== 201) {
          // The grant may have been made after it was looked for.
          await pause(11_000);
          if ((await listed()).length > 0) continue;
        }
        revokedSince.set(who, performance.now());
        counts.revocations += 1;
        await pause(30 + Math.random() * 60);
      }
    });

    const checking = Array.from({ length: 12 }, async () => {
      while (running) {
        const people = Array.from({ length: BATCH }, () => PEOPLE[Math.floor(Math.random() * PEOPLE.length)]!);
        const since = new Map(revokedSince);
        const answer = await at(anywhere(), 'dewi', 'POST', '/permissions/check/batch', { checks: people.map((who) => ({ permission: CODE, personId: ids.person(who) })) }).catch(() => null);
        counts.requests += 1;
        if (answer?.status !== 200) {
          counts.unanswered += 1;
          await pause(10);
          continue;
        }
        const results = answer.body.results as { allowed: boolean }[];
        counts.decisions += results.length;
        results.forEach(({ allowed }, index) => {
          if (!allowed) return;
          counts.allowed += 1;
          const who = people[index]!;
          // Revoked when it was asked, and not granted again before it was answered.
          if (since.get(who) !== null && since.get(who) === revokedSince.get(who)) counts.stale += 1;
        });
        if (counts.decisions >= DECISIONS && counts.faults.redis >= 2 && counts.faults.postgres >= 3 && counts.faults.stopped >= 3) running = false;
      }
    });

    const breaking = (async () => {
      while (running) {
        await pause(400);
        redis.kill('SIGKILL');
        counts.faults.redis += 1;
        await pause(400);
        await connected(testApp.database.adminUrl, (client) => client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gloria%freshness-drill-${anywhere()}%'`));
        counts.faults.postgres += 1;
        await pause(300);
        redis = await startRedis(redisPort);
        const stopped = processes[anywhere()]!.child;
        stopped.kill('SIGSTOP');
        await pause(200 + Math.random() * 2_000);
        stopped.kill('SIGCONT');
        counts.faults.stopped += 1;
      }
    })();

    await Promise.all([...checking, breaking]);
    await Promise.all(flipping);
    for (const agent of agents) agent.destroy();
    const waits = counts.waitsMs.toSorted((a, b) => a - b);
    recordDrill('freshness', {
      processes: processes.length, decisions: counts.decisions, requests: counts.requests, unanswered: counts.unanswered, grants: counts.grants, revocations: counts.revocations, allowed: counts.allowed, faults: counts.faults, stale: counts.stale,
      revocationMs: { median: Math.round(waits[Math.floor(waits.length / 2)]!), p99: Math.round(waits[Math.floor(waits.length * 0.99)]!) },
    });
    expect(counts.stale).toBe(0);
    expect(counts.decisions).toBeGreaterThanOrEqual(DECISIONS);
    expect(counts.allowed).toBeGreaterThan(1_000);
    expect(counts.revocations).toBeGreaterThan(20);
    // Each of them was still there at the end.
    expect(processes.filter(({ child }) => child.exitCode !== null || child.signalCode !== null).map(({ output }) => output().slice(-2_000))).toEqual([]);
    for (const { url } of processes) expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  }, 1_800_000);

  it('decide the same without Redis', async () => {
    const agent = new Agent();
    const ended = once(redis, 'exit');
    redis.kill('SIGKILL');
    await ended;
    for (const { url } of processes) {
      const answer = await call(url, world.token('dewi'), 'POST', '/permissions/check', { permission: 'audit:read' }, agent);
      expect([answer.status, answer.body.allowed]).toEqual([200, true]);
    }
    agent.destroy();
  });
});
