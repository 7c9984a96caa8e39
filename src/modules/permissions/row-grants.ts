import { isRowId } from '../../access';
import type { EffectiveGrant } from './subject';

/** Bytes of an id, and of a row with the grant for it. */
const ID = 16;
const PAIR = 2 * ID;

/** What grants for single rows have in common. */
export type AlikeGrants = Omit<EffectiveGrant, 'id' | 'resource' | 'condition'> & { type: string };

/**
 * Allows for single rows that differ only in the row: people hold these by the hundreds, and an object for each would be
 * most of what is kept of a person. They are one string, a byte a character, 32 bytes a grant – row, then grant – in order.
 */
export class RowGrants {
  private constructor(
    readonly alike: AlikeGrants,
    private readonly pairs: string,
  ) {}

  /** Whether a grant can be kept this way. */
  static fits(grant: EffectiveGrant): boolean {
    return grant.resource !== null && grant.resource.id !== null && grant.condition === null && isRowId(grant.resource.id) && isRowId(grant.id);
  }

  /** Of grants that fit and are alike; in whatever order. */
  static of(grants: readonly EffectiveGrant[]): RowGrants {
    const { id: _id, resource, condition: _condition, ...alike } = grants[0]!;
    const pairs = grants.map((grant) => grant.resource!.id! + grant.id).sort();
    return new RowGrants({ ...alike, type: resource!.type }, Buffer.from(pairs.join('').replaceAll('-', ''), 'hex').toString('latin1'));
  }

  /** The grant for a row; null for none. */
  find(rowId: string): string | null {
    const wanted = packed(rowId);
    if (wanted === null) return null;
    let from = 0;
    let to = this.pairs.length / PAIR;
    while (from < to) {
      const middle = (from + to) >> 1;
      const order = this.compare(middle, wanted);
      if (order === 0) to = from = middle;
      else if (order < 0) from = middle + 1;
      else to = middle;
    }
    return from * PAIR < this.pairs.length && this.compare(from, wanted) === 0 ? this.grantAt(from) : null;
  }

  /** The rows, in order; one that two grants are for is there twice. */
  rowIds(): string[] {
    return Array.from({ length: this.pairs.length / PAIR }, (_, n) => unpacked(this.pairs.slice(n * PAIR, n * PAIR + ID)));
  }

  /** Each as a grant of its own. */
  grants(): EffectiveGrant[] {
    const { type, ...alike } = this.alike;
    return this.rowIds().map((rowId, n) => ({ ...alike, id: this.grantAt(n), resource: { type, id: rowId }, condition: null }));
  }

  private grantAt(n: number): string {
    return unpacked(this.pairs.slice(n * PAIR + ID, (n + 1) * PAIR));
  }

  /** Negative where the row at n comes before the one wanted. Byte by byte: a slice each would be garbage each. */
  private compare(n: number, wanted: string): number {
    for (let at = 0; at < ID; at += 1) {
      const order = this.pairs.charCodeAt(n * PAIR + at) - wanted.charCodeAt(at);
      if (order !== 0) return order;
    }
    return 0;
  }
}

/** The bytes of an id, a character each; null for what is no id of a row. */
function packed(id: string): string | null {
  return isRowId(id) ? Buffer.from(id.replaceAll('-', ''), 'hex').toString('latin1') : null;
}

const unpacked = (bytes: string) => Buffer.from(bytes, 'latin1').toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
