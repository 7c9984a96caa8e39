import { Client } from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

describe('check and write', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  /** A request that waits for the cashier. */
  const toBePaid = async () => {
    const { id, openTasks } = await world.as('siti').submits();
    let task = openTasks[0]!;
    for (const who of ['lina', 'eko', 'joko']) {
      if (task.node === 'payment-request') break;
      const { status, body } = await world.as(who).answers('approve', task.id);
      if (status === 200) task = (body as { openTasks: typeof openTasks }).openTasks[0]!;
    }
    expect(task.node).toBe('payment-request');
    return { id, task };
  };

  it('are one: a payment waits for a change of authorization that is under way, and is refused by it', async () => {
    const { foundation, role } = await world.ids();
    const { id, task } = await toBePaid();
    const { id: next, task: later } = await toBePaid();
    const admin = new Client({ connectionString: testApp.database.adminUrl });
    await admin.connect();
    try {
      // As a revocation does that has not committed yet; written directly, so that it can be held there.
      await admin.query('BEGIN');
      await admin.query(`SET LOCAL session_replication_role = 'replica'`);
      await admin.query('UPDATE authz_head SET v = v + 1, stamp = gen_random_uuid() WHERE foundation_id = $1', [foundation]);
      const { rows } = await admin.query('DELETE FROM role_assignment WHERE foundation_id = $1 AND role_id = $2 RETURNING *', [foundation, role('payment-operator')]);
      let answered = false;
      const paying = world.as('ratna').answers('complete', task.id).then((answer) => {
        answered = true;
        return answer;
      });
      await pause(500);
      expect(answered).toBe(false);
      await admin.query('COMMIT');
      // With the role went the right to see it.
      expect(await paying).toBeProblem(404, 'NOT_FOUND');
      expect((await world.as('siti').get(`/workflow/instances/${id}`).expect(200)).body).toMatchObject({ state: 'running' });
      // The other way round, the change waits: the payment stands under the version it was checked at.
      await admin.query('BEGIN');
      await admin.query(`SET LOCAL session_replication_role = 'replica'`);
      for (const row of rows as Record<string, unknown>[]) await admin.query(`INSERT INTO role_assignment (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row).map((_, n) => `$${n + 1}`).join(', ')})`, Object.values(row));
      await admin.query('UPDATE authz_head SET v = v + 1, stamp = gen_random_uuid() WHERE foundation_id = $1', [foundation]);
      await admin.query('COMMIT');
      await pause(1_100);
      await world.as('ratna').answers('complete', later.id).expect(200);
      const event = await connected(testApp.database.adminUrl, async (client) => (await client.query<{ v: string; head: string }>(`SELECT authz->>'v' AS v, (SELECT v::text FROM authz_head WHERE foundation_id = $1) AS head FROM audit.event WHERE foundation_id = $1 AND target_id = $2 ORDER BY id DESC LIMIT 1`, [foundation, next])).rows[0]!);
      expect(event.v).toBe(event.head);
    } finally {
      await admin.end();
    }
  });
});
