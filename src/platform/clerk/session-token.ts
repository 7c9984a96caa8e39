import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import { verifyToken } from '@clerk/backend';
import { LRUCache } from 'lru-cache';

/** What a verified session token says; Clerk's version 2 claims under readable names. */
export interface SessionClaims {
  clerkUserId: string;
  sessionId: string;
  /** Active organization (claim `o.id`), null where none is active. */
  organizationId: string | null;
  /** Minutes since each factor was verified, −1 for never; null where the token does not say. */
  factorAge: readonly [first: number, second: number] | null;
  /** Impersonator (claim `act.sub`), null for the person themself. */
  impersonatorId: string | null;
  /** Epoch milliseconds. */
  expiresAt: number;
}

export type TokenRefusal = 'malformed' | 'signature' | 'key' | 'algorithm' | 'issuer' | 'party' | 'claims' | 'not-yet-valid' | 'expired' | 'pending';

export class TokenRefused extends Error {
  constructor(readonly reason: TokenRefusal) {
    super(`token refused: ${reason}`);
    this.name = 'TokenRefused';
  }
}

/** Finds the public key (PEM) that signed a token. */
export interface KeySource {
  /** Whether keys can be had at present. */
  reachable(): Promise<boolean>;
  /** null where no key of that id is known. Rejects with an Error where the keys cannot be had at all. */
  pem(kid: string): Promise<string | null>;
}

export interface VerifierOptions {
  issuer: string;
  authorizedParties: readonly string[];
  keys: KeySource;
}

const MAX_TOKEN_LENGTH = 8_192;
const CLOCK_SKEW_MS = 5_000;

/**
 * Verifies session tokens with Clerk's SDK, and what the SDK leaves to us: exact issuer, `azp` present, `sid` and `sub`
 * present, no pending session, only RS256, no key by header. A verified token is remembered by the hash of its text
 * until it expires (one RSA verification costs ~200 µs); whether its *session* still stands is asked in PostgreSQL on
 * every request, so the memory cannot outlive a revocation.
 */
export class SessionTokenVerifier {
  private readonly verified: LRUCache<string, SessionClaims>;

  constructor(private readonly options: VerifierOptions) {
    this.verified = new LRUCache({ max: 20_000 });
  }

  /** Resolves to the claims, or rejects with TokenRefused. */
  async verify(token: string): Promise<SessionClaims> {
    if (token.length > MAX_TOKEN_LENGTH) throw new TokenRefused('malformed');
    const fingerprint = createHash('sha256').update(token).digest('base64');
    const known = this.verified.get(fingerprint);
    if (known) {
      if (known.expiresAt + CLOCK_SKEW_MS <= Date.now()) {
        this.verified.delete(fingerprint);
        throw new TokenRefused('expired');
      }
      return known;
    }
    const claims = await this.verifyAfresh(token);
    this.verified.set(fingerprint, claims);
    return claims;
  }

  private async verifyAfresh(token: string): Promise<SessionClaims> {
    const header = readHeader(token);
    if (header.alg !== 'RS256') throw new TokenRefused('algorithm');
    // Keys named or carried by the token itself are an attacker's: refused before anything looks at them.
    if (['jku', 'jwk', 'x5u', 'x5c', 'crit'].some((name) => name in header)) throw new TokenRefused('malformed');
    if (typeof header.kid !== 'string' || !/^[A-Za-z0-9_-]{1,128}$/.test(header.kid)) throw new TokenRefused('key');
    const pem = await this.options.keys.pem(header.kid);
    if (!pem) throw new TokenRefused('key');

    let payload: Record<string, unknown>;
    try {
      payload = (await verifyToken(token, {
        jwtKey: pem,
        authorizedParties: [...this.options.authorizedParties],
        clockSkewInMs: CLOCK_SKEW_MS,
      })) as unknown as Record<string, unknown>;
    } catch (error) {
      throw new TokenRefused(refusalOf(error));
    }
    return this.readClaims(payload);
  }

  private readClaims(payload: Record<string, unknown>): SessionClaims {
    const { iss, azp, sub, sid, sts, exp, o, org_id: v1Organization, fva, act } = payload;
    if (iss !== this.options.issuer) throw new TokenRefused('issuer');
    // The SDK checks azp only where it is present.
    if (typeof azp !== 'string' || !this.options.authorizedParties.includes(azp)) throw new TokenRefused('party');
    if (typeof sub !== 'string' || !sub || typeof sid !== 'string' || !sid || typeof exp !== 'number') throw new TokenRefused('claims');
    if (sts === 'pending') throw new TokenRefused('pending');
    const organization = (o as { id?: unknown } | undefined)?.id ?? v1Organization;
    return {
      clerkUserId: sub,
      sessionId: sid,
      organizationId: typeof organization === 'string' && organization ? organization : null,
      factorAge: Array.isArray(fva) && fva.length === 2 ? [Number(fva[0]), Number(fva[1])] : null,
      impersonatorId: (act as { sub?: string } | undefined)?.sub ?? null,
      expiresAt: exp * 1000,
    };
  }
}

function readHeader(token: string): Record<string, unknown> {
  const [head, body, signature, ...rest] = token.split('.');
  if (!head || !body || !signature || rest.length > 0) throw new TokenRefused('malformed');
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(head, 'base64url').toString('utf8'));
  } catch {
    throw new TokenRefused('malformed');
  }
  if (!header || typeof header !== 'object' || Array.isArray(header)) throw new TokenRefused('malformed');
  return header as Record<string, unknown>;
}

function refusalOf(error: unknown): TokenRefusal {
  // By its `reason`: the SDK's entry points each bundle an error class of their own, so instanceof says nothing.
  switch ((error as { reason?: string }).reason) {
    case 'token-expired':
      return 'expired';
    case 'token-not-active-yet':
    case 'token-iat-in-the-future':
      return 'not-yet-valid';
    case 'token-invalid-signature':
      return 'signature';
    case 'token-invalid-algorithm':
      return 'algorithm';
    case 'token-invalid-authorized-parties':
      return 'party';
    default:
      return 'malformed';
  }
}

/** One key, whatever the token's `kid` says: CLERK_JWT_KEY and the development issuer. */
export function singleKey(pem: string): KeySource {
  // Throws now, where a key that is none would otherwise refuse everybody later.
  createPublicKey(pem);
  return { pem: () => Promise.resolve(pem), reachable: () => Promise.resolve(true) };
}

const COOLDOWN = 30_000;
const HOUR = 3_600_000;

/**
 * Clerk's published keys. Fetched for an unknown `kid` at most once per cooldown, so that invented ids cannot make this
 * process hammer Clerk, and once an hour in the background, so that a withdrawn key is not trusted for ever. Keys once
 * known keep working while Clerk is down; while none is known, a failure is a failure and not an unknown key.
 */
export class RemoteKeys implements KeySource {
  private keys = new Map<string, string>();
  private lastFetch = -Infinity;
  private lastGood = -Infinity;
  private fetching: Promise<void> | null = null;
  /** What the latest fetch failed with; null after a good one. */
  private failure: Error | null = null;

  constructor(
    private readonly options: { apiUrl: string; secretKey: string; now?: () => number },
  ) {}

  async pem(kid: string): Promise<string | null> {
    const known = this.keys.get(kid);
    if (known && this.now() - this.lastGood < HOUR) return known;
    const refreshed = this.refresh();
    if (known) return known;
    await refreshed;
    if (this.failure && this.keys.size === 0) throw this.failure;
    return this.keys.get(kid) ?? null;
  }

  /** Whether the keys could be had when last asked for; asks again after the cooldown. */
  async reachable(): Promise<boolean> {
    await this.refresh();
    return this.failure === null;
  }

  private now(): number {
    return (this.options.now ?? performance.now.bind(performance))();
  }

  /** Settles when a fetch under way, or one started now because the cooldown is over, has settled. Never rejects. */
  private refresh(): Promise<void> {
    if (this.fetching) return this.fetching;
    if (this.now() - this.lastFetch < COOLDOWN) return Promise.resolve();
    this.lastFetch = this.now();
    this.fetching = this.fetch()
      .then(
        () => {
          this.failure = null;
          this.lastGood = this.now();
        },
        (error: Error) => { this.failure = error; },
      )
      .finally(() => { this.fetching = null; });
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    const response = await fetch(`${this.options.apiUrl}/v1/jwks`, {
      headers: { authorization: `Bearer ${this.options.secretKey}` },
      signal: AbortSignal.timeout(3_000),
      redirect: 'error',
    });
    if (!response.ok) throw new Error(`Clerk's keys: HTTP ${response.status}`);
    const { keys } = (await response.json()) as { keys: (JsonWebKey & { kid: string; kty: string; alg?: string })[] };
    this.keys = new Map(
      keys
        .filter((key) => key.kty === 'RSA' && (key.alg ?? 'RS256') === 'RS256')
        .map((key) => [key.kid, createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()]),
    );
  }
}
