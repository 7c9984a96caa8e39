import { createHash } from 'node:crypto';
import type { Tx } from '../../platform/database';

/** SHA-256 of an address in lower case: who is erased leaves none behind. */
export const addressHash = (address: string): Uint8Array<ArrayBuffer> => new Uint8Array(createHash('sha256').update(address.trim().toLowerCase()).digest());

/** Those of these addresses that are not mailed any more, and why. */
export async function suppressedAmong(tx: Tx, addresses: readonly string[]): Promise<{ address: string; reason: string; since: Date }[]> {
  if (addresses.length === 0) return [];
  const rows = await tx.mailSuppression.findMany({ where: { addressHash: { in: addresses.map(addressHash) } } });
  const byHash = new Map(rows.map((row) => [Buffer.from(row.addressHash).toString('hex'), row]));
  return addresses.flatMap((address) => {
    const row = byHash.get(Buffer.from(addressHash(address)).toString('hex'));
    return row ? [{ address, reason: row.reason, since: row.since }] : [];
  });
}
