import type { InstanceState, TaskState } from '../../platform/database';
import { type Approval, ballotOf, type Condition, type Definition } from './definition';
import { arrive, type Choose, type Flow, flowOf, joinPlace, nodeAt, type Place, waits } from './flow';
import { canBeApproved, cast, openTally, outcome, type Tally, turnOf, type Vote } from './voting';

/** A step that waits: for decisions, which are counted, or for another system. */
export interface OpenTask {
  id: string;
  node: string;
  /** null where nothing is voted on. */
  tally: Tally | null;
}

/** Where an instance stands. */
export interface Marking {
  state: InstanceState;
  /** Submissions so far. */
  round: number;
  tasks: readonly OpenTask[];
  /** Tokens that wait to be joined with others. */
  joins: readonly { node: string; via: string }[];
}

export const DRAFT: Marking = { state: 'draft', round: 0, tasks: [], joins: [] };

export type Form = Readonly<Record<string, unknown>>;

export type WorkflowEvent =
  | { type: 'submit'; form: Form }
  /** A decision on a task by somebody it was put to: with their weight, and their turn where they decide one after the other. */
  | { type: Vote; task: string; weight: number; turn: number; form: Form }
  | { type: 'complete'; task: string; form: Form }
  /** Sent back: to the initiator, or to a step. */
  | { type: 'return'; task: string; to: string | null; turn: number; form: Form }
  | { type: 'withdraw' };

export type Verb = WorkflowEvent['type'];

/** Somebody a step is put to. */
export interface Asked {
  personId: string;
  weight: number;
}

/** What the reducer takes from the world. */
export interface Env {
  /** Who a step is put to, in their order; undefined where that is not known yet. */
  candidates: (node: string) => readonly Asked[] | undefined;
  /** A new task's id. */
  taskId: (node: string) => string;
}

/** What an event does. */
export interface Delta {
  next: Marking;
  /** How tasks close. */
  closes: { id: string; state: Exclude<TaskState, 'open'> }[];
  opens: { id: string; node: string; asked: readonly Asked[]; sequential: boolean }[];
  /** Steps gone past because nobody could decide them. */
  skipped: string[];
  history: 'submitted' | 'resubmitted' | 'voted' | 'approved' | 'step_completed' | 'returned' | 'rejected' | 'withdrawn';
  /** The step it was about. */
  node: string | null;
  /** Whether the instance has come to its end with this event. */
  ended: boolean;
}

export type Refusal =
  /** `state`: not in this state. `task`: it does not wait. `verb`: not what the step asks for. `turn`: somebody else decides before. */
  | { refused: 'state' | 'task' | 'verb' | 'turn' }
  | { refused: 'target'; targets: readonly string[] }
  /** Nobody, or not enough, could decide what would open. */
  | { refused: 'no-candidate'; node: string };

/** Who these steps are put to has to be found out first; then the event can be asked about again. */
export interface Needs {
  needs: string[];
}

/**
 * Which verbs each state answers to. A withdrawn request can be taken up again by its initiator; completed and rejected
 * ones are final.
 */
export const VERBS = {
  draft: ['submit'],
  running: ['approve', 'reject', 'abstain', 'complete', 'return', 'withdraw'],
  returned: ['submit', 'withdraw'],
  withdrawn: ['submit'],
  completed: [],
  rejected: [],
} as const satisfies Record<InstanceState, readonly Verb[]>;

/**
 * One transition: pure, no clock, no database. The only place that knows what the verbs mean; running, replaying and
 * testing all call it.
 */
export function step(definition: Definition, marking: Marking, event: WorkflowEvent, env: Env): Delta | Refusal | Needs {
  if (!(VERBS[marking.state] as readonly Verb[]).includes(event.type)) return { refused: 'state' };
  if (event.type === 'submit') return moved(definition, { ...marking, tasks: [], joins: [], round: marking.round + 1 }, [['', definition.start]], event.form, env, { closes: [], history: marking.round === 0 ? 'submitted' : 'resubmitted', node: null });
  if (event.type === 'withdraw') return over(marking, 'withdrawn', marking.tasks.map(({ id }) => ({ id, state: 'cancelled' })), null);

  const task = marking.tasks.find(({ id }) => id === event.task);
  if (!task) return { refused: 'task' };
  const node = definition.nodes[task.node];
  if (!waits(node)) throw new Error(`${task.node} is no step of ${definition.key}`);
  const others = marking.tasks.filter(({ id }) => id !== task.id);
  const cancelled = others.map(({ id }): Delta['closes'][number] => ({ id, state: 'cancelled' }));
  const without = { ...marking, tasks: others };
  if (event.type !== 'complete' && node.type === 'approval' && node.strategy === 'sequential' && event.turn !== turnOf(task.tally!)) return { refused: 'turn' };

  switch (event.type) {
    case 'return': {
      const closes: Delta['closes'] = [{ id: task.id, state: 'returned' }, ...cancelled];
      if (event.to === null) return { ...over(marking, 'returned', closes, task.node), history: 'returned', ended: false };
      const targets = (node.type === 'approval' && node.returns) || [];
      if (!targets.includes(event.to)) return { refused: 'target', targets };
      return moved(definition, { ...marking, tasks: [], joins: [] }, [[task.node, event.to]], event.form, env, { closes, history: 'returned', node: task.node });
    }
    case 'complete':
      if (node.type !== 'service') return { refused: 'verb' };
      return moved(definition, without, [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'completed' }], history: 'step_completed', node: task.node });
    default: {
      if (node.type !== 'approval' || (event.type === 'abstain' && !node.abstain)) return { refused: 'verb' };
      const tally = cast(task.tally!, event.type, event.weight);
      const decided = outcome(ballotOf(node), tally);
      if (decided === null) return { next: { ...marking, tasks: marking.tasks.map((each) => (each === task ? { ...task, tally } : each)) }, closes: [], opens: [], skipped: [], history: 'voted', node: task.node, ended: false };
      if (decided === 'approve') return moved(definition, without, [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'approved' }], history: 'approved', node: task.node });
      const rejected: Delta['closes'] = [{ id: task.id, state: 'rejected' }];
      if (node.onReject !== undefined) return moved(definition, without, [[task.node, node.onReject]], event.form, env, { closes: rejected, history: 'rejected', node: task.node });
      return over(marking, 'rejected', [...rejected, ...cancelled], task.node);
    }
  }
}

/** It comes to rest: nothing waits any more. */
function over(marking: Marking, state: 'withdrawn' | 'rejected' | 'returned', closes: Delta['closes'], node: string | null): Delta {
  return { next: { ...marking, state, tasks: [], joins: [] }, closes, opens: [], skipped: [], history: state, node, ended: true };
}

/** Lets tokens run, opens the steps they come to, and goes past those that nobody could decide and that say so. */
function moved(definition: Definition, from: Marking, ways: readonly (readonly [string, string])[], form: Form, env: Env, told: Pick<Delta, 'closes' | 'history' | 'node'>): Delta | Refusal | Needs {
  const flow = compiled(definition);
  let places: Set<Place> = new Set([...from.tasks.map(({ node }) => node), ...from.joins.map(({ node, via }) => joinPlace(via, node))]);
  const opens: Delta['opens'] = [];
  const tallies = new Map<string, Tally | null>();
  const skipped: string[] = [];
  const needs: string[] = [];
  let running = [...ways];
  while (running.length > 0) {
    const arrival = arrive(flow, places, running, chooser(flow, form));
    // The gate admits no definition in which this can happen.
    if (arrival.conflict !== null) throw new Error(`${definition.key} comes a second time to ${arrival.conflict}`);
    places = arrival.places;
    running = [];
    for (const name of arrival.entered) {
      const node = definition.nodes[name]!;
      const asked = node.type === 'approval' ? env.candidates(name) : [];
      if (asked === undefined) {
        needs.push(name);
        continue;
      }
      const tally = node.type === 'approval' ? openTally(asked.map(({ weight }) => weight)) : null;
      if (node.type === 'approval' && (asked.length === 0 || !canBeApproved(ballotOf(node), tally!))) {
        if (node.noCandidate !== 'skip') return { refused: 'no-candidate', node: name };
        skipped.push(name);
        // Past more steps than there are: a ring of steps nobody can decide.
        if (skipped.length > flow.nodes.size) return { refused: 'no-candidate', node: name };
        places.delete(name);
        running.push([name, node.to]);
        continue;
      }
      opens.push({ id: env.taskId(name), node: name, asked, sequential: (node as Partial<Approval>).strategy === 'sequential' });
      tallies.set(name, tally);
    }
  }
  if (needs.length > 0) return { needs };
  const tasks = [...from.tasks, ...opens.map(({ id, node }) => ({ id, node, tally: tallies.get(node)! }))];
  const stays = tasks.filter(({ node }) => places.has(node));
  const ended = places.size === 0;
  return {
    ...told,
    next: { state: ended ? 'completed' : 'running', round: from.round, tasks: stays, joins: [...places].filter((place) => place.includes('>')).map((place) => ({ via: place.slice(0, place.indexOf('>')), node: nodeAt(place) })) },
    // What a terminating end leaves behind closes with it.
    closes: [...told.closes, ...from.tasks.filter(({ node }) => !places.has(node)).map(({ id }): Delta['closes'][number] => ({ id, state: 'cancelled' }))],
    opens: opens.filter(({ node }) => places.has(node)),
    skipped,
    ended,
  };
}

const flows = new WeakMap<Definition, Flow>();

function compiled(definition: Definition): Flow {
  const known = flows.get(definition) ?? flowOf(definition);
  flows.set(definition, known);
  return known;
}

/** Which ways gateways take, by what is filled in. */
function chooser(flow: Flow, form: Form): Choose {
  return (gateway) => {
    const node = flow.nodes.get(gateway)!;
    if (node.type !== 'exclusive' && node.type !== 'inclusive') throw new Error(`${gateway} decides nothing`);
    const taken = node.branches.filter(({ when }) => holds(when, form)).map(({ to }) => to);
    return taken.length === 0 ? [node.otherwise] : node.type === 'exclusive' ? taken.slice(0, 1) : taken;
  };
}

function holds(condition: Condition, form: Form): boolean {
  const value = Object.hasOwn(form, condition.field) ? form[condition.field] : undefined;
  return 'equals' in condition ? value === condition.equals : condition.oneOf.includes(value as never);
}
