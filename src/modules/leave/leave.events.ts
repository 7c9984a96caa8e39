import type { LeaveKind } from '../../platform/database';
import { type AuditEvent, plain } from '../audit';
import type { Rate } from './balance';

export const kindCreated = ({ id, code, title }: LeaveKind): AuditEvent => ({ action: 'leave_kind.created', target: { type: 'leave_kind', id }, after: { code, title: plain(title) } });

export const kindNamed = (before: LeaveKind, title: object): AuditEvent => ({ action: 'leave_kind.changed', target: { type: 'leave_kind', id: before.id }, before: { title: plain(before.title) }, after: { title: plain(title) } });

export const rateSet = (kindId: string, before: Rate | null, after: Rate): AuditEvent => ({ action: 'leave_rate.set', target: { type: 'leave_rate', id: kindId }, ...(before ? { before: { ...before } } : {}), after: { ...after } });

/** Days that are added, or used. */
export const entryMade = ({ id, personId, kindId, year, days, cause, instanceId }: { id: string; personId: string; kindId: string; year: number; days: number; cause: string; instanceId: string | null }): AuditEvent => ({
  action: `leave_entry.${cause}`, target: { type: 'leave_entry', id }, after: { personId, kindId, year, days, instanceId },
});
