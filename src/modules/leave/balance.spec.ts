import fc from 'fast-check';
import { balanceOf, type Rate, rateOf, type YearSums } from './balance';

const used = (taken: number, more: Partial<YearSums> = {}): YearSums => ({ granted: 0, asked: 0, taken: 0 - taken, ...more });
const twelve: Rate[] = [{ fromYear: 2026, days: 12, carryOver: 6 }];

describe('a balance of leave', () => {
  it('is what the rate gives, what is left of the year before, and what was granted, less what is used', () => {
    expect(balanceOf(twelve, new Map(), 2026, 2026)).toEqual({ year: 2026, entitled: 12, carriedOver: 0, granted: 0, asked: 0, taken: 0, remaining: 12 });
    expect(balanceOf(twelve, new Map([[2026, used(9)]]), 2026, 2027)).toMatchObject({ carriedOver: 3, remaining: 15 });
    expect(balanceOf(twelve, new Map([[2026, used(2)]]), 2026, 2027)).toMatchObject({ carriedOver: 6, remaining: 18 });
    expect(balanceOf(twelve, new Map([[2026, used(15)]]), 2026, 2027)).toMatchObject({ carriedOver: 0, remaining: 12 });
    expect(balanceOf(twelve, new Map([[2027, used(4, { granted: 1.5, asked: -2 })]]), 2027, 2027)).toMatchObject({ granted: 1.5, asked: 2, taken: 4, remaining: 7.5 });
  });

  it('begins with the first year somebody has a right to it, and takes each year’s rate', () => {
    expect(balanceOf(twelve, new Map(), 2028, 2028)).toMatchObject({ carriedOver: 0, remaining: 12 });
    expect(balanceOf(twelve, new Map(), 2028, 2027)).toMatchObject({ entitled: 0, remaining: 0 });
    const rates = [...twelve, { fromYear: 2028, days: 14, carryOver: 0 }];
    expect([2025, 2026, 2027, 2028, 2029].map((year) => rateOf(rates, year)?.days)).toEqual([undefined, 12, 12, 14, 14]);
    expect([2026, 2027, 2028, 2029].map((year) => balanceOf(rates, new Map(), 2026, year).remaining)).toEqual([12, 18, 20, 14]);
  });

  it('is the year before’s, carried over, year by year', () => {
    const year = fc.integer({ min: 2024, max: 2030 });
    const amount = fc.integer({ min: 0, max: 20 });
    const sums = fc.array(fc.tuple(year, fc.record({ granted: amount, asked: amount.map((n) => -n), taken: amount.map((n) => -n) })), { maxLength: 6 }).map((all) => new Map(all));
    const rates = fc.uniqueArray(fc.record({ fromYear: year, days: amount, carryOver: amount }), { selector: ({ fromYear }) => fromYear, maxLength: 3 });
    fc.assert(
      fc.property(rates, sums, year, year, (given, entries, since, asked) => {
        const naive = (at: number): number => {
          if (at < 2020) return 0;
          const rate = rateOf(given, at);
          const { granted = 0, asked: reserved = 0, taken = 0 } = entries.get(at) ?? {};
          return (at >= since ? (rate?.days ?? 0) : 0) + Math.max(0, Math.min(naive(at - 1), rateOf(given, at - 1)?.carryOver ?? 0)) + granted + reserved + taken;
        };
        expect(balanceOf(given, entries, since, asked).remaining).toBe(naive(asked));
      }),
      { numRuns: Math.ceil(500 * Number(process.env.PROPERTY_RUNS ?? 1)) },
    );
  });
});
