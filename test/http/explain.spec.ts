import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { root } from '../support/documents';

interface Explanation {
  allowed: boolean;
  text: string;
  derivations: { effect: string; steps: { kind: string; id: string; text: string }[] }[];
  missing: { kind: string; text: string; grantId: string | null; from: string | null }[];
  grantableBy: { personId: string; name: string }[];
  mermaid: string;
}

describe('explanations', () => {
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
  const explain = async (body: object, as = 'dewi', language = 'en') => (await world.as(as).post('/permissions/explain', body).set('accept-language', language).expect(200)).body as Explanation;
  const grant = async (body: object) => ((await dewi().post('/grants', body).expect(201)).body as { id: string }).id;
  const kinds = ({ derivations }: Explanation) => derivations.map(({ steps }) => steps.map(({ kind }) => kind));
  const inScience = () => ({ permission: 'workflow:approve', personId: ids.person('joko'), resource: { type: 'request', unitId: ids.unit('sma-1-science') } });

  it('of an allow name every step from the person to the grant; without one of them it falls', async () => {
    const why = await explain(inScience());
    expect(why).toMatchObject({ allowed: true, missing: [], grantableBy: [] });
    expect(kinds(why)).toEqual([['appointment', 'role_assignment', 'grant']]);
    expect(why.text).toMatch(/may workflow:approve: a grant with scope department reaches it/);
    // In the person's own language, whatever the browser says.
    expect((await explain({ permission: 'workflow:submit' }, 'putu', 'en')).text).toMatch(/boleh workflow:submit: pemberian izin dengan cakupan own mencapainya/);
    expect(why.mermaid).toMatch(/^flowchart LR\n {2}person\(\[".+"\]\)\n/);
    // A second way; then the first one can go, and only both together turn it.
    const direct = await grant({ permission: 'workflow:approve', scope: 'node', nodeId: ids.unit('sma-1'), subject: { type: 'person', id: ids.person('joko') } });
    const both = await explain(inScience());
    expect(kinds(both).map((steps) => steps.at(-1))).toEqual(['grant', 'grant']);
    const assignment = why.derivations[0]!.steps.find(({ kind }) => kind === 'role_assignment')!.id;
    await dewi().delete(`/role-assignments/${assignment}`).expect(204);
    expect((await explain(inScience())).allowed).toBe(true);
    await dewi().delete(`/grants/${direct}`).expect(204);
    const gone = await explain(inScience());
    expect(gone).toMatchObject({ allowed: false, derivations: [], missing: [{ kind: 'grant' }] });
    expect(gone.missing[0]!.text).toContain('scope node');
    expect(gone.grantableBy.map(({ personId }) => personId)).toEqual([ids.person('dewi')]);
    // Whoever is named can.
    await dewi().post('/grants', { permission: 'workflow:approve', scope: 'node', nodeId: ids.unit('sma-1-science'), subject: { type: 'person', id: ids.person('joko') } }).expect(201);
    expect((await explain(inScience())).allowed).toBe(true);
  });

  it('go through loans, inherited roles and conditions', async () => {
    const senior = ((await dewi().post('/roles', { code: 'senior', name: 'Senior', juniorIds: [ids.role('payment-operator')] }).expect(201)).body as { id: string }).id;
    await dewi().post('/role-assignments', { roleId: senior, personId: ids.person('eko') }).expect(201);
    const complete = { permission: 'workflow:complete', personId: ids.person('lina'), resource: { type: 'request' } };
    await world.as('eko').post('/delegations', { borrowerId: ids.person('lina'), permissions: ['workflow:complete'], validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'away' }).expect(201);
    const lent = await explain(complete);
    expect(kinds(lent)).toEqual([['delegation', 'role_assignment', 'role_inheritance', 'grant']]);
    expect(lent.text).toMatch(/lent by/);
    const denied = await grant({ permission: 'workflow:complete', effect: 'deny', scope: 'all', subject: { type: 'person', id: ids.person('eko') } });
    const blocked = await explain(complete);
    expect(blocked).toMatchObject({ allowed: false, missing: [{ kind: 'deny', grantId: denied }, { kind: 'grant' }] });
    expect(blocked.text).toMatch(/denied to .+, who lent it/);

    const conditional = await grant({
      permission: 'workflow:read', scope: 'all', resource: { type: 'request' }, subject: { type: 'person', id: ids.person('fitri') },
      condition: { op: 'and', of: [{ op: 'eq', left: { attribute: 'resource.state' }, right: { value: 'running' } }, { op: 'ne', left: { attribute: 'resource.definition' }, right: { value: 'leave' } }] },
    });
    const unmet = await explain({ permission: 'workflow:read', personId: ids.person('fitri'), resource: { type: 'request', properties: { state: 'draft', definition: 'overtime' } } });
    const met = await explain({ permission: 'workflow:read', personId: ids.person('fitri'), resource: { type: 'request', properties: { state: 'running', definition: 'overtime' } } });
    expect(met.derivations.at(-1)!.steps.at(-1)!.text).toBe('allows workflow:read, scope all, for rows of kind request only, under a condition');
    expect(unmet).toMatchObject({ allowed: false, missing: [{ kind: 'condition', grantId: conditional }] });
    expect(unmet.missing[0]!.text).toContain('resource.state eq "running"');
    expect(unmet.missing[0]!.text).not.toContain('definition');
  });

  it('of a refusal say when it will be allowed by itself, and what denies it', async () => {
    const from = new Date(Date.now() + 3_600_000).toISOString();
    const later = await grant({ permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('putu') }, validFrom: from });
    const audit = { permission: 'audit:read', personId: ids.person('putu') };
    expect((await explain(audit)).missing).toEqual([{ kind: 'later', grantId: later, from, text: expect.stringContaining(from) }]);
    const deny = await grant({ permission: 'audit:read', effect: 'deny', scope: 'all', subject: { type: 'everyone' } });
    const denied = await explain(audit);
    expect(denied.derivations).toMatchObject([{ effect: 'deny', steps: [{ kind: 'grant', id: deny }] }]);
    expect(denied.missing.map(({ kind }) => kind)).toEqual(['deny', 'grant']);
    await dewi().delete(`/grants/${deny}`).expect(204);
  });

  it('are about oneself for anybody, and about others for who may ask', async () => {
    expect((await explain({ permission: 'workflow:approve' }, 'siti')).allowed).toBe(false);
    const own = await explain({ permission: 'audit:read' }, 'siti');
    expect(own).toMatchObject({ allowed: false, grantableBy: [], missing: [{ kind: 'grant' }] });
    expect(await world.as('siti').post('/permissions/explain', inScience())).toBeProblem(403, 'PERMISSION_DENIED');
    const key = ((await dewi().post('/api-keys', { name: 'narrow', scopes: ['workflow:read'], validDays: 1 }).expect(201)).body as { key: string }).key;
    expect(await world.withKey(key).post('/permissions/explain', { permission: 'audit:read' })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.withKey(key).get('/permissions/graph.svg')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('siti').get(`/permissions/graph.svg?personId=${ids.person('joko')}`)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await dewi().post('/permissions/explain', { permission: 'nothing.there:is' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await dewi().post('/permissions/explain', { ...inScience(), personId: ids.foundation })).toBeProblem(404, 'NOT_FOUND');
  });

  it('are pictures too, which hold nothing but what they draw', async () => {
    await dewi().post('/delegations', { borrowerId: ids.person('lina'), permissions: ['audit:read'], validUntil: new Date(Date.now() + 3_600_000).toISOString(), reason: 'x' }).expect(201);
    await dewi().patch(`/roles/${((await dewi().post('/roles', { code: 'odd', name: 'Odd' }).expect(201)).body as { id: string }).id}`, { name: '<script>alert("1")</script>', version: 1 }).expect(200);
    const odd = ((await dewi().get('/roles?limit=200')).body as { items: { id: string; code: string }[] }).items.find(({ code }) => code === 'odd')!.id;
    await dewi().post('/role-assignments', { roleId: odd, personId: ids.person('lina') }).expect(201);
    const answer = await dewi().get(`/permissions/graph.svg?personId=${ids.person('lina')}`).buffer(true).expect(200);
    const svg = (answer.body as Buffer).toString();
    expect(answer.headers['content-type']).toBe('image/svg+xml; charset=utf-8');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(svg).not.toContain('<script');
    expect(svg).toContain('lent by');
    expect(svg).toContain('workflow:approve · school');
    expect(svg).toContain('audit:read');
    mkdirSync(join(root, '.gloria/records'), { recursive: true });
    writeFileSync(join(root, '.gloria/records/graph.svg'), svg);
  });
});
