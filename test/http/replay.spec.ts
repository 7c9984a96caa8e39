import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import table from '../fixtures/declaration-variants.json';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { root } from '../support/documents';

type Report = {
  recorded: { cases: number; accepted: number; refusals: [string, number][] };
  mutants: { cases: number; accepted: number; unchanged: number; same: number };
  audit: { expected: number; found: number; missing: string[]; surplus: string[] };
};

/** A log in XES with every recorded variant, the frequent ones more often: `sum over variants of 1 + share × count`. */
function syntheticLog(share: number): { path: string; cases: number; impossible: number } {
  const activities = table.activities as Record<string, string>;
  const traces: string[] = [];
  let impossible = 0;
  for (const [letters, count] of table.variants as [string, number][]) {
    const names = [...letters].map((letter) => activities[letter]!);
    const times = 1 + Math.floor(share * count);
    // Paid without an approval: the recorded cases no flow should accept.
    const paid = names.indexOf('Payment Handled');
    if (paid > 0 && (names[paid - 1] !== 'Request Payment' || !names.slice(0, paid).some((name) => name.includes('FINAL_APPROVED')))) impossible += times;
    for (let n = 0; n < times; n += 1) {
      const id = `declaration ${traces.length}`;
      const events = names.map((name, index) => `<event><string key="concept:name" value="${name}"/><string key="org:role" value="X"/><string key="(case)_Amount" value="${10 + traces.length}.5"/><date key="time:timestamp" value="2026-01-01T00:00:${String(index).padStart(2, '0')}Z"/></event>`);
      traces.push(`<trace><string key="concept:name" value="${id}"/>${events.join('')}</trace>`);
    }
  }
  const path = join(mkdtempSync(join(tmpdir(), 'gloria-replay-')), 'log.xes.gz');
  writeFileSync(path, gzipSync(`<?xml version="1.0"?><log xes.version="1.0">${traces.join('\n')}</log>`));
  return { path, cases: traces.length, impossible };
}

describe('a replay', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());
  const replay = (...args: string[]) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
      const { port } = testApp.app.getHttpServer().address() as AddressInfo;
      const child = spawn(process.execPath, [join(root, 'scripts/replay.mjs'), ...args, '--url', `http://127.0.0.1:${port}`, '--organization', world.organization, '--json', '--at-least', '0.98'], { cwd: root });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.once('exit', (code) => done({ code, stdout, stderr }));
    });

  it('of every recorded variant accepts what was possible, refuses what was spoilt, and finds exactly that in the audit log', async () => {
    const log = syntheticLog(0.02);
    const { code, stdout, stderr } = await replay(log.path);
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    const { recorded, mutants, audit } = JSON.parse(stdout) as Report;
    expect(recorded.cases).toBe(log.cases);
    expect(recorded.cases - recorded.accepted).toBe(log.impossible);
    expect(mutants.cases + mutants.unchanged + mutants.same).toBe(log.cases);
    expect(mutants.accepted).toBe(0);
    expect(audit).toMatchObject({ missing: [], surplus: [] });
    expect(audit.found).toBe(audit.expected);
    expect(audit.expected).toBeGreaterThan(log.cases);
  }, 180_000);

  it('of something that is no log, or of no case, says so', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gloria-replay-'));
    for (const [name, content, message] of [['a.xes', 'hello', 'a.xes'], ['b.xes', '<other/>', 'is no XES log'], ['c.xes', '<log></log>', 'holds no case']] as const) {
      writeFileSync(join(dir, name), content);
      const { code, stderr } = await replay(join(dir, name));
      expect(code).not.toBe(0);
      expect(stderr).toContain(message);
    }
    expect((await replay('/nonexistent.xes')).code).not.toBe(0);
  });
});
