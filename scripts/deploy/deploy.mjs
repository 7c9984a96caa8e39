// deploy.sh <environment> <version>: blue/green. The new release is built, started and proven beside the one that
// serves; only then nginx is pointed at it. Whatever goes wrong before leaves the old release serving, whatever goes
// wrong after brings it back. docs/operations.md says what each message means.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { homeOrRefuse, kitOf, main, narrator, outliveTerminal, print } from './cli.mjs';
import { activeColour, isPrivate, otherColour, pm2Command, quietEnvironment, reloadNginx, run, servedCommit, slotRelease, switchTo } from './host.mjs';
import { daysLeft } from './certificate.mjs';
import { compareVersions, lintMigrations, readMigrations } from './migrations.mjs';
import { Refusal } from './refusal.mjs';
import { buildRelease, finishedRelease, freeMegabytes, linkCurrent, linkSlot, prune, releaseFolder, resolveVersion, VERSION } from './releases.mjs';
import { apiName, pm2, startAndProve, verify, workerName } from './slots.mjs';
import { clearJournal, readHistory, readJournal, record, recordFailure, takeLock, writeJournal } from './state.mjs';
import { watch } from './watch.mjs';

const USAGE = `usage: ./deploy.sh <environment> <version> [--dry-run]

Deploys the tag <version> (v1.2.3) to this host, whose folder is GLORIA_HOME (default /srv/gloria).
--dry-run says what would be done and changes nothing but the fetched tags.
Safe to repeat: a run that was cut off is finished or undone by the next one.
`;

const STEPS = ['preflight', 'release', 'environment', 'migrations', 'restore point', 'migrate', 'candidate', 'switch', 'watch', 'finish'];

await main(async () => {
  const { environment, version, dryRun } = readArguments();
  const host = homeOrRefuse();
  if (environment !== host.settings.ENVIRONMENT) throw new Refusal(64, `this host is "${host.settings.ENVIRONMENT}", not "${environment}"; nothing was changed`);
  const release = dryRun ? () => {} : takeLock(host, `deploy.sh ${environment} ${version}`);
  if (!dryRun) outliveTerminal(host, 'deploy');
  try {
    return await deploy(host, version, dryRun);
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
  const [environment, version] = positionals;
  if (positionals.length !== 2 || !/^[a-z][a-z0-9-]*$/.test(environment)) throw new Refusal(64, USAGE);
  if (!VERSION.test(version)) throw new Refusal(64, `"${version}" is no version; tags of releases look like v1.2.3`);
  return { environment, version, dryRun: values['dry-run'] ?? false };
}

async function deploy(host, version, dryRun) {
  const tell = narrator(STEPS.length);
  const history = readHistory(host);
  const manager = pm2(host, await preflight(host, tell, dryRun));
  const target = await resolveVersion(host, version, history);
  const from = activeColour(host);
  const serving = from && slotRelease(host, from);
  if (dryRun) return plan(host, target, from, serving);

  const journal = readJournal(host);
  // Between the file that says where requests go and the reload that makes it so there is a moment: nginx is made to agree first.
  if (journal) await reloadNginx(host);
  if (journal) tell.say(`a run was cut off: ${journal.version} at "${journal.step}", begun ${journal.at}`);
  // Cut off after the switch: what serves has been proven already, and the old release is still warm beside it.
  if (journal?.kind === 'deploy' && journal.commit === target.commit && ['switch', 'watch', 'finish'].includes(journal.step) && serving?.commit === target.commit && journal.colour === from) {
    return afterSwitch(host, manager, tell, { target, folder: releaseFolder(host, target), colour: from, previous: journal.previous, migrated: journal.migrated ?? [], restorePoint: journal.restorePoint ?? null }, true);
  }
  if (journal) record(host, { kind: journal.kind, version: journal.version, commit: journal.commit, result: 'interrupted', at_step: journal.step, migrated: journal.migrated ?? [], restorePoint: journal.restorePoint ?? null });

  const colour = from ? otherColour(from) : 'blue';
  const run = { kind: 'deploy', version, commit: target.commit, colour, at: new Date().toISOString(), previous: serving ? { version: serving.version, commit: serving.commit, colour: from } : null };
  const reach = (step, more = {}) => writeJournal(host, Object.assign(run, more, { step }));
  try {
    reach('release');
    tell.step('release', `${version} is commit ${target.commit}`);
    const built = await buildRelease(host, target, tell.say, (folder, modules) => serving && refuseMigrations(readMigrations(folder).filter(({ name }) => !serving.migrations.includes(name)), modules, serving));

    reach('environment');
    tell.step('environment', `${host.settings.APP_ENV_FILE} against what ${version} reads`);
    await checkEnvironment(host, built);

    reach('migrations');
    const pending = await checkMigrations(host, built, serving, tell);

    let restorePoint = null;
    reach('restore point');
    tell.step('restore point', pending.length > 0 ? host.settings.RESTORE_POINT : 'not needed, the database stays as it is');
    if (pending.length > 0) restorePoint = await makeRestorePoint(host, built, version, tell);

    // Who they are is recorded as well: a release's folder may be gone when its migrations are asked about.
    reach('migrate', { restorePoint, migrated: pending, known: readMigrations(built.folder).filter(({ name }) => pending.includes(name)).map(({ name, contractSince }) => ({ name, contractSince })) });
    if (pending.length > 0) record(host, { kind: 'migrate', version, commit: target.commit, result: 'begun', migrated: pending, known: run.known, restorePoint });
    tell.step('migrate', pending.length > 0 ? pending.join(', ') : 'nothing to do');
    if (pending.length > 0) await migrate(host, built, tell);


    reach('candidate');
    tell.step('candidate', `${version} in the ${colour} slot${serving ? `, beside ${serving.version} in ${from}` : ''}`);
    linkSlot(host, colour, built.folder);
    await startAndProve(host, manager, colour, built, tell.say);

    return await afterSwitch(host, manager, tell, { target, folder: built.folder, colour, previous: run.previous, migrated: pending, restorePoint, reach }, false);
  } catch (error) {
    if (error.afterSwitch) throw error;
    const unwritten = recordFailure(host, { kind: 'deploy', version, commit: target.commit, result: 'failed', at_step: run.step, because: firstLine(error.message), previous: run.previous, seconds: tell.seconds(), migrated: run.migrated ?? [], restorePoint: run.restorePoint ?? null });
    const why = error.code === 'ENOSPC' ? `the disk is full (${host.home})` : error instanceof Refusal ? error.message : error.stack;
    throw new Refusal(error.exitCode ?? 1, `${version} was not deployed (${run.step}): ${why}\n${unwritten ? `! ${unwritten}\n` : ''}${serving ? `${serving.version} serves as before.` : 'Nothing serves yet.'}`);
  }
}

/** Points nginx at the proven candidate, watches it, and makes the change final; or brings the old release back. */
async function afterSwitch(host, manager, tell, { target, folder, colour, previous, migrated, restorePoint, reach }, resumed) {
  const note = reach ?? ((step) => writeJournal(host, { kind: 'deploy', ...target, colour, at: new Date().toISOString(), previous, migrated, restorePoint, step }));
  try {
    note('switch');
    tell.step('switch', `nginx → ${colour}${resumed ? ' (finishing the run that was cut off)' : ''}`);
    // A reboot from here on brings back what nginx asks for.
    await manager.save();
    await switchTo(host, colour, target.commit);
    note('watch');
    tell.step('watch', `${host.settings.WATCH_SECONDS} s, up to ${host.settings.WATCH_ERROR_PERCENT} % errors`);
    const counted = await watch(host, manager, colour, tell.say);
    const proof = await verify(folder, ['--url', `http://127.0.0.1:${host.port(colour)}`, '--commit', target.commit, '--instances', host.settings.INSTANCES, '--smoke']);
    if (proof.code !== 0) throw new Refusal(1, `it stopped passing its checks:\n${proof.output.trim()}`);
    note('finish');
    tell.step('finish', `${counted.total} answers, ${counted.errors} errors; ${target.version} stays`);
  } catch (error) {
    await bringBack(host, manager, tell, { target, colour, previous, error, migrated, restorePoint });
  }
  // The new release serves and stays: what does not work from here on is said, not undone.
  const attempt = async (what, work) => {
    try {
      return await work();
    } catch (error) {
      tell.say(`! ${what}: ${firstLine(error.message)}. Run the same deployment again`);
      return null;
    }
  };
  await attempt('the link current', () => linkCurrent(host, folder));
  if (previous && previous.colour !== colour) await attempt('ending the old worker', () => manager.remove(workerName(previous.colour)));
  await attempt("PM2's list", () => manager.save());
  record(host, { kind: 'deploy', ...target, colour, result: 'live', previous, migrated, restorePoint, seconds: tell.seconds() });
  clearJournal(host);
  const gone = (await attempt('removing old releases', () => prune(host, readHistory(host)))) ?? [];
  if (gone.length > 0) tell.say(`removed ${gone.join(', ')}`);
  print(`\n✔ ${target.version} (${target.commit.slice(0, 12)}) serves in ${colour}.${previous ? ` ${previous.version} stays warm in ${previous.colour}: ./rollback.sh returns to it.` : ''}\n`);
  return 0;
}

async function bringBack(host, manager, tell, { target, colour, previous, error, migrated, restorePoint }) {
  const because = firstLine(error.message);
  if (!previous) {
    await manager.save();
    recordFailure(host, { kind: 'deploy', ...target, result: 'failed', because, previous: null, migrated, restorePoint, seconds: tell.seconds() });
    throw Object.assign(new Refusal(1, `${target.version} serves, but ${error.message}\nThere is no earlier release to return to.`), { afterSwitch: true });
  }
  tell.say(`returning to ${previous.version}: ${because}`);
  await switchTo(host, previous.colour, previous.commit).catch((failure) => tell.say(`! ${firstLine(failure.message)}`));
  // Only what nginx does not ask any more is ended.
  if ((await servedCommit(host)) === target.commit || colour === previous.colour) {
    throw Object.assign(new Refusal(70, `${target.version} should be taken back (${because}), but nginx goes on asking it. Nothing was ended: look at nginx, then ./rollback.sh`), { afterSwitch: true });
  }
  await manager.remove(workerName(colour), apiName(colour));
  await manager.save();
  const unwritten = recordFailure(host, { kind: 'deploy', ...target, result: 'rolled-back', because, previous, migrated, restorePoint, seconds: tell.seconds() });
  if (unwritten) tell.say(`! ${unwritten}`);
  throw Object.assign(new Refusal(1, `${target.version} was taken back: ${error.message}\n${previous.version} serves again.`), { afterSwitch: true });
}

async function preflight(host, tell, dryRun) {
  tell.step('preflight', `tools, disk and settings of ${host.home}`);
  const problems = [];
  for (const tool of ['git', 'npm', 'tar', 'flock', 'cp', 'bash']) if ((await run('bash', ['-c', `command -v ${tool}`])).code !== 0) problems.push(`${tool} is not installed`);
  const command = pm2Command(kitOf(import.meta.url));
  if (!command) problems.push('pm2 is not installed (npm install -g pm2)');
  if (!existsSync(host.settings.APP_ENV_FILE)) problems.push(`${host.settings.APP_ENV_FILE} (APP_ENV_FILE) is missing`);
  else if (!isPrivate(host.settings.APP_ENV_FILE)) problems.push(`${host.settings.APP_ENV_FILE} can be read by others: chmod 600`);
  const kit = kitOf(import.meta.url);
  const dirty = await run('git', ['-C', kit, 'status', '--porcelain', '--untracked-files=no']);
  if (dirty.code === 0 && dirty.output.trim() !== '') problems.push(`the tree of deploy.sh has changes nobody committed (${dirty.output.trim().split('\n').length} files); deploy with the kit as it was released`);
  mkdirSync(host.releases, { recursive: true });
  const free = freeMegabytes(host.releases);
  if (free < Number(host.settings.MIN_FREE_MB)) problems.push(`${free} MB are free below ${host.releases}, ${host.settings.MIN_FREE_MB} are asked for (MIN_FREE_MB)`);
  if (problems.length > 0) throw new Refusal(78, `this host is not ready; nothing was changed:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  const days = daysLeft(host.settings.TLS_CERTIFICATE);
  if (days < 14) tell.say(`! the certificate ${days < 0 ? 'has expired' : `expires in ${days} days`} (${host.settings.TLS_CERTIFICATE}); clients ${days < 0 ? 'refuse it now' : 'will refuse it then'}. The deployment goes on`);
  const nginx = dryRun ? { code: 0 } : await run('bash', ['-c', host.settings.NGINX_TEST]);
  if (nginx.code !== 0 && existsSync(host.upstream)) throw new Refusal(78, `nginx's configuration is not valid now, so a switch could not be made:\n${nginx.output}`);
  return command;
}

function applicationEnvironment(host) {
  return quietEnvironment({ GLORIA_ENV_FILE: host.settings.APP_ENV_FILE, NODE_ENV: 'production' });
}

async function checkEnvironment(host, { folder }) {
  // Both slots, and the second of two workers, run for a moment at the same time.
  const processes = String(2 * Number(host.settings.INSTANCES) + 1);
  const { code, output } = await run(process.execPath, ['dist/cli/gloria.js', 'validate-env', '--processes', processes], { cwd: folder, env: applicationEnvironment(host), timeoutMs: 60_000 });
  if (code !== 0) throw new Refusal(78, output.trim());
}

async function checkMigrations(host, { folder, version, migrations, buildModules }, serving, tell) {
  const { code, output } = await run(process.execPath, ['dist/cli/gloria.js', 'migrate', '--status'], { cwd: folder, env: applicationEnvironment(host), timeoutMs: 60_000 });
  if (code !== 0) throw new Refusal(69, `the database does not say what it has:\n${output.trim()}`);
  const { applied, unfinished } = JSON.parse(output.slice(output.indexOf('{')));
  const pending = migrations.filter((name) => !applied.includes(name));
  const ahead = applied.filter((name) => !migrations.includes(name));
  tell.step('migrations', `${applied.length} applied, ${pending.length} to come${ahead.length > 0 ? `, ${ahead.length} the release does not know` : ''}${unfinished.length > 0 ? `, ${unfinished.length} cut off` : ''}`);
  if (applied.length > 0) refuseMigrations(readMigrations(folder).filter(({ name }) => pending.includes(name)), buildModules, serving);
  const problems = [];
  if (ahead.length > 0) {
    const newer = [...readHistory(host).flatMap(({ known }) => known ?? []), ...(serving ? readMigrations(releaseFolder(host, serving)) : [])];
    for (const name of ahead) {
      const since = newer.find((each) => each.name === name)?.contractSince;
      if (since && compareVersions(version, since) < 0) problems.push(`${name} took away what ${version} uses; ${since} is the oldest release that can serve`);
    }
  }
  if (problems.length > 0) throw new Refusal(65, `the database is beyond this release:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  return pending;
}

/** A database without tables has nobody to lock out; this is asked of every other. */
function refuseMigrations(migrations, modules, serving) {
  const problems = lintMigrations(migrations, join(modules, '.bin', 'squawk'), { running: serving?.version ?? null });
  if (problems.length > 0) throw new Refusal(65, `migrations the running release would not survive:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
}

async function makeRestorePoint(host, { folder }, version, tell) {
  if (host.settings.RESTORE_POINT === 'none') return null;
  const name = `before-${version}-${new Date().toISOString().replace(/[:.]/g, '')}`;
  const result = host.settings.RESTORE_POINT === 'wal'
    ? await run(process.execPath, ['dist/cli/gloria.js', 'restore-point', name], { cwd: folder, env: applicationEnvironment(host), timeoutMs: 120_000 })
    : await run('bash', [join(folder, 'scripts', 'backup.sh')], { cwd: folder, env: quietEnvironment({ GLORIA_HOME: host.home, ...(host.settings.BACKUP_ENV_FILE ? { BACKUP_ENV_FILE: host.settings.BACKUP_ENV_FILE } : {}) }), timeoutMs: 3_600_000 });
  if (result.code !== 0) throw new Refusal(69, `there is no way back for the database, so nothing was migrated:\n${result.output.trim()}`);
  tell.say(result.output.trim().split('\n').at(-1));
  return { name: host.settings.RESTORE_POINT === 'wal' ? name : result.output.trim().split('\n').at(-1), at: new Date().toISOString() };
}

async function migrate(host, { folder }, tell) {
  const { code, output } = await run(process.execPath, ['dist/cli/gloria.js', 'migrate'], { cwd: folder, env: applicationEnvironment(host), timeoutMs: 3_600_000, onOutput: (text) => text.trim() && print(`${text.replace(/^/gm, '                ').trimEnd()}\n`) });
  if (code !== 0) throw new Refusal(1, `the migration failed:\n${output.trim().slice(-4000)}`);
  tell.say('the database is ready for the new release and still for the old one');
}

async function plan(host, target, from, serving) {
  const colour = from ? otherColour(from) : 'blue';
  const folder = releaseFolder(host, target);
  const kept = finishedRelease(folder);
  const files = await run('git', ['--git-dir', host.repository, 'ls-tree', '-r', '--name-only', target.commit, 'prisma/migrations']);
  const names = files.output.split('\n').flatMap((file) => /^prisma\/migrations\/([^/]+)\/migration\.sql$/.exec(file)?.[1] ?? []);
  const before = new Set(serving?.migrations ?? []);
  const fresh = names.filter((name) => !before.has(name));
  const lines = [
    `Deploying ${target.version} (${target.commit}) to ${host.settings.ENVIRONMENT}, ${host.home}`,
    `  now     ${serving ? `${serving.version} (${serving.commit.slice(0, 12)}) in ${from}` : 'nothing serves'}`,
    `  1 preflight      tools, settings, ${freeMegabytes(host.releases)} MB free (${host.settings.MIN_FREE_MB} asked for)`,
    `  2 release        ${kept ? `kept since ${kept.builtAt}` : 'install and build'} in ${folder}`,
    `  3 environment    ${host.settings.APP_ENV_FILE} checked by the release itself, connections for ${2 * Number(host.settings.INSTANCES) + 1} processes`,
    `  4 migrations     ${fresh.length === 0 ? 'none beyond what serves' : `${fresh.join(', ')}: linted for what the running release would not survive`}`,
    `  5 restore point  ${fresh.length === 0 ? 'not needed' : host.settings.RESTORE_POINT}`,
    `  6 migrate        ${fresh.length === 0 ? 'nothing' : `as the owner, under its lock_timeout`}`,
    `  7 candidate      ${apiName(colour)} × ${host.settings.INSTANCES} on port ${host.port(colour)} and ${workerName(colour)}; ready, right commit on every process, smoke; up to ${host.settings.START_SECONDS} s`,
    `  8 switch         ${host.upstream} → ${colour}, nginx reloaded`,
    `  9 watch          ${host.settings.WATCH_SECONDS} s; more than ${host.settings.WATCH_ERROR_PERCENT} % errors return to ${serving ? serving.version : 'nothing'}`,
    ` 10 finish         ${serving ? `${workerName(from)} ends, ${apiName(from)} stays warm; ` : ''}releases.jsonl, .last-deployed-version; ${host.settings.KEEP_RELEASES} older releases stay`,
  ];
  process.stdout.write(`${lines.join('\n')}\nNothing was changed.\n`);
  return 0;
}

function firstLine(text) {
  return String(text).split('\n')[0].slice(0, 300);
}
