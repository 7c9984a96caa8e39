import fc from 'fast-check';
import { ask, type Ballot, canBeApproved, cast, excuse, openTally, outcome, type Strategy, turnOf, type Vote } from './voting';

const VOTES: readonly Vote[] = ['approve', 'reject', 'abstain'];
const ballot = (strategy: Strategy, more: Partial<Ballot> = {}): Ballot => ({ strategy, rejections: null, tie: 'reject', ...more });

/** The naive count: what all votes together say, by the words of each strategy alone. */
function counted({ strategy, rejections, tie }: Ballot, votes: readonly { vote: Vote; weight: number }[]): 'approve' | 'reject' {
  const of = (vote: Vote) => votes.filter((each) => each.vote === vote);
  const weight = (vote: Vote) => of(vote).reduce((sum, each) => sum + each.weight, 0);
  if (strategy.kind !== 'any' && rejections !== null && of('reject').length >= rejections) return 'reject';
  switch (strategy.kind) {
    case 'any': {
      let against = 0;
      for (const { vote } of votes) {
        if (vote === 'approve') return 'approve';
        if (vote === 'reject' && ++against === rejections) return 'reject';
      }
      return against > 0 ? 'reject' : tie;
    }
    case 'all':
    case 'sequential':
      return votes.some(({ vote }) => vote === 'reject') ? 'reject' : votes.some(({ vote }) => vote === 'approve') ? 'approve' : tie;
    case 'majority':
      return weight('approve') > weight('reject') ? 'approve' : weight('approve') < weight('reject') ? 'reject' : tie;
    case 'quorum':
      return of('approve').length >= strategy.approvals ? 'approve' : 'reject';
    case 'weighted':
      return weight('approve') >= strategy.approvals ? 'approve' : 'reject';
  }
}

function* allVotes(voters: number): Generator<Vote[]> {
  if (voters === 0) return yield [];
  for (const rest of allVotes(voters - 1)) for (const vote of VOTES) yield [...rest, vote];
}
function permutations(length: number): number[][] {
  if (length === 0) return [[]];
  return permutations(length - 1).flatMap((rest) => Array.from({ length }, (_, at) => [...rest.slice(0, at), length - 1, ...rest.slice(at)]));
}

const STRATEGIES = (voters: number): Strategy[] => [
  { kind: 'any' }, { kind: 'all' }, { kind: 'sequential' }, { kind: 'majority' },
  ...[1, Math.ceil(voters / 2), voters, voters + 1].map((approvals): Strategy => ({ kind: 'quorum', approvals })),
  ...[1, voters, voters + 2].map((approvals): Strategy => ({ kind: 'weighted', approvals })),
];

describe('a vote', () => {
  it('decided early is what the full count says, for up to six voters, every strategy and every vote', () => {
    let decidedEarly = 0;
    for (let voters = 1; voters <= 6; voters += 1) {
      const weights = Array.from({ length: voters }, (_, n) => 1 + (n % 3));
      for (const strategy of STRATEGIES(voters)) {
        for (const rejections of [null, 1, 2]) {
          for (const tie of ['approve', 'reject'] as const) {
            const rules = ballot(strategy, { rejections, tie });
            for (const votes of allVotes(voters)) {
              const full = counted(rules, votes.map((vote, n) => ({ vote, weight: weights[n]! })));
              let tally = openTally(weights);
              let at = outcome(rules, tally);
              for (let n = 0; n < voters && at === null; n += 1) {
                tally = cast(tally, votes[n]!, weights[n]!);
                at = outcome(rules, tally);
                if (at !== null && n < voters - 1) decidedEarly += 1;
              }
              if (at !== full) throw new Error(`${JSON.stringify(rules)} ${votes.join()}: ${at}, counted ${full}`);
            }
          }
        }
      }
    }
    expect(decidedEarly).toBeGreaterThan(10_000);
  });

  it('is decided no later than it could be: while it is open, both outcomes are possible', () => {
    for (let voters = 1; voters <= 4; voters += 1) {
      const weights = Array.from({ length: voters }, (_, n) => 1 + (n % 2));
      for (const strategy of STRATEGIES(voters)) {
        for (const rejections of [null, 1]) {
          const rules = ballot(strategy, { rejections, tie: 'approve' });
          for (const votes of allVotes(voters)) {
            for (let done = 0; done < voters; done += 1) {
              let tally = openTally(weights);
              for (let n = 0; n < done; n += 1) tally = cast(tally, votes[n]!, weights[n]!);
              if (outcome(rules, tally) !== null) continue;
              const ends = new Set([...allVotes(voters - done)].map((rest) => counted(rules, [...votes.slice(0, done), ...rest].map((vote, n) => ({ vote, weight: weights[n]! })))));
              if (ends.size !== 2) throw new Error(`${JSON.stringify(rules)} ${votes.slice(0, done).join()} is open, but can only be ${[...ends].join()}`);
            }
          }
        }
      }
    }
  });

  it('that counts does not depend on the order of votes: every order of up to six', () => {
    for (let voters = 2; voters <= 6; voters += 1) {
      const orders = permutations(voters);
      const weights = Array.from({ length: voters }, (_, n) => 1 + (n % 3));
      for (const strategy of STRATEGIES(voters).filter(({ kind }) => kind !== 'any' && kind !== 'sequential')) {
        for (const rejections of [null, 2]) {
          const rules = ballot(strategy, { rejections });
          // One vote of each composition stands for all of them: the orders do the rest.
          const kinds = new Map([...allVotes(voters)].map((votes) => [votes.toSorted().join(), votes]));
          for (const votes of kinds.values()) {
            const results = new Set<string | null>();
            for (const order of orders) {
              let tally = openTally(weights);
              let at: ReturnType<typeof outcome> = null;
              for (const n of order) if ((at = outcome(rules, (tally = cast(tally, votes[n]!, weights[n]!)))) !== null) break;
              results.add(at);
            }
            if (results.size !== 1 || results.has(null)) throw new Error(`${JSON.stringify(rules)} ${votes.join()}: ${[...results].join()}`);
          }
        }
      }
    }
  }, 120_000);

  it('for never turns an outcome against, and the other way round', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ vote: fc.constantFrom(...VOTES), weight: fc.integer({ min: 1, max: 5 }) }), { minLength: 1, maxLength: 8 }), fc.nat(7), fc.nat(), fc.option(fc.integer({ min: 1, max: 4 })), (votes, at, which, rejections) => {
        const all = STRATEGIES(votes.length);
        const rules = ballot(all[which % all.length]!, { rejections });
        const index = at % votes.length;
        const as = (vote: Vote) => counted(rules, votes.map((each, n) => (n === index ? { ...each, vote } : each)));
        if (as('reject') === 'approve') expect(as('approve')).toBe('approve');
      }),
      { numRuns: 3_000 },
    );
  });

  it('counts people and weight, those asked later and those excused', () => {
    let tally = openTally([1, 2, 3]);
    expect([tally.open, turnOf(tally)]).toEqual([{ people: 3, weight: 6 }, 0]);
    tally = cast(cast(cast(tally, 'approve', 2), 'reject', 1), 'abstain', 3);
    expect(tally).toEqual({ approve: { people: 1, weight: 2 }, reject: { people: 1, weight: 1 }, abstain: { people: 1, weight: 3 }, open: { people: 0, weight: 0 } });
    expect(turnOf(tally)).toBe(3);
    expect(excuse(ask(tally, 4), 1).open).toEqual({ people: 0, weight: 3 });
  });

  it('that cannot be won is known before it begins', () => {
    expect(canBeApproved(ballot({ kind: 'quorum', approvals: 3 }), openTally([1, 1]))).toBe(false);
    expect(canBeApproved(ballot({ kind: 'quorum', approvals: 2 }), openTally([1, 1]))).toBe(true);
    expect(canBeApproved(ballot({ kind: 'weighted', approvals: 3 }), openTally([1, 2]))).toBe(true);
    expect([canBeApproved(ballot({ kind: 'any' }), openTally([])), canBeApproved(ballot({ kind: 'all' }, { tie: 'approve' }), openTally([]))]).toEqual([false, true]);
    // One vote for is enough for `any`; one against, where one rejects.
    const any = ballot({ kind: 'any' }, { rejections: 1 });
    expect([outcome(any, cast(openTally([1, 1]), 'approve', 1)), outcome(any, cast(openTally([1, 1]), 'reject', 1)), outcome(any, cast(openTally([1, 1]), 'abstain', 1)), outcome(ballot({ kind: 'any' }), cast(openTally([1, 1]), 'reject', 1))]).toEqual(['approve', 'reject', null, null]);
  });
});
