import { aFoundation, startApp, type TestApp } from '../support/app';

interface Simulation {
  items: { personId: string; name: string; changes: { permission: string; gains: boolean; loses: boolean; before: object; after: object }[] }[];
  nextCursor: string | null;
  lookedAt: number;
  affected: number;
}

const PEOPLE = ['agus', 'dewi', 'hendra', 'ratna', 'budi', 'maya', 'joko', 'siti', 'lina', 'eko', 'yohanes', 'putu', 'wayan', 'fitri'] as const;

describe('simulation', () => {
  let testApp: TestApp;
  beforeAll(async () => {
    testApp = await startApp();
  });
  afterAll(() => testApp.close());

  it('says what comes of it: the same that does when each change is made', async () => {
    const world = await aFoundation(testApp);
    const ids = await world.ids();
    const dewi = world.as('dewi');
    const post = async (path: string, body: object) => ((await dewi.post(path, body).expect(201)).body as { id: string; version: number });
    const made = async (path: string, body: object) => (await post(path, body)).id;
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    await world.as('budi').post('/delegations', { borrowerId: ids.person('maya'), transitive: true, validUntil: inHours(5), reason: 'x' }).expect(201);
    await world.as('maya').post('/delegations', { borrowerId: ids.person('fitri'), permissions: ['workflow:read', 'session:end'], validUntil: inHours(5), reason: 'x' }).expect(201);
    const librarian = await post('/roles', { code: 'librarian', name: 'Librarian' });
    const scribe = await made('/roles', { code: 'scribe', name: 'Scribe' });
    await made('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'role', id: scribe } });
    await made('/role-assignments', { roleId: librarian.id, positionId: ids.position('sma-1-deputy') });
    const grant = { permission: 'session:end', scope: 'school', subject: { type: 'position', id: ids.position('sma-1-head') } };
    const deny = { permission: 'workflow:read', effect: 'deny', scope: 'node', nodeId: ids.unit('sma-1'), subject: { type: 'everyone' } };
    const conditional = { permission: 'workflow:read', scope: 'all', resource: { type: 'request' }, condition: { op: 'eq', left: { attribute: 'resource.state' }, right: { value: 'running' } }, subject: { type: 'person', id: ids.person('putu') } };

    /** What each person holds, as they see it themselves. */
    const holdings = async () => new Map(await Promise.all(PEOPLE.map(async (who) => [ids.person(who), (await world.as(who).get('/me/permissions').expect(200)).body as { permissions: { code: string; scopes: string[]; denied: boolean; lent: boolean }[] }] as const)));
    let grantId = '';
    let assignmentId = '';
    const steps: [change: () => object, make: () => Promise<unknown>, who: string[]][] = [
      [() => ({ op: 'grant', grant }), async () => (grantId = await made('/grants', grant)), ['budi', 'maya', 'fitri']],
      [() => ({ op: 'grant', grant: conditional }), () => made('/grants', conditional), ['putu']],
      [() => ({ op: 'revoke', grantId }), () => dewi.delete(`/grants/${grantId}`).expect(204), ['budi', 'maya', 'fitri']],
      [() => ({ op: 'inherit', seniorId: librarian.id, juniorId: scribe }), () => dewi.patch(`/roles/${librarian.id}`, { juniorIds: [scribe], version: librarian.version }).expect(200), ['maya']],
      [() => ({ op: 'assign-role', roleId: librarian.id, personId: ids.person('siti') }), async () => (assignmentId = await made('/role-assignments', { roleId: librarian.id, personId: ids.person('siti') })), ['siti']],
      [() => ({ op: 'unassign-role', assignmentId }), () => dewi.delete(`/role-assignments/${assignmentId}`).expect(204), ['siti']],
      [() => ({ op: 'appoint', personId: ids.person('wayan'), positionId: ids.position('cashier') }), () => made('/appointments', { personId: ids.person('wayan'), positionId: ids.position('cashier') }), ['wayan']],
      [() => ({ op: 'delegate', lenderId: ids.person('dewi'), borrowerId: ids.person('eko'), permissions: ['api-key:read'], validUntil: inHours(3) }), () => world.as('dewi').post('/delegations', { borrowerId: ids.person('eko'), permissions: ['api-key:read'], validUntil: inHours(3), reason: 'x' }).expect(201), ['eko']],
      [() => ({ op: 'grant', grant: deny }), () => made('/grants', deny), [...PEOPLE]],
    ];
    for (const [change, make, who] of steps) {
      const asked = change();
      const simulated = (await dewi.post('/permissions/simulate', { changes: [asked] }).expect(200)).body as Simulation;
      const before = await holdings();
      await make();
      const after = await holdings();
      expect([asked, simulated.items.map(({ personId }) => personId).toSorted()]).toEqual([asked, who.map(ids.person).toSorted()]);
      expect(simulated.affected).toBe(who.length);
      for (const id of PEOPLE.map(ids.person)) {
        const brief = (held: Awaited<ReturnType<typeof holdings>>, code: string) => held.get(id)!.permissions.find((each) => each.code === code);
        const told = simulated.items.find(({ personId }) => personId === id)?.changes ?? [];
        for (const code of new Set([...before.get(id)!.permissions, ...after.get(id)!.permissions].map((each) => each.code))) {
          const one = told.find(({ permission }) => permission === code);
          if (!one) expect([id, code, brief(before, code)]).toEqual([id, code, brief(after, code)]);
          else {
            expect(one.before).toMatchObject(brief(before, code) ? { scopes: brief(before, code)!.scopes, lent: brief(before, code)!.lent } : { scopes: [] });
            expect(one.after).toMatchObject(brief(after, code) ? { scopes: brief(after, code)!.scopes, lent: brief(after, code)!.lent } : { scopes: [] });
          }
        }
      }
    }
    const ups = (await dewi.post('/permissions/simulate', { changes: [{ op: 'grant', grant: { ...grant, permission: 'audit:read' } }] }).expect(200)).body as Simulation;
    expect(ups.items.every(({ changes }) => changes.every(({ gains, loses }) => gains && !loses))).toBe(true);
    // Pages, and several changes that undo one another.
    const all = (await dewi.post('/permissions/simulate', { limit: 5, changes: [{ op: 'grant', grant: { ...deny, permission: 'organization:read' } }] }).expect(200)).body as Simulation;
    expect([all.items.length, all.affected, all.lookedAt]).toEqual([5, PEOPLE.length, PEOPLE.length]);
    const next = (await dewi.post('/permissions/simulate', { limit: 200, cursor: all.nextCursor, changes: [{ op: 'grant', grant: { ...deny, permission: 'organization:read' } }] }).expect(200)).body as Simulation;
    expect([...all.items, ...next.items].map(({ personId }) => personId)).toEqual(PEOPLE.map(ids.person).toSorted());
    const nothing = (await dewi.post('/permissions/simulate', { changes: [{ op: 'inherit', seniorId: ids.role('auditor'), juniorId: scribe }, { op: 'disinherit', seniorId: ids.role('auditor'), juniorId: scribe }] }).expect(200)).body as Simulation;
    expect(nothing).toMatchObject({ items: [], affected: 0 });
  });

  it('writes nothing, and refuses what makes no sense', async () => {
    const world = await aFoundation(testApp);
    const ids = await world.ids();
    const before = (await world.as('siti').post('/permissions/check', { permission: 'workflow:submit' }).expect(200)).body as { version: string };
    const somewhere = '0190b5a0-0000-7000-8000-000000000001';
    const siti = ids.person('siti');
    const refused: [object, number, string][] = [
      [{ op: 'revoke', grantId: somewhere }, 404, 'NOT_FOUND'],
      [{ op: 'assign-role', roleId: ids.role('auditor') }, 400, 'REQUEST_INVALID'],
      [{ op: 'assign-role', roleId: somewhere, personId: siti }, 404, 'NOT_FOUND'],
      [{ op: 'unassign-role', assignmentId: somewhere }, 404, 'NOT_FOUND'],
      [{ op: 'end-appointment', appointmentId: somewhere }, 404, 'NOT_FOUND'],
      [{ op: 'appoint', personId: siti, positionId: somewhere }, 404, 'NOT_FOUND'],
      [{ op: 'inherit', seniorId: ids.role('auditor'), juniorId: ids.role('auditor') }, 400, 'REQUEST_INVALID'],
      [{ op: 'delegate', lenderId: siti, borrowerId: siti }, 400, 'REQUEST_INVALID'],
      [{ op: 'grant', grant: { permission: 'audit:read', scope: 'node', nodeId: somewhere, subject: { type: 'everyone' } } }, 404, 'NOT_FOUND'],
      [{ op: 'grant', grant: { permission: 'audit:read', scope: 'all', subject: { type: 'everyone' }, resource: { type: 'request' } } }, 400, 'REQUEST_INVALID'],
      [{ op: 'grant', grant: { permission: 'audit:read', scope: 'all', subject: { type: 'everyone' }, validFrom: '2026-02-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' } }, 400, 'REQUEST_INVALID'],
      [{ op: 'explode' }, 400, 'REQUEST_INVALID'],
    ];
    for (const [change, status, code] of refused) expect(await world.as('dewi').post('/permissions/simulate', { changes: [change] })).toBeProblem(status, code);
    expect(await world.as('siti').post('/permissions/simulate', { changes: [{ op: 'revoke', grantId: somewhere }] })).toBeProblem(403, 'PERMISSION_DENIED');
    const after = (await world.as('siti').post('/permissions/check', { permission: 'workflow:submit' }).expect(200)).body as { version: string };
    expect(after.version).toBe(before.version);
  });
});
