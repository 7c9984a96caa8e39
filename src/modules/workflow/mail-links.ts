import { type Keyring, mac, sameMac } from '../../platform/keyring';

/** What a link in a mail says: whose decision of which step it is, and when the mail was made. */
export interface MailLink {
  foundationId: string;
  taskId: string;
  personId: string;
  /** Epoch ms. */
  madeAt: number;
}

const PURPOSE = 'mail-decision';
const VERSION = 1;
const SAID = 1 + 16 * 3 + 6;

/** For so long a link decides, from when its mail was made. */
export const LINK_MS = 7 * 24 * 3_600_000;

const bytesOf = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex');
const idOf = (bytes: Buffer) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/**
 * The token of a link: version, foundation, step, person, time, and an HMAC-SHA256 over them under a key of the keyring,
 * named before it. Nothing is stored; whoever has the token has what it says, and its mail must not be passed on.
 */
export async function tokenOf(keyring: Keyring, { foundationId, taskId, personId, madeAt }: MailLink): Promise<string> {
  const { kid, bytes } = await keyring.current(PURPOSE);
  const time = Buffer.alloc(6);
  time.writeUIntBE(madeAt, 0, 6);
  const said = Buffer.concat([Buffer.from([VERSION]), bytesOf(foundationId), bytesOf(taskId), bytesOf(personId), time]);
  return `${kid}.${Buffer.concat([said, mac(bytes, PURPOSE, said.toString('base64url'))]).toString('base64url')}`;
}

/** What a token says; null where it is none of ours. */
export async function readToken(keyring: Keyring, token: string): Promise<MailLink | null> {
  const [, kid, text] = /^(\d{1,9})\.([A-Za-z0-9_-]{20,300})$/.exec(token) ?? [];
  const key = kid === undefined ? null : await keyring.find(PURPOSE, kid);
  if (!key) return null;
  const whole = Buffer.from(text!, 'base64url');
  const said = whole.subarray(0, SAID);
  // One way to write each: what decodes to the same bytes is another text.
  if (whole.toString('base64url') !== text || said.length < SAID || said[0] !== VERSION || !sameMac(mac(key.bytes, PURPOSE, said.toString('base64url')), whole.subarray(SAID))) return null;
  return { foundationId: idOf(said.subarray(1, 17)), taskId: idOf(said.subarray(17, 33)), personId: idOf(said.subarray(33, 49)), madeAt: said.readUIntBE(49, 6) };
}
