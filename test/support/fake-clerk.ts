import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A real HTTP server that stands in for Clerk's Backend API: publishes keys, signs session tokens. */
export class FakeClerk {
  readonly issuer = 'https://clerk.fake.test';
  readonly party = 'https://app.fake.test';
  readonly requests: string[] = [];
  /** Answered to every request while set. */
  failing: number | null = null;
  private readonly keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private readonly server: Server = createServer((request, response) => {
    this.requests.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
    if (this.failing) return void response.writeHead(this.failing).end();
    if (request.url !== '/v1/jwks') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [{ ...this.keys.publicKey.export({ format: 'jwk' }), kid: 'ins_fake', alg: 'RS256', use: 'sig' }] }));
  });

  async start(): Promise<Record<string, string>> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return {
      CLERK_API_URL: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`,
      CLERK_SECRET_KEY: 'sk_test_fake',
      CLERK_ISSUER: this.issuer,
      CLERK_AUTHORIZED_PARTIES: this.party,
    };
  }

  token(clerkUserId: string, organizationId: string, sessionId = 'sess_fake'): string {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = { v: 2, iss: this.issuer, azp: this.party, sub: clerkUserId, sid: sessionId, sts: 'active', fva: [1, -1], o: { id: organizationId }, iat: now, nbf: now - 5, exp: now + 60 };
    const signed = `${encode({ alg: 'RS256', typ: 'JWT', kid: 'ins_fake' })}.${encode(claims)}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), this.keys.privateKey).toString('base64url')}`;
  }

  async stop(): Promise<void> {
    this.server.close();
    await once(this.server, 'close');
  }
}
