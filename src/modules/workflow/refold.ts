import type { Definition } from './definition';
import { step } from './reducer';
import { type Asked, type Delta, DRAFT, type Form, type Marking, type WorkflowEvent } from './transition';

/** An event without what was filled in, which stands in the history once, where it was submitted, and without what stands before it. */
type Bare = WorkflowEvent extends infer E ? (E extends unknown ? Omit<E, 'form' | 'before'> : never) : never;

/** What the history keeps of a transition, so that it can be made again. */
export interface Told {
  event: Bare;
  form?: Form;
  opened: { id: string; node: string; asked: readonly Asked[] }[];
  skipped?: string[];
  /** Of the steps gone past those whose people had approved already. */
  approvedBefore?: { node: string; asked: readonly Asked[] }[];
  /** Where requests were filed that are not waited for. */
  launched?: string[];
  /** Steps that were come to and at once left behind. */
  dropped?: { node: string; asked: readonly Asked[] }[];
  /** What expressions were told of the world, where there are any. */
  world?: { now: string; zone: string };
}

/** A transition as the history keeps it. */
export function toldOf(event: WorkflowEvent, result: Delta, world?: { now: Date; zone: string }): Told {
  const { form: _form, before: _before, ...bare } = event as WorkflowEvent & { form?: Form; before?: unknown };
  const asked = (of: readonly Asked[]) => of.map(({ personId, weight, approved }) => ({ personId, weight, approved: approved ? true : undefined }));
  const approvedBefore = result.skipped.filter((each) => each.asked.some(({ approved }) => approved)).map((each) => ({ node: each.node, asked: asked(each.asked) }));
  return {
    event: bare as Bare,
    form: event.type === 'submit' ? event.form : undefined,
    opened: result.opens.map((each) => ({ id: each.id, node: each.node, asked: asked(each.asked) })),
    skipped: result.skipped.length > 0 ? result.skipped.map(({ node }) => node) : undefined,
    approvedBefore: approvedBefore.length > 0 ? approvedBefore : undefined,
    dropped: result.dropped.length > 0 ? result.dropped.map((each) => ({ node: each.node, asked: asked(each.asked) })) : undefined,
    launched: result.launches.length > 0 ? result.launches.map(({ node }) => node) : undefined,
    world: world && { now: world.now.toISOString(), zone: world.zone },
  };
}

export interface HistoryEntry {
  seq: number;
  event: string;
  data: unknown;
}

/**
 * Where an instance stands, by its history alone, oldest first. Throws where the history cannot have happened: a gap, a
 * transition the definition refuses, one that is called something else. Entries of releases that did not keep what
 * opened cannot be made again; those throw too.
 */
export function refold(definition: Definition, history: readonly HistoryEntry[]): { marking: Marking; form: Form } {
  let marking = DRAFT;
  let before = DRAFT;
  let form: Form = {};
  for (const [index, { seq, event, data }] of history.entries()) {
    if (seq !== index + 1) throw new Error(`entry ${index + 1} is missing`);
    const told = data as Partial<Told>;
    form = told.form ?? form;
    if (event === 'changed') continue;
    if (!told.event || !told.opened) throw new Error(`entry ${seq} does not say what opened`);
    const { opened, skipped = [], approvedBefore = [], dropped = [], world } = told as Told;
    const result = step(definition, marking, { ...asToday(told.event), form, before } as unknown as WorkflowEvent, {
      candidates: (node) => [...approvedBefore, ...dropped, ...opened].find((each) => each.node === node)?.asked ?? (skipped.includes(node) ? [] : undefined),
      taskId: (node) => opened.find((each) => each.node === node)?.id ?? node,
      now: new Date(world?.now ?? 0),
      zone: world?.zone ?? 'utc',
    });
    if (!isDelta(result)) throw new Error(`entry ${seq}, ${event}, is not possible: ${JSON.stringify(result)}`);
    if (result.history !== event) throw new Error(`entry ${seq} is ${result.history}, not ${event}`);
    before = marking;
    marking = result.next;
  }
  return { marking, form };
}

/** Earlier releases kept weight and turn of a decision beside each other. */
function asToday(event: Bare): Bare {
  if (!('turn' in event)) return event;
  const { turn, weight = 1, ...rest } = event as { turn: number; weight?: number };
  return { ...rest, part: { of: '', weight, turn } } as unknown as Bare;
}

const isDelta = (result: ReturnType<typeof step>): result is Delta => !('needs' in result) && !('refused' in result);
