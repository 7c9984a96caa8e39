/**
 * How the decisions of several people become one. `any` goes to whoever is first, and so depends on the order of votes.
 * All others count, and are monotone – a vote for never turns an outcome against – so that an outcome stands early exactly
 * when it is the same whether all who have not voted yet vote for, or against.
 */
export type Strategy =
  /** The first who approves; rejected by as many rejections as it takes, or when nobody is left. */
  | { kind: 'any' }
  /** Everybody, in any order; one after the other. */
  | { kind: 'all' }
  | { kind: 'sequential' }
  /** More for than against, of those who voted. */
  | { kind: 'majority' }
  /** At least so many people; at least so much weight. */
  | { kind: 'quorum'; approvals: number }
  | { kind: 'weighted'; approvals: number };

export interface Ballot {
  strategy: Strategy;
  /** Votes against that reject by themselves; null for none, so that they only count as the strategy says. */
  rejections: number | null;
  /** What as many for as against is, and nobody at all. */
  tie: 'approve' | 'reject';
}

type Counted = Ballot & { strategy: Exclude<Strategy, { kind: 'any' }> };

export type Vote = 'approve' | 'reject' | 'abstain';

/** Votes so far: people and weight by vote, and what has not been cast. Weights are whole numbers from 1 on. */
export interface Tally {
  approve: Count;
  reject: Count;
  abstain: Count;
  open: Count;
}

export interface Count {
  people: number;
  weight: number;
}

const NONE: Count = { people: 0, weight: 0 };
const plus = (a: Count, b: Count): Count => ({ people: a.people + b.people, weight: a.weight + b.weight });
const minus = (a: Count, b: Count): Count => ({ people: a.people - b.people, weight: a.weight - b.weight });

/** Nobody has voted yet. */
export function openTally(weights: readonly number[]): Tally {
  return { approve: NONE, reject: NONE, abstain: NONE, open: { people: weights.length, weight: weights.reduce((sum, each) => sum + each, 0) } };
}

export function cast(tally: Tally, vote: Vote, weight: number): Tally {
  const one = { people: 1, weight };
  return { ...tally, [vote]: plus(tally[vote], one), open: minus(tally.open, one) };
}

/** Somebody is asked as well, or no longer. */
export const ask = (tally: Tally, weight: number): Tally => ({ ...tally, open: plus(tally.open, { people: 1, weight }) });
export const excuse = (tally: Tally, weight: number): Tally => ({ ...tally, open: minus(tally.open, { people: 1, weight }) });

/** How many have voted: whose turn it is where they vote one after the other. */
export const turnOf = ({ approve, reject, abstain }: Tally) => approve.people + reject.people + abstain.people;

/** What the votes say; null while further ones can change it. */
export function outcome(ballot: Ballot, tally: Tally): 'approve' | 'reject' | null {
  if (ballot.strategy.kind === 'any') return first(ballot, tally);
  const best = final(ballot as Counted, { ...tally, approve: plus(tally.approve, tally.open) });
  const worst = final(ballot as Counted, { ...tally, reject: plus(tally.reject, tally.open) });
  return best === worst ? best : null;
}

/** Whether it can be approved at all, as votes stand. */
export const canBeApproved = (ballot: Ballot, tally: Tally) => outcome(ballot, tally) !== 'reject';

function first({ rejections, tie }: Ballot, { approve, reject, open }: Tally): 'approve' | 'reject' | null {
  if (approve.people > 0) return 'approve';
  if (rejections !== null && reject.people >= rejections) return 'reject';
  if (open.people > 0) return null;
  return reject.people > 0 ? 'reject' : tie;
}

/** What it is when nobody is left to vote. */
function final({ strategy, rejections, tie }: Counted, { approve, reject }: Tally): 'approve' | 'reject' {
  if (rejections !== null && reject.people >= rejections) return 'reject';
  switch (strategy.kind) {
    case 'all':
    case 'sequential':
      return reject.people > 0 ? 'reject' : approve.people > 0 ? 'approve' : tie;
    case 'majority':
      return approve.weight === reject.weight ? tie : approve.weight > reject.weight ? 'approve' : 'reject';
    case 'quorum':
      return approve.people >= strategy.approvals ? 'approve' : 'reject';
    case 'weighted':
      return approve.weight >= strategy.approvals ? 'approve' : 'reject';
  }
}
