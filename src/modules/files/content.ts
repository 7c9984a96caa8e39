import { type Duplex, Readable } from 'node:stream';
import FileType from 'file-type';

/** What may be stored, and how a name of it ends. */
export const TYPES: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
};

/** The same, for definitions that ask for some of them. */
export const FILE_TYPES = Object.keys(TYPES) as [string, ...string[]];

/** An office document names its parts within so many bytes. */
const HEAD_BYTES = 64 * 1024;
/** Longest side of a stored picture: a page of A4 at 300 dpi is 3,508. */
const LONGEST_SIDE = 3_600;
/** A picture that unpacks to more is a bomb, or no photograph. */
const MOST_PIXELS = 50_000_000;

/** The type by what the content is, never by what was said of it; null where it may not be stored. `content` is all of it, head included. */
export async function recognized(stream: Readable): Promise<{ type: string | null; content: Readable }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const rest = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  while (size < HEAD_BYTES) {
    const next = await rest.next();
    if (next.done) break;
    chunks.push(next.value);
    size += next.value.length;
  }
  const head = Buffer.concat(chunks);
  const mime = (await FileType.fromBuffer(head))?.mime;
  const all = async function* () {
    yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  };
  return { type: mime !== undefined && Object.hasOwn(TYPES, mime) ? mime : null, content: Readable.from(all(), { objectMode: false }) };
}

/**
 * What a picture passes through on its way: upright, no larger than a page needs, and nothing in it but the picture – where
 * it was taken and with what stays out. null for other types, which are stored as they are.
 */
export async function cleaning(type: string): Promise<Duplex | null> {
  if (!type.startsWith('image/')) return null;
  // Loaded when the first picture comes: it takes memory that most processes never need.
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  const picture = sharp({ limitInputPixels: MOST_PIXELS, sequentialRead: true, failOn: 'error' })
    .autoOrient()
    .resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true });
  if (type === 'image/png') return picture.png();
  return type === 'image/webp' ? picture.webp({ quality: 85 }) : picture.jpeg({ quality: 85 });
}

let last: Promise<unknown> = Promise.resolve();

/** Runs `work` when what was asked for before is done: one picture of the largest kind takes 150 MB for a second, and a process has 512. */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work);
  last = mine.catch(() => undefined);
  return mine;
}

/** A name to store: no path, no control characters, ending as its type does. */
export function nameOf(sent: string, type: string): string {
  const ending = TYPES[type]!;
  const last = sent.split(/[\\/]/).at(-1)!.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').trim();
  const stem = last.replace(/\.[A-Za-z0-9]{1,5}$/, '').replace(/^\.+/, '').slice(0, 120).trim();
  return `${stem === '' ? 'file' : stem}.${ending}`;
}
