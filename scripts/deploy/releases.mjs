// Release folders: made from a tag's commit, beside what runs, whole or not at all.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { COLOURS, run, slotRelease } from './host.mjs';
import { Refusal } from './refusal.mjs';
import { lockStamp } from '../prepare.mjs';

/** A tag of a release: v1.2.3, v1.2.3-rc.1. Anything else is refused before a shell or git sees it. */
export const VERSION = /^v\d+\.\d+\.\d+(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$/;

async function git(host, args, why) {
  const { code, output } = await run('git', ['--git-dir', host.repository, ...args], { timeoutMs: 300_000 });
  if (code !== 0) throw new Refusal(69, `${why}:\n${output.trim()}`);
  return output.trim();
}

/**
 * Fetches the tags and resolves one to its commit. A tag that moved since it was deployed is refused: the same version
 * must always be the same code. Where a tag is signed, the signature must verify.
 */
export async function resolveVersion(host, version, history) {
  if (!existsSync(host.repository)) {
    const { code, output } = await run('git', ['clone', '--bare', '--quiet', host.settings.REPOSITORY, host.repository], { timeoutMs: 600_000 });
    if (code !== 0) {
      rmSync(host.repository, { recursive: true, force: true });
      throw new Refusal(69, `${host.settings.REPOSITORY} cannot be cloned:\n${output.trim()}`);
    }
  }
  await git(host, ['fetch', '--quiet', '--force', '--prune', host.settings.REPOSITORY, '+refs/tags/*:refs/tags/*', '+refs/heads/*:refs/heads/*'], `${host.settings.REPOSITORY} cannot be reached; nothing was changed`);
  const tag = `refs/tags/${version}`;
  const found = await run('git', ['--git-dir', host.repository, 'rev-parse', '--verify', '--quiet', `${tag}^{commit}`]);
  if (found.code !== 0) throw new Refusal(65, `there is no tag ${version} in ${host.settings.REPOSITORY}`);
  const commit = found.output.trim();
  const before = history.find((entry) => entry.version === version && entry.commit);
  if (before && before.commit !== commit) throw new Refusal(65, `the tag ${version} was moved: it was ${before.commit} when it was deployed on ${before.at}, now it is ${commit}. Give the new code a new version.`);
  const text = await run('git', ['--git-dir', host.repository, 'cat-file', 'tag', tag]);
  if (text.code === 0 && /-----BEGIN (SSH|PGP) SIGNATURE-----/.test(text.output)) {
    const verified = await run('git', ['--git-dir', host.repository, 'verify-tag', version]);
    if (verified.code !== 0) throw new Refusal(65, `the signature of the tag ${version} does not verify:\n${verified.output.trim()}`);
  }
  return { version, commit };
}

/** Where a release lives. The commit is part of the name, so that a folder can never hold another one's code. */
export const releaseFolder = (host, { version, commit }) => join(host.releases, `${version}-${commit.slice(0, 12)}`);

/** release.json of a folder that was finished, or null. */
export function finishedRelease(folder) {
  const file = join(folder, 'release.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/** Finished releases on this host, newest first. */
export function keptReleases(host) {
  if (!existsSync(host.releases)) return [];
  return readdirSync(host.releases)
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(host.releases, name))
    .flatMap((folder) => (finishedRelease(folder) ? [{ folder, ...finishedRelease(folder) }] : []))
    .sort((a, b) => (a.builtAt < b.builtAt ? 1 : -1));
}

export function freeMegabytes(dir) {
  const { bavail, bsize } = statfsSync(dir);
  return Math.floor((bavail * bsize) / 1024 / 1024);
}

/**
 * Installs a lock file's packages once, for every release that has the same one.
 * @param {'build' | 'runtime'} kind with development dependencies, or without
 */
async function modules(host, folder, kind, say) {
  const key = createHash('sha256').update(readFileSync(join(folder, 'package-lock.json'))).update(readFileSync(join(folder, 'package.json'))).update(process.version).update(kind).digest('hex').slice(0, 24);
  const ready = join(host.cache, `${kind}-${key}`);
  if (!existsSync(ready)) {
    say(`npm ci (${kind})`);
    const draft = join(host.cache, `.${kind}-${key}-${process.pid}`);
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) cpSync(join(folder, file), join(draft, file));
    const { code, output } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', kind === 'build' ? '--include=dev' : '--omit=dev'], { cwd: draft, timeoutMs: 1_200_000 });
    if (code !== 0) {
      rmSync(draft, { recursive: true, force: true });
      throw new Refusal(1, `npm ci failed; the running release was not touched:\n${output.trim().slice(-4000)}`);
    }
    writeFileSync(join(draft, 'node_modules', '.gloria-lock'), lockStamp(draft));
    renameSync(draft, ready);
  }
  return join(ready, 'node_modules');
}

/** Links rather than copies where the file system can: a release costs the disk its own code only. */
async function linkTree(from, to) {
  rmSync(to, { recursive: true, force: true });
  const linked = await run('cp', ['-al', from, to]);
  if (linked.code === 0) return;
  rmSync(to, { recursive: true, force: true });
  const copied = await run('cp', ['-a', from, to]);
  if (copied.code !== 0) throw new Refusal(1, `the packages cannot be copied; the running release was not touched:\n${copied.output.trim()}`);
}

/**
 * Makes the release folder of a commit: its files, its compiled code, its runtime packages. Works in a draft folder
 * that becomes the release by one rename; a folder that is there already is used as it is.
 * `look` is shown the files and the development packages before anything is compiled, and throws what it does not like.
 */
export async function buildRelease(host, { version, commit }, say, look = () => {}) {
  const folder = releaseFolder(host, { version, commit });
  const before = finishedRelease(folder);
  if (before) {
    say('kept from an earlier deployment');
    return { folder, ...before };
  }
  mkdirSync(host.releases, { recursive: true });
  mkdirSync(host.cache, { recursive: true });
  for (const [dir, pattern] of [[host.releases, /^\.building-/], [host.cache, /^\.(build|runtime)-/]]) {
    for (const name of readdirSync(dir)) if (pattern.test(name)) rmSync(join(dir, name), { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true, force: true });
  const draft = join(host.releases, `.building-${version}-${process.pid}`);
  try {
    mkdirSync(draft, { recursive: true });
    const unpacked = await run('bash', ['-c', 'set -o pipefail; git --git-dir "$1" archive --format=tar "$2" | tar -x -C "$3"', 'unpack', host.repository, commit, draft]);
    if (unpacked.code !== 0) throw new Refusal(1, `the files of ${commit} cannot be written:\n${unpacked.output.trim()}`);
    const build = await modules(host, draft, 'build', say);
    look(draft, build);
    await linkTree(build, join(draft, 'node_modules'));
    say('npm run build');
    const built = await run('npm', ['run', 'build'], { cwd: draft, timeoutMs: 600_000 });
    if (built.code !== 0 || !existsSync(join(draft, 'dist', 'main.js'))) throw new Refusal(1, `the build failed; the running release was not touched (exit code ${built.code}):\n${built.output.trim().slice(-4000)}`);
    const runtime = await modules(host, draft, 'runtime', say);
    await linkTree(runtime, join(draft, 'node_modules'));
    const migrations = readdirSync(join(draft, 'prisma', 'migrations'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
    const release = { version, commit, builtAt: new Date().toISOString(), node: process.version, buildModules: build, runtimeModules: runtime, migrations };
    writeFileSync(join(draft, 'release.json'), `${JSON.stringify(release, null, 2)}\n`);
    await run('sync', ['-f', draft]);
    renameSync(draft, folder);
    return { folder, ...release };
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error.code === 'ENOSPC' ? new Refusal(1, `the disk is full (${error.path ?? `${host.releases} or ${host.cache}`}); the running release was not touched`) : error;
  }
}

/** Puts a release into a slot. */
export function linkSlot(host, colour, folder) {
  const link = host.slotLink(colour);
  mkdirSync(join(host.home, 'slots'), { recursive: true });
  const draft = `${link}.draft`;
  rmSync(draft, { force: true });
  symlinkSync(folder, draft);
  renameSync(draft, link);
}

/** `current` leads operators to what serves. */
export function linkCurrent(host, folder) {
  const draft = `${host.current}.draft`;
  rmSync(draft, { force: true });
  symlinkSync(folder, draft);
  renameSync(draft, host.current);
}

/**
 * Removes what neither slot holds: candidates that never served, releases that served beyond the newest few, and package
 * caches no kept release was built from.
 */
export function prune(host, history) {
  const served = new Set(history.filter(({ result }) => result === 'live').map(({ commit }) => commit));
  const inSlots = new Set(COLOURS.map((colour) => slotRelease(host, colour)).flatMap((release) => (release ? [releaseFolder(host, release)] : [])));
  const kept = keptReleases(host);
  const idle = kept.filter(({ folder }) => !inSlots.has(folder));
  const gone = [...idle.filter(({ commit }) => !served.has(commit)), ...idle.filter(({ commit }) => served.has(commit)).slice(Number(host.settings.KEEP_RELEASES))];
  for (const { folder } of gone) rmSync(folder, { recursive: true, force: true });
  const used = new Set(kept.filter((release) => !gone.includes(release)).flatMap(({ buildModules, runtimeModules }) => [buildModules, runtimeModules].map((path) => path.split('/').at(-2))));
  for (const name of readdirSync(host.cache).filter((each) => /^(build|runtime)-/.test(each) && !used.has(each))) rmSync(join(host.cache, name), { recursive: true, force: true });
  return gone.map(({ version }) => version);
}
