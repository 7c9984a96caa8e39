import type { Appointment, OrgUnit, Person, Position } from '../../platform/database';
import { type AuditEvent, difference, plain } from '../audit';

type Target = AuditEvent['target']['type'];

/** The fields recorded of each kind of row; personal ones only as "there was one" and "it changed". */
const FIELDS = {
  org_unit: ['kind', 'parentId', 'code', 'name', 'deletedAt'],
  position: ['unitId', 'code', 'title', 'isHead', 'deletedAt'],
  person: ['employeeNumber', 'fullName', 'email', 'phone', 'locale', 'deletedAt'],
  appointment: ['personId', 'positionId', 'acting', 'validFrom', 'validUntil'],
} as const;
const PERSONAL = new Set<string>(['fullName', 'email', 'phone']);
const ACTIONS = { org_unit: 'organization_unit', position: 'position', person: 'person', appointment: 'appointment' } as const;

export type Kind = keyof typeof FIELDS;
export type Row = OrgUnit | Position | Person | Appointment;

export const created = (kind: Kind, row: Row): AuditEvent => ({ action: `${ACTIONS[kind]}.created`, target: target(kind, row), after: fields(kind, row) });

export const removed = (kind: Kind, row: Row): AuditEvent => ({ action: `${ACTIONS[kind]}.removed`, target: target(kind, row), before: fields(kind, row) });

/** null where nothing recorded has changed: a change that changes nothing writes nothing. */
export function changed(kind: Kind, before: Row, after: Row): AuditEvent | null {
  const diff = difference(before as never, after as never, FIELDS[kind]);
  if (!diff) return null;
  const verb = 'deletedAt' in diff.after ? (diff.after.deletedAt === null ? 'restored' : 'deleted') : 'changed';
  return { action: `${ACTIONS[kind]}.${verb}`, target: target(kind, after), before: shield(diff.before), after: shield(diff.after) };
}

function fields(kind: Kind, row: Row) {
  return shield(Object.fromEntries(FIELDS[kind].map((field) => [field, plain((row as Record<string, unknown>)[field])])));
}

function shield<T>(values: Record<string, T>): Record<string, T | string> {
  return Object.fromEntries(Object.entries(values).map(([field, value]) => [field, PERSONAL.has(field) && value !== null ? 'personal' : value]));
}

function target(kind: Kind, row: Row): { type: Target; id: string } {
  return { type: kind, id: row.id };
}
