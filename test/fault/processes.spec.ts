import { Agent, request } from 'node:http';
import { aFoundation, aReimbursement, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected } from '../support/database';
import { type Running, startProcess } from '../support/processes';

interface Answer {
  status: number;
  body: Record<string, unknown> & { id: string; openTasks: { id: string }[] };
}

/** One request; rejects where the connection breaks. */
function call(url: string, token: string, method: string, path: string, body: object | undefined, agent: Agent): Promise<Answer> {
  return new Promise((done, fail) => {
    const outgoing = request(`${url}/api/v1${path}`, { method, agent, headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => done({ status: response.statusCode ?? 0, body: (text ? JSON.parse(text) : {}) as Answer['body'] }));
      response.on('error', fail);
    });
    outgoing.on('error', fail);
    outgoing.end(body ? JSON.stringify(body) : undefined);
  });
}

/** Resolves once `condition` holds; the test's own timeout bounds it. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setTimeout(done, 5));
}

describe('processes', () => {
  let testApp: TestApp;
  let world: World;
  let environment: Record<string, string>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    environment = testEnvironment(testApp.database);
  });
  afterAll(() => testApp.close());

  /** Every instance's history, marking, tasks, decisions and audit events agree. */
  const expectConsistent = () =>
    connected(testApp.database.adminUrl, async (client) => {
      // Of this foundation: others share the database, and may have steps for several people.
      const { foundation } = await world.ids();
      const { rows } = await client.query<Record<string, string>>(`
        SELECT count(*) FILTER (WHERE i.seq <> (SELECT count(*) FROM workflow_history h WHERE h.instance_id = i.id)) AS history,
               count(*) FILTER (WHERE (i.state = 'running')::int <> (SELECT count(*) FROM workflow_task t WHERE t.instance_id = i.id AND t.state = 'open')) AS tasks,
               count(*) FILTER (WHERE i.seq <> (SELECT count(*) FROM audit.event e WHERE e.target_id = i.id::text AND e.action <> 'workflow.drafted' AND e.outcome = 'success')) AS audit,
               (SELECT count(*) FROM workflow_task t WHERE t.foundation_id = $1 AND t.state IN ('approved', 'returned', 'rejected', 'completed') AND (SELECT count(*) FROM workflow_decision d WHERE d.task_id = t.id) <> 1) AS decisions
          FROM workflow_instance i WHERE i.foundation_id = $1`, [foundation]);
      expect(rows[0]).toEqual({ history: '0', tasks: '0', audit: '0', decisions: '0' });
    });

  it('killed -9 in the middle of decisions lose nothing acknowledged, double nothing and leave nothing half-written', async () => {
    const acknowledged: { id: string; seq: number }[] = [];
    for (let round = 0; round < 8; round += 1) {
      const api = await startProcess('main', environment);
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      let running = true;
      const clients = Array.from({ length: 8 }, async () => {
        while (running) {
          try {
            const filed = await call(api.url, world.token('siti'), 'POST', '/workflow/instances', { definition: 'reimbursement', submit: true, form: aReimbursement({ route: 'supervisor' }) }, agent);
            if (filed.status !== 201) throw new Error(`HTTP ${filed.status}`);
            acknowledged.push({ id: filed.body.id, seq: 1 });
            const decided = await call(api.url, world.token('joko'), 'POST', `/workflow/tasks/${filed.body.openTasks[0]!.id}/approve`, {}, agent);
            if (decided.status === 200) acknowledged.push({ id: filed.body.id, seq: 2 });
          } catch {
            // The connection broke with the process: not acknowledged, either outcome is right.
            return;
          }
        }
      });
      // By what was acknowledged, not by time: a slow machine kills in the same places.
      await until(() => acknowledged.length >= (round + 1) * 20 + round * 3);
      await api.kill();
      running = false;
      await Promise.all(clients);
      agent.destroy();
    }
    expect(acknowledged.length).toBeGreaterThan(100);
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows } = await client.query<{ id: string; seq: number }>('SELECT id, seq FROM workflow_instance WHERE id = ANY ($1)', [acknowledged.map(({ id }) => id)]);
      const stored = new Map(rows.map(({ id, seq }) => [id, seq]));
      expect(acknowledged.filter(({ id, seq }) => (stored.get(id) ?? 0) < seq)).toEqual([]);
    });
    await expectConsistent();
  });

  it('asked to end answer every request under way, then end with code 0', async () => {
    for (let round = 0; round < 3; round += 1) {
      const api = await startProcess('main', { ...environment, DRAIN_SECONDS: '3' });
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      const answers: number[] = [];
      let broken = 0;
      let running = true;
      const clients = Array.from({ length: 8 }, async () => {
        while (running) {
          try {
            answers.push((await call(api.url, world.token('siti'), 'GET', '/workflow/instances?limit=5', undefined, agent)).status);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') broken += 1;
            return;
          }
        }
      });
      await until(() => answers.length >= 60);
      const ended = api.stop();
      await until(async () => (await fetch(`${api.url}/health/ready`)).status === 503);
      // Draining: still answering, no longer ready, closing each connection.
      expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
      running = false;
      await Promise.all(clients);
      expect(await ended).toBe(0);
      expect(broken).toBe(0);
      expect(answers.length).toBeGreaterThan(50);
      expect(answers.filter((status) => status !== 200)).toEqual([]);
      agent.destroy();
    }
  });

  it('several at once enforce a revoked grant and an ended session from the answer on', async () => {
    const processes: Running[] = [];
    const agent = new Agent({ keepAlive: true });
    try {
      for (let n = 0; n < 3; n += 1) processes.push(await startProcess('main', { ...environment, ...(n === 0 ? { REDIS_URL: process.env.TEST_REDIS_URL ?? '' } : {}) }));
      const ids = await world.ids();
      let checks = 0;
      for (let round = 0; round < 10; round += 1) {
        const { body: grant } = await world.as('dewi').post('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('maya') } }).expect(201);
        const all = (handle: string, token: string) => Promise.all(processes.flatMap(({ url }) => Array.from({ length: 5 }, () => call(url, token, 'GET', handle === 'maya' ? '/audit/events?limit=1' : '/me', undefined, agent))));
        expect((await all('maya', world.token('maya'))).map(({ status }) => status)).toEqual(Array(15).fill(200));
        await world.as('dewi').delete(`/grants/${grant.id}`).expect(204);
        expect((await all('maya', world.token('maya'))).map(({ status }) => status)).toEqual(Array(15).fill(403));

        const sessionId = `sess_drill_${round}`;
        const token = world.issuer.mint({ clerkUserId: 'user_eko', organizationId: world.organization, sessionId });
        expect((await all('eko', token)).map(({ status }) => status)).toEqual(Array(15).fill(200));
        await world.as('dewi').delete(`/sessions/${sessionId}`).expect(204);
        expect((await all('eko', token)).map(({ status }) => status)).toEqual(Array(15).fill(401));
        checks += 60;
      }
      expect(checks).toBe(600);
    } finally {
      agent.destroy();
      await Promise.all(processes.map((each) => each.stop()));
    }
  });

  it('the worker starts, keeps house, and ends with code 0', async () => {
    const worker = await startProcess('worker', { ...environment, LOG_LEVEL: 'info' });
    await until(() => worker.output().includes('worker started'));
    expect(await worker.stop()).toBe(0);
    expect(worker.output()).not.toMatch(/"level":(50|60)/);
  });

  it('log one line a request, with nothing of what was sent', async () => {
    const api = await startProcess('main', { ...environment, LOG_LEVEL: 'info' });
    const agent = new Agent();
    const canaries = ['canary-header', 'canary-query', 'canary-body', 'canary-path'];
    await new Promise<void>((done) => {
      request(`${api.url}/api/v1/people?search=canary-query`, { agent, headers: { authorization: `Bearer ${world.token('dewi')}`, 'user-agent': 'canary-header', 'x-request-id': 'log-line-test-1' } }, (response) => response.resume().on('end', () => done())).end();
    });
    await call(api.url, world.token('dewi'), 'POST', '/roles', { code: 'canary-body', name: 5 }, agent);
    await call(api.url, world.token('dewi'), 'GET', '/people/canary-path', undefined, agent);
    await api.stop();
    agent.destroy();
    const lines = api.output().trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ requestId }) => requestId === 'log-line-test-1')).toMatchObject([{ method: 'GET', route: '/api/v1/people', status: 200, actor: expect.stringMatching(/^person:/) }]);
    for (const canary of [...canaries, world.token('dewi').slice(0, 40), 'Bearer']) expect([canary, api.output().includes(canary)]).toEqual([canary, false]);
  });
});
