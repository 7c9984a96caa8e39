import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { aFoundation, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected } from '../support/database';
import { root } from '../support/documents';
import { recordDrill, runToEnd } from '../support/prodlike';

const PEOPLE = 2_000;

describe('a backfill', () => {
  let testApp: TestApp;
  let world: World;
  let environment: Record<string, string>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    environment = { PATH: process.env.PATH!, ...testEnvironment(testApp.database) };
    const { foundation } = await world.ids();
    await connected(testApp.database.adminUrl, (client) =>
      client.query(
        `SET session_replication_role = replica;
         INSERT INTO person (id, foundation_id, employee_number, full_name)
         SELECT gloria_uuid7(), '${foundation}', 'bf-' || n, CASE WHEN n % 4 = 0 THEN 'Budi Santoso' ELSE ' Budi   Santoso ' END FROM generate_series(1, ${PEOPLE}) AS n`,
      ),
    );
  });
  afterAll(() => testApp.close());

  const gloria = (...args: string[]) => runToEnd(process.execPath, [join(root, 'dist/cli/gloria.js'), 'backfill', ...args], environment);

  it('killed -9 again and again goes on where it was, and changes every row once, with its event', async () => {
    let kills = 0;
    for (;;) {
      const child = spawn(process.execPath, [join(root, 'dist/cli/gloria.js'), 'backfill', 'run', 'collapse-spaces-in-names', '--batch', '60'], { env: environment, cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'exit');
      let lines = 0;
      let killed = false;
      child.stdout.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1;
        // At another place each time, in the middle of a batch.
        if (kills < 5 && lines >= 3 + kills && !killed) {
          killed = true;
          setTimeout(() => child.kill('SIGKILL'), kills * 3);
        }
      });
      const [code] = (await ended) as [number | null];
      if (code === 0) break;
      expect(code).toBeNull();
      kills += 1;
    }
    expect(kills).toBeGreaterThanOrEqual(3);
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows } = await client.query<Record<string, string>>(`
        SELECT (SELECT count(*) FROM person WHERE employee_number LIKE 'bf-%' AND full_name <> 'Budi Santoso') AS left,
               (SELECT count(*) FROM person WHERE employee_number LIKE 'bf-%' AND version = 2) AS once,
               (SELECT count(*) FROM person WHERE employee_number LIKE 'bf-%' AND version > 2) AS twice,
               (SELECT count(*) FROM audit.event WHERE actor_id = 'backfill:collapse-spaces-in-names') AS events`);
      expect(rows[0]).toEqual({ left: '0', once: String(PEOPLE * 0.75), twice: '0', events: String(PEOPLE * 0.75) });
    });
    recordDrill('backfill', { rows: PEOPLE, kills });
    const again = await gloria('run', 'collapse-spaces-in-names');
    expect([again.code, again.output]).toEqual([0, expect.stringContaining(`done, `)]);
    expect((await gloria('list')).output).toMatch(/collapse-spaces-in-names {2}done, \d+ seen, 1500 changed/);
    expect((await gloria('run', 'nothing-of-the-kind')).code).toBe(64);
  }, 180_000);
});
