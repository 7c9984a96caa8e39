// npm run bench -- <area>: measures, prints a table with each goal beside it, and writes docs/benchmarks/<area>.md. Ratios are
// between things measured in this one run, alternating.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureDependencies, root, step } from './prepare.mjs';

const areas = readdirSync(join(root, 'bench')).filter((name) => name.endsWith('.mjs')).map((name) => name.slice(0, -4));
const [area, ...rest] = process.argv.slice(2);
if (!area || !existsSync(join(root, 'bench', `${area}.mjs`)) || rest.some((each) => each !== '--quick')) {
  process.stderr.write(`usage: npm run bench -- <area> [--quick]\nareas: ${areas.join(', ')}\n--quick  a tenth of the data, and nothing written: does it run at all?\n`);
  process.exit(64);
}
const quick = rest.includes('--quick');
ensureDependencies();
ensureBuilt();

const { measure } = await import(`../bench/${area}.mjs`);
const rows = await measure({ quick, step });
const width = (key) => Math.max(...rows.map((row) => String(row[key]).length), key.length);
const keys = ['what', 'goal', 'measured', 'met'];
process.stdout.write(`\n${[Object.fromEntries(keys.map((key) => [key, key])), ...rows].map((row) => keys.map((key) => String(row[key]).padEnd(width(key))).join('  ')).join('\n')}\n`);
if (!quick) {
  const commit = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const file = join(root, 'docs', 'benchmarks', `${area}.md`);
  mkdirSync(join(root, 'docs', 'benchmarks'), { recursive: true });
  const table = rows.map(({ what, goal, measured, met, because }) => `| ${what} | ${goal} | ${measured} | ${met}${because ? ` – ${because}` : ''} |`).join('\n');
  writeFileSync(file, `# Benchmark: ${area}\n\n\`npm run bench -- ${area}\` on ${new Date().toISOString().slice(0, 10)}, commit ${commit}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0].model}. CPU time is the process's, user and system; ratios are between things\nmeasured in the same run, alternating. What a figure needs to be read stands in \`bench/${area}.mjs\`.\n\n| what | goal | measured | met |\n|---|---|---|---|\n${table}\n`);
  process.stdout.write(`\nwritten to docs/benchmarks/${area}.md\n`);
}
process.exit(0);
