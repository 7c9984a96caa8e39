// npm run test:mutation [-- file …]: runs Stryker on each file that decides and writes docs/benchmarks/mutation.md from its reports.
// A file is not run again while neither it nor what it stands on has changed, so a run that was stopped goes on where it was.
// Exit code 1 below 85 %.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
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
const RUNS = process.env.PROPERTY_RUNS ?? '0.01';

ensureDependencies();
ensureGenerated();
const folder = join(root, '.gloria', 'mutation');
mkdirSync(folder, { recursive: true });
const asked = process.argv.slice(2);
/** What a file and its tests stand on, as one number. */
function stateOf(file) {
  const stands = ['src/access', dirname(file), 'test/support'].flatMap((path) => readdirSync(join(root, path)).filter((name) => name.endsWith('.ts')).map((name) => join(path, name)));
  return createHash('sha256').update([...stands, 'stryker.config.mjs'].map((each) => readFileSync(join(root, each), 'utf8')).join('\0') + RUNS).digest('hex').slice(0, 16);
}
const reports = [];
for (const [index, file] of FILES.entries()) {
  const kept = join(folder, `${file.replaceAll('/', '_')}.${stateOf(file)}.json`);
  if (!existsSync(kept) && (asked.length === 0 || asked.includes(file))) {
    step(`${index + 1} of ${FILES.length}: ${file}`);
    spawnSync(bin('stryker'), ['run', '--mutate', file], { cwd: root, stdio: 'inherit', env: { ...process.env, PROPERTY_RUNS: RUNS, MUTATION_TESTS: TESTS.get(file).join() } });
    const made = join(root, '.gloria', 'mutation.json');
    if (!existsSync(made)) throw new Error(`${file} was not run to its end`);
    renameSync(made, kept);
  }
  if (existsSync(kept)) reports.push(JSON.parse(readFileSync(kept, 'utf8')));
}
const rows = reports.flatMap(({ files }) =>
  Object.entries(files).map(([file, { mutants }]) => {
    const count = (...states) => mutants.filter((mutant) => states.includes(mutant.status)).length;
    for (const { status, location, mutatorName, replacement } of mutants) if (status === 'Survived' || status === 'NoCoverage') process.stdout.write(`${file}:${location.start.line}:${location.start.column} ${status} ${mutatorName}: ${replacement?.slice(0, 100)}\n`);
    return { file, killed: count('Killed', 'Timeout'), survived: count('Survived', 'NoCoverage') };
  }),
);
const total = rows.reduce((sum, { killed, survived }) => ({ file: 'all', killed: sum.killed + killed, survived: sum.survived + survived }), { file: 'all', killed: 0, survived: 0 });
const share = ({ killed, survived }) => (100 * killed) / Math.max(1, killed + survived);
const line = (row) => `| ${row.file} | ${row.killed} | ${row.survived} | ${share(row).toFixed(1)} % |`;
if (reports.length < FILES.length) {
  process.stdout.write(`${rows.map(line).join('\n')}\n${FILES.length - reports.length} files are left\n`);
  process.exit(1);
}
mkdirSync(join(root, 'docs', 'benchmarks'), { recursive: true });
writeFileSync(
  join(root, 'docs', 'benchmarks', 'mutation.md'),
  `# Mutation testing\n\n\`npm run test:mutation\` (Stryker) on ${new Date().toISOString().slice(0, 10)}: how many of the small faults it makes, one at a time, the unit tests notice. Asked for: ${BREAK} %. What keeps roles apart (static\nseparation of duty) is SQL and stands in a trigger; no mutant of it is made, its tests are \`test/http/separation-of-duty.spec.ts\`.\n\n| file | killed | survived | |\n|---|---|---|---|\n${[...rows, total].map(line).join('\n')}\n`,
);
process.stdout.write(`${line(total)}\nwritten to docs/benchmarks/mutation.md\n`);
process.exit(share(total) < BREAK ? 1 : 0);
