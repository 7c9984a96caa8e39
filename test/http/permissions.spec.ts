import { aFoundation, startApp, type TestApp, type World } from '../support/app';

describe('permissions', () => {
  let testApp: TestApp;
  let second: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    // A second instance on the same database, without Redis between them.
    second = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => Promise.all([testApp.close(), second.close()]));
  const dewi = () => world.as('dewi');
  const grant = async (body: object) => (await dewi().post('/grants', body).expect(201)).body as { id: string };

  it('say why: allowed by which grant, denied by which, not held, or held for other rows', async () => {
    const check = async (handle: string, body: object) => (await world.as(handle).post('/permissions/check', body).expect(200)).body as { allowed: boolean; because: Record<string, unknown> };
    expect(await check('joko', { permission: 'workflow:approve' })).toMatchObject({ allowed: true, because: { kind: 'allow', scope: 'department', roleId: ids.role('supervisor') } });
    expect(await check('siti', { permission: 'workflow:approve' })).toEqual({ allowed: false, version: expect.stringMatching(/^\d+$/), because: { kind: 'not-held' } });
    expect(await check('joko', { permission: 'workflow:approve', resource: { unitId: ids.unit('smp-2-language') } })).toMatchObject({ allowed: false, because: { kind: 'out-of-scope', held: ['department'] } });
    const deny = await grant({ permission: 'workflow:approve', effect: 'deny', scope: 'all', subject: { type: 'person', id: ids.person('joko') } });
    expect(await check('joko', { permission: 'workflow:approve', resource: { unitId: ids.unit('sma-1-science') } })).toMatchObject({ allowed: false, because: { kind: 'deny', grantId: deny.id } });
    await dewi().delete(`/grants/${deny.id}`).expect(204);
    expect((await check('dewi', { permission: 'workflow:approve', personId: ids.person('joko') })).allowed).toBe(true);
    expect(await world.as('siti').post('/permissions/check', { permission: 'workflow:approve', personId: ids.person('joko') })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await dewi().post('/permissions/check', { permission: 'workflow:fly' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await dewi().post('/permissions/check', { permission: 'workflow:read', resource: { unitId: ids.person('joko') } })).toBeProblem(404, 'NOT_FOUND');
  });

  it('answer many questions at once as they answer each, and no more than a thousand', async () => {
    const checks = ['siti', 'joko', 'budi', 'hendra'].flatMap((handle) => ['workflow:approve', 'workflow:read', 'audit:read', 'person:read'].flatMap((permission) => [{ permission, personId: ids.person(handle) }, { permission, personId: ids.person(handle), resource: { unitId: ids.unit('sma-1-science') } }]));
    const { results } = (await dewi().post('/permissions/check/batch', { checks }).expect(200)).body as { results: unknown[] };
    const alone = [];
    for (const check of checks) alone.push((await dewi().post('/permissions/check', check).expect(200)).body as unknown);
    expect(results).toEqual(alone);
    const thousand = Array.from({ length: 1_000 }, () => ({ permission: 'workflow:read' }));
    expect((await world.as('siti').post('/permissions/check/batch', { checks: thousand }).expect(200)).body.results).toHaveLength(1_000);
    expect(await world.as('siti').post('/permissions/check/batch', { checks: [...thousand, thousand[0]] })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('siti').post('/permissions/check/batch', { checks: [] })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('siti').post('/permissions/check/batch', { checks: [thousand[0], { permission: 'workflow:read', personId: ids.person('joko') }] })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await dewi().post('/permissions/check/batch', { checks: [thousand[0], { permission: 'workflow:read', resource: { unitId: ids.person('joko') } }] })).toBeProblem(404, 'NOT_FOUND');
  });

  it('of one’s own have an ETag that changes exactly when they do', async () => {
    const mine = async (tag?: string) => {
      const request = testApp.http.get('/api/v1/me/permissions').set('authorization', `Bearer ${world.token('wayan')}`);
      return tag ? request.set('if-none-match', tag) : request;
    };
    const first = await mine();
    expect(first.headers['cache-control']).toBe('private, no-cache');
    const tag = first.headers.etag!;
    // Somebody else's change is a new version of the foundation's authorization, and the same answer.
    const other = await grant({ permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('yohanes') } });
    expect((await mine(tag)).status).toBe(304);
    const given = await grant({ permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('wayan') } });
    const changed = await mine(tag);
    expect([changed.status, changed.headers.etag === tag]).toEqual([200, false]);
    for (const { id } of [given, other]) await dewi().delete(`/grants/${id}`).expect(204);
    expect((await mine(tag)).status).toBe(304);
  });

  it('granted or revoked take effect with the answer, on every instance', async () => {
    const elsewhere = () => second.http.get('/api/v1/audit/events?limit=1').set('authorization', `Bearer ${world.token('maya')}`);
    for (let round = 0; round < 5; round += 1) {
      expect(await elsewhere()).toBeProblem(403, 'PERMISSION_DENIED');
      const given = await grant({ permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('maya') } });
      await elsewhere().expect(200);
      await world.as('maya').get('/audit/events?limit=1').expect(200);
      await dewi().delete(`/grants/${given.id}`).expect(204);
      expect(await elsewhere()).toBeProblem(403, 'PERMISSION_DENIED');
      expect(await world.as('maya').get('/audit/events?limit=1')).toBeProblem(403, 'PERMISSION_DENIED');
    }
  });

  it('begin and end by the clock, without anybody doing anything', async () => {
    const from = new Date(Date.now() + 2_000);
    const until = new Date(Date.now() + 4_000);
    await grant({ permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('eko') }, validFrom: from.toISOString(), validUntil: until.toISOString() });
    const status = async () => (await world.as('eko').get('/audit/events?limit=1')).status;
    expect(await status()).toBe(403);
    await new Promise((done) => setTimeout(done, from.getTime() - Date.now() + 20));
    expect(await status()).toBe(200);
    await new Promise((done) => setTimeout(done, until.getTime() - Date.now() + 5));
    expect(await status()).toBe(403);
  });

  it('follow the post: an appointment that ends takes what came with it', async () => {
    const may = async () => ((await world.as('wayan').post('/permissions/check', { permission: 'workflow:approve' }).expect(200)).body as { allowed: boolean }).allowed;
    expect(await may()).toBe(true);
    const { body } = await dewi().get(`/appointments?personId=${ids.person('wayan')}`).expect(200);
    const held = body.items[0] as { id: string; version: number };
    await dewi().patch(`/appointments/${held.id}`, { validUntil: new Date(Date.now() + 1).toISOString(), version: held.version }).expect(200);
    await new Promise((done) => setTimeout(done, 10));
    expect(await may()).toBe(false);
    await dewi().patch(`/appointments/${held.id}`, { validUntil: null, version: held.version + 1 }).expect(200);
    expect(await may()).toBe(true);
  });

  it('come through inherited roles, and a cycle of roles is refused, also when two meet', async () => {
    const role = async (code: string, juniorIds: string[] = []) => (await dewi().post('/roles', { code, name: code, juniorIds }).expect(201)).body as { id: string; version: number };
    const senior = await role('senior-auditor', [ids.role('auditor')]);
    const chief = await role('chief-auditor', [senior.id]);
    await dewi().post('/role-assignments', { roleId: chief.id, personId: ids.person('fitri') }).expect(201);
    await world.as('fitri').get('/audit/events?limit=1').expect(200);
    expect(await dewi().patch(`/roles/${senior.id}`, { juniorIds: [ids.role('auditor'), chief.id], version: senior.version })).toBeProblem(409, 'ROLE_CYCLE');
    expect(await dewi().patch(`/roles/${senior.id}`, { juniorIds: [senior.id], version: senior.version })).toBeProblem(409, 'ROLE_CYCLE');
    expect((await dewi().get(`/roles/${senior.id}`).expect(200)).body.juniorIds).toEqual([ids.role('auditor')]);
    for (let round = 0; round < 5; round += 1) {
      const [a, b] = [await role(`race-a${round}`), await role(`race-b${round}`)];
      const answers = await Promise.all([dewi().patch(`/roles/${a.id}`, { juniorIds: [b.id], version: 1 }), dewi().patch(`/roles/${b.id}`, { juniorIds: [a.id], version: 1 })]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    }
    await dewi().patch(`/roles/${senior.id}`, { juniorIds: [], version: senior.version }).expect(200);
    expect(await world.as('fitri').get('/audit/events?limit=1')).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('are handed on only by whoever holds them, as far as they hold them', async () => {
    await grant({ permission: 'grant:write', scope: 'all', subject: { type: 'person', id: ids.person('budi') } });
    const budi = world.as('budi');
    expect(await budi.post('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'everyone' } })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await budi.post('/grants', { permission: 'workflow:approve', scope: 'all', subject: { type: 'person', id: ids.person('siti') } })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await budi.post('/grants', { permission: 'workflow:approve', scope: 'node', nodeId: ids.unit('smp-2'), subject: { type: 'person', id: ids.person('siti') } })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    await budi.post('/grants', { permission: 'workflow:approve', scope: 'node', nodeId: ids.unit('sma-1-science'), subject: { type: 'person', id: ids.person('siti') } }).expect(201);
    expect(await budi.post('/role-assignments', { roleId: ids.role('administrator'), personId: ids.person('budi') })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('siti').post('/grants', { permission: 'workflow:read', scope: 'own', subject: { type: 'everyone' } })).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('never leave the foundation without somebody who can grant', async () => {
    const { body } = await dewi().get(`/role-assignments?roleId=${ids.role('administrator')}`).expect(200);
    const others = (await dewi().get('/grants?permission=grant:write&limit=200').expect(200)).body.items as { id: string; subject: { type: string } }[];
    for (const { id, subject } of others) if (subject.type === 'person') await dewi().delete(`/grants/${id}`).expect(204);
    expect(await dewi().delete(`/role-assignments/${(body.items as { id: string }[])[0]!.id}`)).toBeProblem(409, 'LAST_ADMINISTRATOR');
    const own = others.find(({ subject }) => subject.type === 'role')!;
    expect(await dewi().delete(`/grants/${own.id}`)).toBeProblem(409, 'LAST_ADMINISTRATOR');
    expect((await dewi().get('/me/permissions').expect(200)).body.permissions.length).toBeGreaterThan(15);
  });

  it('refuse what does not fit together: unknown subjects, missing units, empty periods, the same grant twice', async () => {
    const body = { permission: 'workflow:read', scope: 'all', subject: { type: 'person', id: ids.person('siti') }, validFrom: '2026-01-01T00:00:00Z' };
    expect(await dewi().post('/grants', { ...body, subject: { type: 'person', id: ids.unit('sma-1') } })).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi().post('/grants', { ...body, scope: 'node' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await dewi().post('/grants', { ...body, validUntil: '2025-01-01T00:00:00Z' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await dewi().post('/role-assignments', { roleId: ids.role('auditor') })).toBeProblem(400, 'REQUEST_INVALID');
    await dewi().post('/grants', body).expect(201);
    expect(await dewi().post('/grants', body)).toBeProblem(409, 'CODE_TAKEN');
    expect(await dewi().post('/roles', { code: 'auditor', name: 'x' })).toBeProblem(409, 'CODE_TAKEN');
    expect(await dewi().delete(`/roles/${ids.role('auditor')}`)).toBeProblem(409, 'ROLE_IS_SYSTEM');
    expect(await dewi().get(`/roles/${ids.person('siti')}`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('of a deleted role go with it', async () => {
    const role = (await dewi().post('/roles', { code: 'temporary', name: 'Temporary' }).expect(201)).body as { id: string };
    await grant({ permission: 'audit:read', scope: 'all', subject: { type: 'role', id: role.id } });
    const assignment = (await dewi().post('/role-assignments', { roleId: role.id, personId: ids.person('lina') }).expect(201)).body as { id: string };
    await world.as('lina').get('/audit/events?limit=1').expect(200);
    expect(await dewi().delete(`/roles/${role.id}`)).toBeProblem(409, 'STILL_IN_USE');
    await dewi().delete(`/role-assignments/${assignment.id}`).expect(204);
    await dewi().delete(`/roles/${role.id}`).expect(204);
    expect(await dewi().delete(`/roles/${role.id}`)).toBeProblem(404, 'NOT_FOUND');
    expect(await world.as('lina').get('/audit/events?limit=1')).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('list the catalogue to whoever may read it', async () => {
    const { body } = await world.as('hendra').get('/permissions').expect(200);
    expect(body.items).toContainEqual({ code: 'workflow:approve', index: 15, description: expect.any(String), kinds: ['request'] });
    expect(await world.as('siti').get('/permissions')).toBeProblem(403, 'PERMISSION_DENIED');
  });
});
