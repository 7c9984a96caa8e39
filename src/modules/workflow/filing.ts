import { type Actor, Denied, Problem } from '../../access';
import { everyRow, type Tx } from '../../platform/database';

/** Only people file requests, and a key is not one. */
export function personOf(actor: Actor): string {
  if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
  return actor.personId;
}

/** Whoever does it, by themselves or by a key of theirs. */
export function personBehind(actor: Actor): string {
  if (actor.kind === 'system') throw new Denied('SESSION_REQUIRED');
  return actor.personId;
}

/** The unit a request is filed for: the one asked for, if the person holds a post there, else their own. Throws 409 WORKFLOW_NO_UNIT. */
export async function unitFiledFor(tx: Tx, personId: string, wanted: string | undefined): Promise<string> {
  const now = new Date();
  const held = await everyRow(tx, 'rule').appointment.findMany({
    where: { personId, validFrom: { lte: now }, OR: [{ validUntil: null }, { validUntil: { gt: now } }], position: { deletedAt: null, unit: { deletedAt: null } } },
    // A post of one's own before one that is only stood in for, the oldest first.
    orderBy: [{ acting: 'asc' }, { validFrom: 'asc' }, { id: 'asc' }],
    select: { position: { select: { unitId: true } } },
  });
  const units = held.map(({ position }) => position.unitId);
  const unit = wanted === undefined ? units[0] : units.find((id) => id === wanted);
  if (unit === undefined) throw new Problem('WORKFLOW_NO_UNIT');
  return unit;
}
