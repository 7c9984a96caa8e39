import { asksPeople, type CandidateAlternative, type Moment, type Node } from './definition';

/** What a service level brings about while a step waits, without ending it. */
export interface Mark {
  /** Its number among what a step’s times bring about: those below a hundred are boundaries. */
  at: number;
  kind: 'warning' | 'due' | 'escalation';
  after: Moment;
  /** Who is asked as well. */
  to: readonly CandidateAlternative[];
}

export const DUE = 101;
const WARNING = 100;
const ESCALATION = 110;

/** All of a node’s, in the order they are written in. */
export function marksOf(node: Node | undefined): readonly Mark[] {
  const level = asksPeople(node) ? node.serviceLevel : undefined;
  if (!level) return [];
  return [
    ...(level.warning ? [{ at: WARNING, kind: 'warning' as const, after: level.warning, to: [] }] : []),
    { at: DUE, kind: 'due' as const, after: level.due, to: [] },
    ...(level.escalation ?? []).map(({ after, to }, n) => ({ at: ESCALATION + n, kind: 'escalation' as const, after, to })),
  ];
}

/** Whether a number is that of a mark, and not of a boundary. */
export const isMark = (at: number | null): at is number => at !== null && at >= WARNING;
