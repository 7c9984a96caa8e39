// npm run test:mutation [-- file …]: runs Stryker on each file that decides and writes docs/benchmarks/mutation.md from its reports.
// A file is not run again while neither it nor what it and its tests stand on has changed, so a run that was stopped goes on where it was.
// Exit code 1 where a file is below 85 %, or has changed since it was run.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bin, ensureDependencies, ensureGenerated, root, step } from './prepare.mjs';

/** Each file with the tests that are to notice: every mutant starts Jest anew, and each test file costs it half a second. */
const of = (name, ...tests) => [`src/modules/permissions/${name}.ts`, tests.map((test) => `src/modules/permissions/${test}.spec.ts`)];
const TESTS = new Map([
  of('duties', 'duties'), of('row-grants', 'row-grants'), of('subject', 'subject', 'decide'), of('decide', 'decide.examples', 'decide'), of('simulate', 'simulate'),
  ['src/access/row-filter.ts', ['src/access/row-filter.spec.ts', 'src/modules/permissions/decide.spec.ts']], ['src/access/condition.ts', ['src/access/condition.spec.ts']],
]);
for (const [name, ...tests] of [['voting', 'voting'], ['reducer', 'reducer'], ['advance', 'reducer'], ['refold', 'reducer'], ['separation', 'separation'], ['due', 'due'], ['concurrency', 'concurrency'], ['flow', 'reducer', 'soundness'], ['soundness', 'soundness'], ['soundness-reduction', 'soundness'], ['gate', 'gate']]) {
  TESTS.set(`src/modules/workflow/${name}.ts`, tests.map((test) => `src/modules/workflow/${test}.spec.ts`));
}
TESTS.set('src/modules/calendars/business-time.ts', ['src/modules/calendars/business-time.spec.ts']);
const FILES = [...TESTS.keys()];
const BREAK = 85;
const RESULTS = 'docs/benchmarks/mutation.json';
const RUNS = process.env.PROPERTY_RUNS ?? '0.01';

ensureDependencies();
ensureGenerated();
/** Which of our files a file's text imports, with what these import. */
function standsOn(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path] of readFileSync(join(root, file), 'utf8').matchAll(/from '(\.[^']+)'/g)) {
    const base = join(dirname(file), path);
    const found = [`${base}.ts`, join(base, 'index.ts')].find((each) => existsSync(join(root, each)));
    if (found) standsOn(found, seen);
  }
  return seen;
}
/** What a file and its tests stand on, as one number. */
function stateOf(file) {
  const stands = new Set([file, ...TESTS.get(file)].flatMap((each) => [...standsOn(each)]));
  return createHash('sha256').update([...[...stands].sort(), 'stryker.config.mjs'].map((each) => readFileSync(join(root, each), 'utf8')).join('\0') + RUNS).digest('hex').slice(0, 16);
}
const kept = existsSync(join(root, RESULTS)) ? JSON.parse(readFileSync(join(root, RESULTS), 'utf8')) : {};
const asked = process.argv.slice(2);
for (const [index, file] of FILES.entries()) {
  const state = stateOf(file);
  if (kept[file]?.state === state || (asked.length > 0 && !asked.includes(file))) continue;
  step(`${index + 1} of ${FILES.length}: ${file}`);
  const made = join(root, '.gloria', 'mutation.json');
  rmSync(made, { force: true });
  spawnSync(bin('stryker'), ['run', '--mutate', file], { cwd: root, stdio: 'inherit', env: { ...process.env, PROPERTY_RUNS: RUNS, MUTATION_TESTS: TESTS.get(file).join() } });
  if (!existsSync(made)) throw new Error(`${file} was not run to its end`);
  const { mutants } = JSON.parse(readFileSync(made, 'utf8')).files[file];
  const count = (...states) => mutants.filter((mutant) => states.includes(mutant.status)).length;
  for (const { status, location, mutatorName, replacement } of mutants) if (status === 'Survived' || status === 'NoCoverage') process.stdout.write(`${file}:${location.start.line}:${location.start.column} ${status} ${mutatorName}: ${replacement?.slice(0, 100)}\n`);
  kept[file] = { state, on: new Date().toISOString().slice(0, 10), killed: count('Killed', 'Timeout'), survived: count('Survived', 'NoCoverage') };
  writeFileSync(join(root, RESULTS), `${JSON.stringify(Object.fromEntries(FILES.filter((each) => kept[each]).map((each) => [each, kept[each]])), null, 2)}\n`);
}
const stale = FILES.filter((file) => kept[file]?.state !== stateOf(file));
const rows = FILES.filter((file) => kept[file]).map((file) => ({ file, ...kept[file] }));
const total = rows.reduce((sum, { killed, survived }) => ({ file: 'all', killed: sum.killed + killed, survived: sum.survived + survived }), { file: 'all', killed: 0, survived: 0 });
const share = ({ killed, survived }) => (100 * killed) / Math.max(1, killed + survived);
const line = (row) => `| ${row.file} | ${row.killed} | ${row.survived} | ${share(row).toFixed(1)} % | ${row.on ?? ''} |`;
writeFileSync(
  join(root, 'docs', 'benchmarks', 'mutation.md'),
  `# Mutation testing\n\n\`npm run test:mutation\` (Stryker): how many of the small faults it makes, one at a time, the unit tests notice. Asked for: ${BREAK} %. What keeps roles apart (static\nseparation of duty) is SQL and stands in a trigger; no mutant of it is made, its tests are \`test/http/separation-of-duty.spec.ts\`.\n\n| file | killed | survived | | on |\n|---|---|---|---|---|\n${[...rows, total].map(line).join('\n')}\n`,
);
process.stdout.write(`${line(total)}\nwritten to docs/benchmarks/mutation.md\n`);
if (stale.length > 0) process.stdout.write(`changed since, or not run: ${stale.join(', ')}\n`);
process.exit(stale.length > 0 || rows.some((row) => share(row) < BREAK) ? 1 : 0);
