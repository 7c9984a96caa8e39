import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, Problem, type ResourceFacts, rowFacts } from '../../access';
import { type DecisionVerb, type InstanceState, Prisma, type TaskState, type Tx } from '../../platform/database';
import type { Candidate, CandidateReason } from './candidates';
import { asksPeople, type Definition, ENGINE } from './definition';
import type { Due } from './due';
import { type Answer, givenAgain, type LedBack } from './separation';
import { DUE } from './service-level';
import type { Marking, OpenTask } from './transition';
import type { Tally } from './voting';

/** What somebody is asked by: the reason, of whoever is asked; and by way of whom they stand in for them, until when. Their own: nobody. */
export interface StandIn {
  reason: CandidateReason;
  chain: string[];
  until: string | null;
}

/** A step that waits, with what one person has to do with it. */
export interface WaitingTask extends OpenTask {
  since: string;
  /** By when it is to be decided, where there is a service level; the time it halted at while time stands still. */
  dueAt: string | null;
  /** How the person asked about may decide it, as far as it goes by being asked: whose part, its weight and turn. */
  candidate: (StandIn & { part: string; weight: number; turn: number }) | null;
  /** Whether that part is decided. */
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
  /** The step of another request that has filed it, and that request. */
  parent_task_id: string | null;
  parent_id: string | null;
  /** The request all of that is part of; null where it is part of none. */
  root_id: string | null;
  created_at: Date;
  submitted_at: Date | null;
  ended_at: Date | null;
  /** The oldest first. */
  tasks: WaitingTask[];
  joins: { node: string; via: string }[];
  /** What was computed of the form, and what steps filled in. */
  variables: Record<string, unknown>;
  /** Steps carried out that can be undone, the oldest first. */
  done: string[];
}

/** What permissions are asked about a request. */
export function requestFacts(row: InstanceRow): ResourceFacts {
  return rowFacts('request', { id: row.id, key: row.key, state: row.state, createdAt: row.created_at, submittedAt: row.submitted_at }, { ownerPersonId: row.initiator_id, unitPath: row.unit_path });
}

/** Where it stands, as the reducer sees it. */
export const markingOf = ({ state, round, tasks, joins, variables, done }: InstanceRow): Marking => ({ state, round, variables, ...(done.length > 0 ? { done } : {}), tasks: tasks.map(({ id, node, tally, claimedBy, asking, fired }) => ({ id, node, tally, claimedBy, asking, fired })), joins });

/** Reads one instance, locked against other transitions where `lock` is set; null where it does not exist here. */
export async function readInstance(tx: Tx, id: string, personId: string | null, lock: boolean): Promise<InstanceRow | null> {
  // The lock is a statement of its own: in one statement, the tasks joined could be those from before the wait.
  // What is part of another request is locked by the whole, so that both go one after the other.
  if (lock) await tx.$executeRaw`SELECT FROM workflow_instance WHERE id = (SELECT coalesce(part.root_id, part.id) FROM workflow_instance part WHERE part.id = ${id}::uuid) FOR UPDATE`;
  const [row] = await readInstances(tx, [id], personId);
  return row ?? null;
}

/** Locks the request a task belongs to as `readInstance` does; null where there is no such task here. */
export async function lockByTask(tx: Tx, taskId: string): Promise<{ instanceId: string; node: string } | null> {
  const [found] = await tx.$queryRaw<{ instanceId: string; node: string }[]>`
    SELECT t.instance_id AS "instanceId", t.node
      FROM workflow_task t
      JOIN workflow_instance part ON part.foundation_id = t.foundation_id AND part.id = t.instance_id
      JOIN workflow_instance whole ON whole.foundation_id = part.foundation_id AND whole.id = coalesce(part.root_id, part.id)
     WHERE t.foundation_id = gloria_foundation() AND t.id = ${taskId}::uuid FOR UPDATE OF whole`;
  return found ?? null;
}

/** How many requests a request is part of, one within the other. */
export async function depthOf(tx: Tx, id: string): Promise<number> {
  const [found] = await tx.$queryRaw<{ depth: number }[]>`
    WITH RECURSIVE up AS (
      SELECT i.parent_task_id, 0 AS depth FROM workflow_instance i WHERE i.foundation_id = gloria_foundation() AND i.id = ${id}::uuid
      UNION ALL
      SELECT i.parent_task_id, up.depth + 1 FROM up JOIN workflow_task t ON t.foundation_id = gloria_foundation() AND t.id = up.parent_task_id JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id
    ) SELECT max(depth)::int AS depth FROM up`;
  return found?.depth ?? 0;
}

/** Whether a candidate `c` has decided: of what an older release opened, as it stands in the decisions. */
export const partAnswered = Prisma.sql`(c.answered OR (c.part IS NULL AND EXISTS (
  SELECT FROM workflow_decision d WHERE d.foundation_id = c.foundation_id AND d.task_id = c.task_id AND d.actor_key = 'person:' || c.person_id::text AND d.taken_back_at IS NULL)))`;

/**
 * How somebody may decide a task `t` of an instance `i`: as who is asked, else in the place of one who is – but not of, or by
 * way of, whoever filed it –, and once. `mine` is whose places they stand in.
 */
const partOf = (personId: string | null) => Prisma.sql`
  SELECT c.foundation_id, c.task_id, c.person_id, c.part, c.weight, c.turn, c.reason, p.chain, p.until,
         ${partAnswered} OR (cardinality(p.chain) > 0 AND EXISTS (
           SELECT FROM workflow_decision d WHERE d.foundation_id = c.foundation_id AND d.task_id = c.task_id AND d.actor_key = 'person:' || ${personId}::text AND d.taken_back_at IS NULL)) AS decided
    FROM mine p JOIN workflow_candidate c ON c.foundation_id = t.foundation_id AND c.task_id = t.id AND c.person_id = p.person_id
   WHERE i.initiator_id <> ALL (p.chain)
   ORDER BY cardinality(p.chain), c.answered, c.turn, c.person_id LIMIT 1`;

/** The same of a task that need not wait any more. */
export async function standInAt(tx: Tx, taskId: string, personId: string): Promise<StandIn | null> {
  const [found] = await tx.$queryRaw<StandIn[]>`
    WITH mine AS MATERIALIZED (SELECT * FROM wf_stands_in(${personId}::uuid))
    SELECT c.reason, c.chain::text[] AS chain, c.until::text AS until
      FROM workflow_task t JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id CROSS JOIN LATERAL (${partOf(personId)}) AS c
     WHERE t.foundation_id = gloria_foundation() AND t.id = ${taskId}::uuid`;
  return found ?? null;
}

/** Whether somebody is or was asked to decide a step of a request, or stands in now for who was. */
export async function wasAsked(tx: Tx, instanceId: string, personId: string): Promise<boolean> {
  const found = await tx.$queryRaw<object[]>`
    SELECT 1 AS asked FROM wf_stands_in(${personId}::uuid) p JOIN workflow_candidate c ON c.foundation_id = gloria_foundation() AND c.person_id = p.person_id
      JOIN workflow_task t ON t.foundation_id = c.foundation_id AND t.id = c.task_id WHERE t.instance_id = ${instanceId}::uuid LIMIT 1`;
  return found.length > 0;
}

/** Somebody who is asked to decide a step. */
export interface AskedRow {
  personId: string;
  part: string;
  weight: number;
  turn: number;
  reason: CandidateReason;
  answered: boolean;
}

/** Everybody a step is put to, in their order. */
export async function askedOf(tx: Tx, taskId: string): Promise<AskedRow[]> {
  return tx.$queryRaw<AskedRow[]>`
    SELECT c.person_id::text AS "personId", coalesce(c.part, c.person_id)::text AS part, c.weight, c.turn, c.reason, ${partAnswered} AS answered
      FROM workflow_candidate c WHERE c.foundation_id = gloria_foundation() AND c.task_id = ${taskId}::uuid ORDER BY c.turn, c.person_id`;
}

/** Whether any step asks who answered others. */
export const asksWhoAnswered = ({ nodes }: Definition): boolean => Object.values(nodes).some((node) => asksPeople(node) && (node.notActorOf !== undefined || node.skipDecided === true));

/** Every answer to a step of this request that was not taken back. */
export async function answersTo(tx: Tx, instanceId: string, definition: Definition): Promise<(Answer & { at: number })[]> {
  type Row = { node: string; verb: DecisionVerb; person_id: string | null; stead: string[]; stands: boolean; decided_at: Date };
  const rows = await tx.$queryRaw<Row[]>`
    SELECT t.node, d.verb::text AS verb, d.decided_at, coalesce(CASE WHEN d.actor_key LIKE 'person:%' THEN substr(d.actor_key, 8) END, k.created_by_id::text) AS person_id,
           coalesce(instead.stead, '{}') AS stead,
           t.round = i.round AND t.state <> 'returned' AND t.state <> 'cancelled' AND NOT EXISTS (
             SELECT FROM workflow_task later WHERE later.foundation_id = t.foundation_id AND later.instance_id = t.instance_id AND later.node = t.node AND later.id > t.id AND later.state <> 'cancelled') AS stands
      FROM workflow_instance i
      JOIN workflow_task t ON t.foundation_id = i.foundation_id AND t.instance_id = i.id
      JOIN workflow_decision d ON d.foundation_id = t.foundation_id AND d.task_id = t.id AND d.taken_back_at IS NULL
      LEFT JOIN api_key k ON k.foundation_id = d.foundation_id AND d.actor_key = 'api_key:' || k.id::text
      -- Read once for all answers: of a request of many votes the history is long.
      LEFT JOIN (SELECT h.node, h.actor_key, array_agg(s) AS stead FROM workflow_history h, jsonb_array_elements_text(h.data->'stead') AS s
                  WHERE h.foundation_id = gloria_foundation() AND h.instance_id = ${instanceId}::uuid GROUP BY h.node, h.actor_key) AS instead ON instead.node = t.node AND instead.actor_key = d.actor_key
     WHERE i.id = ${instanceId}::uuid`;
  const answers = rows.map(({ node, verb, person_id: person, stead, stands, decided_at: at }) => ({ node, verb, stands, at: at.getTime(), people: [...(person === null ? [] : [person]), ...stead] }));
  return answers.length > 0 && asksWhoAnswered(definition) ? givenAgain(definition, answers, await ledBack(tx, instanceId, definition)) : answers;
}

/** Where a request was sent back to, or led by a rejection. */
async function ledBack(tx: Tx, instanceId: string, { nodes }: Definition): Promise<LedBack[]> {
  const rows = await tx.workflowHistory.findMany({ where: { instanceId, event: { in: ['returned', 'rejected'] } }, select: { event: true, node: true, data: true, at: true } });
  return rows.flatMap(({ event, node, data, at }) => {
    const of = nodes[node ?? ''];
    const to = event === 'returned' ? (data as { event?: { to?: string | null } }).event?.to : asksPeople(of) ? of.onReject : undefined;
    return to ? [{ to, at: at.getTime() }] : [];
  });
}

/** Some instances, in whatever order. */
export async function readInstances(tx: Tx, ids: readonly string[], personId: string | null): Promise<InstanceRow[]> {
  return tx.$queryRaw<InstanceRow[]>`
    WITH mine AS MATERIALIZED (SELECT * FROM wf_stands_in(${personId}::uuid))
    SELECT i.id, i.definition_id, i.key, i.initiator_id, i.unit_id, u.path AS unit_path, i.state::text AS state, i.form, i.variables, i.done, i.round, i.seq, i.parent_task_id, (SELECT p.instance_id FROM workflow_task p WHERE p.foundation_id = i.foundation_id AND p.id = i.parent_task_id) AS parent_id, i.root_id, i.created_at, i.submitted_at, i.ended_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'node', t.node, 'since', to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                       -- Steps that an older release opened have no count yet, and nobody has voted.
                       'tally', coalesce(t.tally, CASE WHEN asked.people > 0 THEN jsonb_build_object('approve', none, 'reject', none, 'abstain', none, 'open', jsonb_build_object('people', asked.people, 'weight', asked.people)) END),
                       'claimedBy', t.claimed_by, 'asking', t.asking, 'fired', t.fired,
                       'dueAt', (SELECT to_char(m.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') FROM workflow_timer m WHERE m.foundation_id = t.foundation_id AND m.task_id = t.id AND m.boundary = ${DUE}),
                       'candidate', CASE WHEN c.person_id IS NOT NULL THEN jsonb_build_object('part', coalesce(c.part, c.person_id), 'weight', c.weight, 'turn', c.turn, 'reason', c.reason, 'chain', c.chain, 'until', c.until) END,
                       'answered', coalesce(c.decided, false)) ORDER BY t.id)
              FROM workflow_task t
              CROSS JOIN (SELECT '{"people": 0, "weight": 0}'::jsonb AS none) AS zero
              LEFT JOIN LATERAL (SELECT count(*) AS people FROM workflow_candidate w WHERE w.foundation_id = t.foundation_id AND w.task_id = t.id AND t.tally IS NULL) AS asked ON true
              LEFT JOIN LATERAL (${partOf(personId)}) AS c ON true
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
  next: Pick<Marking, 'state' | 'round' | 'tasks' | 'variables'>;
  /** Tokens before gateways; null where they stay as they are. */
  joins: Marking['joins'] | null;
  ended: boolean;
  submitted: boolean;
  form: Record<string, unknown> | null;
  history: { event: string; node: string | null; data: Record<string, unknown> };
  decision?: { taskId: string; verb: DecisionVerb; comment: string | null; part: string | null } | null;
  closes?: readonly { id: string; state: Exclude<TaskState, 'open'> }[];
  /** Tasks that wait again, as they did. */
  reopens?: readonly TaskChange[];
  /** The actor's own decision that is taken back. */
  takesBack?: { taskId: string; part: string } | null;
  /** A task that still waits and of which something has changed. */
  changes?: TaskChange | null;
  /** Who is asked no longer, whose turn moves by how much from which on, and who is asked as well. */
  asked?: { taskId: string; remove: readonly string[]; fromTurn: number; shift: number; add: readonly (Candidate & { part: string; turn: number })[] } | null;
  /** A timer that has fired; times that go on, by the calendar; times that begin to run. */
  fired?: string | null;
  moves?: readonly { id: string; at: Date }[];
  timers?: readonly { taskId: string; boundary: number | null; due: Due }[];
  opens?: readonly { id: string; node: string; tally: Tally | null; turn: number | null; candidates: readonly Candidate[] }[];
}

export type TaskChange = OpenTask & { turn: number | null };

/** What the database gave the transition: its own clock. */
export interface Written {
  submittedAt: Date | null;
  endedAt: Date | null;
  now: Date;
}

/** Writes one transition in one statement (`wf_apply`). Throws 409 STALE_VERSION where somebody was faster. */
export async function writeTransition(tx: Tx, actor: Actor, transition: Transition): Promise<Written> {
  const { decision, next, changes, asked, takesBack } = transition;
  const task = ({ id, tally, turn, claimedBy, asking, fired }: TaskChange) => ({ id, tally, turn, claimed_by: claimedBy, asking, fired });
  const parameters = {
    engine: ENGINE,
    instance_id: transition.instanceId,
    foundation_id: actor.foundationId,
    expected: transition.expectedSeq,
    state: next.state,
    node: next.tasks[0]?.node ?? null,
    round: next.round,
    ended: transition.ended,
    submitted: transition.submitted,
    form: transition.form,
    variables: next.variables,
    actor: actorKey(actor),
    event: transition.history.event,
    at_node: transition.history.node,
    data: transition.history.data,
    closes: transition.closes ?? [],
    reopens: transition.reopens?.map(task) ?? [],
    takes_back: takesBack ? { task_id: takesBack.taskId, part: takesBack.part } : null,
    changes: changes ? task(changes) : null,
    asked: asked ? { task_id: asked.taskId, remove: asked.remove, from_turn: asked.fromTurn, shift: asked.shift, add: asked.add.map(({ personId, reason, weight, turn, part }) => ({ person_id: personId, reason, weight, turn, part })) } : null,
    counts: null,
    decision: decision ? { id: uuidv7(), task_id: decision.taskId, verb: decision.verb, comment: decision.comment, part: decision.part } : null,
    joins: transition.joins,
    fired: transition.fired ?? null,
    moves: transition.moves?.map(({ id, at }) => ({ id, due_at: at.toISOString() })) ?? null,
    timers: (transition.timers ?? []).map(({ taskId, boundary, due }) => ({ id: uuidv7(), task_id: taskId, boundary, due_at: due.at.toISOString(), absolute: due.absolute, working: due.working })),
    opens: (transition.opens ?? []).map(({ candidates, ...open }) => ({
      ...open,
      candidates: candidates.map(({ personId, reason, weight, approved = false }, turn) => ({ person_id: personId, reason, weight, turn, part: personId, answered: approved })),
    })),
  };
  const [written] = await tx.$queryRaw<{ submitted_at: Date | null; ended_at: Date | null; now_at: Date }[]>`SELECT * FROM wf_apply(${JSON.stringify(parameters)}::jsonb)`;
  if (!written) throw new Problem('STALE_VERSION');
  return { submittedAt: written.submitted_at, endedAt: written.ended_at, now: written.now_at };
}
