import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSign, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { dirname, join } from 'node:path';
import { root } from './documents';

interface Description {
  dir: string;
  home: string;
  kit: string;
  repository: string;
  serverName: string;
  version: string;
  organization: string;
  path: string;
  databaseUrl: string;
  migrationUrl: string;
  adminUrl: string;
  redisUrl: string;
  ports: Record<'postgres' | 'redis' | 'http' | 'https' | 'blue' | 'green', number>;
  tls: { ca: string; certificate: string; key: string };
  issuer: { url: string; privateKey: string };
  postgres: { dir: string; data: string; socket: string; port: number; backupConfig: string; options: string; log: string };
}

export interface Outcome {
  code: number | null;
  output: string;
}

export interface HttpsAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A production-like host of a drill's own, made by scripts/prodlike.mjs below .gloria/drills. */
export class ProdlikeHost {
  constructor(readonly is: Description) {}

  static async start(name: string, settings: Record<string, string | number> = {}, options: string[] = []): Promise<ProdlikeHost> {
    const dir = join(root, '.gloria', 'drills', name);
    if (existsSync(join(dir, 'prodlike.json'))) await runToEnd(process.execPath, ['scripts/prodlike.mjs', '--dir', dir, '--down'], {});
    rmSync(dir, { recursive: true, force: true });
    const set = Object.entries(settings).map(([key, value]) => `${key}=${value}`).join(',');
    const { code, output } = await runToEnd(process.execPath, ['scripts/prodlike.mjs', '--dir', dir, '--set', set, ...options], {});
    if (code !== 0) throw new Error(`prodlike did not start:\n${output}`);
    return new ProdlikeHost(JSON.parse(readFileSync(join(dir, 'prodlike.json'), 'utf8')) as Description);
  }

  async stop(): Promise<void> {
    const { code, output } = await runToEnd(process.execPath, ['scripts/prodlike.mjs', '--dir', this.is.dir, '--down'], {});
    if (code !== 0) throw new Error(output);
  }

  get environment(): Record<string, string> {
    return { PATH: this.is.path, HOME: process.env.HOME ?? '/root', GLORIA_HOME: this.is.home, PM2_HOME: join(this.is.home, 'pm2'), ...(process.env.NODE_EXTRA_CA_CERTS ? { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS } : {}) };
  }

  run(command: string, args: string[] = [], extra: Record<string, string> = {}): Promise<Outcome> {
    return runToEnd(command.startsWith('./') ? join(this.is.kit, command) : command, args, { ...this.environment, ...extra }, this.is.kit);
  }

  deploy(version: string, ...options: string[]): Promise<Outcome> {
    return this.run('./deploy.sh', ['production', version, ...options]);
  }

  /** Starts a deployment and kills the deployer -9 once `when` has seen enough of its output; false where it ended before. */
  deployKilled(version: string, when: (output: string) => boolean, delayMs = 0): Promise<boolean> {
    return this.killed('deploy.sh', ['production', version], when, delayMs);
  }

  /** The same for the way back. */
  rollbackKilled(when: (output: string) => boolean): Promise<boolean> {
    return this.killed('rollback.sh', [], when, 0);
  }

  private async killed(script: string, args: string[], when: (output: string) => boolean, delayMs: number): Promise<boolean> {
    const child = spawn(join(this.is.kit, script), args, { cwd: this.is.kit, env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const ended = once(child, 'exit');
    const reached = new Promise<boolean>((done) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (when(output)) done(true);
        });
      }
      void ended.then(() => done(false));
    });
    if (!(await reached)) return false;
    if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs));
    const running = child.exitCode === null;
    child.kill('SIGKILL');
    await ended;
    return running;
  }

  rollback(...args: string[]): Promise<Outcome> {
    return this.run('./rollback.sh', args);
  }

  active(): 'blue' | 'green' {
    return readFileSync(join(this.is.home, 'live/upstream.conf'), 'utf8').includes(`:${this.is.ports.blue} `) ? 'blue' : 'green';
  }

  history(): Record<string, unknown>[] {
    return readFileSync(join(this.is.home, 'state/releases.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  pm2(...args: string[]): Promise<Outcome> {
    return this.run('pm2', args);
  }

  async processes(): Promise<{ name: string; pid: number; status: string; restarts: number; memoryMb: number }[]> {
    const { output } = await this.pm2('jlist');
    return (JSON.parse(output.slice(output.indexOf('['))) as { name: string; pid: number; monit: { memory: number }; pm2_env: { status: string; restart_time: number } }[]).map(({ name, pid, monit, pm2_env: env }) => ({ name, pid, status: env.status, restarts: env.restart_time, memoryMb: monit.memory / 2 ** 20 }));
  }

  /** A commit with these changes on top of what is deployed first, as a tag. @returns its commit id */
  publish(version: string, changes: Record<string, string | ((before: string) => string)>, on = this.is.version): string {
    const dir = mkdtempSync(join(this.is.dir, 'author-'));
    const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Gloria', '-c', 'user.email=gloria@localhost', ...args], { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    git('clone', '--quiet', this.is.repository, '.');
    git('checkout', '--quiet', on);
    for (const [file, change] of Object.entries(changes)) {
      const path = join(dir, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, typeof change === 'string' ? change : change(readFileSync(path, 'utf8')));
    }
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '-m', version);
    git('tag', version);
    git('push', '--quiet', 'origin', version);
    const commit = git('rev-parse', 'HEAD');
    rmSync(dir, { recursive: true, force: true });
    return commit;
  }

  token(clerkUser = 'user_dewi'): string {
    return sessionToken({ issuer: this.is.issuer.url, privateKey: this.is.issuer.privateKey, organization: this.is.organization, clerkUser, authorizedParty: 'https://app.gloria.test' });
  }

  /** One request through nginx. Rejects where the connection breaks. */
  call(path: string, options: { method?: string; body?: unknown; headers?: Record<string, string>; agent?: Agent; host?: string; from?: string } = {}): Promise<HttpsAnswer> {
    const text = options.body === undefined ? undefined : typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    return new Promise((done, fail) => {
      const outgoing = request(
        {
          host: '127.0.0.1', port: this.is.ports.https, path, method: options.method ?? 'GET', servername: options.host ?? this.is.serverName, ca: readFileSync(this.is.tls.ca), agent: options.agent, localAddress: options.from,
          headers: { host: options.host ?? this.is.serverName, ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }), ...options.headers },
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (body += chunk));
          response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, text: body }));
          response.on('error', fail);
        },
      );
      outgoing.on('error', (error) => fail(Object.assign(error, { idle: outgoing.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET' })));
      outgoing.end(text);
    });
  }

  load(clients = 8): Load {
    return new Load(this, clients);
  }
}

/** Constant requests through nginx, reads and writes, on connections that are kept; every one must be answered as it should. */
export class Load {
  answered = 0;
  /** Rows that were acknowledged. */
  written = 0;
  /**
   * Requests asked again because a kept connection was closed while it was idle, before anything came back, as every HTTP client does with what
   * may be repeated (RFC 9110, 9.2.2): nginx closes them when it is reloaded.
   */
  askedAgain = 0;
  readonly failures: string[] = [];
  readonly releases = new Map<string, number>();
  private running = true;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  private readonly ended: Promise<unknown>;

  constructor(private readonly host: ProdlikeHost, clients: number) {
    const authorization = `Bearer ${host.token()}`;
    this.ended = Promise.all(Array.from({ length: clients }, (_, n) => this.client(n, authorization)));
  }

  private async client(n: number, authorization: string): Promise<void> {
    for (let round = 0; this.running; round += 1) {
      const write = (round + n) % 8 === 0;
      try {
        // Writes carry a key, as the API wants of whoever may have to repeat one.
        const headers: Record<string, string> = { authorization, ...(write ? { 'idempotency-key': randomBytes(12).toString('hex') } : {}) };
        // People, not schools: a unit more renumbers the whole tree, and no foundation has thousands.
        const body = write ? { employeeNumber: `D${randomBytes(8).toString('hex')}`, fullName: 'Guru Baru' } : undefined;
        const path = write ? '/api/v1/people' : round % 2 ? '/api/v1/me' : '/api/v1/schools?limit=5';
        const ask = (agent: Agent) => this.host.call(path, { method: write ? 'POST' : 'GET', headers, agent, body });
        const answer = await ask(this.agent).catch((error: Error & { idle?: boolean }) => {
          if (!error.idle) throw error;
          this.askedAgain += 1;
          // On a connection of its own: the kept ones were closed together.
          return ask(new Agent({ keepAlive: false }));
        });
        if (answer.status !== (write ? 201 : 200)) this.failures.push(`${new Date().toISOString()} HTTP ${answer.status} ${answer.text.slice(0, 200)}`);
        const release = String(answer.headers['x-gloria-release']).split(';')[0] ?? '';
        this.releases.set(release, (this.releases.get(release) ?? 0) + 1);
        this.answered += 1;
        if (answer.status === 201) this.written += 1;
      } catch (error) {
        this.failures.push(`${new Date().toISOString()} ${write ? 'POST' : 'GET'} ${(error as Error).message}`);
      }
      await new Promise((done) => setTimeout(done, 15));
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.ended;
    this.agent.destroy();
  }
}

/** A session token as Clerk makes them, of a sign-in just now, valid for ten hours. */
export function sessionToken({ issuer, privateKey, organization, clerkUser, authorizedParty }: { issuer: string; privateKey: string; organization: string; clerkUser: string; authorizedParty: string }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, azp: authorizedParty, sub: clerkUser, sid: `sess_${randomBytes(8).toString('hex')}`, iat: now - 5, nbf: now - 5, exp: now + 36_000, v: 2, fva: [0, -1], sts: 'active', o: { id: organization, rol: 'admin', slg: 'school' } };
  const input = `${part({ alg: 'RS256', typ: 'JWT', kid: 'ins_test' })}.${part(claims)}`;
  return `${input}.${createSign('RSA-SHA256').update(input).sign(privateKey, 'base64url')}`;
}

export async function runToEnd(command: string, args: string[], environment: Record<string, string>, cwd = root): Promise<Outcome> {
  const child: ChildProcess = spawn(command, args, { cwd, env: { ...(Object.keys(environment).length > 0 ? environment : process.env) } as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  await new Promise((done) => setTimeout(done, 50));
  child.stdout?.destroy();
  child.stderr?.destroy();
  return { code, output };
}

/** The output of what must have succeeded; fails with it otherwise. */
export function succeeded({ code, output }: Outcome): string {
  if (code !== 0) throw new Error(`exit code ${code}:\n${output}`);
  return output;
}

/** Keeps what a drill measured, for those who ask later when it was last run and with what result. */
export function recordDrill(name: string, figures: Record<string, unknown>): void {
  const dir = join(root, '.gloria', 'records');
  mkdirSync(dir, { recursive: true });
  const commit = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(dir, `${name}.json`), `${JSON.stringify({ drill: name, at: new Date().toISOString(), commit, ...figures }, null, 2)}\n`);
}
