import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, Problem, type ResourceFacts, rowFacts } from '../../access';
import type { DecisionVerb, InstanceState, TaskState, Tx } from '../../platform/database';
import type { Candidate } from './candidates';

/** An instance with what every transition needs of its surroundings. */
export interface InstanceRow {
  id: string;
  definition_id: string;
  key: string;
  initiator_id: string;
  unit_id: string;
  unit_path: string[];
  state: InstanceState;
  node: string | null;
  form: Record<string, unknown>;
  round: number;
  seq: number;
  created_at: Date;
  submitted_at: Date | null;
  ended_at: Date | null;
  task_id: string | null;
  task_node: string | null;
  task_since: Date | null;
  /** Whether the person asked about is a candidate of the open task. */
  candidate: boolean;
}

/** What permissions are asked about a request. */
export function requestFacts(row: InstanceRow): ResourceFacts {
  return rowFacts('request', { id: row.id, key: row.key, state: row.state, createdAt: row.created_at, submittedAt: row.submitted_at }, { ownerPersonId: row.initiator_id, unitPath: row.unit_path });
}

/** Reads one instance, locked against other transitions where `lock` is set; null where it does not exist here. */
export async function readInstance(tx: Tx, id: string, personId: string | null, lock: boolean): Promise<InstanceRow | null> {
  // The lock is a statement of its own: in one statement, the task joined could be the one from before the wait.
  if (lock) await tx.$executeRaw`SELECT FROM workflow_instance WHERE id = ${id}::uuid FOR UPDATE`;
  const [row] = await tx.$queryRaw<InstanceRow[]>`
    SELECT i.id, i.definition_id, i.key, i.initiator_id, i.unit_id, u.path AS unit_path, i.state::text AS state, i.node, i.form, i.round, i.seq,
           i.created_at, i.submitted_at, i.ended_at, t.id AS task_id, t.node AS task_node, t.created_at AS task_since,
           c.person_id IS NOT NULL AS candidate
      FROM workflow_instance i
      JOIN org_unit u ON u.foundation_id = i.foundation_id AND u.id = i.unit_id
      LEFT JOIN workflow_task t ON t.foundation_id = i.foundation_id AND t.instance_id = i.id AND t.state = 'open'
      LEFT JOIN workflow_candidate c ON c.foundation_id = t.foundation_id AND c.task_id = t.id AND c.person_id = ${personId}::uuid
     WHERE i.id = ${id}::uuid`;
  return row ?? null;
}

/** Everything one transition writes. */
export interface Transition {
  instanceId: string;
  /** The seq read; the write is refused when another transition came first. */
  expectedSeq: number;
  state: InstanceState;
  node: string | null;
  round: number;
  ended: boolean;
  submitted: boolean;
  form: Record<string, unknown> | null;
  history: { event: string; node: string | null; data: Record<string, unknown> };
  closing: { taskId: string; state: Exclude<TaskState, 'open'>; decision: { verb: DecisionVerb; comment: string | null } | null } | null;
  opening: { node: string; candidates: readonly Candidate[] } | null;
}

/** What the database gave the transition: ids and its own clock. */
export interface Written {
  openTaskId: string | null;
  submittedAt: Date | null;
  endedAt: Date | null;
  taskSince: Date | null;
}

/**
 * Writes one transition in one statement: instance on condition of its seq, the closing task on condition that it is
 * open, decision, history, the next task and its candidates. Throws 409 STALE_VERSION where somebody was faster.
 */
export async function writeTransition(tx: Tx, actor: Actor, transition: Transition): Promise<Written> {
  const { closing, opening } = transition;
  const openTaskId = opening ? uuidv7() : null;
  const parameters = {
    id: transition.instanceId,
    foundation_id: actor.foundationId,
    expected: transition.expectedSeq,
    state: transition.state,
    node: transition.node,
    round: transition.round,
    ended: transition.ended,
    submitted: transition.submitted,
    form: transition.form,
    actor: actorKey(actor),
    event: transition.history.event,
    at_node: transition.history.node,
    data: transition.history.data,
    closing_id: closing?.taskId ?? null,
    closing_state: closing?.state ?? null,
    decision_id: closing?.decision ? uuidv7() : null,
    verb: closing?.decision?.verb ?? null,
    comment: closing?.decision?.comment ?? null,
    opening_id: openTaskId,
    opening_node: opening?.node ?? null,
    candidates: opening?.candidates.map(({ personId, reason }) => ({ person_id: personId, reason })) ?? [],
  };
  const [written] = await tx.$queryRaw<{ moved: bigint; closed: bigint; submitted_at: Date | null; ended_at: Date | null; task_since: Date | null }[]>`
    WITH p AS (
      SELECT * FROM jsonb_to_record(${JSON.stringify(parameters)}::jsonb) AS p(
        id uuid, foundation_id uuid, expected int, state workflow_instance_state, node text, round int, ended boolean, submitted boolean,
        form jsonb, actor text, event text, at_node text, data jsonb, closing_id uuid, closing_state workflow_task_state,
        decision_id uuid, verb workflow_decision_verb, comment text, opening_id uuid, opening_node text, candidates jsonb)
    ), moved AS (
      UPDATE workflow_instance i
         SET state = p.state, node = p.node, round = p.round, seq = i.seq + 1, form = coalesce(nullif(p.form, 'null'::jsonb), i.form), updated_at = now(),
             submitted_at = CASE WHEN p.submitted THEN now() ELSE i.submitted_at END, ended_at = CASE WHEN p.ended THEN coalesce(i.ended_at, now()) END
        FROM p WHERE i.id = p.id AND i.seq = p.expected RETURNING i.id, i.seq, i.submitted_at, i.ended_at
    ), closed AS (
      UPDATE workflow_task t SET state = p.closing_state, closed_at = now()
        FROM p, moved WHERE t.id = p.closing_id AND t.state = 'open' RETURNING t.id
    ), decided AS (
      INSERT INTO workflow_decision (id, foundation_id, task_id, actor_key, verb, comment)
      SELECT p.decision_id, p.foundation_id, closed.id, p.actor, p.verb, p.comment FROM p, closed WHERE p.decision_id IS NOT NULL
    ), told AS (
      INSERT INTO workflow_history (foundation_id, instance_id, seq, event, node, actor_key, data)
      SELECT p.foundation_id, moved.id, moved.seq, p.event, p.at_node, p.actor, p.data FROM p, moved
    ), opened AS (
      INSERT INTO workflow_task (id, foundation_id, instance_id, node, round)
      SELECT p.opening_id, p.foundation_id, moved.id, p.opening_node, p.round FROM p, moved WHERE p.opening_id IS NOT NULL RETURNING id, created_at
    ), asked AS (
      INSERT INTO workflow_candidate (foundation_id, task_id, person_id, reason)
      SELECT p.foundation_id, opened.id, c.person_id, c.reason
        FROM p, opened, jsonb_to_recordset(p.candidates) AS c(person_id uuid, reason jsonb)
    )
    SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM closed) AS closed,
           (SELECT submitted_at FROM moved) AS submitted_at, (SELECT ended_at FROM moved) AS ended_at, (SELECT created_at FROM opened) AS task_since`;
  if (!written || Number(written.moved) !== 1 || Number(written.closed) !== (closing ? 1 : 0)) throw new Problem('STALE_VERSION');
  return { openTaskId, submittedAt: written.submitted_at, endedAt: written.ended_at, taskSince: written.task_since };
}
