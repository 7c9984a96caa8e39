// The two slots: what PM2 runs in each, started, proven and ended.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { quietEnvironment, run } from './host.mjs';
import { Refusal } from './refusal.mjs';

export const apiName = (colour) => `gloria-${colour}`;
export const workerName = (colour) => `gloria-worker-${colour}`;

/** Names of what ecosystem.config.js starts for a colour. */
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
    /** Ends an app with its drain; no matter if it is not there. */
    async remove(...apps) {
      const there = new Set((await this.list()).map(({ name }) => name));
      for (const app of apps) if (there.has(app)) await call(['delete', app]);
    },
    /** Processes: { name, pid, status, restarts, version }. */
    async list() {
      const { code, output } = await call(['jlist']);
      const start = output.indexOf('[{') >= 0 ? output.indexOf('[{') : output.lastIndexOf('[]');
      if (code !== 0 || start < 0) throw new Refusal(69, `PM2 does not answer:\n${output.trim().slice(-2000)}`);
      return JSON.parse(output.slice(start)).map(({ name, pid, pm2_env: env }) => ({ name, pid, status: env.status, restarts: env.restart_time, commit: env.RELEASE_COMMIT }));
    },
    /** What runs now is what a reboot brings back. */
    save: () => call(['save', '--force']),
    reload: (app) => call(['reload', app]),
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
export async function startAndProve(host, manager, colour, { folder, commit }, say) {
  try {
    await manager.remove(apiName(colour), workerName(colour));
    say(`starting ${apiName(colour)} on port ${host.port(colour)}`);
    const seconds = Number(host.settings.START_SECONDS);
    const deadline = Date.now() + seconds * 1000;
    const up = new AbortController();
    const started = manager.start(colour, folder, apiName(colour)).finally(() => up.abort());
    // PM2 waits for the last of them; a release that keeps falling over is not worth waiting for.
    const fallen = await Promise.race([started.then(() => null), fallsOver(manager, apiName(colour), deadline, up.signal)]);
    if (fallen) throw new Refusal(1, `${fallen}\n${lastWords(host, apiName(colour))}`);
    say('asking for readiness, commit and routes');
    const proof = await verify(folder, [
      '--url', `http://127.0.0.1:${host.port(colour)}`, '--commit', commit, '--instances', host.settings.INSTANCES, '--smoke',
      '--deadline', String(Math.max(5, Math.ceil((deadline - Date.now()) / 1000))),
    ]);
    if (proof.code !== 0) throw new Refusal(1, `the candidate does not pass its checks:\n${proof.output.trim()}\n${lastWords(host, apiName(colour))}`);
    await startWorker(host, manager, colour, { folder, commit }, say);
  } catch (error) {
    await manager.remove(apiName(colour), workerName(colour));
    throw error;
  }
}

/** Starts the slot's worker and waits for its heartbeat. */
export async function startWorker(host, manager, colour, { folder, commit }, say) {
  say(`starting ${workerName(colour)}`);
  const started = await manager.start(colour, folder, workerName(colour));
  const proof = await verify(folder, ['--worker', host.heartbeat(colour), '--commit', commit, '--max-age', '15', '--deadline', host.settings.START_SECONDS]);
  if (proof.code !== 0) throw new Refusal(1, `the worker does not work:\n${proof.output.trim()}\n${started.code === 0 ? '' : started.output.trim()}\n${lastWords(host, workerName(colour))}`);
}

/** Resolves to a sentence once a process of the app has ended twice; to null at the deadline or when nobody asks any more. */
async function fallsOver(manager, app, deadline, signal) {
  while (Date.now() < deadline && !signal.aborted) {
    await pause(500, undefined, { signal }).catch(() => undefined);
    const processes = (await manager.list()).filter(({ name }) => name === app);
    const worst = Math.max(0, ...processes.map(({ restarts }) => restarts));
    if (worst >= 2 || processes.some(({ status }) => status === 'errored')) return `the candidate ends as soon as it starts (${worst} times)`;
  }
  return null;
}

/** The end of an app's log. */
export function lastWords(host, app) {
  const file = join(host.logs, `${app}.log`);
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').split('\n').slice(-12).join('\n').trim();
}
