import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

type Document = Record<'resourceTypes' | 'permissions' | 'roles' | 'grants' | 'roleAssignments' | 'separationOfDuty', Record<string, unknown>[]> & { format: string };
interface Report { dryRun: boolean; added: Record<string, number>; unchanged: Record<string, number> }

describe('authorization as a document', () => {
  let testApp: TestApp;
  let one: World;
  let other: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    one = await aFoundation(testApp);
    other = await aFoundation(testApp);
    ids = await one.ids();
    const dewi = one.as('dewi');
    const made = async (path: string, body: object) => (await dewi.post(path, body).expect(201)).body as { id: string };
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await made('/resource-types', { code: 'library.book', name: 'Books', attributes: { 'resource.value': 'number' } });
    await dewi.post('/permissions', { code: 'library.book:borrow', description: 'Borrow books' }).expect(201);
    const junior = await made('/roles', { code: 'a-junior', name: 'Junior' });
    const senior = await made('/roles', { code: 'a-senior', name: 'Senior', juniorIds: [junior.id, ids.role('pre-approver')] });
    await made('/grants', { permission: 'library.book:borrow', scope: 'all', resource: { type: 'library.book' }, condition: { op: 'lt', left: { attribute: 'resource.value' }, right: { value: 5 } }, subject: { type: 'role', id: junior.id }, reason: 'Cheap ones' });
    await made('/grants', { permission: 'workflow:read', scope: 'node', nodeId: ids.unit('sma-1'), subject: { type: 'position', id: ids.position('sma-1-deputy') }, validFrom: inAnHour, validUntil: new Date(Date.now() + 7_200_000).toISOString() });
    await made('/grants', { permission: 'audit:read', effect: 'deny', scope: 'own', subject: { type: 'everyone' } });
    await made('/grants', { permission: 'person:read', scope: 'school', subject: { type: 'person', id: ids.person('siti') } });
    await made('/role-assignments', { roleId: senior.id, personId: ids.person('maya'), validUntil: inAnHour, reason: 'for an hour' });
    await made('/role-assignments', { roleId: junior.id, positionId: ids.position('sma-1-deputy') });
    await made('/separation-of-duty', { kind: 'static', name: 'Apart', members: [junior.id, ids.role('auditor')] });
    await made('/separation-of-duty', { kind: 'dynamic', name: 'Asking and paying', members: ['workflow:submit', 'workflow:complete'] });
  });
  afterAll(() => testApp.close());
  const exported = async (world: World) => (await world.as('dewi').get('/permissions/export').expect(200)).body as Document;
  const imported = async (world: World, document: object, dryRun = false) => (await world.as('dewi').post(`/permissions/import${dryRun ? '?dryRun=true' : ''}`, document).expect(200)).body as Report;
  /** Of these two foundations: others share the database. */
  const rows = () => connected(testApp.database.adminUrl, async (client) => (await client.query<{ n: string }>('SELECT count(*) AS n FROM authz_change WHERE foundation_id = ANY ($1)', [[ids.foundation, (await other.ids()).foundation]])).rows[0]!.n);

  it('brought to another foundation makes it the same, and brought back changes nothing', async () => {
    const document = await exported(one);
    expect(document.grants.length).toBeGreaterThan(30);
    const before = await exported(other);
    expect(before).not.toEqual(document);
    const quiet = await rows();
    const planned = await imported(other, document, true);
    expect(await rows()).toBe(quiet);
    expect(await exported(other)).toEqual(before);
    // Administrators get what is registered; their grant of it is there when the document’s turn comes.
    const report = await imported(other, document);
    expect(report).toEqual({ ...planned, dryRun: false });
    expect(report.added).toEqual({ resourceTypes: 1, permissions: 1, roles: 2, grants: 4, roleAssignments: 2, separationOfDuty: 2 });
    expect(await exported(other)).toEqual(document);
    const settled = await rows();
    for (const world of [one, other]) expect(Object.values((await imported(world, document)).added)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await rows()).toBe(settled);
    // And it counts: what it says may be done there too.
    const there = await other.ids();
    expect((await other.as('dewi').post('/permissions/check', { personId: there.person('maya'), permission: 'library.book:borrow', resource: { type: 'library.book', properties: { value: 3 } } }).expect(200)).body.allowed).toBe(true);
  });

  it('brings back what was taken away since', async () => {
    const document = await exported(one);
    const { items } = (await one.as('dewi').get(`/grants?personId=${ids.person('siti')}`).expect(200)).body as { items: { id: string }[] };
    for (const { id } of items) await one.as('dewi').delete(`/grants/${id}`).expect(204);
    expect((await exported(one)).grants).toHaveLength(document.grants.length - items.length);
    expect((await imported(one, document)).added.grants).toBe(items.length);
    expect(await exported(one)).toEqual(document);
  });

  it('that cannot be, is refused as a whole, with every place', async () => {
    const before = await exported(other);
    const refused = await other.as('dewi').post('/permissions/import', {
      format: 'gloria-authorization-1',
      roles: [{ code: 'x-new', name: 'New' }, { code: 'auditor', name: 'Another name' }, { code: 'x-one', name: 'One', juniors: ['x-two'] }, { code: 'x-two', name: 'Two', juniors: ['x-one', 'x-none'] }],
      grants: [{ permission: 'person:read', scope: 'node', node: 'nowhere', subject: { role: 'x-new' } }, { permission: 'person:read', scope: 'all', node: 'sma-1', subject: { person: '0000' } }, { permission: 'person:read', scope: 'all', subject: { position: 'none' } }],
      roleAssignments: [{ role: 'none' }, { role: 'x-new', person: '2004', position: 'cashier' }],
    });
    expect(refused).toBeProblem(400, 'REQUEST_INVALID');
    expect((refused.body as { errors: { pointer: string; code: string }[] }).errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '#/roles/3/juniors unknown', '#/roles/1 differs', '#/roles cycle', '#/grants/0/node unknown', '#/grants/1/node node', '#/grants/1/subject unknown', '#/grants/2/subject unknown',
      '#/roleAssignments/0/role unknown', '#/roleAssignments/0 subject', '#/roleAssignments/1 subject',
    ]);
    // The last one fails: nothing of those before it is kept.
    const unread = await other.as('dewi').post('/permissions/import', { format: 'gloria-authorization-1', roles: [{ code: 'x-new', name: 'New' }], grants: [{ permission: 'person:read', scope: 'all', subject: { role: 'x-new' } }, { permission: 'person:read', scope: 'all', kind: 'request', subject: { role: 'x-new' } }] });
    expect(unread).toBeProblem(400, 'REQUEST_INVALID');
    expect(unread.body.errors).toMatchObject([{ pointer: '#/grants/1/resource/type' }]);
    expect(await other.as('dewi').post('/permissions/import', { format: 'something-else' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await exported(other)).toEqual(before);
  });

  it('gives nobody more than they hold, and is told to who may read permissions', async () => {
    const there = await other.ids();
    for (const permission of ['role:write', 'grant:write', 'permission:read']) await other.as('dewi').post('/grants', { permission, scope: 'all', subject: { type: 'person', id: there.person('budi') } }).expect(201);
    const before = await exported(other);
    expect(await other.as('budi').post('/permissions/import', { format: 'gloria-authorization-1', roles: [{ code: 'x-mine', name: 'Mine' }], grants: [{ permission: 'audit:read', scope: 'all', subject: { role: 'x-mine' } }] })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await exported(other)).toEqual(before);
    expect(await other.as('siti').get('/permissions/export')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await other.as('siti').post('/permissions/import', before)).toBeProblem(403, 'PERMISSION_DENIED');
  });
});
