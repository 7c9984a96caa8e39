import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

/** Tables whose every row the changelog holds from the first day; of units, what is derived is left out. */
const WHOLE = ['position', 'appointment', 'user_account', 'role', 'role_inheritance', 'role_assignment', 'grant_rule', 'delegation', 'sod_set', 'sod_member', 'resource_type', 'custom_permission', 'break_glass', 'break_glass_opening', 'org_unit'];
const DERIVED: Record<string, string[]> = { org_unit: ['lft', 'rgt', 'depth', 'school_id', 'path', 'updated_at', 'version'] };

describe('the changelog of authorization', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());

  it('replayed from the beginning is what there is now', async () => {
    const dewi = world.as('dewi');
    const made = async (path: string, body: object) => (await dewi.post(path, body).expect(201)).body as { id: string; version: number };
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    const [junior, senior] = [await made('/roles', { code: 'junior', name: 'Junior' }), await made('/roles', { code: 'senior', name: 'Senior' })];
    await dewi.patch(`/roles/${senior.id}`, { juniorIds: [junior.id], version: senior.version }).expect(200);
    const grant = await made('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'role', id: junior.id } });
    await dewi.patch(`/grants/${grant.id}`, { validUntil: inAnHour }).expect(200);
    const gone = await made('/grants', { permission: 'person:read', scope: 'school', subject: { type: 'everyone' } });
    await dewi.delete(`/grants/${gone.id}`).expect(204);
    const given = await made('/role-assignments', { roleId: senior.id, personId: ids.person('siti') });
    await dewi.delete(`/role-assignments/${given.id}`).expect(204);
    const set = await made('/separation-of-duty', { kind: 'static', name: 'Apart', members: [junior.id, ids.role('auditor')] });
    await dewi.patch(`/separation-of-duty/${set.id}`, { members: [junior.id, ids.role('auditor'), ids.role('supervisor')], version: set.version }).expect(200);
    const loan = (await world.as('budi').post('/delegations', { borrowerId: ids.person('maya'), validUntil: inAnHour, reason: 'away' }).expect(201)).body as { id: string };
    await world.as('budi').delete(`/delegations/${loan.id}`).expect(204);
    await made('/resource-types', { code: 'log.book', name: 'Books' });
    await dewi.post('/permissions', { code: 'log.book:read', description: 'Read' }).expect(201);
    const sealed = await made('/break-glass', { roleId: ids.role('payment-operator'), personId: ids.person('putu'), mostMinutes: 5, purpose: 'x' });
    await world.as('putu').post(`/break-glass/${sealed.id}/openings`, { minutes: 5, reason: 'x' }).expect(201);
    const department = await made('/departments', { parentId: ids.unit('sma-1'), code: 'later', name: 'Later' });
    await dewi.patch(`/departments/${department.id}`, { name: 'Even later', version: department.version }).expect(200);
    const post = await made('/positions', { unitId: department.id, code: 'late', title: 'Late' });
    await made('/appointments', { personId: ids.person('siti'), positionId: post.id });

    await connected(testApp.database.adminUrl, async (client) => {
      const { rows: changes } = await client.query<{ table_name: string; op: string; row_id: string; before: object | null; after: Record<string, unknown> | null; v: string }>(
        `SELECT table_name, op, row_id::text, before, after, v::text FROM authz_change WHERE foundation_id = $1 ORDER BY seq`, [ids.foundation]);
      const replayed = new Map<string, Map<string, Record<string, unknown>>>(WHOLE.map((table) => [table, new Map()]));
      const without = (table: string, row: object) => Object.fromEntries(Object.entries(row).filter(([key]) => !DERIVED[table]?.includes(key)));
      let last = 0n;
      for (const { table_name: table, op, row_id: id, before, after, v } of changes) {
        // In the order of the heads they made, and each on what was there before it.
        expect(BigInt(v) >= last).toBe(true);
        last = BigInt(v);
        const rows = replayed.get(table);
        if (!rows) continue;
        expect([table, op, before && without(table, before)]).toEqual([table, op, rows.get(id) ?? null]);
        if (op === 'DELETE') rows.delete(id);
        else rows.set(id, without(table, after!));
      }
      for (const table of WHOLE) {
        const { rows } = await client.query<{ id: string; row: object }>(`SELECT id::text, to_jsonb(t) AS row FROM ${table} t WHERE foundation_id = $1`, [ids.foundation]);
        expect([table, Object.fromEntries(replayed.get(table)!)]).toEqual([table, Object.fromEntries(rows.map(({ id, row }) => [id, without(table, row)]))]);
        expect([table, rows.length > 0]).toEqual([table, true]);
      }
      const { rows: [head] } = await client.query<{ v: string }>('SELECT v::text FROM authz_head WHERE foundation_id = $1', [ids.foundation]);
      expect(BigInt(head!.v) >= last).toBe(true);
    });
  });
});
