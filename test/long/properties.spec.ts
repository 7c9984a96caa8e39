import { join } from 'node:path';
import { root } from '../support/documents';
import { runToEnd, succeeded } from '../support/prodlike';

/** How many times over; at 40,000 comparisons with the oracle a run, more than a million. */
const TIMES = 30;

it(`decisions agree with the oracle, filters with decisions and pictures with facts, ${TIMES} times over`, async () => {
  const { NODE_ENV: _environment, ...environment } = process.env as Record<string, string>;
  const output = succeeded(await runToEnd(process.execPath, [join(root, 'node_modules/.bin/jest'), '--selectProjects', 'unit', '--testTimeout', '3600000', '--', 'src/modules/permissions', 'src/access'], { ...environment, PROPERTY_RUNS: String(TIMES) }));
  expect(output).toMatch(/Tests: +\d+ passed, \d+ total/);
}, 3_600_000);
