// npm run replay -- <log.xes[.gz]>: replays recorded cases against the running API, then the same cases spoilt, and
// reports what was accepted and refused. docs/replay.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './prepare.mjs';
import { Api } from './replay/api.mjs';
import { checkAudit } from './replay/audit.mjs';
import { assemble } from './replay/cast.mjs';
import { driveCase } from './replay/drive.mjs';
import { moveOf, mutate, routesOf, spread } from './replay/flow.mjs';
import { latencyRow, print, progress, tally } from './replay/report.mjs';
import { readCases } from './replay/xes.mjs';

const USAGE = 'usage: npm run replay -- <log.xes[.gz]> [--url http://localhost:3000] [--concurrency 8] [--skip N] [--limit N] [--no-mutants] [--at-least 0.995] [--json]\n';
// Ordinary mistakes end in one line, not in a stack.
process.on('uncaughtException', (error) => {
  const usage = error.code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${error.message}\n${usage ? USAGE : ''}`);
  process.exit(usage ? 64 : 1);
});
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' }, organization: { type: 'string', default: 'org_demo' }, administrator: { type: 'string', default: 'dewi' }, auditor: { type: 'string', default: 'hendra' },
    concurrency: { type: 'string', default: '8' }, skip: { type: 'string', default: '0' }, limit: { type: 'string' }, 'no-mutants': { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, 'at-least': { type: 'string', default: '0.995' },
  },
});
if (positionals.length !== 1) {
  process.stderr.write(USAGE);
  process.exit(64);
}
for (const [name, least] of [['concurrency', 1], ['skip', 0], ['limit', 1]]) {
  const value = options[name];
  if (value !== undefined && !(Number.isInteger(Number(value)) && Number(value) >= least)) {
    process.stderr.write(`--${name} takes a whole number from ${least} on, not ${value}\n`);
    process.exit(64);
  }
}
const url = options.url ?? process.env.GLORIA_URL ?? runningUrl();
const skip = Number(options.skip);
const concurrency = Number(options.concurrency);

const cases = [];
for await (const each of readCases(positionals[0])) cases.push(each);
const chosen = cases.slice(skip, options.limit === undefined ? undefined : skip + Number(options.limit));
if (chosen.length === 0) {
  process.stderr.write(`${positionals[0]} holds no case to replay.\n`);
  process.exit(1);
}
process.stderr.write(`${cases.length} cases read, ${chosen.length} to replay against ${url}\n`);

let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
  process.stderr.write('\ninterrupted: finishing the cases under way\n');
});

const api = new Api(url, options.organization);
const castOf = await assemble(api, { handle: options.administrator });
// The clock of the log is the database's; a minute before covers any difference to ours.
const from = new Date(Date.now() - 60_000).toISOString();
const started = performance.now();
const traces = [];

const known = new Set(chosen.map(({ events }) => events.map(({ activity }) => activity).join(' > ')));
const recorded = tally();
const done = await inParallel(chosen, 'recorded', async (each) => {
  const moves = each.events.map(({ activity }) => moveOf(activity));
  recorded.add(await driveCase(api, castOf(each.id), moves, routesOf(moves), amountOf(each), traces));
});

let mutants = null;
if (!options['no-mutants'] && !interrupted) {
  mutants = Object.assign(tally(), { unchanged: 0, same: 0 });
  await inParallel(chosen, 'mutated ', async (each) => {
    const moves = each.events.map(({ activity }) => moveOf(activity));
    const mutant = mutate(moves, spread(`mutant ${each.id}`));
    if (!mutant) mutants.unchanged += 1;
    else if (known.has(mutant.moves.map(({ name }) => name).join(' > '))) mutants.same += 1;
    else mutants.add(await driveCase(api, castOf(each.id), mutant.moves, routesOf(moves), amountOf(each), traces), `${mutant.kind}: `);
  });
}
const seconds = (performance.now() - started) / 1000;
process.stderr.write('comparing with the audit log\n');
const audit = await checkAudit(api, { handle: options.auditor }, traces, from);
await api.close();

const plain = (each) => each && { cases: each.cases, accepted: each.accepted, refusals: each.refusals, ...('same' in each ? { unchanged: each.unchanged, same: each.same } : {}) };
const record = {
  at: new Date().toISOString(),
  log: positionals[0].split('/').at(-1),
  recorded: plain(recorded),
  mutants: plain(mutants),
  decisions: recorded.decisions + (mutants?.decisions ?? 0),
  seconds,
  concurrency,
  latency: latencyRow(api.latencies),
  audit: { ...audit, missing: audit.missing.slice(0, 50), surplus: audit.surplus.slice(0, 50) },
};
mkdirSync(join(root, '.gloria', 'records'), { recursive: true });
writeFileSync(join(root, '.gloria', 'records', `replay-${record.at.replaceAll(':', '-')}.json`), JSON.stringify(record, null, 2));
if (options.json) process.stdout.write(`${JSON.stringify(record)}\n`);
else print(record);
if (interrupted) process.stderr.write(`Interrupted; go on with --skip ${skip + done}\n`);
const failures = [
  ...(audit.missing.length + audit.surplus.length > 0 ? ['the audit log does not hold exactly what was done'] : []),
  ...(recorded.accepted < recorded.cases * Number(options['at-least']) ? [`fewer than ${options['at-least']} of the recorded cases were accepted`] : []),
  ...(mutants && mutants.accepted > mutants.cases * 0.01 ? ['more than 1 in 100 of the mutated cases were accepted'] : []),
];
for (const failure of failures) process.stderr.write(`✘ ${failure}\n`);
process.exit(failures.length > 0 ? 1 : 0);

async function inParallel(list, label, work) {
  const tick = progress(label, list.length);
  let next = 0;
  let finished = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < list.length && !interrupted) {
        await work(list[next++]);
        tick((finished += 1));
      }
    }),
  );
  return finished;
}

function amountOf(each) {
  const amount = Math.max(0.01, Number(each.attributes['(case)_Amount'] ?? each.attributes.Amount ?? 1));
  return amount.toFixed(2);
}

function runningUrl() {
  try {
    return JSON.parse(readFileSync(join(root, '.gloria', 'run.json'), 'utf8')).url;
  } catch {
    process.stderr.write('Gloria is not running here: npm start\n');
    process.exit(1);
  }
}
