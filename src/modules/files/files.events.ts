import type { StoredFile } from '../../platform/database';
import type { AuditEvent } from '../audit';

/** Its name may tell what is in it, and stays out of the log. */
const facts = ({ contentType, bytes, sha256 }: StoredFile) => ({ contentType, bytes, sha256: sha256 && Buffer.from(sha256).toString('hex') });

export const fileStored = (row: StoredFile): AuditEvent => ({ action: 'file.stored', target: { type: 'stored_file', id: row.id }, after: facts(row) });

export const fileRemoved = (row: StoredFile): AuditEvent => ({ action: 'file.removed', target: { type: 'stored_file', id: row.id }, before: facts(row) });
