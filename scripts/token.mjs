// npm run -s token -- <person> [--organization org_…]: a session token (60 s) of a demonstration person, from the
// development issuer of the running API.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const [person, flag, organization] = process.argv.slice(2);
if (!person || (flag && (flag !== '--organization' || !organization))) fail('usage: npm run -s token -- <person> [--organization org_…]', 64);

let url = process.env.GLORIA_URL;
if (!url) {
  try {
    url = JSON.parse(readFileSync(join(root, '.gloria', 'run.json'), 'utf8')).url;
  } catch {
    fail('Gloria is not running here: npm start', 1);
  }
}
const answer = await fetch(`${url}/dev/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ person, ...(organization ? { organization } : {}) }) }).catch(() => null);
if (!answer) fail(`${url} does not answer: npm start`, 1);
if (answer.status === 404) fail(`There is nobody called ${person}, or no development issuer; the names are at ${url}/dev/sign-in`, 1);
if (!answer.ok) fail(`HTTP ${answer.status}: ${await answer.text()}`, 1);
process.stdout.write(`${(await answer.json()).token}\n`);

function fail(message, code) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
