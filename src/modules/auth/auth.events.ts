import type { ApiKey, Invitation, UserAccount, UserSession } from '../../platform/database';
import { type AuditEvent, plain } from '../audit';

export const sessionEnded = (row: UserSession): AuditEvent => ({ action: 'session.ended', target: { type: 'user_session', id: row.sid }, after: { userId: row.userId } });
export const invitationCreated = (row: Invitation): AuditEvent => ({ action: 'invitation.created', target: { type: 'invitation', id: row.id }, after: { personId: row.personId, expiresAt: plain(row.expiresAt) } });
export const invitationRedeemed = (row: Invitation): AuditEvent => ({ action: 'invitation.redeemed', target: { type: 'invitation', id: row.id }, after: { personId: row.personId } });
export const accountLinked = (row: UserAccount): AuditEvent => ({ action: 'account.linked', target: { type: 'user_account', id: row.id }, after: { personId: row.personId, clerkUserId: row.clerkUserId } });
export const apiKeyCreated = (row: ApiKey): AuditEvent => ({ action: 'api_key.created', target: { type: 'api_key', id: row.id }, after: { name: row.name, keyId: row.keyId, scopes: row.scopes, cidrs: row.cidrs, expiresAt: plain(row.expiresAt) } });
export const apiKeyRevoked = (row: ApiKey): AuditEvent => ({ action: 'api_key.revoked', target: { type: 'api_key', id: row.id }, before: { name: row.name, keyId: row.keyId } });
