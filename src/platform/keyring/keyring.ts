import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^[a-z0-9][a-z0-9._-]{0,120}$/;

export interface Key {
  /** Version of the key within its purpose. */
  kid: string;
  bytes: Buffer;
}

/**
 * Keys that must not live in the database: a key inside it would survive in every backup. Each is a random 32-byte
 * key, wrapped by the root key (AES-256-GCM, the file's name as associated data) in a file of its own; destroying a
 * key is deleting its file. Files are created exclusively, so that processes starting together agree on one key.
 */
export class Keyring {
  private readonly held = new Map<string, Buffer>();

  constructor(
    private readonly dir: string,
    private readonly rootKey: Buffer,
  ) {}

  /** The newest key of a purpose, made on first use. */
  async current(purpose: string): Promise<Key> {
    const kids = await this.kids(purpose);
    const kid = kids.at(-1) ?? '1';
    return { kid, bytes: (await this.read(purpose, kid)) ?? (await this.create(purpose, kid)) };
  }

  /** A named version of a purpose's key; null where it was destroyed or never existed. */
  async find(purpose: string, kid: string): Promise<Key | null> {
    const bytes = await this.read(purpose, kid);
    return bytes && { kid, bytes };
  }

  /** Adds a newer version; older ones stay readable. */
  async rotate(purpose: string): Promise<Key> {
    const kid = String(Number((await this.kids(purpose)).at(-1) ?? '0') + 1);
    return { kid, bytes: await this.create(purpose, kid) };
  }

  /** Destroys every version of a purpose's key: what it encrypted is unreadable from then on. */
  async destroy(purpose: string): Promise<void> {
    for (const kid of await this.kids(purpose)) {
      this.held.delete(this.fileName(purpose, kid));
      await rm(join(this.dir, this.fileName(purpose, kid)), { force: true });
    }
  }

  private async kids(purpose: string): Promise<string[]> {
    const prefix = `${check(purpose)}~`;
    const names = await readdir(this.dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .filter((name) => name.startsWith(prefix) && name.endsWith('.key'))
      .map((name) => name.slice(prefix.length, -'.key'.length))
      .sort((a, b) => Number(a) - Number(b));
  }

  private async read(purpose: string, kid: string): Promise<Buffer | null> {
    const name = this.fileName(purpose, kid);
    const held = this.held.get(name);
    if (held) return held;
    const wrapped = await readFile(join(this.dir, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (!wrapped) return null;
    const bytes = this.opened(name, wrapped);
    this.held.set(name, bytes);
    return bytes;
  }

  private async create(purpose: string, kid: string): Promise<Buffer> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const name = this.fileName(purpose, kid);
    const bytes = randomBytes(32);
    // Written whole under another name, then linked: a reader never sees half a key, and the first creator wins.
    const draft = join(this.dir, `.${name}.${randomBytes(6).toString('hex')}`);
    await writeFile(draft, seal(this.rootKey, name, bytes), { mode: 0o600, flag: 'wx' });
    try {
      await link(draft, join(this.dir, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const winner = await this.read(purpose, kid);
      if (!winner) throw error;
      return winner;
    } finally {
      await rm(draft, { force: true });
    }
    this.held.set(name, bytes);
    return bytes;
  }

  private opened(name: string, wrapped: Buffer): Buffer {
    try {
      return unseal(this.rootKey, name, wrapped);
    } catch {
      throw new Error(`the key ${name} does not open with ENCRYPTION_KEY`);
    }
  }

  private fileName(purpose: string, kid: string): string {
    return `${check(purpose)}~${check(kid)}.key`;
  }
}

/** HMAC-SHA-256 under a key derived for one use, so that no two uses share a key. */
export function mac(key: Buffer, use: string, data: string | Buffer): Buffer {
  return createHmac('sha256', Buffer.from(hkdfSync('sha256', key, '', use, 32))).update(data).digest();
}

/** Compares two MACs without telling where they differ. */
export function sameMac(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function check(name: string): string {
  if (!NAME.test(name)) throw new Error(`not a key name: ${JSON.stringify(name)}`);
  return name;
}

/** Encrypts under a key; what it is called is authenticated with it. */
export function seal(root: Buffer, name: string, plain: Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', root, nonce).setAAD(Buffer.from(name));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** What was sealed under this key and name. Throws where it was not. */
export function unseal(root: Buffer, name: string, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', root, wrapped.subarray(0, 12)).setAAD(Buffer.from(name));
  decipher.setAuthTag(wrapped.subarray(-16));
  return Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()]);
}
