import { Problem } from '../../access';
import type { AuditEvent } from '../audit';
import { changed, type Kind, type Row } from './organization.events';

/**
 * One change of one row: refused when the row is no longer the version read (409 STALE_VERSION), nothing written and
 * nothing recorded when nothing would change, else written on condition of the version and recorded.
 */
export async function versionedChange<R extends Row>(change: {
  kind: Kind;
  before: R;
  version: number;
  data: Readonly<Partial<R>>;
  /** Updates the row where it still has the version; resolves to how many rows that were. */
  write: () => Promise<{ count: number }>;
  read: () => Promise<R>;
  record: (event: AuditEvent) => Promise<void>;
}): Promise<R> {
  const { kind, before } = change;
  if (before.version !== change.version) throw new Problem('STALE_VERSION');
  const set = Object.fromEntries(Object.entries(change.data).filter(([, value]) => value !== undefined));
  if (!changed(kind, before, { ...before, ...set })) return before;
  const { count } = await change.write();
  if (count === 0) throw new Problem('STALE_VERSION');
  const after = await change.read();
  const event = changed(kind, before, after);
  if (event) await change.record(event);
  return after;
}
