import { aFoundation, aReimbursement, startApp, type TestApp, type World } from '../support/app';

/** Grants for single rows, under conditions and lent: one foundation, each test with people of its own. */
describe('a grant', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const person = (handle: string) => ({ type: 'person', id: ids.person(handle) });
  const give = async (body: object, by = 'dewi') => (await world.as(by).post('/grants', body).expect(201)).body as { id: string; condition: unknown; resource: unknown; grantedBy: string };
  const file = async (by: string, submit = false) => (await world.as(by).post('/workflow/instances', { definition: 'reimbursement', submit, form: submit ? aReimbursement({ route: 'supervisor' }) : {} }).expect(201)).body as { id: string };
  const seen = async (by: string) => ((await world.as(by).get('/workflow/instances?limit=200').expect(200)).body as { items: { id: string; state: string }[] }).items;
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

  it('for one row reaches that row, in lists and by itself, and no other', async () => {
    const [one, other] = [await file('siti'), await file('siti')];
    const given = await give({ permission: 'workflow:read', scope: 'all', resource: { type: 'request', id: one.id }, subject: person('fitri'), reason: 'Asked for help' });
    expect(given).toMatchObject({ resource: { type: 'request', id: one.id }, condition: null, grantedBy: `person:${ids.person('dewi')}` });
    expect((await seen('fitri')).map(({ id }) => id)).toContain(one.id);
    expect((await seen('fitri')).map(({ id }) => id)).not.toContain(other.id);
    await world.as('fitri').get(`/workflow/instances/${one.id}`).expect(200);
    expect(await world.as('fitri').get(`/workflow/instances/${other.id}`)).toBeProblem(404, 'NOT_FOUND');
    await world.as('dewi').delete(`/grants/${given.id}`).expect(204);
    expect(await world.as('fitri').get(`/workflow/instances/${one.id}`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('that denies one row hides it from who sees the others', async () => {
    const [one, other] = [await file('siti'), await file('siti')];
    await give({ permission: 'workflow:read', effect: 'deny', scope: 'all', resource: { type: 'request', id: one.id }, subject: person('agus') });
    await give({ permission: 'workflow:read', scope: 'all', subject: person('agus') });
    const found = (await seen('agus')).map(({ id }) => id);
    expect([found.includes(one.id), found.includes(other.id)]).toEqual([false, true]);
    expect(await world.as('agus').get(`/workflow/instances/${one.id}`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('names a row however its id is written', async () => {
    const one = await file('yohanes');
    await give({ permission: 'workflow:read', effect: 'deny', scope: 'all', resource: { type: 'request', id: one.id.toUpperCase() }, subject: person('hendra') });
    await give({ permission: 'workflow:read', scope: 'all', subject: person('hendra') });
    expect(await world.as('hendra').get(`/workflow/instances/${one.id}`)).toBeProblem(404, 'NOT_FOUND');
    expect((await seen('hendra')).map(({ id }) => id)).not.toContain(one.id);
  });

  it('under a condition lets nobody change a row into what they could not have made', async () => {
    const posts = { permission: 'person:write', scope: 'all', resource: { type: 'appointment' }, condition: { op: 'eq', left: { attribute: 'resource.acting' }, right: { value: true } }, subject: person('eko') };
    await give(posts);
    await give({ permission: 'person:read', scope: 'all', subject: person('eko') });
    await give({ permission: 'person:write', scope: 'all', resource: { type: 'person' }, subject: person('eko') });
    const post = ((await world.as('dewi').post('/positions', { unitId: ids.unit('sma-1'), code: 'guest', title: 'Guest' }).expect(201)).body as { id: string }).id;
    const body = { personId: ids.person('fitri'), positionId: post };
    expect(await world.as('eko').post('/appointments', { ...body, acting: false })).toBeProblem(403, 'PERMISSION_DENIED');
    const made = (await world.as('eko').post('/appointments', { ...body, acting: true }).expect(201)).body as { id: string; version: number };
    expect(await world.as('eko').patch(`/appointments/${made.id}`, { acting: false, version: made.version })).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('under a condition reaches the rows for which it is true, and a list and a check agree', async () => {
    const [draft, running] = [await file('putu'), await file('putu', true)];
    const condition = { op: 'and', of: [{ op: 'eq', left: { attribute: 'resource.state' }, right: { value: 'running' } }, { op: 'not', of: { op: 'lt', left: { attribute: 'context.time' }, right: { attribute: 'resource.submittedAt' } } }] };
    const given = await give({ permission: 'workflow:read', scope: 'all', resource: { type: 'request' }, condition, subject: person('lina') });
    expect(given.condition).toEqual(condition);
    const found = (await seen('lina')).map(({ id }) => id);
    expect([found.includes(running.id), found.includes(draft.id)]).toEqual([true, false]);
    await world.as('lina').get(`/workflow/instances/${running.id}`).expect(200);
    expect(await world.as('lina').get(`/workflow/instances/${draft.id}`)).toBeProblem(404, 'NOT_FOUND');
    const check = (resource: object) => world.as('dewi').post('/permissions/check', { permission: 'workflow:read', personId: ids.person('lina'), resource });
    expect((await check({ type: 'request', properties: { state: 'draft' } })).body).toMatchObject({ allowed: false, because: { kind: 'condition-unmet', grantIds: [given.id] } });
    // What is not known does not allow.
    expect((await check({ type: 'request', properties: { state: 'running' } })).body.allowed).toBe(false);
    expect((await check({ type: 'request', properties: { state: 'running', submittedAt: '2026-01-01T00:00:00Z' } })).body.allowed).toBe(true);
    // A value no state ever has is no error.
    await give({ permission: 'workflow:read', scope: 'all', resource: { type: 'request' }, condition: { op: 'ne', left: { attribute: 'resource.state' }, right: { value: 'nonsense' } }, subject: person('wayan') });
    expect((await seen('wayan')).map(({ id }) => id)).toEqual(expect.arrayContaining([draft.id, running.id]));
  });

  it('whose condition does not type-check, or whose rows are not the permission’s, is refused with the place, and nothing is written', async () => {
    const post = (body: object) => world.as('dewi').post('/grants', { permission: 'workflow:read', scope: 'all', subject: person('joko'), ...body });
    const pointers = async (body: object) => {
      const answer = await post(body);
      expect(answer).toBeProblem(400, 'REQUEST_INVALID');
      return (answer.body as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer);
    };
    const request = { resource: { type: 'request' } };
    expect(await pointers({ ...request, condition: { op: 'lt', left: { attribute: 'resource.state' }, right: { value: 'x' } } })).toEqual(['#/condition']);
    expect(await pointers({ ...request, condition: { op: 'not', of: { op: 'eq', left: { attribute: 'resource.code' }, right: { value: 'x' } } } })).toEqual(['#/condition/of/left']);
    // Without a kind there is no row to ask about.
    expect(await pointers({ condition: { op: 'eq', left: { attribute: 'resource.state' }, right: { value: 'draft' } } })).toEqual(['#/condition/left']);
    expect(await pointers({ resource: { type: 'person' } })).toEqual(['#/resource/type']);
    expect(await pointers({ permission: 'audit:read', resource: { type: 'person' } })).toEqual(['#/resource/type']);
    for (const condition of [{}, { op: 'eval', of: 'x' }, { op: 'eq', left: { attribute: '__proto__' }, right: { value: 1 } }, { op: 'eq', left: { value: 'a\0' }, right: { attribute: 'subject.id' } }]) {
      expect(await post({ ...request, condition })).toBeProblem(400, 'REQUEST_INVALID');
    }
    const nested = (levels: number) => {
      let deep: object = { op: 'known', of: { attribute: 'resource.state' } };
      for (let level = 0; level < levels; level += 1) deep = { op: 'not', of: deep };
      return deep;
    };
    expect(await post({ ...request, condition: nested(8) })).toBeProblem(400, 'REQUEST_INVALID');
    expect((await post({ ...request, condition: nested(5_000) })).status).toBe(400);
    expect(((await world.as('dewi').get(`/grants?personId=${ids.person('joko')}`).expect(200)).body as { items: unknown[] }).items).toEqual([]);
  });

  it('is given once: the same again in a period that overlaps is refused, another period or condition is not', async () => {
    const body = { permission: 'workflow:complete', scope: 'all', subject: person('eko') };
    await give({ ...body, validFrom: inHours(1), validUntil: inHours(3) });
    const answers = await Promise.all([1, 2].map(() => world.as('dewi').post('/grants', { ...body, validFrom: inHours(3), validUntil: inHours(5) })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect(await world.as('dewi').post('/grants', { ...body, validFrom: inHours(2) })).toBeProblem(409, 'CODE_TAKEN');
    await give({ ...body, resource: { type: 'request' }, validFrom: inHours(2) });
  });

  it('limited to rows or by a condition is no reason to give one that is not', async () => {
    const limited = { resource: { type: 'request' }, condition: { op: 'eq', left: { attribute: 'resource.definition' }, right: { value: 'reimbursement' } } };
    await give({ permission: 'grant:write', scope: 'all', subject: person('budi') });
    await give({ permission: 'workflow:complete', scope: 'all', ...limited, subject: person('budi') });
    const body = { permission: 'workflow:complete', scope: 'all', subject: person('maya') };
    expect(await world.as('budi').post('/grants', body)).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('budi').post('/grants', { ...body, resource: limited.resource })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('budi').post('/grants', { ...body, ...limited, resource: { type: 'request' }, condition: { ...limited.condition, op: 'ne' } })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    // The same one, however it is written.
    await give({ ...body, ...limited, condition: { right: limited.condition.right, left: limited.condition.left, op: limited.condition.op } }, 'budi');
    // A condition about the person is another grant for another person.
    const personal = { resource: { type: 'request' }, condition: { op: 'ne', left: { attribute: 'subject.id' }, right: { value: 'nobody' } } };
    await give({ permission: 'workflow:submit', scope: 'all', ...personal, subject: person('budi') });
    expect(await world.as('budi').post('/grants', { permission: 'workflow:submit', scope: 'all', ...personal, subject: person('maya') })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    await give({ ...body, ...limited, resource: { type: 'request', id: (await file('siti')).id } }, 'budi');
  });
});

describe('a delegation', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const lend = (by: string, to: string, more: object = {}) => world.as(by).post('/delegations', { borrowerId: ids.person(to), validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'Annual leave', ...more });
  const audits = (handle: string) => world.as(handle).get('/audit/events?limit=1');

  it('lets the borrower do what the lender may, says through whom, and ends with the answer', async () => {
    expect(await audits('maya')).toBeProblem(403, 'PERMISSION_DENIED');
    const loan = (await lend('hendra', 'maya', { permissions: ['audit:read'] }).expect(201)).body as { id: string; permissions: string[] };
    expect(loan.permissions).toEqual(['audit:read']);
    await audits('maya').expect(200);
    expect((await world.as('maya').get('/me/permissions').expect(200)).body.permissions).toContainEqual({ code: 'audit:read', scopes: ['all'], denied: false, lent: true });
    expect((await world.as('maya').post('/permissions/check', { permission: 'audit:read', resource: {} }).expect(200)).body).toMatchObject({ allowed: true, because: { kind: 'allow', loans: [{ id: loan.id, lenderId: ids.person('hendra') }] } });
    await world.as('maya').delete(`/delegations/${loan.id}`).expect(204);
    expect(await audits('maya')).toBeProblem(403, 'PERMISSION_DENIED');
    // Ended is ended: again changes nothing, and it stays readable.
    await world.as('hendra').delete(`/delegations/${loan.id}`).expect(204);
    expect((await world.as('hendra').get('/delegations').expect(200)).body.items).toMatchObject([{ id: loan.id, reason: 'Annual leave' }]);
    expect((await world.as('dewi').get('/delegations').expect(200)).body.items).toHaveLength(1);
    expect((await world.as('siti').get('/delegations').expect(200)).body.items).toEqual([]);
    expect(await world.as('siti').delete(`/delegations/${loan.id}`)).toBeProblem(404, 'NOT_FOUND');
    const events = (await audits('hendra').expect(200), await world.as('hendra').get('/audit/events?action=delegation.ended').expect(200));
    expect(events.body.items).toMatchObject([{ target: { type: 'delegation', id: loan.id } }]);
  });

  it('is never more than the lender has at that moment, nor wider than it says', async () => {
    const given = (await world.as('dewi').post('/grants', { permission: 'person:read', scope: 'all', subject: { type: 'person', id: ids.person('joko') } }).expect(201)).body as { id: string };
    await lend('joko', 'putu', { permissions: ['person:read'], nodeId: ids.unit('sma-1') }).expect(201);
    const sees = async (handle: string) => ((await world.as('putu').get('/people?limit=200').expect(200)).body as { items: { id: string }[] }).items.some(({ id }) => id === ids.person(handle));
    expect([await sees('siti'), await sees('agus')]).toEqual([true, false]);
    await world.as('dewi').delete(`/grants/${given.id}`).expect(204);
    expect(await sees('budi')).toBe(false);
  });

  it('goes on to a third only where the lender says so', async () => {
    await lend('hendra', 'budi', { permissions: ['audit:read'] }).expect(201);
    const second = (await lend('budi', 'lina').expect(201)).body as { id: string };
    await audits('budi').expect(200);
    expect(await audits('lina')).toBeProblem(403, 'PERMISSION_DENIED');
    await lend('hendra', 'eko', { permissions: ['audit:read'], transitive: true }).expect(201);
    const onward = (await lend('eko', 'lina').expect(201)).body as { id: string };
    await audits('lina').expect(200);
    for (const id of [second.id, onward.id]) await world.as('lina').delete(`/delegations/${id}`).expect(204);
    expect(await audits('lina')).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('gives nothing to hand on: not by grants, roles, posts or invitations', async () => {
    await lend('dewi', 'wayan').expect(201);
    const self = { type: 'person', id: ids.person('wayan') };
    await world.as('wayan').get('/grants').expect(200);
    expect(await world.as('wayan').post('/grants', { permission: 'audit:read', scope: 'all', subject: self })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('wayan').post('/role-assignments', { roleId: ids.role('administrator'), personId: ids.person('wayan') })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    // Nor may somebody become the borrower: whoever invites them must hold what they were lent.
    const fresh = (await world.as('dewi').post('/people', { employeeNumber: '880', fullName: 'Baru' }).expect(201)).body as { id: string };
    await world.as('dewi').post('/grants', { permission: 'person:invite', scope: 'all', subject: { type: 'person', id: ids.person('yohanes') } }).expect(201);
    await world.as('hendra').post('/delegations', { borrowerId: fresh.id, validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'Audit' }).expect(201);
    expect(await world.as('yohanes').post('/invitations', { personId: fresh.id })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
  });

  it('makes nobody judge in their own cause, or have two parts, by lending', async () => {
    const filed = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    await world.as('dewi').post('/grants', { permission: 'workflow:approve', scope: 'all', subject: { type: 'person', id: ids.person('siti') } }).expect(201);
    // Joko heads the department and so is asked; what he may of his own is taken away, and Siti lends him hers.
    await world.as('dewi').post('/grants', { permission: 'workflow:approve', scope: 'all', subject: { type: 'person', id: ids.person('agus') } });
    const denied = (await world.as('dewi').get(`/role-assignments?positionId=${((await world.as('dewi').get('/appointments?limit=200').expect(200)).body as { items: { personId: string; positionId: string }[] }).items.find(({ personId }) => personId === ids.person('joko'))!.positionId}`).expect(200)).body as { items: { id: string }[] };
    for (const { id } of denied.items) await world.as('dewi').delete(`/role-assignments/${id}`).expect(204);
    await world.as('siti').post('/delegations', { borrowerId: ids.person('joko'), permissions: ['workflow:approve'], validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'x' }).expect(201);
    expect(await world.as('joko').answers('approve', filed.openTasks[0]!.id)).toBeProblem(403, 'WORKFLOW_OWN_STEP');
  });

  it('counts as held where roles are kept apart', async () => {
    const role = async (code: string) => ((await world.as('dewi').post('/roles', { code, name: code }).expect(201)).body as { id: string }).id;
    const [first, second] = [await role('asks'), await role('answers')];
    await world.as('dewi').post('/role-assignments', { roleId: first, personId: ids.person('putu') }).expect(201);
    await world.as('dewi').post('/role-assignments', { roleId: second, personId: ids.person('fitri') }).expect(201);
    await world.as('dewi').post('/separation-of-duty', { kind: 'static', name: 'Asking and answering', members: [first, second] }).expect(201);
    expect(await lend('fitri', 'putu')).toBeProblem(409, 'ROLES_KEPT_APART');
    // Nothing of what the role allows is lent.
    await lend('fitri', 'putu', { permissions: ['workflow:read'] }).expect(201);
  });

  it('raises nobody through what happens to the lender', async () => {
    const lends = (await world.as('dewi').post('/people', { employeeNumber: '881', fullName: 'Pemberi' }).expect(201)).body as { id: string };
    const code = ((await world.as('dewi').post('/invitations', { personId: lends.id }).expect(201)).body as { code: string }).code;
    await world.as('lender').post('/me/link', { code });
    await world.as('dewi').post('/grants', { permission: 'person:invite', scope: 'department', subject: { type: 'person', id: lends.id } }).expect(201);
    await world.as('lender').post('/delegations', { borrowerId: ids.person('eko'), validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'x' }).expect(201);
    await world.as('dewi').post('/grants', { permission: 'person:write', scope: 'all', subject: { type: 'person', id: ids.person('eko') } }).expect(201);
    const blank = ((await world.as('dewi').post('/positions', { unitId: ids.unit('smp-2'), code: 'blank', title: 'Blank' }).expect(201)).body as { id: string }).id;
    expect(await world.as('eko').post('/appointments', { personId: lends.id, positionId: blank })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
  });

  it('is one of few: twice from the same one, eight in all', async () => {
    const borrower = ((await world.as('dewi').post('/people', { employeeNumber: '882', fullName: 'Peminjam' }).expect(201)).body as { id: string }).id;
    const from = (by: string) => world.as(by).post('/delegations', { borrowerId: borrower, validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'x', permissions: ['workflow:read'] });
    for (const by of ['ratna', 'ratna', 'agus', 'agus', 'yohanes', 'yohanes', 'maya', 'maya']) await from(by).expect(201);
    expect(await from('ratna')).toBeProblem(409, 'DELEGATIONS_TOO_MANY');
    expect(await from('lina')).toBeProblem(409, 'DELEGATIONS_TOO_MANY');
  });

  it('is refused to oneself, to nobody, over a period that is none, and to a key', async () => {
    expect(await lend('siti', 'siti')).toBeProblem(400, 'REQUEST_INVALID');
    expect(await lend('siti', 'joko', { borrowerId: ids.unit('sma-1') })).toBeProblem(404, 'NOT_FOUND');
    expect(await lend('siti', 'joko', { nodeId: ids.person('joko') })).toBeProblem(404, 'NOT_FOUND');
    expect(await lend('siti', 'joko', { validUntil: new Date(Date.now() - 1_000).toISOString() })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await lend('siti', 'joko', { validUntil: new Date(Date.now() + 400 * 86_400_000).toISOString() })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await lend('siti', 'joko', { permissions: ['sky:fly'] })).toBeProblem(400, 'REQUEST_INVALID');
    const { key } = (await world.as('ratna').post('/api-keys', { name: 'cash desk', scopes: ['workflow:complete'], validDays: 1 }).expect(201)).body as { key: string };
    expect(await world.withKey(key).post('/delegations', { borrowerId: ids.person('siti'), validUntil: new Date(Date.now() + 1_000).toISOString(), reason: 'x' })).toBeProblem(403, 'SESSION_REQUIRED');
    // One that has not begun is taken back without a trace but in the audit log.
    const later = (await lend('siti', 'joko', { validFrom: new Date(Date.now() + 1_800_000).toISOString() }).expect(201)).body as { id: string };
    await world.as('siti').delete(`/delegations/${later.id}`).expect(204);
    expect(((await world.as('siti').get('/delegations').expect(200)).body as { items: { id: string }[] }).items.map(({ id }) => id)).not.toContain(later.id);
  });
});
