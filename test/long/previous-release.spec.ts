import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../support/documents';
import { runToEnd, succeeded } from '../support/prodlike';

/** While a deployment is under way the previous release serves on the next one's schema: its own tests say whether it can. */
describe('the previous release’s tests', () => {
  const { TEST_POSTGRES_ADMIN_URL: _admin, TEST_DATABASE_URL: _database, NODE_ENV: _environment, ...environment } = process.env as Record<string, string>;

  it('pass on this schema', async () => {
    expect(succeeded(await runToEnd(process.execPath, [join(root, 'scripts/test-previous-release.mjs')], environment))).toContain('works on this schema');
  }, 1_200_000);

  it('fail on a schema that took something away', async () => {
    const tree = mkdtempSync(join(tmpdir(), 'gloria-next-'));
    try {
      const git = (...args: string[]) => execFileSync('git', ['-C', tree, '-c', 'user.name=Gloria', '-c', 'user.email=gloria@localhost', ...args], { stdio: 'ignore' });
      execFileSync('git', ['clone', '--quiet', root, tree]);
      symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
      mkdirSync(join(tree, 'prisma/migrations/29990101000000_take_away'));
      writeFileSync(join(tree, 'prisma/migrations/29990101000000_take_away/migration.sql'), '-- rollback: forward only; made for a drill.\nALTER TABLE person DROP COLUMN employee_number;\n');
      git('add', '--all', 'prisma');
      git('commit', '--quiet', '-m', 'takes away');
      const { code, output } = await runToEnd(process.execPath, [join(tree, 'scripts/test-previous-release.mjs'), 'HEAD^'], environment, tree);
      expect([code, output]).toEqual([1, expect.stringContaining('HEAD^ does not work on this schema: a deployment would break what serves.')]);
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  }, 1_200_000);
});
