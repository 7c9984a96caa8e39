import { setTimeout as pause } from 'node:timers/promises';
import type { Definition } from '../../src/modules/workflow/definition';
import { aFoundation, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected } from '../support/database';
import { FakeReceiver } from '../support/fake-receiver';
import { recordDrill } from '../support/prodlike';
import { type Running, startProcess } from '../support/processes';
import { Flows } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

const KILLS = 8;
const REQUESTS = 240;

describe('what is told, and what is told back', () => {
  const receiver = new FakeReceiver();
  let testApp: TestApp;
  let world: World;
  let environment: Record<string, string>;
  let document: Definition;
  let workers: Running[] = [];
  beforeAll(async () => {
    await receiver.start();
    testApp = await startApp({ OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8' });
    world = await aFoundation(testApp);
    environment = { ...testEnvironment(testApp.database), OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8', LOG_LEVEL: 'error' };
    const flows = await Flows.of(world);
    receiver.secret = (await world.as('dewi').post('/webhook-endpoints', { name: 'payments', url: receiver.url, events: ['request.completed'] }).expect(201)).body.secret as string;
    const title = { en: 'Pays', id: 'Membayar' };
    const paid = { properties: { n: { type: 'integer' } }, required: ['n'], type: 'object' };
    document = flows.document({ s: { type: 'service', title, call: { endpoint: 'payments' }, to: 'm' }, m: { type: 'message', title, message: { name: 'paid' }, form: paid, as: 'paid', to: 'done' } });
    await world.as('dewi').post('/workflow/definitions', { document }).expect(201);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(workers.map((each) => each.kill()));
    await testApp.close();
    await receiver.stop();
  });

  it(`while two workers are killed -9, ${KILLS} times: nothing is lost, and whatever comes twice counts once`, async () => {
    const { foundation } = await world.ids();
    const ids: string[] = [];
    const file = async () => ids.push((await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: {} }).expect(201)).body.id as string);
    for (let n = 0; n < REQUESTS; n += 6) await Promise.all(Array.from({ length: 6 }, file));
    // The other system says that it has paid, twice; of half of them before it was even asked.
    const says = async (id: string, n: number) => void (await world.as('ratna').post('/workflow/messages', { name: 'paid', key: id, messageId: `paid ${id}`, payload: { n } }).expect(201));
    for (const [n, id] of ids.entries()) if (n % 2 === 0) await says(id, n);

    let kills = 0;
    await connected(testApp.database.adminUrl, async (connection) => {
      const completed = async () => (await connection.query<{ done: number }>(`SELECT count(*) FILTER (WHERE state = 'completed')::int AS done FROM workflow_instance WHERE foundation_id = $1`, [foundation])).rows[0]!.done;
      const start = () => startProcess('worker', environment);
      const saying = (async () => {
        for (const [n, id] of ids.entries()) await says(id, n);
      })();
      workers = await Promise.all([start(), start()]);
      while (receiver.received.length === 0) await pause(20);
      for (; kills < KILLS && (await completed()) < REQUESTS; kills += 1) {
        await pause(100 + Math.random() * 400);
        await Promise.all(workers.map((each) => each.kill()));
        // What was under way is due again at once: nobody waits for a lease to end.
        workers = await Promise.all([start(), start()]);
      }
      await saying;
      const waiting = async () => (await connection.query<{ n: number }>(`SELECT count(*)::int AS n FROM webhook_delivery WHERE foundation_id = $1 AND ended_at IS NULL`, [foundation])).rows[0]!.n;
      for (const until = Date.now() + 90_000; ((await completed()) < REQUESTS || (await waiting()) > 0) && Date.now() < until; ) await pause(100);
      const { rows } = await connection.query<{ id: string; state: string; events: string[]; variables: object }>(
        `SELECT i.id, i.state::text, i.variables, array_agg(h.event ORDER BY h.seq) AS events FROM workflow_instance i JOIN workflow_history h ON h.instance_id = i.id WHERE i.foundation_id = $1 GROUP BY i.id`, [foundation]);
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(ids));
      expect(rows.filter(({ id, state, events, variables }) => state !== 'completed' || events.join() !== 'submitted,step_completed,message_received' || JSON.stringify(variables) !== JSON.stringify({ paid: { n: ids.indexOf(id) } }))).toEqual([]);
      expect((await connection.query(`SELECT 1 FROM workflow_message WHERE foundation_id = $1 AND delivered_at IS NULL`, [foundation])).rows).toEqual([]);
    });
    // Each at least once, as signed, and about one request in the order it happened.
    const told = (type: string) => receiver.received.filter((each) => each.type === type);
    expect(receiver.received.every(({ verified }) => verified)).toBe(true);
    expect([new Set(told('step.called').map(({ id }) => id)).size, new Set(told('request.completed').map(({ id }) => id)).size]).toEqual([REQUESTS, REQUESTS]);
    for (const id of ids) {
      const types = receiver.received.filter(({ data }) => data.requestId === id || (data.request as { id?: string } | undefined)?.id === id).map(({ type }) => type);
      expect(types).toEqual([...types].sort((a, b) => (a === b ? 0 : a === 'step.called' ? -1 : 1)));
    }
    expect(await refoldsToWhereItStands(testApp, foundation)).toBe(REQUESTS);
    expect(kills).toBeGreaterThan(2);
    recordDrill('webhook-crashes', { requests: REQUESTS, kills: kills * 2, lost: 0, doubled: 0, toldTwice: receiver.received.length - 2 * REQUESTS });
  }, 300_000);
});
