import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { permissionCodes } from '../../access';
import { instant, pageOf, pageQuery, uuid } from '../../http';
import type { ApiKey, UserSession } from '../../platform/database';
import ipaddr from 'ipaddr.js';


export class MeResponse extends createZodDto(
  z.object({
    linked: z.boolean().meta({ description: 'False until an invitation was redeemed; everything else is refused until then' }),
    foundationId: uuid,
    person: z.object({ id: uuid, name: z.string().meta({ example: 'Siti Rahayu' }) }).nullable(),
    caller: z.enum(['user', 'api_key']),
    sessionId: z.string().nullable(),
    locale: z.enum(['en', 'id']),
    timezone: z.string().meta({ example: 'Asia/Jakarta' }),
  }),
) {}

const session = z.object({ sessionId: z.string().meta({ example: 'sess_2abc' }), current: z.boolean(), firstSeenAt: instant, lastSeenAt: instant });
export class SessionPage extends createZodDto(pageOf(session)) {}
export class ListSessionsQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class SidParam extends createZodDto(z.strictObject({ sid: z.string().min(1).max(200) })) {}
export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}

export class CreateInvitation extends createZodDto(
  z.strictObject({ personId: uuid, validDays: z.int().min(1).max(30).default(7) }).meta({ example: { personId: '0190b5a0-0000-7000-8000-000000000001', validDays: 7 } }),
) {}
export class InvitationResponse extends createZodDto(
  z.object({ id: uuid, personId: uuid, expiresAt: instant, code: z.string().nullable().meta({ description: 'Shown once; hand it to the person. null in the answer to a repeated request' }) }),
) {}
export class RedeemInvitation extends createZodDto(z.strictObject({ code: z.string().min(20).max(100) }).meta({ example: { code: 'dGhpcyBpcyBhbiBleGFtcGxlIGNvZGU' } })) {}

const cidr = z.string().refine((value) => ipaddr.isValidCIDR(value), 'must be a network in CIDR notation').meta({ example: '10.20.0.0/16' });
const apiKey = z.object({
  id: uuid,
  name: z.string(),
  keyId: z.string(),
  scopes: z.array(z.string()),
  cidrs: z.array(z.string()),
  createdById: uuid,
  createdAt: instant,
  expiresAt: instant,
  revokedAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
});
export class ApiKeyPage extends createZodDto(pageOf(apiKey)) {}
export class ListApiKeysQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class CreatedApiKey extends createZodDto(apiKey.extend({ key: z.string().nullable().meta({ description: 'Shown once; null in the answer to a repeated request' }) })) {}
export class CreateApiKey extends createZodDto(
  z.strictObject({
    name: z.string().trim().min(1).max(120).meta({ example: 'Payment system' }),
    scopes: z.array(z.enum(permissionCodes)).min(1).max(50).meta({ example: ['workflow:complete'] }),
    cidrs: z.array(cidr).max(20).default([]),
    validDays: z.int().min(1).max(365).meta({ example: 90 }),
  }).meta({ example: { name: 'Payment system', scopes: ['workflow:complete'], cidrs: ['10.20.0.0/16'], validDays: 90 } }),
) {}

export const toSessionResponse = (row: UserSession, currentSid: string): z.output<typeof session> => ({
  sessionId: row.sid,
  current: row.sid === currentSid,
  firstSeenAt: row.firstSeenAt.toISOString(),
  lastSeenAt: row.lastSeenAt.toISOString(),
});

export const toApiKeyResponse = (row: ApiKey): z.output<typeof apiKey> => ({
  id: row.id,
  name: row.name,
  keyId: row.keyId,
  scopes: row.scopes,
  cidrs: row.cidrs,
  createdById: row.createdById,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
});
