import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { SessionTokenVerifier } from '../../src/platform/clerk';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';

describe('signing in', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());
  const me = (token: string) => testApp.http.get('/api/v1/me').set('authorization', `Bearer ${token}`);

  it('says who the caller is, under both paths', async () => {
    for (const path of ['/me', '/auth/me']) {
      const { body } = await world.as('siti').get(path).expect(200);
      expect(body).toMatchObject({ linked: true, caller: 'user', person: { name: 'Siti Rahayu' }, sessionId: world.sessionOf('siti'), locale: 'en' });
    }
  });

  describe('refuses', () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const parts = (token: string) => token.split('.') as [string, string, string];
    const claims = () => JSON.parse(Buffer.from(parts(world.token('siti'))[1], 'base64url').toString()) as Record<string, unknown>;
    const header = () => JSON.parse(Buffer.from(parts(world.token('siti'))[0], 'base64url').toString()) as Record<string, unknown>;
    const now = () => Math.floor(Date.now() / 1000);

    it.each<[string, () => string, string]>([
      ['no token at all', () => '', 'AUTH_TOKEN_INVALID'],
      ['something that is no token', () => 'abc.def', 'AUTH_TOKEN_INVALID'],
      ['three parts of nonsense', () => '!!.??.**', 'AUTH_TOKEN_INVALID'],
      ['an expired token', () => world.token('siti', { exp: now() - 10, iat: now() - 70, nbf: now() - 80 }), 'AUTH_TOKEN_EXPIRED'],
      ['a token not valid yet', () => world.token('siti', { nbf: now() + 60 }), 'AUTH_TOKEN_INVALID'],
      ['another issuer', () => world.token('siti', { iss: 'https://evil.example' }), 'AUTH_TOKEN_INVALID'],
      ['another party', () => world.token('siti', { azp: 'https://evil.example' }), 'AUTH_TOKEN_INVALID'],
      ['no party', () => world.token('siti', { azp: undefined }), 'AUTH_TOKEN_INVALID'],
      ['no session', () => world.token('siti', { sid: undefined }), 'AUTH_TOKEN_INVALID'],
      ['no subject', () => world.token('siti', { sub: '' }), 'AUTH_TOKEN_INVALID'],
      ['a flipped signature', () => world.token('siti').replace(/.{6}$/, 'AAAAAA'), 'AUTH_TOKEN_INVALID'],
      ['a changed payload', () => `${parts(world.token('siti'))[0]}.${encode({ ...claims(), sub: 'user_dewi' })}.${parts(world.token('siti'))[2]}`, 'AUTH_TOKEN_INVALID'],
      ['algorithm none', () => `${encode({ ...header(), alg: 'none' })}.${encode(claims())}.AA`, 'AUTH_TOKEN_INVALID'],
      ['an HMAC keyed with the public key', () => {
        const signed = `${encode({ ...header(), alg: 'HS256' })}.${encode(claims())}`;
        return `${signed}.${createHmac('sha256', world.issuer.publicKeyPem).update(signed).digest('base64url')}`;
      }, 'AUTH_TOKEN_INVALID'],
      ['somebody else’s key', () => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const signed = `${encode(header())}.${encode(claims())}`;
        return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
      }, 'AUTH_TOKEN_INVALID'],
      ['a key carried by the token', () => {
        const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const signed = `${encode({ ...header(), jwk: publicKey.export({ format: 'jwk' }) })}.${encode(claims())}`;
        return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
      }, 'AUTH_TOKEN_INVALID'],
      ['a key id shaped like a path', () => `${encode({ ...header(), kid: '../../etc/passwd' })}.${encode(claims())}.AAAA`, 'AUTH_TOKEN_INVALID'],
      ['a token of 9,000 characters', () => `${parts(world.token('siti'))[0]}.${'A'.repeat(9_000)}.AA`, 'AUTH_TOKEN_INVALID'],
    ])('%s with 401', async (_name, make, code) => {
      const answer = await me(make());
      expect(answer).toBeProblem(401, code);
      expect(answer.headers['www-authenticate']).toContain('Bearer');
    });

    it('a missing header, another scheme, and a cookie alone, with 401', async () => {
      expect(await testApp.http.get('/api/v1/me')).toBeProblem(401, 'AUTH_TOKEN_MISSING');
      expect(await testApp.http.get('/api/v1/me').set('authorization', 'Basic c2l0aTp4')).toBeProblem(401, 'AUTH_TOKEN_INVALID');
      expect(await testApp.http.get('/api/v1/me').set('cookie', `__session=${world.token('siti')}`)).toBeProblem(401, 'AUTH_TOKEN_MISSING');
    });

    it('a pending session, and one without a known foundation, with 403', async () => {
      expect(await me(world.token('siti', { sts: 'pending' }))).toBeProblem(403, 'AUTH_SESSION_PENDING');
      expect(await me(world.token('siti', { o: undefined }))).toBeProblem(403, 'FOUNDATION_REQUIRED');
      expect(await me(world.token('siti', { o: { id: 'org_nobody' } }))).toBeProblem(403, 'FOUNDATION_REQUIRED');
    });

    it('10,000 mutations of a good token, and accepts none', async () => {
      const good = world.token('siti');
      const verifier = testApp.app.get(SessionTokenVerifier);
      await expect(verifier.verify(good)).resolves.toMatchObject({ clerkUserId: 'user_siti' });
      let refused = 0;
      for (let n = 0; n < 10_000; n += 1) {
        const at = (n * 7919) % (good.length - 1);
        const other = good[at] === 'A' ? 'B' : 'A';
        const mutant = good.slice(0, at) + other + good.slice(at + 1);
        // The last character of a part carries unused bits: two spellings of the same bytes are the same token.
        if (mutant.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex')).join() === good.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex')).join()) continue;
        await verifier.verify(mutant).then(
          () => { throw new Error(`accepted: ${mutant}`); },
          () => { refused += 1; },
        );
      }
      expect(refused).toBeGreaterThan(9_000);
    });
  });

  it('a session ended is refused from the next request on, its other sessions are untouched', async () => {
    const first = world.issuer.mint({ clerkUserId: 'user_eko', organizationId: world.organization, sessionId: 'sess_eko_first' });
    const second = world.issuer.mint({ clerkUserId: 'user_eko', organizationId: world.organization, sessionId: 'sess_eko_second' });
    await me(first).expect(200);
    await me(second).expect(200);
    const { body } = await testApp.http.get('/api/v1/me/sessions').set('authorization', `Bearer ${first}`).expect(200);
    expect((body.items as { sessionId: string; current: boolean }[]).map(({ sessionId, current }) => [sessionId, current])).toEqual([['sess_eko_first', true], ['sess_eko_second', false]]);
    await testApp.http.delete('/api/v1/me/sessions/sess_eko_second').set('authorization', `Bearer ${first}`).expect(204);
    expect(await me(second)).toBeProblem(401, 'AUTH_SESSION_ENDED');
    await me(first).expect(200);
  });

  it('nobody ends the session of another, but an administrator', async () => {
    await world.as('putu').get('/me').expect(200);
    const sid = world.sessionOf('putu')!;
    expect(await world.as('siti').delete(`/me/sessions/${sid}`)).toBeProblem(404, 'NOT_FOUND');
    expect(await world.as('siti').delete(`/sessions/${sid}`)).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('putu').get('/me').expect(200);
    await world.as('dewi').delete(`/sessions/${sid}`).expect(204);
    expect(await world.as('putu').get('/me')).toBeProblem(401, 'AUTH_SESSION_ENDED');
  });

  it('a session id taken over by another account is refused', async () => {
    await me(world.issuer.mint({ clerkUserId: 'user_siti', organizationId: world.organization, sessionId: 'sess_shared' })).expect(200);
    expect(await me(world.issuer.mint({ clerkUserId: 'user_dewi', organizationId: world.organization, sessionId: 'sess_shared' }))).toBeProblem(401, 'AUTH_SESSION_ENDED');
  });

  it('an account nobody is linked to sees itself and nothing else, until it redeems an invitation, once', async () => {
    const stranger = world.as('stranger');
    expect((await stranger.get('/me').expect(200)).body).toMatchObject({ linked: false, person: null });
    expect(await stranger.get('/schools')).toBeProblem(403, 'ACCOUNT_NOT_LINKED');
    expect(await stranger.get('/me/permissions')).toBeProblem(403, 'ACCOUNT_NOT_LINKED');

    const ids = await world.ids();
    const created = (await world.as('dewi').post('/people', { employeeNumber: '9001', fullName: 'New Teacher', appointment: { positionId: ids.position('sma-1-science-teacher') } }).expect(201)).body as { id: string };
    expect(await world.as('siti').post('/invitations', { personId: created.id })).toBeProblem(403, 'PERMISSION_DENIED');
    const { code } = (await world.as('dewi').post('/invitations', { personId: created.id }).expect(201)).body as { code: string };
    expect(await stranger.post('/me/link', { code: `${code}x` })).toBeProblem(404, 'INVITATION_INVALID');
    const [one, two] = await Promise.all([stranger.post('/me/link', { code }), world.as('other_stranger').post('/me/link', { code })]);
    expect([one.status, two.status].sort()).toEqual([204, 404]);
    const winner = one.status === 204 ? 'stranger' : 'other_stranger';
    expect((await world.as(winner).get('/me').expect(200)).body).toMatchObject({ linked: true, person: { name: 'New Teacher' } });
    expect(await world.as(winner).post('/me/link', { code })).toBeProblem(409, 'ACCOUNT_ALREADY_LINKED');
    expect(await world.as('dewi').post('/invitations', { personId: created.id })).toBeProblem(409, 'ACCOUNT_ALREADY_LINKED');
  });
});

describe('an API key', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());
  const make = async (handle: string, body: object) => (await world.as(handle).post('/api-keys', { name: 'test', validDays: 30, ...body }).expect(201)).body as { id: string; key: string };

  it('does what it was made for and nothing else, while its creator may', async () => {
    const { key } = await make('ratna', { scopes: ['workflow:complete'] });
    const caller = world.withKey(key);
    expect((await caller.get('/me').expect(200)).body).toMatchObject({ caller: 'api_key', person: null });
    expect((await caller.get('/me/permissions').expect(200)).body.permissions).toEqual([{ code: 'workflow:complete', scopes: ['all'], denied: false, lent: false }]);
    expect(await caller.get('/workflow/instances')).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await caller.post('/workflow/instances', { definition: 'reimbursement' })).toBeProblem(403, 'PERMISSION_DENIED');
    const filed = await world.as('siti').submits({ amount: '10', currency: 'IDR', description: 'Paper', route: 'supervisor' });
    const approved = (await world.as('joko').answers('approve', filed.openTasks[0]!.id).expect(200)).body as { openTasks: { id: string }[] };
    expect(await caller.post(`/workflow/tasks/${approved.openTasks[0]!.id}/complete`, { step: 'payment' })).toBeProblem(409, 'WORKFLOW_STEP');
    await caller.post(`/workflow/tasks/${approved.openTasks[0]!.id}/complete`, { step: 'payment-request' }).expect(200);
  });

  it('loses at once what its creator loses', async () => {
    const ids = await world.ids();
    const assignment = (await world.as('dewi').post('/role-assignments', { roleId: ids.role('payment-operator'), personId: ids.person('putu') }).expect(201)).body as { id: string };
    const { key } = await make('putu', { scopes: ['workflow:complete', 'workflow:read'] });
    const count = async () => ((await world.withKey(key).get('/me/permissions').expect(200)).body.permissions as { code: string; scopes: string[] }[]);
    expect((await count()).map(({ code }) => code)).toEqual(['workflow:complete', 'workflow:read']);
    await world.as('dewi').delete(`/role-assignments/${assignment.id}`).expect(204);
    expect(await count()).toEqual([{ code: 'workflow:read', scopes: ['own'], denied: false, lent: false }]);
  });

  it('is never wider than its creator, and not made by a key', async () => {
    expect(await world.as('ratna').post('/api-keys', { name: 'x', scopes: ['grant:write'], validDays: 1 })).toBeProblem(403, 'GRANT_EXCEEDS_OWN');
    expect(await world.as('siti').post('/api-keys', { name: 'x', scopes: ['workflow:submit'], validDays: 1 })).toBeProblem(403, 'PERMISSION_DENIED');
    const { key } = await make('dewi', { scopes: ['api-key:write', 'organization:read'] });
    expect(await world.withKey(key).post('/api-keys', { name: 'x', scopes: ['organization:read'], validDays: 1 })).toBeProblem(403, 'SESSION_REQUIRED');
    expect(await world.as('dewi').post('/api-keys', { name: 'x', scopes: ['organization:read'], validDays: 366 })).toBeProblem(400, 'REQUEST_INVALID');
  });

  it('is refused when forged, revoked, or used from another network', async () => {
    const { id, key } = await make('dewi', { scopes: ['organization:read'] });
    await world.withKey(key).get('/schools').expect(200);
    const wrongSecret = `${key.slice(0, 30)}${key[30] === 'A' ? 'B' : 'A'}${key.slice(31)}`;
    for (const bad of ['', 'gl_live_x', wrongSecret, key.replace(/.$/, key.endsWith('0') ? '1' : '0')]) expect(await world.withKey(bad).get('/schools')).toBeProblem(401, 'AUTH_API_KEY_INVALID');
    await world.as('dewi').delete(`/api-keys/${id}`).expect(204);
    expect(await world.withKey(key).get('/schools')).toBeProblem(401, 'AUTH_API_KEY_INVALID');
    const local = await make('dewi', { scopes: ['organization:read'], cidrs: ['127.0.0.0/8'] });
    await world.withKey(local.key).get('/schools').expect(200);
    const remote = await make('dewi', { scopes: ['organization:read'], cidrs: ['10.0.0.0/8'] });
    expect(await world.withKey(remote.key).get('/schools').set('x-forwarded-for', '10.0.0.1')).toBeProblem(401, 'AUTH_API_KEY_INVALID');
  });

  it('is listed without its secret', async () => {
    const { key } = await make('dewi', { scopes: ['organization:read'], name: 'listed' });
    const { text } = await world.as('dewi').get('/api-keys?limit=200').expect(200);
    expect(text).toContain('listed');
    expect(text).not.toContain(key.split('_').slice(3).join('_').slice(0, 20));
  });
});
