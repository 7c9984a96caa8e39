// npm run lint:migrations: would every migration since the first release be let through by deploy.sh?
import { bin, root } from './prepare.mjs';
import { lintMigrations, readMigrations } from './deploy/migrations.mjs';

/** Made before there was a release to lock out. */
const BASELINE = ['20261123050000_create_tables', '20261123050100_add_rules', '20261123050200_add_permission_catalogue'];

const migrations = readMigrations(process.argv[2] ?? root).filter(({ name }) => !BASELINE.includes(name));
const problems = lintMigrations(migrations, bin('squawk'), { running: null });
process.stdout.write(problems.length === 0 ? `✔ ${migrations.length} migrations since the first release\n` : `${problems.map((problem) => `✘ ${problem}`).join('\n')}\n`);
process.exit(problems.length === 0 ? 0 : 1);
