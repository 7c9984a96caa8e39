// What a release does to the database, judged before it is done; and whether an older release can live with it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';

/**
 * Expanding changes leave the running release working: everything squawk has nothing against. What takes something away
 * (contracting) is let through only where the file says since which release nothing uses it any more:
 *   -- contract: since v1.4.0
 * Every file says how it is undone: `-- rollback: …`.
 */
const CONTRACT = /^--\s*contract:\s*since\s+(v\d+\.\d+\.\d+\S*)\s*$/m;
const ROLLBACK = /^--\s*rollback:\s*\S.{9,}$/m;

/** Rules of squawk that are about taste, or that the role's own settings already see to (lock_timeout: prisma/roles.sql). */
const EXCLUDED = ['prefer-robust-stmts', 'prefer-text-field', 'prefer-bigint-over-int', 'prefer-bigint-over-smallint', 'prefer-identity', 'prefer-timestamptz', 'ban-char-field', 'require-timeout-settings', 'require-table-schema', 'transaction-nesting', 'require-enum-value-ordering'];

/** What squawk calls the taking away of something a running release may use; a contract line answers for these. */
const CONTRACTING = ['ban-drop-column', 'ban-drop-table', 'ban-drop-not-null', 'ban-drop-database', 'ban-truncate-cascade', 'renaming-column', 'renaming-table', 'changing-column-type', 'adding-not-nullable-field'];

export function readMigrations(folder) {
  const dir = join(folder, 'prisma', 'migrations');
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, file: join(dir, name, 'migration.sql') }))
    .filter(({ file }) => existsSync(file))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, file }) => {
      const sql = readFileSync(file, 'utf8');
      return { name, file, sql, contractSince: CONTRACT.exec(sql)?.[1] ?? null, rollback: ROLLBACK.test(sql) };
    });
}

/**
 * @param {{ name: string, file: string, sql: string, contractSince: string | null, rollback: boolean }[]} migrations
 * @param {string} squawk path of the squawk executable
 * @param {{ running: string | null }} now the version that serves
 * @returns {string[]} what is wrong, one sentence each
 */
export function lintMigrations(migrations, squawk, { running }) {
  const problems = [];
  for (const { name, file, contractSince, rollback } of migrations) {
    if (!rollback) problems.push(`${name}: says nothing of how it is undone (-- rollback: …)`);
    if (contractSince && running && compareVersions(running, contractSince) < 0) {
      problems.push(`${name}: takes away what releases before ${contractSince} use, and ${running} is running; deploy ${contractSince} or later first`);
    }
    for (const { rule, line, message } of squawkReport(squawk, file)) {
      if (CONTRACTING.includes(rule) && contractSince) continue;
      problems.push(`${name} line ${line}: ${rule}: ${message}`);
    }
  }
  return problems;
}

function squawkReport(squawk, file) {
  const { status, stdout, stderr, error } = spawnSync(squawk, ['--reporter', 'json', '--pg-version', '15.0', '--assume-in-transaction', ...EXCLUDED.flatMap((rule) => ['--exclude', rule]), file], { encoding: 'utf8', maxBuffer: 32 * 1024 * 1024 });
  if (error) throw new Error(`squawk cannot run: ${error.message}`);
  if (status !== 0 && !stdout.trim().startsWith('[')) throw new Error(`squawk failed on ${file}: ${stderr || stdout}`);
  return JSON.parse(stdout || '[]').map(({ rule_name: rule, line, message, messages }) => ({ rule, line: Number(line) + 1, message: message ?? JSON.stringify(messages) }));
}

/** Negative, zero or positive, by semantic versioning 2.0 precedence (section 11). */
export function compareVersions(a, b) {
  const parse = (version) => {
    const [core, ...rest] = version.replace(/^v/, '').split('-');
    return { core: core.split('.').map(Number), pre: rest.length > 0 ? rest.join('-').split('.') : null };
  };
  const [left, right] = [parse(a), parse(b)];
  for (let n = 0; n < 3; n += 1) if (left.core[n] !== right.core[n]) return left.core[n] - right.core[n];
  if (!left.pre || !right.pre) return (left.pre ? 0 : 1) - (right.pre ? 0 : 1);
  for (let n = 0; n < Math.max(left.pre.length, right.pre.length); n += 1) {
    const [x, y] = [left.pre[n], right.pre[n]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (x === y) continue;
    const [xn, yn] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (xn && yn) return Number(x) - Number(y);
    if (xn !== yn) return xn ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

/**
 * Whether a release can serve on the database as it is.
 * @param {{ version: string, migrations: string[] }} target
 * @param {{ name: string, contractSince: string | null }[]} known migrations of every release on this host
 * @param {string[]} applied what the database has
 * @param {{ migrated?: string[], restorePoint?: { name: string, at: string } | null }[]} history
 * @returns {{ verdict: 'compatible' | 'needs-recovery' | 'refused', because: string, to?: { name: string, at: string } }}
 */
export function databaseVerdict(target, known, applied, history) {
  const missing = target.migrations.filter((name) => !applied.includes(name));
  if (missing.length > 0) return { verdict: 'refused', because: `the database lacks ${missing.join(', ')}, which ${target.version} needs: deploy it with deploy.sh, which migrates` };
  for (const name of applied.filter((each) => !target.migrations.includes(each))) {
    const migration = known.find((each) => each.name === name);
    if (!migration) return { verdict: 'refused', because: `the database has ${name}, which no release on this host knows: nobody can say whether ${target.version} can live with it` };
    if (!migration.contractSince || compareVersions(target.version, migration.contractSince) >= 0) continue;
    const point = history.findLast((entry) => entry.migrated?.includes(name))?.restorePoint ?? null;
    return point
      ? { verdict: 'needs-recovery', to: point, because: `${name} took away what releases before ${migration.contractSince} use; ${target.version} needs the database of ${point.at} (restore point ${point.name}; docs/backup-and-recovery.md). What was written since then would be lost` }
      : { verdict: 'refused', because: `${name} took away what releases before ${migration.contractSince} use, and no restore point from before it is known` };
  }
  return { verdict: 'compatible', because: applied.length > target.migrations.length ? 'every migration since only added' : `the database has what ${target.version} knows` };
}
