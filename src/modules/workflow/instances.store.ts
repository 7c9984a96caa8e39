import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, Problem, type ResourceFacts, rowFacts } from '../../access';
import type { DecisionVerb, InstanceState, TaskState, Tx } from '../../platform/database';
import type { Candidate } from './candidates';
import type { Marking, OpenTask } from './reducer';
import type { Tally } from './voting';

/** A step that waits, with what one person has to do with it. */
export interface WaitingTask extends OpenTask {
  since: string;
  /** Whether the person asked about may decide it, as far as it goes by being asked: their weight and turn. */
  candidate: { weight: number; turn: number } | null;
  /** Whether they have. */
  answered: boolean;
}

/** An instance with what every transition needs of its surroundings. */
export interface InstanceRow {
  id: string;
  definition_id: string;
  key: string;
  initiator_id: string;
  unit_id: string;
  unit_path: string[];
  state: InstanceState;
  form: Record<string, unknown>;
  round: number;
  seq: number;
  created_at: Date;
  submitted_at: Date | null;
  ended_at: Date | null;
  /** The oldest first. */
  tasks: WaitingTask[];
  joins: { node: string; via: string }[];
}

/** What permissions are asked about a request. */
export function requestFacts(row: InstanceRow): ResourceFacts {
  return rowFacts('request', { id: row.id, key: row.key, state: row.state, createdAt: row.created_at, submittedAt: row.submitted_at }, { ownerPersonId: row.initiator_id, unitPath: row.unit_path });
}

/** Where it stands, as the reducer sees it. */
export const markingOf = ({ state, round, tasks, joins }: InstanceRow): Marking => ({ state, round, tasks: tasks.map(({ id, node, tally }) => ({ id, node, tally })), joins });

/** Reads one instance, locked against other transitions where `lock` is set; null where it does not exist here. */
export async function readInstance(tx: Tx, id: string, personId: string | null, lock: boolean): Promise<InstanceRow | null> {
  // The lock is a statement of its own: in one statement, the tasks joined could be those from before the wait.
  if (lock) await tx.$executeRaw`SELECT FROM workflow_instance WHERE id = ${id}::uuid FOR UPDATE`;
  const [row] = await readInstances(tx, [id], personId);
  return row ?? null;
}

/** Some instances, in whatever order. */
export async function readInstances(tx: Tx, ids: readonly string[], personId: string | null): Promise<InstanceRow[]> {
  return tx.$queryRaw<InstanceRow[]>`
    SELECT i.id, i.definition_id, i.key, i.initiator_id, i.unit_id, u.path AS unit_path, i.state::text AS state, i.form, i.round, i.seq, i.created_at, i.submitted_at, i.ended_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'node', t.node, 'since', to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                       -- Steps that an older release opened have no count yet, and nobody has voted.
                       'tally', coalesce(t.tally, CASE WHEN asked.people > 0 THEN jsonb_build_object('approve', none, 'reject', none, 'abstain', none, 'open', jsonb_build_object('people', asked.people, 'weight', asked.people)) END),
                       'candidate', CASE WHEN c.person_id IS NOT NULL THEN jsonb_build_object('weight', c.weight, 'turn', c.turn) END, 'answered', d.id IS NOT NULL) ORDER BY t.id)
              FROM workflow_task t
              CROSS JOIN (SELECT '{"people": 0, "weight": 0}'::jsonb AS none) AS zero
              LEFT JOIN LATERAL (SELECT count(*) AS people FROM workflow_candidate w WHERE w.foundation_id = t.foundation_id AND w.task_id = t.id AND t.tally IS NULL) AS asked ON true
              LEFT JOIN workflow_candidate c ON c.foundation_id = t.foundation_id AND c.task_id = t.id AND c.person_id = ${personId}::uuid
              LEFT JOIN workflow_decision d ON d.foundation_id = t.foundation_id AND d.task_id = t.id AND d.actor_key = 'person:' || ${personId}::text
             WHERE t.foundation_id = i.foundation_id AND t.instance_id = i.id AND t.state = 'open'), '[]') AS tasks,
           coalesce((SELECT jsonb_agg(jsonb_build_object('node', j.node, 'via', j.via) ORDER BY j.node, j.via) FROM workflow_join j WHERE j.foundation_id = i.foundation_id AND j.instance_id = i.id), '[]') AS joins
      FROM workflow_instance i
      JOIN org_unit u ON u.foundation_id = i.foundation_id AND u.id = i.unit_id
     WHERE i.id = ANY (${[...ids]}::uuid[])`;
}

/** Everything one transition writes. */
export interface Transition {
  instanceId: string;
  /** The seq read; the write is refused when another transition came first. */
  expectedSeq: number;
  next: Pick<Marking, 'state' | 'round' | 'tasks'>;
  /** Tokens before gateways; null where they stay as they are. */
  joins: Marking['joins'] | null;
  ended: boolean;
  submitted: boolean;
  form: Record<string, unknown> | null;
  history: { event: string; node: string | null; data: Record<string, unknown> };
  decision: { taskId: string; verb: DecisionVerb; comment: string | null } | null;
  closes: readonly { id: string; state: Exclude<TaskState, 'open'> }[];
  /** A task that was voted on and still waits. */
  counts: { id: string; tally: Tally; turn: number | null } | null;
  opens: readonly { id: string; node: string; tally: Tally | null; turn: number | null; candidates: readonly Candidate[] }[];
}

/** What the database gave the transition: its own clock. */
export interface Written {
  submittedAt: Date | null;
  endedAt: Date | null;
  now: Date;
}

/** Writes one transition in one statement (`wf_apply`). Throws 409 STALE_VERSION where somebody was faster. */
export async function writeTransition(tx: Tx, actor: Actor, transition: Transition): Promise<Written> {
  const { decision, next } = transition;
  const parameters = {
    instance_id: transition.instanceId,
    foundation_id: actor.foundationId,
    expected: transition.expectedSeq,
    state: next.state,
    node: next.tasks[0]?.node ?? null,
    round: next.round,
    ended: transition.ended,
    submitted: transition.submitted,
    form: transition.form,
    actor: actorKey(actor),
    event: transition.history.event,
    at_node: transition.history.node,
    data: transition.history.data,
    closes: transition.closes,
    counts: transition.counts,
    decision: decision && { id: uuidv7(), task_id: decision.taskId, verb: decision.verb, comment: decision.comment },
    joins: transition.joins,
    opens: transition.opens.map(({ candidates, ...task }) => ({ ...task, candidates: candidates.map(({ personId, reason, weight }, turn) => ({ person_id: personId, reason, weight, turn })) })),
  };
  const [written] = await tx.$queryRaw<{ submitted_at: Date | null; ended_at: Date | null; now_at: Date }[]>`SELECT * FROM wf_apply(${JSON.stringify(parameters)}::jsonb)`;
  if (!written) throw new Problem('STALE_VERSION');
  return { submittedAt: written.submitted_at, endedAt: written.ended_at, now: written.now_at };
}
