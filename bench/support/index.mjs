// What benchmarks share: a database with the demonstration in it, processes of the product, clients, and figures.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort, prepareRolesAndDatabase, startPostgres } from '../../scripts/embedded-postgres.mjs';
import { must, root } from '../../scripts/prepare.mjs';

export const require = createRequire(import.meta.url);
export const dist = (path) => require(join(root, 'dist', path));

export const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
export const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
export const us = (value) => `${value < 10 ? value.toFixed(2) : Math.round(value)} µs`;
export const times = (value) => `${value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2)}×`;
export const row = (what, goal, measured, met, because = '') => ({ what, goal, measured, met: met ? 'yes' : 'missed', because });

/** Durations of `n` calls in ms, sorted. */
export async function durations(n, work) {
  const found = [];
  for (let index = 0; index < n; index += 1) {
    const from = performance.now();
    await work(index);
    found.push(performance.now() - from);
  }
  return found.sort((a, b) => a - b);
}

export const actorOf = (foundationId, personId) => ({ kind: 'user', foundationId, personId, personName: 'Bench', userId: personId, sessionId: 'bench', authzVersion: 0n, startedAt: Date.now(), locale: 'en', timezone: 'Asia/Jakarta', request: { requestId: 'bench-bench', route: 'bench', ip: null } });

/**
 * Hands `work` the product in this process, over a database of its own with the demonstration in it. `fast`: PostgreSQL gives
 * up durability, where nothing that is committed is measured.
 */
export async function inWorld({ step, fast }, work) {
  const folder = mkdtempSync(join(tmpdir(), 'gloria-bench-'));
  const stops = [];
  try {
    step('starting PostgreSQL');
    const postgres = await startPostgres({ dir: join(root, '.gloria', fast ? 'bench-postgres' : 'bench-postgres-durable'), fast });
    stops.push(postgres.stop);
    const name = `gloria_bench_${process.pid}`;
    const urls = await prepareRolesAndDatabase(postgres.adminUrl, name, { app: 'app', owner: 'owner' });
    must(process.execPath, ['dist/cli/gloria.js', 'migrate'], { MIGRATION_DATABASE_URL: urls.ownerUrl });
    const environment = {
      NODE_ENV: 'test', PORT: '0', PUBLIC_URL: 'http://localhost:3000', DATABASE_URL: urls.appUrl, LOG_LEVEL: 'silent', API_RATE_LIMIT: '100000000', DRAIN_SECONDS: '0',
      KEYRING_DIR: join(folder, 'keyring'), STORAGE_DIR: join(folder, 'storage'), DEV_ISSUER_DIR: join(folder, 'issuer'),
    };
    require('reflect-metadata');
    const { NestFactory } = require('@nestjs/core');
    const { AppModule } = dist('app.module.js');
    const { loadConfig } = dist('platform/config/index.js');
    const app = await NestFactory.createApplicationContext(AppModule.of(loadConfig(environment)), { logger: false });
    stops.push(() => app.close());
    const organization = 'org_bench';
    await dist('cli/seed-demo.js').seedDemonstration(app, JSON.parse(readFileSync(join(root, 'prisma/demo/organization.json'), 'utf8')), organization);
    const adminUrl = Object.assign(new URL(postgres.adminUrl), { pathname: `/${name}` }).toString();
    const admin = new pg.Client({ connectionString: adminUrl });
    await admin.connect();
    stops.push(async () => {
      await admin.end();
      const last = new pg.Client({ connectionString: postgres.adminUrl });
      await last.connect();
      await last.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await last.end();
    });
    return await work({ app, admin, adminUrl, environment, organization });
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** CPU seconds a process has used, by /proc. */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function startApi(environment, more = {}) {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, more.entry ?? 'dist/main.js')], { cwd: root, env: { PATH: process.env.PATH, ...environment, PORT: String(port), HOST: '127.0.0.1', ...more.env }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  child.stdout.resume();
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => Promise.reject(new Error(`a process ended with ${code} before it was ready`)))]);
  return { child, port: message.port ?? port };
}

export function post(port, path, body, headers, agent, method = 'POST') {
  return new Promise((done, fail) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const outgoing = httpRequest({ port, host: '127.0.0.1', path, method, agent, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) } }, (response) => {
      let answer = '';
      response.on('data', (chunk) => { answer += chunk; });
      response.on('end', () => done({ status: response.statusCode, body: answer }));
    });
    outgoing.on('error', fail);
    outgoing.end(text);
  });
}
