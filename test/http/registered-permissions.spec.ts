import { aFoundation, startApp, type TestApp, type World } from '../support/app';

interface Row { id: string; version: number; code: string }

describe('what other applications protect', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const dewi = () => world.as('dewi');
  const type = async (code: string, attributes: object = {}) => (await dewi().post('/resource-types', { code, name: code, attributes }).expect(201)).body as Row;
  const permission = (code: string) => dewi().post('/permissions', { code, description: code });
  const check = async (body: object) => ((await dewi().post('/permissions/check', body).expect(200)).body as { allowed: boolean }).allowed;

  it('is registered, granted under conditions over its own attributes, checked, and removed again', async () => {
    const book = await type('library.book', { 'resource.value': 'number', 'resource.shelf': 'string', 'action.days': 'number', 'context.branch': 'string', 'subject.grade': 'number' });
    await permission('library.book:borrow').expect(201);
    const listed = (await dewi().get('/permissions?limit=200').expect(200)).body as { items: { code: string; index: number | null; kinds: string[] }[] };
    expect(listed.items.find(({ code }) => code === 'library.book:borrow')).toEqual({ code: 'library.book:borrow', description: 'library.book:borrow', index: null, kinds: ['library.book'] });
    expect(listed.items.map(({ code }) => code)).toEqual(listed.items.map(({ code }) => code).toSorted());
    const value = (name: string, op: string, given: unknown) => ({ op, left: { attribute: name }, right: { value: given } });
    const grant = (await dewi().post('/grants', {
      permission: 'library.book:borrow', scope: 'all', resource: { type: 'library.book' }, subject: { type: 'person', id: ids.person('siti') },
      condition: { op: 'and', of: [value('resource.value', 'lt', 500_000), value('context.branch', 'eq', 'main')] },
    }).expect(201)).body as Row;
    const asked = (properties: object, more: object = {}) => check({ permission: 'library.book:borrow', personId: ids.person('siti'), resource: { type: 'library.book', id: 'isbn-978', properties }, context: { branch: 'main' }, ...more });
    expect(await asked({ value: 120_000 })).toBe(true);
    expect(await asked({ value: 900_000 })).toBe(false);
    expect(await asked({})).toBe(false);
    expect(await asked({ value: 120_000 }, { context: { branch: 'other' } })).toBe(false);
    expect(await asked({ value: 120_000 }, { context: {} })).toBe(false);
    // One thing, named as the other application names it.
    await dewi().post('/grants', { permission: 'library.book:borrow', scope: 'all', resource: { type: 'library.book', id: 'ISBN 979/1' }, subject: { type: 'person', id: ids.person('joko') } }).expect(201);
    const joko = (id: string) => check({ permission: 'library.book:borrow', personId: ids.person('joko'), resource: { type: 'library.book', id } });
    expect([await joko('ISBN 979/1'), await joko('isbn 979/1'), await joko('ISBN 979/2')]).toEqual([true, false, false]);

    // Nothing that is named goes away.
    expect(await dewi().delete('/permissions/library.book:borrow')).toBeProblem(409, 'STILL_IN_USE');
    expect(await dewi().delete(`/resource-types/${book.id}`)).toBeProblem(409, 'STILL_IN_USE');
    await dewi().delete(`/grants/${grant.id}`).expect(204);
    const rest = ((await dewi().get('/grants?permission=library.book:borrow').expect(200)).body as { items: { id: string; subject: { type: string } }[] }).items;
    expect(rest).toHaveLength(2);
    await dewi().delete(`/grants/${rest.find(({ subject }) => subject.type === 'person')!.id}`).expect(204);
    await dewi().delete('/permissions/library.book:borrow').expect(204);
    await dewi().delete(`/resource-types/${book.id}`).expect(204);
    expect(await dewi().delete('/permissions/library.book:borrow')).toBeProblem(404, 'NOT_FOUND');
  });

  it('is held by administrators, who can hand it on, and by nobody else', async () => {
    await type('lab.room');
    await permission('lab.room:open').expect(201);
    expect(await check({ permission: 'lab.room:open', personId: ids.person('dewi') })).toBe(true);
    expect(await check({ permission: 'lab.room:open', personId: ids.person('agus') })).toBe(false);
    const give = { permission: 'lab.room:open', scope: 'all', subject: { type: 'person', id: ids.person('budi') } };
    expect(await world.as('budi').post('/grants', give)).toBeProblem(403, 'PERMISSION_DENIED');
    await dewi().post('/grants', give).expect(201);
    await world.as('budi').post('/delegations', { borrowerId: ids.person('maya'), permissions: ['lab.room:open'], validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'away' }).expect(201);
    expect(await check({ permission: 'lab.room:open', personId: ids.person('maya') })).toBe(true);
    const mine = (await world.as('maya').get('/me/permissions').expect(200)).body as { permissions: { code: string; lent: boolean }[] };
    expect(mine.permissions).toContainEqual(expect.objectContaining({ code: 'lab.room:open', lent: true }));
  });

  it('refuses what is not registered, not its own, or does not type-check, and writes nothing', async () => {
    const gate = await type('gate.door', { 'resource.floor': 'number' });
    await permission('gate.door:enter').expect(201);
    const siti = { type: 'person', id: ids.person('siti') };
    const condition = { op: 'eq', left: { attribute: 'resource.colour' }, right: { value: 'red' } };
    const refused: [string, object, RegExp][] = [
      ['/permissions', { code: 'gate.window:open', description: 'no type' }, /code/],
      ['/permissions', { code: 'workflow:approve', description: 'one of ours' }, /code/],
      ['/resource-types', { code: 'request', name: 'one of ours' }, /code/],
      ['/resource-types', { code: 'gate.lock', name: 'x', attributes: { 'subject.id': 'string' } }, /attributes/],
      ['/resource-types', { code: 'gate.lock', name: 'x', attributes: { 'resource.a': 'uuid' } }, /attributes/],
      ['/grants', { permission: 'gate.door:leave', scope: 'all', subject: siti }, /permission/],
      ['/grants', { permission: 'gate.door:enter', scope: 'all', subject: siti, resource: { type: 'request' } }, /resource/],
      ['/grants', { permission: 'workflow:read', scope: 'all', subject: siti, resource: { type: 'gate.door' } }, /resource/],
      ['/grants', { permission: 'workflow:read', effect: 'deny', scope: 'all', subject: siti, resource: { type: 'request', id: 'no-uuid' } }, /resource\/id/],
      ['/grants', { permission: 'gate.door:enter', scope: 'all', subject: siti, condition }, /condition/],
      ['/permissions/check', { permission: 'gate.door:leave' }, /permission/],
      ['/delegations', { borrowerId: ids.person('maya'), permissions: ['gate.door:leave'], validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'x' }, /permissions/],
    ];
    for (const [path, body, pointer] of refused) {
      const answer = await dewi().post(path, body);
      expect(answer).toBeProblem(400, 'REQUEST_INVALID');
      expect((answer.body as { errors: { pointer: string }[] }).errors[0]!.pointer).toMatch(pointer);
    }
    expect(await permission('gate.door:enter')).toBeProblem(409, 'CODE_TAKEN');
    expect(await dewi().post('/resource-types', { code: 'gate.door', name: 'again' })).toBeProblem(409, 'CODE_TAKEN');
    expect(await world.as('budi').post('/resource-types', { code: 'gate.key', name: 'x' })).toBeProblem(403, 'PERMISSION_DENIED');
    // Grants keep the types they were checked with, whatever becomes of the attribute.
    await dewi().post('/grants', { permission: 'gate.door:enter', scope: 'all', subject: siti, resource: { type: 'gate.door' }, condition: { op: 'lt', left: { attribute: 'resource.floor' }, right: { value: 3 } } }).expect(201);
    await dewi().patch(`/resource-types/${gate.id}`, { attributes: { 'resource.floor': 'string' }, version: gate.version }).expect(200);
    const floor = (value: unknown) => check({ permission: 'gate.door:enter', personId: ids.person('siti'), resource: { type: 'gate.door', id: 'd1', properties: { floor: value } } });
    expect([await floor(2), await floor('2'), await floor(4)]).toEqual([true, false, false]);
  });

  it('belongs to one foundation', async () => {
    await type('own.thing');
    await permission('own.thing:use').expect(201);
    const other = await aFoundation(testApp);
    const listed = (await other.as('dewi').get('/permissions?limit=200').expect(200)).body as { items: { code: string }[] };
    expect(listed.items.filter(({ code }) => code.includes('.'))).toEqual([]);
    expect(await other.as('dewi').post('/permissions/check', { permission: 'own.thing:use' })).toBeProblem(400, 'REQUEST_INVALID');
  });
});

describe('changes of what several people administer', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const dewi = () => world.as('dewi');

  it('are refused with 412 where the ETag is no longer that of what is there, and with 428 where they name nothing', async () => {
    const role = (await dewi().post('/roles', { code: 'scribe', name: 'Scribe' }).expect(201)).body as Row;
    const set = (await dewi().post('/separation-of-duty', { kind: 'dynamic', name: 'Two hands', members: ['workflow:approve', 'workflow:complete'] }).expect(201)).body as Row;
    const type = (await dewi().post('/resource-types', { code: 'desk.note', name: 'Notes' }).expect(201)).body as Row;
    for (const [path, change] of [[`/roles/${role.id}`, { name: 'Head scribe' }], [`/separation-of-duty/${set.id}`, { name: 'Other hands' }], [`/resource-types/${type.id}`, { name: 'Cards' }]] as const) {
      const read = await dewi().get(path).expect(200);
      const etag = read.headers.etag!;
      expect(await dewi().patch(path, change)).toBeProblem(428, 'PRECONDITION_REQUIRED');
      expect(await dewi().patch(path, change, { 'if-match': '"something-else"' })).toBeProblem(412, 'PRECONDITION_FAILED');
      expect(await dewi().patch(path, { ...change, version: 7 })).toBeProblem(409, 'STALE_VERSION');
      expect((await dewi().get(path).expect(200)).headers.etag).toBe(etag);
      expect((await dewi().get(path, { 'if-none-match': etag })).status).toBe(304);
      const changed = await dewi().patch(path, change, { 'if-match': `W/${etag}` }).expect(200);
      expect(changed.headers.etag).not.toBe(etag);
      expect((await dewi().get(path).expect(200)).headers.etag).toBe(changed.headers.etag);
      expect(await dewi().patch(path, change, { 'if-match': etag })).toBeProblem(412, 'PRECONDITION_FAILED');
    }
    // Of two at the same moment, one.
    const { etag } = (await dewi().get(`/roles/${role.id}`)).headers;
    const both = await Promise.all(['One', 'Other'].map((name) => dewi().patch(`/roles/${role.id}`, { name }, { 'if-match': etag! })));
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    // What a role inherits is part of it.
    const stale = (await dewi().get(`/roles/${role.id}`)).headers.etag!;
    await dewi().patch(`/roles/${role.id}`, { juniorIds: [ids.role('auditor')] }, { 'if-match': stale }).expect(200);
    expect(await dewi().delete(`/roles/${role.id}`, { 'if-match': stale })).toBeProblem(412, 'PRECONDITION_FAILED');
    await dewi().delete(`/roles/${role.id}`, { 'if-match': '*' }).expect(204);
  });

  it('move the end of a grant: shorter and longer, never into what has passed, never beyond what is held', async () => {
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const grant = (await dewi().post('/grants', { permission: 'workflow:read', scope: 'all', subject: { type: 'person', id: ids.person('siti') }, validUntil: inHours(2) }).expect(201)).body as Row;
    const path = `/grants/${grant.id}`;
    const { etag } = (await dewi().get(path).expect(200)).headers;
    const later = await dewi().patch(path, { validUntil: inHours(4), reason: 'longer' }, { 'if-match': etag! }).expect(200);
    expect(later.body).toMatchObject({ reason: 'longer' });
    expect(await dewi().patch(path, { validUntil: inHours(6) }, { 'if-match': etag! })).toBeProblem(412, 'PRECONDITION_FAILED');
    expect(await dewi().delete(path, { 'if-match': etag! })).toBeProblem(412, 'PRECONDITION_FAILED');
    expect(await dewi().patch(path, { validUntil: inHours(-1) })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await dewi().patch(path, {})).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('siti').patch(path, { validUntil: null })).toBeProblem(403, 'PERMISSION_DENIED');
    // Somebody who may write grants, and holds the permission for some hours only.
    await dewi().post('/grants', { permission: 'grant:write', scope: 'all', subject: { type: 'person', id: ids.person('budi') } }).expect(201);
    await dewi().post('/grants', { permission: 'workflow:read', scope: 'all', subject: { type: 'person', id: ids.person('budi') }, validUntil: inHours(8) }).expect(201);
    await world.as('budi').patch(path, { validUntil: inHours(7) }).expect(200);
    expect(await world.as('budi').patch(path, { validUntil: inHours(9) })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('budi').patch(path, { validUntil: null })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    // A deny that ends sooner gives something back.
    const deny = (await dewi().post('/grants', { permission: 'audit:read', effect: 'deny', scope: 'all', subject: { type: 'person', id: ids.person('siti') }, validUntil: inHours(5) }).expect(201)).body as Row;
    expect(await world.as('budi').patch(`/grants/${deny.id}`, { validUntil: inHours(1) })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    await world.as('budi').patch(`/grants/${deny.id}`, { validUntil: inHours(6) }).expect(200);
  });
});

describe('access for emergencies', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const dewi = () => world.as('dewi');
  const seal = (body: object) => dewi().post('/break-glass', { mostMinutes: 60, purpose: 'Salaries while finance is away', ...body });
  const may = async (name: string, permission: string) => ((await dewi().post('/permissions/check', { personId: ids.person(name), permission, resource: { type: 'request' } }).expect(200)).body as { allowed: boolean }).allowed;

  it('is prepared by one, opened by another with a reason, seen by all who look, and over with its minutes', async () => {
    const sealed = (await seal({ roleId: ids.role('payment-operator'), positionId: ids.position('sma-1-deputy') }).expect(201)).body as Row;
    expect(await may('maya', 'workflow:complete')).toBe(false);
    expect((await world.as('maya').get('/break-glass').expect(200)).body).toMatchObject({ items: [{ id: sealed.id }] });
    expect((await world.as('siti').get('/break-glass').expect(200)).body).toMatchObject({ items: [] });
    const open = { minutes: 30, reason: 'Nobody of finance can be reached' };
    expect(await world.as('siti').post(`/break-glass/${sealed.id}/openings`, open)).toBeProblem(404, 'NOT_FOUND');
    expect(await world.as('maya').post(`/break-glass/${sealed.id}/openings`, { ...open, minutes: 61 })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('maya').post(`/break-glass/${sealed.id}/openings`, { minutes: 30 })).toBeProblem(400, 'REQUEST_INVALID');
    const opening = (await world.as('maya').post(`/break-glass/${sealed.id}/openings`, open).expect(201)).body as { id: string; validUntil: string };
    expect(await may('maya', 'workflow:complete')).toBe(true);
    expect(Date.parse(opening.validUntil) - Date.now()).toBeLessThanOrEqual(30 * 60_000);
    // What it gives cannot be handed on for longer, and it is not given twice.
    expect(await world.as('maya').post(`/break-glass/${sealed.id}/openings`, open)).toBeProblem(409, 'BREAK_GLASS_OPEN');
    expect(await testApp.http.get('/metrics').then(({ text }) => /gloria_break_glass_openings_total 1/.test(text))).toBe(true);
    const events = (await world.as('hendra').get('/audit/events?action=break_glass.opened').expect(200)).body as { items: { after: object }[] };
    expect(events.items[0]!.after).toMatchObject({ reason: open.reason, roleId: ids.role('payment-operator') });

    // Somebody else looks at it afterwards; it is closed early, and the role is gone with the answer.
    expect((await dewi().get('/break-glass-openings?reviewed=false').expect(200)).body).toMatchObject({ items: [{ id: opening.id, reviewedBy: null }] });
    expect(await world.as('maya').post(`/break-glass-openings/${opening.id}/review`, {})).toBeProblem(403, 'PERMISSION_DENIED');
    expect((await dewi().post(`/break-glass-openings/${opening.id}/review`, {}).expect(200)).body).toMatchObject({ reviewedBy: `person:${ids.person('dewi')}` });
    expect(await world.as('siti').delete(`/break-glass-openings/${opening.id}`)).toBeProblem(404, 'NOT_FOUND');
    await world.as('maya').delete(`/break-glass-openings/${opening.id}`).expect(204);
    await world.as('maya').delete(`/break-glass-openings/${opening.id}`).expect(204);
    expect(await may('maya', 'workflow:complete')).toBe(false);
    expect((await world.as('maya').get('/break-glass-openings').expect(200)).body).toMatchObject({ items: [{ id: opening.id, closedAt: expect.any(String) as string }] });

    await dewi().delete(`/break-glass/${sealed.id}`).expect(204);
    expect(await world.as('maya').post(`/break-glass/${sealed.id}/openings`, open)).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi().delete(`/roles/${ids.role('payment-operator')}`)).toBeProblem(409, 'ROLE_IS_SYSTEM');
  });

  it('is prepared only by who holds the role, and never for oneself', async () => {
    expect(await seal({ roleId: ids.role('payment-operator'), personId: ids.person('dewi') })).toBeProblem(403, 'PERMISSION_DENIED');
    await dewi().post('/grants', { permission: 'grant:write', scope: 'all', subject: { type: 'person', id: ids.person('budi') } }).expect(201);
    const wanted = { roleId: ids.role('administrator'), personId: ids.person('siti'), mostMinutes: 5, purpose: 'x' };
    expect(await world.as('budi').post('/break-glass', wanted)).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('siti').post('/break-glass', wanted)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await seal({ roleId: ids.role('payment-operator') })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await seal({ roleId: ids.role('payment-operator'), personId: ids.person('siti'), mostMinutes: 2_000 })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await seal({ roleId: '0190b5a0-0000-7000-8000-000000000001', personId: ids.person('siti') })).toBeProblem(404, 'NOT_FOUND');
  });

  it('does not raise anybody for longer than its minutes, whatever they do meanwhile', async () => {
    const sealed = (await seal({ roleId: ids.role('administrator'), personId: ids.person('yohanes'), mostMinutes: 10 }).expect(201)).body as Row;
    await world.as('yohanes').post(`/break-glass/${sealed.id}/openings`, { minutes: 10, reason: 'the administrator is ill' }).expect(201);
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const give = (more: object) => world.as('yohanes').post('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('yohanes') }, ...more });
    expect(await give({})).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await give({ validUntil: inHours(1) })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('yohanes').post('/role-assignments', { roleId: ids.role('auditor'), personId: ids.person('yohanes') })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('yohanes').post('/break-glass', { roleId: ids.role('auditor'), personId: ids.person('siti'), mostMinutes: 5, purpose: 'x' })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
  });

  it('is nobody’s by a way round: not by taking the post it is for, nor by writing one’s own id differently', async () => {
    const post = ((await dewi().post('/positions', { unitId: ids.unit('sma-1'), code: 'vacant', title: 'Vacant' }).expect(201)).body as { id: string }).id;
    const sealed = (await seal({ roleId: ids.role('payment-operator'), positionId: post }).expect(201)).body as Row;
    // Whoever may write people hands on what is prepared for a post as well.
    await dewi().post('/grants', { permission: 'person:write', scope: 'all', subject: { type: 'person', id: ids.person('eko') } }).expect(201);
    await dewi().post('/grants', { permission: 'person:read', scope: 'all', subject: { type: 'person', id: ids.person('eko') } }).expect(201);
    expect(await world.as('eko').post('/appointments', { personId: ids.person('eko'), positionId: post })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    // Who prepared it does not open it, whatever post they come to.
    await dewi().post('/appointments', { personId: ids.person('dewi'), positionId: post }).expect(201);
    expect(await dewi().post(`/break-glass/${sealed.id}/openings`, { minutes: 5, reason: 'x' })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await seal({ roleId: ids.role('payment-operator'), personId: ids.person('dewi').toUpperCase() })).toBeProblem(403, 'PERMISSION_DENIED');
    const key = ((await dewi().post('/api-keys', { name: 'k', scopes: ['grant:write', 'workflow:complete'], validDays: 1 }).expect(201)).body as { key: string }).key;
    expect(await world.withKey(key).post('/break-glass', { roleId: ids.role('payment-operator'), personId: ids.person('siti'), mostMinutes: 5, purpose: 'x' })).toBeProblem(403, 'SESSION_REQUIRED');
    // A right to grant within one unit is none to prepare a role, which is seen from every post.
    await dewi().post('/grants', { permission: 'grant:write', scope: 'node', nodeId: ids.unit('smp-2'), subject: { type: 'person', id: ids.person('fitri') } }).expect(201);
    expect(await world.as('fitri').post('/break-glass', { roleId: ids.role('budget-owner'), positionId: post, mostMinutes: 5, purpose: 'x' })).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('ends with the post it was prepared for', async () => {
    const positionId = ids.position('sma-1-deputy');
    const sealed = (await seal({ roleId: ids.role('auditor'), positionId, mostMinutes: 600 }).expect(201)).body as Row;
    const until = new Date(Date.now() + 60_000).toISOString();
    const [held] = ((await dewi().get(`/appointments?positionId=${positionId}`).expect(200)).body as { items: { id: string; version: number }[] }).items;
    await dewi().patch(`/appointments/${held!.id}`, { validUntil: until, version: held!.version }).expect(200);
    const opening = (await world.as('maya').post(`/break-glass/${sealed.id}/openings`, { minutes: 600, reason: 'x' }).expect(201)).body as { validUntil: string };
    expect(opening.validUntil).toBe(until);
  });

  it('is opened once, however often it is tried at the same moment', async () => {
    const sealed = (await seal({ roleId: ids.role('auditor'), personId: ids.person('wayan') }).expect(201)).body as Row;
    const tries = await Promise.all(Array.from({ length: 5 }, () => world.as('wayan').post(`/break-glass/${sealed.id}/openings`, { minutes: 5, reason: 'now' })));
    expect(tries.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409]);
  });
});
