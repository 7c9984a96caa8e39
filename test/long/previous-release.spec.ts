import { join } from 'node:path';
import { root } from '../support/documents';
import { runToEnd, succeeded } from '../support/prodlike';

/** While a deployment is under way the previous release serves on the next one's schema: its own tests say whether it can. */
it('the previous release’s tests pass on this schema', async () => {
  const { TEST_POSTGRES_ADMIN_URL: _admin, TEST_DATABASE_URL: _database, NODE_ENV: _environment, ...environment } = process.env as Record<string, string>;
  expect(succeeded(await runToEnd(process.execPath, [join(root, 'scripts/test-previous-release.mjs')], environment))).toContain('works on this schema');
}, 1_200_000);
