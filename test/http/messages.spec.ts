import { MessagesService } from '../../src/modules/workflow';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows, type Running } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('messages', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());

  const title = { en: 'Waits', id: 'Menunggu' };
  const paid = (to: string, more: object = {}) => ({ type: 'message' as const, title, message: { name: 'payment.booked' }, to, ...more });
  const sql = <T extends object>(text: string, values: unknown[] = []) => connected(testApp.database.adminUrl, async (client) => (await client.query<T>(text, values)).rows);
  /** The payment office tells something. */
  const sends = (key: string, more: object = {}, by: 'ratna' | 'siti' | 'lina' = 'ratna') => world.as(by).post('/workflow/messages', { name: 'payment.booked', key, ...more });
  const delivers = () => testApp.app.get(MessagesService).deliverDue();
  const seen = async ({ id }: Pick<Running, 'id'>) => {
    const { body } = await world.as('dewi').get(`/workflow/instances/${id}`).expect(200);
    return [body.state as string, (body.openTasks as { node: string }[]).map(({ node }) => node).sort(), body.variables as object] as const;
  };
  const incidentsOf = async ({ id }: Running) => ((await world.as('dewi').get('/workflow/incidents?limit=200').expect(200)).body.items as { id: string; kind: string; instanceId: string; problem: string; nextTryAt: string | null }[]).filter(({ instanceId }) => instanceId === id);

  it('a step goes on with the message it waits for, and not with another', async () => {
    const form = { type: 'object', required: ['reference'], properties: { reference: { type: 'string' } } };
    const request = await flows.filed({ m: paid('a', { form, as: 'booking' }), a: flows.step('done', 'lina') });
    expect((await sends(request.id, { name: 'payment.refused' }).expect(201)).body).toMatchObject({ state: 'waiting', delivered: null });
    expect((await sends('somebody else’s').expect(201)).body).toMatchObject({ state: 'waiting' });
    expect((await sends(request.id, { payload: { reference: 4711 } })).body).toMatchObject({ code: 'WORKFLOW_FORM_INVALID', errors: [{ pointer: '#/payload/reference' }] });
    expect(await seen(request)).toEqual(['running', ['m'], {}]);
    const { body } = await sends(request.id, { payload: { reference: 'TRX-1' } }).expect(201);
    expect(body).toMatchObject({ state: 'delivered', delivered: { instanceId: request.id, node: 'm' }, problem: null });
    expect(await seen(request)).toEqual(['running', ['a'], { booking: { reference: 'TRX-1' } }]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200)).body as { items: { event: string; actor: string; data: { message?: { id: string; sentBy: string } } }[] };
    expect(items.at(-1)).toMatchObject({ event: 'message_received', actor: 'system:message', data: { message: { id: body.id, sentBy: expect.stringMatching(/^person:/) as string } } });
  });

  it('one that comes too early waits, by what the definition says it is about, and one request gets it', async () => {
    const nodes = { a: flows.step('m', 'lina'), m: paid('done', { message: { name: 'payment.booked', correlation: '"invoice " + way' } }) };
    const early = await sends('invoice 12').expect(201);
    const [first, second] = [await flows.filed(nodes, { way: '12' }), await flows.filed(nodes, { way: '12' })];
    await first.does('lina', 'approve', 'a');
    await second.does('lina', 'approve', 'a');
    expect([await delivers(), await delivers()]).toEqual([1, 0]);
    expect([(await seen(first))[0], (await seen(second))[0]]).toEqual(['completed', 'running']);
    expect((await world.as('dewi').get('/workflow/messages?waiting=false&limit=200').expect(200)).body.items.find(({ id }: { id: string }) => id === early.body.id)).toMatchObject({ state: 'delivered', delivered: { instanceId: first.id } });
    await sends('invoice 12').expect(201);
    expect((await seen(second))[0]).toBe('completed');
    // Not to be kept, and nobody waits for it.
    expect(await sends('invoice 12', { waitMinutes: 0 })).toBeProblem(409, 'WORKFLOW_MESSAGE_UNEXPECTED');
  });

  it('sent twice under one name of its sender’s it is one message', async () => {
    const nodes = { m: paid('n'), n: paid('done') };
    const request = await flows.filed(nodes);
    const said = { messageId: `booking ${request.id}`, payload: { amount: 1 } };
    const [one, again] = [await sends(request.id, said).expect(201), await sends(request.id, said).expect(201)];
    expect([again.body.id, (await seen(request))[1]]).toEqual([one.body.id, ['n']]);
    expect(await sends(request.id, { ...said, payload: { amount: 2 } })).toBeProblem(409, 'WORKFLOW_MESSAGE_REUSED');
    const both = await Promise.all(Array.from({ length: 6 }, () => sends(request.id, { messageId: `second ${request.id}` })));
    expect(new Set(both.map(({ status, body }) => `${status} ${String(body.id)}`)).size).toBe(1);
    expect((await seen(request))[0]).toBe('completed');
  });

  it('of many at once each gets to one step, none twice', async () => {
    const requests = await Promise.all(Array.from({ length: 6 }, () => flows.filed({ m: paid('n', { message: { name: 'many', correlation: '"all"' } }), n: paid('done', { message: { name: 'many', correlation: '"all"' } }) })));
    const answers = await Promise.all(Array.from({ length: 12 }, () => sends('all', { name: 'many' })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    for (let rounds = 0; rounds < 20 && (await sql<object>(`SELECT 1 FROM workflow_message WHERE name = 'many' AND delivered_at IS NULL`)).length > 0; rounds += 1) {
      await sql(`UPDATE workflow_message SET try_at = now() WHERE name = 'many' AND try_at IS NOT NULL AND delivered_at IS NULL`);
      await delivers();
    }
    for (const request of requests) expect((await seen(request))[0]).toBe('completed');
    expect(await sql(`SELECT count(*)::int AS steps, count(DISTINCT task_id)::int AS apart FROM workflow_message WHERE name = 'many'`)).toEqual([{ steps: 12, apart: 12 }]);
  });

  it('what another system carries out, and what is filed by oneself, is told by whoever may', async () => {
    const request = await flows.filed({ m: paid('done') });
    expect(await sends(request.id, {}, 'siti')).toBeProblem(403, 'PERMISSION_DENIED');
    const own = await flows.filed({ m: paid('done') }, {}, 'ratna');
    const { body } = await sends(own.id).expect(201);
    // It says nothing of requests it is not for.
    expect([body.state, body.problem, (await seen(own))[0]]).toEqual(['waiting', expect.stringContaining('may not report'), 'running']);
    expect(await incidentsOf(own)).toMatchObject([{ id: body.id, kind: 'message', problem: expect.stringContaining('may not report') as string }]);
    expect(await world.as('ratna').get('/workflow/messages')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('ratna').delete(`/workflow/messages/${body.id}`)).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('dewi').delete(`/workflow/messages/${body.id}`).expect(204);
    expect(await incidentsOf(own)).toEqual([]);
    const { body: got } = await sends(request.id).expect(201);
    expect(await world.as('dewi').delete(`/workflow/messages/${got.id}`)).toBeProblem(409, 'WORKFLOW_MESSAGE_DELIVERED');
  });

  it('nobody tells what somebody has filed who lends them what they hold', async () => {
    const ids = await world.ids();
    const request = await flows.filed({ m: paid('done') }, {}, 'ratna');
    await world.as('ratna').post('/delegations', { borrowerId: ids.person('eko'), permissions: ['workflow:complete'], validUntil: new Date(Date.now() + 86_400_000).toISOString(), reason: 'Away' }).expect(201);
    const { body } = await world.as('eko').post('/workflow/messages', { name: 'payment.booked', key: request.id }).expect(201);
    expect([body.state, (await seen(request))[0]]).toEqual(['waiting', 'running']);
  });

  it('one that cannot be handed over is an incident until it can', async () => {
    const form = { type: 'object', required: ['reference'], properties: { reference: { type: 'string' } } };
    const nodes = { a: flows.step('m', 'lina'), m: paid('done', { form, as: 'booking' }) };
    const request = await flows.filed(nodes);
    await sends(request.id, { payload: {} }).expect(201);
    await request.does('lina', 'approve', 'a');
    expect(await delivers()).toBe(0);
    const [incident] = await incidentsOf(request);
    expect(incident).toMatchObject({ kind: 'message', problem: expect.stringContaining('WORKFLOW_FORM_INVALID') as string });
    expect(Date.parse(incident!.nextTryAt!)).toBeGreaterThan(Date.now());
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    expect(await delivers()).toBe(0);
    await world.as('dewi').delete(`/workflow/messages/${incident!.id}`).expect(204);
    await sends(request.id, { payload: { reference: 'TRX-2' } }).expect(201);
    expect((await seen(request))[0]).toBe('completed');
  });

  it('nothing comes while a request is suspended; then it does', async () => {
    const request = await flows.filed({ m: paid('done') });
    await request.handles('dewi', 'suspend', null, { comment: 'Wait' });
    expect((await sends(request.id).expect(201)).body.state).toBe('waiting');
    expect(await delivers()).toBe(0);
    await request.handles('dewi', 'resume', null, { comment: 'On' });
    expect([await delivers(), (await seen(request))[0]]).toEqual([1, 'completed']);
  });

  it('a step is over, or something begins beside it, when a message comes', async () => {
    const boundary = [{ message: { name: 'note' }, to: 'noted', interrupting: false }, { message: { name: 'stop' }, to: 'stopped' }];
    const request = await flows.filed({ a: flows.step('done', 'lina', { boundary }), noted: flows.step('done', 'eko'), stopped: flows.step('done', 'budi') });
    expect((await sends(request.id, { name: 'note' }).expect(201)).body.state).toBe('delivered');
    expect((await seen(request))[1]).toEqual(['a', 'noted']);
    expect((await sends(request.id, { name: 'note' }).expect(201)).body.state).toBe('waiting');
    await sends(request.id, { name: 'stop' }).expect(201);
    expect((await seen(request))[1]).toEqual(['noted', 'stopped']);
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
  });

  it('what has failed leads where the definition says, or is an incident', async () => {
    const pay = (boundary?: object[]) => ({ type: 'service' as const, title, to: 'done', ...(boundary ? { boundary: boundary as never } : {}) });
    const fails = (request: Running, code: string, by: 'ratna' | 'lina' = 'ratna') => request.handles(by, 'fail', 'pay', { code, comment: 'The bank says no' });
    const nodes = { pay: pay([{ error: 'account-closed', to: 'ask' }, { error: '*', to: 'look' }]), ask: flows.step('done', 'lina'), look: flows.step('done', 'eko') };
    const [closed, other] = [await flows.filed(nodes), await flows.filed(nodes)];
    expect(await fails(closed, 'account-closed', 'lina')).toBeProblem(403, 'PERMISSION_DENIED');
    await fails(closed, 'account-closed');
    await fails(other, 'limit');
    expect([(await seen(closed))[1], (await seen(other))[1]]).toEqual([['ask'], ['look']]);
    const plain = await flows.filed({ pay: pay() });
    expect((await fails(plain, 'limit')).status).toBe(200);
    await fails(plain, 'limit');
    const [incident] = await incidentsOf(plain);
    expect([(await seen(plain))[1], incident]).toEqual([['pay'], expect.objectContaining({ kind: 'failure', attempts: 2, problem: 'limit: The bank says no', nextTryAt: null })]);
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    expect(await incidentsOf(plain)).toEqual([]);
    await fails(plain, 'limit');
    await plain.does('ratna', 'complete', 'pay');
    expect(await incidentsOf(plain)).toEqual([]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${closed.id}/timeline`).expect(200)).body as { items: { event: string; text: string }[] };
    expect(items.at(-1)).toMatchObject({ event: 'step_failed', text: expect.stringContaining('could not carry out “Waits”') as string });
  });

  it('an answer that leads nowhere is told whoever gave it, and whoever can mend it', async () => {
    const request = await flows.filed({ a: flows.step('n', 'lina'), n: flows.step('done', 'eko', { candidates: [{ role: 'nobody-holds-it', within: 'foundation' }] }) });
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_NO_CANDIDATE');
    const [incident] = await incidentsOf(request);
    expect(incident).toMatchObject({ kind: 'failure', problem: expect.stringContaining('WORKFLOW_NO_CANDIDATE') as string });
    expect((await seen(request))[1]).toEqual(['a']);
    await request.handles('dewi', 'cancel', null, { comment: 'Wrong' });
    expect(await incidentsOf(request)).toEqual([]);
  });

  it('definitions are refused that could not be told anything', async () => {
    const refused = async (nodes: Parameters<Flows['document']>[0]) => {
      const { body } = await world.as('dewi').post('/workflow/definitions/check', { document: flows.document(nodes) }).expect(200);
      return (body.problems as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`);
    };
    expect(await refused({ m: paid('done', { message: { name: 'x', correlation: 'also > way' } }) })).toEqual(['#/nodes/m/message/correlation expression']);
    expect(await refused({ m: paid('done', { message: { name: 'x', correlation: 'nothing' } }) })).toEqual(['#/nodes/m/message/correlation expression']);
    expect(await refused({ a: flows.step('done', 'lina', { boundary: [{ error: 'x', to: 'done' }] }) })).toEqual(['#/nodes/a/boundary/0/error error']);
    expect(await refused({ a: { type: 'service', title, to: 'done', boundary: [{ error: '*', to: 'done' }, { error: '*', to: 'done' }] } })).toEqual(['#/nodes/a/boundary/1/error duplicate']);
    expect(await refused({ m: paid('done', { form: { type: 'object' } }) })).toEqual(['#/nodes/m form']);
    const request = await world.as('siti').post('/workflow/instances', { definition: await publishes({ m: paid('done', { message: { name: 'x', correlation: 'also' } }) }), submit: true, form: {} });
    expect(request).toBeProblem(409, 'WORKFLOW_EXPRESSION');
  });

  it('leaves a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(10);
  });

  const publishes = async (nodes: Parameters<Flows['document']>[0]) => {
    const document = flows.document(nodes);
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    return document.key;
  };
});
