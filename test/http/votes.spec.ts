import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('a step for several people', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());
  const PEOPLE = ['lina', 'eko', 'joko'];

  it('waits until its votes decide, and is gone from the inbox of who has voted', async () => {
    const request = await flows.filed({ a: flows.step('done', PEOPLE, { strategy: 'all' }) });
    expect(request.votes('a')).toEqual({ approve: 0, reject: 0, abstain: 0, open: 3 });
    for (const handle of PEOPLE) expect(await request.isAsked(handle, 'a')).toBe(true);
    await request.does('eko', 'approve', 'a');
    expect([request.state, request.votes('a')]).toEqual(['running', { approve: 1, reject: 0, abstain: 0, open: 2 }]);
    expect([await request.isAsked('eko', 'a'), await request.isAsked('lina', 'a')]).toEqual([false, true]);
    expect(await request.tries('eko', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_ALREADY_DECIDED');
    expect(await request.tries('eko', 'reject', 'a')).toBeProblem(409, 'WORKFLOW_ALREADY_DECIDED');
    await request.does('joko', 'approve', 'a');
    await request.does('lina', 'approve', 'a');
    expect(request.state).toBe('completed');
    const { body } = await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200);
    expect((body.items as { event: string }[]).map(({ event }) => event)).toEqual(['submitted', 'voted', 'voted', 'approved']);
  });

  it('is decided by who is first, where one is enough', async () => {
    const request = await flows.filed({ a: flows.step('done', PEOPLE) });
    await request.does('joko', 'approve', 'a');
    expect(request.state).toBe('completed');
    expect(await request.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    expect((await (await flows.filed({ a: flows.step('done', PEOPLE) })).does('lina', 'reject', 'a')).state).toBe('rejected');
  });

  it('counts people for a quorum, weights where it says so, and lets abstain where it says so', async () => {
    const quorum = await flows.filed({ a: flows.step('done', PEOPLE, { strategy: { quorum: 2 } }) });
    await quorum.does('lina', 'reject', 'a');
    await quorum.does('eko', 'approve', 'a');
    expect(quorum.state).toBe('running');
    expect((await quorum.does('joko', 'approve', 'a')).state).toBe('completed');
    // lina counts 1, eko 2, joko 3.
    expect((await (await flows.filed({ a: flows.step('done', PEOPLE, { strategy: { weighted: 3 } }) })).does('joko', 'approve', 'a')).state).toBe('completed');
    const majority = await flows.filed({ a: flows.step('done', PEOPLE, { strategy: 'majority', abstain: true }) });
    await majority.does('joko', 'abstain', 'a');
    await majority.does('lina', 'reject', 'a');
    expect(majority.votes('a')).toEqual({ approve: 0, reject: 1, abstain: 1, open: 1 });
    expect((await majority.does('eko', 'approve', 'a')).state).toBe('completed');
    expect(await (await flows.filed({ a: flows.step('done', PEOPLE, { strategy: 'majority' }) })).tries('joko', 'abstain', 'a')).toBeProblem(409, 'WORKFLOW_VERB');
    const document = flows.document({ a: flows.step('done', PEOPLE, { strategy: { quorum: 4 } }) });
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    expect(await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true })).toBeProblem(409, 'WORKFLOW_NO_CANDIDATE');
  });

  it('asks one after the other, in the order of its rules', async () => {
    const request = await flows.filed({ a: flows.step('done', PEOPLE, { strategy: 'sequential' }) });
    const asked = async () => (await Promise.all(PEOPLE.map(async (handle) => ((await request.isAsked(handle, 'a')) ? [handle] : [])))).flat();
    expect(await asked()).toEqual(['lina']);
    expect(await request.tries('joko', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TURN');
    expect(await request.tries('eko', 'return', 'a')).toBeProblem(409, 'WORKFLOW_TURN');
    await request.does('lina', 'approve', 'a');
    expect(await asked()).toEqual(['eko']);
    await request.does('eko', 'approve', 'a');
    expect(await asked()).toEqual(['joko']);
    expect((await request.does('joko', 'reject', 'a')).state).toBe('rejected');
  });

  it('of votes cast at once counts each once, and has one outcome', async () => {
    for (let round = 0; round < 5; round += 1) {
      const request = await flows.filed({ a: flows.step('done', PEOPLE, { strategy: { quorum: 2 } }) });
      const answers = await Promise.all([...PEOPLE, ...PEOPLE].map((handle) => request.tries(handle, 'approve', 'a')));
      const [accepted, refused] = [answers.filter(({ status }) => status === 200), answers.filter(({ status }) => status !== 200)];
      expect(accepted).toHaveLength(2);
      for (const { body } of refused) expect(['WORKFLOW_TASK_CLOSED', 'WORKFLOW_ALREADY_DECIDED']).toContain(body.code);
      expect((await world.as('siti').get(`/workflow/instances/${request.id}`).expect(200)).body).toMatchObject({ state: 'completed', openTasks: [], seq: 3 });
    }
  });

  it('keeps apart who decided another step: they are not asked, and cannot lend themselves in', async () => {
    const nodes = () => ({ a: flows.step('b', ['lina', 'eko']), b: flows.step('done', ['lina', 'eko', 'joko'], { notActorOf: ['a'], strategy: 'all' }) });
    const request = await flows.filed(nodes());
    await request.does('lina', 'approve', 'a');
    expect([request.votes('b'), await request.isAsked('lina', 'b')]).toEqual([{ approve: 0, reject: 0, abstain: 0, open: 2 }, false]);
    expect(await request.tries('lina', 'approve', 'b')).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    // Asked at the same time, whoever answered the one would be waited for at the other.
    const both = flows.document({ f: { type: 'parallel', to: ['a', 'b'] }, a: flows.step('j', ['lina', 'eko']), b: flows.step('j', ['lina', 'joko'], { notActorOf: ['a'] }), j: { type: 'parallel', to: ['done'] } });
    expect((await world.as('dewi').post('/workflow/definitions', { document: both })).body.errors).toMatchObject([{ pointer: '#/nodes/b/notActorOf/0', code: 'together' }]);
    const nobody = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'lina', { notActorOf: ['a'] }) });
    expect(await nobody.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_NO_CANDIDATE');
    const skipped = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'lina', { notActorOf: ['a'], noCandidate: 'skip' }) });
    expect((await skipped.does('lina', 'approve', 'a')).state).toBe('completed');
  });

  it('finds people by position, and further up than the own unit', async () => {
    const titled = { en: 'A step', id: 'Langkah' };
    const one = async (candidates: object[], by = 'siti') => {
      const document = { ...flows.document({ a: { ...flows.step('done', 'lina'), candidates, title: titled } as never }) };
      await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
      const { body, status } = await world.as(by).post('/workflow/instances', { definition: document.key, submit: true });
      if (status !== 201) return body.code as string;
      const people = (await world.as(by).get(`/workflow/instances/${body.id}/history`).expect(200)).body.items[0].data.opened[0].asked as { personId: string }[];
      const ids = await world.ids();
      return ['joko', 'agus', 'lina', 'budi', 'eko'].filter((handle) => people.some(({ personId }) => personId === ids.person(handle)));
    };
    const { items: posts } = (await world.as('dewi').get(`/appointments?limit=200&personId=${(await world.ids()).person('joko')}`).expect(200)).body as { items: { positionId: string }[] };
    const head = (await world.as('dewi').get(`/positions/${posts[0]!.positionId}`).expect(200)).body as { code: string };
    expect(await one([{ relation: 'head-of-unit' }])).toEqual(['joko']);
    expect(await one([{ relation: 'head-of-unit', up: 1 }])).not.toEqual(['joko']);
    expect(await one([{ position: head.code, within: 'school' }])).toEqual(['joko']);
    expect(await one([{ position: 'nothing-like-it', within: 'foundation' }])).toBe('WORKFLOW_NO_CANDIDATE');
    expect(await one([{ position: 'nothing-like-it', within: 'unit' }, { person: (await world.ids()).person('eko') }])).toEqual(['eko']);
    // Nobody decides on their own, by whatever rule.
    expect(await one([{ person: (await world.ids()).person('siti') }])).toBe('WORKFLOW_NO_CANDIDATE');
    expect(await one([{ person: '00000000-0000-4000-8000-000000000000' }])).toBe('WORKFLOW_NO_CANDIDATE');
  });

  it('repeated across a deployment is answered as it stands, not as the release before wrote it', async () => {
    const request = await flows.filed({ a: flows.step('done', 'joko') });
    const send = () => world.as('joko').post(`/workflow/tasks/${request.taskOf('a')}/approve`, {}).set('Idempotency-Key', `across-${request.id}`);
    const { body } = await send().expect(200);
    await connected(testApp.database.adminUrl, (client) => client.query("UPDATE idempotency_record SET body = ((body::jsonb - 'openTasks') || '{\"openTask\": null}')::text WHERE key = $1", [`across-${request.id}`]));
    expect((await send().expect(200)).body).toEqual(body);
  });

  it('leaves a history from which every request refolds', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(15);
  });
});
