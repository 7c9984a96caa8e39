// npm run prodlike: a production-like deployment on this machine in one command – nginx with TLS in front of a PM2 cluster
// and a worker, PostgreSQL with an archived write-ahead log, Redis with an access list – deployed by deploy.sh from a
// tag. `-- --down` removes it. Loopback and high ports only; everything lives below one folder.
//   --dir <folder>        default .gloria/prodlike
//   --set NAME=value,…    settings of host.conf
//   --no-deploy           the servers and the empty host only
import { spawnSync } from 'node:child_process';
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from './debian.mjs';
import { freePort } from './embedded-postgres.mjs';
import { ensureDependencies, root, step } from './prepare.mjs';
import { endByPidFile, makeCertificate, must, startPostgres, startRedis, stopPostgres } from './prodlike/servers.mjs';

const { values } = parseArgs({ options: { down: { type: 'boolean' }, dir: { type: 'string', default: join(root, '.gloria', 'prodlike') }, set: { type: 'string', default: '' }, 'no-deploy': { type: 'boolean' } } });
const dir = resolve(values.dir);
const description = join(dir, 'prodlike.json');

try {
  if (values.down) down();
  else await up();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (!values.down && existsSync(description)) {
    process.stderr.write(`Removing what was started; the logs are in ${dir}.failed\n`);
    stopAll(JSON.parse(readFileSync(description, 'utf8')));
    rmSync(`${dir}.failed`, { recursive: true, force: true });
    spawnSync('mv', [dir, `${dir}.failed`]);
  }
  process.exit(1);
}

async function up() {
  if (existsSync(description)) throw new Error(`There is one already in ${dir}: npm run prodlike -- --down removes it.`);
  ensureDependencies();
  ensurePackages(['nginx-light', 'postgresql-15', 'pgbackrest', 'redis-server', 'openssl', 'git']);
  mkdirSync(dir, { recursive: true });
  const ports = {};
  for (const name of ['postgres', 'redis', 'http', 'https', 'blue', 'green']) ports[name] = await freePort();
  const host = { dir, home: join(dir, 'home'), kit: join(dir, 'kit'), repository: join(dir, 'repository.git'), serverName: 'api.gloria.test', ports, organization: 'org_prodlike', path: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}` };
  const save = () => writeFileSync(description, JSON.stringify(host, null, 2), { mode: 0o600 });
  save();

  await startPostgres(host, step);
  save();
  startRedis(host, step);
  save();
  step('certificates, settings, repository');
  makeCertificate(host);
  makeIssuer(host);
  writeSettings(host, values.set);
  host.version = publishSnapshot(host);
  save();
  must('node', [join(host.kit, 'scripts', 'render-nginx.mjs')], { env: environment(host) });
  step('nginx with TLS');
  must('nginx', ['-c', join(host.home, 'nginx', 'nginx.conf')]);
  if (values['no-deploy']) return;

  step(`./deploy.sh production ${host.version}`);
  must(join(host.kit, 'deploy.sh'), ['production', host.version], { env: environment(host), stdio: 'inherit' });
  step('foundation');
  const made = must('node', ['dist/cli/gloria.js', 'bootstrap', '--organization', host.organization, '--code', 'prodlike', '--name', 'Yayasan Prodlike', '--admin-number', '1', '--admin-name', 'Dewi Lestari', '--clerk-user', 'user_dewi'], { cwd: join(host.home, 'current'), env: { ...environment(host), NODE_ENV: 'production', GLORIA_ENV_FILE: join(host.home, 'app.env') } });
  host.foundation = JSON.parse(made).foundationId;
  save();
  const base = `https://${host.serverName}:${ports.https}`;
  process.stdout.write(`
A production-like deployment serves at ${base} (loopback only).

  curl --cacert ${host.tls.ca} --resolve ${host.serverName}:${ports.https}:127.0.0.1 ${base}/health
  curl --cacert ${host.tls.ca} --resolve ${host.serverName}:${ports.https}:127.0.0.1 -H "Authorization: Bearer $(cat ${join(dir, 'token')})" ${base}/api/v1/me

  export GLORIA_HOME=${host.home} PATH=${join(root, 'node_modules', '.bin')}:$PATH
  ${join(host.kit, 'scripts', 'verify-deployment.sh')}
  ${join(host.kit, 'deploy.sh')} production ${host.version} --dry-run

npm run prodlike -- --down removes it.
`);
}

function down() {
  if (!existsSync(description)) throw new Error(`There is none in ${dir}.`);
  stopAll(JSON.parse(readFileSync(description, 'utf8')));
  rmSync(dir, { recursive: true, force: true });
  process.stdout.write('Removed.\n');
}

function stopAll(host) {
  endByPidFile(join(host.home, 'nginx', 'nginx.pid'), 'nginx', 'SIGQUIT');
  if (existsSync(join(host.home, 'pm2'))) spawnSync(join(root, 'node_modules', '.bin', 'pm2'), ['kill'], { env: { ...environment(host), PM2_HOME: join(host.home, 'pm2') } });
  endByPidFile(join(host.dir, 'redis', 'redis.pid'), 'redis-server');
  if (host.postgres) stopPostgres(host);
}

function environment(host) {
  return { PATH: host.path, HOME: process.env.HOME, GLORIA_HOME: host.home, ...(process.env.NODE_EXTRA_CA_CERTS ? { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS } : {}) };
}

/** The key that stands in for Clerk's, and a token of the administrator that is valid for a day. */
function makeIssuer(host) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  host.issuer = { url: 'https://clerk.gloria.test', privateKey, publicKey };
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: host.issuer.url, azp: 'https://app.gloria.test', sub: 'user_dewi', sid: `sess_${randomBytes(8).toString('hex')}`, iat: now - 5, nbf: now - 5, exp: now + 86_400, v: 2, fva: [0, -1], sts: 'active', o: { id: host.organization, rol: 'admin', slg: 'prodlike' } };
  const input = `${part({ alg: 'RS256', typ: 'JWT', kid: 'ins_prodlike' })}.${part(claims)}`;
  writeFileSync(join(host.dir, 'token'), `${input}.${createSign('RSA-SHA256').update(input).sign(privateKey, 'base64url')}`, { mode: 0o600 });
}

function writeSettings(host, overrides) {
  const { home, ports, tls, serverName } = host;
  mkdirSync(join(home, 'logs'), { recursive: true });
  const conf = join(home, 'nginx', 'nginx.conf');
  const settings = {
    ENVIRONMENT: 'production', REPOSITORY: host.repository, APP_ENV_FILE: join(home, 'app.env'), SERVER_NAME: serverName, TLS_CERTIFICATE: tls.certificate, TLS_KEY: tls.key, TLS_CA: tls.ca,
    PORT_BLUE: ports.blue, PORT_GREEN: ports.green, HTTP_PORT: ports.http, HTTPS_PORT: ports.https, LISTEN_ADDRESS: '127.0.0.1', OPERATOR_CIDRS: '127.0.0.1/32',
    NGINX_PID: join(home, 'nginx', 'nginx.pid'), NGINX_USER: process.getuid() === 0 ? 'root' : 'none', NGINX_TEST: `nginx -t -q -c ${conf}`, NGINX_RELOAD: `nginx -c ${conf} -s reload`, ACME_WEBROOT: join(host.dir, 'acme'),
    RATE_PER_SECOND: 10000, CONNECTIONS_PER_ADDRESS: 2000, CACHE_DIR: join(root, '.gloria', 'module-cache'), WATCH_SECONDS: 5, DRAIN_SECONDS: 2, MIN_FREE_MB: 300,
    ...Object.fromEntries(overrides.split(',').filter(Boolean).map((each) => each.split(/=(.*)/s).slice(0, 2))),
  };
  writeFileSync(join(home, 'host.conf'), Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''));
  const application = {
    PUBLIC_URL: `https://${serverName}:${ports.https}`, DATABASE_URL: host.databaseUrl, MIGRATION_DATABASE_URL: host.migrationUrl, REDIS_URL: host.redisUrl, DATABASE_POOL_MAX: 5,
    CLERK_JWT_KEY: host.issuer.publicKey.trim().replace(/\n/g, '\\n'), CLERK_ISSUER: host.issuer.url, CLERK_AUTHORIZED_PARTIES: 'https://app.gloria.test', CORS_ORIGINS: 'https://app.gloria.test',
    TRUST_PROXY_HOPS: 1, API_RATE_LIMIT: 1_000_000, ENCRYPTION_KEY: randomBytes(32).toString('base64'), KEYRING_DIR: join(host.dir, 'keyring'), STORAGE_DIR: join(host.dir, 'storage'),
  };
  writeFileSync(join(home, 'app.env'), Object.entries(application).map(([name, value]) => `${name}='${value}'\n`).join(''), { mode: 0o600 });
  chmodSync(join(home, 'app.env'), 0o600);
}

/** The working tree as it is, committed aside, as a tag of a bare repository, and a checkout of it that deploys. */
function publishSnapshot(host) {
  const index = join(host.dir, 'index');
  const git = (args, env = {}) => must('git', args, { cwd: root, env: { ...process.env, ...env } }).trim();
  git(['read-tree', 'HEAD'], { GIT_INDEX_FILE: index });
  git(['add', '--all', '.'], { GIT_INDEX_FILE: index });
  const tree = git(['write-tree'], { GIT_INDEX_FILE: index });
  const author = { GIT_AUTHOR_NAME: 'Gloria', GIT_AUTHOR_EMAIL: 'gloria@localhost', GIT_COMMITTER_NAME: 'Gloria', GIT_COMMITTER_EMAIL: 'gloria@localhost', GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z', GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z' };
  const commit = git(['commit-tree', tree, '-m', 'snapshot of the working tree'], author);
  const version = `v0.1.0-snapshot.${createHash('sha256').update(commit).digest('hex').slice(0, 8)}`;
  must('git', ['init', '--quiet', '--bare', '--initial-branch=main', host.repository]);
  git(['push', '--quiet', host.repository, `${commit}:refs/heads/main`, `${commit}:refs/tags/${version}`]);
  must('git', ['clone', '--quiet', host.repository, host.kit]);
  return version;
}
