import type { Definition } from './definition';
import { type Asked, type Delta, DRAFT, type Form, type Marking, step, type WorkflowEvent } from './reducer';

/** An event without what was filled in, which stands in the history once, where it was submitted. */
type Bare = WorkflowEvent extends infer E ? (E extends { form: unknown } ? Omit<E, 'form'> : E) : never;

/** What the history keeps of a transition, so that it can be made again. */
export interface Told {
  event: Bare;
  form?: Form;
  opened: { id: string; node: string; asked: readonly Asked[] }[];
  skipped?: string[];
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
  let form: Form = {};
  for (const [index, { seq, event, data }] of history.entries()) {
    if (seq !== index + 1) throw new Error(`entry ${index + 1} is missing`);
    const told = data as Partial<Told>;
    form = told.form ?? form;
    if (event === 'changed') continue;
    if (!told.event || !told.opened) throw new Error(`entry ${seq} does not say what opened`);
    const { opened, skipped = [] } = told as Told;
    const result = step(definition, marking, { ...told.event, form } as WorkflowEvent, {
      candidates: (node) => opened.find((each) => each.node === node)?.asked ?? (skipped.includes(node) ? [] : undefined),
      taskId: (node) => opened.find((each) => each.node === node)!.id,
    });
    if (!isDelta(result)) throw new Error(`entry ${seq}, ${event}, is not possible: ${JSON.stringify(result)}`);
    if (result.history !== event) throw new Error(`entry ${seq} is ${result.history}, not ${event}`);
    marking = result.next;
  }
  return { marking, form };
}

const isDelta = (result: ReturnType<typeof step>): result is Delta => !('needs' in result) && !('refused' in result);
