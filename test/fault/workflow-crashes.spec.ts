import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { escapeIdentifier } from 'pg';
import { aFoundation, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected } from '../support/database';
import { recordDrill } from '../support/prodlike';
import { type Running, startProcess } from '../support/processes';
import { Flows, type Instance } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

/** Processes to kill; in the long run a thousand. */
const ROUNDS = process.env.DRILL_ROUNDS ? 100 * Number(process.env.DRILL_ROUNDS) : 50;
const CLIENTS = 6;

interface Answer {
  status: number;
  body: Instance & { code?: string };
}

/** One request; rejects where the connection breaks or nothing comes. */
function call(url: string, token: string, path: string, body: object, key: string, agent: Agent): Promise<Answer> {
  return new Promise((done, fail) => {
    const outgoing = request(`${url}/api/v1${path}`, { method: 'POST', agent, timeout: 10_000, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        try {
          done({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] });
        } catch (error) {
          fail(error as Error);
        }
      });
      response.on('error', fail);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', fail);
    outgoing.end(JSON.stringify(body));
  });
}

describe('decisions under load', () => {
  let testApp: TestApp;
  let world: World;
  let environment: Record<string, string>;
  let definition: string;
  const apis: Running[] = [];
  let worker: Running;
  const synchronousCommit = (how: string) =>
    connected(testApp.database.adminUrl, async (connection) => {
      const { rows } = await connection.query<{ name: string }>('SELECT current_database() AS name');
      await connection.query(`ALTER DATABASE ${escapeIdentifier(rows[0]!.name)} ${how}`);
    });
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    environment = { ...testEnvironment(testApp.database), LOG_LEVEL: 'error' };
    // Test servers answer commits before they are written, which a kill would show: this drill found them lost.
    await synchronousCommit('SET synchronous_commit = on');
    const flows = await Flows.of(world);
    const document = flows.document({
      first: flows.step('f', ['lina', 'eko', 'joko'], { strategy: { quorum: 2 } }), f: { type: 'parallel', to: ['a', 'b'] },
      a: flows.step('j', 'lina'), b: flows.step('j', 'eko', { returns: ['first'] }), j: { type: 'parallel', to: ['done'] },
    });
    await world.as('dewi').post('/workflow/definitions', { document }).expect(201);
    definition = document.key;
    for (let n = 0; n < 2; n += 1) apis.push(await startProcess('main', { ...environment, INSTANCE_ID: `crash-drill-${n}` }));
    worker = await startProcess('worker', environment);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([...apis, worker].map((each) => each?.kill()));
    await synchronousCommit('RESET synchronous_commit');
    await testApp.close();
  });

  it(`of which API, worker and PostgreSQL are killed -9, ${ROUNDS} times: none lost, none doubled, none half-written`, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    let acknowledged = 0;
    let repeated = 0;
    let running = true;
    const odd: string[] = [];
    /** What each request must have in its history, as far as it was acknowledged. */
    const expected = new Map<string, string[]>();

    /** Until it is answered, with the same key each time: whatever happened, it counts once. */
    const surely = async (handle: 'siti' | 'lina' | 'eko' | 'joko', path: string, body: object): Promise<Answer> => {
      const key = randomUUID();
      for (let attempt = 0; ; attempt += 1) {
        try {
          const answer = await call(apis[Math.floor(Math.random() * apis.length)]!.url, world.token(handle), path, body, key, agent);
          // 409 in flight: the first try may still be under way in a process that was thought dead.
          if (answer.status < 500 && answer.body.code !== 'IDEMPOTENCY_IN_FLIGHT') return answer;
          // 503 while the database comes back, 500 never.
if (answer.status !== 503 && answer.status >= 500) odd.push(`${path} ${answer.status} ${answer.body.code}`);
        } catch {
          // The connection broke with the process.
        }
        repeated += 1;
        await pause(20 + Math.random() * 30);
      }
    };
    const client = async () => {
      while (running) {
        const filed = await surely('siti', '/workflow/instances', { definition, submit: true, form: {} });
        if (filed.status !== 201) return void odd.push(`filing: ${filed.status} ${filed.body.code}`);
        let { body } = filed;
        const told = ['submitted'];
        expected.set(body.id, told);
        acknowledged += 1;
        const does = async (handle: 'lina' | 'eko' | 'joko', verb: string, node: string, event: string, more: object = {}) => {
          const task = body.openTasks.find((each) => each.node === node);
          if (!task) return void odd.push(`${body.id} does not wait at ${node}: ${JSON.stringify(body.openTasks)}`);
          const answer = await surely(handle, `/workflow/tasks/${task.id}/${verb}`, { comment: verb, ...more });
          if (answer.status !== 200) return void odd.push(`${verb} at ${node}: ${answer.status} ${answer.body.code}`);
          told.push(event);
          acknowledged += 1;
          body = answer.body;
        };
        const first = async () => {
          await does('lina', 'approve', 'first', 'voted');
          await does('joko', 'approve', 'first', 'approved');
        };
        await first();
        if (Math.random() < 0.3) {
          await does('eko', 'return', 'b', 'returned', { comment: 'again', to: 'first' });
          await first();
        }
        for (const [handle, node] of Math.random() < 0.5 ? [['lina', 'a'], ['eko', 'b']] as const : [['eko', 'b'], ['lina', 'a']] as const) await does(handle, 'approve', node, 'approved');
        if (body.state !== 'completed') odd.push(`${body.id} is ${body.state}`);
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    const moved = async (more: number) => {
      const wanted = acknowledged + more;
      while (acknowledged < wanted && odd.length === 0) await pause(5);
    };

    const recovered: Record<string, number[]> = { api: [], postgres: [], worker: [] };
    await moved(20);
    for (let round = 0; round < ROUNDS && odd.length === 0; round += 1) {
      await pause(Math.random() * 60);
      const what = (['api', 'postgres', 'api', 'worker'] as const)[round % 4]!;
      const begun = performance.now();
      if (what === 'api') {
        const at = (round >> 1) % 2;
        await apis[at]!.kill();
        apis[at] = await startProcess('main', { ...environment, INSTANCE_ID: `crash-drill-${at}` });
      } else if (what === 'worker') {
        await worker.kill();
        worker = await startProcess('worker', environment);
      } else {
        // One of its processes: the server ends all others and recovers from its log, as after a kill of the whole.
        const pid = await connected(testApp.database.adminUrl, async (connection) => {
          connection.on('error', () => undefined);
          return (await connection.query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE usename = 'gloria_app' AND datname = current_database() ORDER BY random() LIMIT 1")).rows[0]!.pid;
        });
        process.kill(pid, 'SIGKILL');
      }
      await moved(10);
      recovered[what]!.push(performance.now() - begun);
    }
    running = false;
    await Promise.all(clients);
    agent.destroy();

    await pause(300);
    // With what the processes said of it.
    if (odd.length > 0) odd.push(...apis.flatMap(({ output }) => output().split('\n').filter((line) => line.includes('INTERNAL'))).slice(-3));
    expect(odd).toEqual([]);
    expect(repeated).toBeGreaterThan(ROUNDS / 2);
    const { foundation } = await world.ids();
    await connected(testApp.database.adminUrl, async (connection) => {
      const { rows } = await connection.query<{ id: string; events: string[]; audited: number }>(
        `SELECT i.id, array_agg(h.event ORDER BY h.seq) AS events, (SELECT count(*)::int FROM audit.event e WHERE e.target_id = i.id::text AND e.outcome = 'success' AND e.action <> 'workflow.drafted') AS audited
           FROM workflow_instance i JOIN workflow_history h ON h.instance_id = i.id WHERE i.foundation_id = $1 GROUP BY i.id`, [foundation]);
      // Exactly what was acknowledged: every client went on until it was answered.
      expect(new Map(rows.map(({ id, events }) => [id, events]))).toEqual(expected);
      expect(rows.filter(({ events, audited }) => events.length !== audited)).toEqual([]);
      const { rows: orphans } = await connection.query(
        `SELECT t.id FROM workflow_task t JOIN workflow_instance i ON i.id = t.instance_id WHERE i.foundation_id = $1 AND t.state = 'open' AND i.state <> 'running'
         UNION ALL SELECT t.id FROM workflow_task t JOIN workflow_instance i ON i.id = t.instance_id WHERE i.foundation_id = $1 AND NOT EXISTS (SELECT FROM workflow_candidate c WHERE c.task_id = t.id)
         UNION ALL SELECT j.instance_id FROM workflow_join j JOIN workflow_instance i ON i.id = j.instance_id WHERE i.foundation_id = $1 AND i.state <> 'running'`, [foundation]);
      expect(orphans).toEqual([]);
    });
    expect(await refoldsToWhereItStands(testApp, foundation)).toBe(expected.size);
    const worst = (times: readonly number[]) => Math.round(Math.max(...times)) / 1_000;
    recordDrill('workflow-crashes', { kills: ROUNDS, answers: acknowledged, repeated, lost: 0, doubled: 0, orphans: 0, tenMoreAnswersAfterSeconds: { api: worst(recovered.api!), postgres: worst(recovered.postgres!), worker: worst(recovered.worker!) } });
  }, 1_800_000 * Math.max(1, ROUNDS / 50));
});
