// npm start: everything a newcomer needs, in one command. Installs and builds what is missing, starts a PostgreSQL of
// its own where no DATABASE_URL is given, migrates, seeds, and runs API and worker until Ctrl-C.
// With NODE_ENV=production nothing is embedded and nothing is made up: the environment says it all, or it ends here.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureBuilt, ensureDependencies, must, root, step } from './prepare.mjs';

const production = process.env.NODE_ENV === 'production';
const home = join(root, '.gloria');
const lockFile = join(home, 'run.json');

ensureDependencies();
// A release is built where it is made, not where it runs.
if (!production || !existsSync(join(root, 'dist', 'main.js'))) ensureBuilt();

const env = { ...process.env };
const children = [];
let postgres = null;
let stopping = false;

process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));

try {
  if (!production) await prepareDevelopment();
  must(process.execPath, ['dist/cli/gloria.js', 'validate-env'], env);
  if (!production) {
    step('applying migrations');
    await run(process.execPath, ['dist/cli/gloria.js', 'migrate']);
    // With Clerk's own identities the demonstration people could not sign in.
    if (!env.CLERK_SECRET_KEY && !env.CLERK_JWT_KEY) await run(process.execPath, ['dist/cli/gloria.js', 'seed-demo']);
  }
  if (stopping) await new Promise(() => {});
  await Promise.all([launch('API', 'dist/main.js'), launch('worker', 'dist/worker.js')]);
  if (!production) {
    writeFileSync(lockFile, JSON.stringify({ pid: process.pid, url: env.PUBLIC_URL, databaseUrl: env.DATABASE_URL }), { mode: 0o600 });
    greet(env.PUBLIC_URL);
  }
} catch (error) {
  if (!stopping) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  await stop(1);
}

async function prepareDevelopment() {
  mkdirSync(home, { recursive: true });
  const running = existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')) : null;
  if (running && isAlive(running.pid)) throw new Error(`Gloria is running already: ${running.url} (process ${running.pid}). Stop it with Ctrl-C there.`);
  env.PORT ??= String(await firstFreePort(3000));
  env.PUBLIC_URL ??= `http://localhost:${env.PORT}`;
  env.LOG_LEVEL ??= 'warn';
  env.DRAIN_SECONDS ??= '0';
  // One developer and their tools; the limit would only stop a replay.
  env.API_RATE_LIMIT ??= '1000000';
  if (env.DATABASE_URL) {
    env.MIGRATION_DATABASE_URL ??= '';
    if (!env.MIGRATION_DATABASE_URL) throw new Error('DATABASE_URL is set, so MIGRATION_DATABASE_URL (the owner, for migrations) is needed too; see prisma/roles.sql.');
    return;
  }
  step('starting PostgreSQL');
  const { prepareRolesAndDatabase, startPostgres } = await import('./embedded-postgres.mjs');
  postgres = await startPostgres({ dir: join(home, 'postgres') });
  const passwordFile = join(home, 'postgres', 'role-passwords.json');
  if (!existsSync(passwordFile)) {
    const password = () => randomBytes(18).toString('base64url');
    writeFileSync(passwordFile, JSON.stringify({ app: password(), owner: password() }), { mode: 0o600 });
  }
  const urls = await prepareRolesAndDatabase(postgres.adminUrl, 'gloria', JSON.parse(readFileSync(passwordFile, 'utf8')));
  env.DATABASE_URL = urls.appUrl;
  env.MIGRATION_DATABASE_URL = urls.ownerUrl;
}

/** Runs a command to its end; its output is shown only where it fails. */
function run(command, args, extra = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, env: { ...env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk; });
    child.once('error', fail);
    child.once('exit', (code) => (code === 0 ? done() : fail(new Error(`${command} ${args.join(' ')} failed:\n${output}`))));
  });
}

/** Starts a long-running process and resolves once it says it is ready. Its end is the end of all. */
function launch(name, script) {
  return new Promise((done, fail) => {
    // A process group of its own, so that Ctrl-C reaches it through us alone and in order.
    const child = spawn(process.execPath, ['--enable-source-maps', script], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    children.push(child);
    child.once('message', () => done());
    child.once('exit', (code, signal) => {
      fail(new Error(`the ${name} did not start (${signal ?? code})`));
      if (!stopping) {
        process.stderr.write(`The ${name} ended (${signal ?? `exit code ${code}`}).\n`);
        void stop(code || 1);
      }
    });
  });
}

async function stop(code) {
  if (stopping) return;
  stopping = true;
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map((child) => new Promise((done) => {
    child.once('exit', done);
    child.kill('SIGTERM');
  })));
  await postgres?.stop();
  if (existsSync(lockFile) && JSON.parse(readFileSync(lockFile, 'utf8')).pid === process.pid) rmSync(lockFile);
  process.exit(code);
}

function greet(url) {
  if (env.CLERK_SECRET_KEY || env.CLERK_JWT_KEY) {
    process.stdout.write(`\nGloria is ready: Swagger at ${url}/docs; session tokens are Clerk’s.\n\nCtrl-C stops it; the data stays in .gloria/.\n`);
    return;
  }
  process.stdout.write(`
Gloria is ready.

  Swagger   ${url}/docs
  Sign in   ${url}/dev/sign-in
  Token     npm run -s token -- siti        (60 seconds; names: ${url}/dev/sign-in)

  curl -s -H "Authorization: Bearer $(npm run -s token -- siti)" ${url}/api/v1/me

Ctrl-C stops it; the data stays in .gloria/.
`);
}

async function firstFreePort(from) {
  for (let port = from; port < from + 100; port += 1) {
    const free = await new Promise((done) => {
      const probe = createServer().once('error', () => done(false)).listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (free) return port;
  }
  throw new Error(`no free port between ${from} and ${from + 99}`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('start.mjs');
  } catch (error) {
    return error.code === 'EPERM';
  }
}
