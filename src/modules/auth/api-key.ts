import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface ApiKeyParts {
  keyId: string;
  secret: string;
}

const SHAPE = /^gl_(live|test)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/** `gl_{live|test}_<id>_<secret><crc32>`: recognisable to secret scanners, and a typo is refused without a look-up. */
export function makeApiKey(live: boolean): ApiKeyParts & { text: string } {
  const keyId = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const head = `gl_${live ? 'live' : 'test'}_${keyId}_${secret}`;
  return { keyId, secret, text: head + checksum(head) };
}

/** The parts of a well-formed key, or null. */
export function parseApiKey(text: string): ApiKeyParts | null {
  const match = SHAPE.exec(text);
  if (!match || checksum(text.slice(0, -8)) !== match[4]) return null;
  return { keyId: match[2]!, secret: match[3]! };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
