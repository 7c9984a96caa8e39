import { TimersService } from '../../src/modules/workflow';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows, type Running } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('times', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let personId: (handle: string) => string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    personId = (handle) => ids.person(handle);
  });
  afterAll(() => testApp.close());

  const sql = <T extends object>(text: string, values: unknown[] = []) => connected(testApp.database.adminUrl, async (client) => (await client.query<T>(text, values)).rows);
  const timersOf = (request: Running) =>
    sql<{ boundary: number | null; state: string; left: number; attempts: number; last_error: string | null }>(
      `SELECT m.boundary, m.state::text, round(extract(epoch FROM m.due_at - now()))::int AS left, m.attempts, m.last_error FROM workflow_timer m JOIN workflow_task t ON t.id = m.task_id WHERE t.instance_id = $1 ORDER BY m.id`,
      [request.id],
    );
  /** So much time goes by for this request. */
  const passes = (request: Running, interval: string) =>
    sql(`UPDATE workflow_timer m SET due_at = m.due_at - $2::interval, halted_at = m.halted_at - $2::interval, retry_at = m.retry_at - $2::interval FROM workflow_task t WHERE t.id = m.task_id AND t.instance_id = $1`, [request.id, interval]);
  const fires = () => testApp.app.get(TimersService).fireDue();
  const seen = async (request: Running) => {
    const { body } = await world.as('dewi').get(`/workflow/instances/${request.id}`).expect(200);
    return [body.state as string, (body.openTasks as { node: string }[]).map(({ node }) => node).sort()] as const;
  };
  const title = { en: 'Waits', id: 'Menunggu' };

  it('a timer goes on when its time has come, and not before', async () => {
    const request = await flows.filed({ t: { type: 'timer', title, after: { hours: 2 }, to: 'a' }, a: flows.step('done', 'lina') });
    expect([request.waiting, await timersOf(request)]).toEqual([['t'], [expect.objectContaining({ boundary: null, state: 'pending', left: 7200 })]]);
    await passes(request, '1 hour 59 minutes');
    expect([await fires(), await seen(request)]).toEqual([0, ['running', ['t']]]);
    await passes(request, '2 minutes');
    expect([await fires(), await seen(request), await fires()]).toEqual([1, ['running', ['a']], 0]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200)).body as { items: { event: string; actor: string; data: { due?: object[] } }[] };
    expect(items.map(({ event, actor }) => `${event} ${actor.split(':')[0]}`)).toEqual(['submitted person', 'timer_fired system']);
    expect(items[0]!.data.due).toMatchObject([{ boundary: null }]);
    expect(await request.isAsked('lina', 'a')).toBe(false);
    expect((await world.as('lina').get('/me/tasks').expect(200)).body.items.some(({ instanceId }: { instanceId: string }) => instanceId === request.id)).toBe(true);
  });

  it('a day that is filled in is waited for, and has to be asked for', async () => {
    const document = { ...flows.document({ t: { type: 'timer', title, after: { until: 'day' }, to: 'done' } }), form: { type: 'object', required: ['day'], properties: { day: { type: 'string', format: 'date' } } } };
    await world.as('dewi').post('/workflow/definitions', { document }).expect(201);
    const { body } = await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: { day: '2020-01-01' } }).expect(201);
    expect(await fires()).toBe(1);
    expect((await world.as('siti').get(`/workflow/instances/${body.id}`).expect(200)).body.state).toBe('completed');
    const optional = { ...document, form: { ...document.form, required: [] } };
    expect((await world.as('dewi').post('/workflow/definitions', { document: optional })).body.errors).toMatchObject([{ pointer: '#/nodes/t/after/until', code: 'unknown_field' }]);
  });

  it('time runs out at a step: it is over, or something begins beside it, once', async () => {
    const boundary = [{ after: { hours: 1 }, to: 'remind', interrupting: false }, { after: { days: 1 }, to: 'above' }];
    const nodes = { a: flows.step('done', 'lina', { boundary }), remind: flows.step('done', 'eko'), above: flows.step('done', 'budi') };
    const request = await flows.filed(nodes);
    await passes(request, '2 hours');
    expect([await fires(), await seen(request), await fires()]).toEqual([1, ['running', ['a', 'remind']], 0]);
    await passes(request, '1 day');
    expect([await fires(), await seen(request)]).toEqual([1, ['running', ['above', 'remind']]]);
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    // What is answered in time is not late.
    const quick = await flows.filed(nodes);
    await quick.does('lina', 'approve', 'a');
    expect((await timersOf(quick)).map(({ state }) => state)).toEqual(['void', 'void']);
    await passes(quick, '2 days');
    expect([await fires(), quick.state]).toEqual([0, 'completed']);
  });

  it('time stands still while a request is suspended, and while information is asked for', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina', { boundary: [{ after: { hours: 10 }, to: 'late' }] }), late: flows.step('done', 'eko') });
    await passes(request, '4 hours');
    await request.handles('dewi', 'suspend', null, { comment: 'Wait' });
    await passes(request, '20 hours');
    expect([await fires(), (await timersOf(request))[0]!.state]).toEqual([0, 'halted']);
    await request.handles('dewi', 'resume', null, { comment: 'On' });
    const [resumed] = await timersOf(request);
    expect([resumed!.state, Math.abs(resumed!.left - 6 * 3600) < 5]).toEqual(['pending', true]);
    await request.handles('lina', 'ask', 'a', { comment: 'Which?' });
    await passes(request, '50 hours');
    await request.handles('dewi', 'suspend', null, { comment: 'Wait' });
    await request.handles('dewi', 'resume', null, { comment: 'On' });
    expect([await fires(), (await timersOf(request))[0]!.state]).toEqual([0, 'halted']);
    await request.handles('siti', 'answer', 'a', { comment: 'This' });
    const [answered] = await timersOf(request);
    expect([answered!.state, Math.abs(answered!.left - 6 * 3600) < 5]).toEqual(['pending', true]);
    await passes(request, '6 hours 1 minute');
    expect([await fires(), await seen(request)]).toEqual([1, ['running', ['late']]]);
  });

  it('an answer that is taken back waits with the time it had', async () => {
    const request = await flows.filed({ a: flows.step('b', 'lina', { boundary: [{ after: { hours: 10 }, to: 'late' }] }), b: flows.step('done', 'eko'), late: flows.step('done', 'eko') });
    await request.does('lina', 'approve', 'a');
    await request.handles('lina', 'take-back', null);
    expect((await timersOf(request)).map(({ state }) => state)).toEqual(['pending']);
    await passes(request, '11 hours');
    expect([await fires(), await seen(request)]).toEqual([1, ['running', ['late']]]);
  });

  it('what cannot go on is put off, says why, and is tried again', async () => {
    const request = await flows.filed({ t: { type: 'timer', title, after: { hours: 1 }, to: 'a' }, a: flows.step('done', 'siti') });
    await passes(request, '2 hours');
    expect([await fires(), await fires(), await timersOf(request)]).toEqual([0, 0, [expect.objectContaining({ state: 'pending', attempts: 1, last_error: expect.stringContaining('WORKFLOW_NO_CANDIDATE') })]]);
    await passes(request, '1 hour');
    expect([await fires(), (await timersOf(request))[0]!.attempts]).toEqual([0, 2]);
    // An administrator sees it, mends it, and has it tried again.
    const incidents = async (handle: 'dewi') => ((await world.as(handle).get('/workflow/incidents').expect(200)).body.items as { id: string; instanceId: string; problem: string; attempts: number }[]).filter(({ instanceId }) => instanceId === request.id);
    const [incident] = await incidents('dewi');
    expect(incident).toMatchObject({ attempts: 2, problem: expect.stringContaining('WORKFLOW_NO_CANDIDATE') });
    expect(await world.as('lina').get('/workflow/incidents')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('lina').post(`/workflow/incidents/${incident!.id}/retry`)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('dewi').post(`/workflow/incidents/${request.id}/retry`)).toBeProblem(404, 'NOT_FOUND');
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    expect([await fires(), (await timersOf(request))[0]!.attempts]).toEqual([0, 3]);
    expect((await request.handles('dewi', 'skip', 't', { comment: 'x' })).body.code).toBe('WORKFLOW_NO_CANDIDATE');
    await request.handles('dewi', 'cancel', null, { comment: 'Nobody can' });
    expect(await incidents('dewi')).toEqual([]);
  });

  it('an answer and the end of its time, at once, have one outcome; workers side by side fire each timer once', async () => {
    const nodes = { a: flows.step('done', 'lina', { boundary: [{ after: { hours: 1 }, to: 'late' }] }), late: flows.step('done', 'eko') };
    const requests = await Promise.all(Array.from({ length: 12 }, () => flows.filed(nodes)));
    for (const request of requests) await passes(request, '2 hours');
    const [answers] = await Promise.all([Promise.all(requests.map((request) => request.tries('lina', 'approve', 'a'))), fires(), fires(), fires()]);
    await fires();
    for (const [n, request] of requests.entries()) {
      const [state, waiting] = await seen(request);
      expect([answers[n]!.status, state, waiting]).toEqual(answers[n]!.status === 200 ? [200, 'completed', []] : [409, 'running', ['late']]);
      expect((await sql<{ n: number }>(`SELECT count(*)::int AS n FROM workflow_history WHERE instance_id = $1`, [request.id]))[0]!.n).toBe(2);
    }
  });

  it('a step is reminded of, overdue, and put to others as well who are not kept apart from it', async () => {
    const to = [{ together: ['siti', 'eko', 'maya'].map((handle) => ({ person: personId(handle) })) }];
    const serviceLevel = { warning: { hours: 1 }, due: { hours: 2 }, escalation: [{ after: { hours: 3 }, to }] };
    const request = await flows.filed({ a: flows.step('b', 'maya'), b: flows.step('done', ['lina', 'joko'], { notActorOf: ['a'], serviceLevel }) });
    expect(request.task('a')).toMatchObject({ dueAt: null, overdue: false });
    await request.does('maya', 'approve', 'a');
    const item = async (handle: string) => ((await world.as(handle).get('/me/tasks?limit=200').expect(200)).body.items as { taskId: string; dueAt: string; overdue: boolean; why: string }[]).find(({ taskId }) => taskId === request.taskOf('b'));
    const due = Date.parse(request.task('b')!.dueAt!);
    expect(Math.abs(due - Date.now() - 7_200_000)).toBeLessThan(60_000);
    expect([Date.parse((await item('lina'))!.dueAt), (await item('lina'))!.overdue]).toEqual([due, false]);
    await request.handles('lina', 'claim', 'b');
    await passes(request, '90 minutes');
    expect([await fires(), await fires()]).toEqual([1, 0]);
    await passes(request, '40 minutes');
    expect([await fires(), (await item('lina'))!.overdue]).toEqual([1, true]);
    const picture = (await world.as('siti').get(`/workflow/instances/${request.id}/picture.svg`).expect(200)).body as Buffer;
    expect(picture.toString()).toContain('#b3261e');
    // Neither who filed it, nor who answered the step it is kept apart from.
    await passes(request, '1 hour');
    expect([await fires(), await item('siti'), await item('maya')]).toEqual([1, undefined, undefined]);
    expect((await item('eko'))!.why).toBe('You are named for this step, asked as well because it was not decided in time');
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200)).body as { items: { event: string }[] };
    expect(items.map(({ event }) => event)).toEqual(['submitted', 'approved', 'claimed', 'reminded', 'overdue', 'escalated']);
    await request.does('eko', 'approve', 'b');
    expect(request.state).toBe('completed');
  });

  it('the preview says by when, as far as there are times', async () => {
    const level = (hours: number) => ({ serviceLevel: { due: { hours } } });
    const document = flows.document({ a: flows.step('f', 'lina', level(2)), f: { type: 'parallel', to: ['b', 'c'] }, b: flows.step('j', 'eko', level(5)), c: flows.step('j', 'maya', level(1)), j: { type: 'parallel', to: ['d'] }, d: flows.step('e', 'lina', level(1)), e: flows.step('z', 'eko'), z: flows.step('done', 'maya', level(1)) });
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    const { steps } = (await world.as('siti').post('/workflow/instances/preview', { definition: document.key, form: {} }).expect(200)).body as { steps: { node: string; dueAt: string | null }[] };
    const now = Date.now();
    expect(steps.map(({ node, dueAt }) => [node, dueAt && Math.round((Date.parse(dueAt) - now) / 3_600_000)])).toEqual([['a', 2], ['b', 7], ['c', 3], ['d', 8], ['e', null], ['z', null]]);
  });

  it('all of it refolds from its history alone', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(15);
  });
});
