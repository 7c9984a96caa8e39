import { isRowId } from '../../access';
import type { EffectiveGrant } from './effective-grant';

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
    let from = 0;
    let to = this.pairs.length / PAIR;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.compare(middle, rowId) < 0) from = middle + 1;
      else to = middle;
    }
    return from * PAIR < this.pairs.length && this.compare(from, rowId) === 0 && isRowId(rowId) ? this.grantAt(from) : null;
  }

  /** The grant for the first row. */
  first(): string {
    return this.grantAt(0);
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

  /** Negative where the row at n comes before the one wanted, as far as that is an id at all. Byte by byte, as far as they agree. */
  private compare(n: number, wanted: string): number {
    for (let at = 0; at < ID; at += 1) {
      const digits = DIGITS_AT[at]!;
      const order = this.pairs.charCodeAt(n * PAIR + at) - ((DIGIT[wanted.charCodeAt(digits)]! << 4) | DIGIT[wanted.charCodeAt(digits + 1)]!);
      if (order !== 0) return order;
    }
    return 0;
  }
}

/** Value of a hexadecimal digit by its character code; of anything else nothing that counts. */
const DIGIT = Uint8Array.from({ length: 128 }, (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0);
/** Where the digits of each byte stand in an id as it is written. */
const DIGITS_AT = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

const unpacked = (bytes: string) => Buffer.from(bytes, 'latin1').toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
