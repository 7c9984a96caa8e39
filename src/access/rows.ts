import type { Residual } from './condition';

/** Preorder interval of a unit and everything below it. */
export type Interval = readonly [lft: number, rgt: number];

/** Facts about one row that a grant is compared with. A fact left out is a fact the row does not have. */
export interface ResourceFacts {
  /** What kind of row; see ROW_KINDS. Left out, grants for some kinds of rows only do not reach it. */
  type?: string;
  id?: string;
  /** The person the row belongs to. */
  ownerPersonId?: string;
  /** `lft` of the unit the row belongs to; of each, where it belongs to several. */
  unitLft?: number | readonly number[];
  /** What conditions may ask: `resource.<name>`. */
  properties?: Readonly<Record<string, unknown>>;
}

/** Rows that one grant reaches: within its scope, this one row or any, under what its condition leaves to be asked of them. */
export interface FilterPart {
  reach: 'all' | { own: string } | { intervals: readonly Interval[] };
  id: string | null;
  when: Residual;
}

/** Which rows a subject may see: all, none, or those of any part – or lent, within a unit – and of no denied part. */
export type RowFilter =
  | { kind: 'all' }
  | { kind: 'none' }
  | { kind: 'some'; anyOf: readonly FilterPart[]; lent: readonly { within: Interval | null; filter: RowFilter }[]; noneOf: readonly FilterPart[] };
