// rollback.sh [version]: back to a release that is kept on this host. Nothing is built, nothing is fetched; a warm
// release serves after one reload of nginx, another as soon as its API is proven. The worker follows.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { homeOrRefuse, kitOf, main, narrator, outliveTerminal, print } from './cli.mjs';
import { activeColour, otherColour, pm2Command, quietEnvironment, reloadNginx, run, slotRelease, switchTo } from './host.mjs';
import { databaseVerdict, readMigrations } from './migrations.mjs';
import { Refusal } from './refusal.mjs';
import { keptReleases, linkCurrent, linkSlot, releaseFolder, VERSION } from './releases.mjs';
import { apiName, pm2, startApi, startWorker, verify, workerName } from './slots.mjs';
import { clearJournal, readHistory, readJournal, record, recordFailure, takeLock, writeJournal } from './state.mjs';

const USAGE = `usage: ./rollback.sh [<version>] [--dry-run]

Returns to the release that served before, or to any version kept on this host (GLORIA_HOME, default /srv/gloria).
Says first whether that release can live with the database as it is: compatible, needs recovery to a moment, or refused.
--dry-run  the verdict only
`;

await main(async () => {
  const { version, dryRun } = readArguments();
  const host = homeOrRefuse();
  const release = dryRun ? () => {} : takeLock(host, `rollback.sh ${version ?? ''}`.trim());
  if (!dryRun) outliveTerminal(host, 'rollback');
  try {
    return await rollback(host, version, dryRun);
  } finally {
    release();
  }
});

function readArguments() {
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options: { 'dry-run': { type: 'boolean' }, help: { type: 'boolean' } } });
  } catch (error) {
    throw new Refusal(64, `${error.message}\n${USAGE}`);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (positionals.length > 1 || (positionals[0] && !VERSION.test(positionals[0]))) throw new Refusal(64, USAGE);
  return { version: positionals[0] ?? null, dryRun: values['dry-run'] ?? false };
}

async function rollback(host, version, dryRun) {
  const tell = narrator(3);
  const active = activeColour(host);
  const serving = active && slotRelease(host, active);
  const history = readHistory(host);
  const kept = keptReleases(host);
  const journal = readJournal(host);
  // A return that was cut off is finished, not returned from.
  const unfinished = journal?.kind === 'rollback' && (!version || version === journal.version) ? kept.find(({ commit }) => commit === journal.commit) : null;
  const target = unfinished ?? choose(host, version, active, serving, history, kept);

  const verdict = await judge(host, target, serving, history, kept);
  tell.step('database', `${verdict.verdict}: ${verdict.because}`);
  if (verdict.verdict !== 'compatible') {
    throw new Refusal(65, `${target.version} was not returned to (${verdict.verdict}): ${verdict.because}.\n${serving ? `${serving.version} serves as before.` : ''}`);
  }
  if (dryRun) {
    process.stdout.write(`\n${target.version} would be returned to. Nothing was changed.\n`);
    return 0;
  }

  const command = pm2Command(kitOf(import.meta.url));
  if (!command) throw new Refusal(78, 'pm2 is not installed');
  const manager = pm2(host, command);
  if (journal) await reloadNginx(host);
  if (journal && !unfinished) record(host, { kind: journal.kind, version: journal.version, commit: journal.commit, result: 'interrupted', at_step: journal.step, migrated: journal.migrated ?? [], restorePoint: journal.restorePoint ?? null });
  const served = unfinished && serving?.commit === target.commit;
  const colour = served ? active : active ? otherColour(active) : 'blue';
  const previous = served ? journal.previous : serving ? { version: serving.version, commit: serving.commit, colour: active } : null;
  writeJournal(host, { kind: 'rollback', version: target.version, commit: target.commit, at: new Date().toISOString(), previous, step: 'candidate' });

  const warm = slotRelease(host, colour)?.commit === target.commit && (await isWarm(host, colour, target));
  tell.step('candidate', warm ? `${target.version} is warm in ${colour}` : `${target.version} is started in ${colour}`);
  try {
    if (!warm) {
      linkSlot(host, colour, target.folder);
      await startApi(host, manager, colour, target, tell.say);
      await manager.save();
    }
    tell.step('switch', `nginx → ${colour}${served ? ' (finishing the run that was cut off)' : ''}`);
    await switchTo(host, colour, target.commit);
  } catch (error) {
    if (!warm && !served) await manager.remove(apiName(colour), workerName(colour)).catch(() => undefined);
    recordFailure(host, { kind: 'rollback', version: target.version, commit: target.commit, result: 'failed', because: error.message.split('\n')[0], previous, seconds: tell.seconds() });
    throw new Refusal(error.exitCode ?? 1, `${target.version} was not returned to: ${error.message}\n${serving ? `${serving.version} serves as before.` : ''}`);
  }
  const servesAfter = tell.seconds();
  tell.say(`${target.version} serves after ${servesAfter} s`);

  linkCurrent(host, target.folder);
  // Work goes on whatever happens: the other worker ends only where this one works.
  const worker = await startWorker(host, manager, colour, target, tell.say).then(() => null, (error) => error.message);
  if (previous && previous.colour !== colour && !worker) await manager.remove(workerName(previous.colour));
  await manager.save();
  record(host, { kind: 'rollback', version: target.version, commit: target.commit, colour, result: 'live', previous, warm, servesAfter, seconds: tell.seconds(), database: verdict.verdict });
  clearJournal(host);
  if (worker) {
    await manager.remove(workerName(colour));
    throw new Refusal(1, `${target.version} serves after ${servesAfter} s, but its worker does not work: ${worker}\nThe worker of ${previous?.version ?? 'no release'} was left running.`);
  }
  print(`\n✔ ${target.version} (${target.commit.slice(0, 12)}) serves in ${colour}, after ${servesAfter} s.${previous ? ` ${previous.version} stays warm in ${previous.colour}.` : ''}\n`);
  return 0;
}

function choose(host, version, active, serving, history, kept) {
  if (version) {
    const found = kept.find((release) => release.version === version);
    if (!found) throw new Refusal(66, `${version} is not kept on this host (kept: ${kept.map((release) => release.version).join(', ') || 'none'}); deploy it with deploy.sh`);
    if (found.commit === serving?.commit) throw new Refusal(65, `${version} serves already`);
    return found;
  }
  const beside = active && slotRelease(host, otherColour(active));
  const servedBefore = new Set(history.filter(({ result }) => result === 'live').map(({ commit }) => commit));
  // What is in the other slot may be a candidate that never served; then the last that did is meant.
  const candidates = [beside, ...history.filter(({ result }) => result === 'live').toReversed()].filter((each) => each && each.commit !== serving?.commit && servedBefore.has(each.commit));
  for (const each of candidates) {
    const found = kept.find(({ commit }) => commit === each.commit);
    if (found) return found;
  }
  throw new Refusal(66, `no earlier release is kept on this host; deploy one with deploy.sh`);
}

/** The verdict about the database: from the database itself, or – where it does not answer – from what was recorded. */
async function judge(host, target, serving, history, kept) {
  const environment = quietEnvironment({ GLORIA_ENV_FILE: host.settings.APP_ENV_FILE, NODE_ENV: 'production' });
  const { code, output } = await run(process.execPath, ['dist/cli/gloria.js', 'migrate', '--status'], { cwd: releaseFolder(host, serving ?? target), env: environment, timeoutMs: 3_000 });
  let applied;
  if (code === 0) {
    const status = JSON.parse(output.slice(output.indexOf('{')));
    if (status.unfinished.length > 0) return { verdict: 'refused', because: `a migration was cut off (${status.unfinished.join(', ')}): run deploy.sh again, which undoes it` };
    applied = status.applied;
  } else {
    applied = [...new Set([...(serving?.migrations ?? []), ...history.flatMap(({ migrated }) => migrated ?? [])])];
  }
  const known = [...kept.flatMap(({ folder }) => readMigrations(folder)), ...history.flatMap(({ known: recorded }) => recorded ?? [])];
  const verdict = databaseVerdict(target, known, applied, history);
  return code === 0 ? verdict : { ...verdict, because: `${verdict.because} (the database does not answer; judged by what was recorded)` };
}

async function isWarm(host, colour, { folder, commit }) {
  // Where nobody listens there is nothing to wait for.
  if (!(await listens(host.port(colour)))) return false;
  const proof = await verify(folder, ['--url', `http://127.0.0.1:${host.port(colour)}`, '--commit', commit, '--instances', host.settings.INSTANCES, '--deadline', '1'], 5_000);
  return proof.code === 0;
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    setTimeout(() => socket.destroy(), 1_000).unref();
    socket.once('connect', () => socket.destroy());
  });
}
