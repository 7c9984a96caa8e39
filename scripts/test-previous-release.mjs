// npm run test:previous-release [-- <tag or commit>]: the previous release's HTTP tests, on a database that this tree's
// migrations made. While a deployment is under way that release serves on that schema.
// Without a name: the newest tag before this commit; where there is none, the commit before migrations were last changed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureDependencies, must, root, step } from './prepare.mjs';

ensureDependencies();
ensureBuilt();
const { prepareRolesAndDatabase, startPostgres } = await import('./embedded-postgres.mjs');

const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
const previous = process.argv[2] ?? (git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*', 'HEAD^') || beforeNewestMigration());
const commit = git('rev-parse', '--verify', '--quiet', `${previous}^{commit}`);
if (!commit) {
  process.stderr.write(`${previous} is no tag and no commit of this repository\n`);
  process.exit(65);
}
const tree = join(root, '.gloria', 'previous-release');
let postgres = null;
let status = 1;
try {
  step(`${previous} (${commit.slice(0, 12)}) on the schema of ${git('rev-parse', '--short=12', 'HEAD')}`);
  if (existsSync(tree)) git('worktree', 'remove', '--force', tree);
  rmSync(tree, { recursive: true, force: true });
  git('worktree', 'prune');
  git('worktree', 'add', '--detach', '--force', tree, commit);
  mkdirSync(join(root, '.gloria'), { recursive: true });
  // The same packages where the lock file is the same: nothing to install.
  if (spawnSync('cmp', ['-s', join(root, 'package-lock.json'), join(tree, 'package-lock.json')]).status === 0) symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  postgres = await startPostgres({ dir: join(root, '.gloria', 'previous-release-postgres'), fast: true });
  const urls = await prepareRolesAndDatabase(postgres.adminUrl, `gloria_previous_${Date.now()}`, { app: 'app', owner: 'owner' });
  must(process.execPath, ['dist/cli/gloria.js', 'migrate'], { MIGRATION_DATABASE_URL: urls.ownerUrl });
  const { NODE_ENV: _unset, ...environment } = process.env;
  const run = spawnSync('npm', ['run', '--silent', 'test:e2e'], {
    cwd: tree, stdio: 'inherit',
    env: { ...environment, TEST_POSTGRES_ADMIN_URL: postgres.adminUrl, TEST_DATABASE_URL: urls.appUrl, TEST_MIGRATION_DATABASE_URL: urls.ownerUrl },
  });
  status = run.status ?? 1;
  process.stdout.write(status === 0 ? `✔ ${previous} works on this schema.\n` : `✘ ${previous} does not work on this schema: a deployment would break what serves.\n`);
} finally {
  await postgres?.stop();
  git('worktree', 'remove', '--force', tree);
}
process.exit(status);

function beforeNewestMigration() {
  const newest = git('log', '-1', '--format=%H', '--diff-filter=AM', '--', 'prisma/migrations/*/migration.sql');
  return git('rev-parse', '--verify', '--quiet', `${newest}^`) || 'HEAD^';
}
