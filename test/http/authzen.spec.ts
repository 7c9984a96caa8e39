import fc from 'fast-check';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';

/** OpenID AuthZEN Authorization API 1.0, section by section. */
describe('AuthZEN', () => {
  let testApp: TestApp;
  let world: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  let apiKey: string;
  let request: string;
  beforeAll(async () => {
    testApp = await startApp({ PUBLIC_URL: 'https://api.harapan.example/' });
    world = await aFoundation(testApp);
    ids = await world.ids();
    const dewi = world.as('dewi');
    await dewi.post('/resource-types', { code: 'library.book', name: 'Books', attributes: { 'resource.value': 'number', 'action.days': 'number', 'context.branch': 'string', 'subject.grade': 'number' } }).expect(201);
    for (const code of ['library.book:borrow', 'library.book:lend']) await dewi.post('/permissions', { code, description: code }).expect(201);
    const value = (attribute: string, op: string, given: unknown) => ({ op, left: { attribute }, right: { value: given } });
    await dewi.post('/grants', {
      permission: 'library.book:borrow', scope: 'all', subject: { type: 'person', id: ids.person('siti') }, resource: { type: 'library.book' },
      condition: { op: 'and', of: [value('resource.value', 'lt', 500_000), value('action.days', 'le', 14), value('context.branch', 'eq', 'main'), value('subject.grade', 'ge', 3)] },
    }).expect(201);
    await dewi.post('/grants', { permission: 'library.book:lend', scope: 'department', subject: { type: 'person', id: ids.person('joko') } }).expect(201);
    apiKey = ((await dewi.post('/api-keys', { name: 'library', scopes: ['permission:check'], validDays: 1 }).expect(201)).body as { key: string }).key;
    request = (await world.as('siti').submits()).id;
  });
  afterAll(() => testApp.close());
  const post = (path: string, body: object | string, headers: Record<string, string> = { 'x-api-key': apiKey }) => testApp.http.post(`/access/v1/${path}`).set(headers).send(body);
  const person = (name: string) => ({ type: 'person', id: ids.person(name) });
  const borrow = (more: { days?: number; value?: number; branch?: string; grade?: number } = {}) => ({
    subject: { ...person('siti'), properties: { grade: more.grade ?? 4 } },
    action: { name: 'borrow', properties: { days: more.days ?? 7 } },
    resource: { type: 'library.book', id: '978-1', properties: { value: more.value ?? 1_000 } },
    context: { branch: more.branch ?? 'main' },
  });
  const decision = async (body: object) => ((await post('evaluation', body).expect(200)).body as { decision: boolean }).decision;

  it('describes itself where the standard says, to anybody', async () => {
    const { body } = await testApp.http.get('/.well-known/authzen-configuration').expect(200);
    const at = 'https://api.harapan.example';
    expect(body).toEqual({
      policy_decision_point: at, access_evaluation_endpoint: `${at}/access/v1/evaluation`, access_evaluations_endpoint: `${at}/access/v1/evaluations`,
      search_subject_endpoint: `${at}/access/v1/search/subject`, search_resource_endpoint: `${at}/access/v1/search/resource`, search_action_endpoint: `${at}/access/v1/search/action`,
    });
    for (const [name, url] of Object.entries(body as Record<string, string>)) {
      if (name === 'policy_decision_point') continue;
      expect([name, (await testApp.http.post(new URL(url).pathname).set('x-api-key', apiKey).send({})).status]).toEqual([name, 400]);
    }
  });

  it('evaluates the properties of subject, action, resource and context; a refusal is 200', async () => {
    expect(await decision(borrow())).toBe(true);
    for (const less of [{ days: 15 }, { value: 500_000 }, { branch: 'other' }, { grade: 2 }]) expect([less, await decision(borrow(less))]).toEqual([less, false]);
    const { body } = await post('evaluation', borrow({ days: 15 })).expect(200);
    expect(body).toEqual({ decision: false, context: { reason: 'condition-unmet' } });
    expect(await decision({ ...borrow(), context: undefined })).toBe(false);
  });

  it('knows rows of ours by their id: what is stored about them counts, whatever is told', async () => {
    const approve = (id: string, properties?: object) => ({ subject: person('joko'), action: { name: 'workflow:approve' }, resource: { type: 'request', id, properties } });
    expect(await decision(approve(request))).toBe(true);
    expect(await decision(approve(request.toUpperCase()))).toBe(true);
    expect(await decision({ ...approve(request), subject: person('wayan') })).toBe(false);
    await world.as('dewi').post('/grants', { permission: 'workflow:read', scope: 'all', resource: { type: 'request' }, condition: { op: 'eq', left: { attribute: 'resource.state' }, right: { value: 'completed' } }, subject: { type: 'person', id: ids.person('wayan') } }).expect(201);
    expect(await decision({ subject: person('wayan'), action: { name: 'workflow:read' }, resource: { type: 'request', id: request, properties: { state: 'completed' } } })).toBe(false);
    expect((await post('evaluation', approve(ids.person('siti'))).expect(200)).body).toEqual({ decision: false, context: { reason: 'unknown-resource' } });
    expect((await post('evaluation', approve('no-uuid')).expect(200)).body).toEqual({ decision: false, context: { reason: 'unknown-resource' } });
  });

  it('places things of other applications by their unit and owner', async () => {
    const lend = (unitId?: string) => ({ subject: person('joko'), action: { name: 'lend' }, resource: { type: 'library.book', id: '1', properties: unitId ? { unitId } : {} } });
    expect(await decision(lend(ids.unit('sma-1-science')))).toBe(true);
    expect(await decision(lend(ids.unit('smp-2')))).toBe(false);
    expect(await decision(lend())).toBe(false);
    expect(await decision(lend(ids.foundation))).toBe(false);
  });

  it('takes a place it does not know for no place to be allowed at, and ids as grants do', async () => {
    const give = (more: object) => world.as('dewi').post('/grants', { permission: 'library.book:lend', scope: 'all', subject: { type: 'person', id: ids.person('eko') }, ...more }).expect(201);
    await give({});
    await give({ effect: 'deny', scope: 'node', nodeId: ids.unit('sma-1') });
    const id = '0190b5a0-0000-7000-8000-00000000abcd';
    await give({ effect: 'deny', resource: { type: 'library.book', id: id.toUpperCase() } });
    const lend = (properties: object, book = '1') => decision({ subject: person('eko'), action: { name: 'lend' }, resource: { type: 'library.book', id: book, properties } });
    expect(await lend({})).toBe(true);
    expect(await lend({ unitId: ids.unit('smp-2') })).toBe(true);
    for (const unitId of [ids.unit('sma-1'), ids.unit('sma-1').toUpperCase(), 'sma-1', 7, [], {}, ids.foundation]) expect([unitId, await lend({ unitId })]).toEqual([unitId, false]);
    expect(await lend({ ownerPersonId: 'eko' })).toBe(false);
    expect([await lend({}, id), await lend({}, id.toUpperCase())]).toEqual([false, false]);
  });

  it('reads what is shared by many questions once, and refuses what is too much', async () => {
    const context = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, n]));
    expect((await post('evaluation', { ...borrow(), context })).status).toBe(400);
    const { body } = await post('evaluations', { ...borrow(), context, evaluations: Array.from({ length: 1_000 }, () => ({})) }).expect(200);
    expect((body as { evaluations: { decision: boolean }[] }).evaluations.some((each) => each.decision)).toBe(false);
  });

  it('never allows what it does not know', async () => {
    const cases: [object, string][] = [
      [{ ...borrow(), subject: { type: 'person', id: ids.foundation } }, 'unknown-subject'],
      [{ ...borrow(), subject: { type: 'robot', id: ids.person('siti') } }, 'unknown-subject'],
      [{ ...borrow(), subject: { type: 'user', id: 'user_nobody' } }, 'unknown-subject'],
      [{ ...borrow(), action: { name: 'burn' } }, 'unknown-action'],
      [{ ...borrow(), action: { name: 'library.room:borrow' } }, 'unknown-action'],
      [{ ...borrow(), resource: { type: 'library.room', id: '1' } }, 'unknown-action'],
      [{ ...borrow(), action: { name: 'workflow:approve' }, resource: { type: 'unit', id: ids.unit('sma-1') } }, 'unknown-action'],
    ];
    for (const [body, reason] of cases) expect((await post('evaluation', body).expect(200)).body).toEqual({ decision: false, context: { reason } });
    expect(await decision({ ...borrow(), subject: { type: 'user', id: 'user_siti', properties: { grade: 4 } } })).toBe(true);
    expect(await decision({ subject: person('hendra'), action: { name: 'audit:read' }, resource: { type: 'log', id: 'audit' } })).toBe(true);
  });

  it('ignores what it does not know of, and refuses what is missing with 400', async () => {
    expect(await decision({ ...borrow(), further: 1, subject: { ...borrow().subject, colour: 'red' } })).toBe(true);
    const whole = borrow();
    const broken: unknown[] = [
      {}, { ...whole, subject: undefined }, { ...whole, action: undefined }, { ...whole, resource: undefined }, { ...whole, subject: { type: 'person' } }, { ...whole, subject: { id: '1' } }, { ...whole, resource: { type: 'x' } },
      { ...whole, action: {} }, { ...whole, action: { name: '' } }, { ...whole, context: 'here' }, { ...whole, subject: { ...whole.subject, properties: [] } }, [], null,
    ];
    for (const body of broken) expect((await post('evaluation', body as object)).status).toBe(400);
    expect((await post('evaluation', '{"subject":', { 'x-api-key': apiKey, 'content-type': 'application/json' })).status).toBe(400);
    expect((await post('evaluation', {})).headers['content-type']).toMatch('application/problem+json');
    await fc.assert(
      fc.asyncProperty(fc.object({ maxDepth: 3, key: fc.constantFrom('subject', 'action', 'resource', 'context', 'type', 'id', 'name', 'properties', 'evaluations', 'options') }), fc.constantFrom('evaluation', 'evaluations', 'search/subject', 'search/resource', 'search/action'), async (body, path) => {
        const answer = await post(path, JSON.parse(JSON.stringify(body)) as object);
        expect([answer.status < 500, JSON.stringify(answer.body).includes('"decision":true')]).toEqual([true, false]);
      }),
      { numRuns: 100 },
    );
  });

  it('answers many with defaults, in order, and stops where it is asked to', async () => {
    const { subject, context, resource } = borrow();
    const many = (semantic?: string) => ({
      subject, context, resource, action: { name: 'borrow', properties: { days: 7 } },
      evaluations: [{}, { action: { name: 'borrow', properties: { days: 30 } } }, { resource: { ...resource, properties: { value: 2 } } }, { subject: { type: 'person' } }],
      ...(semantic ? { options: { evaluations_semantic: semantic } } : {}),
    });
    const answered = async (body: object) => ((await post('evaluations', body).expect(200)).body as { evaluations: { decision: boolean; context?: { error?: { status: number } } }[] }).evaluations;
    const all = await answered(many());
    expect(all.map((each) => each.decision)).toEqual([true, false, true, false]);
    expect(all[3]!.context!.error!.status).toBe(400);
    expect((await answered(many('deny_on_first_deny'))).map((each) => each.decision)).toEqual([true, false]);
    expect((await answered(many('permit_on_first_permit'))).map((each) => each.decision)).toEqual([true]);
    // Without evaluations, and with none, it is one question.
    expect((await post('evaluations', borrow()).expect(200)).body).toEqual({ decision: true });
    expect((await post('evaluations', { ...borrow(), evaluations: [] }).expect(200)).body).toEqual({ decision: true });
    expect((await post('evaluations', { subject })).status).toBe(400);
    expect((await post('evaluations', many('at_random'))).status).toBe(400);
    expect((await post('evaluations', { ...many(), evaluations: Array.from({ length: 1_001 }, () => ({})) })).status).toBe(400);
    expect(await answered({ ...many(), evaluations: Array.from({ length: 1_000 }, () => ({})) })).toHaveLength(1_000);
  });

  it('finds subjects, resources and actions, page after page', async () => {
    const search = async (path: string, body: object) => (await post(`search/${path}`, body).expect(200)).body as { results: Record<string, string>[]; page: { next_token: string; count: number } };
    const all = async (path: string, body: object) => {
      const found: Record<string, string>[] = [];
      let token: string | undefined;
      do {
        const { results, page } = await search(path, { ...body, page: { limit: 2, token } });
        expect(results.length).toBe(page.count);
        found.push(...results);
        token = page.next_token || undefined;
      } while (token);
      return found;
    };
    const approve = { subject: { type: 'person' }, action: { name: 'workflow:approve' }, resource: { type: 'request', id: request } };
    const approvers = await all('subject', approve);
    expect(approvers).toContainEqual(person('joko'));
    for (const name of ['siti', 'joko', 'budi', 'wayan', 'dewi', 'lina']) expect([name, approvers.some(({ id }) => id === ids.person(name))]).toEqual([name, await decision({ ...approve, subject: person(name) })]);
    expect(await all('subject', { ...approve, subject: { type: 'user', id: 'is-ignored' } })).toContainEqual({ type: 'user', id: 'user_joko' });
    expect(await search('subject', { ...approve, subject: { type: 'robot' } })).toMatchObject({ results: [], page: { next_token: '' } });
    expect(await search('subject', { ...approve, resource: { type: 'request', id: ids.foundation } })).toMatchObject({ results: [] });
    expect(await all('subject', { subject: { type: 'person' }, action: { name: 'lend' }, resource: { type: 'library.book', id: '1', properties: { unitId: ids.unit('sma-1-science') } } })).toEqual(expect.arrayContaining([person('joko'), person('dewi')]));

    expect(await all('resource', { subject: person('joko'), action: { name: 'workflow:approve' }, resource: { type: 'request', id: 'is-ignored' } })).toEqual([{ type: 'request', id: request }]);
    expect(await search('resource', { subject: person('joko'), action: { name: 'burn' }, resource: { type: 'request' } })).toMatchObject({ results: [] });
    expect((await post('search/resource', { subject: person('joko'), action: { name: 'borrow' }, resource: { type: 'library.book' } })).status).toBe(400);

    const joko = await all('action', { subject: person('joko'), resource: { type: 'request', id: request } });
    expect(joko).toEqual(expect.arrayContaining([{ name: 'workflow:approve' }, { name: 'workflow:read' }]));
    expect(joko).not.toContainEqual({ name: 'workflow:complete' });
    expect(await all('action', { subject: borrow().subject, resource: { type: 'library.book', id: '1', properties: { value: 1 } }, context: { branch: 'main' } })).toEqual([]);
    expect((await post('search/subject', { ...approve, page: { token: 'forged' } })).status).toBe(400);
    expect((await post('search/subject', { ...approve, page: { limit: 0 } })).status).toBe(400);
  });

  it('is for callers who may ask: about themselves anybody, about others who may check', async () => {
    expect((await post('evaluation', borrow(), {})).status).toBe(401);
    const siti = { authorization: `Bearer ${world.token('siti')}` };
    expect((await post('evaluation', borrow(), siti).expect(200)).body).toEqual({ decision: true });
    expect((await post('evaluation', borrow({ days: 15 }), siti).expect(200)).body).toEqual({ decision: false });
    expect((await post('evaluation', { ...borrow(), subject: person('joko') }, siti)).status).toBe(403);
    expect((await post('evaluation', { ...borrow(), subject: { type: 'person', id: ids.foundation } }, siti)).status).toBe(403);
    expect((await post('evaluations', { ...borrow(), evaluations: [{}, { subject: person('joko') }] }, siti)).status).toBe(403);
    expect((await post('search/subject', { subject: { type: 'person' }, action: { name: 'burn' }, resource: { type: 'x.y', id: '1' } }, siti)).status).toBe(403);
    expect((await post('search/action', { subject: person('joko'), resource: borrow().resource }, siti)).status).toBe(403);
    // A key can do what it was made for, and no more for its own person.
    const narrow = ((await world.as('dewi').post('/api-keys', { name: 'narrow', scopes: ['workflow:read'], validDays: 1 }).expect(201)).body as { key: string }).key;
    expect((await post('evaluation', { subject: person('dewi'), action: { name: 'audit:read' }, resource: { type: 'log', id: '1' } }, { 'x-api-key': narrow }).expect(200)).body).toMatchObject({ decision: false });
    expect((await post('evaluation', borrow(), { 'x-api-key': narrow })).status).toBe(403);
  });

  it('gives back the request id it was sent', async () => {
    for (const id of ['bfe9eb29-ab87-4ca3-be83-a1d5d8305716', 'short', 'with/slash:and=more']) {
      expect((await post('evaluation', borrow(), { 'x-api-key': apiKey, 'x-request-id': id }).expect(200)).headers['x-request-id']).toBe(id);
    }
    expect((await post('evaluation', {}, { 'x-api-key': apiKey, 'x-request-id': 'short' }).expect(400)).headers['x-request-id']).toBe('short');
  });
});
