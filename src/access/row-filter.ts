import type { Interval, RowFilter } from './permission.port';

/**
 * Turns a row filter into a Prisma `where` of type W. `owner` builds the condition for "belongs to this person", `unitLft`
 * the one for "its unit lies in this interval"; a kind of row that has no owner or no unit leaves the builder out, and
 * that part of the filter matches nothing. Null means no row can match: send no query.
 */
export function whereFromFilter<W extends object>(
  filter: RowFilter,
  build: { owner?: (personId: string) => W; unitLft?: (range: { gte: number; lte: number }) => W },
): W | null {
  if (filter.kind === 'all') return {} as W;
  if (filter.kind === 'none') return null;
  const part = ({ own, intervals }: { own: string | null; intervals: readonly Interval[] }): W[] => [
    ...(own !== null && build.owner ? [build.owner(own)] : []),
    ...(build.unitLft ? intervals.map(([gte, lte]) => build.unitLft!({ gte, lte })) : []),
  ];
  const wanted = part(filter);
  if (wanted.length === 0) return null;
  const refused = part(filter.not);
  return { AND: [{ OR: wanted }, ...(refused.length > 0 ? [{ NOT: { OR: refused } }] : [])] } as unknown as W;
}
