// What start, test and the tools need before they can begin: dependencies, the generated client, the compiled code.
// Uses nothing but Node, since it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the project's folder, showing its output; ends this process with its code where it fails. */
export function must(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status === 0) return;
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(status ?? 1);
}

/** The path of a package's executable, as installed. */
export const bin = (name) => join(root, 'node_modules', '.bin', name);

export function ensureDependencies() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Node 20.19 or newer is needed; this is ${process.versions.node}.\n`);
    process.exit(1);
  }
  const lock = lockStamp(root);
  const stamp = join(root, 'node_modules', '.gloria-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  if (process.env.NODE_ENV === 'production' && existsSync(join(root, 'node_modules'))) return;
  step('installing dependencies');
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev']);
  writeFileSync(stamp, lock);
}

/** What node_modules is stamped with after an install from the lock file in `dir`. */
export const lockStamp = (dir) => createHash('sha256').update(readFileSync(join(dir, 'package-lock.json'))).digest('hex');

export function ensureGenerated() {
  const source = join(root, 'prisma', 'schema.prisma');
  whenChanged('generated', [source], [join(root, 'src/platform/database/generated/client.ts')], () => {
    step('generating the Prisma client');
    must(bin('prisma'), ['generate', '--no-hints'], { NO_COLOR: '1' });
  });
}

export function ensureBuilt() {
  ensureGenerated();
  const sources = [...filesBelow(join(root, 'src')).filter((file) => file.endsWith('.ts')), join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json'), join(root, 'package-lock.json')];
  whenChanged('built', sources, [join(root, 'dist/main.js')], () => {
    step('compiling');
    must(bin('tsc'), ['-p', 'tsconfig.build.json']);
  });
}

export function step(text) {
  process.stdout.write(`· ${text}\n`);
}

function whenChanged(name, sources, results, make) {
  const stamp = join(root, '.gloria', 'stamps', name);
  const now = hashOf(sources);
  if (results.every((file) => existsSync(file)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return;
  make();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, now);
}

function filesBelow(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}
