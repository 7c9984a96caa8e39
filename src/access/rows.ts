import type { Residual } from './condition';

/**
 * Where a unit stands: the ids of all units above it, from the root, and its own at the end. Another unit lies in it where
 * that one's path has this id. Unlike numbers of the tree, it means the same at whatever moment it was read.
 */
export type UnitPath = readonly string[];

/** Facts about one row that a grant is compared with. A fact left out is a fact the row does not have. */
export interface ResourceFacts {
  /** What kind of row; see ROW_KINDS. Left out, grants for some kinds of rows only do not reach it. */
  type?: string;
  id?: string;
  /** The person the row belongs to. */
  ownerPersonId?: string;
  /** The unit the row belongs to; each, where it belongs to several. */
  unitPath?: UnitPath | readonly UnitPath[];
  /** What conditions may ask: `resource.<name>`. */
  properties?: Readonly<Record<string, unknown>>;
}

/** Rows that one grant reaches, or several alike: within its scope, these rows or any, under what its condition leaves to be asked of them. */
export interface FilterPart {
  reach: 'all' | { own: string } | { units: readonly string[] };
  ids: readonly string[] | null;
  when: Residual;
}

/** Which rows a subject may see: all, none, or those of any part – or lent, within a unit – and of no denied part. */
export type RowFilter =
  | { kind: 'all' }
  | { kind: 'none' }
  | { kind: 'some'; anyOf: readonly FilterPart[]; lent: readonly { within: string | null; filter: RowFilter }[]; noneOf: readonly FilterPart[] };

/** The places of a row, however many. */
export function placesOf(place: ResourceFacts['unitPath']): readonly UnitPath[] {
  if (place === undefined || place.length === 0) return [];
  return typeof place[0] === 'string' ? [place as UnitPath] : (place as readonly UnitPath[]);
}
