import { advance } from './advance';
import { type Approval, asksPeople, ballotOf, type Definition } from './definition';
import { boundariesOf, compensatesAt, handlesFailure, undoOf, type Waiting, waits } from './flow';
import { isMark, marksOf } from './service-level';
import { type Delta, type Env, type Form, type History, type Marking, type Needs, type OpenTask, type Part, type Refusal, type Verb, VERBS, type WorkflowEvent } from './transition';
import { computedOf, several, Unevaluated } from './variables';
import { ask, cast, excuse, outcome, turnOf, type Vote } from './voting';

const NOTHING = { closes: [], reopens: [], opens: [], skipped: [], mails: [], launches: [], dropped: [] };

/**
 * One transition: pure, no clock, no database. The only place that knows what the verbs mean; running, replaying and
 * testing all call it.
 */
export function step(definition: Definition, marking: Marking, event: WorkflowEvent, env: Env): Delta | Refusal | Needs {
  try {
    return stepped(definition, marking, event, env);
  } catch (error) {
    if (error instanceof Unevaluated) return { refused: 'expression', where: error.where, detail: error.message };
    throw error;
  }
}

function stepped(definition: Definition, marking: Marking, event: WorkflowEvent, env: Env): Delta | Refusal | Needs {
  if (!(VERBS[marking.state] as readonly Verb[]).includes(event.type)) return { refused: 'state' };
  switch (event.type) {
    case 'submit':
      return advance(definition, { ...marking, tasks: [], joins: [], round: marking.round + 1, variables: computedOf(definition, event.form, env) }, [['', definition.start]], event.form, env, { closes: [], history: marking.round === 0 ? 'submitted' : 'resubmitted', node: null });
    case 'withdraw':
      return over(marking, 'withdrawn', cancelled(marking.tasks), null);
    case 'cancel':
      return over(marking, 'cancelled', cancelled(marking.tasks), null);
    case 'suspend':
      return { ...NOTHING, next: { ...marking, state: 'suspended' }, history: 'suspended', node: null, ended: false };
    case 'resume':
      return { ...NOTHING, next: { ...marking, state: 'running' }, history: 'resumed', node: null, ended: false };
    case 'take-back':
      return undone(marking, event.before, event.task);
    default:
      return answered(definition, marking, event, env);
  }
}

type AboutTask = Exclude<Extract<WorkflowEvent, { task: string }>, { type: 'take-back' }>;

/** What is done to one open task. */
function answered(definition: Definition, marking: Marking, event: AboutTask, env: Env): Delta | Refusal | Needs {
  const task = marking.tasks.find(({ id }) => id === event.task);
  if (!task) return { refused: 'task' };
  const node = definition.nodes[task.node];
  if (node?.type === 'undo') return undoes(definition, marking, task, event, env);
  if (!waits(node)) throw new Error(`${task.node} is no step of ${definition.key}`);
  const others = marking.tasks.filter(({ id }) => id !== task.id);
  const without = { ...marking, tasks: others };
  const kept = (changed: Partial<OpenTask>, history: History): Delta => ({ ...NOTHING, next: { ...marking, tasks: marking.tasks.map((each) => (each === task ? { ...task, ...changed } : each)) }, history, node: task.node, ended: false });

  switch (event.type) {
    case 'return': {
      if (event.part !== null && asksPeople(node)) {
        const late = outOfTurn(node, task, event.part);
        if (late) return late;
      }
      const closes: Delta['closes'] = [{ id: task.id, state: 'returned' }, ...cancelled(others)];
      if (event.to === null) return { ...over(marking, 'returned', closes, task.node), ended: false };
      const targets = (asksPeople(node) && node.returns) || [];
      if (!targets.includes(event.to)) return { refused: 'target', targets };
      return advance(definition, { ...marking, tasks: [], joins: [] }, [[task.node, event.to]], event.form, env, { closes, history: 'returned', node: task.node });
    }
    case 'complete':
      if (node.type === 'task') {
        // By one of those asked.
        if (!event.part) return { refused: 'verb' };
        const late = outOfTurn(node, task, event.part);
        if (late) return late;
      } else if (node.type !== 'service') return { refused: 'verb' };
      return advance(definition, carriedOut(node, task.node, { ...without, variables: filledIn(node, marking.variables, event.answer) }), [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'completed' }], history: 'step_completed', node: task.node });
    case 'skip':
      return advance(definition, without, [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'skipped' }], history: 'skipped', node: task.node });
    default:
  }
  if (event.type === 'fire') return fired(definition, marking, { task, node, without }, event, env);
  if (event.type === 'message') return received(definition, marking, { task, node, without }, event, env);
  if (event.type === 'part') return ended(definition, marking, { task, node, without, others }, event, env);
  if (event.type === 'fail') return failed(definition, { task, node, without }, event, env);
  if (!asksPeople(node)) return { refused: 'verb' };
  switch (event.type) {
    case 'claim':
      // Where several have to answer nobody can take it from the others.
      if ((node.strategy ?? 'any') !== 'any') return { refused: 'verb' };
      return task.claimedBy !== null && task.claimedBy !== event.by ? { refused: 'claimed' } : kept({ claimedBy: event.by }, 'claimed');
    case 'release':
      return task.claimedBy === null ? { refused: 'verb' } : kept({ claimedBy: null }, 'released');
    case 'ask':
      return task.asking ? { refused: 'verb' } : kept({ asking: true }, 'information_asked');
    case 'answer':
      return task.asking ? kept({ asking: false }, 'information_given') : { refused: 'verb' };
    case 'transfer':
      return task.claimedBy !== null && task.claimedBy !== event.part.of ? { refused: 'claimed' } : kept({ claimedBy: null }, 'transferred');
    case 'delegate':
      return kept({}, 'delegated');
    case 'undelegate':
      return kept({}, 'undelegated');
    case 'add-signer':
      // Before others who wait for their turn, but not before whoever has answered.
      return event.part.turn < turnOf(task.tally!) ? { refused: 'turn' } : kept({ tally: ask(task.tally!, event.part.weight) }, 'signer_added');
    case 'remove-signer': {
      const tally = excuse(task.tally!, event.part.weight);
      const says = outcome(ballotOf(node), tally);
      // What nobody has said is not decided by asking nobody.
      if (says === 'reject' || (says === 'approve' && tally.approve.people === 0)) return { refused: 'last' };
      const claimedBy = task.claimedBy === event.part.of ? null : task.claimedBy;
      if (says === null) return kept({ tally, claimedBy }, 'signer_removed');
      return advance(definition, carriedOut(node, task.node, without), [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'approved' }], history: 'signer_removed', node: task.node });
    }
    default:
      return voted(definition, marking, { task, node, without, others }, event, env, kept);
  }
}

/** A time has come: the timer is done; the step is over, or something else begins beside it. */
function fired(definition: Definition, marking: Marking, { task, node, without }: { task: OpenTask; node: Waiting; without: Marking }, event: Extract<WorkflowEvent, { type: 'fire' }>, env: Env): Delta | Refusal | Needs {
  if (event.boundary === null) {
    if (node.type !== 'timer') return { refused: 'verb' };
    return advance(definition, without, [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'completed' }], history: 'timer_fired', node: task.node });
  }
  const at = event.boundary;
  if (isMark(at)) return marked(marking, { task, node }, at, event.asks ?? []);
  return leaves(definition, marking, { task, node, without }, at, 'after', event.form, env, { history: 'time_ran_out', state: 'timed_out' });
}

/** A boundary of a step comes about: the step is over, or something else begins beside it. */
function leaves(
  definition: Definition,
  marking: Marking,
  { task, node, without }: { task: OpenTask; node: Waiting; without: Marking },
  at: number,
  by: 'after' | 'message',
  form: Form,
  env: Env,
  { history, state }: { history: History; state: Delta['closes'][number]['state'] },
): Delta | Refusal | Needs {
  const found = boundariesOf(node).find(([n, { on }]) => n === at && by in on);
  if (!found || task.fired.includes(at)) return { refused: 'verb' };
  const { to, interrupting } = found[1];
  if (interrupting) return advance(definition, without, [[task.node, to]], form, env, { closes: [{ id: task.id, state }], history, node: task.node });
  return advance(definition, { ...marking, tasks: marking.tasks.map((each) => (each === task ? { ...task, fired: [...task.fired, at] } : each)) }, [[task.node, to]], form, env, { closes: [], history, node: task.node });
}

/** A message has come: the step that waits for it is done, or a boundary comes about. */
function received(definition: Definition, marking: Marking, { task, node, without }: { task: OpenTask; node: Waiting; without: Marking }, event: Extract<WorkflowEvent, { type: 'message' }>, env: Env): Delta | Refusal | Needs {
  if (event.boundary !== null) return leaves(definition, marking, { task, node, without }, event.boundary, 'message', event.form, env, { history: 'message_received', state: 'cancelled' });
  if (node.type !== 'message') return { refused: 'verb' };
  return advance(definition, { ...without, variables: filledIn(node, marking.variables, event.answer) }, [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'completed' }], history: 'message_received', node: task.node });
}

/** With a step that has been carried out, where it can be undone. */
const carriedOut = (node: Waiting, name: string, marking: Marking): Marking => (undoOf(node) === undefined ? marking : { ...marking, done: [...(marking.done ?? []), name] });

/** A step has been undone, or gone past: the one before it is next, then it goes on (compensation in reverse order, BPMN 2.0, 13.5.5). */
function undoes(definition: Definition, marking: Marking, task: OpenTask, event: AboutTask, env: Env): Delta | Refusal | Needs {
  if (event.type === 'fail') return { refused: 'unhandled' };
  if (event.type !== 'complete' && event.type !== 'skip') return { refused: 'verb' };
  const done = [...(marking.done ?? [])];
  done.splice(done.findLastIndex((step) => undoOf(definition.nodes[step]) === task.node), 1);
  const at = compensatesAt(definition)!;
  const without = { ...marking, tasks: marking.tasks.filter((each) => each !== task), done };
  const [state, history] = event.type === 'skip' ? (['skipped', 'skipped'] as const) : (['completed', 'compensated'] as const);
  return advance(definition, without, [[task.node, at]], event.form, env, { closes: [{ id: task.id, state }], history, node: task.node });
}

/** How the requests a step has filed decide it: all have to be completed. */
const PARTS = { strategy: { kind: 'all' }, rejections: 1, tie: 'reject' } as const;

/** One of the requests a step has filed has ended: it is counted, and where it decides the step, the request goes on or ends. */
function ended(definition: Definition, marking: Marking, { task, node, without, others }: { task: OpenTask; node: Waiting; without: Marking; others: readonly OpenTask[] }, event: Extract<WorkflowEvent, { type: 'part' }>, env: Env): Delta | Refusal | Needs {
  if (node.type !== 'subworkflow') return { refused: 'verb' };
  const history = event.says === 'approve' ? 'part_completed' : 'part_ended';
  const tally = cast(task.tally!, event.says, 1);
  const decided = outcome(PARTS, tally);
  const variables = filledIn(node, marking.variables, event.answer);
  if (decided === null) return { ...NOTHING, next: { ...marking, variables, tasks: marking.tasks.map((each) => (each === task ? { ...task, tally } : each)) }, history, node: task.node, ended: false };
  if (decided === 'approve') return advance(definition, carriedOut(node, task.node, { ...without, variables }), [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'completed' }], history, node: task.node });
  const rejected: Delta['closes'] = [{ id: task.id, state: 'rejected' }];
  if (node.onReject !== undefined) return advance(definition, { ...without, variables }, [[task.node, node.onReject]], event.form, env, { closes: rejected, history, node: task.node });
  return { ...over({ ...marking, variables }, 'rejected', [...rejected, ...cancelled(others)], task.node), history };
}

/** What another system was to carry out has failed: the step is over, where the definition says what becomes of it. */
function failed(definition: Definition, { task, node, without }: { task: OpenTask; node: Waiting; without: Marking }, event: Extract<WorkflowEvent, { type: 'fail' }>, env: Env): Delta | Refusal | Needs {
  if (node.type !== 'service') return { refused: 'verb' };
  const to = handlesFailure(node, event.code);
  if (to === null) return { refused: 'unhandled' };
  return advance(definition, without, [[task.node, to]], event.form, env, { closes: [{ id: task.id, state: 'failed' }], history: 'step_failed', node: task.node });
}

/** The service level’s time has come: it waits on, and others may be asked as well. Who had taken it on no longer keeps it from them. */
function marked(marking: Marking, { task, node }: { task: OpenTask; node: Waiting }, at: number, asks: readonly Part[]): Delta | Refusal {
  const mark = marksOf(node).find((each) => each.at === at);
  if (!mark || task.fired.includes(at)) return { refused: 'verb' };
  const tally = asks.reduce((before, { weight }) => ask(before, weight), task.tally!);
  const changed: OpenTask = { ...task, fired: [...task.fired, at], tally, claimedBy: asks.length > 0 ? null : task.claimedBy };
  const history = ({ warning: 'reminded', due: 'overdue', escalation: 'escalated' } as const)[mark.kind];
  return { ...NOTHING, next: { ...marking, tasks: marking.tasks.map((each) => (each === task ? changed : each)) }, history, node: task.node, ended: false };
}

/** A decision is counted, and where it decides the step, the request goes on or ends. */
function voted(
  definition: Definition,
  marking: Marking,
  { task, node, without, others }: { task: OpenTask; node: Approval; without: Marking; others: readonly OpenTask[] },
  event: Extract<WorkflowEvent, { type: Vote }>,
  env: Env,
  kept: (changed: Partial<OpenTask>, history: History) => Delta,
): Delta | Refusal | Needs {
  if (node.type === 'task' || (event.type === 'abstain' && !node.abstain)) return { refused: 'verb' };
  const late = outOfTurn(node, task, event.part);
  if (late) return late;
  const tally = cast(task.tally!, event.type, event.part.weight);
  const decided = outcome(ballotOf(node), tally);
  const variables = event.type === 'approve' ? filledIn(node, marking.variables, event.answer) : marking.variables;
  if (decided === null) {
    const delta = kept({ tally }, 'voted');
    return { ...delta, next: { ...delta.next, variables } };
  }
  if (decided === 'approve') return advance(definition, carriedOut(node, task.node, { ...without, variables }), [[task.node, node.to]], event.form, env, { closes: [{ id: task.id, state: 'approved' }], history: 'approved', node: task.node });
  const rejected: Delta['closes'] = [{ id: task.id, state: 'rejected' }];
  if (node.onReject !== undefined) return advance(definition, without, [[task.node, node.onReject]], event.form, env, { closes: rejected, history: 'rejected', node: task.node });
  return over(marking, 'rejected', [...rejected, ...cancelled(others)], task.node);
}

/** The variables with what a step’s people filled in: what one did, or a list of what each of several did. */
function filledIn(node: Waiting, variables: Marking['variables'], answer: Marking['variables'] | undefined): Marking['variables'] {
  if (!('as' in node) || node.as === undefined || answer === undefined) return variables;
  const before = variables[node.as];
  return { ...variables, [node.as]: several(node) ? [...(Array.isArray(before) ? (before as unknown[]) : []), answer] : answer };
}

/** Whether somebody else is to decide it, or before; null where it is theirs now. */
function outOfTurn({ strategy }: Approval, { tally, claimedBy }: OpenTask, { of, turn }: Part): Refusal | null {
  if (strategy === 'sequential' && turn !== turnOf(tally!)) return { refused: 'turn' };
  return claimedBy !== null && claimedBy !== of ? { refused: 'claimed' } : null;
}

const cancelled = (tasks: readonly OpenTask[]) => tasks.map(({ id }): Delta['closes'][number] => ({ id, state: 'cancelled' }));

/** It comes to rest: nothing waits any more. */
function over(marking: Marking, state: 'withdrawn' | 'rejected' | 'returned' | 'cancelled', closes: Delta['closes'], node: string | null): Delta {
  return { ...NOTHING, next: { ...marking, state, tasks: [], joins: [] }, closes, history: state, node, ended: true };
}

/** As it was before: what opened since is called off, what closed waits again. */
function undone(marking: Marking, before: Marking, task: string): Delta | Refusal {
  const back = before.tasks.find(({ id }) => id === task);
  if (!back) return { refused: 'task' };
  const had = new Set(marking.tasks.map(({ id }) => id));
  const has = new Set(before.tasks.map(({ id }) => id));
  return {
    ...NOTHING,
    next: before,
    closes: cancelled(marking.tasks.filter(({ id }) => !has.has(id))),
    reopens: before.tasks.filter(({ id }) => !had.has(id)).map(({ id }) => id),
    history: 'taken_back',
    node: back.node,
    ended: false,
  };
}
