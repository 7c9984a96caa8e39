import { randomUUID } from 'node:crypto';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows, type Instance } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

type Result = { taskId: string; status: number; instance: Instance | null; problem: { code: string; detail: string } | null };

describe('many decisions at once', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());
  const filed = async (count: number, definition: string) =>
    Promise.all(Array.from({ length: count }, async () => ((await world.as('siti').post('/workflow/instances', { definition, submit: true, form: {} }).expect(201)).body as Instance).openTasks[0]!.id));
  const decides = async (handle: string, items: object[], headers: Record<string, string> = {}) => {
    const sent = world.as(handle).post('/workflow/tasks/decisions', { items });
    for (const [name, value] of Object.entries(headers)) void sent.set(name, value);
    return (await sent.expect(200)).body.items as Result[];
  };

  it('are decided each by itself, and answered in the order sent', async () => {
    const { key } = await published({ a: flows.step('done', 'joko') });
    const tasks = await filed(40, key);
    const results = await decides('joko', tasks.map((taskId, n) => (n % 4 === 3 ? { taskId, verb: 'return', comment: 'What for?' } : { taskId, verb: 'approve' })));
    expect(results.map(({ taskId }) => taskId)).toEqual(tasks);
    expect(results.map(({ status, instance, problem }) => [status, instance?.state, problem])).toEqual(tasks.map((_, n) => [200, n % 4 === 3 ? 'returned' : 'completed', null]));
  });

  it('refused for one keep no other from being decided; a refusal that is one is on record', async () => {
    const { key } = await published({ a: flows.step('done', 'joko') });
    const other = await published({ a: flows.step('done', 'lina') });
    const [first, second, third] = (await filed(3, key)) as [string, string, string];
    const [notTheirs] = (await filed(1, other.key)) as [string];
    await world.as('joko').post(`/workflow/tasks/${second}/approve`, {}).expect(200);
    const nowhere = randomUUID();
    const results = await decides('joko', [{ taskId: first, verb: 'approve' }, { taskId: second, verb: 'approve' }, { taskId: notTheirs, verb: 'approve' }, { taskId: nowhere, verb: 'approve' }, { taskId: third, verb: 'abstain' }]);
    expect(results.map(({ status, problem }) => [status, problem?.code ?? null])).toEqual([[200, null], [409, 'WORKFLOW_TASK_CLOSED'], [403, 'WORKFLOW_NOT_CANDIDATE'], [404, 'NOT_FOUND'], [409, 'WORKFLOW_VERB']]);
    const denied = await connected(testApp.database.adminUrl, async (client) => (await client.query<{ reason_code: string }>("SELECT reason_code FROM audit.event WHERE target_id = $1 AND outcome = 'denied'", [notTheirs])).rows);
    expect(denied.map(({ reason_code }) => reason_code)).toEqual(['WORKFLOW_NOT_CANDIDATE']);
  });

  it('under a key answer as they did, and what was refused is tried again', async () => {
    const { key } = await published({ a: flows.step('b', 'joko', { strategy: 'sequential' }), b: flows.step('done', 'lina') });
    const [task] = (await filed(1, key)) as [string];
    const later = await published({ a: flows.step('done', ['lina', 'joko'], { strategy: 'sequential' }) });
    const [turn] = (await filed(1, later.key)) as [string];
    const headers = { 'Idempotency-Key': randomUUID() };
    const items = [{ taskId: task, verb: 'approve', comment: 'yes' }, { taskId: turn, verb: 'approve' }];
    const [done, refused] = (await decides('joko', items, headers)) as [Result, Result];
    expect([done.status, refused.problem?.code]).toEqual([200, 'WORKFLOW_TURN']);
    await world.as('lina').post(`/workflow/tasks/${turn}/approve`, {}).expect(200);
    const [again, now] = (await decides('joko', items, headers)) as [Result, Result];
    expect(again).toEqual(done);
    expect([now.status, now.instance?.state]).toEqual([200, 'completed']);
    const [changed] = (await decides('joko', [{ taskId: task, verb: 'approve', comment: 'no' }], headers)) as [Result];
    expect(changed.problem?.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('by two people at once have each one outcome', async () => {
    const { key } = await published({ a: flows.step('done', ['joko', 'lina']) });
    const tasks = await filed(30, key);
    const [one, two] = await Promise.all([decides('joko', tasks.map((taskId) => ({ taskId, verb: 'approve' }))), decides('lina', tasks.toReversed().map((taskId) => ({ taskId, verb: 'reject', comment: 'no' })))]);
    const byTask = new Map(two.map((each) => [each.taskId, each]));
    for (const each of one) expect([each.status, byTask.get(each.taskId)!.status].sort()).toEqual([200, 409]);
  });

  it('are 200 at most, each task once, with a reason where a reason is asked for', async () => {
    const refused = async (items: object[]) => ((await world.as('joko').post('/workflow/tasks/decisions', { items })).body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
    const taskId = randomUUID();
    expect(await refused([])).toEqual(['#/items']);
    expect(await refused(Array.from({ length: 201 }, () => ({ taskId: randomUUID(), verb: 'approve' })))).toEqual(['#/items']);
    expect(await refused([{ taskId, verb: 'approve' }, { taskId, verb: 'reject', comment: 'no' }])).toEqual(['#/items']);
    expect(await refused([{ taskId, verb: 'reject' }])).toEqual(['#/items/0/comment']);
    expect(await refused([{ taskId, verb: 'withdraw' }])).toEqual(['#/items/0/verb']);
  });

  it('leave a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(70);
  });

  async function published(nodes: Parameters<Flows['document']>[0]) {
    const document = flows.document(nodes);
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    return document;
  }
});
