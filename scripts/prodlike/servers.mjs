// The servers of a production-like host, each as a host would have it, on loopback and high ports: PostgreSQL with an
// archived write-ahead log, Redis with an access list and a memory policy, nginx with TLS. Each is started detached and
// found again by its pid file.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { createRequire } from 'node:module';
import { unprivileged } from '../embedded-postgres.mjs';

const pg = createRequire(import.meta.url)('pg');
const BIN = '/usr/lib/postgresql/15/bin';

export function must(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed (${error?.message ?? status}):\n${stdout ?? ''}${stderr ?? ''}`);
  return stdout ?? '';
}

const password = () => randomBytes(24).toString('base64url');

/** Runs a PostgreSQL or pgBackRest program as the user the server runs as. */
export function asServer(host, command, args, options = {}) {
  const { prefix } = unprivileged();
  const [program, ...rest] = [...prefix, command.startsWith('/') ? command : command.startsWith('pgbackrest') ? '/usr/bin/pgbackrest' : join(BIN, command), ...args];
  return must(program, rest, { cwd: host.postgres.dir, ...options });
}

export const pgBackRest = (host, args, options) => asServer(host, 'pgbackrest', [`--config=${host.postgres.backupConfig}`, '--stanza=gloria', ...args], options);

/** initdb, archiving, stanza, first full backup, roles and database. Adds to `host`: postgres, databaseUrl, migrationUrl. */
export async function startPostgres(host, tell) {
  const dir = join(host.dir, 'postgres');
  const socket = join(tmpdir(), `gloria-${host.ports.postgres}`);
  const data = join(dir, 'data');
  const server = { dir, data, socket, port: host.ports.postgres, backupConfig: join(dir, 'pgbackrest.conf'), conf: join(dir, 'conf'), options: `-c config_file=${join(dir, 'conf', 'postgresql.conf')}`, log: join(dir, 'postgres.log'), superuserPassword: password() };
  host.postgres = server;
  const user = unprivileged();
  rmSync(socket, { recursive: true, force: true });
  for (const folder of [dir, socket, data, ...['repository', 'log', 'lock', 'spool'].map((name) => join(dir, name))]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const secret = join(dir, 'superuser-password');
  writeFileSync(secret, server.superuserPassword, { mode: 0o600 });
  writeFileSync(server.backupConfig, [
    '[global]', `repo1-path=${join(dir, 'repository')}`, 'repo1-cipher-type=aes-256-cbc', `repo1-cipher-pass=${randomBytes(48).toString('base64')}`, 'repo1-retention-full=2',
    `log-path=${join(dir, 'log')}`, `lock-path=${join(dir, 'lock')}`, `spool-path=${join(dir, 'spool')}`, 'log-level-console=warn', 'log-level-file=info', 'start-fast=y', 'compress-type=lz4', 'process-max=2',
    '[gloria]', `pg1-path=${data}`, `pg1-port=${server.port}`, `pg1-socket-path=${socket}`, 'pg1-user=postgres', '',
  ].join('\n'), { mode: 0o600 });
  user.own(dir, socket, data, secret, server.backupConfig, ...['repository', 'log', 'lock', 'spool'].map((name) => join(dir, name)));
  tell('PostgreSQL 15 with an archived write-ahead log');
  asServer(host, 'initdb', ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums', '--auth-host=scram-sha-256', '--auth-local=trust', `--pwfile=${secret}`]);
  // Beside the data, as Debian keeps it: whoever starts the server must say where.
  mkdirSync(server.conf, { mode: 0o700 });
  for (const name of ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf']) renameSync(join(data, name), join(server.conf, name));
  appendFileSync(join(server.conf, 'postgresql.conf'), [
    '', `data_directory = '${data}'`, `hba_file = '${join(server.conf, 'pg_hba.conf')}'`, `ident_file = '${join(server.conf, 'pg_ident.conf')}'`,
    `listen_addresses = '127.0.0.1'`, `port = ${server.port}`, `unix_socket_directories = '${socket}'`, 'max_connections = 200', 'shared_buffers = 128MB',
    'wal_level = replica', 'archive_mode = on', `archive_command = 'pgbackrest --config=${server.backupConfig} --stanza=gloria archive-push %p'`, 'archive_timeout = 60', 'max_wal_senders = 5',
    'track_commit_timestamp = on', 'wal_log_hints = on', `timezone = 'UTC'`, `log_timezone = 'UTC'`, 'log_min_duration_statement = 500', 'log_lock_waits = on', '',
  ].join('\n'));
  user.own(server.conf, ...['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf'].map((name) => join(server.conf, name)));
  asServer(host, 'pg_ctl', ['-D', data, '-w', '-l', server.log, '-o', server.options, 'start']);
  host.adminUrl = `postgresql://postgres:${server.superuserPassword}@127.0.0.1:${server.port}/postgres`;
  const { prepareRolesAndDatabase } = await import('../embedded-postgres.mjs');
  const urls = await prepareRolesAndDatabase(host.adminUrl, 'gloria', { app: password(), owner: password() });
  Object.assign(host, { databaseUrl: urls.appUrl, migrationUrl: urls.ownerUrl });
  const admin = new pg.Client({ connectionString: host.adminUrl.replace(/\/postgres$/, '/gloria') });
  await admin.connect();
  await admin.query(readFileSync(new URL('../../prisma/recovery.sql', import.meta.url), 'utf8'));
  await admin.end();
  pgBackRest(host, ['stanza-create']);
  pgBackRest(host, ['check']);
  pgBackRest(host, ['--type=full', 'backup']);
}

export function stopPostgres(host) {
  const { data, socket } = host.postgres;
  if (existsSync(join(data, 'postmaster.pid'))) {
    try {
      asServer(host, 'pg_ctl', ['-D', data, '-w', '-m', 'fast', 'stop']);
    } catch {
      // A server that was killed leaves its pid file; there is nothing left to stop.
    }
  }
  rmSync(socket, { recursive: true, force: true });
}

/** Redis with one application user that may do what the application does, and no default user. */
export function startRedis(host, tell) {
  tell('Redis with an access list and a memory policy');
  const dir = join(host.dir, 'redis');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const secret = password();
  writeFileSync(join(dir, 'users.acl'), `user default off\nuser gloria on >${secret} ~gloria:* &gloria:* +@all -@admin -@dangerous +info\n`, { mode: 0o600 });
  writeFileSync(join(dir, 'redis.conf'), [`port ${host.ports.redis}`, 'bind 127.0.0.1', `dir ${dir}`, `pidfile ${join(dir, 'redis.pid')}`, `logfile ${join(dir, 'redis.log')}`, 'daemonize yes', 'maxmemory 128mb', 'maxmemory-policy allkeys-lru', 'appendonly no', 'save ""', `aclfile ${join(dir, 'users.acl')}`, ''].join('\n'), { mode: 0o600 });
  must('redis-server', [join(dir, 'redis.conf')]);
  host.redisUrl = `redis://gloria:${secret}@127.0.0.1:${host.ports.redis}`;
}

/** A certificate authority of this host's own and a certificate for its name. */
export function makeCertificate(host) {
  const dir = join(host.dir, 'tls');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const at = (name) => join(dir, name);
  const openssl = (...args) => must('openssl', args);
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=Gloria prodlike CA', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${host.serverName}`, '-keyout', at('key.pem'), '-out', at('request.pem'));
  writeFileSync(at('extensions'), `subjectAltName=DNS:${host.serverName},IP:127.0.0.1\nextendedKeyUsage=serverAuth\n`);
  openssl('x509', '-req', '-in', at('request.pem'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '20', '-extfile', at('extensions'), '-out', at('cert.pem'));
  chmodSync(at('key.pem'), 0o600);
  host.tls = { ca: at('ca.pem'), certificate: at('cert.pem'), key: at('key.pem') };
}

/** Ends the process a pid file names, if it is still the program meant; waits until it is gone. */
export function endByPidFile(file, program, signal = 'SIGTERM') {
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const alive = () => {
    try {
      return pid > 1 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program);
    } catch {
      return false;
    }
  };
  if (!alive()) return;
  process.kill(pid, signal);
  for (let n = 0; n < 100 && alive(); n += 1) spawnSync('sleep', ['0.1']);
  if (alive()) process.kill(pid, 'SIGKILL');
}
