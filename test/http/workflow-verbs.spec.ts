import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('what can be done with a request besides deciding', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let person: (handle: string) => string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    person = (handle) => ids.person(handle);
  });
  afterAll(() => testApp.close());
  const because = { comment: 'because' };

  it('claim and release: nobody else answers it meanwhile, and it leaves their inbox', async () => {
    const request = await flows.filed({ a: flows.step('done', ['lina', 'eko']) });
    expect((await request.handles('lina', 'claim', 'a')).body.openTasks[0].claimedBy).toBe(person('lina'));
    expect([await request.isAsked('lina', 'a'), await request.isAsked('eko', 'a')]).toEqual([true, false]);
    for (const refused of [await request.tries('eko', 'approve', 'a'), await request.tries('eko', 'return', 'a'), await request.handles('eko', 'claim', 'a')]) expect(refused).toBeProblem(409, 'WORKFLOW_CLAIMED');
    expect(await request.handles('eko', 'release', 'a')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await request.handles('joko', 'claim', 'a')).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect((await request.handles('lina', 'release', 'a')).status).toBe(200);
    await request.handles('eko', 'claim', 'a');
    expect((await request.handles('dewi', 'release', 'a')).body.openTasks[0].claimedBy).toBeNull();
    expect((await request.does('lina', 'approve', 'a')).state).toBe('completed');
    const several = await flows.filed({ a: flows.step('done', ['lina', 'eko'], { strategy: 'all' }) });
    expect(await several.handles('lina', 'claim', 'a')).toBeProblem(409, 'WORKFLOW_VERB');
  });

  it('ask for information and answer: the step waits, and says so', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    expect(await request.handles('siti', 'answer', 'a', because)).toBeProblem(409, 'WORKFLOW_VERB');
    expect((await request.handles('lina', 'ask', 'a', { comment: 'Which account?' })).body.openTasks[0].awaitsInformation).toBe(true);
    expect(await request.handles('lina', 'ask', 'a', because)).toBeProblem(409, 'WORKFLOW_VERB');
    expect(await request.handles('lina', 'answer', 'a', because)).toBeProblem(403, 'WORKFLOW_NOT_INITIATOR');
    expect((await request.handles('siti', 'answer', 'a', { comment: 'The second' })).body.openTasks[0].awaitsInformation).toBe(false);
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200)).body as { items: { event: string; data: { comment?: string } }[] };
    expect(items.map(({ event, data }) => `${event} ${data.comment ?? ''}`)).toEqual(['submitted ', 'information_asked Which account?', 'information_given The second']);
    expect((await world.as('lina').post(`/workflow/tasks/${request.taskOf('a')}/ask`, {})).status).toBe(400);
  });

  it('transfer: for good, to somebody who may decide it', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina', { strategy: 'all' }) });
    expect(await request.handles('lina', 'transfer', 'a', { to: person('siti') })).toBeProblem(409, 'WORKFLOW_CANNOT_DECIDE');
    // No right to approve for this request: nothing handed on gives anybody more than they hold.
    expect(await request.handles('lina', 'transfer', 'a', { to: person('fitri') })).toBeProblem(409, 'WORKFLOW_CANNOT_DECIDE');
    expect(await request.handles('lina', 'transfer', 'a', { to: person('lina') })).toBeProblem(409, 'WORKFLOW_ALREADY_ASKED');
    expect(await request.handles('lina', 'transfer', 'a', { to: '0190b5a0-0000-7000-8000-000000000001' })).toBeProblem(409, 'WORKFLOW_CANNOT_DECIDE');
    expect((await request.handles('lina', 'transfer', 'a', { to: person('joko'), comment: 'Yours' })).status).toBe(200);
    expect([await request.isAsked('lina', 'a'), await request.isAsked('joko', 'a')]).toEqual([false, true]);
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    const inbox = (await world.as('joko').get('/me/tasks?limit=200').expect(200)).body.items as { taskId: string; why: string }[];
    expect(inbox.find(({ taskId }) => taskId === request.taskOf('a'))!.why).toMatch(/Lina.*(handed this to you|Dialihkan)|Dialihkan oleh Lina/);
    // An administrator moves it where somebody is stuck with it.
    expect(await request.handles('eko', 'transfer', 'a', { from: person('joko'), to: person('eko') })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await request.handles('fitri', 'transfer', 'a', { from: person('joko'), to: person('eko') })).toBeProblem(404, 'NOT_FOUND');
    expect(await request.handles('dewi', 'transfer', 'a', { from: person('lina'), to: person('eko') })).toBeProblem(409, 'WORKFLOW_NOT_ASKED');
    expect((await request.handles('dewi', 'transfer', 'a', { from: person('joko'), to: person('eko') })).status).toBe(200);
    expect((await request.does('eko', 'approve', 'a')).state).toBe('completed');
    const kept = await flows.filed({ a: flows.step('done', 'lina', { handOver: false, addSigners: false }) });
    for (const [verb, body] of [['transfer', { to: person('joko') }], ['delegate', { to: person('joko') }], ['add-signer', { person: person('joko') }]] as const) expect(await kept.handles('lina', verb, 'a', body)).toBeProblem(409, 'WORKFLOW_VERB');
  });

  it('delegate: whichever of the two decides, decides once, in the place of the one', async () => {
    const request = await flows.filed({ a: flows.step('done', ['lina', 'budi'], { strategy: 'all' }) });
    await request.handles('lina', 'delegate', 'a', { to: person('joko') });
    expect(await request.handles('joko', 'transfer', 'a', { to: person('eko') })).toBeProblem(409, 'WORKFLOW_NOT_YOURS');
    // A circle closes nowhere: each person is asked once.
    expect(await request.handles('joko', 'delegate', 'a', { to: person('lina') })).toBeProblem(409, 'WORKFLOW_ALREADY_ASKED');
    expect((await request.handles('joko', 'delegate', 'a', { to: person('eko') })).status).toBe(200);
    const people = async () => (await world.as('siti').get(`/workflow/instances/${request.id}/people`).expect(200)).body.tasks[0].asked as { name: string; why: string; inThePlaceOf: { id: string } | null; answered: boolean }[];
    expect((await people()).filter(({ inThePlaceOf }) => inThePlaceOf?.id === person('lina'))).toHaveLength(2);
    expect((await people()).map(({ why }) => why).filter((why) => why.startsWith('In the place of Lina'))).toHaveLength(2);
    expect(request.votes('a')).toEqual({ approve: 0, reject: 0, abstain: 0, open: 2 });
    await request.does('eko', 'approve', 'a');
    expect(request.votes('a')).toEqual({ approve: 1, reject: 0, abstain: 0, open: 1 });
    for (const handle of ['lina', 'joko', 'eko']) expect([handle, await request.isAsked(handle, 'a'), (await request.tries(handle, 'approve', 'a')).body.code]).toEqual([handle, false, 'WORKFLOW_ALREADY_DECIDED']);
    const { items } = (await world.as('hendra').get(`/audit/events?targetId=${request.id}&limit=50`).expect(200)).body as { items: { action: string; after: { inSteadOf?: string[] } }[] };
    expect(items.find(({ action }) => action === 'workflow.voted')!.after.inSteadOf).toEqual([person('lina'), person('joko')]);
    // What was lent can be taken back, with all that hangs on it.
    const back = await flows.filed({ a: flows.step('done', 'lina') });
    await back.handles('lina', 'delegate', 'a', { to: person('joko') });
    await back.handles('joko', 'delegate', 'a', { to: person('eko') });
    expect(await back.handles('eko', 'undelegate', 'a', { person: person('joko') })).toBeProblem(409, 'WORKFLOW_NOT_ASKED');
    await back.handles('lina', 'undelegate', 'a', { person: person('joko') });
    for (const handle of ['joko', 'eko']) expect(await back.tries(handle, 'approve', 'a')).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect((await back.does('lina', 'approve', 'a')).state).toBe('completed');
  });

  it('separation of duty holds along every channel', async () => {
    const nodes = { a: flows.step('b', 'lina'), b: flows.step('done', 'eko', { notActorOf: ['a'] }) };
    const request = await flows.filed(nodes);
    await request.does('lina', 'approve', 'a');
    for (const [verb, body] of [['transfer', { to: person('lina') }], ['delegate', { to: person('lina') }], ['add-signer', { person: person('lina') }]] as const) expect([verb, (await request.handles('eko', verb, 'b', body)).body.code]).toEqual([verb, 'WORKFLOW_CANNOT_DECIDE']);
    for (const [verb, body] of [['transfer', { to: person('siti') }], ['delegate', { to: person('siti') }], ['add-signer', { person: person('siti') }]] as const) expect([verb, (await request.handles('eko', verb, 'b', body)).body.code]).toEqual([verb, 'WORKFLOW_CANNOT_DECIDE']);
    expect(await request.handles('dewi', 'transfer', 'b', { from: person('eko'), to: person('lina') })).toBeProblem(409, 'WORKFLOW_CANNOT_DECIDE');
    // Who decided in somebody's place keeps both of them from the other step.
    const placed = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', ['lina', 'joko', 'eko'], { notActorOf: ['a'] }) });
    await placed.handles('lina', 'delegate', 'a', { to: person('joko') });
    await placed.does('joko', 'approve', 'a');
    expect(placed.votes('b')!.open).toBe(1);
    expect([await placed.isAsked('lina', 'b'), await placed.isAsked('joko', 'b'), await placed.isAsked('eko', 'b')]).toEqual([false, false, true]);
    expect(await placed.handles('eko', 'delegate', 'b', { to: person('joko') })).toBeProblem(409, 'WORKFLOW_CANNOT_DECIDE');
    // Nor does sending back and taking that back forget who answered.
    const turned = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'eko', { notActorOf: ['a'], returns: ['a'] }) });
    await turned.does('lina', 'approve', 'a');
    await turned.does('eko', 'return', 'b', { to: 'a' });
    await turned.handles('eko', 'take-back', null);
    expect([turned.waiting, (await turned.handles('eko', 'delegate', 'b', { to: person('lina') })).body.code]).toEqual([['b'], 'WORKFLOW_CANNOT_DECIDE']);
    // What was only sent back, or in an earlier round, keeps nobody apart.
    const again = await flows.filed({ a: flows.step('b', ['lina', 'eko']), b: flows.step('done', 'lina', { notActorOf: ['a'] }) });
    await again.does('eko', 'approve', 'a');
    await again.does('lina', 'return', 'b');
    await again.filer('submit');
    expect((await again.tries('lina', 'approve', 'a')).body.code).toBe('WORKFLOW_NO_CANDIDATE');
    await again.does('eko', 'approve', 'a');
    expect((await again.does('lina', 'approve', 'b')).state).toBe('completed');
  });

  it('differentDepartment: nobody of the department of whoever filed it', async () => {
    // siti and joko work in the same department; budi heads the school above.
    const request = await flows.filed({ a: flows.step('done', ['joko', 'budi'], { differentDepartment: true }) });
    expect([await request.isAsked('joko', 'a'), await request.isAsked('budi', 'a')]).toEqual([false, true]);
    expect(await request.handles('budi', 'delegate', 'a', { to: person('joko') })).toBeProblem(409, 'WORKFLOW_CANNOT_DECIDE');
  });

  it('skipDecided: who has approved an earlier step is not asked again', async () => {
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('c', ['lina', 'eko'], { skipDecided: true, strategy: 'all' }), c: flows.step('done', ['lina', 'budi'], { skipDecided: true }) });
    await request.does('lina', 'approve', 'a');
    expect([request.votes('b'), await request.isAsked('lina', 'b')]).toEqual([{ approve: 1, reject: 0, abstain: 0, open: 1 }, false]);
    expect(await request.tries('lina', 'approve', 'b')).toBeProblem(409, 'WORKFLOW_ALREADY_DECIDED');
    expect((await request.does('eko', 'approve', 'b')).state).toBe('completed');
  });

  it('skipDecided: what was approved before it was sent back past it is to be looked at again', async () => {
    const request = await flows.filed({ a: flows.step('b', ['lina', 'eko'], { skipDecided: true }), b: flows.step('c', 'lina'), c: flows.step('d', 'budi', { returns: ['a'] }), d: flows.step('done', ['lina', 'joko'], { skipDecided: true, strategy: 'all' }) });
    await request.does('eko', 'approve', 'a');
    await request.does('lina', 'approve', 'b');
    await request.does('budi', 'return', 'c', { to: 'a' });
    // Neither is the step gone past by what lina said of a later one, nor does that count for the one after.
    expect([request.waiting, request.votes('a')]).toEqual([['a'], { approve: 0, reject: 0, abstain: 0, open: 2 }]);
    await request.does('eko', 'approve', 'a');
    await request.does('lina', 'approve', 'b');
    await request.does('budi', 'approve', 'c');
    expect(request.votes('d')).toEqual({ approve: 1, reject: 0, abstain: 0, open: 1 });
  });

  it('add and remove signers, in the order they are to decide', async () => {
    const request = await flows.filed({ a: flows.step('done', ['lina', 'eko'], { strategy: 'sequential' }) });
    expect((await request.handles('lina', 'add-signer', 'a', { person: person('joko'), place: 'next' })).status).toBe(200);
    expect((await request.handles('lina', 'add-signer', 'a', { person: person('budi') })).status).toBe(200);
    expect(await request.handles('lina', 'add-signer', 'a', { person: person('joko') })).toBeProblem(409, 'WORKFLOW_ALREADY_ASKED');
    // Nobody gives more weight than they have.
    expect(await request.handles('lina', 'add-signer', 'a', { person: person('agus'), weight: 100 })).toBeProblem(400, 'REQUEST_INVALID');
    await request.does('lina', 'approve', 'a');
    expect(await request.tries('eko', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TURN');
    expect(await request.handles('eko', 'remove-signer', 'a', { person: person('budi') })).toBeProblem(403, 'PERMISSION_DENIED');
    expect((await request.handles('lina', 'remove-signer', 'a', { person: person('joko') })).status).toBe(200);
    expect(await request.handles('lina', 'remove-signer', 'a', { person: person('joko') })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await request.handles('dewi', 'remove-signer', 'a', { person: person('joko') })).toBeProblem(409, 'WORKFLOW_NOT_ASKED');
    expect(await request.handles('dewi', 'remove-signer', 'a', { person: person('lina') })).toBeProblem(409, 'WORKFLOW_ALREADY_DECIDED');
    await request.does('eko', 'approve', 'a');
    expect((await request.does('budi', 'approve', 'a')).state).toBe('completed');
    const alone = await flows.filed({ a: flows.step('done', 'lina') });
    expect(await alone.handles('dewi', 'remove-signer', 'a', { person: person('lina') })).toBeProblem(409, 'WORKFLOW_LAST_SIGNER');
  });

  it('take back: the last answer, by who gave it, not too late, and not what has begun elsewhere', async () => {
    const request = await flows.filed({ a: flows.step('b', ['lina', 'eko'], { strategy: 'all' }), b: flows.step('done', 'joko') });
    await request.does('lina', 'approve', 'a');
    expect((await request.handles('lina', 'take-back', null)).body.openTasks[0].votes).toEqual({ approve: 0, reject: 0, abstain: 0, open: 2 });
    expect(await request.isAsked('lina', 'a')).toBe(true);
    expect(await request.handles('lina', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
    await request.does('lina', 'approve', 'a');
    expect(await request.handles('joko', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
    await request.does('eko', 'approve', 'a');
    expect(await request.handles('lina', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
    expect((await request.handles('eko', 'take-back', null)).status).toBe(200);
    expect([request.waiting, request.votes('a')]).toEqual([['a'], { approve: 1, reject: 0, abstain: 0, open: 1 }]);
    await request.does('eko', 'reject', 'a');
    expect(request.state).toBe('rejected');
    await request.handles('eko', 'take-back', null, { comment: 'Wrong one' });
    expect(request.state).toBe('running');
    await request.does('eko', 'approve', 'a');
    expect((await request.does('joko', 'approve', 'b')).state).toBe('completed');
    expect(await request.handles('joko', 'take-back', null)).toBeProblem(409, 'WORKFLOW_STATE');
    const never = await flows.filed({ a: flows.step('b', 'lina', { takeBackMinutes: 0 }), b: flows.step('done', 'joko') });
    await never.does('lina', 'approve', 'a');
    expect(await never.handles('lina', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
    const begun = await flows.filed({ a: flows.step('s', 'lina'), s: { type: 'service', title: { en: 'Pay', id: 'Bayar' }, to: 'done' } });
    await begun.does('lina', 'approve', 'a');
    expect(await begun.handles('lina', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
    expect(await world.as('fitri').post(`/workflow/instances/${begun.id}/take-back`, {})).toBeProblem(404, 'NOT_FOUND');
  });

  it('suspend, resume, skip and cancel: by who administers requests, with a reason', async () => {
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'eko') });
    expect(await request.handles('lina', 'suspend', null, because)).toBeProblem(403, 'PERMISSION_DENIED');
    expect((await world.as('dewi').post(`/workflow/instances/${request.id}/suspend`, {})).status).toBe(400);
    await request.handles('dewi', 'suspend', null, because);
    expect([request.state, await request.isAsked('lina', 'a')]).toEqual(['suspended', false]);
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_STATE');
    expect(await request.filer('withdraw')).toBeProblem(409, 'WORKFLOW_STATE');
    await request.handles('dewi', 'resume', null, because);
    expect(await request.handles('lina', 'skip', 'a', because)).toBeProblem(403, 'PERMISSION_DENIED');
    // Nobody gets what they filed past a step by administering it, nor chooses who decides it.
    const own = await flows.filed({ a: flows.step('done', 'lina', { strategy: 'all' }) }, {}, 'dewi');
    for (const [verb, body] of [['skip', because], ['transfer', { from: person('lina'), to: person('eko') }], ['add-signer', { person: person('eko') }], ['remove-signer', { person: person('lina') }]] as const) expect([verb, (await own.handles('dewi', verb, 'a', body)).body.code]).toEqual([verb, 'WORKFLOW_OWN_STEP']);
    await request.handles('dewi', 'skip', 'a', because);
    expect(request.waiting).toEqual(['b']);
    await request.handles('dewi', 'cancel', null, because);
    expect(request.state).toBe('cancelled');
    expect(await request.tries('eko', 'approve', 'b')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    expect(await request.filer('submit')).toBeProblem(409, 'WORKFLOW_STATE');
  });

  it('comments and copies: by who has to do with it', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    const path = `/workflow/instances/${request.id}`;
    await world.as('siti').post(`${path}/comments`, { body: 'Receipts follow' }).expect(201);
    expect(await world.as('fitri').post(`${path}/comments`, { body: 'x' })).toBeProblem(404, 'NOT_FOUND');
    // The auditor sees everything, and says nothing.
    expect(await world.as('hendra').post(`${path}/comments`, { body: 'x' })).toBeProblem(403, 'WORKFLOW_NO_PART');
    await world.as('lina').post(`${path}/watchers`, { person: person('fitri') }).expect(201);
    await world.as('lina').post(`${path}/watchers`, { person: person('fitri') }).expect(201);
    await world.as('fitri').post(`${path}/comments`, { body: 'Noted' }).expect(201);
    const first = (await world.as('hendra').get(`${path}/comments?limit=1`).expect(200)).body as { items: { body: string }[]; nextCursor: string };
    const rest = (await world.as('hendra').get(`${path}/comments?cursor=${first.nextCursor}`).expect(200)).body as { items: { body: string; by: string }[] };
    expect([...first.items, ...rest.items].map(({ body }) => body)).toEqual(['Receipts follow', 'Noted']);
    expect(rest.items[0]!.by).toBe(`person:${person('fitri')}`);
    expect((await world.as('siti').get(`${path}/people`).expect(200)).body.watchers).toMatchObject([{ id: person('fitri'), addedBy: `person:${person('lina')}` }]);
    expect(await world.as('siti').delete(`${path}/watchers/${person('fitri')}`)).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('fitri').delete(`${path}/watchers/${person('fitri')}`).expect(204);
    expect(await world.as('fitri').get(path)).toBeProblem(404, 'NOT_FOUND');
    expect(await world.as('lina').post(`${path}/watchers`, { person: '0190b5a0-0000-7000-8000-000000000001' })).toBeProblem(404, 'NOT_FOUND');
  });

  it('a release that knows less leaves alone what a definition asks for more: 503, and nothing written', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    await connected(testApp.database.adminUrl, (client) => client.query(`ALTER TABLE workflow_definition DISABLE TRIGGER workflow_definition_immutable; ALTER TABLE workflow_definition DISABLE TRIGGER z_audited; UPDATE workflow_definition SET engine = 9999 WHERE id = (SELECT definition_id FROM workflow_instance WHERE id = '${request.id}'); ALTER TABLE workflow_definition ENABLE TRIGGER workflow_definition_immutable; ALTER TABLE workflow_definition ENABLE TRIGGER z_audited`));
    expect((await request.tries('lina', 'approve', 'a')).status).toBe(503);
    expect(request.waiting).toEqual(['a']);
  });

  it('all of it refolds from its history alone', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(15);
  });

  it('a task is done by one of those asked, whatever else they may; it is not decided', async () => {
    const ids = await world.ids();
    const title = { en: 'Repair', id: 'Perbaikan' };
    const nodes = { a: flows.step('t', 'lina'), t: { type: 'task' as const, title, candidates: [{ together: [{ person: ids.person('siti') }, { person: ids.person('wayan') }] }], notActorOf: ['a'], form: { type: 'object', required: ['parts'], properties: { parts: { type: 'integer' } } }, as: 'repair', to: 'done' } };
    const request = await flows.filed(nodes, {}, 'joko');
    await request.does('lina', 'approve', 'a');
    // Neither holds workflow:approve.
    expect([await request.isAsked('siti', 't'), await request.isAsked('wayan', 't')]).toEqual([true, true]);
    expect(await request.tries('siti', 'approve', 't')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await request.tries('putu', 'complete', 't', { form: { parts: 1 } })).toBeProblem(404, 'NOT_FOUND');
    expect(await request.tries('eko', 'complete', 't', { form: { parts: 1 } })).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect(await request.tries('ratna', 'complete', 't', { form: { parts: 1 } })).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect((await request.handles('wayan', 'claim', 't')).status).toBe(200);
    expect(await request.tries('siti', 'complete', 't', { form: { parts: 2 } })).toBeProblem(409, 'WORKFLOW_CLAIMED');
    expect(await request.tries('wayan', 'complete', 't', { form: {} })).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    await request.does('wayan', 'complete', 't', { form: { parts: 3 } });
    expect([request.state, request.variables]).toEqual(['completed', { repair: { parts: 3 } }]);
    // Nobody does what they have filed themselves.
    const own = await flows.filed({ t: { ...nodes.t, notActorOf: undefined, to: 'a' }, a: flows.step('done', 'lina') }, {}, 'wayan');
    expect([await own.isAsked('siti', 't'), await own.isAsked('wayan', 't')]).toEqual([true, false]);
    await own.handles('siti', 'transfer', 't', { to: ids.person('fitri') });
    await own.does('fitri', 'complete', 't', { form: { parts: 0 } });
    expect((await own.handles('fitri', 'take-back', null)).status).toBe(200);
    expect(own.waiting).toEqual(['t']);
  });
});
