import { createHash, createPrivateKey, createPublicKey, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DevelopmentSession {
  clerkUserId: string;
  organizationId: string;
  sessionId?: string;
}

const LIFETIME_SECONDS = 60;

/**
 * Stands in for Clerk where there is no account: mints the session tokens Clerk mints (version 2 claims, RS256, 60 s),
 * with a key made on first start. It only issues; verification is the same code as for Clerk. The configuration of a
 * production process cannot hold one.
 */
export class DevelopmentIssuer {
  private readonly privateKey: KeyObject;
  readonly publicKeyPem: string;
  private readonly kid: string;

  constructor(
    private readonly issuer: string,
    private readonly party: string,
    keyDir: string,
  ) {
    this.privateKey = createPrivateKey(readOrMakeKey(keyDir));
    this.publicKeyPem = createPublicKey(this.privateKey).export({ type: 'spki', format: 'pem' }).toString();
    this.kid = `dev_${createHash('sha256').update(this.publicKeyPem).digest('hex').slice(0, 16)}`;
  }

  newSessionId(): string {
    return `sess_dev_${randomBytes(12).toString('hex')}`;
  }

  /** A token for the session; `overrides` replaces claims and exists for tests of what must be refused. */
  mint(session: DevelopmentSession, overrides: Record<string, unknown> = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      v: 2,
      iss: this.issuer,
      azp: this.party,
      sub: session.clerkUserId,
      sid: session.sessionId ?? this.newSessionId(),
      sts: 'active',
      fva: [0, -1],
      o: { id: session.organizationId, rol: 'member' },
      iat: now,
      nbf: now - 10,
      exp: now + LIFETIME_SECONDS,
      jti: randomBytes(10).toString('hex'),
      ...overrides,
    };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ alg: 'RS256', typ: 'JWT', kid: this.kid })}.${encode(claims)}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(this.privateKey).toString('base64url')}`;
  }
}

function readOrMakeKey(dir: string): string {
  const path = join(dir, 'private-key.pem');
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    // Written whole, then linked: of several processes starting together the first one's key wins, and none reads half.
    const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft);
    }
  }
  return readFileSync(path, 'utf8');
}
