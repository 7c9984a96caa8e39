// Debian packages that tests and the production-like deployment need, installed where they are missing and this is root.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { step } from './prepare.mjs';

/** Package by the file that shows it is there. */
const PACKAGES = {
  'redis-server': '/usr/bin/redis-server',
  'nginx-light': '/usr/sbin/nginx',
  'postgresql-15': '/usr/lib/postgresql/15/bin/postgres',
  pgbackrest: '/usr/bin/pgbackrest',
  pgbouncer: '/usr/sbin/pgbouncer',
  age: '/usr/bin/age',
  shellcheck: '/usr/bin/shellcheck',
  logrotate: '/usr/sbin/logrotate',
  certbot: '/usr/bin/certbot',
  pebble: '/usr/bin/pebble',
  faketime: '/usr/bin/faketime',
  openssl: '/usr/bin/openssl',
  systemd: '/usr/bin/systemd-analyze',
  git: '/usr/bin/git',
  buildah: '/usr/bin/buildah',
  podman: '/usr/bin/podman',
  runc: '/usr/sbin/runc',
  netavark: '/usr/lib/podman/netavark',
  'aardvark-dns': '/usr/lib/podman/aardvark-dns',
  iptables: '/usr/sbin/iptables',
  mmdebstrap: '/usr/bin/mmdebstrap',
};

/** What the drills run. */
export const DRILL_PACKAGES = ['nginx-light', 'postgresql-15', 'pgbackrest', 'pgbouncer', 'redis-server', 'age', 'shellcheck', 'logrotate', 'certbot', 'pebble', 'faketime', 'openssl', 'systemd', 'git'];

/** Makes sure these packages are there, or ends this process (69) saying how to install them. @param {string[]} names */
export function ensurePackages(names) {
  const missing = names.filter((name) => !existsSync(PACKAGES[name] ?? fail(`${name} is not in scripts/debian.mjs`)));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) fail(`These Debian packages are needed: sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`);
  step(`installing ${missing.join(', ')} from Debian's packages`);
  // RUNLEVEL=1: installing a server does not start it.
  const apt = (args) => spawnSync('apt-get', args, { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } });
  apt(['update', '-q']);
  const done = apt(['install', '-y', '-q', '--no-install-recommends', ...missing]);
  if (done.status !== 0) fail(`${missing.join(', ')} could not be installed:\n${done.stderr}`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(69);
}
