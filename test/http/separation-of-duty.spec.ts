import { aFoundation, aReimbursement, startApp, type TestApp, type World } from '../support/app';
import { connected, testDatabase } from '../support/database';

describe('separation of duty', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  const roles: string[] = [];
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
    for (const code of ['orders', 'receives', 'pays']) roles.push(((await dewi().post('/roles', { code, name: code }).expect(201)).body as { id: string }).id);
  });
  afterAll(() => testApp.close());
  const dewi = () => world.as('dewi');
  const keepApart = async (body: object) => (await dewi().post('/separation-of-duty', body).expect(201)).body as { id: string; version: number; members: string[] };
  const assign = (roleId: string, to: object, more: object = {}) => dewi().post('/role-assignments', { roleId, ...to, ...more });
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const someone = async (name: string) => ((await dewi().post('/people', { employeeNumber: name, fullName: name }).expect(201)).body as { id: string }).id;
  /** Whoever holds all of `set` at some moment from now on, by looking at every pair of periods. */
  const offenders = async (set: readonly string[]) =>
    connected((await testDatabase()).adminUrl, async (client) => {
      const { rows } = await client.query<{ person_id: string; role_id: string; from: Date; until: Date | null }>(
        `SELECT coalesce(r.person_id, a.person_id) AS person_id, c.junior_id AS role_id, greatest(r.valid_from, a.valid_from) AS from, least(r.valid_until, a.valid_until) AS until
           FROM role_assignment r JOIN role_closure c ON c.senior_id = r.role_id LEFT JOIN appointment a ON a.position_id = r.position_id WHERE c.junior_id = ANY ($1)`, [set]);
      const live = rows.filter(({ person_id: person, from, until }) => person && (until === null || (until > from && until > new Date())));
      return live.filter((one) => {
        const at = Math.max(one.from.getTime(), Date.now());
        const held = live.filter((each) => each.person_id === one.person_id && each.from.getTime() <= at && (each.until === null || at < each.until.getTime()));
        return new Set(held.map(({ role_id: role }) => role)).size >= set.length;
      }).length;
    });

  it('lets nobody hold roles of a static set at the same time: by person, post, inheritance or period', async () => {
    const set = await keepApart({ kind: 'static', name: 'Ordering and paying', members: [roles[0], roles[2]] });
    const person = await someone('901');
    await assign(roles[0]!, { personId: person }, { validUntil: inHours(2) }).expect(201);
    const refused = await assign(roles[2]!, { personId: person });
    expect(refused).toBeProblem(409, 'ROLES_KEPT_APART');
    expect((refused.body as { detail: string }).detail).toContain('Ordering and paying');
    expect(await assign(roles[2]!, { personId: person }, { validFrom: inHours(1) })).toBeProblem(409, 'ROLES_KEPT_APART');
    // One after the other is no conflict.
    await assign(roles[2]!, { personId: person }, { validFrom: inHours(2) }).expect(201);

    // Through a post, whoever comes to it; and through a role that inherits both.
    const post = ((await dewi().post('/positions', { unitId: ids.unit('sma-1'), code: 'buyer', title: 'Buyer' }).expect(201)).body as { id: string }).id;
    await assign(roles[0]!, { positionId: post }).expect(201);
    const other = await someone('902');
    await assign(roles[2]!, { personId: other }).expect(201);
    expect(await dewi().post('/appointments', { personId: other, positionId: post })).toBeProblem(409, 'ROLES_KEPT_APART');
    const senior = ((await dewi().post('/roles', { code: 'chief', name: 'Chief', juniorIds: [roles[2]] }).expect(201)).body as { id: string; version: number });
    await assign(senior.id, { personId: await someone('903') }).expect(201);
    expect(await dewi().patch(`/roles/${senior.id}`, { juniorIds: [roles[0], roles[2]], version: senior.version })).toBeProblem(409, 'ROLES_KEPT_APART');

    // A set that is broken already cannot be made; nor can a role of one be deleted.
    const both = await someone('904');
    await assign(roles[1]!, { personId: both }).expect(201);
    await assign(roles[2]!, { personId: both }).expect(201);
    expect(await dewi().post('/separation-of-duty', { kind: 'static', name: 'Receiving and paying', members: [roles[1], roles[2]] })).toBeProblem(409, 'ROLES_KEPT_APART');
    expect(await dewi().patch(`/separation-of-duty/${set.id}`, { members: [roles[1], roles[2]], version: 1 })).toBeProblem(409, 'ROLES_KEPT_APART');
    expect(await dewi().delete(`/roles/${roles[0]}`)).toBeProblem(409, 'STILL_IN_USE');
    expect(await offenders([roles[0]!, roles[2]!])).toBe(0);
    await dewi().delete(`/separation-of-duty/${set.id}`).expect(204);
  });

  it('holds under concurrency: of two roles given at the same moment, one', async () => {
    const set = await keepApart({ kind: 'static', name: 'All three', cardinality: 3, members: roles });
    for (let round = 0; round < 8; round += 1) {
      const person = await someone(`91${round}`);
      const post = ((await dewi().post('/positions', { unitId: ids.unit('sma-1'), code: `p-${round}`, title: 'Post' }).expect(201)).body as { id: string }).id;
      await assign(roles[2]!, { positionId: post }).expect(201);
      const answers = await Promise.all([assign(roles[0]!, { personId: person }), assign(roles[1]!, { personId: person }), dewi().post('/appointments', { personId: person, positionId: post })]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 409]);
    }
    expect(await offenders(roles)).toBe(0);
    await dewi().delete(`/separation-of-duty/${set.id}`).expect(204);
  });

  it('lets nobody do two duties of a dynamic set on the same request, and on another one they may', async () => {
    const set = await keepApart({ kind: 'dynamic', name: 'Approving and paying', members: ['workflow:approve', 'workflow:complete'] });
    const both = { type: 'person', id: ids.person('ratna') };
    await dewi().post('/grants', { permission: 'workflow:approve', scope: 'all', subject: both }).expect(201);
    const headPost = ((await dewi().get(`/positions?unitId=${ids.unit('sma-1-science')}`).expect(200)).body as { items: { id: string; isHead: boolean }[] }).items.find(({ isHead }) => isHead)!;
    await dewi().post('/appointments', { personId: ids.person('ratna'), positionId: headPost.id, acting: true }).expect(201);

    const request = await world.as('siti').submits(aReimbursement({ route: 'supervisor' }));
    const tasks = async (id: string) => ((await dewi().get(`/workflow/instances/${id}`).expect(200)).body as { openTasks: { id: string; node: string }[] }).openTasks[0]!;
    let decidedByRatna = false;
    for (let task = await tasks(request.id); task && !task.node.startsWith('payment'); task = await tasks(request.id)) {
      const inbox = ((await world.as('ratna').get('/me/tasks?limit=200').expect(200)).body as { items: { taskId: string }[] }).items;
      const hers: boolean = !decidedByRatna && inbox.some(({ taskId }) => taskId === task!.id);
      let done = false;
      for (const handle of hers ? ['ratna'] : ['joko', 'budi', 'agus', 'eko', 'lina', 'maya']) done ||= (await world.as(handle).answers('approve', task.id)).status === 200;
      expect([task.node, done]).toEqual([task.node, true]);
      decidedByRatna ||= hers;
    }
    expect(decidedByRatna).toBe(true);
    const payment = (await tasks(request.id))!;
    const refused = await world.as('ratna').answers('complete', payment.id);
    expect(refused).toBeProblem(403, 'DUTIES_KEPT_APART');
    expect((refused.body as { detail: string }).detail).toContain('Approving and paying');
    await dewi().delete(`/separation-of-duty/${set.id}`).expect(204);
    await world.as('ratna').answers('complete', payment.id).expect(200);
  });

  it('is made of what it can be made of, once by name, changed by version', async () => {
    const make = (body: object) => dewi().post('/separation-of-duty', { kind: 'dynamic', name: 'One', members: ['workflow:submit', 'workflow:approve'], ...body });
    const made = (await make({}).expect(201)).body as { id: string };
    expect(await make({})).toBeProblem(409, 'CODE_TAKEN');
    expect(await make({ name: 'Two', cardinality: 3 })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await make({ name: 'Two', members: ['workflow:submit', 'workflow:submit'] })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await make({ name: 'Two', kind: 'static' })).toBeProblem(400, 'REQUEST_INVALID');
    // What nobody asks about would be a promise.
    expect(await make({ name: 'Two', members: ['workflow:submit', 'grant:write'] })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await make({ name: 'Two', members: ['workflow:submit', roles[0]] })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await make({ name: 'Two', kind: 'static', members: [roles[0], ids.person('siti')] })).toBeProblem(404, 'NOT_FOUND');
    expect(await world.as('siti').post('/separation-of-duty', {})).toBeProblem(403, 'PERMISSION_DENIED');
    await dewi().patch(`/separation-of-duty/${made.id}`, { name: 'Renamed', version: 1 }).expect(200);
    expect(await dewi().patch(`/separation-of-duty/${made.id}`, { name: 'Again', version: 1 })).toBeProblem(409, 'STALE_VERSION');
    expect((await dewi().get('/separation-of-duty').expect(200)).body.items.filter(({ id }: { id: string }) => id === made.id)).toMatchObject([{ id: made.id, name: 'Renamed', version: 2, members: ['workflow:approve', 'workflow:submit'] }]);
  });
});
