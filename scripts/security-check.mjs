// npm run security:check: secrets in the tree, and vulnerabilities known to the registry. A registry that does not answer
// is said so; with --require-audit (continuous integration) it is a failure.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, ensureDependencies, root } from './prepare.mjs';

ensureDependencies();
const requireAudit = process.argv.includes('--require-audit');
let failed = false;
const say = (ok, text) => {
  process.stdout.write(`${ok ? '✔' : '✘'} ${text}\n`);
  failed ||= !ok;
};

// The masked, one-line form: the finding, never the secret.
const secrets = spawnSync(bin('secretlint'), ['--maskSecrets', '--format', 'unix', '**/*'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
say(secrets.status === 0, secrets.status === 0 ? 'no secret in the tree' : `secrets in the tree:\n${secrets.stdout}${secrets.stderr}`);

const audit = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
let report = null;
try {
  report = JSON.parse(audit.stdout);
} catch {
  // No JSON: the registry did not answer as one.
}
if (!report?.metadata?.vulnerabilities) {
  say(!requireAudit, `the registry offers no audit (${report?.error?.code ?? report?.message ?? `exit code ${audit.status}`}): vulnerabilities were not looked up`);
} else {
  const { high, critical, moderate, low } = report.metadata.vulnerabilities;
  const accepted = new Set(JSON.parse(readFileSync(join(root, '.security-accepted.json'), 'utf8')).map(({ advisory }) => advisory));
  const names = Object.values(report.vulnerabilities).filter(({ severity, via }) => ['high', 'critical'].includes(severity) && via.some((each) => typeof each === 'object' && !accepted.has(each.url))).map(({ name, severity }) => `${name} (${severity})`);
  say(names.length === 0, `vulnerabilities of what runs: ${critical} critical, ${high} high, ${moderate} moderate, ${low} low${names.length > 0 ? `: ${names.join(', ')}` : ''}`);
}
process.exit(failed ? 1 : 0);
