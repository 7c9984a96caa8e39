import { type PermissionCode, PERMISSION_CODES, permissionCodes, rowKindsOf } from '../../src/access';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

interface Page { items: Record<string, string>[]; nextCursor: string | null }

/** A small generator, so that a failure can be run again by its seed. */
function generator(seed: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return { chance: (p: number) => next() < p, pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]! };
}

describe('searches', () => {
  let testApp: TestApp;
  beforeAll(async () => {
    testApp = await startApp();
  });
  afterAll(() => testApp.close());

  /** Every item of a search, page after page of `limit`. */
  const all = async (world: World, path: string, body: object, limit: number): Promise<string[]> => {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = (await world.as('dewi').post(`/permissions/${path}`, { ...body, limit, cursor }).expect(200)).body as Page;
      if (page.nextCursor !== null) expect(page.items).toHaveLength(limit);
      found.push(...page.items.map((item) => Object.values(item)[0]!));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    return found;
  };

  it.each([1, 2, 3, 4])('find exactly what asking about every row, person and permission finds (world %i)', async (seed) => {
    const { chance, pick } = generator(seed);
    const world = await aFoundation(testApp);
    const ids = await world.ids();
    await world.as('siti').submits();
    await world.as('putu').submits();
    await world.as('siti').post('/workflow/instances', { definition: 'reimbursement' }).expect(201);
    const table = async (sql: string) => connected(testApp.database.adminUrl, async (client) => (await client.query<{ id: string }>(`SELECT id::text AS id FROM ${sql} ORDER BY id`, [ids.foundation])).rows.map(({ id }) => id));
    const rows: Record<string, string[]> = {
      unit: await table('org_unit WHERE foundation_id = $1 AND deleted_at IS NULL'),
      position: await table('position WHERE foundation_id = $1 AND deleted_at IS NULL'),
      person: await table('person WHERE foundation_id = $1 AND deleted_at IS NULL'),
      appointment: await table('appointment WHERE foundation_id = $1'),
      request: await table('workflow_instance WHERE foundation_id = $1'),
      api_key: await table('api_key WHERE foundation_id = $1'),
    };
    const people = rows.person!;
    const codes = permissionCodes.filter((code) => rowKindsOf(code).length > 0);
    const conditions: Partial<Record<string, object>> = {
      request: pick<object>([
        { op: 'eq', left: { attribute: 'resource.state' }, right: { value: pick(['draft', 'running']) } },
        { op: 'not', of: { op: 'known', of: { attribute: 'resource.submittedAt' } } },
        { op: 'le', left: { attribute: 'resource.submittedAt' }, right: { attribute: 'context.time' } },
        { op: 'and', of: [{ op: 'in', left: { attribute: 'resource.definition' }, right: { value: ['reimbursement', 'leave'] } }, { op: 'gt', left: { attribute: 'resource.createdAt' }, right: { value: '2020-01-01T00:00:00Z' } }] },
      ]),
      appointment: { op: 'eq', left: { attribute: 'resource.acting' }, right: { value: false } },
      unit: { op: 'in', left: { attribute: 'resource.kind' }, right: { value: ['school', 'department'] } },
    };
    let made = 0;
    for (let n = 0; n < 40; n += 1) {
      const permission = pick(codes);
      const kind = pick(rowKindsOf(permission));
      const scope = pick(['own', 'department', 'school', 'node', 'all']);
      const resource = chance(0.4) ? { type: kind, ...(chance(0.4) && rows[kind]!.length > 0 ? { id: pick(rows[kind]!) } : {}) } : undefined;
      const answer = await world.as('dewi').post('/grants', {
        permission, scope, effect: chance(0.25) ? 'deny' : 'allow', resource, condition: resource && chance(0.5) ? conditions[kind] : undefined, nodeId: scope === 'node' ? pick(rows.unit!) : undefined,
        subject: pick([{ type: 'everyone' }, { type: 'person', id: pick(people) }, { type: 'person', id: pick(people) }, { type: 'position', id: pick(rows.position!) }, { type: 'role', id: ids.role(pick(['supervisor', 'budget-owner', 'auditor'])) }]),
      });
      if (answer.status === 201) made += 1;
    }
    expect(made).toBeGreaterThan(15);
    for (const [lender, borrower] of [['budi', 'maya'], ['maya', 'siti'], ['dewi', 'eko']] as const) {
      await world.as(lender).post('/delegations', { borrowerId: ids.person(borrower), transitive: true, nodeId: chance(0.5) ? pick(rows.unit!) : undefined, validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'x' }).expect(201);
    }
    /** One by one: who may do what with which rows. */
    const table2 = new Map<string, boolean>();
    const questions = people.flatMap((personId) => codes.flatMap((permission) => rowKindsOf(permission).flatMap((type) => rows[type]!.map((id) => ({ personId, permission, resource: { type, id } })))));
    for (let from = 0; from < questions.length; from += 1_000) {
      const checks = questions.slice(from, from + 1_000);
      const { results } = (await world.as('dewi').post('/permissions/check/batch', { checks }).expect(200)).body as { results: { allowed: boolean }[] };
      results.forEach(({ allowed }, index) => table2.set(JSON.stringify(checks[index]), allowed));
    }
    const allowed = (personId: string, permission: PermissionCode, type: string, id: string) => table2.get(JSON.stringify({ personId, permission, resource: { type, id } }))!;
    expect([...table2.values()].filter(Boolean).length).toBeGreaterThan(500);

    for (const personId of people) {
      for (const permission of codes) {
        for (const type of rowKindsOf(permission)) {
          const found = await all(world, 'list-resources', { permission, type, personId }, 7);
          expect([personId, permission, type, found]).toEqual([personId, permission, type, rows[type]!.filter((id) => allowed(personId, permission, type, id))]);
        }
      }
    }
    for (const permission of codes) {
      for (const type of rowKindsOf(permission)) {
        for (const id of rows[type]!.filter((_, index) => index % 3 === 0)) {
          const found = await all(world, 'list-subjects', { permission, resource: { type, id } }, 3);
          expect([permission, type, id, found]).toEqual([permission, type, id, people.filter((personId) => allowed(personId, permission, type, id))]);
        }
      }
    }
    for (const personId of people) {
      const id = pick(rows.request!);
      const found = await all(world, 'list-actions', { personId, resource: { type: 'request', id } }, 2);
      expect(found).toEqual(codes.filter((code) => (rowKindsOf(code) as readonly string[]).includes('request') && allowed(personId, code, 'request', id)).toSorted());
    }
  }, 120_000);

  it('answer about oneself to anybody, about others to who may ask, and nothing at all to what makes no sense', async () => {
    const world = await aFoundation(testApp);
    const ids = await world.ids();
    const siti = world.as('siti');
    const { id } = await siti.submits();
    expect((await siti.post('/permissions/list-resources', { permission: 'workflow:read', type: 'request' }).expect(200)).body).toEqual({ items: [{ id }], nextCursor: null });
    expect(((await siti.post('/permissions/list-actions', {}).expect(200)).body as Page).items).toEqual(['organization:read', 'person:read', 'workflow:read', 'workflow:submit'].map((permission) => ({ permission })));
    const refused: [string, object, number, string][] = [
      ['list-resources', { permission: 'workflow:read', type: 'request', personId: ids.person('joko') }, 403, 'PERMISSION_DENIED'],
      ['list-actions', { personId: ids.person('joko') }, 403, 'PERMISSION_DENIED'],
      ['list-subjects', { permission: 'workflow:read' }, 403, 'PERMISSION_DENIED'],
      ['list-resources', { permission: 'workflow:read', type: 'unit' }, 400, 'REQUEST_INVALID'],
      ['list-resources', { permission: 'audit:read', type: 'request' }, 400, 'REQUEST_INVALID'],
      ['list-resources', { permission: 'workflow:read', type: 'library.book' }, 400, 'REQUEST_INVALID'],
      ['list-resources', { permission: 'workflow:read', type: 'request', limit: 201 }, 400, 'REQUEST_INVALID'],
    ];
    for (const [path, body, status, code] of refused) expect(await siti.post(`/permissions/${path}`, body)).toBeProblem(status, code);
    expect(await world.as('dewi').post('/permissions/list-subjects', { permission: 'library.book:borrow' })).toBeProblem(400, 'REQUEST_INVALID');
    // A cursor of another question, and one that was changed.
    const page = (await world.as('dewi').post('/permissions/list-subjects', { permission: 'workflow:submit', limit: 2 }).expect(200)).body as Page;
    expect(page.nextCursor).not.toBeNull();
    expect(await world.as('dewi').post('/permissions/list-subjects', { permission: 'person:read', limit: 2, cursor: page.nextCursor })).toBeProblem(400, 'CURSOR_INVALID');
    expect(await world.as('dewi').post('/permissions/list-subjects', { permission: 'workflow:submit', limit: 2, cursor: `${page.nextCursor}x` })).toBeProblem(400, 'CURSOR_INVALID');
    // One that has grown stale goes on from where it was.
    await world.as('dewi').post('/roles', { code: 'later', name: 'Later' }).expect(201);
    await world.as('dewi').post('/permissions/list-subjects', { permission: 'workflow:submit', limit: 2, cursor: page.nextCursor }).expect(200);
    expect(PERMISSION_CODES['workflow:submit'].kinds).toContain('request');
  });
});
