import { aFoundation, aReimbursement, startApp, type TestApp, type World } from '../support/app';
import { refoldsToWhereItStands } from '../support/workflow-history';

describe('a reimbursement', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  const history = async (handle: string, id: string) => ((await world.as(handle).get(`/workflow/instances/${id}/history`).expect(200)).body.items as { seq: number; event: string; node: string | null }[]);

  it('goes through administration, budget owner and supervisor to payment', async () => {
    const filed = await world.as('siti').submits(aReimbursement({ route: 'administration-and-budget' }));
    const steps: [string, string, 'approve' | 'complete'][] = [
      ['lina', 'administration', 'approve'],
      ['eko', 'budget-owner', 'approve'],
      ['joko', 'supervisor', 'approve'],
      ['ratna', 'payment-request', 'complete'],
      ['ratna', 'payment', 'complete'],
    ];
    let task = filed.openTasks[0];
    let state = 'running';
    for (const [who, node, verb] of steps) {
      expect(task?.node).toBe(node);
      const body: { openTasks: { id: string; node: string }[]; state: string } = (await world.as(who).answers(verb, task!.id).expect(200)).body;
      task = body.openTasks[0];
      state = body.state;
    }
    expect(state).toBe('completed');
    expect((await history('siti', filed.id)).map(({ seq, event, node }) => `${seq} ${event} ${node}`)).toEqual([
      '1 submitted null', '2 approved administration', '3 approved budget-owner', '4 approved supervisor', '5 step_completed payment-request', '6 step_completed payment',
    ]);
  });

  it.each([
    ['administration', 'administration'],
    ['administration-and-budget', 'administration'],
    ['pre-approver', 'pre-approval'],
    ['supervisor', 'supervisor'],
  ])('with route %s begins at %s', async (route, node) => {
    expect((await world.as('siti').submits(aReimbursement({ route }))).openTasks[0]!.node).toBe(node);
  });

  it('returned with a reason can be changed and submitted again, as a new round', async () => {
    const siti = world.as('siti');
    const filed = await siti.submits();
    const returned = await world.as('lina').answers('return', filed.openTasks[0]!.id).expect(200);
    expect(returned.body).toMatchObject({ state: 'returned', openTasks: [] });
    const again = await siti.post(`/workflow/instances/${filed.id}/submit`, { form: aReimbursement({ amount: '200000' }) }).expect(200);
    expect(again.body).toMatchObject({ state: 'running', round: 2, form: { amount: '200000' }, openTasks: [{ node: 'administration' }] });
    expect((await history('siti', filed.id)).map(({ event }) => event)).toEqual(['submitted', 'returned', 'resubmitted']);
  });

  it('is final once rejected, and sending back a finished one is refused', async () => {
    const filed = await world.as('siti').submits();
    const rejected = await world.as('lina').answers('reject', filed.openTasks[0]!.id).expect(200);
    expect(rejected.body).toMatchObject({ state: 'rejected', openTasks: [] });
    expect(await world.as('lina').answers('return', filed.openTasks[0]!.id)).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    expect(await world.as('siti').post(`/workflow/instances/${filed.id}/submit`)).toBeProblem(409, 'WORKFLOW_STATE');
    expect(await world.as('siti').post(`/workflow/instances/${filed.id}/withdraw`)).toBeProblem(409, 'WORKFLOW_STATE');
    expect(await history('siti', filed.id)).toHaveLength(2);
  });

  it('withdrawn while somebody decides closes their step, and can be taken up again', async () => {
    const filed = await world.as('siti').submits();
    expect((await world.as('siti').post(`/workflow/instances/${filed.id}/withdraw`).expect(200)).body).toMatchObject({ state: 'withdrawn', openTasks: [] });
    const inbox = (await world.as('lina').get('/me/tasks?limit=200').expect(200)).body.items as { instanceId: string }[];
    expect(inbox.some(({ instanceId }) => instanceId === filed.id)).toBe(false);
    expect((await world.as('siti').post(`/workflow/instances/${filed.id}/submit`).expect(200)).body).toMatchObject({ state: 'running', round: 2, endedAt: null });
  });

  it('is decided by nobody but its candidates, and by nobody on their own', async () => {
    const filed = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    expect(await world.as('siti').answers('approve', filed.openTasks[0]!.id)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('lina').answers('approve', filed.openTasks[0]!.id)).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect(await world.as('wayan').answers('approve', filed.openTasks[0]!.id)).toBeProblem(404, 'NOT_FOUND');
    const own = await world.as('joko').submits(aReimbursement({ route: 'supervisor' }));
    expect(await world.as('joko').answers('approve', own.openTasks[0]!.id)).toBeProblem(403, 'WORKFLOW_OWN_STEP');
    expect((await world.as('budi').answers('approve', own.openTasks[0]!.id).expect(200)).body.openTasks[0]!.node).toBe('payment-request');
    expect(await history('siti', filed.id)).toHaveLength(1);
  });

  it('answers a step only with what the step asks for', async () => {
    const filed = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    expect(await world.as('ratna').answers('complete', filed.openTasks[0]!.id)).toBeProblem(403, 'PERMISSION_DENIED');
    const approved = (await world.as('joko').answers('approve', filed.openTasks[0]!.id).expect(200)).body as { openTasks: { id: string }[] };
    expect(await world.as('joko').answers('approve', approved.openTasks[0]!.id)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('ratna').answers('reject', approved.openTasks[0]!.id)).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('ratna').answers('return', approved.openTasks[0]!.id).expect(200);
    // An administrator holds everything and is still no candidate; for a system step they may answer, but not approve it.
    const again = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    const paying = (await world.as('joko').answers('approve', again.openTasks[0]!.id).expect(200)).body as { openTasks: { id: string }[] };
    expect(await world.as('dewi').answers('approve', paying.openTasks[0]!.id)).toBeProblem(409, 'WORKFLOW_VERB');
    expect(await world.as('dewi').answers('reject', paying.openTasks[0]!.id)).toBeProblem(409, 'WORKFLOW_VERB');
  });

  it('with nobody to decide is not submitted, and nothing is written', async () => {
    // The director heads everything; nobody stands above to approve what the director files.
    const answer = await world.as('agus').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: aReimbursement({ route: 'supervisor' }) });
    expect(answer).toBeProblem(409, 'WORKFLOW_NO_CANDIDATE');
    expect((await world.as('agus').get('/workflow/instances?limit=200').expect(200)).body.items.filter((each: { state: string }) => each.state === 'draft')).toEqual([]);
    const ids = await world.ids();
    const nobody = (await world.as('dewi').post('/people', { employeeNumber: '5555', fullName: 'Without a post' }).expect(201)).body as { id: string };
    const { code } = (await world.as('dewi').post('/invitations', { personId: nobody.id }).expect(201)).body as { code: string };
    await world.as('postless').post('/me/link', { code }).expect(204);
    expect(await world.as('postless').post('/workflow/instances', { definition: 'reimbursement' })).toBeProblem(409, 'WORKFLOW_NO_UNIT');
    expect(await world.as('siti').post('/workflow/instances', { definition: 'reimbursement', unitId: ids.unit('smp-2') })).toBeProblem(409, 'WORKFLOW_NO_UNIT');
    // SMP 2 has no deputy; the rule's second area is the whole foundation, so SMA 1's steps in.
    expect((await world.as('putu').submits(aReimbursement({ route: 'pre-approver' }))).openTasks[0]!.node).toBe('pre-approval');
    const { body: inbox } = await world.as('maya').get('/me/tasks').expect(200);
    expect(inbox.items.at(-1).why).toContain('Anda memegang peran Pre-approver');
  });

  it('refuses a form that is not filled in as asked, with pointers, and writes nothing', async () => {
    const answer = await world.as('siti').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: { amount: '-5', currency: 'XXX', extra: 1 } });
    expect(answer).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    expect((answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer).sort()).toEqual(['#/form/amount', '#/form/currency', '#/form/description', '#/form/extra', '#/form/route']);
  });

  it('kept as a draft is seen by its owner alone until submitted', async () => {
    const siti = world.as('siti');
    const draft = (await siti.post('/workflow/instances', { definition: 'reimbursement', form: { amount: '1' } }).expect(201)).body as { id: string; seq: number };
    expect(await siti.post(`/workflow/instances/${draft.id}/submit`)).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    await siti.put(`/workflow/instances/${draft.id}/form`, { form: aReimbursement(), seq: draft.seq }).expect(200);
    expect(await siti.put(`/workflow/instances/${draft.id}/form`, { form: {}, seq: 7 })).toBeProblem(409, 'STALE_VERSION');
    expect(await world.as('putu').get(`/workflow/instances/${draft.id}`)).toBeProblem(404, 'NOT_FOUND');
    expect(await world.as('joko').put(`/workflow/instances/${draft.id}/form`, { form: {}, seq: 0 })).toBeProblem(403, 'WORKFLOW_NOT_INITIATOR');
    const saves = await Promise.all([1, 2].map((n) => siti.put(`/workflow/instances/${draft.id}/form`, { form: aReimbursement({ amount: String(n) }), seq: 1 })));
    expect(saves.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect((await siti.post(`/workflow/instances/${draft.id}/submit`).expect(200)).body.round).toBe(1);
    expect(await siti.put(`/workflow/instances/${draft.id}/form`, { form: aReimbursement(), seq: 3 })).toBeProblem(409, 'WORKFLOW_STATE');
  });

  it('clicked ten times at once is decided exactly once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const filed = await world.as('siti').submits();
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => world.as('lina').answers(index % 3 === 0 ? 'return' : 'approve', filed.openTasks[0]!.id)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect(answer).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
      expect(await history('siti', filed.id)).toHaveLength(2);
    }
  });

  it('withdrawn and approved at once has one outcome', async () => {
    for (let round = 0; round < 5; round += 1) {
      const filed = await world.as('siti').submits();
      const [withdrawn, approved] = await Promise.all([world.as('siti').post(`/workflow/instances/${filed.id}/withdraw`), world.as('lina').answers('approve', filed.openTasks[0]!.id)]);
      // Approved first, it can still be withdrawn from the next step; withdrawn first, there is nothing to approve.
      expect(withdrawn.status).toBe(200);
      const events = (await history('siti', filed.id)).map(({ event }) => event);
      expect(events).toEqual(approved.status === 200 ? ['submitted', 'approved', 'withdrawn'] : ['submitted', 'withdrawn']);
    }
  });

  it('shows an inbox of exactly the steps one may act on, in pages, with the reason', async () => {
    const before = (await world.as('fitri').get('/me/tasks').expect(200)).body.items as unknown[];
    expect(before).toEqual([]);
    for (let n = 0; n < 3; n += 1) {
      const filed = await world.as('putu').submits(aReimbursement({ route: 'administration-and-budget', amount: String(n + 1) }));
      await world.as('wayan').answers('approve', filed.openTasks[0]!.id).expect(200);
    }
    const amounts: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await world.as('fitri').get(`/me/tasks?limit=2${cursor ? `&cursor=${cursor}` : ''}`).expect(200);
      expect(body.items.length).toBeLessThanOrEqual(2);
      amounts.push(...(body.items as { form: { amount: string } }[]).map(({ form }) => form.amount));
      expect(body.items[0]).toMatchObject({ title: 'Persetujuan pemilik anggaran', why: 'Anda memegang peran Budget owner (Bursar, School Office)' });
      cursor = body.nextCursor as string | null;
    }
    expect(amounts).toEqual(['1', '2', '3']);
  });

  it('lists requests by what the caller may read', async () => {
    const list = async (handle: string) => ((await world.as(handle).get('/workflow/instances?limit=200').expect(200)).body.items as { initiatorId: string }[]);
    const ids = await world.ids();
    expect(new Set((await list('siti')).map(({ initiatorId }) => initiatorId))).toEqual(new Set([ids.person('siti')]));
    expect(new Set((await list('yohanes')).map(({ initiatorId }) => initiatorId))).toEqual(new Set([ids.person('putu')]));
    expect(new Set((await list('hendra')).map(({ initiatorId }) => initiatorId))).toEqual(new Set([ids.person('siti'), ids.person('putu'), ids.person('joko')]));
  });

  it('has its history proven against its marking: every instance refolds to where it stands', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(10);
  });
});

describe('a definition', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  it('is published as a new version, and running requests stay on theirs', async () => {
    const dewi = world.as('dewi');
    const filed = await world.as('siti').submits();
    const current = (await dewi.get('/workflow/definitions/reimbursement').expect(200)).body as { number: number; document: { nodes: Record<string, { to?: string }> } };
    const document = structuredClone(current.document);
    document.nodes.administration!.to = 'supervisor';
    delete document.nodes.budget;
    delete document.nodes['budget-owner'];
    expect((await dewi.post('/workflow/definitions', { document }).expect(201)).body.number).toBe(current.number + 1);
    expect((await dewi.post('/workflow/definitions', { document }).expect(201)).body.number).toBe(current.number + 1);
    const { body } = await world.as('siti').get(`/workflow/instances/${filed.id}`).expect(200);
    expect((await dewi.get('/workflow/definitions').expect(200)).body.items.find((each: { id: string }) => each.id === body.definition.id).number).toBe(current.number);
  });

  it('that is not sound is refused with the place, and by whom it is not allowed', async () => {
    const { document } = (await world.as('dewi').get('/workflow/definitions/reimbursement').expect(200)).body as { document: { nodes: Record<string, object> } };
    const answer = await world.as('dewi').post('/workflow/definitions', { document: { ...document, nodes: { ...document.nodes, alone: { type: 'end' } } } });
    expect(answer).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
    expect(answer.body.errors).toEqual([{ pointer: '#/nodes/alone', code: 'unreachable', detail: 'no way leads here from the start' }]);
    const withForm = (form: object) => ({ document: { ...document, form: { type: 'object', properties: { route: form } } } });
    // A form that validates asynchronously would let everything through; a pattern may not take the process hostage.
    for (const form of [{ $async: true }, { type: 'string', pattern: '(' }, { type: 'string', pattern: '(?=a)b' }, { $ref: '#' }, { allOf: [{ $dynamicRef: '#' }] }]) expect(await world.as('dewi').post('/workflow/definitions', withForm(form))).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
    await world.as('dewi').post('/workflow/definitions', withForm({ type: 'string', pattern: '^(a+)+$' })).expect(201);
    const begun = Date.now();
    expect(await world.as('siti').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: { route: `${'a'.repeat(50_000)}!` } })).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    expect(Date.now() - begun).toBeLessThan(20_000);
    expect(await world.as('siti').post('/workflow/definitions', { document })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('siti').get('/workflow/definitions/nothing')).toBeProblem(404, 'NOT_FOUND');
  });
});
