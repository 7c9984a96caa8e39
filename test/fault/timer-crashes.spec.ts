import { setTimeout as pause } from 'node:timers/promises';
import type { Definition } from '../../src/modules/workflow/definition';
import { aFoundation, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected } from '../support/database';
import { recordDrill } from '../support/prodlike';
import { type Running, startProcess } from '../support/processes';
import { Flows } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

const KILLS = 10;
const REQUESTS = 600;
/** The last of them is due so long after the first. */
const SPREAD_MS = 20_000;

describe('times that come', () => {
  let testApp: TestApp;
  let world: World;
  let environment: Record<string, string>;
  let document: Definition;
  let workers: Running[] = [];
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    environment = { ...testEnvironment(testApp.database), LOG_LEVEL: 'error' };
    const flows = await Flows.of(world);
    document = { ...flows.document({ t: { type: 'timer', title: { en: 'Waits', id: 'Menunggu' }, after: { until: 'at' }, to: 'a' }, a: flows.step('done', 'lina') }), form: { type: 'object', required: ['at'], properties: { at: { type: 'string', format: 'date-time' } } } };
    await world.as('dewi').post('/workflow/definitions', { document }).expect(201);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(workers.map((each) => each.kill()));
    await testApp.close();
  });

  it(`while two workers are killed -9, ${KILLS} times: each fires once, and what is overdue as soon as there is a worker again`, async () => {
    const { foundation } = await world.ids();
    const ids: string[] = [];
    const first = Date.now() + 15_000;
    const file = async (n: number) => {
      const at = new Date(first + Math.floor((n / REQUESTS) * SPREAD_MS)).toISOString();
      ids.push((await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: { at } }).expect(201)).body.id as string);
    };
    for (let n = 0; n < REQUESTS; n += 6) await Promise.all(Array.from({ length: 6 }, (_, each) => file(n + each)));

    const recovered: number[] = [];
    await connected(testApp.database.adminUrl, async (connection) => {
      const count = async () => (await connection.query<{ fired: number; overdue: number }>(`SELECT count(*) FILTER (WHERE state = 'fired')::int AS fired, count(*) FILTER (WHERE state = 'pending' AND due_at <= now())::int AS overdue FROM workflow_timer WHERE foundation_id = $1`, [foundation])).rows[0]!;
      const start = () => startProcess('worker', environment);
      workers = await Promise.all([start(), start()]);
      while ((await count()).fired === 0) await pause(20);
      for (let kill = 0; kill < KILLS; kill += 1) {
        await pause(Math.random() * 400);
        await Promise.all(workers.map((each) => each.kill()));
        while ((await count()).overdue === 0 && (await count()).fired < REQUESTS) await pause(20);
        const { fired } = await count();
        if (fired === REQUESTS) break;
        const begun = performance.now();
        workers = await Promise.all([start(), start()]);
        while ((await count()).fired === fired) await pause(10);
        recovered.push(performance.now() - begun);
      }
      const until = Date.now() + SPREAD_MS + 30_000;
      while ((await count()).fired < REQUESTS && Date.now() < until) await pause(100);

      const { rows } = await connection.query<{ id: string; events: string[]; open: string[]; audited: number }>(
        `SELECT i.id, array_agg(h.event ORDER BY h.seq) AS events, (SELECT array_agg(t.node) FROM workflow_task t WHERE t.instance_id = i.id AND t.state = 'open') AS open,
                (SELECT count(*)::int FROM audit.event e WHERE e.target_id = i.id::text AND e.action = 'workflow.timer_fired') AS audited
           FROM workflow_instance i JOIN workflow_history h ON h.instance_id = i.id WHERE i.foundation_id = $1 GROUP BY i.id`, [foundation]);
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(ids));
      expect(rows.filter(({ events, open, audited }) => events.join() !== 'submitted,timer_fired' || open?.join() !== 'a' || audited !== 1)).toEqual([]);
    });
    expect(await refoldsToWhereItStands(testApp, foundation)).toBe(REQUESTS);
    expect(recovered.length).toBeGreaterThan(3);
    const worst = Math.round(Math.max(...recovered)) / 1_000;
    recordDrill('timer-crashes', { timers: REQUESTS, kills: recovered.length * 2, lost: 0, doubled: 0, firstOverdueAfterSeconds: worst });
    // Five on a quiet machine, of which a process takes three to start; here others may be at work.
    expect(worst).toBeLessThan(20);
  }, 300_000);
});
