/** From a year on: days a year, and how many left over are kept for the year after. */
export interface Rate {
  fromYear: number;
  days: number;
  carryOver: number;
}

/** What entries of a year come to, by their cause: days added, below zero where they are used. */
export interface YearSums {
  granted: number;
  asked: number;
  taken: number;
}

/** Somebody's days of a kind of leave in a year; `remaining` is what the others come to, below zero where more is used than there is. */
export interface Balance {
  year: number;
  /** By the rate. */
  entitled: number;
  /** Left over from the year before. */
  carriedOver: number;
  granted: number;
  asked: number;
  taken: number;
  remaining: number;
}

const NOTHING: YearSums = { granted: 0, asked: 0, taken: 0 };

/** The rate of a year; none before the first. */
export const rateOf = (rates: readonly Rate[], year: number): Rate | null => rates.reduce<Rate | null>((found, rate) => (rate.fromYear <= year && (!found || found.fromYear < rate.fromYear) ? rate : found), null);

/**
 * A year's balance. Nothing of it is stored: what is left over of a year follows from its entries, so that it is right again
 * by itself where one is added to an earlier year. `since`: the first year somebody has a right to days.
 */
export function balanceOf(rates: readonly Rate[], sums: ReadonlyMap<number, YearSums>, since: number, year: number): Balance {
  const first = Math.min(since, ...sums.keys(), year);
  let before: Balance | null = null;
  for (let each = first; ; each += 1) {
    const rate = rateOf(rates, each);
    const { granted, asked, taken } = sums.get(each) ?? NOTHING;
    const entitled = each >= since ? (rate?.days ?? 0) : 0;
    const kept: number = Math.max(0, Math.min(before?.remaining ?? 0, (before && rateOf(rates, before.year)?.carryOver) ?? 0));
    before = { year: each, entitled, carriedOver: kept, granted, asked: 0 - asked, taken: 0 - taken, remaining: entitled + kept + granted + asked + taken };
    if (each >= year) return before;
  }
}
