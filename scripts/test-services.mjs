// The real PostgreSQL and Redis that tests run on.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort, prepareRolesAndDatabase, startPostgres } from './embedded-postgres.mjs';
import { must, root, step } from './prepare.mjs';

/**
 * Starts what is not given by TEST_POSTGRES_ADMIN_URL and TEST_REDIS_URL, and migrates the template every test database
 * is cloned from. TEST_DATABASE_URL (with TEST_MIGRATION_DATABASE_URL) instead names a prepared database, used as it is.
 * @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>}
 */
export async function startTestServices() {
  const stops = [];
  const env = {};
  const stop = async () => { for (const each of stops.reverse()) await each(); };
  try {
    if (process.env.TEST_POSTGRES_ADMIN_URL) {
      env.TEST_POSTGRES_ADMIN_URL = process.env.TEST_POSTGRES_ADMIN_URL;
    } else {
      step('starting PostgreSQL');
      const postgres = await startPostgres({ dir: join(root, '.gloria', 'test-postgres'), fast: true });
      stops.push(postgres.stop);
      env.TEST_POSTGRES_ADMIN_URL = postgres.adminUrl;
    }
    env.TEST_REDIS_URL = process.env.TEST_REDIS_URL ?? (await startRedis(stops));
    if (!process.env.TEST_DATABASE_URL) {
      step('migrating the template database');
      const pg = (await import('pg')).default;
      const admin = new pg.Client({ connectionString: env.TEST_POSTGRES_ADMIN_URL });
      await admin.connect();
      const left = await admin.query(`SELECT datname FROM pg_database WHERE datname LIKE 'gloria\\_test%'`);
      for (const { datname } of left.rows) await admin.query(`DROP DATABASE ${pg.escapeIdentifier(datname)} WITH (FORCE)`);
      await admin.end();
      const urls = await prepareRolesAndDatabase(env.TEST_POSTGRES_ADMIN_URL, 'gloria_test_template', { app: 'app', owner: 'owner' });
      must(process.execPath, ['dist/cli/gloria.js', 'migrate'], { MIGRATION_DATABASE_URL: urls.ownerUrl });
    }
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startRedis(stops) {
  if (!onPath('redis-server')) installRedis();
  step('starting Redis');
  const port = await freePort();
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no'], { stdio: 'ignore' });
  stops.push(() => new Promise((done) => {
    if (server.exitCode !== null) return done();
    server.once('exit', done);
    server.kill('SIGTERM');
  }));
  return `redis://127.0.0.1:${port}`;
}

function installRedis() {
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    process.stderr.write('Tests need a Redis: set TEST_REDIS_URL, or run: sudo apt-get install -y redis-server\n');
    process.exit(1);
  }
  step('installing redis-server from Debian’s packages');
  const apt = (args) => spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status;
  apt(['update', '-q']);
  if (apt(['install', '-y', '-q', '--no-install-recommends', 'redis-server']) !== 0) {
    process.stderr.write('redis-server could not be installed.\n');
    process.exit(1);
  }
}

function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
