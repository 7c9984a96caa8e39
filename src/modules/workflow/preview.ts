import type { Approval, Definition } from './definition';
import { step } from './reducer';
import { type Asked, DRAFT, type Env, type Form, type Marking, type Needs, type Refusal, type WorkflowEvent } from './transition';
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
export function foresee(definition: Definition, form: Form, { candidates, ...world }: Pick<Env, 'candidates' | 'now' | 'zone'>): { steps: Foreseen[]; ends: boolean } | Needs | Extract<Refusal, { refused: 'expression' }> {
  const steps: Foreseen[] = [];
  const waves = new Map<string, number>();
  const env: Env = { candidates, ...world, taskId: (node: string) => node };
  let marking: Marking = DRAFT;
  let event: WorkflowEvent = { type: 'submit', form };
  let wave = 0;
  for (;;) {
    const result = step(definition, marking, event, env);
    if ('needs' in result) return result;
    if ('refused' in result) {
      if (result.refused === 'expression') return result;
      if (result.refused === 'no-candidate') steps.push({ node: result.node, wave: wave + 1, state: 'nobody' });
      return { steps, ends: false };
    }
    for (const { node } of result.skipped) steps.push({ node, wave: wave + 1, state: 'skipped' });
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
    const { type } = definition.nodes[task.node]!;
    if (type === 'timer' || type === 'message') event = { type: type === 'timer' ? 'fire' : 'message', task: task.id, boundary: null, form };
    else if (type === 'subworkflow') event = { type: 'part', task: task.id, request: task.id, says: 'approve', answer: {}, form };
    else if (type === 'undo') event = { type: 'complete', task: task.id, form };
    else if (type === 'task') {
      const { personId, weight } = candidates(task.node)![0]!;
      event = { type: 'complete', task: task.id, part: { of: personId, weight, turn: 0 }, form };
    } else if (task.tally === null) event = { type: 'complete', task: task.id, form };
    else {
      const turn = turnOf(task.tally);
      const { personId, weight } = candidates(task.node)![turn]!;
      event = { type: 'approve', task: task.id, part: { of: personId, weight, turn }, form };
    }
  }
}

/**
 * By when each step would be decided at the latest, if everybody keeps to the service level: those of a wave begin when all
 * of the wave before are over. Not known of a step that has no time, nor of any after it.
 */
export function datesOf(steps: readonly Foreseen[], dueOf: (node: string, from: Date) => Date | null, now: Date): ReadonlyMap<string, Date> {
  const found = new Map<string, Date>();
  let from: Date | null = now;
  for (let wave = 1; from !== null && steps.some((each) => each.wave === wave); wave += 1) {
    const start: Date = from;
    let over: number | null = start.getTime();
    for (const { node } of steps.filter((each) => each.wave === wave && each.state === 'asked')) {
      const at = dueOf(node, start);
      if (at) found.set(node, at);
      over = at === null || over === null ? null : Math.max(over, at.getTime());
    }
    from = over === null ? null : new Date(over);
  }
  return found;
}

/** Who of those asked decides a step in any case, if everybody approves: somebody who is asked alone, or all, where all have to. */
export function certainly({ strategy = 'any' }: Approval, asked: readonly Asked[]): readonly Asked[] {
  return strategy === 'all' || strategy === 'sequential' || asked.length === 1 ? asked : [];
}
