import { whereFalse, whereTrue, type Where } from './condition';
import { ROW_KINDS, type RowKindName } from './row-kinds';
import type { FilterPart, RowFilter } from './rows';

/**
 * Turns a row filter into a Prisma `where` of type W. `owner` builds the condition for "belongs to this person", `unit`
 * the one for "its unit lies in one of these"; a kind of row that has no owner or no unit leaves the builder out, and
 * what asks for it matches nothing. Null means no row can match: send no query.
 */
export function whereFromFilter<W extends object>(
  filter: RowFilter,
  kind: RowKindName,
  build: { owner?: (personId: string) => W; unit?: (ids: readonly string[]) => W },
): W | null {
  const reach = ({ reach: how, ids }: FilterPart): Where => {
    const one: Where = ids === null ? true : { id: ids.length === 1 ? ids[0]! : { in: [...ids] } };
    if (how === 'all') return one;
    if ('own' in how) return build.owner ? both(one, build.owner(how.own)) : false;
    return build.unit ? both(one, build.unit(how.units)) : false;
  };
  const rows = ROW_KINDS[kind];
  const allowed = (part: FilterPart) => both(reach(part), whereTrue(part.when, rows));
  // Not denied: out of the deny's reach, or its condition is false – not merely unknown.
  const spared = (part: FilterPart) => either([not(reach(part)), whereFalse(part.when, rows)]);
  const all = (each: RowFilter): Where => {
    if (each.kind !== 'some') return each.kind === 'all';
    const lent = each.lent.map(({ within, filter: lenders }) => both(all(lenders), within === null ? true : build.unit ? build.unit([within]) : false));
    return each.noneOf.map(spared).reduce(both, either([...each.anyOf.map(allowed), ...lent]));
  };
  const where = all(filter);
  return where === false ? null : ((where === true ? {} : where) as W);
}

function both(a: Where, b: Where): Where {
  if (a === false || b === false) return false;
  if (a === true || b === true) return a === true ? b : a;
  return { AND: [a, b] };
}

function either(parts: readonly Where[]): Where {
  if (parts.includes(true)) return true;
  const rest = parts.filter((part) => part !== false);
  return rest.length === 0 ? false : rest.length === 1 ? rest[0]! : { OR: rest };
}

function not(where: Where): Where {
  return typeof where === 'boolean' ? !where : { NOT: where };
}
