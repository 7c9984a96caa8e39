import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

export interface ObjectStoreOptions {
  /** Any S3-compatible service; AWS itself where null. */
  endpoint: string | null;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export interface StoredObject {
  key: string;
  bytes: number;
  at: Date;
}

export interface PutOptions {
  /** Nobody, the owner included, can delete or overwrite the object before then; the bucket must have object lock. */
  lockedUntil?: Date;
}

const PART_BYTES = 16 * 1024 * 1024;

/** Objects of one bucket, by the official SDK. Every call rejects with the service's error; nothing is retried for ever. */
export class ObjectStore {
  private readonly client: S3Client;

  constructor(private readonly options: ObjectStoreOptions) {
    this.client = new S3Client({
      region: options.region,
      ...(options.endpoint ? { endpoint: options.endpoint, forcePathStyle: true } : {}),
      credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
      // Services that only speak S3 do not know the newer default checksums; what is stored is hashed by its owner.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 4,
    });
  }

  /** Stores a file, in parts where it is large. Refuses (PreconditionFailed) a key that is there already. */
  async putFile(key: string, file: string, options: PutOptions = {}): Promise<void> {
    await this.put(key, createReadStream(file), (await stat(file)).size, options);
  }

  async putText(key: string, text: string, options: PutOptions = {}): Promise<void> {
    await this.put(key, Buffer.from(text), Buffer.byteLength(text), options);
  }

  private async put(key: string, body: Readable | Buffer, bytes: number, { lockedUntil }: PutOptions): Promise<void> {
    const upload = new Upload({
      client: this.client,
      partSize: PART_BYTES,
      queueSize: 2,
      params: {
        Bucket: this.options.bucket, Key: key, Body: body, IfNoneMatch: '*',
        ...(bytes <= PART_BYTES ? { ContentLength: bytes } : {}),
        ...(lockedUntil ? { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: lockedUntil } : {}),
      },
    });
    await upload.done();
    const stored = await this.size(key);
    if (stored !== bytes) throw new Error(`${key}: ${bytes} bytes were sent, ${stored ?? 'none'} are stored`);
  }

  /** Bytes of an object, or null where there is none. */
  async size(key: string): Promise<number | null> {
    try {
      const { ContentLength } = await this.client.send(new HeadObjectCommand({ Bucket: this.options.bucket, Key: key }));
      return ContentLength ?? 0;
    } catch (error) {
      if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return null;
      throw error;
    }
  }

  async get(key: string): Promise<Readable> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.options.bucket, Key: key }));
    if (!Body) throw new Error(`${key}: no content came back`);
    return Body as Readable;
  }

  async getText(key: string): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.get(key)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  /** Every object below a prefix, in the order of keys. */
  async list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    let token: string | undefined;
    do {
      const page = await this.client.send(new ListObjectsV2Command({ Bucket: this.options.bucket, Prefix: prefix, ContinuationToken: token }));
      for (const { Key, Size, LastModified } of page.Contents ?? []) if (Key) found.push({ key: Key, bytes: Size ?? 0, at: LastModified ?? new Date(0) });
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token);
    return found;
  }

  async remove(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.options.bucket, Key: key }));
  }

  close(): void {
    this.client.destroy();
  }
}
