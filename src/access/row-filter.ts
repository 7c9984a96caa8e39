import { type Residual, type RowAttribute, sqlOf, whereFalse, whereTrue } from './condition';
import { attributeTypesOf, ROW_KINDS, type RowKindName } from './row-kinds';
import type { FilterPart, RowFilter } from './rows';

/** What is always so, never so, or asked of a row in some language L. */
type Term<L> = boolean | L;

/** A language rows are asked for in: the questions a filter puts, and how they go together. None of its answers is ever null. */
interface Language<L> {
  ids(ids: readonly string[]): Term<L>;
  owner(personId: string): Term<L>;
  units(ids: readonly string[]): Term<L>;
  isTrue(residual: Residual): Term<L>;
  isFalse(residual: Residual): Term<L>;
  and(parts: readonly L[]): L;
  or(parts: readonly L[]): L;
  not(of: L): L;
}

/** What a filter means, said once for every language. */
function say<L>(filter: RowFilter, language: Language<L>): Term<L> {
  const joined = (parts: readonly Term<L>[], decisive: boolean): Term<L> => {
    if (parts.includes(decisive)) return decisive;
    const rest = parts.filter((part) => typeof part !== 'boolean') as L[];
    if (rest.length === 0) return !decisive;
    return rest.length === 1 ? rest[0]! : decisive ? language.or(rest) : language.and(rest);
  };
  const every = (...parts: Term<L>[]) => joined(parts, false);
  const some = (...parts: Term<L>[]) => joined(parts, true);
  const not = (term: Term<L>): Term<L> => (typeof term === 'boolean' ? !term : language.not(term));
  const reach = ({ reach: how, ids }: FilterPart) => every(ids === null || language.ids(ids), how === 'all' || ('own' in how ? language.owner(how.own) : language.units(how.units)));
  if (filter.kind !== 'some') return filter.kind === 'all';
  const allowed = filter.anyOf.map((part) => every(reach(part), language.isTrue(part.when)));
  const lent = filter.lent.map(({ within, filter: lenders }) => every(say(lenders, language), within === null || language.units([within])));
  // Not denied: out of the deny's reach, or its condition is false – not merely unknown.
  const spared = filter.noneOf.map((part) => some(not(reach(part)), language.isFalse(part.when)));
  return every(some(...allowed, ...lent), ...spared);
}

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
  const rows = ROW_KINDS[kind];
  const where = say<object>(filter, {
    ids: (ids) => ({ id: ids.length === 1 ? ids[0]! : { in: [...ids] } }),
    owner: (personId) => build.owner?.(personId) ?? false,
    units: (ids) => build.unit?.(ids) ?? false,
    isTrue: (residual) => whereTrue(residual, rows),
    isFalse: (residual) => whereFalse(residual, rows),
    and: (parts) => ({ AND: parts }),
    or: (parts) => ({ OR: parts }),
    not: (of) => ({ NOT: of }),
  });
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
  // Written when all is known: a parameter that the text does not mention is one PostgreSQL cannot type.
  const decided = (residual: Residual, as: boolean): Term<() => string> =>
    residual === null || typeof residual === 'boolean' ? residual === as : () => `(${sqlOf(residual, rows.attributes, types, parameters)} IS ${as ? 'TRUE' : 'FALSE'})`;
  const joined = (parts: readonly (() => string)[], by: string) => () => `(${parts.map((part) => part()).join(by)})`;
  const { owner, unit } = rows;
  const sql = say<() => string>(filter, {
    ids: (ids) => () => `${rows.id} = ANY (${parameter(ids, 'uuid[]')})`,
    owner: (personId) => (owner ? () => owner(parameter(personId, 'uuid')) : false),
    units: (ids) => (unit ? () => unit(parameter(ids, 'uuid[]')) : false),
    isTrue: (residual) => decided(residual, true),
    isFalse: (residual) => decided(residual, false),
    and: (parts) => joined(parts, ' AND '),
    or: (parts) => joined(parts, ' OR '),
    not: (of) => () => `(NOT ${of()})`,
  });
  return sql === false ? null : sql === true ? 'TRUE' : sql();
}

/** The columns of what conditions ask of a kind of rows, below an alias, by the names the schema gives fields. */
export function columnsOf(kind: RowKindName, alias: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries<RowAttribute>(ROW_KINDS[kind]).map(([name, { field, oneOf }]) => [name, `${alias}.${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}${oneOf ? '::text' : ''}`]));
}
