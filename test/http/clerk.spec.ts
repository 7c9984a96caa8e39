import { randomBytes } from 'node:crypto';
import demonstration from '../../prisma/demo/organization.json';
import { seedDemonstration } from '../../src/cli/seed-demo';
import { startApp, type TestApp } from '../support/app';
import { FakeClerk } from '../support/fake-clerk';

describe('with Clerk', () => {
  const clerk = new FakeClerk();
  const organization = `org_clerk${randomBytes(5).toString('hex')}`;
  let testApp: TestApp;
  let environment: Record<string, string>;
  beforeAll(async () => {
    environment = await clerk.start();
    testApp = await startApp(environment);
    await seedDemonstration(testApp.app, JSON.parse(JSON.stringify(demonstration).replaceAll('"harapan"', `"${organization.slice(4)}"`)) as typeof demonstration, organization);
  });
  afterAll(async () => {
    await testApp.close();
    await clerk.stop();
  });
  const me = (token: string) => testApp.http.get('/api/v1/me').set('authorization', `Bearer ${token}`);

  it('while it is down says so, and recovers without a restart once it is back', async () => {
    clerk.failing = 503;
    expect(await me(clerk.token('user_siti', organization))).toBeProblem(503, 'DEPENDENCY_UNAVAILABLE');
    expect((await testApp.http.get('/health/auth').expect(200)).body).toMatchObject({ status: 'degraded', parts: { auth: { degraded: true } } });
    await testApp.http.get('/health/ready').expect(200);
    expect(clerk.requests).toEqual(['GET /v1/jwks Bearer sk_test_fake']);
    clerk.failing = null;
  });

  it('its tokens are accepted from one fetch of its keys, and keep working while it is down', async () => {
    clerk.requests.length = 0;
    const other = await startApp(environment);
    try {
      for (let n = 0; n < 3; n += 1) {
        const answer = await other.http.get('/api/v1/me').set('authorization', `Bearer ${clerk.token('user_siti', organization, `sess_${n}`)}`).expect(200);
        expect(answer.body).toMatchObject({ linked: true, person: { name: 'Siti Rahayu' } });
      }
      expect(clerk.requests.length).toBe(1);
      clerk.failing = 500;
      await other.http.get('/api/v1/me').set('authorization', `Bearer ${clerk.token('user_siti', organization, 'sess_later')}`).expect(200);
      expect((await other.http.get('/health/auth').expect(200)).body.status).toBe('ok');
    } finally {
      clerk.failing = null;
      await other.close();
    }
  });

  it('there is no development issuer: no sign-in page, no token, no trust in its key', async () => {
    for (const path of ['/dev/sign-in', '/dev/sign-in.js', '/dev/swagger-session.js']) expect(await testApp.http.get(path)).toBeProblem(404, 'NOT_FOUND');
    expect(await testApp.http.post('/dev/tokens').send({ person: 'siti' })).toBeProblem(404, 'NOT_FOUND');
    expect((await testApp.http.get('/docs').expect(200)).text).not.toContain('/dev/');
  });
});
