import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DevelopmentIssuer } from './development-issuer';
import { RemoteKeys, SessionTokenVerifier, singleKey, TokenRefused } from './session-token';

const ISSUER = 'https://clerk.test';
const PARTY = 'https://app.test';
const session = { clerkUserId: 'user_1', organizationId: 'org_1', sessionId: 'sess_1' };

describe('the session token verifier', () => {
  const issuer = new DevelopmentIssuer(ISSUER, PARTY, mkdtempSync(join(tmpdir(), 'gloria-issuer-')));
  const verifier = new SessionTokenVerifier({ issuer: ISSUER, authorizedParties: [PARTY], keys: singleKey(issuer.publicKeyPem) });
  const now = () => Math.floor(Date.now() / 1000);

  it('reads the claims of version 2 and of version 1', async () => {
    expect(await verifier.verify(issuer.mint(session, { fva: [3, -1], act: { sub: 'user_admin' } }))).toEqual({
      clerkUserId: 'user_1', sessionId: 'sess_1', organizationId: 'org_1', factorAge: [3, -1], impersonatorId: 'user_admin', expiresAt: expect.any(Number),
    });
    expect((await verifier.verify(issuer.mint(session, { v: undefined, o: undefined, org_id: 'org_old' }))).organizationId).toBe('org_old');
    expect((await verifier.verify(issuer.mint(session, { o: undefined, fva: undefined }))).organizationId).toBeNull();
  });

  it.each([
    ['expired', { exp: 1_000 }],
    ['not-yet-valid', { nbf: 99_999_999_999 }],
    ['issuer', { iss: `${ISSUER}/` }],
    ['party', { azp: `${PARTY}.evil` }],
    ['party', { azp: undefined }],
    ['claims', { sid: '' }],
    ['pending', { sts: 'pending' }],
  ])('refuses with the reason %s for %j', async (reason, claims) => {
    await expect(verifier.verify(issuer.mint(session, claims))).rejects.toMatchObject({ reason });
  });

  it('allows clocks to differ by five seconds, also for a remembered token, and no more', async () => {
    await verifier.verify(issuer.mint(session, { exp: now() - 3 }));
    await expect(verifier.verify(issuer.mint(session, { exp: now() - 7 }))).rejects.toMatchObject({ reason: 'expired' });
    const short = issuer.mint(session, { exp: now() - 2 });
    await verifier.verify(short);
    await new Promise((done) => setTimeout(done, 4_100));
    await expect(verifier.verify(short)).rejects.toMatchObject({ reason: 'expired' });
  });
});

describe('Clerk’s published keys', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let server: Server;
  let requests: { path: string; authorization: string | undefined }[] = [];
  let answer: { status: number; body: string };
  let apiUrl: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push({ path: request.url ?? '', authorization: request.headers.authorization });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));
  beforeEach(() => {
    requests = [];
    answer = { status: 200, body: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'ins_1', alg: 'RS256' }, { kty: 'oct', k: 'AA', kid: 'ins_oct' }] }) };
  });
  const token = (kid: string) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const signed = `${encode({ alg: 'RS256', kid })}.${encode({ iss: ISSUER, azp: PARTY, sub: 'user_1', sid: 'sess_1', exp: now + 60, iat: now, nbf: now - 5, o: { id: 'org_1' } })}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
  };

  it('are fetched once, with the secret key, and verify what they signed', async () => {
    const verifier = new SessionTokenVerifier({ issuer: ISSUER, authorizedParties: [PARTY], keys: new RemoteKeys({ apiUrl, secretKey: 'sk_test_1' }) });
    for (let n = 0; n < 3; n += 1) expect((await verifier.verify(token('ins_1'))).clerkUserId).toBe('user_1');
    expect(requests).toEqual([{ path: '/v1/jwks', authorization: 'Bearer sk_test_1' }]);
  });

  it('are not asked for again by 10,000 invented key ids, until the cooldown is over', async () => {
    let clock = 0;
    const keys = new RemoteKeys({ apiUrl, secretKey: 'sk_test_1', now: () => clock });
    for (let n = 0; n < 10_000; n += 1) expect(await keys.pem(`random_${n}`)).toBeNull();
    expect(requests).toHaveLength(1);
    clock += 30_000;
    expect(await keys.pem('another')).toBeNull();
    expect(requests).toHaveLength(2);
    expect(await keys.pem('ins_oct')).toBeNull();
  });

  it('withdrawn are no longer trusted an hour later', async () => {
    let clock = 0;
    const keys = new RemoteKeys({ apiUrl, secretKey: 'sk_test_1', now: () => clock });
    expect(await keys.pem('ins_1')).not.toBeNull();
    answer = { status: 200, body: '{"keys":[]}' };
    clock += 3_600_000;
    await keys.pem('ins_1');
    await keys.reachable();
    expect(await keys.pem('ins_1')).toBeNull();
  });

  it('stay good while Clerk is down; without any, verification says so instead of refusing the token', async () => {
    let clock = 0;
    const keys = new RemoteKeys({ apiUrl, secretKey: 'sk_test_1', now: () => clock });
    expect(await keys.pem('ins_1')).toBe(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'pem' }));
    answer = { status: 500, body: '' };
    clock += 60_000;
    expect(await keys.pem('unknown')).toBeNull();
    expect(await keys.reachable()).toBe(false);
    expect(await keys.pem('ins_1')).not.toBeNull();
    const fresh = new RemoteKeys({ apiUrl, secretKey: 'x' });
    const verifier = new SessionTokenVerifier({ issuer: ISSUER, authorizedParties: [PARTY], keys: fresh });
    for (let n = 0; n < 3; n += 1) await expect(verifier.verify(token('ins_1'))).rejects.not.toBeInstanceOf(TokenRefused);
    expect(await fresh.reachable()).toBe(false);
  });
});
