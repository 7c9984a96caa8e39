import type { InstanceState, TaskState } from '../../platform/database';
import type { Condition, Definition } from './definition';

/** Where an instance stands. */
export interface Marking {
  state: InstanceState;
  /** The node that waits; null where none does. */
  node: string | null;
  /** Submissions so far. */
  round: number;
}

export type WorkflowEvent =
  | { type: 'submit'; form: Readonly<Record<string, unknown>> }
  | { type: 'approve' | 'complete' | 'return' | 'reject'; form: Readonly<Record<string, unknown>> }
  | { type: 'withdraw' };

export type Verb = WorkflowEvent['type'];

/** What an event does: the next marking, how the waiting task closes, and what the history calls it. */
export interface Delta {
  next: Marking;
  /** State the waiting task is left in; null where none was waiting. */
  closes: Exclude<TaskState, 'open'> | null;
  history: 'submitted' | 'resubmitted' | 'approved' | 'step_completed' | 'returned' | 'rejected' | 'withdrawn';
  /** Whether the instance has come to its end with this event. */
  ended: boolean;
}

export type Refusal = { refused: 'state' } | { refused: 'verb' };

/**
 * Which verbs each state answers to. A withdrawn request can be taken up again by its initiator; completed and rejected
 * ones are final.
 */
export const VERBS = {
  draft: ['submit'],
  running: ['approve', 'complete', 'return', 'reject', 'withdraw'],
  returned: ['submit', 'withdraw'],
  withdrawn: ['submit'],
  completed: [],
  rejected: [],
} as const satisfies Record<InstanceState, readonly Verb[]>;

/**
 * One transition: pure, no clock, no database. The only place that knows what the verbs mean; running, replaying and
 * testing all call it.
 */
export function step(definition: Definition, marking: Marking, event: WorkflowEvent): Delta | Refusal {
  if (!(VERBS[marking.state] as readonly Verb[]).includes(event.type)) return { refused: 'state' };
  const waiting = marking.node === null ? null : definition.nodes[marking.node];

  switch (event.type) {
    case 'submit':
      return {
        next: enter(definition, definition.start, event.form, marking.round + 1),
        closes: null,
        history: marking.round === 0 ? 'submitted' : 'resubmitted',
        ended: false,
      };
    case 'withdraw':
      return { next: { ...marking, state: 'withdrawn', node: null }, closes: waiting ? 'cancelled' : null, history: 'withdrawn', ended: true };
    case 'return':
      return { next: { ...marking, state: 'returned', node: null }, closes: 'returned', history: 'returned', ended: false };
    case 'reject':
      if (waiting?.type !== 'approval') return { refused: 'verb' };
      return { next: { ...marking, state: 'rejected', node: null }, closes: 'rejected', history: 'rejected', ended: true };
    case 'approve':
    case 'complete': {
      const answers = event.type === 'approve' ? 'approval' : 'service';
      if (waiting?.type !== answers) return { refused: 'verb' };
      const next = enter(definition, waiting.to, event.form, marking.round);
      return { next, closes: event.type === 'approve' ? 'approved' : 'completed', history: event.type === 'approve' ? 'approved' : 'step_completed', ended: next.state === 'completed' };
    }
  }
}

/** Follows decisions from a node to the next one that waits, or to the end. */
function enter(definition: Definition, from: string, form: Readonly<Record<string, unknown>>, round: number): Marking {
  let name = from;
  // The gate admits no loop of decisions, so each node is passed at most once.
  for (let passed = 0; passed <= Object.keys(definition.nodes).length; passed += 1) {
    const node = definition.nodes[name];
    if (!node) throw new Error(`the definition ${definition.key} has no node ${name}`);
    if (node.type === 'end') return { state: 'completed', node: null, round };
    if (node.type !== 'exclusive') return { state: 'running', node: name, round };
    name = node.branches.find(({ when }) => holds(when, form))?.to ?? node.otherwise;
  }
  throw new Error(`the definition ${definition.key} loops without a step`);
}

function holds(condition: Condition, form: Readonly<Record<string, unknown>>): boolean {
  const value = Object.hasOwn(form, condition.field) ? form[condition.field] : undefined;
  return 'equals' in condition ? value === condition.equals : condition.oneOf.includes(value as never);
}
