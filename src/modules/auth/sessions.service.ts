import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type Actor, Denied, PermissionPort, Problem, type RequestContext, type UnlinkedUser, type UserActor } from '../../access';
import { Cursors, listName, localeOf, type PageRequest } from '../../http';
import { type SessionClaims, SessionTokenVerifier, TokenRefused } from '../../platform/clerk';
import { changesAuthorization, Database } from '../../platform/database';
import { Freshness } from '../../platform/freshness';
import { AuditService } from '../audit';
import { toSessionResponse } from './auth.dto';
import { sessionEnded } from './auth.events';

interface BeginRow {
  status: 'no_foundation' | 'unlinked' | 'revoked' | 'ok';
  foundation_id: string;
  timezone: string;
  foundation_locale: string;
  user_id: string;
  person_id: string;
  person_name: string;
  locale: string | null;
  v: string;
  now_ms: number;
}

/** After so long a caller is asked about again, whatever is known: "last seen" is noted then. */
const SEEN_MS = 60_000;

/** Signed-in people: who a token belongs to, and the sessions a person has. */
@Injectable()
export class SessionsService {
  /** Callers as the database answered, under a head known before it was asked: they are of that one or newer. */
  private readonly callers = new LRUCache<string, { row: BeginRow; stamp: string }>({ max: 50_000, ttl: SEEN_MS });
  /** Foundations by Clerk organization, for the head to look at before asking. */
  private readonly foundations = new LRUCache<string, string>({ max: 10_000 });

  constructor(
    private readonly database: Database,
    private readonly tokens: SessionTokenVerifier,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly freshness: Freshness,
  ) {}

  /**
   * The caller a session token stands for. The session's own row decides whether the token still counts; its end raises the
   * head of authorization, so that an instance with a lease need not ask again while the head stands, and an ended session
   * is refused from the next request on, everywhere.
   */
  async authenticate(token: string, request: RequestContext, acceptLanguage: string | undefined): Promise<UserActor | UnlinkedUser> {
    const claims = await this.verify(token);
    if (!claims.organizationId) throw new Problem('FOUNDATION_REQUIRED');
    const row = await this.begin(claims.organizationId, claims.clerkUserId, claims.sessionId);
    if (!row || row.status === 'no_foundation') throw new Problem('FOUNDATION_REQUIRED');
    if (row.status === 'revoked') throw new Problem('AUTH_SESSION_ENDED');
    const locale = row.locale === 'en' || row.locale === 'id' ? row.locale : localeOf(acceptLanguage ?? row.foundation_locale);
    const common = { foundationId: row.foundation_id, sessionId: claims.sessionId, locale, timezone: row.timezone, request };
    if (row.status === 'unlinked') return { kind: 'unlinked', clerkUserId: claims.clerkUserId, ...common };
    return { kind: 'user', userId: row.user_id, personId: row.person_id, personName: row.person_name, authzVersion: BigInt(row.v), startedAt: row.now_ms, ...common };
  }

  private async begin(organizationId: string, clerkUserId: string, sessionId: string): Promise<BeginRow | undefined> {
    const key = JSON.stringify([organizationId, clerkUserId, sessionId]);
    const foundationId = this.foundations.get(organizationId);
    const moment = foundationId === undefined ? null : this.freshness.leased(foundationId);
    const known = this.callers.get(key);
    if (known && moment?.stamp === known.stamp) return { ...known.row, v: moment.v.toString(), now_ms: moment.now };
    const [row] = await this.database.hot<BeginRow>('SELECT * FROM gloria_begin_request($1, $2, $3)', [organizationId, clerkUserId, sessionId]);
    if (row?.status === 'ok') {
      this.freshness.learn(row.foundation_id, BigInt(row.v));
      if (moment) this.callers.set(key, { row, stamp: moment.stamp });
      else this.foundations.set(organizationId, row.foundation_id);
    }
    return row;
  }

  async listOwn(actor: Actor, query: PageRequest) {
    const { userId, sessionId } = requireUser(actor);
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('me/sessions', { userId, ...query }),
        query,
        (take, after) => tx.userSession.findMany({ where: { userId, revokedAt: null, ...(after ? { sid: { gt: after[0]! } } : {}) }, orderBy: { sid: 'asc' }, take }),
        (row) => [row.sid],
      );
      return { items: page.items.map((row) => toSessionResponse(row, sessionId)), nextCursor: page.nextCursor };
    });
  }

  /** Ends one of the caller's own sessions, or, with `session:end`, anybody's. Ending an ended one changes nothing. */
  async end(actor: Actor, sid: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const session = await tx.userSession.findFirst({ where: { sid } });
      const own = session !== null && actor.kind === 'user' && session.userId === actor.userId;
      if (!session) throw new Problem('NOT_FOUND');
      if (!own && !(await this.permissions.allows(actor, 'session:end', {}))) throw new Denied('NOT_FOUND', {}, { type: 'user_session', id: sid });
      const { count } = await tx.userSession.updateMany({ where: { sid, revokedAt: null }, data: { revokedAt: new Date() } });
      // Somebody else may have ended it, and still be waiting until everybody knows.
      if (count > 0) await this.audit.record(tx, actor, sessionEnded(session));
      else changesAuthorization(tx);
    });
  }

  private async verify(token: string): Promise<SessionClaims> {
    try {
      return await this.tokens.verify(token);
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw new Problem('DEPENDENCY_UNAVAILABLE', { dependency: 'sign-in keys' }, [], error);
      if (error.reason === 'pending') throw new Problem('AUTH_SESSION_PENDING');
      if (error.reason === 'expired') throw new Problem('AUTH_TOKEN_EXPIRED');
      throw new Problem('AUTH_TOKEN_INVALID', { reason: error.reason });
    }
  }
}

function requireUser(actor: Actor): UserActor {
  if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
  return actor;
}
