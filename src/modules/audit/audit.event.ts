import type { ProblemCode } from '../../access';

/** Tables whose rows an event may name; the commit-time check compares with these. */
export type AuditTarget =
  | 'foundation' | 'org_unit' | 'position' | 'person' | 'appointment' | 'user_account' | 'user_session' | 'invitation'
  | 'role' | 'role_inheritance' | 'role_assignment' | 'grant_rule' | 'delegation' | 'sod_set' | 'resource_type' | 'custom_permission' | 'break_glass' | 'break_glass_opening' | 'api_key' | 'workflow_definition' | 'business_calendar' | 'business_calendar_day' | 'leave_kind' | 'leave_rate' | 'leave_entry' | 'workflow_draft' | 'workflow_retirement' | 'workflow_substitution' | 'workflow_instance'
  | 'workflow_task' | 'workflow_message' | 'webhook_endpoint' | 'stored_file' | 'audit_event' | 'route';

/** Those of them whose changes raise the head of authorization; a contract test compares with the triggers. */
export const AUTHORIZATION_TARGETS: ReadonlySet<string> = new Set<AuditTarget>([
  'foundation', 'org_unit', 'position', 'person', 'appointment', 'user_account', 'user_session', 'role', 'role_inheritance', 'role_assignment', 'grant_rule', 'delegation', 'sod_set', 'resource_type', 'custom_permission',
  'break_glass', 'break_glass_opening',
]);

/** Plain JSON, as it goes into the log. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined };

/** What happened to one row. Modules make these with the typed functions of their x.events.ts. */
export interface AuditEvent {
  /** Past tense, `<resource>.<verb>`: `person.created`. */
  action: `${string}.${string}`;
  target: { type: AuditTarget; id: string };
  /** The changed fields before and after; absent where there is no before (creation) or no after (deletion). */
  before?: { [key: string]: Json | undefined };
  after?: { [key: string]: Json | undefined };
  outcome?: 'success' | 'denied' | 'failure';
  reasonCode?: ProblemCode;
}

/** The fields in which two rows differ, for before and after; null where they do not differ at all. */
export function difference(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>, fields: readonly string[]): { before: Record<string, Json>; after: Record<string, Json> } | null {
  const changed = fields.filter((field) => JSON.stringify(plain(before[field])) !== JSON.stringify(plain(after[field])));
  if (changed.length === 0) return null;
  const pick = (row: Readonly<Record<string, unknown>>) => Object.fromEntries(changed.map((field) => [field, plain(row[field])]));
  return { before: pick(before), after: pick(after) };
}

/** A row as plain JSON: dates as ISO strings, bigints as strings, undefined as null. */
export function plain(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value as object).map(([key, inner]) => [key, plain(inner)]));
}
