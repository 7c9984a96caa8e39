import type { Definition } from './definition';
import { type Asked, DRAFT, type Form, type Marking, step, type WorkflowEvent } from './reducer';
import { turnOf } from './voting';

/** A step a request would come to. */
export interface Foreseen {
  node: string;
  /** Which steps come before it: those of one wave may wait at the same time. From 1. */
  wave: number;
  /** `skipped`: gone past, nobody could decide it. `nobody`: nobody could, and it would not be submitted, or not go on. */
  state: 'asked' | 'skipped' | 'nobody';
}

/**
 * The way of a request filled in like this if everybody approves, by the same reducer it would run on. `ends`: whether it
 * comes to its end; not where nobody could decide a step, nor where it turns in a ring, of which one round is answered.
 */
export function foresee(definition: Definition, form: Form, candidates: (node: string) => readonly Asked[] | undefined): { steps: Foreseen[]; ends: boolean } | { needs: string[] } {
  const steps: Foreseen[] = [];
  const waves = new Map<string, number>();
  const env = { candidates, taskId: (node: string) => node };
  let marking: Marking = DRAFT;
  let event: WorkflowEvent = { type: 'submit', form };
  let wave = 0;
  for (;;) {
    const result = step(definition, marking, event, env);
    if ('needs' in result) return result;
    if ('refused' in result) {
      if (result.refused === 'no-candidate') steps.push({ node: result.node, wave: wave + 1, state: 'nobody' });
      return { steps, ends: false };
    }
    for (const node of result.skipped) steps.push({ node, wave: wave + 1, state: 'skipped' });
    for (const { node } of result.opens) {
      if (waves.has(node)) return { steps, ends: false };
      waves.set(node, wave + 1);
      steps.push({ node, wave: wave + 1, state: 'asked' });
    }
    marking = result.next;
    if (result.ended) return { steps, ends: true };
    // Those of an earlier wave first, so that what waits together is counted together.
    const task = marking.tasks.toSorted((a, b) => waves.get(a.node)! - waves.get(b.node)!)[0]!;
    wave = waves.get(task.node)!;
    if (task.tally === null) event = { type: 'complete', task: task.id, form };
    else {
      const turn = turnOf(task.tally);
      event = { type: 'approve', task: task.id, weight: candidates(task.node)![turn]!.weight, turn, form };
    }
  }
}
