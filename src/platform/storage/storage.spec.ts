import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { LocalFolderStorage, StorageLimitExceeded } from './index';

describe('the local folder storage', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gloria-storage-'));
  const storage = new LocalFolderStorage(dir);

  it('stores, reads and removes', async () => {
    expect(await storage.put('a/b.txt', Readable.from(['hello ', 'world']), 100)).toBe(11);
    expect(await text((await storage.get('a/b.txt'))!)).toBe('hello world');
    await storage.put('a/b.txt', Readable.from(['new']), 100);
    expect(await text((await storage.get('a/b.txt'))!)).toBe('new');
    await storage.remove('a/b.txt');
    expect(await storage.get('a/b.txt')).toBeNull();
    await storage.remove('a/b.txt');
  });

  it('keeps nothing of what is too large or breaks off', async () => {
    await expect(storage.put('big', Readable.from([Buffer.alloc(60), Buffer.alloc(60)]), 100)).rejects.toThrow(StorageLimitExceeded);
    const broken = new Readable({ read() { this.push('half'); this.destroy(new Error('line cut')); } });
    await expect(storage.put('broken', broken, 100)).rejects.toThrow('line cut');
    expect(await storage.get('big')).toBeNull();
    expect(await storage.get('broken')).toBeNull();
    expect(readdirSync(join(dir, '.drafts'))).toEqual([]);
  });

  it.each(['../x', '/etc/passwd', 'a//b', 'a/../../b', '', '.hidden', 'a\0b'])('refuses the key %j', async (key) => {
    await expect(storage.get(key)).rejects.toThrow('not a storage key');
    await expect(storage.put(key, Readable.from(['x']), 10)).rejects.toThrow('not a storage key');
  });
});
