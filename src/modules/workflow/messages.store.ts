import { v7 as uuidv7 } from 'uuid';
import type { Tx } from '../../platform/database';
import type { Definition } from './definition';
import { boundariesOf } from './flow';

/** What a step waits to be told: itself, or a boundary of it. */
export interface Subscription {
  taskId: string;
  boundary: number | null;
  name: string;
  /** What the message has to be about. */
  key: string;
}

/** The messages a node waits for, by the boundary they are of. */
export function messagesOf(definition: Definition, name: string): { boundary: number | null; message: { name: string; correlation?: string } }[] {
  const node = definition.nodes[name];
  return [...(node?.type === 'message' ? [{ boundary: null, message: node.message }] : []), ...boundariesOf(node).flatMap(([boundary, { on }]) => ('message' in on ? [{ boundary, message: on.message }] : []))];
}

/** Whether any step waits for messages. */
export const awaitsMessages = (definition: Definition): boolean => Object.keys(definition.nodes).some((name) => messagesOf(definition, name).length > 0);

/** Until the transaction ends nobody else sends, or begins to wait for, what is called this and is about that: one of the two sees the other. */
export async function holdMessages(tx: Tx, foundationId: string, names: readonly Pick<Subscription, 'name' | 'key'>[]): Promise<void> {
  const locks = [...new Set(names.map(({ name, key }) => JSON.stringify([foundationId, name, key])))].sort();
  for (const each of locks) await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${each}, 0))`;
}

/** Steps of a request begin to wait; whatever has been sent already, to these or to those that wait again, is tried now. */
export async function awaitMessages(tx: Tx, foundationId: string, instanceId: string, opened: readonly Subscription[]): Promise<void> {
  const waiting = await tx.workflowSubscription.findMany({ where: { task: { instanceId, state: 'open' } }, select: { name: true, key: true } });
  await holdMessages(tx, foundationId, [...opened, ...waiting]);
  if (opened.length > 0) await tx.workflowSubscription.createMany({ data: opened.map((each) => ({ id: uuidv7(), foundationId, ...each })) });
  await tx.$executeRaw`
    UPDATE workflow_message m SET try_at = clock_timestamp()
      FROM workflow_subscription s JOIN workflow_task t ON t.foundation_id = s.foundation_id AND t.id = s.task_id AND t.state = 'open'
     WHERE s.foundation_id = gloria_foundation() AND t.instance_id = ${instanceId}::uuid AND m.foundation_id = s.foundation_id AND m.name = s.name AND m.key = s.key
       AND m.delivered_at IS NULL AND m.try_at IS NULL AND m.expires_at > now()`;
}

/** Whether somebody lends another one anything now, directly or by way of somebody else. */
export async function lends(tx: Tx, lenderId: string, borrowerId: string): Promise<boolean> {
  const found = await tx.$queryRaw<object[]>`
    WITH loan AS (SELECT d.lender_id, d.borrower_id FROM delegation d WHERE d.foundation_id = gloria_foundation() AND d.valid_from <= now() AND d.valid_until > now())
    SELECT 1 AS lent FROM loan WHERE lender_id = ${lenderId}::uuid AND (borrower_id = ${borrowerId}::uuid OR borrower_id IN (SELECT l.lender_id FROM loan l WHERE l.borrower_id = ${borrowerId}::uuid)) LIMIT 1`;
  return found.length > 0;
}

/** Steps of running requests that wait for this, those that have waited longest first. */
export async function waitingFor(tx: Tx, name: string, key: string): Promise<{ instanceId: string; taskId: string; boundary: number | null }[]> {
  return tx.$queryRaw`
    SELECT t.instance_id::text AS "instanceId", t.id::text AS "taskId", s.boundary
      FROM workflow_subscription s
      JOIN workflow_task t ON t.foundation_id = s.foundation_id AND t.id = s.task_id AND t.state = 'open'
      JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id AND i.state = 'running'
     WHERE s.foundation_id = gloria_foundation() AND s.name = ${name} AND s.key = ${key} AND (s.boundary IS NULL OR s.boundary <> ALL (t.fired))
     ORDER BY t.id, s.boundary NULLS FIRST LIMIT 50`;
}
