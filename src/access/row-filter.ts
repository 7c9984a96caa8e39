import { type RowAttribute, sqlOf, whereFalse, whereTrue, type Where } from './condition';
import { attributeTypesOf, ROW_KINDS, type RowKindName } from './row-kinds';
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

/** Where rows stand in SQL: expressions of what a filter asks about; each function is given a parameter. */
export interface RowColumns {
  id: string;
  attributes: Readonly<Record<string, string>>;
  /** "belongs to this person"; given a uuid. */
  owner?: (person: string) => string;
  /** "its unit is one of these or lies below one"; given an array of uuids. */
  unit?: (units: string) => string;
}

/**
 * The same filter as an SQL condition that is never null; what it compares with goes into `parameters`, from which `$n` is
 * taken. Null means no row can match.
 */
export function sqlFromFilter(filter: RowFilter, kind: RowKindName, rows: RowColumns, parameters: unknown[]): string | null {
  const types = attributeTypesOf(kind);
  const parameter = (value: unknown, type: string) => `$${parameters.push(value)}::${type}`;
  const inUnits = (units: readonly string[]) => (rows.unit ? rows.unit(parameter(units, 'uuid[]')) : 'FALSE');
  const reach = ({ reach: how, ids }: FilterPart): string => {
    const one = ids === null ? 'TRUE' : `${rows.id} = ANY (${parameter(ids, 'uuid[]')})`;
    if (how === 'all') return one;
    if ('own' in how) return `(${one} AND ${rows.owner ? rows.owner(parameter(how.own, 'uuid')) : 'FALSE'})`;
    return `(${one} AND ${inUnits(how.units)})`;
  };
  const asked = (part: FilterPart) => sqlOf(part.when, rows.attributes, types, parameters);
  const all = (each: RowFilter): string => {
    if (each.kind !== 'some') return each.kind === 'all' ? 'TRUE' : 'FALSE';
    const allowed = each.anyOf.map((part) => (part.when === true ? reach(part) : `(${reach(part)} AND ${asked(part)} IS TRUE)`));
    const lent = each.lent.map(({ within, filter: lenders }) => `(${all(lenders)}${within === null ? '' : ` AND ${inUnits([within])}`})`);
    const spared = each.noneOf.map((part) => `(NOT ${reach(part)} OR ${asked(part)} IS FALSE)`);
    return [`(${[...allowed, ...lent].join(' OR ')})`, ...spared].join(' AND ');
  };
  return filter.kind === 'none' ? null : all(filter);
}

/** The columns of what conditions ask of a kind of rows, below an alias, by the names the schema gives fields. */
export function columnsOf(kind: RowKindName, alias: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries<RowAttribute>(ROW_KINDS[kind]).map(([name, { field, oneOf }]) => [name, `${alias}.${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}${oneOf ? '::text' : ''}`]));
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
