import { aFoundation, aReimbursement, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

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
    let task: { id: string; node: string } | null = filed.openTask;
    let state = 'running';
    for (const [who, node, verb] of steps) {
      expect(task?.node).toBe(node);
      const body: { openTask: { id: string; node: string } | null; state: string } = (await world.as(who).answers(verb, task!.id).expect(200)).body;
      task = body.openTask;
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
    expect((await world.as('siti').submits(aReimbursement({ route }))).openTask.node).toBe(node);
  });

  it('returned with a reason can be changed and submitted again, as a new round', async () => {
    const siti = world.as('siti');
    const filed = await siti.submits();
    const returned = await world.as('lina').answers('return', filed.openTask.id).expect(200);
    expect(returned.body).toMatchObject({ state: 'returned', openTask: null });
    const again = await siti.post(`/workflow/instances/${filed.id}/submit`, { form: aReimbursement({ amount: '200000' }) }).expect(200);
    expect(again.body).toMatchObject({ state: 'running', round: 2, form: { amount: '200000' }, openTask: { node: 'administration' } });
    expect((await history('siti', filed.id)).map(({ event }) => event)).toEqual(['submitted', 'returned', 'resubmitted']);
  });

  it('is final once rejected, and sending back a finished one is refused', async () => {
    const filed = await world.as('siti').submits();
    const rejected = await world.as('lina').answers('reject', filed.openTask.id).expect(200);
    expect(rejected.body).toMatchObject({ state: 'rejected', openTask: null });
    expect(await world.as('lina').answers('return', filed.openTask.id)).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    expect(await world.as('siti').post(`/workflow/instances/${filed.id}/submit`)).toBeProblem(409, 'WORKFLOW_STATE');
    expect(await world.as('siti').post(`/workflow/instances/${filed.id}/withdraw`)).toBeProblem(409, 'WORKFLOW_STATE');
    expect(await history('siti', filed.id)).toHaveLength(2);
  });

  it('withdrawn while somebody decides closes their step, and can be taken up again', async () => {
    const filed = await world.as('siti').submits();
    expect((await world.as('siti').post(`/workflow/instances/${filed.id}/withdraw`).expect(200)).body).toMatchObject({ state: 'withdrawn', openTask: null });
    const inbox = (await world.as('lina').get('/me/tasks?limit=200').expect(200)).body.items as { instanceId: string }[];
    expect(inbox.some(({ instanceId }) => instanceId === filed.id)).toBe(false);
    expect((await world.as('siti').post(`/workflow/instances/${filed.id}/submit`).expect(200)).body).toMatchObject({ state: 'running', round: 2, endedAt: null });
  });

  it('is decided by nobody but its candidates, and by nobody on their own', async () => {
    const filed = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    expect(await world.as('siti').answers('approve', filed.openTask.id)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('lina').answers('approve', filed.openTask.id)).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect(await world.as('wayan').answers('approve', filed.openTask.id)).toBeProblem(404, 'NOT_FOUND');
    const own = await world.as('joko').submits(aReimbursement({ route: 'supervisor' }));
    expect(await world.as('joko').answers('approve', own.openTask.id)).toBeProblem(403, 'WORKFLOW_OWN_STEP');
    expect((await world.as('budi').answers('approve', own.openTask.id).expect(200)).body.openTask.node).toBe('payment-request');
    expect(await history('siti', filed.id)).toHaveLength(1);
  });

  it('answers a step only with what the step asks for', async () => {
    const filed = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    expect(await world.as('ratna').answers('complete', filed.openTask.id)).toBeProblem(403, 'PERMISSION_DENIED');
    const approved = (await world.as('joko').answers('approve', filed.openTask.id).expect(200)).body as { openTask: { id: string } };
    expect(await world.as('joko').answers('approve', approved.openTask.id)).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('ratna').answers('return', approved.openTask.id).expect(200);
  });

  it('with nobody to decide is not submitted, and nothing is written', async () => {
    const answer = await world.as('putu').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: aReimbursement({ route: 'budget' }) });
    expect(answer).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
    const before = (await world.as('putu').get('/workflow/instances').expect(200)).body.items as unknown[];
    expect(before).toHaveLength(0);
    // SMP 2 has no deputy; the rule's second area is the whole foundation, so SMA 1's steps in.
    expect((await world.as('putu').submits(aReimbursement({ route: 'pre-approver' }))).openTask.node).toBe('pre-approval');
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
    expect((await siti.post(`/workflow/instances/${draft.id}/submit`).expect(200)).body.round).toBe(1);
    expect(await siti.put(`/workflow/instances/${draft.id}/form`, { form: aReimbursement(), seq: 1 })).toBeProblem(409, 'WORKFLOW_STATE');
  });

  it('clicked ten times at once is decided exactly once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const filed = await world.as('siti').submits();
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => world.as('lina').answers(index % 3 === 0 ? 'return' : 'approve', filed.openTask.id)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect(answer).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
      expect(await history('siti', filed.id)).toHaveLength(2);
    }
  });

  it('withdrawn and approved at once has one outcome', async () => {
    for (let round = 0; round < 5; round += 1) {
      const filed = await world.as('siti').submits();
      const [withdrawn, approved] = await Promise.all([world.as('siti').post(`/workflow/instances/${filed.id}/withdraw`), world.as('lina').answers('approve', filed.openTask.id)]);
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
      await world.as('wayan').answers('approve', filed.openTask.id).expect(200);
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
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows } = await client.query<{ seq: number; entries: number; last: number; open: number; state: string }>(`
        SELECT i.seq, i.state::text, count(h.*)::int AS entries, coalesce(max(h.seq), 0) AS last,
               (SELECT count(*)::int FROM workflow_task t WHERE t.instance_id = i.id AND t.state = 'open') AS open
          FROM workflow_instance i LEFT JOIN workflow_history h ON h.instance_id = i.id GROUP BY i.id`);
      expect(rows.length).toBeGreaterThan(10);
      for (const row of rows) {
        expect(row.entries).toBe(row.seq);
        expect(row.last).toBe(row.seq);
        expect(row.open).toBe(row.state === 'running' ? 1 : 0);
      }
    });
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
    expect(await world.as('siti').post('/workflow/definitions', { document })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('siti').get('/workflow/definitions/nothing')).toBeProblem(404, 'NOT_FOUND');
  });
});
