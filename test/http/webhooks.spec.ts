import { DeliveringService } from '../../src/modules/webhooks';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { FakeReceiver } from '../support/fake-receiver';
import { Flows, type Running } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('webhooks', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let endpoints = 0;
  const receivers: FakeReceiver[] = [];
  beforeAll(async () => {
    testApp = await startApp({ OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8' });
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(async () => {
    await Promise.all(receivers.map((each) => each.stop()));
    await testApp.close();
  });

  const title = { en: 'Carries it out', id: 'Melaksanakan' };
  const sql = <T extends object>(text: string, values: unknown[] = []) => connected(testApp.database.adminUrl, async (client) => (await client.query<T>(text, values)).rows);
  const delivers = () => testApp.app.get(DeliveringService).deliverDue();
  /** Until nothing is due any more. */
  const settles = async () => {
    while ((await delivers()) > 0);
  };
  /** So much time goes by for what is to be delivered. */
  const passes = (interval: string) => sql(`UPDATE webhook_delivery SET try_at = try_at - $1::interval WHERE ended_at IS NULL`, [interval]);
  const anEndpoint = async (events: string[] = []) => {
    const receiver = await new FakeReceiver().start();
    receivers.push(receiver);
    const name = `system-${(endpoints += 1)}`;
    const { body } = await world.as('dewi').post('/webhook-endpoints', { name, url: receiver.url, events }).expect(201);
    receiver.secret = (body as { secret: string }).secret;
    return { receiver, name, id: (body as { id: string }).id };
  };
  const carriedOut = (endpoint: string, more: object = {}) => ({ type: 'service' as const, title, call: { endpoint }, to: 'done', ...more });
  const stands = async ({ id }: Running) => {
    const { body } = await world.as('dewi').get(`/workflow/instances/${id}`).expect(200);
    return [body.state as string, (body.openTasks as { node: string }[]).map(({ node }) => node).sort(), body.variables as object] as const;
  };
  const incidentsOf = async ({ id }: Running) => ((await world.as('dewi').get('/workflow/incidents?limit=200').expect(200)).body.items as { id: string; kind: string; instanceId: string; problem: string }[]).filter(({ instanceId }) => instanceId === id);

  it('a system is asked to carry out a step, and what it answers is what is filled in', async () => {
    const { receiver, name } = await anEndpoint();
    const form = { type: 'object', required: ['reference'], properties: { reference: { type: 'string' } } };
    receiver.answers.push({ status: 200, body: { reference: 'TRX-1' } });
    const request = await flows.filed({ s: carriedOut(name, { form, as: 'booking', to: 'a' }), a: flows.step('done', 'lina') }, { way: 'north' });
    expect(receiver.received).toEqual([]);
    await settles();
    expect(receiver.received).toEqual([expect.objectContaining({ type: 'step.called', verified: true, signatures: 1, data: expect.objectContaining({ task: { id: request.taskOf('s'), node: 's', title }, request: expect.objectContaining({ id: request.id, form: { way: 'north' } }) as object }) as object })]);
    expect(await stands(request)).toEqual(['running', ['a'], { booking: { reference: 'TRX-1' } }]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200)).body as { items: { event: string; actor: string }[] };
    expect(items.at(-1)).toMatchObject({ event: 'step_completed', actor: 'system:webhook' });
  });

  it('one that does it by itself reports it later', async () => {
    const { receiver, name } = await anEndpoint();
    const request = await flows.filed({ s: carriedOut(name, { call: { endpoint: name, waits: true } }) });
    await settles();
    expect([receiver.received.length, (await stands(request))[1]]).toEqual([1, ['s']]);
    await request.does('ratna', 'complete', 's');
    expect(request.state).toBe('completed');
  });

  it('what fails is tried again, later and later; the same one each time', async () => {
    const { receiver, name } = await anEndpoint();
    receiver.answers.push({ status: 500 }, { status: 503, headers: { 'retry-after': '900' } });
    const request = await flows.filed({ s: carriedOut(name) });
    await settles();
    await passes('4 seconds');
    expect([await delivers(), receiver.received.length]).toEqual([0, 1]);
    await passes('2 seconds');
    expect([await delivers(), receiver.received.length]).toEqual([1, 2]);
    await passes('800 seconds');
    expect(await delivers()).toBe(0);
    await passes('200 seconds');
    await settles();
    expect([new Set(receiver.received.map(({ id }) => id)).size, receiver.received.every(({ verified }) => verified), (await stands(request))[0]]).toEqual([1, true, 'completed']);
  });

  it('one that never answers is given up; the definition says what then, or it is an incident and can be asked again', async () => {
    const { receiver, name } = await anEndpoint();
    const [handled, plain] = [await flows.filed({ s: carriedOut(name, { boundary: [{ error: 'unreachable', to: 'a' }] }), a: flows.step('done', 'lina') }), await flows.filed({ s: carriedOut(name) })];
    for (let tries = 0; tries < 10; tries += 1) {
      receiver.answers.push({ status: 500 }, { status: 500 });
      await settles();
      await passes('2 days');
    }
    await settles();
    expect([receiver.received.length, (await stands(handled))[1], (await stands(plain))[1]]).toEqual([20, ['a'], ['s']]);
    const [incident] = await incidentsOf(plain);
    expect([await incidentsOf(handled), incident]).toEqual([[], expect.objectContaining({ kind: 'failure', problem: 'unreachable: answered 500' })]);
    expect((await world.as('dewi').get('/webhook-deliveries?state=dead').expect(200)).body.items).toHaveLength(2);
    const [given] = (await world.as('dewi').get('/webhook-deliveries?state=dead').expect(200)).body.items as { id: string }[];
    expect(await world.as('dewi').post(`/webhook-deliveries/${given!.id}/retry`)).toBeProblem(409, 'WEBHOOK_STEP');
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    await settles();
    expect([receiver.received.length, (await stands(plain))[0]]).toEqual([21, 'completed']);
  });

  it('a refusal in words is not tried again: it leads where the definition says', async () => {
    const { receiver, name } = await anEndpoint();
    receiver.answers.push({ status: 422, body: { code: 'account-closed', detail: 'The account was closed in May' } });
    const nodes = { s: carriedOut(name, { boundary: [{ error: 'account-closed', to: 'a' }] }), a: flows.step('done', 'lina') };
    const request = await flows.filed(nodes);
    await settles();
    expect([receiver.received.length, (await stands(request))[1]]).toEqual([1, ['a']]);
    receiver.answers.push({ status: 409, body: { code: 'other', detail: 'No' } });
    const other = await flows.filed(nodes);
    await settles();
    expect([(await stands(other))[1], await incidentsOf(other)]).toMatchObject([['s'], [{ problem: 'other: No' }]]);
  });

  it('an answer that is not what the step asks for, or that leads where nobody can decide, is an incident', async () => {
    const { receiver, name } = await anEndpoint();
    const form = { type: 'object', required: ['reference'], properties: { reference: { type: 'string' } } };
    receiver.answers.push({ status: 200, body: { reference: 1 } }, { status: 200, body: { reference: 'TRX' } });
    const request = await flows.filed({ s: carriedOut(name, { form, as: 'booking' }) });
    await settles();
    const [incident] = await incidentsOf(request);
    expect(incident!.problem).toBe('answer-invalid: #/form/reference must be string');
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    await settles();
    expect((await stands(request))[0]).toBe('completed');
    const stuck = await flows.filed({ s: carriedOut(name, { to: 'n' }), n: flows.step('done', 'lina', { candidates: [{ role: 'nobody-holds-it', within: 'foundation' }] }) });
    await settles();
    expect([(await stands(stuck))[1], await incidentsOf(stuck)]).toMatchObject([['s'], [{ problem: expect.stringContaining('WORKFLOW_NO_CANDIDATE') as string }]]);
    // What follows is tried again; the system is not asked again.
    const asked = receiver.received.length;
    await passes('1 minute');
    await settles();
    expect(receiver.received.length).toBe(asked);
  });

  it('what was carried out is undone by those who did it, the last first, each once', async () => {
    const { receiver, name } = await anEndpoint();
    const undo = { type: 'undo' as const, title, call: { endpoint: name } };
    const nodes = {
      a: carriedOut(name, { to: 'b', compensation: 'undo-a' }), b: carriedOut(name, { to: 'p', compensation: 'undo-b' }), p: { type: 'service' as const, title, to: 'd', compensation: 'undo-p' },
      d: flows.step('done', 'lina', { onReject: 'c' }), c: { type: 'compensate' as const, title, to: 'after' }, after: flows.step('done', 'eko'), 'undo-a': undo, 'undo-b': undo, 'undo-p': { type: 'undo' as const, title },
    };
    const request = await flows.filed(nodes);
    await settles();
    const { body } = await world.as('dewi').get(`/workflow/instances/${request.id}`).expect(200);
    await world.as('ratna').post(`/workflow/tasks/${body.openTasks[0].id}/complete`, {}).expect(200);
    const decide = (await world.as('dewi').get(`/workflow/instances/${request.id}`).expect(200)).body.openTasks[0].id as string;
    await world.as('lina').post(`/workflow/tasks/${decide}/reject`, { comment: 'No' }).expect(200);
    await settles();
    expect([receiver.received.length, (await stands(request))[1]]).toEqual([2, ['undo-p']]);
    const own = (await world.as('dewi').get(`/workflow/instances/${request.id}`).expect(200)).body.openTasks[0].id as string;
    expect(await world.as('lina').post(`/workflow/tasks/${own}/complete`, {})).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('ratna').post(`/workflow/tasks/${own}/approve`, {})).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('ratna').post(`/workflow/tasks/${own}/complete`, {}).expect(200);
    await settles();
    expect([receiver.received.map(({ data }) => (data.task as { node: string }).node), (await stands(request))[1]]).toEqual([['a', 'b', 'undo-b', 'undo-a'], ['after']]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/timeline`).expect(200)).body as { items: { event: string }[] };
    expect(items.map(({ event }) => event).slice(-4)).toEqual(['rejected', 'compensated', 'compensated', 'compensated']);
  });

  it('nobody is asked for a step that is over by then, and an answer that comes too late changes nothing', async () => {
    const { receiver, name } = await anEndpoint();
    const over = await flows.filed({ s: carriedOut(name) });
    await over.filer('withdraw');
    await settles();
    expect(receiver.received).toEqual([]);
    const late = await flows.filed({ s: carriedOut(name) });
    receiver.answers.push({ status: 200, afterMs: 300 });
    const under = settles();
    while (receiver.received.length === 0) await new Promise((done) => setTimeout(done, 10));
    await late.filer('withdraw');
    await under;
    expect([late.state, (await stands(late))[0], await incidentsOf(late)]).toEqual(['withdrawn', 'withdrawn', []]);
  });

  it('a step that is over by the time it would be asked for again is not; one that is halted is when it goes on', async () => {
    const { receiver, name } = await anEndpoint();
    receiver.answers.push({ status: 500, afterMs: 200 });
    const over = await flows.filed({ s: carriedOut(name) });
    const under = settles();
    while (receiver.received.length === 0) await new Promise((done) => setTimeout(done, 10));
    await over.filer('withdraw');
    await under;
    await passes('1 minute');
    await settles();
    expect([receiver.received.length, over.state]).toEqual([1, 'withdrawn']);
    const halted = await flows.filed({ s: carriedOut(name) });
    await halted.handles('dewi', 'suspend', null, { comment: 'Wait' });
    await settles();
    expect(receiver.received.length).toBe(1);
    await halted.handles('dewi', 'resume', null, { comment: 'On' });
    await passes('1 minute');
    await settles();
    expect([receiver.received.length, (await stands(halted))[0]]).toEqual([2, 'completed']);
  });

  it('an answer the database cannot keep is none', async () => {
    const { receiver, name } = await anEndpoint();
    receiver.answers.push({ status: 200, body: { reference: 'a\u0000b' } });
    const form = { type: 'object', required: ['reference'], properties: { reference: { type: 'string' } } };
    const request = await flows.filed({ s: carriedOut(name, { form, as: 'booking' }) });
    await settles();
    expect([receiver.received.length, (await incidentsOf(request))[0]!.problem]).toEqual([1, expect.stringContaining('answer-invalid')]);
  });

  it('steps that wait for an endpoint that is deleted are told; one of the same name is asked then', async () => {
    const { id, name, receiver } = await anEndpoint();
    await world.as('dewi').patch(`/webhook-endpoints/${id}`, { enabled: false, version: 1 }).expect(200);
    const request = await flows.filed({ s: carriedOut(name) });
    await world.as('dewi').delete(`/webhook-endpoints/${id}`).expect(204);
    await settles();
    const [incident] = await incidentsOf(request);
    expect(incident!.problem).toBe('unreachable: the endpoint has been deleted');
    await world.as('dewi').post('/webhook-endpoints', { name, url: receiver.url }).expect(201);
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    await settles();
    expect((await stands(request))[0]).toBe('completed');
  });

  it('of one request nothing is told before what came before; others do not wait', async () => {
    const { receiver } = await anEndpoint(['step.asked', 'request.completed']);
    receiver.answers.push({ status: 500 });
    const nodes = { a: flows.step('b', 'lina'), b: flows.step('done', 'eko') };
    const first = await flows.filed(nodes);
    await settles();
    await first.does('lina', 'approve', 'a');
    await first.does('eko', 'approve', 'b');
    const second = await flows.filed(nodes);
    await settles();
    const told = (request: Running) => receiver.received.filter(({ data }) => data.requestId === request.id).map(({ type, data }) => `${type} ${String((data.step as { en?: string } | undefined)?.en ?? '')}`.trim());
    expect([told(first), told(second)]).toEqual([['step.asked A step'], ['step.asked A step']]);
    await passes('1 minute');
    await settles();
    expect(told(first)).toEqual(['step.asked A step', 'step.asked A step', 'step.asked A step', 'request.completed']);
    const ids = await world.ids();
    const last = receiver.received.findLast(({ data }) => data.requestId === first.id)!;
    expect(last.data).toMatchObject({ people: [ids.person('siti')], definition: { en: 'Drawn' } });
    expect(JSON.stringify(last.data)).not.toContain('Siti');
  });

  it('is sent once however many workers there are; a slow system leaves others room', async () => {
    const [slow, quick] = [await anEndpoint(), await anEndpoint()];
    slow.receiver.answers.push(...Array.from({ length: 4 }, () => ({ status: 200, afterMs: 150 })));
    const requests = await Promise.all([...Array.from({ length: 4 }, () => flows.filed({ s: carriedOut(slow.name) })), ...Array.from({ length: 12 }, () => flows.filed({ s: carriedOut(quick.name) }))]);
    await Promise.all([settles(), settles(), settles()]);
    await settles();
    expect([slow.receiver.received.length, quick.receiver.received.length, slow.receiver.most]).toEqual([4, 12, 2]);
    for (const request of requests) expect((await stands(request))[0]).toBe('completed');
  });

  it('is administered by whoever publishes definitions; the secret is shown once and renewed without a gap', async () => {
    const { receiver, id, name } = await anEndpoint();
    for (const handle of ['lina', 'siti'] as const) {
      expect(await world.as(handle).get('/webhook-endpoints')).toBeProblem(403, 'PERMISSION_DENIED');
      expect(await world.as(handle).get('/webhook-deliveries')).toBeProblem(403, 'PERMISSION_DENIED');
    }
    const other = await aFoundation(testApp);
    expect(await other.as('dewi').get(`/webhook-endpoints/${id}`)).toBeProblem(404, 'NOT_FOUND');
    const dewi = world.as('dewi');
    expect(await dewi.post('/webhook-endpoints', { name, url: receiver.url })).toBeProblem(409, 'CODE_TAKEN');
    expect((await dewi.post('/webhook-endpoints', { name: 'x', url: receiver.url, events: ['step.asked', 'nothing'] })).body).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ pointer: '#/events/1' }] });
    expect(await dewi.post('/webhook-endpoints', { name: 'x', url: 'ftp://example.org' })).toBeProblem(400, 'REQUEST_INVALID');
    expect((await dewi.get(`/webhook-endpoints/${id}`).expect(200)).body.secret).toBeUndefined();
    expect(await sql(`SELECT 1 FROM webhook_endpoint WHERE position($1::bytea in secret) > 0 OR encode(secret, 'escape') LIKE '%' || $2 || '%'`, [Buffer.from(receiver.secret.slice(6), 'base64'), receiver.secret.slice(6)])).toEqual([]);
    const pings = async () => {
      await dewi.post(`/webhook-endpoints/${id}/ping`).expect(201);
      await settles();
      return receiver.received.at(-1)!;
    };
    expect(await pings()).toMatchObject({ type: 'ping', verified: true, signatures: 1 });
    const { body } = await dewi.post(`/webhook-endpoints/${id}/secret`).expect(201);
    expect(await pings()).toMatchObject({ verified: true, signatures: 2 });
    receiver.secret = (body as { secret: string }).secret;
    expect(await pings()).toMatchObject({ verified: true, signatures: 2 });
    await sql(`UPDATE webhook_endpoint SET former_until = now() - interval '1 second' WHERE id = $1`, [id]).catch(() => undefined);
    // What is switched off is told when it is on again; what is gone never is.
    const { version } = (await dewi.patch(`/webhook-endpoints/${id}`, { enabled: false, version: 2 }).expect(200)).body as { version: number };
    const before = receiver.received.length;
    await dewi.post(`/webhook-endpoints/${id}/ping`).expect(201);
    await settles();
    expect(receiver.received.length).toBe(before);
    await dewi.patch(`/webhook-endpoints/${id}`, { enabled: true, version }).expect(200);
    await settles();
    expect(receiver.received.length).toBe(before + 1);
    await dewi.patch(`/webhook-endpoints/${id}`, { enabled: false, version: version + 1 }).expect(200);
    await dewi.post(`/webhook-endpoints/${id}/ping`).expect(201);
    await dewi.delete(`/webhook-endpoints/${id}`).expect(204);
    await settles();
    expect([receiver.received.length, (await dewi.get(`/webhook-deliveries?endpointId=${id}`).expect(200)).body.items[0].state]).toEqual([before + 1, 'void']);
  });

  it('a definition that asks a system there is none of is refused, or published anyway and an incident', async () => {
    const document = flows.document({ s: carriedOut('not-there') });
    expect((await world.as('dewi').post('/workflow/definitions', { document })).body).toMatchObject({ code: 'WORKFLOW_DEFINITION_INVALID', errors: [{ pointer: '#/nodes/s/call/endpoint', code: 'unknown_endpoint' }] });
    const request = await flows.filed({ s: carriedOut('not-there') });
    const [incident] = await incidentsOf(request);
    expect(incident!.problem).toBe('no-endpoint: there is no endpoint not-there');
    const receiver = await new FakeReceiver().start();
    receivers.push(receiver);
    await world.as('dewi').post('/webhook-endpoints', { name: 'not-there', url: receiver.url }).expect(201);
    await world.as('dewi').post(`/workflow/incidents/${incident!.id}/retry`).expect(200);
    await settles();
    expect((await stands(request))[0]).toBe('completed');
  });

  it('reaches no address it must not, and says so', async () => {
    await world.as('dewi').post('/webhook-endpoints', { name: 'inside', url: 'http://10.0.0.1/told' }).expect(201);
    await flows.filed({ s: carriedOut('inside') });
    await settles();
    expect((await world.as('dewi').get('/webhook-deliveries?state=pending').expect(200)).body.items[0]).toMatchObject({ attempts: 1, problem: expect.stringContaining('10.0.0.1') as string });
  });

  it('leaves a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(15);
  });
});
