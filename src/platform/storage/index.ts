import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config';

/** Stored bytes by key; keys are `/`-separated segments of [A-Za-z0-9._-]. */
export abstract class Storage {
  /** Stores a stream whole or not at all; refuses more than `limit` bytes. Resolves to the size. */
  abstract put(key: string, content: Readable, limit: number): Promise<number>;
  /** A stream of the content, or null where there is none. */
  abstract get(key: string): Promise<Readable | null>;
  abstract remove(key: string): Promise<void>;
}

export class StorageLimitExceeded extends Error {}

/** Files under one folder. A put goes to a temporary name and is renamed, so that readers see whole files only. */
export class LocalFolderStorage extends Storage {
  constructor(private readonly dir: string) {
    super();
  }

  async put(key: string, content: Readable, limit: number): Promise<number> {
    const target = this.path(key);
    const draft = join(this.dir, '.drafts', randomUUID());
    await mkdir(dirname(draft), { recursive: true });
    let size = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        size += chunk.length;
        done(size > limit ? new StorageLimitExceeded(`more than ${limit} bytes`) : null, chunk);
      },
    });
    try {
      await pipeline(content, meter, createWriteStream(draft, { flags: 'wx', mode: 0o600 }));
      await mkdir(dirname(target), { recursive: true });
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
    return size;
  }

  async get(key: string): Promise<Readable | null> {
    const path = this.path(key);
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    return found?.isFile() ? createReadStream(path) : null;
  }

  async remove(key: string): Promise<void> {
    await rm(this.path(key), { force: true });
  }

  private path(key: string): string {
    const segments = key.split('/');
    if (segments.some((segment) => !/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(segment))) throw new Error(`not a storage key: ${JSON.stringify(key)}`);
    return join(this.dir, ...segments);
  }
}

@Global()
@Module({
  providers: [{ provide: Storage, inject: [CONFIG], useFactory: (config: Config) => new LocalFolderStorage(config.storageDir) }],
  exports: [Storage],
})
export class StorageModule {}

export { ObjectStore, type StoredObject } from './object-store';
