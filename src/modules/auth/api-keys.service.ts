import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, type ApiKeyActor, Denied, isPermissionCode, type Locale, PermissionPort, Problem, rowFacts, type RequestContext } from '../../access';
import { Cursors, idempotent, listName, withoutSecret } from '../../http';
import { CONFIG, type Config } from '../../platform/config';
import { Database, everyRow } from '../../platform/database';
import { isWithin } from '../../platform/http-client';
import { Keyring, mac, sameMac } from '../../platform/keyring';
import { AuditService } from '../audit';
import { makeApiKey, parseApiKey } from './api-key';
import { keysWithin } from './rows';
import { type CreateApiKey, type ListApiKeysQuery, toApiKeyResponse } from './auth.dto';
import { apiKeyCreated, apiKeyRevoked } from './auth.events';

interface KeyRow {
  id: string;
  foundation_id: string;
  timezone: string;
  foundation_locale: string;
  name: string;
  secret_hash: Buffer;
  pepper_kid: string;
  scopes: string[];
  cidrs: string[];
  created_by_id: string;
  usable: boolean;
  /** Whether its use was noted within the last minute. */
  noted: boolean;
  v: string;
  now_ms: number;
}

const PEPPER = 'api-key-pepper';

/** Keys for other services: made, verified, revoked. The secret is stored as an HMAC under a pepper from the keyring. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The actor a key stands for, or 401 AUTH_API_KEY_INVALID, whatever is wrong with it. */
  async authenticate(text: string, request: RequestContext, locale: Locale): Promise<ApiKeyActor> {
    const parts = parseApiKey(text);
    if (!parts) throw new Problem('AUTH_API_KEY_INVALID');
    const [row] = await this.database.hot<KeyRow>('SELECT * FROM gloria_find_api_key($1)', [parts.keyId]);
    const pepper = row && (await this.keyring.find(PEPPER, row.pepper_kid));
    if (!row || !pepper || !sameMac(mac(pepper.bytes, PEPPER, parts.secret), row.secret_hash)) throw new Problem('AUTH_API_KEY_INVALID');
    if (!row.usable || !isFrom(request.ip, row.cidrs)) throw new Problem('AUTH_API_KEY_INVALID');
    if (!row.noted) await this.database.hot('SELECT gloria_note_api_key_use($1, $2)', [row.foundation_id, row.id]);
    return {
      kind: 'api_key',
      apiKeyId: row.id,
      name: row.name,
      foundationId: row.foundation_id,
      personId: row.created_by_id,
      scopes: row.scopes,
      authzVersion: BigInt(row.v),
      startedAt: row.now_ms,
      locale,
      timezone: row.timezone,
      request,
    };
  }

  /** Makes a key. Its scopes are never more than the creator holds; the key text is in this answer only. */
  async create(actor: Actor, input: CreateApiKey) {
    if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
    for (const scope of input.scopes) {
      if (!isPermissionCode(scope) || !(await this.holds(actor, scope))) throw new Denied('GRANT_EXCEEDS_OWN', { permission: scope });
    }
    const pepper = await this.keyring.current(PEPPER);
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const made = makeApiKey(this.config.environment === 'production');
        const key = await tx.apiKey.create({
          data: {
            id: uuidv7(),
            foundationId: actor.foundationId,
            name: input.name,
            keyId: made.keyId,
            secretHash: new Uint8Array(mac(pepper.bytes, PEPPER, made.secret)),
            pepperKid: pepper.kid,
            scopes: [...new Set(input.scopes)].sort(),
            cidrs: input.cidrs,
            createdById: actor.personId,
            expiresAt: new Date(Date.now() + input.validDays * 86_400_000),
          },
        });
        await this.audit.record(tx, actor, apiKeyCreated(key));
        return { ...toApiKeyResponse(key), key: made.text as string | null };
      }, withoutSecret('key')),
    );
  }

  /** One's own keys, or, with the permission everywhere, everybody's. */
  async list(actor: Actor, query: ListApiKeysQuery) {
    return this.database.withTenant(actor, async (tx) => {
      const keys = keysWithin(tx, await this.permissions.filter(actor, 'api-key:read', 'api_key'));
      const page = await this.cursors.page(
        listName('api-keys', query),
        query,
        (take, after) => keys.findMany({ where: after ? { id: { gt: after[0]! } } : {}, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toApiKeyResponse), nextCursor: page.nextCursor };
    });
  }

  /** Refused from the next request on. Revoking a revoked key changes nothing. */
  async revoke(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const key = await everyRow(tx, 'own').apiKey.findFirst({ where: { id } });
      if (!key) throw new Problem('NOT_FOUND');
      await this.permissions.require(actor, 'api-key:write', rowFacts('api_key', key, { ownerPersonId: key.createdById }));
      const { count } = await tx.apiKey.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: new Date() } });
      if (count > 0) await this.audit.record(tx, actor, apiKeyRevoked(key));
    });
  }

  private async holds(actor: Actor, scope: Parameters<PermissionPort['requireKind']>[1]): Promise<boolean> {
    return this.permissions.allowsKind(actor, scope);
  }
}

function isFrom(ip: string | null, cidrs: readonly string[]): boolean {
  return cidrs.length === 0 || (ip !== null && isWithin(ip, cidrs));
}
