import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { systemActor } from '../../src/access';
import { AuditService } from '../../src/modules/audit';
import { Database } from '../../src/platform/database';

interface Event {
  action: string;
  outcome: string;
  reasonCode: string | null;
  actor: { kind: string; id: string; sessionId: string | null };
  target: { type: string; id: string };
  context: Record<string, unknown>;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

describe('the audit log', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    ids = await world.ids();
  });
  afterAll(() => testApp.close());
  const events = async (query: string) => ((await world.as('hendra').get(`/audit/events?limit=200&${query}`).expect(200)).body.items as Event[]);

  it('holds who did what, from where, before and after', async () => {
    await world.as('dewi').patch(`/schools/${ids.unit('smp-2')}`, { name: 'SMP Dua', version: 1 }).set('x-request-id', 'audit-spec-0001').expect(200);
    const [event, ...more] = await events('requestId=audit-spec-0001');
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      action: 'organization_unit.changed',
      outcome: 'success',
      actor: { kind: 'user', id: ids.person('dewi'), sessionId: world.sessionOf('dewi') },
      target: { type: 'org_unit', id: ids.unit('smp-2') },
      before: { name: 'SMP Harapan 2' },
      after: { name: 'SMP Dua' },
      context: { requestId: 'audit-spec-0001', route: 'PATCH /api/v1/schools/:id', ip: '127.0.0.1' },
    });
  });

  it('holds every enforced denial before it is answered, and no advisory one', async () => {
    const as = (handle: string) => world.as(handle);
    expect(await as('siti').get('/audit/events').set('x-request-id', 'denied-by-kind')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await as('siti').get(`/people/${ids.person('joko')}`).set('x-request-id', 'denied-by-scope')).toBeProblem(404, 'NOT_FOUND');
    expect(await as('siti').get('/people/0190b5a0-0000-7000-8000-000000000001').set('x-request-id', 'absent-row')).toBeProblem(404, 'NOT_FOUND');
    await as('siti').post('/permissions/check', { permission: 'audit:read' }).set('x-request-id', 'advisory-only').expect(200);
    expect(await events('requestId=denied-by-kind')).toMatchObject([{ action: 'access.denied', outcome: 'denied', reasonCode: 'PERMISSION_DENIED', after: { permission: 'audit:read' }, target: { type: 'route' } }]);
    expect(await events('requestId=denied-by-scope')).toMatchObject([{ outcome: 'denied', reasonCode: 'NOT_FOUND', target: { type: 'person', id: ids.person('joko') } }]);
    expect(await events('requestId=absent-row')).toEqual([]);
    expect(await events('requestId=advisory-only')).toEqual([]);
  });

  it('is read by auditors only, in complete pages, newest first, and its reading is recorded', async () => {
    expect(await world.as('siti').get('/audit/events')).toBeProblem(403, 'PERMISSION_DENIED');
    // Reading writes; a bound on time keeps the set of pages still.
    const until = encodeURIComponent(new Date().toISOString());
    const all = await events(`until=${until}&action=grant.created`);
    const paged: Event[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await world.as('hendra').get(`/audit/events?limit=7&until=${until}&action=grant.created${cursor && `&cursor=${encodeURIComponent(cursor)}`}`).expect(200);
      paged.push(...(body.items as Event[]));
      cursor = body.nextCursor as string | null;
    }
    expect(paged).toEqual(all);
    expect(all.length).toBeGreaterThan(20);
    expect((await events('action=audit.read')).length).toBeGreaterThan(3);
  });

  it('holds no name, address or telephone number', async () => {
    const { body } = await world.as('dewi').post('/people', { employeeNumber: '8888', fullName: 'Kanari Unik', email: 'kanari@unik.example', phone: '+62 811 999 8877' }).expect(201);
    await world.as('dewi').patch(`/people/${body.id}`, { fullName: 'Kanari Berubah', version: 1 }).expect(200);
    const found = await events(`targetId=${body.id}`);
    expect(found.map(({ action }) => action)).toEqual(['person.changed', 'person.created']);
    expect(found[0]!.after).toEqual({ fullName: 'personal' });
    expect(JSON.stringify(found)).not.toMatch(/Kanari|unik|811\D?999/i);
  });

  it('cannot be changed by the application’s role, by its owner’s statements, or for another foundation', async () => {
    await connected(testApp.database.appUrl, async (client) => {
      await client.query(`SELECT set_config('gloria.foundation_id', $1, false)`, [ids.foundation]);
      for (const statement of [
        `UPDATE audit.event SET action = 'a.b'`,
        'DELETE FROM audit.event',
        'TRUNCATE audit.event',
        `INSERT INTO audit.event (id, foundation_id, action, outcome, actor_kind, actor_id, target_type, target_id, context, xid) VALUES (gen_random_uuid(), gloria_foundation(), 'a.b', 'success', 'user', 'x', 'x', 'x', '{}', '5')`,
        `INSERT INTO audit.event (id, foundation_id, action, outcome, actor_kind, actor_id, target_type, target_id, context, occurred_at) VALUES (gen_random_uuid(), gloria_foundation(), 'a.b', 'success', 'user', 'x', 'x', 'x', '{}', now())`,
        `INSERT INTO audit.event (id, foundation_id, action, outcome, actor_kind, actor_id, target_type, target_id, context) VALUES (gen_random_uuid(), gen_random_uuid(), 'a.b', 'success', 'user', 'x', 'x', 'x', '{}')`,
        `ALTER TABLE audit.event DISABLE TRIGGER ALL`,
        'CREATE TABLE audit.mine ()',
        'CREATE TABLE public.mine ()',
        'SELECT * FROM audit_partition.event_' + new Date().toISOString().slice(0, 7).replace('-', ''),
        `SET ROLE gloria_audit`,
        `UPDATE authz_head SET v = 0`,
        `DELETE FROM authz_change`,
        `UPDATE org_unit SET lft = 1`,
        `UPDATE workflow_history SET event = 'x'`,
        `UPDATE permission SET index = 5`,
      ]) {
        await expect(client.query(statement)).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|GL00\d)$/) });
      }
    });
    await connected(testApp.database.ownerUrl, async (client) => {
      await client.query(`SELECT set_config('gloria.foundation_id', $1, false)`, [ids.foundation]);
      await client.query('SET ROLE gloria_audit');
      await expect(client.query(`UPDATE audit.event SET action = 'a.b'`)).resolves.toMatchObject({ rowCount: 0 });
      await expect(client.query('TRUNCATE audit.event')).rejects.toMatchObject({ code: 'GL006' });
      const partition = `audit_partition.event_${new Date().toISOString().slice(0, 7).replace('-', '')}`;
      await expect(client.query(`TRUNCATE ${partition}`)).rejects.toMatchObject({ code: 'GL006' });
    });
    await connected(testApp.database.adminUrl, async (client) => {
      await expect(client.query(`UPDATE audit.event SET action = 'a.b'`)).rejects.toMatchObject({ code: 'GL006' });
      await expect(client.query(`DELETE FROM audit.event`)).rejects.toMatchObject({ code: 'GL006' });
    });
  });

  it('is missed by no change: a transaction that records nothing, or something else, does not commit', async () => {
    const database = testApp.app.get(Database);
    const actor = systemActor('test', ids.foundation);
    const audit = testApp.app.get(AuditService);
    const rename = (tx: Parameters<Parameters<Database['withTenant']>[1]>[0]) => tx.person.updateMany({ where: { id: ids.person('siti') }, data: { phone: '+62 1 2345' } });
    await expect(database.withTenant(actor, rename)).rejects.toThrow(/GL007|no audit event/);
    await expect(
      database.withTenant(actor, async (tx) => {
        await audit.record(tx, actor, { action: 'person.changed', target: { type: 'person', id: ids.person('joko') } });
        return rename(tx);
      }),
    ).rejects.toThrow(/GL007|no audit event/);
    const { body } = await world.as('dewi').get(`/people/${ids.person('siti')}`).expect(200);
    expect(body.phone).toBeNull();
  });

  it('and the authorization changelog name every change of authorization, in order', async () => {
    const role = (await world.as('dewi').post('/roles', { code: 'changelog', name: 'Changelog' }).expect(201)).body as { id: string };
    await world.as('dewi').delete(`/roles/${role.id}`).expect(204);
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows } = await client.query<{ op: string; v: string }>('SELECT op, v FROM authz_change WHERE row_id = $1 ORDER BY seq', [role.id]);
      expect(rows.map(({ op }) => op)).toEqual(['INSERT', 'DELETE']);
      expect(BigInt(rows[1]!.v)).toBeGreaterThan(BigInt(rows[0]!.v));
      // A caller's new name raises a head too and is no change of authorization (authz_touch); nothing may be ahead of its head.
      const { rows: heads } = await client.query<{ foundation_id: string; v: string; last: string }>(
        `SELECT h.foundation_id, h.v, max(c.v) AS last FROM authz_head h JOIN authz_change c USING (foundation_id) GROUP BY h.foundation_id, h.v`,
      );
      expect(heads.filter(({ v, last }) => BigInt(last) > BigInt(v))).toEqual([]);
      expect(heads.find(({ foundation_id }) => foundation_id === ids.foundation)).toMatchObject({ v: rows[1]!.v, last: rows[1]!.v });
    });
  });
});

describe('tenants', () => {
  let testApp: TestApp;
  let ours: World;
  let theirs: World;
  beforeAll(async () => {
    testApp = await startApp();
    [ours, theirs] = [await aFoundation(testApp), await aFoundation(testApp)];
  });
  afterAll(() => testApp.close());

  it('answer 404 to each other’s ids, on every kind of row', async () => {
    const ids = await theirs.ids();
    const filed = await theirs.as('siti').submits();
    const dewi = ours.as('dewi');
    for (const path of [`/schools/${ids.unit('sma-1')}`, `/departments/${ids.unit('sma-1-science')}`, `/positions/${ids.position('director')}`, `/people/${ids.person('siti')}`, `/roles/${ids.role('auditor')}`, `/workflow/instances/${filed.id}`, `/workflow/instances/${filed.id}/history`]) {
      expect(await dewi.get(path)).toBeProblem(404, 'NOT_FOUND');
    }
    expect(await dewi.answers('approve', filed.openTasks[0]!.id)).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi.post('/grants', { permission: 'workflow:read', scope: 'all', subject: { type: 'person', id: ids.person('siti') } })).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi.post('/appointments', { personId: ids.person('siti'), positionId: ids.position('director') })).toBeProblem(404, 'NOT_FOUND');
    expect(await dewi.delete(`/me/sessions/${theirs.sessionOf('dewi')}`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('are kept apart by the database alone, with the application’s filters gone', async () => {
    const [us, them] = [(await ours.ids()).foundation, (await theirs.ids()).foundation];
    await connected(testApp.database.appUrl, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.columns WHERE column_name = 'foundation_id' AND table_schema IN ('public', 'audit')`,
      );
      expect(tables.length).toBeGreaterThan(20);
      for (const { name } of tables) {
        const none = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${name}`);
        expect([name, Number(none.rows[0]!.n)]).toEqual([name, 0]);
        await client.query('BEGIN');
        await client.query(`SELECT set_config('gloria.foundation_id', $1, true)`, [us]);
        const foreign = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${name} WHERE foundation_id <> $1`, [us]);
        expect([name, Number(foreign.rows[0]!.n)]).toEqual([name, 0]);
        await client.query('COMMIT');
      }
      const foundations = await client.query('SELECT id FROM foundation');
      expect(foundations.rows).toEqual([]);
    });
    expect(us).not.toBe(them);
  });

  it('cannot refer to each other’s rows, whatever statement tries', async () => {
    const [us, them] = [await ours.ids(), await theirs.ids()];
    await connected(testApp.database.adminUrl, async (client) => {
      await expect(
        client.query(`INSERT INTO position (id, foundation_id, unit_id, code, title) VALUES (gen_random_uuid(), $1, $2, 'x', 'x')`, [us.foundation, them.unit('sma-1')]),
      ).rejects.toMatchObject({ code: '23503' });
    });
  });
});
