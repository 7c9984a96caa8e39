/** Where a request came from; copied into every audit event it causes. */
export interface RequestContext {
  /** Correlation id, 8–64 characters of [A-Za-z0-9._-]. */
  requestId: string;
  /** `METHOD /route/:template`, or the name of a command. */
  route: string;
  /** Client address as seen behind the trusted proxies. */
  ip: string | null;
  /** The client's Idempotency-Key with a hash of what it was sent with; absent where none was sent. */
  idempotency?: { key: string; requestHash: string };
  /** The version of authorization that the request made, once it has. */
  changedTo?: bigint;
}

interface ActorBase {
  foundationId: string;
  /** Version of the foundation's authorization that was read when the request began. */
  authzVersion: bigint;
  /** Database clock when the request began, epoch ms; what is valid is judged at this instant. */
  startedAt: number;
  locale: Locale;
  /** IANA zone in which the actor's dates are meant. */
  timezone: string;
  request: RequestContext;
}

export type Locale = 'en' | 'id';

/** A signed-in person. */
export interface UserActor extends ActorBase {
  kind: 'user';
  personId: string;
  personName: string;
  userId: string;
  sessionId: string;
}

/** Another service, speaking with an API key: what its creator holds, cut down to the key's scopes. */
export interface ApiKeyActor extends ActorBase {
  kind: 'api_key';
  apiKeyId: string;
  name: string;
  /** The creator, whose permissions bound the key's. */
  personId: string;
  scopes: readonly string[];
}

/** Gloria itself: the seed, an import, the worker. Holds no permissions; services called by it are trusted code. */
export interface SystemActor extends ActorBase {
  kind: 'system';
  name: string;
}

/** Whoever acts. The first argument of every service method. */
export type Actor = UserActor | ApiKeyActor | SystemActor;

/** A signed-in Clerk user no person is linked to: may see `/me` and redeem an invitation, nothing else. */
export interface UnlinkedUser {
  kind: 'unlinked';
  foundationId: string;
  clerkUserId: string;
  sessionId: string;
  locale: Locale;
  timezone: string;
  request: RequestContext;
}

/** One string a kind of actor and identity, for keys of rows and counters: `person:<id>`, `api_key:<id>`, `system:<name>`. */
export function actorKey(actor: Actor): string {
  switch (actor.kind) {
    case 'user':
      return `person:${actor.personId}`;
    case 'api_key':
      return `api_key:${actor.apiKeyId}`;
    case 'system':
      return `system:${actor.name}`;
  }
}

export function systemActor(name: string, foundationId: string): SystemActor {
  return {
    kind: 'system',
    name,
    foundationId,
    authzVersion: 0n,
    startedAt: Date.now(),
    locale: 'en',
    timezone: 'Asia/Jakarta',
    request: { requestId: `${name}-${process.pid}`, route: name, ip: null },
  };
}
