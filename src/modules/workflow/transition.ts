import type { InstanceState, TaskState } from '../../platform/database';
import type { Tally, Vote } from './voting';

/** A step that waits: for decisions, which are counted, or for another system. */
export interface OpenTask {
  id: string;
  node: string;
  /** null where nothing is voted on. */
  tally: Tally | null;
  /** Who has taken it on, so that nobody else answers it meanwhile. */
  claimedBy: string | null;
  /** Whether whoever filed the request is asked for information. */
  asking: boolean;
  /** Boundaries that have come about and left it waiting, by their numbers. */
  fired: readonly number[];
}

export type Form = Readonly<Record<string, unknown>>;

/** Where an instance stands. */
export interface Marking {
  state: InstanceState;
  /** Submissions so far. */
  round: number;
  tasks: readonly OpenTask[];
  /** Tokens that wait to be joined with others. */
  joins: readonly { node: string; via: string }[];
  /** What was computed of the form, and what steps filled in, by name. */
  variables: Form;
  /** Steps carried out that can be undone, the oldest first; left out where there is none. */
  done?: readonly string[];
}

export const DRAFT: Marking = { state: 'draft', round: 0, tasks: [], joins: [], variables: {} };


/** A part in a decision: whose it is, what it weighs, and its turn where people decide one after the other. */
export interface Part {
  of: string;
  weight: number;
  turn: number;
}

export type WorkflowEvent =
  | { type: 'submit'; form: Form }
  /** A decision on a task by somebody it was put to, or in their place. */
  | { type: Vote; task: string; part: Part; answer?: Form; form: Form }
  /** Done: by another system, or by somebody it was put to. */
  | { type: 'complete'; task: string; part?: Part; answer?: Form; form: Form }
  /** Sent back: to the initiator, or to a step. Without a part by another system. */
  | { type: 'return'; task: string; to: string | null; part: Part | null; form: Form }
  | { type: 'withdraw' }
  /** The last transition is undone: everything is as it was `before`. */
  | { type: 'take-back'; task: string; before: Marking }
  | { type: 'claim'; task: string; by: string }
  | { type: 'release' | 'ask' | 'answer'; task: string }
  /** Somebody's part is put into other hands: altogether, or so that both may decide. */
  | { type: 'transfer' | 'delegate'; task: string; part: Part; to: string }
  /** Somebody has to be asked as well. */
  | { type: 'add-signer'; task: string; part: Part }
  /** Somebody who has not decided is asked no longer. */
  | { type: 'remove-signer'; task: string; part: Part; form: Form }
  /** Nobody lets another one decide in their place any more. */
  | { type: 'undelegate'; task: string; part: Part; from: string }
  /** A time has come: a timer's own, that of a boundary, or of the service level, with those who are asked as well. */
  | { type: 'fire'; task: string; boundary: number | null; asks?: readonly Part[]; form: Form }
  /** A message has come that the step waits for, or a boundary of it. */
  | { type: 'message'; task: string; boundary: number | null; answer?: Form; form: Form }
  /** One of the requests a step has filed has come to its end: completed, or not. */
  | { type: 'part'; task: string; request: string; says: 'approve' | 'reject'; answer: Form; form: Form }
  /** What another system was to carry out has failed, by the name it gives that. */
  | { type: 'fail'; task: string; code: string; form: Form }
  /** By an administrator: on without an answer; halted and on again; ended. */
  | { type: 'skip'; task: string; form: Form }
  | { type: 'suspend' | 'resume' | 'cancel' };

export type Verb = WorkflowEvent['type'];

/** Somebody a step is put to. */
export interface Asked {
  personId: string;
  weight: number;
  /** Whether they have approved already, before the step opened, and need not again. */
  approved?: boolean;
}

/** What the reducer takes from the world. */
export interface Env {
  /** Who a step is put to, in their order; undefined where that is not known yet. */
  candidates: (node: string) => readonly Asked[] | undefined;
  /** A new task's id. */
  taskId: (node: string) => string;
  /** What expressions are told of the world: what time it is, and the zone days are of. */
  now: Date;
  zone: string;
}

export type History =
  | 'submitted' | 'resubmitted' | 'voted' | 'approved' | 'step_completed' | 'returned' | 'rejected' | 'withdrawn' | 'taken_back' | 'claimed' | 'released' | 'information_asked' | 'information_given'
  | 'transferred' | 'delegated' | 'undelegated' | 'signer_added' | 'signer_removed' | 'skipped' | 'suspended' | 'resumed' | 'cancelled' | 'timer_fired' | 'time_ran_out' | 'message_received' | 'step_failed' | 'part_completed' | 'part_ended' | 'compensated' | 'reminded' | 'overdue' | 'escalated';

/** What an event does. */
export interface Delta {
  next: Marking;
  /** How tasks close, and which open again. */
  closes: { id: string; state: Exclude<TaskState, 'open'> }[];
  reopens: string[];
  opens: { id: string; node: string; asked: readonly Asked[]; sequential: boolean; parts?: readonly Form[] }[];
  /** Requests that are filed on the way and not waited for. */
  launches: { node: string; parts: readonly Form[] }[];
  /** Steps gone past because nobody could decide them, or those asked had approved already. */
  skipped: { node: string; asked: readonly Asked[] }[];
  /** Where people are told something on the way. */
  mails: string[];
  /** Steps that were come to and at once left behind by an end that ends all. */
  dropped: { node: string; asked: readonly Asked[] }[];
  history: History;
  /** The step it was about. */
  node: string | null;
  /** Whether the instance has come to its end with this event. */
  ended: boolean;
}

export type Refusal =
  /** `state`: not in this state. `task`: it does not wait. `verb`: not what the step asks for. `turn`: somebody else decides before. `claimed`: somebody else has taken it on. `last`: nobody, or not enough, would be left to decide it. `unhandled`: the definition does not say what becomes of it. */
  | { refused: 'state' | 'task' | 'verb' | 'turn' | 'claimed' | 'last' | 'unhandled' }
  | { refused: 'target'; targets: readonly string[] }
  /** Nobody, or not enough, could decide what would open. */
  | { refused: 'no-candidate'; node: string }
  /** An expression needs more than it may; of a gateway, or of something computed. */
  | { refused: 'expression'; where: string; detail: string };

/** Who these steps are put to has to be found out first; then the event can be asked about again. */
export interface Needs {
  needs: string[];
  /** What expressions in their rules are told. */
  variables: Form;
}

/**
 * Which verbs each state answers to. A withdrawn request can be taken up again by its initiator; completed, cancelled and
 * rejected ones are final – but for a rejection that is taken back.
 */
export const VERBS = {
  draft: ['submit'],
  running: ['approve', 'reject', 'abstain', 'complete', 'return', 'withdraw', 'take-back', 'claim', 'release', 'ask', 'answer', 'transfer', 'delegate', 'undelegate', 'add-signer', 'remove-signer', 'skip', 'fire', 'message', 'part', 'fail', 'suspend', 'cancel'],
  suspended: ['resume', 'cancel'],
  returned: ['submit', 'withdraw', 'take-back', 'cancel'],
  withdrawn: ['submit'],
  completed: [],
  rejected: ['take-back'],
  cancelled: [],
} as const satisfies Record<InstanceState, readonly Verb[]>;
