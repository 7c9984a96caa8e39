import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { Flows } from '../support/workflow';

describe('definitions', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());
  const dewi = () => world.as('dewi');

  it('are drafted, whatever is wrong with them, and published when nothing is', async () => {
    const document = flows.document({ a: flows.step('done', 'lina') });
    const path = `/workflow/drafts/${document.key}`;
    const begun = await dewi().put(path, { document: { ...document, start: 'nowhere' } }).expect(200);
    expect(begun.body).toMatchObject({ key: document.key, version: 1, problems: [{ pointer: '#/start', code: 'unknown_node' }] });
    expect((await dewi().get('/workflow/drafts').expect(200)).body.items).toMatchObject([{ key: document.key, version: 1 }]);
    expect(await dewi().post(`${path}/publish`)).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
    // Two people at one draft: the second is told.
    expect(await dewi().put(path, { document })).toBeProblem(428, 'PRECONDITION_REQUIRED');
    const etag = begun.headers.etag as string;
    const saved = await dewi().put(path, { document }).set('if-match', etag).expect(200);
    expect(saved.body).toMatchObject({ version: 2, problems: [] });
    expect(await dewi().put(path, { document }).set('if-match', etag)).toBeProblem(412, 'PRECONDITION_FAILED');
    expect((await dewi().post(`${path}/publish`).expect(201)).body).toMatchObject({ key: document.key, number: 1, retiredAt: null });
    expect(await dewi().get(path)).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi().post(`${path}/publish`)).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi().put(path, { document }).set('if-match', etag)).toBeProblem(412, 'PRECONDITION_FAILED');
    const { body } = await world.as('hendra').get(`/audit/events?targetType=workflow_draft`).expect(200);
    expect((body.items as { action: string }[]).map(({ action }) => action).toSorted()).toEqual(['workflow_draft.deleted', 'workflow_draft.saved', 'workflow_draft.saved']);
  });

  it('are thrown away as drafts, and a draft of one key is not published as another', async () => {
    const document = flows.document({ a: flows.step('done', 'lina') });
    await dewi().put('/workflow/drafts/elsewhere', { document }).expect(200);
    expect((await dewi().post('/workflow/drafts/elsewhere/publish')).body).toMatchObject({ code: 'WORKFLOW_DEFINITION_INVALID', errors: [{ pointer: '#/key', code: 'another_key' }] });
    await dewi().delete('/workflow/drafts/elsewhere').expect(204);
    expect(await dewi().get('/workflow/drafts/elsewhere')).toBeProblem(404, 'NOT_FOUND');
    for (const refused of [await world.as('siti').get('/workflow/drafts'), await world.as('siti').put('/workflow/drafts/elsewhere', { document }), await world.as('siti').post('/workflow/definitions/leave/retire')]) expect(refused).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('say what has changed between two versions, and go back to an earlier one by publishing it again', async () => {
    const first = flows.document({ a: flows.step('b', 'lina'), b: flows.step('done', 'eko') });
    const second = structuredClone(first);
    second.nodes.a = flows.step('c', ['lina', 'joko'], { strategy: 'all' });
    second.nodes.c = flows.step('done', 'budi');
    delete second.nodes.b;
    for (const document of [first, second, first]) await dewi().post('/workflow/definitions', { document }).expect(201);
    const { body } = await world.as('siti').get(`/workflow/definitions/${first.key}/changes?from=1&to=2`).expect(200);
    expect(body).toMatchObject({ from: { number: 1 }, to: { number: 2 }, nodes: { added: ['c'], removed: ['b'], changed: ['a'] } });
    expect(body.changes).toEqual(expect.arrayContaining([{ pointer: '#/nodes/a/to', change: 'changed', before: 'b', after: 'c' }, { pointer: '#/nodes/b', change: 'removed', before: first.nodes.b, after: null }, { pointer: '#/nodes/a/strategy', change: 'added', before: null, after: 'all' }]));
    const back = (await world.as('siti').get(`/workflow/definitions/${first.key}/changes`).expect(200)).body;
    expect([back.from.number, back.to.number, back.nodes]).toEqual([2, 3, { added: ['b'], removed: ['c'], changed: ['a'] }]);
    const [one, three] = await Promise.all([1, 3].map(async (number) => (await world.as('siti').get(`/workflow/definitions/${first.key}/versions/${number}`).expect(200)).body as { hash: string; id: string }));
    expect([one!.hash === three!.hash, one!.id === three!.id]).toEqual([true, false]);
    expect((await world.as('siti').get(`/workflow/definitions/${first.key}/changes?from=1&to=3`).expect(200)).body.changes).toEqual([]);
    expect(await world.as('siti').get(`/workflow/definitions/${first.key}/versions/9`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('that are retired are filed by no more, run on, and come back by being restored or published', async () => {
    const document = flows.document({ a: flows.step('done', 'lina') });
    await dewi().post('/workflow/definitions', { document }).expect(201);
    const file = (submit: boolean) => world.as('siti').post('/workflow/instances', { definition: document.key, submit });
    const [running, draft] = [(await file(true).expect(201)).body, (await file(false).expect(201)).body];
    expect((await dewi().post(`/workflow/definitions/${document.key}/retire`).expect(200)).body.retiredAt).toEqual(expect.any(String));
    await dewi().post(`/workflow/definitions/${document.key}/retire`).expect(200);
    expect(await file(true)).toBeProblem(409, 'WORKFLOW_RETIRED');
    expect(await world.as('siti').post('/workflow/instances/preview', { definition: document.key })).toBeProblem(409, 'WORKFLOW_RETIRED');
    // Nor is what was only a draft when it was retired.
    expect(await world.as('siti').post(`/workflow/instances/${draft.id}/submit`, {})).toBeProblem(409, 'WORKFLOW_RETIRED');
    await world.as('lina').post(`/workflow/tasks/${running.openTasks[0].id}/approve`, {}).expect(200);
    const listed = async () => ((await dewi().get('/workflow/definitions?limit=200').expect(200)).body.items as { key: string; retiredAt: string | null }[]).find(({ key }) => key === document.key)!.retiredAt;
    expect(await listed()).not.toBeNull();
    await dewi().post(`/workflow/definitions/${document.key}/restore`).expect(200);
    await file(true).expect(201);
    await dewi().post(`/workflow/definitions/${document.key}/retire`).expect(200);
    await dewi().post('/workflow/definitions', { document }).expect(201);
    await file(true).expect(201);
    expect(await listed()).toBeNull();
    expect(await dewi().post('/workflow/definitions/nothing/retire')).toBeProblem(404, 'NOT_FOUND');
  });

  it('are refused where, as the organization stands, nobody anywhere could decide a step; and warned of where somewhere', async () => {
    const asks = (candidates: object[], more: object = {}) => flows.document({ a: { ...flows.step('done', 'lina'), candidates, ...more } as never });
    const check = async (document: object) => (await dewi().post('/workflow/definitions/check', { document }).expect(200)).body as { problems: { pointer: string; code: string; detail: string }[]; warnings: { code: string; detail: string }[] };
    const nobody = asks([{ role: 'no-such-role', within: 'school' }]);
    expect(await check(nobody)).toEqual({ problems: [{ pointer: '#/nodes/a/candidates', code: 'nobody', detail: 'nobody who may approve could decide this, wherever people work' }], warnings: [] });
    expect((await dewi().post('/workflow/definitions', { document: nobody })).body).toMatchObject({ code: 'WORKFLOW_DEFINITION_INVALID', errors: [{ code: 'nobody' }] });
    await dewi().post('/workflow/definitions', { document: nobody, anyway: true }).expect(201);
    // Somebody who is named and may not approve decides nothing.
    expect((await check(flows.document({ a: flows.step('done', 'siti') }))).problems).toMatchObject([{ code: 'nobody' }]);
    expect((await check(asks([{ relation: 'head-of-unit', up: 1 }]))).warnings.map(({ code }) => code)).toContain('nobody');
    const apart = flows.document({ a: flows.step('b', 'lina'), b: flows.step('done', 'lina', { notActorOf: ['a'] }) });
    expect((await check(apart)).problems).toEqual(expect.arrayContaining([expect.objectContaining({ pointer: '#/nodes/b/candidates', code: 'apart' })]));
    expect(await check(flows.document({ a: flows.step('b', ['lina', 'eko']), b: flows.step('done', 'lina', { notActorOf: ['a'] }) }))).toMatchObject({ problems: [] });
    const draft = asks([{ role: 'no-such-role', within: 'school' }], { title: { en: 'Other', id: 'Lain' } });
    await dewi().put(`/workflow/drafts/${draft.key}`, { document: draft }).expect(200);
    expect(await dewi().post(`/workflow/drafts/${draft.key}/publish`)).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
    await dewi().post(`/workflow/drafts/${draft.key}/publish`, { anyway: true }).expect(201);
  });
});
