/** A dynamic set of separation of duty: of its permissions, one person may use fewer than `cardinality` on one thing. */
export interface DutySet {
  name: string;
  cardinality: number;
  duties: readonly string[];
}

/** The first set that using `code` would break for somebody who has used `had` on the same thing; null where none is. */
export function brokenBy(sets: readonly DutySet[], code: string, had: readonly string[]): DutySet | null {
  return sets.find(({ duties, cardinality }) => duties.includes(code) && new Set([code, ...had].filter((each) => duties.includes(each))).size >= cardinality) ?? null;
}
