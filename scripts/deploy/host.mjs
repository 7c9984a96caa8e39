// What deploy.sh and rollback.sh know of the host they run on: its folder, its settings, its two slots.
import { spawn, spawnSync } from 'node:child_process';
import { request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Refusal } from './refusal.mjs';

/** Settings of host.conf: default, and what they are. A name that is not here is refused. */
export const SETTINGS = {
  ENVIRONMENT: { about: 'production, staging …: deploy.sh must be told the same' },
  REPOSITORY: { about: 'git repository the tags come from: a path or a URL' },
  APP_ENV_FILE: { about: "the application's variables (see .env.example), readable by its user only" },
  SERVER_NAME: { about: 'host name that nginx serves' },
  TLS_CERTIFICATE: { about: 'certificate chain (PEM)' },
  TLS_KEY: { about: 'its key (PEM)' },
  TLS_CA: { default: '', about: 'authority that checks of this host trust, where its certificate is not publicly trusted' },
  PORT_BLUE: { default: '3101', about: 'loopback port of the blue slot' },
  PORT_GREEN: { default: '3102', about: 'loopback port of the green slot' },
  INSTANCES: { default: '2', about: 'API processes of a slot' },
  MEMORY_MB: { default: '512', about: 'a process that grows beyond is replaced' },
  HTTP_PORT: { default: '80', about: 'where nginx redirects from' },
  HTTPS_PORT: { default: '443', about: 'where nginx serves' },
  LISTEN_ADDRESS: { default: '0.0.0.0', about: 'address nginx listens on' },
  OPERATOR_CIDRS: { default: '127.0.0.0/8', about: 'networks that may see /docs, /metrics and the details of /health, separated by commas' },
  TRUSTED_PROXIES: { default: '', about: 'balancers in front of nginx whose X-Forwarded-For is believed' },
  RATE_PER_SECOND: { default: '50', about: 'requests a second one address may make; four times as many at once' },
  CONNECTIONS_PER_ADDRESS: { default: '200', about: 'connections one address may hold' },
  MAINTENANCE_RETRY_SECONDS: { default: '600', about: 'Retry-After of scripts/maintenance.sh' },
  NGINX_USER: { default: 'www-data', about: 'who nginx works as, where root starts it; none where somebody else does' },
  NGINX_LOG_DIR: { default: '', about: "folder of nginx's logs, root's own where root starts nginx; GLORIA_HOME/logs where empty" },
  NGINX_PID: { default: '/run/nginx.pid', about: "nginx's process id file" },
  ACME_SERVER: { default: '', about: "directory of the authority that issues certificates; Let's Encrypt where empty" },
  ACME_EMAIL: { default: '', about: 'where the authority writes to, before a certificate ends' },
  ACME_WEBROOT: { default: '/var/www/acme', about: 'folder of ACME HTTP-01 challenges' },
  NGINX_TEST: { default: 'sudo -n nginx -t', about: 'checks the configuration of nginx' },
  NGINX_RELOAD: { default: 'sudo -n systemctl reload nginx', about: 'makes nginx read it' },
  DRAIN_SECONDS: { default: '5', about: 'how long a process that ends goes on answering' },
  START_SECONDS: { default: '60', about: 'a candidate that is not ready by then is given up' },
  WATCH_SECONDS: { default: '30', about: 'how long errors are watched after the switch' },
  WATCH_ERROR_PERCENT: { default: '2', about: 'share of 5xx answers that brings the old release back' },
  CACHE_DIR: { default: '', about: 'installed packages by lock file; GLORIA_HOME/cache where empty' },
  KEEP_RELEASES: { default: '4', about: 'release folders that stay, beside the two slots' },
  MIN_FREE_MB: { default: '1500', about: 'disk space a deployment asks for' },
  RESTORE_POINT: { default: 'wal', about: 'before migrations: wal (a named point in the archive), backup (scripts/backup.sh), or none' },
  BACKUP_ENV_FILE: { default: '', about: 'variables of scripts/backup.sh, where RESTORE_POINT=backup' },
};

export const COLOURS = ['blue', 'green'];
export const otherColour = (colour) => (colour === 'blue' ? 'green' : 'blue');

/** The host in `home`: paths and validated settings. Throws Refusal (78) naming everything wrong at once. */
export function readHost(home) {
  const file = join(home, 'host.conf');
  if (!existsSync(file)) throw new Refusal(78, `${file} is missing: GLORIA_HOME names the folder of this host's deployment (docs/deployment.md)`);
  const given = {};
  const problems = [];
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(text) ?? [];
    if (!name) problems.push(`line ${index + 1} is not NAME=value`);
    else if (!(name in SETTINGS)) problems.push(`${name} is no setting`);
    else given[name] = value.replace(/^(["'])(.*)\1$/, '$2');
  }
  const settings = {};
  for (const [name, { default: fallback }] of Object.entries(SETTINGS)) {
    settings[name] = given[name] ?? fallback;
    if (settings[name] === undefined || (settings[name] === '' && fallback === undefined)) problems.push(`${name} is missing: ${SETTINGS[name].about}`);
  }
  for (const name of ['PORT_BLUE', 'PORT_GREEN', 'INSTANCES', 'MEMORY_MB', 'HTTP_PORT', 'HTTPS_PORT', 'RATE_PER_SECOND', 'CONNECTIONS_PER_ADDRESS', 'MAINTENANCE_RETRY_SECONDS', 'DRAIN_SECONDS', 'START_SECONDS', 'WATCH_SECONDS', 'WATCH_ERROR_PERCENT', 'KEEP_RELEASES', 'MIN_FREE_MB']) {
    if (!/^\d+$/.test(settings[name] ?? '')) problems.push(`${name} must be a whole number`);
  }
  if (settings.PORT_BLUE === settings.PORT_GREEN) problems.push('PORT_BLUE and PORT_GREEN must differ');
  if (!['wal', 'backup', 'none'].includes(settings.RESTORE_POINT)) problems.push('RESTORE_POINT must be wal, backup or none');
  if (problems.length > 0) throw new Refusal(78, `${file} is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  const at = (...parts) => join(home, ...parts);
  return {
    home,
    settings,
    releases: at('releases'),
    cache: settings.CACHE_DIR || at('cache'),
    logs: at('logs'),
    repository: at('repository.git'),
    pm2Home: at('pm2'),
    upstream: at('live', 'upstream.conf'),
    nginxLogs: settings.NGINX_LOG_DIR || at('logs'),
    accessLog: join(settings.NGINX_LOG_DIR || at('logs'), 'nginx-access.log'),
    state: at('state'),
    current: at('current'),
    lock: at('state', 'lock'),
    slotLink: (colour) => at('slots', colour),
    port: (colour) => settings[colour === 'blue' ? 'PORT_BLUE' : 'PORT_GREEN'],
    heartbeat: (colour) => at('state', `worker-${colour}.json`),
  };
}

/** Replaces a file as a whole and durably: after a crash it holds the old text or the new one. */
export function writeWhole(file, text, mode = 0o644) {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.draft`;
  const handle = openSync(draft, 'w', mode);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}

/** The colour nginx is told to send requests to, or null before the first deployment. Throws Refusal (78) on a file nobody here wrote. */
export function activeColour(host) {
  if (!existsSync(host.upstream)) return null;
  const text = readFileSync(host.upstream, 'utf8');
  const written = /^# (blue|green);/.exec(text)?.[1];
  if (written) return written;
  if (text.includes('127.0.0.1:9 ')) return null;
  throw new Refusal(78, `${host.upstream} was not written by deploy.sh: what serves cannot be told from it`);
}

/** release.json of what stands in a slot, or null. */
export function slotRelease(host, colour) {
  const file = join(host.slotLink(colour), 'release.json');
  return colour && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/** The commit that answers through nginx now, or null. Whatever the certificate: this asks who answers, not whether to believe them. */
export function servedCommit(host) {
  const { SERVER_NAME, HTTPS_PORT, LISTEN_ADDRESS } = host.settings;
  return new Promise((done) => {
    const outgoing = request({ host: LISTEN_ADDRESS === '0.0.0.0' ? '127.0.0.1' : LISTEN_ADDRESS, port: HTTPS_PORT, path: '/health/live', servername: SERVER_NAME, headers: { host: SERVER_NAME }, rejectUnauthorized: false, agent: false, timeout: 2_000 }, (response) => {
      response.resume();
      done(response.statusCode === 200 ? String(response.headers['x-gloria-release'] ?? '').split(';')[0] : null);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => done(null));
    outgoing.end();
  });
}

/** Makes nginx read its configuration. Throws Refusal (70) where it refuses. */
export async function reloadNginx(host) {
  const test = await run('bash', ['-c', host.settings.NGINX_TEST]);
  if (test.code !== 0) throw new Refusal(70, `nginx refuses its configuration:\n${test.output}`);
  const reload = await run('bash', ['-c', host.settings.NGINX_RELOAD]);
  if (reload.code !== 0) throw new Refusal(70, `nginx was not reloaded:\n${reload.output}`);
}

/**
 * Points nginx at a colour and waits until that release answers through it: a reload that was asked for is not one that
 * happened. The file changes as a whole; whatever goes wrong puts the old one back.
 */
export async function switchTo(host, colour, commit) {
  const before = existsSync(host.upstream) ? readFileSync(host.upstream, 'utf8') : null;
  writeWhole(host.upstream, `# ${colour}; written by deploy.sh and rollback.sh\nserver 127.0.0.1:${host.port(colour)} max_fails=0;\n`);
  try {
    await reloadNginx(host);
    for (let n = 0; (await servedCommit(host)) !== commit; n += 1) {
      if (n >= 50) throw new Refusal(70, `nginx was told to reload and goes on sending requests elsewhere (${(await servedCommit(host)) ?? 'nobody answers'})`);
      await pause(200);
    }
  } catch (error) {
    if (before !== null) {
      writeWhole(host.upstream, before);
      await reloadNginx(host).catch(() => undefined);
    }
    throw error instanceof Refusal ? new Refusal(error.exitCode, `${error.message}\nIt is sent back to where it was.`) : error;
  }
}

/** Only what programs need: never a secret of the caller's shell into PM2's memory. */
export function quietEnvironment(extra = {}) {
  const keep = Object.entries(process.env).filter(([name]) => /^(PATH|HOME|USER|LANG|LC_.*|TMPDIR|TZ|npm_config_.*|NPM_CONFIG_.*|NODE_EXTRA_CA_CERTS|SSL_CERT_.*|GIT_.*|SSH_AUTH_SOCK|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)$/.test(name));
  return { ...Object.fromEntries(keep), ...extra };
}

/**
 * Runs a program to its end, in a process group of its own: a terminal that goes away takes its group with it, and what
 * is under way here must not end half-way. @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, { cwd, env = quietEnvironment(), timeoutMs, onOutput } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const limit = timeoutMs && setTimeout(() => killGroup(child.pid), timeoutMs);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        onOutput?.(String(chunk));
      });
    }
    child.once('error', (error) => (clearTimeout(limit), done({ code: 127, output: `${command}: ${error.message}` })));
    // `close` waits for whoever inherited the pipes; the daemon that PM2 leaves behind would hold us for ever.
    child.once('exit', (code, signal) => {
      clearTimeout(limit);
      const end = () => {
        child.stdout.destroy();
        child.stderr.destroy();
        done({ code: code ?? (signal === 'SIGKILL' ? 124 : 1), output });
      };
      const grace = setTimeout(end, 200);
      child.once('close', () => {
        clearTimeout(grace);
        end();
      });
    });
  });
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** A program beside this kit's own: from node_modules, else from the path. */
export function pm2Command(kit) {
  const own = join(kit, 'node_modules', '.bin', 'pm2');
  if (existsSync(own)) return own;
  const found = spawnSync('bash', ['-c', 'command -v pm2'], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : null;
}

/** Whether only the owner can read a file. */
export const isPrivate = (file) => (statSync(file).mode & 0o077) === 0;
