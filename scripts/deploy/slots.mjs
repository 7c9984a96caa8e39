// The two slots: what PM2 runs in each, started, proven and ended.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { quietEnvironment, run } from './host.mjs';
import { Refusal } from './refusal.mjs';

export const apiName = (colour) => `gloria-${colour}`;
export const workerName = (colour) => `gloria-worker-${colour}`;

/** PM2 of this host, in a folder of its own. */
export function pm2(host, command) {
  const environment = (extra = {}) => quietEnvironment({ PM2_HOME: host.pm2Home, PM2_DISCRETE_MODE: '1', ...extra });
  const call = (args, options = {}) => run(command, args, { cwd: host.home, timeoutMs: 300_000, ...options, env: environment(options.extra) });
  return {
    /** Starts one app of the release in a slot, by that release's own ecosystem.config.js. */
    async start(colour, folder, app) {
      mkdirSync(host.logs, { recursive: true });
      const extra = {
        GLORIA_HOME: host.home,
        GLORIA_SLOT: colour,
        GLORIA_PORT: host.port(colour),
        GLORIA_INSTANCES: host.settings.INSTANCES,
        GLORIA_MEMORY_MB: host.settings.MEMORY_MB,
        GLORIA_DRAIN_SECONDS: host.settings.DRAIN_SECONDS,
        GLORIA_START_SECONDS: host.settings.START_SECONDS,
        GLORIA_ENV_FILE: host.settings.APP_ENV_FILE,
      };
      const file = join(folder, 'ecosystem.config.js');
      if (!existsSync(file)) throw new Refusal(1, `the release has no ecosystem.config.js`);
      return call(['start', file, '--only', app, '--env', host.settings.ENVIRONMENT], { cwd: folder, extra });
    },
    /** Ends apps with their drain, until none of their processes is left; no matter if there was none. */
    async remove(...apps) {
      const until = Date.now() + 120_000;
      let settled = true;
      for (;;) {
        const there = [...new Set((await this.list()).map(({ name }) => name))].filter((name) => apps.includes(name));
        if (there.length === 0 && settled) return;
        settled = there.length === 0;
        // A restart that was under way when its app was deleted comes up afterwards.
        if (settled) await pause(1_000);
        if (Date.now() > until) throw new Refusal(69, `PM2 does not end ${there.join(', ')}`);
        for (const app of there) await call(['delete', app]);
      }
    },
    /** Processes: { name, pid, status, restarts }. */
    async list() {
      const { code, output } = await call(['jlist']);
      const start = output.indexOf('[{') >= 0 ? output.indexOf('[{') : output.lastIndexOf('[]');
      if (code !== 0 || start < 0) throw new Refusal(69, `PM2 does not answer:\n${output.trim().slice(-2000)}`);
      return JSON.parse(output.slice(start)).map(({ name, pid, pm2_env: env }) => ({ name, pid, status: env.status, restarts: env.restart_time }));
    },
    /** What runs now is what a reboot brings back. */
    save: () => call(['save', '--force']),
  };
}

/** Runs the release's own compiled health check. @returns {Promise<{ code: number, output: string }>} */
export function verify(folder, args, timeoutMs = 120_000) {
  return run(process.execPath, [join(folder, 'dist', 'health-check.js'), ...args], { timeoutMs });
}

/**
 * Starts a release in a slot and proves it: every process ready, each of the right commit, the whole application behind
 * the port, the worker at work. Throws Refusal (1) with what was wrong; what was started is ended again.
 */
export async function startAndProve(host, manager, colour, release, say) {
  await startApi(host, manager, colour, release, say);
  try {
    await startWorker(host, manager, colour, release, say);
  } catch (error) {
    await manager.remove(apiName(colour), workerName(colour));
    throw error;
  }
}

/** The first half of {@link startAndProve}: all but the worker. */
export async function startApi(host, manager, colour, { folder, commit }, say) {
  const app = apiName(colour);
  await manager.remove(app, workerName(colour));
  const logFrom = logSize(host, app);
  let started = null;
  const over = new AbortController();
  try {
    say(`starting ${app} on port ${host.port(colour)}`);
    const deadline = Date.now() + Number(host.settings.START_SECONDS) * 1000;
    started = manager.start(colour, folder, app);
    const proven = (async () => {
      await started;
      say('asking for readiness, commit and routes');
      const proof = await verify(folder, [
        '--url', `http://127.0.0.1:${host.port(colour)}`, '--commit', commit, '--instances', host.settings.INSTANCES, '--smoke',
        '--deadline', String(Math.max(5, Math.ceil((deadline - Date.now()) / 1000))),
      ]);
      return proof.code === 0 ? null : `the candidate does not pass its checks:\n${proof.output.trim()}`;
    })();
    // A release that keeps falling over is not worth waiting for.
    const wrong = await Promise.race([proven, fallsOver(manager, app, over.signal)]);
    if (wrong) throw new Refusal(1, `${wrong}\n${await lastWords(host, colour, folder, logFrom)}`);
  } catch (error) {
    // What PM2 is still starting would otherwise come up after the others were removed.
    await started;
    await manager.remove(app, workerName(colour));
    throw error;
  } finally {
    over.abort();
  }
}

/** Starts the slot's worker and waits for its heartbeat. */
export async function startWorker(host, manager, colour, { folder, commit }, say) {
  const app = workerName(colour);
  say(`starting ${app}`);
  const logFrom = logSize(host, app);
  await manager.remove(app);
  // The heartbeat of a predecessor proves nothing.
  rmSync(host.heartbeat(colour), { force: true });
  await manager.start(colour, folder, app);
  const proof = await verify(folder, ['--worker', host.heartbeat(colour), '--commit', commit, '--max-age', '15', '--deadline', host.settings.START_SECONDS]);
  if (proof.code !== 0) throw new Refusal(1, `the worker does not work:\n${proof.output.trim()}\n${logSince(host, app, logFrom)}`);
}

/** Resolves to a sentence once a process of the app has ended twice; to null when nobody asks any more. */
async function fallsOver(manager, app, signal) {
  while (!signal.aborted) {
    await pause(1_500, undefined, { signal }).catch(() => undefined);
    const worst = Math.max(0, ...(await manager.list()).filter(({ name }) => name === app).map(({ restarts }) => restarts));
    if (worst >= 2) return `the candidate ends as soon as it starts (${worst} times)`;
  }
  return null;
}

const logFile = (host, app) => join(host.logs, `${app}.log`);
const logSize = (host, app) => (existsSync(logFile(host, app)) ? statSync(logFile(host, app)).size : 0);

/** The last lines an app wrote since a place in its log. */
function logSince(host, app, from) {
  if (!existsSync(logFile(host, app))) return '';
  return readFileSync(logFile(host, app)).subarray(from).toString().split('\n').slice(-12).join('\n').trim();
}

/** What a candidate said of itself. PM2 loses what a process writes before it is connected; then it is asked once more, alone. */
async function lastWords(host, colour, folder, from) {
  const logged = logSince(host, apiName(colour), from);
  if (logged !== '') return logged;
  const alone = await run(process.execPath, ['--enable-source-maps', 'dist/main.js'], { cwd: folder, env: quietEnvironment({ NODE_ENV: 'production', GLORIA_ENV_FILE: host.settings.APP_ENV_FILE, PORT: '0' }), timeoutMs: 5_000 });
  return `It wrote no log. Started alone it says:\n${alone.output.trim().split('\n').slice(0, 12).join('\n')}`;
}
