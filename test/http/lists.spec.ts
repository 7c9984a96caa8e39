import { permissionCodes } from '../../src/access';
import { openApiDocument } from '../../src/http';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';

/** Lists of what is the caller's own, and of the forms there are, whatever they may do. */
const OWN = ['/workflow/templates', '/workflow/definitions', '/calendars', '/me/sessions', '/me/tasks', '/workflow/substitutions', '/delegations', '/break-glass', '/break-glass-openings'];

describe('every list', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  it('shows somebody to whom everything is denied nothing but their own, and the administrator something', async () => {
    const ids = await world.ids();
    await world.as('putu').submits();
    await world.as('dewi').post('/api-keys', { name: 'k', scopes: ['organization:read'], validDays: 1 }).expect(201);
    await world.as('dewi').post('/resource-types', { code: 'a.b', name: 'x' }).expect(201);
    await world.as('dewi').post('/separation-of-duty', { kind: 'static', name: 'x', members: [ids.role('auditor'), ids.role('supervisor')] }).expect(201);
    const lists = Object.entries(openApiDocument(testApp.app).paths)
      .filter(([path, item]) => 'get' in (item as object) && path.startsWith('/api/v1/') && !path.includes('{'))
      .map(([path]) => path.slice('/api/v1'.length));
    const seen: string[] = [];
    for (const path of lists) {
      const { body } = await world.as('dewi').get(path);
      if (Array.isArray((body as { items?: unknown[] }).items) && (body as { items: unknown[] }).items.length > 0) seen.push(path);
    }
    expect(seen).toEqual(expect.arrayContaining(['/people', '/positions', '/schools', '/departments', '/appointments', '/roles', '/grants', '/role-assignments', '/permissions', '/resource-types', '/separation-of-duty', '/api-keys', '/workflow/instances', '/audit/events']));
    for (const permission of permissionCodes) await world.as('dewi').post('/grants', { permission, effect: 'deny', scope: 'all', subject: { type: 'person', id: ids.person('siti') } }).expect(201);
    for (const path of seen.filter((each) => !OWN.includes(each))) {
      const { status, body } = await world.as('siti').get(path);
      expect([path, status === 403 || (body as { items?: unknown[] }).items?.length === 0]).toEqual([path, true]);
    }
  });
});
