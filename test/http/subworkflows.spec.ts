import { TimersService } from '../../src/modules/workflow';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows, type Instance, Running } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('requests that are part of others', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  /** A definition of one step, put to eko. */
  let travel: string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    travel = await publishes({ t: flows.step('done', 'eko', { returns: ['t'] }) });
  });
  afterAll(() => testApp.close());

  const title = { en: 'Travels', id: 'Perjalanan' };
  const publishes = async (nodes: Parameters<Flows['document']>[0], more: object = {}) => {
    const document = { ...flows.document(nodes), ...more };
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    return document.key;
  };
  const filing = (more: object = {}) => ({ type: 'subworkflow' as const, title, definition: travel, input: { way: 'way' }, to: 'done', ...more });
  const stands = async (id: string) => {
    const { body } = await world.as('dewi').get(`/workflow/instances/${id}`).expect(200);
    return body as Instance & { partOf: { instanceId: string; taskId: string } | null; initiatorId: string; form: object };
  };
  const waiting = async (id: string) => (await stands(id)).openTasks.map(({ node }) => node).sort();
  const partsOf = async ({ id }: Pick<Running, 'id'>) => {
    const { body } = await world.as('dewi').get(`/workflow/instances?partOf=${id}&limit=200`).expect(200);
    return (body.items as Instance[]).map((each) => new Running(world, each, 'siti')).reverse();
  };
  const each = (more: object = {}) => ({ ...filing({ each: 'places', input: { way: 'item' }, as: 'trips', ...more }) });
  const places = { form: { type: 'object', properties: { way: { type: 'string' }, places: { type: 'array', items: { type: 'string' } } } } };
  const sql = <T extends object>(text: string, values: unknown[] = []) => connected(testApp.database.adminUrl, async (client) => (await client.query<T>(text, values)).rows);

  it('a step files another request for the same person, and goes on when that is completed', async () => {
    const request = await flows.filed({ s: filing({ as: 'trip', to: 'a' }), a: flows.step('done', 'lina') }, { way: 'Solo' });
    const [part] = await partsOf(request);
    const seen = await stands(part!.id);
    expect([request.waiting, seen.partOf, seen.initiatorId, seen.form, seen.state]).toEqual([['s'], { instanceId: request.id, taskId: request.taskOf('s') }, (await world.ids()).person('siti'), { way: 'Solo' }, 'running']);
    // Its step cannot be answered itself.
    for (const verb of ['approve', 'complete'] as const) expect((await request.tries('dewi', verb, 's')).status).toBe(403);
    await part!.does('eko', 'approve', 't');
    expect([part!.state, await waiting(request.id), (await stands(request.id)).variables]).toEqual(['completed', ['a'], { trip: { id: part!.id, state: 'completed', form: { way: 'Solo' }, variables: {} } }]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/timeline`).expect(200)).body as { items: { event: string; text: string }[] };
    expect(items.at(-1)).toMatchObject({ event: 'part_completed', text: 'A request filed by “Travels” was completed' });
  });

  it('one that is rejected rejects the whole, or leads where the definition says', async () => {
    const [plain, led] = [await flows.filed({ s: filing() }), await flows.filed({ s: filing({ onReject: 'a' }), a: flows.step('done', 'lina') })];
    for (const request of [plain, led]) await (await partsOf(request))[0]!.does('eko', 'reject', 't');
    expect([(await stands(plain.id)).state, await waiting(led.id)]).toEqual(['rejected', ['a']]);
    // What the whole was told cannot be taken back.
    expect(await world.as('eko').post(`/workflow/instances/${(await partsOf(plain))[0]!.id}/take-back`)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
  });

  it('one is filed for each of a list; all have to be completed, however many end at once', async () => {
    const document = flows.document({ s: each({ to: 'a' }), a: flows.step('done', 'lina') });
    await world.as('dewi').post('/workflow/definitions', { document: { ...document, ...places }, anyway: true }).expect(201);
    const file = async (list: string[]) => new Running(world, (await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: { places: list } }).expect(201)).body as Instance, 'siti');
    const request = await file(['Solo', 'Bali', 'Aceh', 'Kupang']);
    const parts = await partsOf(request);
    expect([request.votes('s'), await Promise.all(parts.map(async ({ id }) => (await stands(id)).form))]).toEqual([{ approve: 0, reject: 0, abstain: 0, open: 4 }, ['Solo', 'Bali', 'Aceh', 'Kupang'].map((way) => ({ way }))]);
    const answers = await Promise.all(parts.map((part) => part.tries('eko', 'approve', 't')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect([await waiting(request.id), ((await stands(request.id)).variables.trips as { state: string }[]).map(({ state }) => state)]).toEqual([['a'], ['completed', 'completed', 'completed', 'completed']]);
    expect((await file([])).waiting).toEqual(['a']);
    // One that is rejected ends the others.
    const other = await file(['Solo', 'Bali', 'Aceh']);
    const [one, ...rest] = await partsOf(other);
    await one!.does('eko', 'reject', 't');
    expect([(await stands(other.id)).state, await Promise.all(rest.map(async ({ id }) => (await stands(id)).state))]).toEqual(['rejected', ['cancelled', 'cancelled']]);
  });

  it('what becomes of the whole becomes of its parts', async () => {
    const file = () => flows.filed({ f: { type: 'parallel', to: ['s', 'b'] }, s: filing({ to: 'j' }), b: flows.step('j', 'lina'), j: { type: 'parallel', to: ['done'] } });
    const partOf = async (request: Running) => (await partsOf(request))[0]!;
    const withdrawn = await file();
    const part = await partOf(withdrawn);
    expect(await world.as('siti').post(`/workflow/instances/${part.id}/withdraw`)).toBeProblem(409, 'WORKFLOW_PART');
    await withdrawn.filer('withdraw');
    expect([(await stands(part.id)).state, (await part.tries('eko', 'approve', 't')).status]).toEqual(['cancelled', 409]);
    const halted = await file();
    const inner = await partOf(halted);
    await halted.handles('dewi', 'suspend', null, { comment: 'Wait' });
    expect(await inner.tries('eko', 'approve', 't')).toBeProblem(409, 'WORKFLOW_STATE');
    await halted.handles('dewi', 'resume', null, { comment: 'On' });
    await inner.does('eko', 'approve', 't');
    expect(await waiting(halted.id)).toEqual(['b']);
    // What is ended by itself is not completed.
    const ended = await file();
    await (await partOf(ended)).handles('dewi', 'cancel', null, { comment: 'No' });
    expect((await stands(ended.id)).state).toBe('rejected');
    // One that is sent back is submitted again, and the whole waits.
    const back = await file();
    const again = await partOf(back);
    await again.does('eko', 'return', 't');
    expect([again.state, await waiting(back.id)]).toEqual(['returned', ['b', 's']]);
    await again.filer('submit', { form: { way: 'Bali' } });
    await again.does('eko', 'approve', 't');
    expect(await waiting(back.id)).toEqual(['b']);
  });

  it('an answer that called parts off cannot be taken back', async () => {
    const request = await flows.filed({ f: { type: 'parallel', to: ['s', 'b'] }, s: filing({ to: 'j' }), b: flows.step('j', 'lina'), j: { type: 'parallel', to: ['done'] } });
    await request.does('lina', 'reject', 'b');
    expect(await request.handles('lina', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
  });

  it('times run in parts as anywhere', async () => {
    const slow = await publishes({ t: { type: 'timer', title, after: { hours: 1 }, to: 'done' } });
    const request = await flows.filed({ s: filing({ definition: slow }) });
    const [part] = await partsOf(request);
    await sql(`UPDATE workflow_timer m SET due_at = now() - interval '1 second' FROM workflow_task t WHERE t.id = m.task_id AND t.instance_id = $1`, [part!.id]);
    expect([await testApp.app.get(TimersService).fireDue(), (await stands(request.id)).state]).toEqual([1, 'completed']);
  });

  it('a part is part of something itself, and not without end', async () => {
    const inner = await publishes({ s: filing({ input: {} }) });
    const outer = await flows.filed({ s: filing({ definition: inner, input: {} }) });
    const [middle] = await partsOf(outer);
    const [innermost] = await partsOf(middle!);
    await innermost!.does('eko', 'approve', 't');
    expect([(await stands(middle!.id)).state, (await stands(outer.id)).state]).toEqual(['completed', 'completed']);
    const problems = async (document: object) => ((await world.as('dewi').post('/workflow/definitions/check', { document }).expect(200)).body.problems as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`);
    const own = flows.document({ s: filing({ input: {} }) });
    expect(await problems({ ...own, nodes: { ...own.nodes, s: filing({ definition: own.key, input: {} }) } })).toEqual(['#/nodes/s/definition loop']);
    const around = flows.document({ s: filing({ input: {} }) });
    await world.as('dewi').post('/workflow/definitions', { document: own, anyway: true }).expect(201);
    await world.as('dewi').post('/workflow/definitions', { document: { ...around, nodes: { ...around.nodes, s: filing({ definition: own.key, input: {} }) } }, anyway: true }).expect(201);
    const ring = { ...own, nodes: { ...own.nodes, s: filing({ definition: around.key, input: {}, wait: false }) } };
    expect(await problems(ring)).toEqual(['#/nodes/s/definition loop']);
    expect(await world.as('dewi').post('/workflow/definitions', { document: ring, anyway: true })).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
  });

  it('an answer that filed some cannot be taken back; what is filled in there is told only where it is asked for', async () => {
    const request = await flows.filed({ a: flows.step('s', 'lina'), s: filing({ wait: false, to: 'b' }), b: flows.step('done', 'eko') }, { way: 'Solo' });
    await request.does('lina', 'approve', 'a');
    expect(await request.handles('lina', 'take-back', null)).toBeProblem(409, 'WORKFLOW_TAKE_BACK');
    const silent = await flows.filed({ s: filing({ to: 'b' }), b: flows.step('done', 'lina') }, { way: 'Secret place' });
    await (await partsOf(silent))[0]!.does('eko', 'approve', 't');
    const { items } = (await world.as('siti').get(`/workflow/instances/${silent.id}/history`).expect(200)).body as { items: { event: string; data: object }[] };
    expect([items.at(-1)!.event, JSON.stringify(items.at(-1)!.data).includes('Secret place')]).toEqual(['part_completed', false]);
  });

  it('are checked as what people file is', async () => {
    const leave = await publishes({ t: flows.step('done', 'eko') }, { form: { type: 'object', required: ['from', 'until'], properties: { from: { type: 'string', format: 'date' }, until: { type: 'string', format: 'date' }, substitute: { type: 'string', format: 'uuid' } } }, absence: { from: 'from', until: 'until', substitute: 'substitute' } });
    const key = await publishes({ s: filing({ definition: leave, input: { from: '"2027-01-05"', until: '"2027-01-04"' } }) });
    expect(await world.as('siti').post('/workflow/instances', { definition: key, submit: true, form: {} })).toBeProblem(409, 'WORKFLOW_PARTS');
    const files = await publishes({ t: flows.step('done', 'eko') }, { attachments: { atLeast: 1 } });
    const document = flows.document({ s: filing({ definition: files, input: {} }) });
    expect((await world.as('dewi').post('/workflow/definitions/check', { document }).expect(200)).body.problems).toMatchObject([{ pointer: '#/nodes/s/definition', code: 'attachments' }]);
  });

  it('are not filed by the hundred at once', async () => {
    const list = JSON.stringify(Array.from({ length: 50 }, () => 'x'));
    const inner = await publishes({ s: filing({ each: list, input: {} }) });
    const outer = await publishes({ s: filing({ definition: inner, each: list, input: {} }) });
    expect(await world.as('siti').post('/workflow/instances', { definition: outer, submit: true, form: {} })).toBeProblem(409, 'WORKFLOW_PARTS');
    expect(await sql(`SELECT 1 FROM workflow_instance WHERE key IN ($1, $2) AND foundation_id = $3`, [inner, outer, (await world.ids()).foundation])).toEqual([]);
  });

  it('what could not be filed is refused where it is published, and where it runs', async () => {
    const strict = await publishes({ t: flows.step('done', 'eko') }, { form: { type: 'object', required: ['day'], additionalProperties: false, properties: { day: { type: 'string', format: 'date' } } } });
    const problems = async (node: object) => ((await world.as('dewi').post('/workflow/definitions/check', { document: flows.document({ s: node as never, ...(JSON.stringify(node).includes('"a"') ? { a: flows.step('done', 'lina') } : {}) }) }).expect(200)).body.problems as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`);
    expect(await problems(filing({ definition: strict }))).toEqual(['#/nodes/s/input required', '#/nodes/s/input/way unknown_field']);
    expect(await problems(filing({ definition: 'not-there' }))).toEqual(['#/nodes/s/definition unknown_definition']);
    expect(await problems(filing({ wait: false, as: 'x' }))).toEqual(['#/nodes/s/as wait']);
    expect(await problems(filing({ each: 'way' }))).toEqual(['#/nodes/s/each expression']);
    expect(await problems(filing({ input: { way: 'item' } }))).toEqual(['#/nodes/s/input/way expression']);
    const key = await publishes({ s: filing({ definition: strict, input: { day: 'way' } }) });
    expect(await world.as('siti').post('/workflow/instances', { definition: key, submit: true, form: { way: 'no day' } })).toBeProblem(409, 'WORKFLOW_PARTS');
  });

  it('leaves a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(25);
  });
});
