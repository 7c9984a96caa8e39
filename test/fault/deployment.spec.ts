import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Load, ProdlikeHost, recordDrill, succeeded } from '../support/prodlike';

/** How often each case runs: once in drills, ten times in long runs. */
const ROUNDS = Number(process.env.DRILL_ROUNDS ?? 1);
const RELOADS = ROUNDS === 1 ? 20 : 100;

const EXPAND = `-- rollback: the column stays; nothing that came before reads it.\nALTER TABLE person ADD COLUMN drill_note text;\n`;
const atBoot = (line: string) => (main: string) => main.replace("import 'reflect-metadata';", `import 'reflect-metadata';\n${line}`);

/** Releases that must never cost a request. */
const BROKEN: Record<string, { change: (main: string) => string; says: RegExp }> = {
  'throws at boot': { change: atBoot(`throw new Error('broken on purpose');`), says: /ends as soon as it starts[\s\S]*broken on purpose/ },
  hangs: { change: atBoot('for (;;);'), says: /does not pass its checks/ },
  'answers 500': { change: (main) => main.replace('  configureApp(app, LARGE_BODIES);', `  app.use('/api', (_: unknown, response: { writeHead: (status: number) => { end: () => void } }) => response.writeHead(500).end());\n  configureApp(app, LARGE_BODIES);`), says: /does not pass its checks[\s\S]*smoke/ },
  'is another commit': { change: atBoot(`process.env.RELEASE_COMMIT = 'f'.repeat(40);`), says: /answered by commit f{40}/ },
  'is never ready': { change: (main) => main.replace('  configureApp(app, LARGE_BODIES);', `  app.use('/health/ready', (_: unknown, response: { writeHead: (status: number) => { end: (text: string) => void } }) => response.writeHead(503).end('{}'));\n  configureApp(app, LARGE_BODIES);`), says: /a process is not ready/ },
};

describe('a deployment', () => {
  let host: ProdlikeHost;
  let load: Load;
  const commits: Record<string, string> = {};
  beforeAll(async () => {
    host = await ProdlikeHost.start('deployment', { WATCH_SECONDS: 2, START_SECONDS: 12, DRAIN_SECONDS: 1, KEEP_RELEASES: 3 });
    commits['v1.0.0'] = host.publish('v1.0.0', {});
    commits['v1.1.0'] = host.publish('v1.1.0', { 'prisma/migrations/20270101000000_add_drill_note/migration.sql': EXPAND }, 'v1.0.0');
    load = host.load();
  }, 300_000);
  afterAll(async () => {
    await load?.stop();
    await host?.stop();
  }, 60_000);

  const served = async () => String((await host.call('/health/live')).headers['x-gloria-release']).split(';')[0];
  const expectNothingFailed = (since: number) => {
    expect(load.failures.splice(0)).toEqual([]);
    // Few, or somebody closes connections that are in use.
    expect(load.askedAgain).toBeLessThan(load.answered / 200);
    expect(load.answered - since).toBeGreaterThan(50);
  };

  it('of the next, the same and the previous version, with a migration between them, costs no request', async () => {
    const before = load.answered;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const version of ['v1.0.0', 'v1.1.0', 'v1.1.0', 'v1.0.0']) {
        const { code, output } = await host.deploy(version);
        expect([version, code, output]).toEqual([version, 0, expect.stringContaining(`${version} (${commits[version]!.slice(0, 12)}) serves in`)]);
        expect(await served()).toBe(commits[version]);
        expect(readFileSync(join(host.is.home, '.last-deployed-version'), 'utf8')).toBe(`${version}\n`);
        expect(host.history().at(-1)).toMatchObject({ kind: 'deploy', version, commit: commits[version], result: 'live', environment: 'production' });
      }
    }
    const names = (await host.processes()).map(({ name, status }) => `${name} ${status}`).toSorted();
    const active = host.active();
    expect(names).toEqual([`gloria-blue online`, `gloria-blue online`, `gloria-green online`, `gloria-green online`, `gloria-worker-${active} online`].toSorted());
    expectNothingFailed(before);
    recordDrill('deployment', { rounds: ROUNDS, answered: load.answered - before, failed: 0, askedAgain: load.askedAgain, releases: Object.fromEntries(load.releases) });
  }, 600_000 * ROUNDS);

  it.each(Object.keys(BROKEN))('that %s costs no request and leaves the old release serving', async (name) => {
    const broken = BROKEN[name]!;
    const version = `v1.2.${Object.keys(BROKEN).indexOf(name)}`;
    host.publish(version, { 'src/main.ts': broken.change }, 'v1.1.0');
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = load.answered;
      const commit = await served();
      const { code, output } = await host.deploy(version);
      expect([code, output]).toEqual([1, expect.stringMatching(broken.says)]);
      expect(output).toContain('serves as before');
      expect(await served()).toBe(commit);
      expect((await host.processes()).some((each) => each.name.endsWith(host.active() === 'blue' ? 'green' : 'blue'))).toBe(false);
      expect(host.history().at(-1)).toMatchObject({ version, result: 'failed' });
      expectNothingFailed(before);
    }
  }, 300_000 * ROUNDS);

  it('that passes every check and fails under real requests is taken back', async () => {
    const commit = await served();
    host.publish('v1.3.0', { 'src/main.ts': (main) => main.replace('  configureApp(app, LARGE_BODIES);', `  app.use('/api/v1/me', (request: { headers: Record<string, unknown> }, response: { writeHead: (status: number) => { end: () => void } }, next: () => void) => (request.headers.authorization ? response.writeHead(500).end() : next()));\n  configureApp(app, LARGE_BODIES);`) }, 'v1.1.0');
    const { code, output } = await host.deploy('v1.3.0');
    expect([code, output]).toEqual([1, expect.stringMatching(/v1\.3\.0 was taken back: \d+ of \d+ answers were errors of the server/)]);
    expect(await served()).toBe(commit);
    expect(host.history().at(-1)).toMatchObject({ version: 'v1.3.0', result: 'rolled-back' });
    // These requests did fail: the watch exists for what no check can see.
    expect(load.failures.length).toBeGreaterThan(0);
    expect(load.failures.filter((failure) => !failure.includes('HTTP 500'))).toEqual([]);
    load.failures.length = 0;
  }, 300_000);

  it('is undone by rollback.sh in less than five seconds, without network or build', async () => {
    expect((await host.deploy('v1.1.0')).code).toBe(0);
    const before = load.answered;
    const times: number[] = [];
    for (const [version, commit] of [['v1.0.0', commits['v1.0.0']], ['v1.1.0', commits['v1.1.0']]] as const) {
      // Neither repository nor registry can be reached.
      renameSync(host.is.repository, `${host.is.repository}.away`);
      const { code, output } = await host.run('./rollback.sh', [], { npm_config_registry: 'http://127.0.0.1:9' });
      renameSync(`${host.is.repository}.away`, host.is.repository);
      expect([version, code, output]).toEqual([version, 0, expect.stringMatching(/compatible: (every migration since only added|the database has what)/)]);
      expect(await served()).toBe(commit);
      const entry = host.history().at(-1)!;
      expect(entry).toMatchObject({ kind: 'rollback', version, result: 'live', warm: true });
      times.push(entry.servesAfter as number);
    }
    expectNothingFailed(before);
    // Kept, but not warm: what stood in the other slot was ended.
    const idle = () => (host.active() === 'blue' ? 'green' : 'blue');
    const colours = [idle(), host.active()];
    succeeded(await host.pm2('delete', `gloria-${colours[0]}`));
    const cold = await host.rollback();
    expect([cold.code, cold.output]).toEqual([0, expect.stringContaining(`v1.0.0 is started in ${colours[0]}`)]);
    expect(await served()).toBe(commits['v1.0.0']);
    const entry = host.history().at(-1)!;
    expect(entry).toMatchObject({ kind: 'rollback', version: 'v1.0.0', result: 'live', warm: false });
    // Measured, not demanded: how long two processes take to start is the machine's.
    const coldSeconds = entry.servesAfter as number;
    // Killed -9 in the middle, before it had started anything or after: the next run finishes it.
    succeeded(await host.pm2('delete', `gloria-${colours[1]}`));
    expect(await host.rollbackKilled((output) => output.includes('candidate: '))).toBe(true);
    expect(await served()).toBe(commits['v1.0.0']);
    await host.pm2('delete', `gloria-${colours[1]}`);
    const finished = await host.rollback();
    expect([finished.code, finished.output]).toEqual([0, expect.stringContaining(`v1.1.0 is started in ${colours[1]}`)]);
    expect(await served()).toBe(commits['v1.1.0']);
    // Its worker does not work any more: requests are served, and work goes on with the other one.
    const worker = join(host.is.home, 'slots', idle(), 'dist/worker.js');
    const code = readFileSync(worker, 'utf8');
    writeFileSync(worker, 'throw new Error("broken on purpose");');
    const half = await host.rollback();
    expect([half.code, half.output]).toEqual([1, expect.stringMatching(/v1\.0\.0 serves after [\d.]+ s, but its worker does not work[\s\S]*The worker of v1\.1\.0 was left running/)]);
    expect(await served()).toBe(commits['v1.0.0']);
    expect((await host.processes()).filter(({ name, status }) => name.startsWith('gloria-worker') && status === 'online').map(({ name }) => name)).toEqual([`gloria-worker-${colours[1]}`]);
    writeFileSync(worker, code);
    expectNothingFailed(before);
    recordDrill('rollback', { servesAfterSeconds: times, coldSeconds, target: 5 });
    expect(Math.max(...times)).toBeLessThan(5);
  }, 180_000);

  const STEPS = ['preflight', 'release', 'environment', 'migrations', 'restore point', 'migrate', 'candidate', 'switch', 'watch', 'finish'];
  const killedAt = async (version: string, index: number) => {
    const step = STEPS[index]!;
    const killed = await host.deployKilled(version, (output) => output.includes(`] ${step}: `), (index * 37) % 300);
    expect([step, killed || step === 'finish']).toEqual([step, true]);
    expect((await host.call('/health/live')).status).toBe(200);
  };
  const finishes = async (version: string, commit: string) => {
    const { code, output } = await host.deploy(version);
    expect([code, output]).toEqual([0, expect.stringContaining(`${version} (${commit.slice(0, 12)}) serves in`)]);
    expect(await served()).toBe(commit);
  };
  const withMigration = (version: string, name: string, on: string) => host.publish(version, { [`prisma/migrations/20270201000000_${name}/migration.sql`]: EXPAND.replace('drill_note', name) }, on);

  it('killed -9 at one step after the other leaves the service up, each run goes on from there, and the last one finishes', async () => {
    const before = load.answered;
    const commit = withMigration('v2.0.0', 'add_drill_chain', 'v1.1.0');
    for (const index of STEPS.keys()) await killedAt('v2.0.0', index);
    await finishes('v2.0.0', commit);
    expectNothingFailed(before);
    recordDrill('deployer-killed', { steps: STEPS, failed: 0, answered: load.answered - before });
  }, 600_000);

  it('killed -9 at a step, another version is deployed all the same', async () => {
    const before = load.answered;
    const commit = withMigration('v2.1.0', 'add_drill_other', 'v2.0.0');
    for (const index of ROUNDS === 1 ? [5] : STEPS.keys()) {
      await killedAt('v2.1.0', index);
      await finishes('v2.0.0', host.history().findLast(({ version }) => version === 'v2.0.0')!.commit as string);
    }
    await finishes('v2.1.0', commit);
    expectNothingFailed(before);
  }, 300_000 * ROUNDS);

  it('is refused while another one runs', async () => {
    const version = host.history().findLast(({ result }) => result === 'live')!.version as string;
    const first = host.deploy(version);
    await new Promise((done) => setTimeout(done, 300));
    const second = await host.deploy('v1.0.0');
    expect([second.code, second.output]).toEqual([75, expect.stringMatching(/another deployment is under way: deploy\.sh production v[^ ]+, process \d+, since/)]);
    expect((await host.rollback()).code).toBe(75);
    expect((await first).code).toBe(0);
  }, 120_000);

  it(`reloads ${RELOADS} times without a failed request`, async () => {
    const before = load.answered;
    const started = Date.now();
    for (let n = 0; n < RELOADS; n += 1) {
      const { code, output } = await host.pm2('reload', `gloria-${host.active()}`);
      succeeded({ code, output });
    }
    expectNothingFailed(before);
    recordDrill('reload', { reloads: RELOADS, answered: load.answered - before, failed: 0, askedAgain: load.askedAgain, seconds: (Date.now() - started) / 1000 });
  }, 60_000 * RELOADS);

  it('keeps only as many releases as it is told, and the two in the slots', () => {
    const kept = host.history().filter(({ result }) => result === 'live').map(({ version, commit }) => `${String(version)}-${String(commit).slice(0, 12)}`);
    const there = kept.filter((name, index) => kept.indexOf(name) === index && existsSync(join(host.is.home, 'releases', name)));
    expect(there.length).toBeLessThanOrEqual(5);
    expect(there).toContain(kept.at(-1));
  });
});
