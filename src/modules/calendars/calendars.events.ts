import type { BusinessCalendar } from '../../platform/database';
import { type AuditEvent, difference, plain } from '../audit';

const FIELDS = ['unitId', 'name', 'timezone', 'week'] as const;

const target = (id: string): AuditEvent['target'] => ({ type: 'business_calendar', id });

/** Days have no id of their own; they are named by their calendar's. */
const daysOf = (id: string): AuditEvent['target'] => ({ type: 'business_calendar_day', id });

export const calendarCreated = (row: BusinessCalendar): AuditEvent => ({ action: 'business_calendar.created', target: target(row.id), after: Object.fromEntries(FIELDS.map((field) => [field, plain(row[field])])) });

export const calendarDeleted = (row: BusinessCalendar): AuditEvent => ({ action: 'business_calendar.deleted', target: target(row.id), before: { unitId: row.unitId, name: row.name } });

/** null where nothing recorded has changed. */
export function calendarChanged(before: BusinessCalendar, after: BusinessCalendar): AuditEvent | null {
  const diff = difference({ ...before }, { ...after }, FIELDS);
  return diff && { action: 'business_calendar.changed', target: target(after.id), ...diff };
}

export const daySet = (id: string, day: string, name: string | null): AuditEvent => ({ action: name === null ? 'business_calendar.day_removed' : 'business_calendar.day_set', target: daysOf(id), after: { day, name } });

export const daysImported = (id: string, counts: { added: number; changed: number }): AuditEvent => ({ action: 'business_calendar.days_imported', target: daysOf(id), after: counts });

export const daysRemoved = (id: string, count: number): AuditEvent => ({ action: 'business_calendar.days_removed', target: daysOf(id), before: { count } });
