import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { pipeline, type Readable, Transform, Writable } from 'node:stream';
import { pipeline as piped } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, Problem } from '../../access';
import { idempotent } from '../../http';
import { Database, type StoredFile, type Tx } from '../../platform/database';
import { Keyring } from '../../platform/keyring';
import { Storage } from '../../platform/storage';
import { AuditService } from '../audit';
import { cleaning, inTurn, nameOf, recognized } from './content';
import { type FileView, toFileView, type WholeFile } from './files.dto';
import { fileRemoved, fileStored } from './files.events';

/** Where files are sent to, and how large they may be; nginx knows the same. */
export const FILE_BODY = { path: '/api/v1/files', limitBytes: 10 * 1024 * 1024, textTypes: ['multipart/form-data'] };

/** Files of one person that belong to nothing yet. */
const MOST_LOOSE = 50;
/** How long they may, and when they are deleted: the hour between is for who is attaching one in that moment. */
const LOOSE_HOURS = { attach: 24, keep: 25 };

/** The bytes of files, encrypted under keys of the people who sent them, and what is known of each. Asks nobody for permission. */
@Injectable()
export class FileStore {
  constructor(
    private readonly database: Database,
    private readonly storage: Storage,
    private readonly keyring: Keyring,
    private readonly audit: AuditService,
  ) {}

  /**
   * Stores what is sent, as it comes. Its row is written first and completed last, so that bytes no row knows of cannot be
   * left behind. Throws 413 BODY_TOO_LARGE, 415 FILE_TYPE_UNSUPPORTED, 422 FILE_UNREADABLE, 409 FILES_TOO_MANY.
   */
  async receive(actor: Actor, sentName: string, sent: Readable): Promise<FileView> {
    if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
    const { personId, foundationId } = actor;
    const id = uuidv7();
    const key = await this.keyring.current(purposeOf(personId));
    await this.database.withTenant(actor, async (tx) => {
      if ((await tx.storedFile.count({ where: { personId, attachedAt: null } })) >= MOST_LOOSE) throw new Problem('FILES_TOO_MANY', { limit: MOST_LOOSE });
      await tx.storedFile.create({ data: { id, foundationId, personId, name: '', keyId: key.kid } });
    });
    try {
      const { type, content } = await recognized(sent);
      if (type === null) throw new Problem('FILE_TYPE_UNSUPPORTED');
      const name = nameOf(sentName, type);
      const write = () => this.write({ id, foundationId }, key.bytes, type, content);
      const stored = await (type.startsWith('image/') ? inTurn(write) : write());
      const view = await this.database.withTenant(actor, (tx) =>
        idempotent(tx, actor, async () => {
          const row = await tx.storedFile.update({ where: { id }, data: { name, contentType: type, ...stored } });
          await this.audit.record(tx, actor, fileStored(row));
          return toFileView(row as WholeFile);
        }),
      );
      // Sent again under the same key: the first one is answered.
      if (view.id !== id) await this.forget(actor, id);
      return view;
    } catch (error) {
      await this.forget(actor, id);
      throw error;
    }
  }

  /** The content, all of it known to be what was stored before the first byte is given. Throws 410 FILE_ERASED where its key is destroyed. */
  async content(file: WholeFile): Promise<Readable> {
    const key = await this.keyring.find(purposeOf(file.personId), file.keyId);
    if (!key) throw new Problem('FILE_ERASED');
    // What an authenticated cipher gives before its end is not authenticated yet.
    await piped(await this.encrypted(file), decipherOf(file, key.bytes), new Writable({ write: (_chunk, _encoding, done) => done() }));
    return pipeline(await this.encrypted(file), decipherOf(file, key.bytes), () => undefined);
  }

  /** One that is whole; null where there is none. */
  async find(tx: Tx, id: string): Promise<WholeFile | null> {
    return (await tx.storedFile.findFirst({ where: { id, bytes: { not: null } } })) as WholeFile | null;
  }

  /** Lets the caller's own file belong to something; false where there is none to give, or it belongs to something already. */
  async keep(tx: Tx, personId: string, id: string): Promise<boolean> {
    const count = await tx.$executeRaw`
      UPDATE stored_file SET attached_at = now()
       WHERE id = ${id}::uuid AND person_id = ${personId}::uuid AND bytes IS NOT NULL AND attached_at IS NULL AND created_at > now() - make_interval(hours => ${LOOSE_HOURS.attach})`;
    return count === 1;
  }

  /** Lets it belong to nothing again; it is deleted when its day is over. */
  async release(tx: Tx, id: string): Promise<void> {
    await tx.storedFile.update({ where: { id }, data: { attachedAt: null } });
  }

  /** Deletes the caller's own file that belongs to nothing. Throws 404, 409 FILE_ATTACHED. */
  async remove(actor: Actor, id: string): Promise<void> {
    if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
    await this.database.withTenant(actor, async (tx) => {
      const row = await tx.storedFile.findFirst({ where: { id, personId: actor.personId, bytes: { not: null } } });
      if (!row) throw new Problem('NOT_FOUND');
      // Before the row: a row without bytes is cleared away later, bytes without a row never.
      const { count } = await tx.storedFile.deleteMany({ where: { id, attachedAt: null } });
      if (count === 0) throw new Problem('FILE_ATTACHED');
      await this.audit.record(tx, actor, fileRemoved(row));
      await this.storage.remove(storageKey(row));
    });
  }

  /** Deletes what has belonged to nothing for more than a day, in every foundation. */
  async expire(): Promise<void> {
    for (let found = 1; found > 0; ) {
      found = await this.database.asWorker(async (client) => {
        const { rows } = await client.query<{ id: string; foundation_id: string }>(
          `SELECT id, foundation_id FROM stored_file WHERE attached_at IS NULL AND created_at < now() - make_interval(hours => $1) ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED`,
          [LOOSE_HOURS.keep],
        );
        for (const row of rows) await this.storage.remove(storageKey({ id: row.id, foundationId: row.foundation_id }));
        await client.query('DELETE FROM stored_file WHERE id = ANY($1::uuid[])', [rows.map(({ id }) => id)]);
        return rows.length;
      });
    }
  }

  private async write(file: Pick<StoredFile, 'id' | 'foundationId'>, key: Buffer, type: string, content: Readable) {
    const hash = createHash('sha256');
    const [sent, kept] = [{ bytes: 0 }, { bytes: 0 }];
    const limited = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent.bytes += chunk.length;
        done(sent.bytes > FILE_BODY.limitBytes ? new Problem('BODY_TOO_LARGE', { limit: FILE_BODY.limitBytes }) : null, chunk);
      },
    });
    const metered = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        kept.bytes += chunk.length;
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', keyOf(file.id, key), nonce).setAAD(Buffer.from(storageKey(file)));
    const cleaner = await cleaning(type);
    let fault: Error | undefined;
    const noted = (error: Error | null) => {
      fault ??= error ?? undefined;
    };
    cleaner?.on('error', (error) => noted(new Problem('FILE_UNREADABLE', { reason: error.message.slice(0, 200) })));
    pipeline([content, limited, ...(cleaner ? [cleaner] : []), metered, cipher], noted);
    try {
      // Cleaning may make a picture larger, never much.
      await this.storage.put(storageKey(file), cipher, 2 * FILE_BODY.limitBytes);
    } catch (error) {
      throw fault ?? error;
    }
    return { bytes: kept.bytes, sha256: new Uint8Array(hash.digest()), seal: new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag()])) };
  }

  private async encrypted(file: StoredFile): Promise<Readable> {
    const stored = await this.storage.get(storageKey(file));
    if (!stored) throw new Error(`the bytes of ${storageKey(file)} are not in the storage`);
    return stored;
  }

  /** What came to nothing leaves nothing; what cannot be cleared away now is when it expires. */
  private async forget(actor: Actor, id: string): Promise<void> {
    await this.storage.remove(storageKey({ id, foundationId: actor.foundationId }));
    await this.database.withTenant(actor, (tx) => tx.storedFile.deleteMany({ where: { id, bytes: null } }));
  }
}

const purposeOf = (personId: string) => `person.${personId}`;
const storageKey = ({ foundationId, id }: Pick<StoredFile, 'id' | 'foundationId'>) => `${foundationId}/files/${id}`;
/** A key for one file, so that a nonce never meets another file's. */
const keyOf = (id: string, key: Buffer) => Buffer.from(hkdfSync('sha256', key, id, 'gloria stored file', 32));

function decipherOf(file: WholeFile, key: Buffer) {
  const seal = Buffer.from(file.seal);
  return createDecipheriv('aes-256-gcm', keyOf(file.id, key), seal.subarray(0, 12)).setAAD(Buffer.from(storageKey(file))).setAuthTag(seal.subarray(12));
}
