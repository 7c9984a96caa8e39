import { request as rawRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Drain } from '../../src/http';
import { Database } from '../../src/platform/database';
import { aFoundation, aReimbursement, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';

describe('the edge', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp({ CORS_ORIGINS: 'https://app.school.example', BODY_LIMIT_BYTES: '20000' });
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  it.each([
    ['malformed JSON', '{"code":', 'application/json', 400, 'REQUEST_MALFORMED'],
    ['another content type', 'code=x', 'application/x-www-form-urlencoded', 415, 'CONTENT_TYPE_UNSUPPORTED'],
    ['CSV where none is taken', 'a,b', 'text/csv', 415, 'CONTENT_TYPE_UNSUPPORTED'],
    ['a body over the limit', JSON.stringify({ code: 'x', name: 'x'.repeat(30_000) }), 'application/json', 413, 'BODY_TOO_LARGE'],
    ['a JSON array', '[1]', 'application/json', 400, 'REQUEST_INVALID'],
    ['wrong types', '{"code":5,"name":{}}', 'application/json', 400, 'REQUEST_INVALID'],
    ['an unknown field', '{"code":"role-x","name":"x","admin":true}', 'application/json', 400, 'REQUEST_INVALID'],
    ['a prototype', '{"code":"role-x","name":"x","__proto__":{"admin":true}}', 'application/json', 400, 'REQUEST_INVALID'],
  ])('answers %s with a problem and writes nothing', async (_name, body, type, status, code) => {
    const before = (await world.as('dewi').get('/roles?limit=200').expect(200)).body.items as unknown[];
    expect(await world.as('dewi').post('/roles', body).set('content-type', type)).toBeProblem(status, code);
    expect((await world.as('dewi').get('/roles?limit=200').expect(200)).body.items).toHaveLength(before.length);
  });

  it('takes no object where a scalar is declared', async () => {
    expect(await world.as('dewi').get('/people?search[not]=x')).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('dewi').get('/people?search=a&search=b')).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('dewi').get('/people/not-a-uuid')).toBeProblem(400, 'REQUEST_INVALID');
  });

  it('refuses text and numbers no honest client sends, everywhere, with 400', async () => {
    const dewi = world.as('dewi');
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const { body: role } = await dewi.post('/roles', { code: 'hostile', name: 'x' }).expect(201);
    const answers = [
      await dewi.get('/people?search=%00a'),
      await dewi.get('/audit/events?targetId=a%00'),
      await dewi.get('/workflow/definitions/a%00'),
      await dewi.delete('/me/sessions/a%00b'),
      await dewi.post('/people', '{"employeeNumber":"1","fullName":"a\\u0000b"}').set('content-type', 'application/json'),
      await dewi.post('/roles', '{"code":"surrogate","name":"\\ud800"}').set('content-type', 'application/json'),
      await dewi.post('/roles', '{"\\ud800":1}').set('content-type', 'application/json'),
      await dewi.post('/roles', `{"${'x'.repeat(99)}😀":1}`).set('content-type', 'application/json'),
      await dewi.patch(`/roles/${role.id}`, { name: 'y', version: 9_007_199_254_740_991 }),
      await dewi.get('/audit/events?from=0000-01-01T00:00:00Z'),
      await dewi.get('/appointments?at=9999-12-31T23:59:59-23:59'),
      await dewi.post('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'everyone' }, validUntil: '9999-12-31T23:59:59-23:59' }),
      await world.as('siti').post('/workflow/instances', `{"definition":"reimbursement","form":${nested(2_000)}}`).set('content-type', 'application/json'),
      await world.as('siti').post('/workflow/instances', nested(3_000)).set('content-type', 'application/json').set('idempotency-key', 'deep-json-0001'),
      await dewi.post('/organization/import', '{"people":[{"employeeNumber":"1","fullName":"a\\u0000"}]}').set('content-type', 'application/json'),
      await dewi.post('/organization/import', { people: [], appointments: [{ employeeNumber: '2004', position: 'director', validFrom: '0000-01-01' }] }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
  });

  it('does not read a large body of somebody unknown', async () => {
    const body = `[${'{},'.repeat(3_000_000)}{}]`;
    const begun = Date.now();
    expect(await testApp.http.post('/api/v1/organization/import').set('content-type', 'application/json').send(body)).toBeProblem(401, 'AUTH_TOKEN_MISSING');
    expect(await world.as('siti').post('/organization/import', body).set('content-type', 'application/json')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(Date.now() - begun).toBeLessThan(20_000);
  });

  it('names wrong values by JSON Pointer', async () => {
    const answer = await world.as('dewi').post('/grants', { permission: 'x', scope: 'all', subject: { type: 'person', id: 5 } });
    expect((answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer)).toEqual(['#/permission', '#/subject/id']);
  });

  it('answers unknown paths with a problem', async () => {
    expect(await world.as('dewi').get('/nothing')).toBeProblem(404, 'NOT_FOUND');
    expect(await testApp.http.get('/')).toBeProblem(404, 'NOT_FOUND');
    expect(await testApp.http.get('/api/v1evil/me')).toBeProblem(404, 'NOT_FOUND');
  });

  it('sends security headers on every kind of answer, and none that names what it runs on', async () => {
    for (const answer of [await world.as('siti').get('/me'), await testApp.http.get('/api/v1/me'), await testApp.http.get('/nowhere'), await testApp.http.get('/health/live')]) {
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'strict-transport-security': expect.stringContaining('max-age='),
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'x-gloria-release': expect.stringContaining('unknown'),
      });
      expect(answer.headers['x-powered-by']).toBeUndefined();
      expect(answer.headers['server']).toBeUndefined();
    }
  });

  it('answers browsers from the allowed origins only', async () => {
    const from = (origin: string) => testApp.http.options('/api/v1/me').set('origin', origin).set('access-control-request-method', 'GET');
    const good = await from('https://app.school.example');
    expect(good.headers['access-control-allow-origin']).toBe('https://app.school.example');
    expect(good.headers['vary']).toContain('Origin');
    for (const origin of ['https://evil.example', 'null', 'https://app.school.example.evil.example', 'http://app.school.example']) {
      expect((await from(origin)).headers['access-control-allow-origin']).not.toBe(origin);
    }
  });

  it('keeps a harmless request id and replaces any other', async () => {
    expect((await testApp.http.get('/health/live').set('x-request-id', 'abc-123.DEF_9')).headers['x-request-id']).toBe('abc-123.DEF_9');
    for (const bad of ['short', 'x'.repeat(65), 'has space in it', 'ünïcode-id-123']) {
      expect((await testApp.http.get('/health/live').set('x-request-id', encodeURIComponent(bad) === bad ? bad : 'has space')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('compresses larger answers and leaves small ones', async () => {
    const { port } = testApp.app.getHttpServer().address() as AddressInfo;
    const raw = (path: string) =>
      new Promise<{ encoding: string | undefined; body: Buffer }>((done) => {
        rawRequest({ port, path, headers: { 'accept-encoding': 'gzip', authorization: `Bearer ${world.token('dewi')}` } }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => done({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }));
        }).end();
      });
    const large = await raw('/api/v1/people');
    expect(large.encoding).toBe('gzip');
    expect(JSON.parse(gunzipSync(large.body).toString())).toEqual((await world.as('dewi').get('/people').expect(200)).body);
    expect((await raw('/api/v1/me')).encoding).toBeUndefined();
  });

  it('speaks the caller’s language, else the request’s, else Indonesian; codes stay English', async () => {
    const detail = async (language: string | undefined, handle?: string) => {
      const call = handle ? world.as(handle).get('/audit/events') : testApp.http.get('/api/v1/me');
      return ((await (language ? call.set('accept-language', language) : call)).body as { detail: string; title: string }).detail;
    };
    expect(await detail('en')).toBe('Send a session token or an API key.');
    expect(await detail('fr, id;q=0.5')).toBe('Kirim token sesi atau kunci API.');
    expect(await detail(undefined)).toBe('Kirim token sesi atau kunci API.');
    expect(await detail('id', 'siti')).toContain('This needs the permission audit:read');
    expect(await detail('en', 'putu')).toContain('Ini memerlukan izin audit:read');
  });

  it('carries out a POST once for its Idempotency-Key, and answers a repeat byte for byte', async () => {
    const send = (key: string, body: object = { definition: 'reimbursement', submit: true, form: aReimbursement() }) => world.as('siti').post('/workflow/instances', body).set('idempotency-key', key);
    const first = await send('key-00000001').expect(201);
    const again = await send('key-00000001').expect(201);
    expect(again.text).toBe(first.text);
    expect(await send('key-00000001', { definition: 'reimbursement' })).toBeProblem(422, 'IDEMPOTENCY_KEY_REUSED');
    expect((await send('key-00000002').expect(201)).body.id).not.toBe(first.body.id);
    expect(await send('bad')).toBeProblem(400, 'REQUEST_INVALID');
    // The same key of somebody else is another key.
    const other = await world.as('putu').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: aReimbursement() }).set('idempotency-key', 'key-00000001').expect(201);
    expect(other.body.id).not.toBe(first.body.id);
    // A refusal is not stored: the same key may be tried again once the cause is gone.
    expect(await send('key-00000003', { definition: 'nothing' })).toBeProblem(404, 'NOT_FOUND');
    expect(await send('key-00000003', { definition: 'nothing' })).toBeProblem(404, 'NOT_FOUND');

    // What is shown once is not kept: neither the key nor the code is in the stored answer.
    const key = await world.as('dewi').post('/api-keys', { name: 'k', scopes: ['audit:read'], validDays: 1 }).set('idempotency-key', 'secret-key-01').expect(201);
    const repeated = await world.as('dewi').post('/api-keys', { name: 'k', scopes: ['audit:read'], validDays: 1 }).set('idempotency-key', 'secret-key-01').expect(201);
    expect(repeated.body).toEqual({ ...key.body, key: null });
    await connected(testApp.database.adminUrl, async (client) => {
      expect((await client.query('SELECT FROM idempotency_record WHERE body LIKE $1', [`%${(key.body.key as string).slice(-30)}%`])).rowCount).toBe(0);
    });

    const many = await Promise.all(Array.from({ length: 10 }, () => send('key-00000004')));
    const made = new Set(many.filter(({ status }) => status === 201).map(({ text }) => text));
    expect(made.size).toBe(1);
    for (const answer of many.filter(({ status }) => status !== 201)) expect(answer).toBeProblem(409, 'IDEMPOTENCY_IN_FLIGHT');
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows } = await client.query(`SELECT count(*)::int AS n FROM idempotency_record WHERE key = 'key-00000004'`);
      expect(rows[0]).toEqual({ n: 1 });
    });
  });

  it('serves Swagger, the document and the metrics', async () => {
    expect((await testApp.http.get('/docs').expect(200)).text).toContain('swagger-ui');
    const { body } = await testApp.http.get('/docs/openapi.json').expect(200);
    expect(body.openapi).toBe('3.1.0');
    const metrics = (await testApp.http.get('/metrics').expect(200)).text;
    for (const series of ['gloria_http_request_duration_seconds_bucket', 'gloria_permission_decisions_total', 'gloria_cache_requests_total', 'nodejs_eventloop_lag_p99_seconds']) expect(metrics).toContain(series);
    expect(metrics).not.toContain(world.organization);
    expect(metrics).toContain('route="/api/v1/people/:id"');
  });

  it('shows the people to sign in as, and signs in', async () => {
    const page = await testApp.http.get(`/dev/sign-in?organization=${world.organization}`).expect(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.text).toContain('Siti Rahayu');
    expect(page.text).toContain('Science teacher, Science');
    const { body } = await testApp.http.post('/dev/tokens').send({ person: 'siti', organization: world.organization }).expect(200);
    await testApp.http.get('/api/v1/me').set('authorization', `Bearer ${body.token}`).expect(200);
    expect(await testApp.http.post('/dev/tokens').send({ person: 'nobody', organization: world.organization })).toBeProblem(404, 'NOT_FOUND');
    expect((await testApp.http.get('/dev/swagger-session.js').expect(200)).text).toContain('preauthorizeApiKey');
    expect((await testApp.http.get('/dev/sign-in.js').expect(200)).headers['content-type']).toContain('javascript');
  });
});

describe('the rate limit', () => {
  it.each<[string, Record<string, string>]>([['of one process', {}], ['shared through Redis', { REDIS_URL: process.env.TEST_REDIS_URL ?? '' }]])('%s counts each caller, and says when to come back', async (_name, overrides) => {
    const testApp = await startApp({ API_RATE_LIMIT: '20', ...overrides });
    const beside = await startApp({ API_RATE_LIMIT: '20', ...overrides });
    try {
      const world = await aFoundation(testApp);
      const answers = [];
      const both = 'REDIS_URL' in overrides;
      const begun = Date.now();
      for (let n = 0; n < 40; n += 1) answers.push(await (both && n % 2 ? beside : testApp).http.get('/api/v1/me').set('authorization', `Bearer ${world.token('siti')}`).set('x-forwarded-for', `10.0.0.${n}`));
      const passed = answers.filter(({ status }) => status === 200);
      const limited = answers.filter(({ status }) => status === 429);
      // GCRA refills while we count: 20 at once, one more every three seconds.
      expect(passed.length).toBeGreaterThanOrEqual(20);
      expect(passed.length).toBeLessThanOrEqual(21 + Math.ceil((Date.now() - begun) / 3_000));
      expect(limited[0]).toBeProblem(429, 'RATE_LIMITED');
      expect(Number(limited[0]!.headers['retry-after'])).toBeGreaterThan(0);
      expect(limited[0]!.headers['ratelimit-policy']).toBe('"default";q=20;w=60');
      // Somebody else is not affected.
      await testApp.http.get('/api/v1/me').set('authorization', `Bearer ${world.token('dewi')}`).expect(200);
      // Failed authentication is counted by address, whatever the forwarding headers say.
      let refused = 0;
      for (let n = 0; n < 12; n += 1) refused += Number((await testApp.http.get('/api/v1/me').set('authorization', 'Bearer a.b.c').set('x-forwarded-for', `10.0.1.${n}`)).status === 429);
      expect(refused).toBeGreaterThan(0);
    } finally {
      await Promise.all([testApp.close(), beside.close()]);
    }
  });
});

describe('health', () => {
  it('is degraded, not down, without Redis or with one that does not answer', async () => {
    for (const overrides of [{}, { REDIS_URL: 'redis://127.0.0.1:1' }] as Record<string, string>[]) {
      const testApp = await startApp(overrides);
      try {
        const { body } = await testApp.http.get('/health').expect(200);
        expect(body).toMatchObject({ status: 'degraded', parts: { database: { status: 'up' }, redis: { degraded: true } } });
        await testApp.http.get('/health/ready').expect(200);
        expect((await testApp.http.get('/health/redis').expect(200)).body.status).toBe('degraded');
        expect((await testApp.http.get('/health/auth').expect(200)).body.status).toBe('ok');
        // The same answers, only slower.
        const world = await aFoundation(testApp);
        await world.as('siti').submits();
      } finally {
        await testApp.close();
      }
    }
  });

  it('is up with Redis, whose second level serves a fresh process', async () => {
    const testApp = await startApp({ REDIS_URL: process.env.TEST_REDIS_URL ?? '' });
    const beside = await startApp({ REDIS_URL: process.env.TEST_REDIS_URL ?? '' });
    try {
      expect((await testApp.http.get('/health').expect(200)).body.status).toBe('ok');
      const world = await aFoundation(testApp);
      await world.as('siti').get('/me/permissions').expect(200);
      await beside.http.get('/api/v1/me/permissions').set('authorization', `Bearer ${world.token('siti')}`).expect(200);
      expect((await beside.http.get('/metrics')).text).toMatch(/gloria_cache_requests_total\{prefix="subject-holdings",result="shared"\} [1-9]/);
    } finally {
      await Promise.all([testApp.close(), beside.close()]);
    }
  });

  it('says live but not ready while draining, and when the database is gone, within a second', async () => {
    const testApp = await startApp();
    try {
      await testApp.http.get('/health/ready').expect(200);
      const pool = testApp.app.get(Database).pool;
      const query = pool.query.bind(pool);
      pool.query = (() => new Promise(() => undefined)) as never;
      const start = Date.now();
      expect((await testApp.http.get('/health/ready').expect(503)).body).toMatchObject({ status: 'down', parts: { database: { status: 'down', reason: 'no answer' } } });
      // Half a second by its own deadline; the bound here only says that it did not hang.
      expect(Date.now() - start).toBeLessThan(5_000);
      await testApp.http.get('/health/live').expect(200);
      await testApp.http.get('/health/database').expect(503);
      pool.query = query as never;
      void testApp.app.get(Drain).run(testApp.app.getHttpServer(), 0);
      const draining = await testApp.http.get('/health/ready').expect(503);
      expect(draining.headers.connection).toBe('close');
      await testApp.http.get('/health/live').expect(200);
    } finally {
      await testApp.close();
    }
  });
});
