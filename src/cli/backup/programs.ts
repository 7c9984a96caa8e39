import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A program's end that was not success, with what it said. */
export class ProgramFailed extends Error {}

interface Program {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** Starts a program with piped input and output; `ended` rejects with what it said where it fails. */
function start({ command, args, env }: Program) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(env ? { env } : {}) });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4_000)));
  const ended = new Promise<void>((done, fail) => {
    child.once('error', (error) => fail(new ProgramFailed(`${command}: ${error.message}`)));
    child.once('close', (code, signal) => (code === 0 ? done() : fail(new ProgramFailed(`${command} failed (${signal ?? `exit code ${code}`}): ${words.trim()}`))));
  });
  // The pipe breaks too where a program ends early; its own words say more.
  ended.catch(() => undefined);
  return { stdin: child.stdin as Writable, stdout: child.stdout as Readable, ended };
}

/** Passes bytes on and remembers how many there were and their SHA-256. */
export class Meter extends Transform {
  bytes = 0;
  private readonly hash = createHash('sha256');

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: Error | null, chunk: Buffer) => void): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    done(null, chunk);
  }

  sha256(): string {
    return this.hash.digest('hex');
  }
}

/** Sends streams through programs; rejects with the first program that failed rather than with the broken pipe. */
async function through(work: Promise<unknown>, ...programs: { ended: Promise<void> }[]): Promise<void> {
  const [streams, ...ends] = await Promise.allSettled([work, ...programs.map(({ ended }) => ended)]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  if (streams.status === 'rejected') throw streams.reason;
}

/** Runs `source` and stores what it prints, encrypted to `recipients`, as a file only its owner can read. */
export async function encryptTo(file: string, source: Program, recipients: readonly string[]): Promise<{ bytes: number; sha256: string }> {
  const from = start(source);
  const age = start({ command: 'age', args: recipients.flatMap((recipient) => ['--recipient', recipient]) });
  const meter = new Meter();
  const plain = new Meter();
  from.stdin.end();
  await through(
    Promise.all([pipeline(from.stdout, plain, age.stdin), pipeline(age.stdout, meter, createWriteStream(file, { mode: 0o600, flags: 'wx' }))]),
    from,
    age,
  );
  if (plain.bytes === 0) throw new ProgramFailed(`${source.command} printed nothing`);
  return { bytes: meter.bytes, sha256: meter.sha256() };
}

/** Decrypts `content` with an identity file and feeds it to a program. */
export async function decryptInto(content: Readable, identityFile: string, target: Program): Promise<{ bytes: number; sha256: string }> {
  const age = start({ command: 'age', args: ['--decrypt', '--identity', identityFile] });
  const into = start(target);
  const meter = new Meter();
  into.stdout.resume();
  await through(Promise.all([pipeline(content, meter, age.stdin), pipeline(age.stdout, into.stdin)]), age, into);
  return { bytes: meter.bytes, sha256: meter.sha256() };
}

/** How libpq is told a URL without its password standing in a list of processes: parameters, and a password file. */
export async function libpq(url: string, dir: string): Promise<{ env: Record<string, string>; forget: () => Promise<void> }> {
  const parsed = new URL(url);
  const file = join(dir, `.pgpass-${process.pid}-${Math.random().toString(36).slice(2)}`);
  const escape = (text: string) => text.replace(/([\\:])/g, '\\$1');
  await writeFile(file, `*:*:*:*:${escape(decodeURIComponent(parsed.password))}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin', PGPASSFILE: file, PGHOST: parsed.hostname, PGPORT: parsed.port || '5432', PGUSER: decodeURIComponent(parsed.username), PGDATABASE: decodeURIComponent(parsed.pathname.slice(1)), PGCONNECT_TIMEOUT: '10',
      // Prisma's own parameters (?schema=…) are not libpq's; these are.
      ...(parsed.searchParams.get('sslmode') ? { PGSSLMODE: parsed.searchParams.get('sslmode')! } : {}),
      ...(parsed.searchParams.get('sslrootcert') ? { PGSSLROOTCERT: parsed.searchParams.get('sslrootcert')! } : {}),
    },
    forget: () => rm(file, { force: true }),
  };
}
