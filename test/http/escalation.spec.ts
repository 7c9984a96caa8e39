import { aFoundation, aReimbursement, startApp, type TestApp, World } from '../support/app';

/** Ways somebody with a little has tried to get more. Each ends in a refusal, and in what they hold staying what it was. */
describe('nobody raises themselves', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeEach(async () => {
    testApp ??= await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const dewi = () => world.as('dewi');
  const give = async (handle: string, permission: string, scope: string, node?: string) =>
    (await dewi().post('/grants', { permission, scope, ...(node ? { nodeId: ids.unit(node) } : {}), subject: { type: 'person', id: ids.person(handle) } }).expect(201)).body as { id: string };
  const holds = async (handle: string) => ((await world.as(handle).get('/me/permissions').expect(200)).body.permissions as { code: string }[]).map(({ code }) => code);

  it('by appointing themselves or others to a position with more than they hold', async () => {
    await give('eko', 'person:read', 'all');
    await give('eko', 'person:write', 'all');
    const before = await holds('eko');
    const eko = world.as('eko');
    expect(await eko.post('/appointments', { personId: ids.person('eko'), positionId: ids.position('administrator') })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await eko.post('/people', { employeeNumber: '1', fullName: 'Puppet', appointment: { positionId: ids.position('administrator') } })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await holds('eko')).toEqual(before);
    // A position that gives nothing is no obstacle.
    await eko.post('/appointments', { personId: ids.person('eko'), positionId: ids.position('sma-1-science-teacher') }).expect(201);
  });

  it('by importing themselves into one, or moving one', async () => {
    await give('lina', 'organization:import', 'all');
    const before = await holds('lina');
    expect(await world.as('lina').post('/organization/import', { appointments: [{ employeeNumber: '2005', position: 'administrator' }] })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('lina').post('/organization/import', { positions: [{ code: 'administrator', title: 'x', unit: 'sma-1' }] })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await holds('lina')).toEqual(before);
  });

  it('by a permission of a narrow scope where only the whole foundation will do', async () => {
    for (const permission of ['audit:read', 'grant:write', 'role:write', 'permission:read', 'permission:check', 'person:invite', 'api-key:read', 'api-key:write', 'organization:import', 'workflow:publish']) await give('fitri', permission, 'own');
    const fitri = world.as('fitri');
    const auditor = (await dewi().get(`/grants?roleId=${ids.role('auditor')}&permission=audit:read`).expect(200)).body.items[0] as { id: string };
    const assignment = (await dewi().get(`/role-assignments?roleId=${ids.role('auditor')}`).expect(200)).body.items[0] as { id: string };
    const key = (await world.as('ratna').post('/api-keys', { name: 'theirs', scopes: ['workflow:complete'], validDays: 1 }).expect(201)).body as { id: string };
    for (const answer of [
      await fitri.get('/audit/events'),
      await fitri.delete(`/grants/${auditor.id}`),
      await fitri.delete(`/role-assignments/${assignment.id}`),
      await fitri.post('/role-assignments', { roleId: ids.role('auditor'), personId: ids.person('fitri') }),
      await fitri.post('/grants', { permission: 'workflow:approve', effect: 'deny', scope: 'all', subject: { type: 'everyone' } }),
      await fitri.post('/grants', { permission: 'grant:write', scope: 'own', subject: { type: 'everyone' } }),
      await fitri.post('/roles', { code: 'mine', name: 'Mine' }),
      await fitri.patch(`/roles/${ids.role('auditor')}`, { name: 'x', version: 1 }),
      await fitri.get('/roles'), await fitri.get('/grants'), await fitri.get('/role-assignments'), await fitri.get('/permissions'),
      await fitri.post('/permissions/check', { permission: 'audit:read', personId: ids.person('dewi') }),
      await fitri.post('/invitations', { personId: ids.person('siti') }),
      await fitri.delete(`/api-keys/${key.id}`),
      await fitri.post('/organization/import', {}),
      await fitri.post('/workflow/definitions', { document: {} }),
    ]) expect(answer).toBeProblem(403, 'PERMISSION_DENIED');
    expect((await fitri.get('/api-keys').expect(200)).body.items).toEqual([]);
    await world.as('hendra').get('/audit/events?limit=1').expect(200);
  });

  it('by becoming somebody who was not linked yet', async () => {
    const chief = (await dewi().post('/people', { employeeNumber: '42', fullName: 'Next administrator', appointment: { positionId: ids.position('administrator') } }).expect(201)).body as { id: string };
    await give('wayan', 'person:invite', 'all');
    expect(await world.as('wayan').post('/invitations', { personId: chief.id })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    const teacher = (await dewi().post('/people', { employeeNumber: '43', fullName: 'New teacher' }).expect(201)).body as { id: string };
    await world.as('wayan').post('/invitations', { personId: teacher.id }).expect(201);
    await dewi().post('/invitations', { personId: chief.id }).expect(201);
  });

  it('by taking off a deny: from a role, with a role, out of a role, or itself', async () => {
    const role = (await dewi().post('/roles', { code: 'suspended', name: 'Suspended' }).expect(201)).body as { id: string };
    const senior = (await dewi().post('/roles', { code: 'senior', name: 'Senior', juniorIds: [role.id] }).expect(201)).body as { id: string; version: number };
    const deny = (await dewi().post('/grants', { permission: 'workflow:submit', effect: 'deny', scope: 'all', subject: { type: 'role', id: role.id } }).expect(201)).body as { id: string };
    const assignment = (await dewi().post('/role-assignments', { roleId: senior.id, personId: ids.person('fitri') }).expect(201)).body as { id: string };
    for (const permission of ['grant:write', 'role:write']) await give('fitri', permission, 'all');
    const fitri = world.as('fitri');
    const submit = () => fitri.post('/workflow/instances', { definition: 'reimbursement', form: aReimbursement() });
    expect(await submit()).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await fitri.delete(`/role-assignments/${assignment.id}`)).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await fitri.patch(`/roles/${senior.id}`, { juniorIds: [], version: senior.version })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await fitri.delete(`/roles/${role.id}`)).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await fitri.delete(`/grants/${deny.id}`)).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await submit()).toBeProblem(403, 'PERMISSION_DENIED');
    await dewi().delete(`/role-assignments/${assignment.id}`).expect(204);
    await submit().expect(201);
  });

  it('and nobody is locked out for good: everybody’s deny can be taken back, the last administrator stays', async () => {
    const { body: deny } = await dewi().post('/grants', { permission: 'workflow:approve', effect: 'deny', scope: 'all', subject: { type: 'everyone' } }).expect(201);
    await dewi().delete(`/grants/${deny.id}`).expect(204);
    for (const subject of [{ type: 'everyone' }, { type: 'role', id: ids.role('administrator') }, { type: 'person', id: ids.person('dewi') }, { type: 'position', id: ids.position('administrator') }]) {
      expect(await dewi().post('/grants', { permission: 'grant:write', effect: 'deny', scope: 'all', subject })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    }
    const { body: held } = await dewi().get(`/appointments?personId=${ids.person('dewi')}`).expect(200);
    expect(await dewi().patch(`/appointments/${held.items[0].id}`, { validUntil: new Date(Date.now() + 86_400_000).toISOString(), version: 1 })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    await dewi().post('/role-assignments', { roleId: ids.role('administrator'), personId: ids.person('agus') }).expect(201);
    await dewi().patch(`/appointments/${held.items[0].id}`, { validUntil: new Date(Date.now() + 86_400_000).toISOString(), version: 1 }).expect(200);
  });

  it('and no detour locks the foundation out: a role or post with a deny, a deny of a part, a deny for a while, an end to come', async () => {
    const grant = (body: object) => dewi().post('/grants', { permission: 'grant:write', effect: 'deny', scope: 'all', ...body });
    const role = (await dewi().post('/roles', { code: 'frozen', name: 'Frozen' }).expect(201)).body as { id: string };
    await grant({ subject: { type: 'role', id: role.id } }).expect(201);
    expect(await dewi().post('/role-assignments', { roleId: role.id, personId: ids.person('dewi') })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    const post = (await dewi().post('/positions', { unitId: ids.unit('office'), code: 'frozen', title: 'Frozen' }).expect(201)).body as { id: string };
    await grant({ subject: { type: 'position', id: post.id } }).expect(201);
    for (const permission of ['person:write', 'person:read', 'organization:import']) await give('joko', permission, 'all');
    expect(await world.as('joko').post('/appointments', { personId: ids.person('dewi'), positionId: post.id })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    expect(await world.as('joko').post('/organization/import', { appointments: [{ employeeNumber: '1002', position: 'frozen' }] })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    const me = { type: 'person', id: ids.person('dewi') };
    expect(await grant({ scope: 'own', subject: me })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    expect(await grant({ subject: me, validFrom: new Date(Date.now() + 86_400_000).toISOString(), validUntil: '2060-01-01T00:00:00Z' })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    expect(await grant({ permission: 'person:invite', subject: { type: 'role', id: ids.role('administrator') } })).toBeProblem(409, 'LAST_ADMINISTRATOR');
    // Two denies of everybody do not hold each other in place.
    const [one, two] = [(await grant({ permission: 'workflow:submit', scope: 'node', nodeId: ids.unit('sma-1'), subject: { type: 'everyone' } }).expect(201)).body, (await grant({ permission: 'workflow:submit', scope: 'node', nodeId: ids.unit('smp-2'), subject: { type: 'everyone' } }).expect(201)).body];
    await dewi().delete(`/grants/${one.id}`).expect(204);
    await dewi().delete(`/grants/${two.id}`).expect(204);
    // A handover without a gap is no lock-out, an unrelated post none either.
    const { body: held } = await dewi().get(`/appointments?personId=${ids.person('dewi')}`).expect(200);
    const until = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    await grant({ effect: 'allow', subject: { type: 'person', id: ids.person('ratna') }, validFrom: until(24) }).expect(201);
    await dewi().patch(`/appointments/${held.items[0].id}`, { validUntil: until(48), version: 1 }).expect(200);
    const { body: teacher } = await dewi().get(`/appointments?personId=${ids.person('siti')}`).expect(200);
    await dewi().patch(`/appointments/${teacher.items[0].id}`, { validUntil: until(1), version: 1 }).expect(200);
  });

  it('by seeing their own scopes from another place, leaving the post that denies, restoring somebody, or making the temporary permanent', async () => {
    await give('joko', 'workflow:read', 'school');
    for (const permission of ['person:write', 'person:read', 'organization:write', 'organization:read']) await give('joko', permission, 'all');
    const joko = world.as('joko');
    const may = async (unit: string) => ((await joko.post('/permissions/check', { permission: 'workflow:read', resource: { unitId: ids.unit(unit) } }).expect(200)).body as { allowed: boolean }).allowed;
    const post = (await joko.post('/positions', { unitId: ids.unit('smp-2'), code: 'outpost', title: 'Outpost' }).expect(201)).body as { id: string };
    expect(await joko.post('/appointments', { personId: ids.person('joko'), positionId: post.id })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await may('smp-2')).toBe(false);

    const watched = (await dewi().post('/positions', { unitId: ids.unit('sma-1'), code: 'watched', title: 'Watched' }).expect(201)).body as { id: string };
    await dewi().post('/grants', { permission: 'workflow:read', effect: 'deny', scope: 'all', subject: { type: 'position', id: watched.id } }).expect(201);
    const held = (await dewi().post('/appointments', { personId: ids.person('joko'), positionId: watched.id }).expect(201)).body as { id: string };
    expect(await may('sma-1')).toBe(false);
    expect(await joko.patch(`/appointments/${held.id}`, { validUntil: new Date(Date.now() + 1).toISOString(), version: 1 })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await may('sma-1')).toBe(false);

    const gone = (await dewi().post('/people', { employeeNumber: '77', fullName: 'Gone' }).expect(201)).body as { id: string };
    await dewi().post('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'person', id: gone.id } }).expect(201);
    await dewi().delete(`/people/${gone.id}?version=1`).expect(204);
    expect(await joko.post(`/people/${gone.id}/restore`, { version: 2 })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');

    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    await dewi().post('/grants', { permission: 'grant:write', scope: 'all', subject: { type: 'person', id: ids.person('siti') }, validUntil: tomorrow }).expect(201);
    const self = { permission: 'grant:write', scope: 'all', subject: { type: 'person', id: ids.person('siti') } };
    expect(await world.as('siti').post('/grants', self)).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    await world.as('siti').post('/grants', { ...self, subject: { type: 'person', id: ids.person('maya') }, validUntil: tomorrow }).expect(201);
  });

  it('by an API key where they themselves may not', async () => {
    await give('ratna', 'workflow:approve', 'all');
    const filed = await world.as('ratna').submits(aReimbursement({ route: 'supervisor' }));
    const paying = (await world.as('agus').answers('approve', filed.openTasks[0]!.id).expect(200)).body as { openTasks: { id: string }[] };
    const { key } = (await world.as('ratna').post('/api-keys', { name: 'own', scopes: ['workflow:complete', 'workflow:read'], validDays: 1 }).expect(201)).body as { key: string };
    expect(await world.as('ratna').answers('complete', paying.openTasks[0]!.id)).toBeProblem(403, 'WORKFLOW_OWN_STEP');
    expect(await world.withKey(key).answers('complete', paying.openTasks[0]!.id)).toBeProblem(403, 'WORKFLOW_OWN_STEP');
    expect((await world.withKey(key).post('/permissions/check', { permission: 'audit:read' }).expect(200)).body.allowed).toBe(false);
  });

  it('by drawing people of another unit into their own', async () => {
    for (const permission of ['person:read', 'person:write']) await give('joko', permission, 'node', 'sma-1-science');
    const joko = world.as('joko');
    expect(await joko.post('/appointments', { personId: ids.person('yohanes'), positionId: ids.position('sma-1-science-teacher'), validFrom: '2090-01-01T00:00:00Z' })).toBeProblem(404, 'NOT_FOUND');
    expect(await joko.get(`/people/${ids.person('yohanes')}`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('with one session in two foundations is each foundation’s own', async () => {
    const other = await aFoundation(testApp);
    const token = (organizationId: string) => world.issuer.mint({ clerkUserId: 'user_dewi', organizationId, sessionId: `sess_${world.code}` });
    const me = (organizationId: string) => testApp.http.get('/api/v1/me').set('authorization', `Bearer ${token(organizationId)}`);
    await me(world.organization).expect(200);
    await me(other.organization).expect(200);
    await other.as('dewi').delete(`/sessions/sess_${world.code}`).expect(204);
    expect(await me(other.organization)).toBeProblem(401, 'AUTH_SESSION_ENDED');
    await me(world.organization).expect(200);
  });

  it('deleted, is nobody from the next request on', async () => {
    const { body: held } = await dewi().get(`/appointments?personId=${ids.person('maya')}`).expect(200);
    await dewi().patch(`/appointments/${held.items[0].id}`, { validUntil: new Date(Date.now() + 5).toISOString(), version: 1 }).expect(200);
    await new Promise((done) => setTimeout(done, 20));
    await world.as('maya').get('/me').expect(200);
    await dewi().delete(`/people/${ids.person('maya')}?version=1`).expect(204);
    expect(await world.as('maya').get('/me')).toBeProblem(401, 'AUTH_SESSION_ENDED');
  });

  it('and many at once after a change wait for nobody', async () => {
    await give('hendra', 'session:end', 'all');
    const filed = await world.as('siti').submits();
    const token = world.token('siti');
    const answers = await Promise.all(Array.from({ length: 120 }, () => testApp.http.get(`/api/v1/workflow/instances/${filed.id}`).set('authorization', `Bearer ${token}`)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});
