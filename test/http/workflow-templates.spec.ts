import { readDefinition } from '../../src/modules/workflow/gate';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import type { Instance } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('the templates', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  type Step = [handle: 'joko' | 'budi' | 'eko' | 'ratna', verb: 'approve' | 'reject' | 'return' | 'complete', node: string, to?: string];
  it.each<[string, Record<string, unknown>, Step[]]>([
    ['leave', { kind: 'annual', from: '2026-12-21', until: '2026-12-24', reason: 'Family' }, [['joko', 'approve', 'head']]],
    ['leave', { kind: 'unpaid', from: '2026-12-21', until: '2027-02-24', reason: 'Study' }, [['joko', 'approve', 'head'], ['budi', 'return', 'leadership', 'head'], ['joko', 'approve', 'head'], ['budi', 'approve', 'leadership']]],
    ['absence', { day: '2026-12-01', from: '13:00', until: '15:00', reason: 'Dentist' }, [['joko', 'approve', 'head']]],
    ['overtime', { day: '2026-12-01', from: '17:00', until: '20:00', work: 'Exam papers' }, [['eko', 'approve', 'budget-owner'], ['joko', 'approve', 'head']]],
    ['work-order', { place: 'Lab 2', work: 'Mend the fume hood', cost: 'contractor', amount: '2500000', urgency: 'urgent' }, [['joko', 'approve', 'head'], ['eko', 'approve', 'budget-owner'], ['ratna', 'complete', 'work'], ['joko', 'reject', 'acceptance'], ['ratna', 'complete', 'work'], ['joko', 'approve', 'acceptance']]],
    ['work-order', { place: 'Lab 2', work: 'Move the tables', cost: 'none', urgency: 'low' }, [['joko', 'approve', 'head'], ['ratna', 'complete', 'work'], ['joko', 'approve', 'acceptance']]],
    ['performance-review', { period: '2026-2', goals: [{ goal: 'Olympiad team', achieved: 90 }] }, [['joko', 'approve', 'head'], ['budi', 'reject', 'leadership'], ['joko', 'approve', 'head'], ['budi', 'approve', 'leadership']]],
    ['reimbursement', { amount: '250000', currency: 'IDR', description: 'Bus tickets', route: 'supervisor' }, [['joko', 'approve', 'supervisor'], ['ratna', 'complete', 'payment-request'], ['ratna', 'complete', 'payment']]],
  ])('%s goes its way to the end: %j', async (definition, form, steps) => {
    let body = (await world.as('siti').post('/workflow/instances', { definition, submit: true, form }).expect(201)).body as Instance;
    for (const [handle, verb, node, to] of steps) {
      const task = body.openTasks.find((each) => each.node === node);
      expect([node, body.openTasks.map((each) => each.node)]).toEqual([node, expect.arrayContaining([node])]);
      body = (await world.as(handle).post(`/workflow/tasks/${task!.id}/${verb}`, { comment: 'so be it', ...(to ? { to } : {}) }).expect(200)).body as Instance;
    }
    expect(body).toMatchObject({ state: 'completed', openTasks: [] });
  });

  it('skip the second decision where nobody stands above the first', async () => {
    // budi heads SMA 1, agus everything: above agus there is nobody.
    const body = (await world.as('budi').post('/workflow/instances', { definition: 'leave', submit: true, form: { kind: 'unpaid', from: '2026-12-21', until: '2027-02-24', reason: 'Study' } }).expect(201)).body as Instance;
    const after = (await world.as('agus').post(`/workflow/tasks/${body.openTasks[0]!.id}/approve`, {}).expect(200)).body as Instance;
    expect(after.state).toBe('completed');
    const { items } = (await world.as('budi').get(`/workflow/instances/${body.id}/history`).expect(200)).body as { items: { data: { skipped?: string[] } }[] };
    expect(items.at(-1)!.data.skipped).toEqual(['leadership']);
  });

  it('are listed, stand the gate, fit the schema that is published, and can be published again', async () => {
    const { items } = (await world.as('siti').get('/workflow/templates').expect(200)).body as { items: { key: string; document: Record<string, unknown> }[] };
    expect(items.map(({ key }) => key)).toEqual(['leave', 'absence', 'overtime', 'reimbursement', 'work-order', 'performance-review']);
    const { body: schema } = await world.as('siti').get('/workflow/definitions/schema').expect(200);
    const ajv = new Ajv2020({ strict: false });
    addFormats(ajv);
    const fits = ajv.compile(schema as object);
    for (const { key, document } of items) {
      expect([key, readDefinition(document).problems, fits(document)]).toEqual([key, [], true]);
      const { body } = await world.as('dewi').post('/workflow/definitions', { document }).expect(201);
      expect([key, body.number]).toEqual([key, 1]);
    }
    const check = async (document: object) => (await world.as('dewi').post('/workflow/definitions/check', { document }).expect(200)).body.problems as { pointer: string; code: string }[];
    expect(await check(items[0]!.document)).toEqual([]);
    expect(await check({ ...items[0]!.document, start: 'nowhere' })).toEqual([expect.objectContaining({ pointer: '#/start', code: 'unknown_node' })]);
    expect(await world.as('siti').post('/workflow/definitions/check', { document: {} })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(fits({ ...items[0]!.document, start: 7 })).toBe(false);
    expect(fits({ ...items[0]!.document, extra: 7 })).toBe(false);
  });

  it('leave a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(8);
  });
});

describe('pictures', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  it('of a definition are for everybody, of a request for who may see it', async () => {
    const { body, headers } = await world.as('siti').get('/workflow/definitions/work-order/picture.svg').expect(200);
    expect((body as Buffer).toString()).toMatch(/^<svg [^]*Work order[^]*<\/svg>\n$/);
    expect(headers).toMatchObject({ 'content-type': expect.stringContaining('image/svg+xml'), 'content-security-policy': expect.stringContaining("default-src 'none'") });
    expect((await world.as('siti').get('/workflow/definitions/work-order/flowchart').expect(200)).body.mermaid).toMatch(/^flowchart LR\n/);
    expect(await world.as('siti').get('/workflow/definitions/nothing/picture.svg')).toBeProblem(404, 'NOT_FOUND');
    const filed = await world.as('siti').submits();
    await world.as('lina').answers('approve', filed.openTasks[0]!.id).expect(200);
    const standing = ((await world.as('siti').get(`/workflow/instances/${filed.id}/picture.svg`).expect(200)).body as Buffer).toString();
    expect(standing).toMatch(/<title>administration: [^]*?<rect [^>]*fill="#e6f2e1"/);
    expect(standing).toMatch(/<title>supervisor: [^]*?<rect [^>]*fill="#fff4c2"/);
    expect(await world.as('putu').get(`/workflow/instances/${filed.id}/picture.svg`)).toBeProblem(404, 'NOT_FOUND');
  });
});

describe('a preview', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());
  const preview = (handle: string, definition: string, form: object) => world.as(handle).post('/workflow/instances/preview', { definition, form });

  it('names who would decide, in what order and why, and writes nothing', async () => {
    const before = (await world.as('siti').get('/workflow/instances').expect(200)).body.items as unknown[];
    const form = { amount: '250000', currency: 'IDR', description: 'Bus tickets', route: 'administration-and-budget' };
    const { body } = await preview('siti', 'reimbursement', form).expect(200);
    expect((body.steps as { node: string; wave: number; asked: unknown[] }[]).map(({ node, wave }) => `${wave} ${node}`)).toEqual(['1 administration', '2 budget-owner', '3 supervisor', '4 payment-request', '5 payment']);
    const ids = await world.ids();
    const supervisor = (body.steps as { node: string; asked: { id: string; name: string; why: string }[]; strategy: string | null }[]).find(({ node }) => node === 'supervisor')!;
    expect(supervisor).toMatchObject({ strategy: 'any', kind: 'approval', state: 'asked', asked: [{ id: ids.person('joko'), why: expect.stringMatching(/^Heads the unit \(/) }] });
    expect(body.ends).toBe(true);
    // It is what happens then.
    const filed = await world.as('siti').submits(form);
    expect(filed.openTasks[0]!.node).toBe('administration');
    expect((await world.as('siti').get('/workflow/instances').expect(200)).body.items).toHaveLength(before.length + 1);
    const { body: both } = await preview('siti', 'overtime', { day: '2026-12-01', from: '17:00', until: '20:00', work: 'Exam papers' }).expect(200);
    expect((both.steps as { node: string; wave: number }[]).map(({ node, wave }) => `${wave} ${node}`)).toEqual(['1 head', '1 budget-owner']);
  });

  it('says where nobody could decide, what is not filled in, and what is not there', async () => {
    const { body } = await preview('agus', 'absence', { day: '2026-12-01', reason: 'Dentist' }).expect(200);
    expect(body).toMatchObject({ steps: [{ node: 'head', state: 'nobody', asked: [] }], ends: false });
    expect(await preview('siti', 'absence', { day: 'tomorrow' })).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    expect(await preview('siti', 'nothing', {})).toBeProblem(404, 'NOT_FOUND');
  });
});
