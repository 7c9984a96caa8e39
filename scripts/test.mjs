// npm test: sets up what tests need and runs everything. `--only unit|http|contract|drills|image|long` runs one part
// (long: the drills ten times over, and what takes longer still), further arguments go to Jest; `--update-docs` rewrites the generated documents and snapshots instead of comparing them.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DRILL_PACKAGES, ensurePackages } from './debian.mjs';
import { bin, ensureBuilt, ensureDependencies, root, step } from './prepare.mjs';

const args = process.argv.slice(2);
const only = args[0] === '--only' ? args.splice(0, 2)[1] : null;
const updateDocs = args[0] === '--update-docs' ? (args.shift(), true) : false;
const parts = ['unit', 'http', 'contract', 'drills', 'image', 'long'];
if (only && !parts.includes(only)) {
  process.stderr.write(`--only takes one of ${parts.join(', ')}\n`);
  process.exit(64);
}
const alone = ['drills', 'image', 'long'].includes(only);
const projects = updateDocs ? ['contract'] : only === 'long' ? ['drills', 'long'] : only ? [only] : ['unit', 'http', 'contract'];
const complete = !only && !updateDocs && args.length === 0;

ensureDependencies();
ensureBuilt();
// All of them before the first drill: one that finds its program missing after twenty minutes helps nobody.
if (projects.includes('drills')) ensurePackages(DRILL_PACKAGES);

let failed = false;
if (complete) {
  step('types, lint, import rules');
  const checks = [
    ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
    ['lint', bin('eslint'), ['.', '--max-warnings', '0']],
    ['import rules', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', 'src']],
  ];
  const results = await Promise.all(checks.map(async ([name, command, list]) => ({ name, ...(await run(command, list, {}, 'pipe')) })));
  for (const { name, code, output } of results) {
    process.stdout.write(`${code === 0 ? '✔' : '✘'} ${name}\n`);
    if (code !== 0) process.stdout.write(output);
    failed ||= code !== 0;
  }
}

const { startTestServices } = await import('./test-services.mjs');
const services = await startTestServices();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void services.stop().then(() => process.exit(130)));
try {
  const report = join(root, '.gloria', 'jest.json');
  mkdirSync(join(root, '.gloria'), { recursive: true });
  const jest = [
    '--selectProjects', ...projects, '--json', `--outputFile=${report}`, '--logHeapUsage',
    ...(alone ? ['--runInBand'] : []),
    ...(complete ? ['--coverage'] : []),
    ...args,
  ];
  step(`tests: ${projects.join(', ')}`);
  const { code } = await run(bin('jest'), jest, { ...services.env, ...(only === 'long' ? { DRILL_ROUNDS: process.env.DRILL_ROUNDS ?? '10' } : {}), NODE_ENV: 'test', UPDATE_DOCS: updateDocs ? '1' : '' }, 'inherit-stderr');
  failed ||= code !== 0;
  if (complete) {
    const { lines, branches } = JSON.parse(readFileSync(join(root, 'coverage', 'coverage-summary.json'), 'utf8')).total;
    process.stdout.write(`coverage of src: ${lines.pct} % of lines, ${branches.pct} % of branches\n`);
  }
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  if (numPassedTests === 0 || numPendingTests > 0) {
    process.stdout.write(`✘ ${numPassedTests === 0 ? 'no test ran' : 'tests were skipped'}\n`);
    failed = true;
  }
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed${numPendingTests ? `, ${numPendingTests} skipped` : ''}\n`);
} finally {
  await services.stop();
}
process.exit(failed ? 1 : 0);

function run(command, list, env, output) {
  return new Promise((done) => {
    const child = spawn(command, list, { cwd: root, env: { ...process.env, ...env }, stdio: output === 'pipe' ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'ignore', 'inherit'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => { text += chunk; });
    child.once('exit', (code) => done({ code: code ?? 1, output: text }));
    child.once('error', (error) => done({ code: 1, output: error.message }));
  });
}
