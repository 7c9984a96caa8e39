import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

describe('the organization', () => {
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

  it('is created, changed, deleted and restored, level by level', async () => {
    const school = (await dewi().post('/schools', { code: 'sd-3', name: 'SD 3' }).expect(201)).body as { id: string; version: number; kind: string; schoolId: string };
    expect(school).toMatchObject({ kind: 'school', depth: 1, schoolId: school.id });
    const department = (await dewi().post('/departments', { code: 'sd-3-arts', name: 'Arts', parentId: school.id }).expect(201)).body as { id: string };
    const nested = (await dewi().post('/departments', { code: 'sd-3-music', name: 'Music', parentId: department.id }).expect(201)).body as { id: string; depth: number; schoolId: string };
    expect(nested).toMatchObject({ depth: 3, schoolId: school.id });
    const position = (await dewi().post('/positions', { unitId: nested.id, code: 'sd-3-music-head', title: 'Head of music', isHead: true }).expect(201)).body as { id: string };
    const person = (await dewi().post('/people', { employeeNumber: '7001', fullName: 'Ani', appointment: { positionId: position.id, acting: true } }).expect(201)).body as { id: string };
    const { body: held } = await dewi().get(`/appointments?personId=${person.id}`).expect(200);
    expect(held.items).toMatchObject([{ acting: true, validUntil: null }]);

    expect(await dewi().delete(`/schools/${school.id}?version=1`)).toBeProblem(409, 'STILL_IN_USE');
    expect(await dewi().delete(`/positions/${position.id}?version=1`)).toBeProblem(409, 'STILL_IN_USE');
    expect(await dewi().delete(`/people/${person.id}?version=1`)).toBeProblem(409, 'STILL_IN_USE');
    await dewi().patch(`/appointments/${held.items[0].id}`, { validUntil: new Date(Date.now() + 50).toISOString(), version: 1 }).expect(200);
    await new Promise((done) => setTimeout(done, 80));
    await dewi().delete(`/positions/${position.id}?version=1`).expect(204);
    await dewi().delete(`/departments/${nested.id}?version=1`).expect(204);
    expect((await dewi().get('/departments?search=music').expect(200)).body.items).toEqual([]);
    expect((await dewi().get('/departments?search=music&deleted=true').expect(200)).body.items).toMatchObject([{ id: nested.id }]);
    expect(await dewi().post(`/positions/${position.id}/restore`, { version: 2 })).toBeProblem(409, 'PARENT_DELETED');
    // Its code is free for another while it is deleted, and then it cannot come back under it.
    await dewi().post('/departments', { code: 'sd-3-music', name: 'Music again', parentId: department.id }).expect(201);
    expect(await dewi().post(`/departments/${nested.id}/restore`, { version: 2 })).toBeProblem(409, 'CODE_TAKEN');
    await dewi().delete(`/people/${person.id}?version=1`).expect(204);
    expect((await dewi().post(`/people/${person.id}/restore`, { version: 2 }).expect(200)).body).toMatchObject({ deletedAt: null, version: 3 });
  });

  it('refuses a cycle, a school below a school, a second head, a taken code, a stale version – and writes nothing', async () => {
    const science = ids.unit('sma-1-science');
    const inner = (await dewi().post('/departments', { code: 'inner', name: 'Inner', parentId: science }).expect(201)).body as { id: string };
    expect(await dewi().patch(`/departments/${science}`, { parentId: inner.id, version: 1 })).toBeProblem(409, 'ORGANIZATION_CYCLE');
    expect(await dewi().patch(`/departments/${science}`, { parentId: science, version: 1 })).toBeProblem(409, 'ORGANIZATION_CYCLE');
    expect(await dewi().post('/schools', { code: 'x', name: 'X', parentId: ids.unit('sma-1') })).toBeProblem(409, 'ORGANIZATION_SHAPE');
    expect(await dewi().post('/positions', { unitId: science, code: 'x', title: 'X', isHead: true })).toBeProblem(409, 'CODE_TAKEN');
    expect(await dewi().post('/schools', { code: 'sma-1', name: 'X' })).toBeProblem(409, 'CODE_TAKEN');
    expect(await dewi().patch(`/schools/${ids.unit('sma-1')}`, { name: 'X', version: 9 })).toBeProblem(409, 'STALE_VERSION');
    expect(await dewi().post('/people', { employeeNumber: '1001', fullName: 'Twin' })).toBeProblem(409, 'CODE_TAKEN');
    expect(await dewi().post('/appointments', { personId: ids.person('siti'), positionId: ids.position('sma-1-science-teacher') })).toBeProblem(409, 'CODE_TAKEN');
    const { body } = await dewi().get(`/departments/${science}`).expect(200);
    expect(body).toMatchObject({ version: 1, parentId: ids.unit('sma-1') });
  });

  it('moved at once in two directions never ends in a cycle', async () => {
    const make = async (code: string) => (await dewi().post('/departments', { code, name: code, parentId: ids.unit('sma-1') }).expect(201)).body as { id: string };
    for (let round = 0; round < 5; round += 1) {
      const [a, b] = [await make(`race-a${round}`), await make(`race-b${round}`)];
      const answers = await Promise.all([dewi().patch(`/departments/${a.id}`, { parentId: b.id, version: 1 }), dewi().patch(`/departments/${b.id}`, { parentId: a.id, version: 1 })]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    }
  });

  it('has preorder intervals and paths that agree with its parents', async () => {
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows: paths } = await client.query<{ id: string; path: string[]; up: string[] }>(`
        SELECT u.id, u.path, (WITH RECURSIVE up AS (SELECT u.id, u.parent_id, 0 AS n UNION ALL SELECT p.id, p.parent_id, n + 1 FROM org_unit p JOIN up ON p.id = up.parent_id)
                              SELECT array_agg(up.id ORDER BY n DESC) FROM up) AS up FROM org_unit u`);
      expect(paths.length).toBeGreaterThan(10);
      expect(paths.filter(({ path, up }) => path.join() !== up.join())).toEqual([]);
      const { rows } = await client.query<{ wrong: string }>(`
        SELECT count(*) AS wrong FROM org_unit a JOIN org_unit b USING (foundation_id)
         WHERE a.id <> b.id AND (b.lft BETWEEN a.lft AND a.rgt) <> EXISTS (
           WITH RECURSIVE up AS (SELECT b.id, b.parent_id UNION ALL SELECT p.id, p.parent_id FROM org_unit p JOIN up ON p.id = up.parent_id)
           SELECT FROM up WHERE up.id = a.id)`);
      expect(Number(rows[0]!.wrong)).toBe(0);
    });
  });

  it('changed to what it is already stays the same version and writes no event', async () => {
    const before = (await dewi().get(`/schools/${ids.unit('smp-2')}`).expect(200)).body as { name: string; version: number };
    const { body } = await dewi().patch(`/schools/${ids.unit('smp-2')}`, { name: before.name, version: before.version }).expect(200);
    expect(body).toEqual(before);
    const { body: events } = await world.as('hendra').get(`/audit/events?targetId=${ids.unit('smp-2')}&action=organization_unit.changed`).expect(200);
    expect(events.items).toEqual([]);
  });

  it('is seen and changed within one’s scope only', async () => {
    expect(await world.as('siti').post('/schools', { code: 'y', name: 'Y' })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('siti').get(`/people/${ids.person('joko')}`)).toBeProblem(404, 'NOT_FOUND');
    expect((await world.as('siti').get(`/people/${ids.person('siti')}`).expect(200)).body.employeeNumber).toBe('2004');
    // joko heads science and sees its people; budi heads the school and sees all of it; neither sees the other school.
    const seen = async (handle: string) => new Set(((await world.as(handle).get('/people?limit=200').expect(200)).body.items as { id: string }[]).map(({ id }) => id));
    expect(await seen('joko')).toEqual(new Set(['joko', 'siti'].map(ids.person)));
    expect((await seen('budi')).has(ids.person('lina'))).toBe(true);
    expect((await seen('budi')).has(ids.person('putu'))).toBe(false);
    // A grant at one node lets its holder write there and nowhere else.
    await dewi().post('/grants', { permission: 'organization:write', scope: 'node', nodeId: ids.unit('smp-2'), subject: { type: 'person', id: ids.person('yohanes') } }).expect(201);
    await world.as('yohanes').post('/departments', { code: 'smp-2-new', name: 'New', parentId: ids.unit('smp-2') }).expect(201);
    expect(await world.as('yohanes').post('/departments', { code: 'sma-1-new', name: 'New', parentId: ids.unit('sma-1') })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('yohanes').post('/schools', { code: 'z', name: 'Z' })).toBeProblem(403, 'PERMISSION_DENIED');
    // Where it stands among its siblings is not where it stands: its writer may rename what then comes first, and back.
    const school = (await world.as('yohanes').get(`/schools/${ids.unit('smp-2')}`).expect(200)).body as { code: string; version: number };
    const renamed = (await world.as('yohanes').patch(`/schools/${ids.unit('smp-2')}`, { code: 'aaa', version: school.version }).expect(200)).body as { version: number };
    await world.as('yohanes').patch(`/schools/${ids.unit('smp-2')}`, { code: school.code, version: renamed.version }).expect(200);
  });

  it('is listed in pages that are complete and refuse a cursor from elsewhere', async () => {
    const codes: string[] = [];
    let cursor: string | null = '';
    let pages = 0;
    while (cursor !== null) {
      const { body } = await dewi().get(`/positions?limit=4${cursor && `&cursor=${encodeURIComponent(cursor)}`}`).expect(200);
      codes.push(...(body.items as { code: string }[]).map(({ code }) => code));
      cursor = body.nextCursor as string | null;
      pages += 1;
    }
    expect(pages).toBeGreaterThan(3);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes).toEqual([...codes].sort());
    const { body } = await dewi().get('/positions?limit=1').expect(200);
    const stolen = encodeURIComponent(body.nextCursor as string);
    expect(await dewi().get(`/people?limit=1&cursor=${stolen}`)).toBeProblem(400, 'CURSOR_INVALID');
    expect(await dewi().get(`/positions?limit=1&search=head&cursor=${stolen}`)).toBeProblem(400, 'CURSOR_INVALID');
    expect(await dewi().get(`/positions?cursor=${stolen}x`)).toBeProblem(400, 'CURSOR_INVALID');
    expect(await dewi().get('/positions?limit=201')).toBeProblem(400, 'REQUEST_INVALID');
  });

  it('has a foundation with a name, a time zone and a language', async () => {
    expect((await world.as('siti').get('/organization').expect(200)).body).toMatchObject({ code: world.code, timezone: 'Asia/Jakarta', locale: 'id' });
    expect((await dewi().patch('/organization', { timezone: 'Asia/Makassar' }).expect(200)).body.timezone).toBe('Asia/Makassar');
    await dewi().patch('/organization', { timezone: 'Asia/Makassar' }).expect(200);
    expect((await world.as('siti').get('/me').expect(200)).body.timezone).toBe('Asia/Makassar');
    expect(await dewi().patch('/organization', { timezone: 'Mars/Olympus' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('siti').patch('/organization', { name: 'x' })).toBeProblem(403, 'PERMISSION_DENIED');
    expect((await world.as('hendra').get('/audit/events?action=foundation.changed').expect(200)).body.items).toMatchObject([{ before: { timezone: 'Asia/Jakarta' }, after: { timezone: 'Asia/Makassar' } }]);
  });

  it('takes back an appointment that has not begun, and ends one that has', async () => {
    const later = (await dewi().post('/appointments', { personId: ids.person('maya'), positionId: ids.position('sma-1-science-teacher'), validFrom: '2090-01-01T00:00:00Z' }).expect(201)).body as { id: string };
    expect((await dewi().get(`/appointments/${later.id}`).expect(200)).body).toMatchObject({ validFrom: '2090-01-01T00:00:00.000Z' });
    expect(await world.as('putu').get(`/appointments/${later.id}`)).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi().delete(`/appointments/${later.id}?version=2`)).toBeProblem(409, 'STALE_VERSION');
    await dewi().delete(`/appointments/${later.id}?version=1`).expect(204);
    expect(await dewi().get(`/appointments/${later.id}`)).toBeProblem(404, 'NOT_FOUND');
    const { body } = await dewi().get(`/appointments?personId=${ids.person('maya')}`).expect(200);
    expect(await dewi().delete(`/appointments/${body.items[0].id}?version=1`)).toBeProblem(409, 'STILL_IN_USE');
  });

  it('filters people by unit, number and name', async () => {
    const { body } = await dewi().get(`/people?unitId=${ids.unit('sma-1-science')}`).expect(200);
    expect((body.items as { employeeNumber: string }[]).map(({ employeeNumber }) => employeeNumber)).toEqual(['2003', '2004']);
    expect((await dewi().get('/people?employeeNumber=2004').expect(200)).body.items).toHaveLength(1);
    expect((await dewi().get('/people?search=wibo').expect(200)).body.items).toMatchObject([{ fullName: 'Agus Wibowo' }]);
  });
});

describe('an import', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());
  const document = {
    units: [{ code: 'sd-9', kind: 'school', name: 'SD 9' }, { code: 'sd-9-b', kind: 'department', name: 'B', parent: 'sd-9-a' }, { code: 'sd-9-a', kind: 'department', name: 'A', parent: 'sd-9' }],
    positions: [{ code: 'sd-9-head', title: 'Head', unit: 'sd-9', isHead: true }],
    people: [{ employeeNumber: '5001', fullName: 'Rini' }],
    appointments: [{ employeeNumber: '5001', position: 'sd-9-head' }],
  };
  const counts = async () => {
    const dewi = world.as('dewi');
    const lists = await Promise.all(['/schools', '/departments', '/positions', '/people', '/appointments'].map((path) => dewi.get(`${path}?limit=200`).expect(200)));
    return lists.map(({ body }) => (body.items as unknown[]).length);
  };

  it('checked only says what would happen and writes nothing; carried out it does exactly that; again it changes nothing', async () => {
    const before = await counts();
    const dry = (await world.as('dewi').post('/organization/import?dryRun=true', document).expect(200)).body as Record<string, unknown>;
    expect(dry).toEqual({ dryRun: true, units: { created: 3, changed: 0, unchanged: 0 }, positions: { created: 1, changed: 0, unchanged: 0 }, people: { created: 1, changed: 0, unchanged: 0 }, appointments: { created: 1, changed: 0, unchanged: 0 } });
    expect(await counts()).toEqual(before);
    expect((await world.as('dewi').post('/organization/import', document).expect(200)).body).toEqual({ ...dry, dryRun: false });
    expect(await counts()).toEqual([before[0]! + 1, before[1]! + 2, before[2]! + 1, before[3]! + 1, before[4]! + 1]);
    const again = (await world.as('dewi').post('/organization/import', document).expect(200)).body as Record<string, { unchanged: number; created: number }>;
    expect([again.units, again.positions, again.people, again.appointments].map((each) => [each!.created, each!.unchanged])).toEqual([[0, 3], [0, 1], [0, 1], [0, 1]]);
    const renamed = { ...document, units: [{ ...document.units[0], name: 'SD Sembilan' }] };
    expect((await world.as('dewi').post('/organization/import', renamed).expect(200)).body.units).toEqual({ created: 0, changed: 1, unchanged: 0 });
  });

  it('with bad rows names every one of them and writes nothing', async () => {
    const before = await counts();
    const bad = {
      units: [{ code: 'c1', kind: 'department', name: 'C1', parent: 'c2' }, { code: 'c2', kind: 'department', name: 'C2', parent: 'c1' }, { code: 'c3', kind: 'school', name: 'C3', parent: 'sma-1' }],
      positions: [{ code: 'p1', title: 'P1', unit: 'nowhere' }, { code: 'p1', title: 'P1', unit: 'sma-1' }, { code: 'p2', title: 'Second head', unit: 'sma-1', isHead: true }],
      people: [{ employeeNumber: '6001', fullName: 'A' }, { employeeNumber: '6001', fullName: 'B' }],
      appointments: [{ employeeNumber: '6404', position: 'p404' }, { employeeNumber: '6001', position: 'p1', validFrom: '2026-02-01', validUntil: '2026-01-01' }],
    };
    const answer = await world.as('dewi').post('/organization/import?dryRun=true', bad);
    expect(answer).toBeProblem(400, 'IMPORT_INVALID');
    expect((answer.body.errors as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`).sort()).toEqual([
      '#/appointments/0/employeeNumber unknown', '#/appointments/0/position unknown', '#/appointments/1/validUntil period', '#/people/1/employeeNumber duplicate',
      '#/positions/0/unit unknown', '#/positions/1/code duplicate', '#/positions/2/isHead duplicate', '#/units/0/parent cycle', '#/units/1/parent cycle', '#/units/2/parent shape',
    ].sort());
    expect(await world.as('dewi').post('/organization/import', bad)).toBeProblem(400, 'IMPORT_INVALID');
    // Rows that cannot be read do not hide what is wrong with the others.
    const mixed = await world.as('dewi').post('/organization/import', { units: [{ code: 'ok', kind: 'tower', name: '' }, { code: 'x1', kind: 'department', name: 'X', parent: 'nowhere' }], positions: [{ code: 'y', title: 'Y', unit: 'ok' }], extra: 1 });
    expect(mixed).toBeProblem(400, 'IMPORT_INVALID');
    expect((mixed.body.errors as { pointer: string }[]).map(({ pointer }) => pointer)).toEqual(['#/units/0/kind', '#/units/0/name', '#/extra', '#/units/1/parent']);
    const deep = await world.as('dewi').post('/organization/import?dryRun=true', { units: Array.from({ length: 40 }, (_, n) => ({ code: `deep-${n}`, kind: 'department', name: 'D', ...(n ? { parent: `deep-${n - 1}` } : {}) })) });
    expect((deep.body.errors as { pointer: string; code: string }[])[0]).toMatchObject({ pointer: '#/units/32/parent', code: 'depth' });
    for (const body of ['[]', 'null', '{"units":5}']) expect(await world.as('dewi').post('/organization/import', body).set('content-type', 'application/json')).toBeProblem(400, body === 'null' ? 'REQUEST_MALFORMED' : 'IMPORT_INVALID');
    expect(await counts()).toEqual(before);
  });

  it('changes what a row says and leaves what it does not say; heads may change places; overlaps are found', async () => {
    const dewi = world.as('dewi');
    const load = (body: object, query = '') => dewi.post(`/organization/import${query}`, body);
    await load({
      units: [{ code: 'm1', kind: 'school', name: 'M1' }, { code: 'm1-a', kind: 'department', name: 'A', parent: 'm1' }, { code: 'm1-b', kind: 'department', name: 'B', parent: 'm1' }],
      positions: [{ code: 'head-a', title: 'A', unit: 'm1-a', isHead: true }, { code: 'head-b', title: 'B', unit: 'm1-b', isHead: true }],
      people: [{ employeeNumber: '7777', fullName: 'Kept', email: 'kept@m1.test', locale: 'en' }],
      appointments: [{ employeeNumber: '7777', position: 'head-a', validFrom: '2026-01-01T00:00:00Z' }],
    }).expect(200);
    const swapped = await load({
      units: [{ code: 'm1-a', kind: 'department', name: 'Renamed' }],
      positions: [{ code: 'head-a', title: 'A', unit: 'm1-b' }, { code: 'head-b', title: 'B', unit: 'm1-a' }],
      people: [{ employeeNumber: '7777', fullName: 'Kept Still' }],
      appointments: [{ employeeNumber: '7777', position: 'head-a', acting: true }],
    }).expect(200);
    expect(swapped.body).toMatchObject({ units: { changed: 1 }, positions: { changed: 2 }, people: { changed: 1 }, appointments: { created: 0, changed: 1 } });
    const ids = await world.ids();
    expect((await dewi.get(`/departments/${ids.unit('m1-a')}`).expect(200)).body).toMatchObject({ name: 'Renamed', parentId: ids.unit('m1') });
    expect((await dewi.get(`/positions/${ids.position('head-a')}`).expect(200)).body).toMatchObject({ isHead: true, unitId: ids.unit('m1-b') });
    expect((await dewi.get(`/people/${ids.person('7777')}`).expect(200)).body).toMatchObject({ fullName: 'Kept Still', email: 'kept@m1.test', locale: 'en' });
    expect((await dewi.get(`/appointments?personId=${ids.person('7777')}`).expect(200)).body.items).toMatchObject([{ acting: true, validUntil: null }]);
    const twice = { appointments: [{ employeeNumber: '7777', position: 'head-b', validFrom: '2031-01-01' }, { employeeNumber: '7777', position: 'head-b', validFrom: '2032-01-01' }] };
    for (const query of ['?dryRun=true', '']) expect((await load(twice, query)).body.errors).toMatchObject([{ pointer: '#/appointments/1/position', code: 'overlap' }]);
    twice.appointments[0] = { ...twice.appointments[0]!, ...{ validUntil: '2032-01-01' } };
    expect((await load(twice).expect(200)).body.appointments.created).toBe(2);
  });

  it('comes as CSV too, and its problems name the line', async () => {
    const csv = (text: string, query = '') => world.as('dewi').post(`/organization/import${query}`, text).set('content-type', 'text/csv');
    const header = 'type,code,name,parent,unit,head,employee_number,position,acting\n';
    const good = `${header}school,sd-7,SD 7,,,,,,\nposition,sd-7-head,"Head, SD 7",,sd-7,yes,,,\nperson,,Tono,,,,8001,,\nappointment,,,,,,8001,sd-7-head,ya\n`;
    expect((await csv(good).expect(200)).body).toMatchObject({ units: { created: 1 }, positions: { created: 1 }, people: { created: 1 }, appointments: { created: 1 } });
    const answer = await csv(`${header}school,sd-8,SD 8,,,,,,\ndepartment,sd-8-x,X,sd-404,,,,,\ntower,t,T,,,,,,\n`);
    expect(answer).toBeProblem(400, 'IMPORT_INVALID');
    expect(answer.body.errors).toEqual([
      { pointer: 'line:4', code: 'type', detail: 'type must be school, department, position, person or appointment' },
      { pointer: 'line:3', code: 'unknown', detail: 'parent: there is no unit sd-404' },
    ]);
    expect(await csv(`${header}"unclosed`)).toBeProblem(400, 'IMPORT_INVALID');
    expect((await csv(header)).body.errors).toMatchObject([{ pointer: 'line:1', code: 'empty' }]);
    expect((await csv('')).status).toBe(400);
    expect((await csv('type;code;name\nschool;a;A\n')).body.errors).toMatchObject([{ pointer: 'line:1', code: 'unknown_column' }]);
    expect((await csv(`${header}school,sd-x\nperson,,Short,,,,9,,\n`)).body.errors).toMatchObject([{ pointer: 'line:2', detail: expect.stringContaining('name') }]);
    // A date is the start of the day where the foundation is.
    await csv('type,name,employee_number,position,valid_from\nperson,Tini,8002,,\nappointment,,8002,sma-1-science-teacher,2026-07-01\n').expect(200);
    const ids = await world.ids();
    expect((await world.as('dewi').get(`/appointments?personId=${ids.person('8002')}`).expect(200)).body.items[0].validFrom).toBe('2026-06-30T17:00:00.000Z');
    expect(await world.as('siti').post('/organization/import', {})).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('of 2,000 people is one transaction', async () => {
    const many = {
      units: [{ code: 'big', kind: 'school', name: 'Big' }],
      positions: [{ code: 'big-teacher', title: 'Teacher', unit: 'big' }],
      people: Array.from({ length: 2_000 }, (_, n) => ({ employeeNumber: `B${n}`, fullName: `Person ${n}` })),
      appointments: Array.from({ length: 2_000 }, (_, n) => ({ employeeNumber: `B${n}`, position: 'big-teacher' })),
    };
    expect((await world.as('dewi').post('/organization/import', many).expect(200)).body.people.created).toBe(2_000);
  });
});
