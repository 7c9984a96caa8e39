import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { Flows } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

/**
 * The control-flow patterns of the Workflow Patterns Initiative (Russell, ter Hofstede, van der Aalst, Mulyar: Workflow
 * Control-Flow Patterns, 2006) that definitions can state: each as it goes, and as it is refused or does not go.
 */
describe('workflow control-flow pattern', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());

  const parallel = (...to: string[]) => ({ type: 'parallel' as const, to });
  const merge = (to: string) => ({ type: 'exclusive' as const, branches: [], otherwise: to });
  const branch = (value: string, to: string, field = 'way') => ({ when: { field, equals: value }, to });
  const choice = (otherwise: string, ...branches: ReturnType<typeof branch>[]) => ({ type: 'exclusive' as const, branches, otherwise });
  const several = (otherwise: string, ...branches: ReturnType<typeof branch>[]) => ({ type: 'inclusive' as const, branches, otherwise });
  /** What the gate says of these nodes: the place and the code of each fault. */
  const refused = async (nodes: Parameters<Flows['document']>[0]) => {
    const answer = await world.as('dewi').post('/workflow/definitions', { document: flows.document(nodes) });
    expect(answer).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
    return (answer.body.errors as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`);
  };

  it('1, sequence: one step after the other, and none before its time', async () => {
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'eko') });
    expect(request.waiting).toEqual(['a']);
    expect(await request.isAsked('eko', 'b')).toBe(false);
    expect((await request.does('lina', 'approve', 'a')).waiting).toEqual(['b']);
    expect((await request.does('eko', 'approve', 'b')).state).toBe('completed');
  });

  it('2, parallel split: every branch at once, and no branch twice', async () => {
    const request = await flows.filed({ f: parallel('a', 'b', 'c'), a: flows.step('done', 'lina'), b: flows.step('done', 'eko'), c: flows.step('done', 'joko') });
    expect(request.waiting).toEqual(['a', 'b', 'c']);
    expect(await refused({ f: parallel('a', 'a'), a: flows.step('done', 'lina') })).toEqual(['#/nodes/f/to/1 duplicate']);
  });

  it('3, synchronization: goes on when all branches have come, and not before', async () => {
    const request = await flows.filed({ f: parallel('a', 'b'), a: flows.step('j', 'lina'), b: flows.step('j', 'eko'), j: parallel('c'), c: flows.step('done', 'joko') });
    expect((await request.does('lina', 'approve', 'a')).waiting).toEqual(['b']);
    expect((await request.does('eko', 'approve', 'b')).waiting).toEqual(['c']);
    expect(await refused({ x: choice('a', branch('b', 'b')), a: flows.step('j', 'lina'), b: flows.step('j', 'eko'), j: parallel('done') })).toEqual(['#/nodes/j stuck']);
  });

  it('4, exclusive choice: the one branch that holds, and never two', async () => {
    const nodes = { x: choice('a', branch('b', 'b'), branch('c', 'c')), a: flows.step('done', 'lina'), b: flows.step('done', 'eko'), c: flows.step('done', 'joko') };
    expect([(await flows.filed(nodes, { way: 'c' })).waiting, (await flows.filed(nodes, { way: 'z' })).waiting, (await flows.filed(nodes)).waiting]).toEqual([['c'], ['a'], ['a']]);
    expect(await refused({ x: choice('a', branch('b', 'b'), branch('b', 'a')), a: flows.step('done', 'lina'), b: flows.step('done', 'eko') })).toEqual(['#/nodes/x/branches/1/when overlap']);
  });

  it('5, simple merge: goes on with each alternative, and is no place for branches that come together', async () => {
    const nodes = { x: choice('a', branch('b', 'b')), a: flows.step('m', 'lina'), b: flows.step('m', 'eko'), m: merge('c'), c: flows.step('done', 'joko') };
    expect((await (await flows.filed(nodes, { way: 'b' })).does('eko', 'approve', 'b')).waiting).toEqual(['c']);
    expect(await refused({ f: parallel('a', 'b'), a: flows.step('m', 'lina'), b: flows.step('m', 'eko'), m: merge('c'), c: flows.step('done', 'joko') })).toEqual(['#/nodes/c twice']);
  });

  it('6, multi-choice: every branch that holds, or what is left where none does', async () => {
    const nodes = { o: several('c', branch('x', 'a'), branch('y', 'b', 'also')), a: flows.step('done', 'lina'), b: flows.step('done', 'eko'), c: flows.step('done', 'joko') };
    expect([(await flows.filed(nodes, { way: 'x', also: 'y' })).waiting, (await flows.filed(nodes, { also: 'y' })).waiting, (await flows.filed(nodes)).waiting]).toEqual([['a', 'b'], ['b'], ['c']]);
    expect(await refused({ o: several('a', branch('x', 'a')), a: flows.step('done', 'lina') })).toEqual(['#/nodes/o/branches/0/to duplicate']);
  });

  it('7, structured synchronizing merge: waits for the branches that were taken, and for no other', async () => {
    const nodes = { o: several('c', branch('x', 'a'), branch('y', 'b', 'also')), a: flows.step('j', 'lina'), b: flows.step('j', 'eko'), c: flows.step('j', 'joko'), j: several('z'), z: flows.step('done', 'joko') };
    const both = await flows.filed(nodes, { way: 'x', also: 'y' });
    expect((await both.does('lina', 'approve', 'a')).waiting).toEqual(['b']);
    expect((await both.does('eko', 'approve', 'b')).waiting).toEqual(['z']);
    expect((await (await flows.filed(nodes, { way: 'x' })).does('lina', 'approve', 'a')).waiting).toEqual(['z']);
    expect(await refused({ ...nodes, j: parallel('z') })).toEqual(['#/nodes/j stuck']);
  });

  it('8, multi-merge: branches that each go on by themselves are written as such; one step is never open twice', async () => {
    const request = await flows.filed({ f: parallel('a', 'b'), a: flows.step('a2', 'lina'), b: flows.step('b2', 'eko'), a2: flows.step('done', 'joko'), b2: flows.step('done', 'joko') });
    await request.does('lina', 'approve', 'a');
    expect((await request.does('eko', 'approve', 'b')).waiting).toEqual(['a2', 'b2']);
    expect(await refused({ f: parallel('a', 'b'), a: flows.step('c', 'lina'), b: flows.step('c', 'eko'), c: flows.step('done', 'joko') })).toEqual(['#/nodes/c twice']);
  });

  it('9, structured discriminator: the first branch to come decides, and the others are called off', async () => {
    const request = await flows.filed({ a: flows.step('done', ['lina', 'eko', 'joko']) });
    await request.does('eko', 'approve', 'a');
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    const first = await flows.filed({ f: parallel('a', 'b'), a: flows.step('stop', 'lina'), b: flows.step('stop', 'eko'), stop: { type: 'terminate' } });
    expect((await first.does('eko', 'approve', 'b')).state).toBe('completed');
    expect(await first.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
  });

  it('10, arbitrary cycles: as often as it takes, and none without a step', async () => {
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'eko', { onReject: 'a', returns: ['a'] }) });
    for (const verb of ['reject', 'return', 'reject'] as const) {
      await request.does('lina', 'approve', 'a');
      expect((await request.does('eko', verb, 'b', verb === 'return' ? { to: 'a' } : {})).waiting).toEqual(['a']);
    }
    await request.does('lina', 'approve', 'a');
    expect((await request.does('eko', 'approve', 'b')).state).toBe('completed');
    expect(await refused({ x: choice('a', branch('y', 'y')), y: choice('a', branch('x', 'x')), a: flows.step('done', 'lina') })).toEqual(['#/nodes/x loop', '#/nodes/y loop']);
  });

  it('11, implicit termination: completed with the last branch, and not with the first', async () => {
    const request = await flows.filed({ f: parallel('a', 'b'), a: flows.step('done', 'lina'), b: flows.step('also-done', 'eko'), 'also-done': { type: 'end' } });
    expect((await request.does('lina', 'approve', 'a')).state).toBe('running');
    expect((await request.does('eko', 'approve', 'b')).state).toBe('completed');
  });

  it('12, multiple instances without synchronization: each goes its own way, and nothing waits for them', async () => {
    const other = flows.document({ o: flows.step('done', 'eko') });
    await world.as('dewi').post('/workflow/definitions', { document: other }).expect(201);
    const files = (more: object) => ({ type: 'subworkflow' as const, title: { en: 'Files', id: 'Mengajukan' }, definition: other.key, each: '["x", "y", "z"]', input: { way: 'item' }, to: 'a', ...more });
    const filed = async () => ((await world.as('siti').get(`/workflow/instances?key=${other.key}&limit=200`).expect(200)).body.items as { state: string; form: { way: string } }[]).map(({ state, form }) => `${form.way} ${state}`).sort();
    const request = await flows.filed({ s: files({ wait: false }), a: flows.step('done', 'lina') });
    expect([request.waiting, await filed()]).toEqual([['a'], ['x running', 'y running', 'z running']]);
    expect((await request.does('lina', 'approve', 'a')).state).toBe('completed');
    expect(await filed()).toEqual(['x running', 'y running', 'z running']);
    expect(await refused({ s: files({ wait: false, onReject: 'a' }), a: flows.step('done', 'lina') })).toEqual(['#/nodes/s/onReject wait']);
  });

  it('13, multiple instances known beforehand: each of those named decides, and it waits for all of them', async () => {
    const request = await flows.filed({ a: flows.step('done', ['lina', 'eko', 'joko'], { strategy: 'all' }) });
    await request.does('lina', 'approve', 'a');
    expect((await request.does('eko', 'approve', 'a')).state).toBe('running');
    expect((await request.does('joko', 'approve', 'a')).state).toBe('completed');
  });

  it('14, multiple instances known when it runs: as many as hold the role then, and not who holds it later', async () => {
    const nodes = { a: { type: 'approval' as const, title: { en: 'A', id: 'A' }, candidates: [{ role: 'budget-owner', within: 'foundation' as const }], strategy: 'all' as const, to: 'done' } };
    const before = await flows.filed(nodes);
    const open = before.votes('a')!.open;
    expect(open).toBeGreaterThan(1);
    const ids = await world.ids();
    await world.as('dewi').post('/role-assignments', { roleId: ids.role('budget-owner'), personId: ids.person('lina') }).expect(201);
    expect((await flows.filed(nodes)).votes('a')!.open).toBe(open + 1);
    expect(((await world.as('siti').get(`/workflow/instances/${before.id}`).expect(200)).body as { openTasks: { votes: { open: number } }[] }).openTasks[0]!.votes.open).toBe(open);
  });

  it('15, multiple instances not known when it runs: others are asked as well while it waits, and it waits for them; not afterwards', async () => {
    const ids = await world.ids();
    const request = await flows.filed({ a: flows.step('b', ['lina', 'eko'], { strategy: 'all' }), b: flows.step('done', 'maya') });
    await request.does('lina', 'approve', 'a');
    expect((await request.handles('eko', 'add-signer', 'a', { person: ids.person('budi') })).status).toBe(200);
    await request.does('eko', 'approve', 'a');
    expect([request.waiting, request.votes('a')]).toEqual([['a'], { approve: 2, reject: 0, abstain: 0, open: 1 }]);
    expect((await request.does('budi', 'approve', 'a')).waiting).toEqual(['b']);
    expect(await request.handles('eko', 'add-signer', 'a', { person: ids.person('joko') })).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
  });

  it('16, deferred choice: whoever answers chooses the way, and only once', async () => {
    const nodes = { a: flows.step('b', 'lina', { onReject: 'c' }), b: flows.step('done', 'eko'), c: flows.step('done', 'joko') };
    expect((await (await flows.filed(nodes)).does('lina', 'approve', 'a')).waiting).toEqual(['b']);
    const other = await flows.filed(nodes);
    expect((await other.does('lina', 'reject', 'a')).waiting).toEqual(['c']);
    expect(await other.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
  });

  it('17, interleaved parallel routing: one after the other in the order there is, never two at once', async () => {
    const request = await flows.filed({ a: flows.step('done', ['lina', 'eko'], { strategy: 'sequential' }) });
    expect(await request.tries('eko', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TURN');
    await request.does('lina', 'approve', 'a');
    expect((await request.does('eko', 'approve', 'a')).state).toBe('completed');
  });

  it('18, milestone: can begin while a step waits, and neither before nor after', async () => {
    const note = (key: string) => world.as('ratna').post('/workflow/messages', { name: 'objection', key, waitMinutes: 0 });
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'eko', { boundary: [{ message: { name: 'objection' }, to: 'o', interrupting: false }] }), o: flows.step('done', 'joko') });
    expect(await note(request.id)).toBeProblem(409, 'WORKFLOW_MESSAGE_UNEXPECTED');
    await request.does('lina', 'approve', 'a');
    expect((await note(request.id)).status).toBe(201);
    const { body } = await world.as('dewi').get(`/workflow/instances/${request.id}`).expect(200);
    expect((body.openTasks as { node: string }[]).map(({ node }) => node).sort()).toEqual(['b', 'o']);
    const later = await flows.filed({ a: flows.step('b', 'lina', { boundary: [{ message: { name: 'objection' }, to: 'o', interrupting: false }] }), b: flows.step('done', 'eko'), o: flows.step('done', 'joko') });
    await later.does('lina', 'approve', 'a');
    expect(await note(later.id)).toBeProblem(409, 'WORKFLOW_MESSAGE_UNEXPECTED');
  });

  it('19, cancel task: sending back calls off what waits beside it, and what it leads to waits again', async () => {
    const request = await flows.filed({ s: flows.step('f', 'joko'), f: parallel('a', 'b'), a: flows.step('j', 'lina', { returns: ['s'] }), b: flows.step('j', 'eko'), j: parallel('done') });
    await request.does('joko', 'approve', 's');
    const called = request.taskOf('b');
    expect((await request.does('lina', 'return', 'a', { to: 's' })).waiting).toEqual(['s']);
    expect(await world.as('eko').post(`/workflow/tasks/${called}/approve`, {})).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    expect(await request.tries('joko', 'return', 's', { to: 'a' })).toBeProblem(409, 'WORKFLOW_RETURN_TARGET');
    await request.does('joko', 'approve', 's');
    await request.does('lina', 'approve', 'a');
    expect((await request.does('eko', 'approve', 'b')).state).toBe('completed');
  });

  it('20, cancel case: withdrawn by its initiator with all that waits, and by nobody else', async () => {
    const request = await flows.filed({ f: parallel('a', 'b'), a: flows.step('j', 'lina'), b: flows.step('j', 'eko'), j: parallel('done') });
    await request.does('lina', 'approve', 'a');
    expect(await world.as('joko').post(`/workflow/instances/${request.id}/withdraw`)).toBeProblem(403, 'WORKFLOW_NOT_INITIATOR');
    expect((await request.filer('withdraw')).status).toBe(200);
    expect([request.state, request.waiting, await request.isAsked('eko', 'b')]).toEqual(['withdrawn', [], false]);
    expect((await request.filer('submit')).status).toBe(200);
    expect(request.waiting).toEqual(['a', 'b']);
  });

  it('leaves a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(20);
  });
});
