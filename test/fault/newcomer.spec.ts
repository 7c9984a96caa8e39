import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../support/documents';

/** A clone of what is committed, as a newcomer has it: no node_modules, no .gloria. */
class Clone {
  readonly dir = join(mkdtempSync(join(tmpdir(), 'gloria-clone-')), 'gloria-backend');
  private child: ChildProcess | null = null;
  output = '';

  constructor() {
    execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, this.dir]);
  }

  async start(): Promise<number> {
    const begun = Date.now();
    this.output = '';
    const { NODE_ENV: _, TEST_POSTGRES_ADMIN_URL: __, TEST_REDIS_URL: ___, JEST_WORKER_ID: ____, ...env } = process.env;
    const child = spawn('npm', ['start'], { cwd: this.dir, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.child = child;
    const ready = new Promise<void>((done, fail) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          this.output += chunk.toString();
          if (this.output.includes('Ctrl-C stops it')) done();
        });
      }
      child.once('exit', (code) => fail(new Error(`npm start ended with ${code}:\n${this.output}`)));
    });
    await ready;
    return Date.now() - begun;
  }

  /** Ctrl-C: SIGINT to the whole foreground group, as a terminal sends it. */
  async stop(): Promise<number | null> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    process.kill(-child.pid!, 'SIGINT');
    await once(child, 'exit');
    return child.exitCode;
  }

  get url(): string {
    return (JSON.parse(readFileSync(join(this.dir, '.gloria/run.json'), 'utf8')) as { url: string }).url;
  }

  token(person: string): string {
    return execFileSync('npm', ['run', '-s', 'token', '--', person], { cwd: this.dir, encoding: 'utf8' }).trim();
  }

  processes(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
        } catch {
          // Ended while we were looking.
          return [];
        }
      })
      .filter((line) => line.includes(this.dir));
  }
}

describe('a newcomer', () => {
  it('starts two clones beside each other, does the job, stops both cleanly, and finds the data again', async () => {
    const [one, two] = [new Clone(), new Clone()];
    try {
      await one.start();
      await two.start();
      expect(one.url).not.toBe(two.url);
      for (const clone of [one, two]) {
        const call = async (who: string, method: string, path: string, body?: object) => {
          const answer = await fetch(`${clone.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${clone.token(who)}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
          expect([path, answer.status < 300]).toEqual([path, true]);
          return (await answer.json()) as { openTasks: { id: string }[]; items: unknown[] };
        };
        const filed = await call('siti', 'POST', '/workflow/instances', { definition: 'reimbursement', submit: true, form: { amount: '75000', currency: 'IDR', description: 'Chalk', route: 'supervisor' } });
        await call('joko', 'POST', `/workflow/tasks/${filed.openTasks[0]!.id}/approve`, { comment: 'fine' });
      }
      // Starting twice in one clone is refused, with the address of the first.
      const second = spawn('npm', ['start'], { cwd: one.dir, stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      second.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await once(second, 'exit');
      expect(said).toContain(`running already: ${one.url}`);

      expect(await one.stop()).toBe(0);
      expect(existsSync(join(one.dir, '.gloria/run.json'))).toBe(false);
      expect(one.processes()).toEqual([]);
      expect((await fetch(`${two.url}/health/ready`)).status).toBe(200);
      const seconds = (await one.start()) / 1000;
      process.stdout.write(`second start: ${seconds.toFixed(1)} s\n`);
      const answer = await fetch(`${one.url}/api/v1/workflow/instances`, { headers: { authorization: `Bearer ${one.token('siti')}` } });
      expect(((await answer.json()) as { items: unknown[] }).items).toHaveLength(1);
      expect(() => one.token('nobody')).toThrow();
    } finally {
      await Promise.all([one.stop(), two.stop()]);
      for (const clone of [one, two]) rmSync(join(clone.dir, '..'), { recursive: true, force: true });
    }
    expect([...one.processes(), ...two.processes()]).toEqual([]);
  }, 420_000);
});
