import { mkdtempSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring, mac, sameMac } from './keyring';

const root = Buffer.alloc(32, 1);
const folder = () => mkdtempSync(join(tmpdir(), 'gloria-keyring-'));

describe('the keyring', () => {
  it('makes one key a purpose, whoever asks first, and keeps it wrapped', async () => {
    const dir = folder();
    const keys = await Promise.all(Array.from({ length: 20 }, () => new Keyring(dir, root).current('cursor')));
    expect(new Set(keys.map(({ bytes }) => bytes.toString('hex'))).size).toBe(1);
    expect(readdirSync(dir)).toEqual(['cursor~1.key']);
    expect(readFileSync(join(dir, 'cursor~1.key')).includes(keys[0]!.bytes)).toBe(false);
  });

  it('rotates: the newest is current, older ones are still found', async () => {
    const ring = new Keyring(folder(), root);
    const first = await ring.current('pepper');
    const second = await ring.rotate('pepper');
    expect(second.kid).toBe('2');
    expect(await ring.current('pepper')).toEqual(second);
    expect(await ring.find('pepper', '1')).toEqual(first);
    for (let n = 3; n <= 11; n += 1) await ring.rotate('pepper');
    expect((await ring.current('pepper')).kid).toBe('11');
  });

  it('destroyed keys are gone, also for another process', async () => {
    const dir = folder();
    const ring = new Keyring(dir, root);
    await ring.current('subject.1');
    await ring.destroy('subject.1');
    expect(await ring.find('subject.1', '1')).toBeNull();
    expect(await new Keyring(dir, root).find('subject.1', '1')).toBeNull();
  });

  it('does not open with another root key, nor under another name', async () => {
    const dir = folder();
    await new Keyring(dir, root).current('a');
    await expect(new Keyring(dir, Buffer.alloc(32, 2)).current('a')).rejects.toThrow('does not open');
    renameSync(join(dir, 'a~1.key'), join(dir, 'b~1.key'));
    await expect(new Keyring(dir, root).current('b')).rejects.toThrow('does not open');
    await expect(new Keyring(dir, root).current('../a')).rejects.toThrow('not a key name');
  });

  it('derives a key of its own for each use', () => {
    expect(sameMac(mac(root, 'one', 'x'), mac(root, 'one', 'x'))).toBe(true);
    expect(sameMac(mac(root, 'one', 'x'), mac(root, 'two', 'x'))).toBe(false);
    expect(sameMac(mac(root, 'one', 'x'), Buffer.alloc(3))).toBe(false);
  });
});
