import { type RowFilter, sqlFromFilter } from '../../access';
import type { Tx } from '../../platform/database';
import { REQUEST_COLUMNS } from './rows';
import type { RequestCriteria } from './workflow.dto';

/**
 * Ids of requests that a filter shows and that meet all criteria, newest first. Words are looked for in what was filled in
 * and in the name of whoever filed it, whatever the case.
 */
export async function findRequests(tx: Tx, filter: RowFilter, { state, key, initiatorId, unitId, partOf, q, submittedFrom, submittedUntil }: RequestCriteria, take: number, after: string | null): Promise<string[]> {
  const parameters: unknown[] = [];
  const visible = sqlFromFilter(filter, 'request', REQUEST_COLUMNS, parameters);
  if (visible === null) return [];
  const where = [visible];
  const add = (sql: (parameter: string) => string, value: unknown, type: string) => {
    if (value !== undefined && value !== null) where.push(sql(`$${parameters.push(value)}::${type}`));
  };
  add((p) => `i.id < ${p}`, after, 'uuid');
  add((p) => `i.state = ${p}`, state, 'workflow_instance_state');
  add((p) => `i.key = ${p}`, key, 'text');
  add((p) => `i.initiator_id = ${p}`, initiatorId, 'uuid');
  add((p) => `i.unit_id = ${p}`, unitId, 'uuid');
  add((p) => `i.parent_task_id IN (SELECT t.id FROM workflow_task t WHERE t.foundation_id = i.foundation_id AND t.instance_id = ${p})`, partOf, 'uuid');
  add((p) => `i.submitted_at >= ${p}`, submittedFrom, 'timestamptz');
  add((p) => `i.submitted_at < ${p}`, submittedUntil, 'timestamptz');
  add((p) => `(initiator.full_name ILIKE ${p} OR EXISTS (SELECT FROM jsonb_path_query(i.form, '$.** ? (@.type() == "string")') AS said WHERE said #>> '{}' ILIKE ${p}))`, q && `%${q.replace(/[\\%_]/g, '\\$&')}%`, 'text');
  const limit = `$${parameters.push(take)}::int`;
  const rows = await tx.$queryRawUnsafe<{ id: string }[]>(
    `SELECT i.id::text FROM workflow_instance i
       JOIN org_unit u ON u.foundation_id = i.foundation_id AND u.id = i.unit_id
       JOIN person initiator ON initiator.foundation_id = i.foundation_id AND initiator.id = i.initiator_id
      WHERE ${where.join(' AND ')} ORDER BY i.id DESC LIMIT ${limit}`,
    ...parameters,
  );
  return rows.map(({ id }) => id);
}
