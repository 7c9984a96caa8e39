import { createHash } from 'node:crypto';
import { type Actor, actorKey, Problem } from '../access';
import { changesAuthorization, type Tx } from '../platform/database';

/**
 * Carries out `work` at most once for the actor's Idempotency-Key; without a key, simply carries it out. The answer is
 * stored in the business transaction, so there is never a stored answer without its effect or an effect that a replay
 * repeats, and a crash leaves nothing "in progress". Scope: foundation, actor, method and route template, key.
 *
 * The status needs no storing: a route has one for success. `stored` cuts secrets from what is kept.
 *
 * Throws 409 IDEMPOTENCY_IN_FLIGHT while another transaction holds the key, 422 IDEMPOTENCY_KEY_REUSED for another
 * request under it. `work` must resolve to what is answered, as plain JSON values.
 */
export async function idempotent<T>(tx: Tx, actor: Actor, work: () => Promise<T>, stored: (answer: T) => T = (answer) => answer): Promise<T> {
  const { idempotency, route } = actor.request;
  if (!idempotency) return work();
  const id = { foundationId: actor.foundationId, actorKey: actorKey(actor), route, key: idempotency.key };

  const lock = createHash('sha256').update(Object.values(id).join('\0')).digest().readBigInt64BE();
  const [{ taken } = { taken: false }] = await tx.$queryRaw<{ taken: boolean }[]>`SELECT pg_try_advisory_xact_lock(${lock}) AS taken`;
  if (!taken) throw new Problem('IDEMPOTENCY_IN_FLIGHT');

  const earlier = await tx.idempotencyRecord.findUnique({ where: { foundationId_actorKey_route_key: id } });
  if (earlier) {
    if (earlier.requestHash !== idempotency.requestHash) throw new Problem('IDEMPOTENCY_KEY_REUSED');
    // The first answer may have been lost before everybody knew of what it changed.
    changesAuthorization(tx);
    return JSON.parse(earlier.body) as T;
  }
  const result = await work();
  await tx.idempotencyRecord.create({ data: { ...id, requestHash: idempotency.requestHash, body: JSON.stringify(stored(result) ?? null) } });
  return result;
}

/** What is stored of an answer that shows a secret once: everything but the secret, which a replay answers as null. */
export function withoutSecret<T extends object>(field: keyof T): (answer: T) => T {
  return (answer) => ({ ...answer, [field]: null });
}
