import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { Flows } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

const lines = { type: 'array', maxItems: 1_000, items: { type: 'object', additionalProperties: false, required: ['price', 'count'], properties: { price: { type: 'number' }, count: { type: 'integer' } } } };
const form = { type: 'object', additionalProperties: false, required: ['lines'], properties: { lines, day: { type: 'string', format: 'date' }, reviewers: { type: 'array', maxItems: 5, items: { type: 'string' } } } };
const account = { type: 'object', additionalProperties: false, required: ['account'], properties: { account: { type: 'string', minLength: 3 }, granted: { type: 'number' } } };

describe('expressions', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());

  const more = { form, computed: { total: 'sum(for each in lines return each.price * each.count)', late: 'day < today()' } };
  const nodes = () => ({
    finance: flows.step('size', 'maya', { form: account, as: 'finance' }),
    size: { type: 'exclusive' as const, branches: [{ when: 'total > 1000 or finance.granted < total', to: 'head' }], otherwise: 'done' },
    head: flows.step('done', ['lina', 'eko'], { strategy: 'all', form: { type: 'object', properties: { note: { type: 'string' } } }, as: 'heads' }),
  });

  it('compute what is filled in, and send a request where it belongs', async () => {
    const small = await flows.filed(nodes(), { lines: [{ price: 0.1, count: 3 }, { price: 45.5, count: 2 }], day: '2020-01-01' }, 'siti', more);
    expect(small.variables).toEqual({ total: 91.3, late: true });
    await small.does('maya', 'approve', 'finance', { form: { account: '6-100', granted: 91.3 } });
    expect([small.state, small.variables]).toEqual(['completed', { total: 91.3, late: true, finance: { account: '6-100', granted: 91.3 } }]);

    const large = await flows.filed(nodes(), { lines: [{ price: 400.5, count: 3 }] }, 'siti', more);
    expect(large.variables).toEqual({ total: 1201.5, late: null });
    await large.does('maya', 'approve', 'finance', { form: { account: '6-100' } });
    await large.does('lina', 'approve', 'head', { form: { note: 'needed' } });
    await large.does('eko', 'approve', 'head');
    expect([large.state, large.variables.heads]).toEqual(['completed', [{ note: 'needed' }, {}]]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${large.id}/history`).expect(200)).body as { items: { event: string; data: { event: { answer?: object }; world?: { zone: string } } }[] };
    expect(items.map(({ event, data }) => [event, data.event.answer])).toEqual([['submitted', undefined], ['approved', { account: '6-100' }], ['voted', { note: 'needed' }], ['approved', {}]]);
    expect(items[0]!.data.world?.zone).toBe('Asia/Jakarta');
  });

  it('a step’s own form is checked like the request’s, alone and in bulk', async () => {
    const request = await flows.filed(nodes(), { lines: [] }, 'siti', more);
    const refused = await request.tries('maya', 'approve', 'finance');
    expect(refused).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    expect(refused.body.errors).toEqual([{ pointer: '#/form/account', code: 'required', detail: "must have required property 'account'" }]);
    expect((await request.tries('maya', 'approve', 'finance', { form: { account: 'x', more: 1 } })).body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['#/form/more', '#/form/account']);
    const taskId = request.taskOf('finance');
    const bulk = async (item: object) => (await world.as('maya').post('/workflow/tasks/decisions', { items: [{ taskId, verb: 'approve', ...item }] }).expect(200)).body.items[0] as { status: number; instance: { variables: object } | null };
    expect((await bulk({})).status).toBe(422);
    expect(await bulk({ form: { account: '6-200' } })).toMatchObject({ status: 200, instance: { variables: { finance: { account: '6-200' } } } });
    const plain = await flows.filed({ a: flows.step('done', 'lina') });
    expect(await plain.tries('lina', 'approve', 'a', { form: { x: 1 } })).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    await plain.does('lina', 'approve', 'a');
  });

  it('ask the people a request names, and nobody else', async () => {
    const ids = await world.ids();
    const named = { a: flows.step('done', 'lina', { candidates: [{ people: 'reviewers' }, { relation: 'head-of-unit' }] }) };
    const request = await flows.filed(named, { lines: [], reviewers: [ids.person('eko'), ids.person('siti'), 'nobody', crypto.randomUUID()] }, 'siti', more);
    const { body } = await world.as('siti').get(`/workflow/instances/${request.id}/people`).expect(200);
    // Neither herself nor who does not exist.
    expect(body.tasks[0].asked.map(({ name, why }: { name: string; why: string }) => [name, why])).toEqual([[expect.stringContaining('Eko'), 'Named in the request']]);
    await request.does('eko', 'approve', 'a');
    const nobody = await flows.filed(named, { lines: [], reviewers: [] }, 'siti', more);
    expect([await nobody.isAsked('joko', 'a'), await nobody.isAsked('eko', 'a')]).toEqual([true, false]);
  });

  it('are followed in the preview', async () => {
    const document = { ...flows.document({ size: { type: 'exclusive', branches: [{ when: 'total > 1000', to: 'a' }, { when: 'total <= 1000 and total > 100', to: 'b' }], otherwise: 'done' }, a: flows.step('done', 'lina'), b: flows.step('done', 'lina', { candidates: [{ people: 'reviewers' }] }) }), ...more };
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    const ids = await world.ids();
    const preview = async (price: number) => ((await world.as('siti').post('/workflow/instances/preview', { definition: document.key, form: { lines: [{ price, count: 1 }], reviewers: [ids.person('maya')] } }).expect(200)).body.steps as { node: string; asked: { id: string }[] }[]).map(({ node, asked }) => [node, asked.map(({ id }) => id)]);
    expect([await preview(2_000), await preview(500), await preview(5)]).toEqual([[['a', [ids.person('lina')]]], [['b', [ids.person('maya')]]], []]);
  });

  it('that need more than they may refuse the request, and nothing is filed', async () => {
    const document = { ...flows.document({ a: flows.step('done', 'lina') }), form, computed: { pairs: 'some i in lines, j in lines satisfies i.price > j.price' } };
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    const filled = { lines: Array.from({ length: 400 }, () => ({ price: 1, count: 1 })) };
    const answer = await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: filled });
    expect(answer).toBeProblem(409, 'WORKFLOW_EXPRESSION');
    expect(answer.body.detail).toContain('more than 10000 steps');
    expect(await world.as('siti').post('/workflow/instances/preview', { definition: document.key, form: filled })).toBeProblem(409, 'WORKFLOW_EXPRESSION');
    // Nor may an expression that names people.
    const naming = { ...flows.document({ a: flows.step('done', 'lina', { candidates: [{ people: 'for i in lines, j in lines return "x"' }] }) }), form };
    await world.as('dewi').post('/workflow/definitions', { document: naming, anyway: true }).expect(201);
    for (const path of ['/workflow/instances', '/workflow/instances/preview']) expect(await world.as('siti').post(path, { definition: naming.key, ...(path.endsWith('preview') ? {} : { submit: true }), form: filled })).toBeProblem(409, 'WORKFLOW_EXPRESSION');
    const { items } = (await world.as('siti').get('/workflow/instances?limit=200').expect(200)).body as { items: { definition: { key: string } }[] };
    expect(items.filter(({ definition }) => definition.key === document.key)).toEqual([]);
  });

  it('that are wrong are refused when they are published, where they stand', async () => {
    const document = { ...flows.document({ size: { type: 'exclusive', branches: [{ when: 'totl > 3', to: 'done' }], otherwise: 'done' } }), ...more };
    const answer = await world.as('dewi').post('/workflow/definitions/check', { document }).expect(200);
    expect(answer.body.problems).toEqual([{ pointer: '#/nodes/size/branches/0/when', code: 'expression', detail: 'at 1: there is no totl' }]);
  });

  it('leave histories that refold', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(5);
  });
});
