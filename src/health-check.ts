import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const USAGE = `usage: health-check [--url http://127.0.0.1:3000] [options]
       health-check --worker <heartbeat file> [--commit <id>] [--max-age <seconds>]

Proves that a deployment works, for Docker, PM2, nginx, deploy.sh and operators. Exit code 0: all passed; 1: something
failed, named; 64: wrong usage.

  --commit <id>      every answer must come from this commit
  --instances <n>    so many different processes must answer
  --smoke            also: routes are there and refuse whoever is not signed in
  --strict           degraded parts fail too
  --deadline <s>     try again until then (default 10)
  --ca <file>        certificate authority to trust, for https
  --server <name>    name to ask for (SNI and Host) where the URL holds an address
  --json             print one JSON object
`;

interface Options {
  url: string;
  commit: string | undefined;
  instances: number;
  smoke: boolean;
  strict: boolean;
  deadlineMs: number;
  ca: Buffer | undefined;
  server: string | undefined;
}

interface Answer {
  status: number;
  type: string;
  release: string;
  body: Record<string, unknown>;
}

interface Finding {
  check: string;
  ok: boolean;
  detail: string;
}

const REQUEST_MS = 3_000;

/** Asks on a connection of its own, so that a cluster hands it to the next process. Rejects where no JSON comes back. */
function ask(options: Options, path: string): Promise<Answer> {
  const target = new URL(path, options.url);
  const secure = target.protocol === 'https:';
  return new Promise((done, fail) => {
    const outgoing = (secure ? secureRequest : plainRequest)(
      target,
      {
        agent: false,
        timeout: REQUEST_MS,
        headers: { connection: 'close', accept: 'application/json', ...(options.server ? { host: options.server } : {}) },
        ...(secure ? { ca: options.ca, servername: options.server ?? target.hostname } : {}),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > 1_000_000) outgoing.destroy(new Error(`${path}: the answer is too long`));
        });
        response.on('error', fail);
        response.on('end', () => {
          try {
            const body: unknown = JSON.parse(text);
            if (typeof body !== 'object' || body === null) throw new Error('not an object');
            done({ status: response.statusCode ?? 0, type: String(response.headers['content-type']), release: String(response.headers['x-gloria-release'] ?? ''), body: body as Record<string, unknown> });
          } catch {
            fail(new Error(`${path}: HTTP ${response.statusCode} without a JSON body`));
          }
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${path}: no answer within ${REQUEST_MS / 1000} s`)));
    // A process that sends a byte now and then must not hold us.
    const limit = setTimeout(() => outgoing.destroy(new Error(`${path}: no whole answer within ${(2 * REQUEST_MS) / 1000} s`)), 2 * REQUEST_MS);
    outgoing.on('close', () => clearTimeout(limit));
    outgoing.on('error', fail);
    outgoing.end();
  });
}

const pass = (check: string, detail = 'ok'): Finding => ({ check, ok: true, detail });
const miss = (check: string, detail: string): Finding => ({ check, ok: false, detail });

/** A finding of `work`; what it throws is one too. */
async function finding(check: string, work: () => Promise<Finding>): Promise<Finding> {
  try {
    return await work();
  } catch (error) {
    return miss(check, (error as Error).message);
  }
}

function commitOf(options: Options, check: string, commit: unknown): Finding | null {
  return options.commit && commit !== options.commit ? miss(check, `answered by commit ${String(commit)}, not ${options.commit}`) : null;
}

async function part(options: Options, name: string): Promise<Finding> {
  return finding(name, async () => {
    const { status, body } = await ask(options, `/health/${name}`);
    if (status !== 200) return miss(name, `HTTP ${status}, ${String(body.status)}: ${JSON.stringify(body.parts ?? {})}`);
    if (body.status === 'degraded') return options.strict ? miss(name, `degraded: ${JSON.stringify(body.parts)}`) : pass(name, `degraded: ${JSON.stringify(body.parts)}`);
    return body.status === 'ok' ? (commitOf(options, name, body.commit ?? options.commit) ?? pass(name)) : miss(name, `status ${String(body.status)}`);
  });
}

/** Readiness and commit of as many different processes as asked for. */
async function instances(options: Options, until: number): Promise<Finding> {
  return finding('instances', async () => {
    const seen = new Set<string>();
    do {
      const { status, body } = await ask(options, '/health/ready');
      if (status !== 200) return miss('instances', `a process is not ready: HTTP ${status} ${JSON.stringify(body.parts ?? {})}`);
      const wrong = commitOf(options, 'instances', body.commit);
      if (wrong) return wrong;
      if (typeof body.instance !== 'string') return miss('instances', 'the answer names no instance');
      seen.add(body.instance);
    } while (seen.size < options.instances && Date.now() < until);
    return seen.size >= options.instances ? pass('instances', `${seen.size} ready`) : miss('instances', `${seen.size} of ${options.instances} processes answered`);
  });
}

/** The whole application is behind the port: routing, guards and the one error format, each time on another process. */
async function smoke(options: Options): Promise<Finding> {
  return finding('smoke', async () => {
    for (let n = 0; n < Math.max(3, options.instances * 2); n += 1) {
      const me = await ask(options, '/api/v1/me');
      if (me.status !== 401 || !me.type.startsWith('application/problem+json') || me.body.code !== 'AUTH_TOKEN_MISSING') return miss('smoke', `/api/v1/me without a token: HTTP ${me.status} ${String(me.body.code)}`);
      const wrong = commitOf(options, 'smoke', me.release.split(';')[0]);
      if (wrong) return wrong;
      const nowhere = await ask(options, '/api/v1/no-such-route');
      if (nowhere.status !== 404) return miss('smoke', `a route that does not exist: HTTP ${nowhere.status}`);
    }
    return pass('smoke');
  });
}

async function deployment(options: Options, until: number): Promise<Finding[]> {
  const findings = [await part(options, 'live')];
  // The first answer of a process that is not there yet says it all.
  if (!findings[0]?.ok) return findings;
  for (const name of ['database', 'redis', 'auth']) findings.push(await part(options, name));
  findings.push(await instances(options, until));
  if (options.smoke) findings.push(await smoke(options));
  return findings;
}

function worker(file: string, commit: string | undefined, maxAgeSeconds: number): Finding[] {
  try {
    const beat = JSON.parse(readFileSync(file, 'utf8')) as { at: string; commit: string; instance: string };
    const age = (Date.now() - Date.parse(beat.at)) / 1000;
    if (!(age <= maxAgeSeconds)) return [miss('worker', `last heartbeat ${Math.round(age)} s ago (${beat.instance})`)];
    if (commit && beat.commit !== commit) return [miss('worker', `works on commit ${beat.commit}, not ${commit}`)];
    return [pass('worker', `${beat.instance}, ${age.toFixed(1)} s ago`)];
  } catch (error) {
    return [miss('worker', (error as Error).message)];
  }
}

function usage(problem?: string): never {
  process.stderr.write(`${problem ? `${problem}\n` : ''}${USAGE}`);
  process.exit(problem ? 64 : 0);
}

function readArguments() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({ options: { url: text, worker: text, commit: text, instances: text, deadline: text, 'max-age': text, ca: text, server: text, smoke: flag, strict: flag, json: flag, help: flag } }).values;
  } catch (error) {
    return usage((error as Error).message);
  }
}

function numberOf(value: string | undefined, fallback: number, name: string): number {
  const result = value === undefined ? fallback : Number(value);
  return Number.isFinite(result) && result >= 0 ? result : usage(`--${name} takes a number`);
}

async function main(): Promise<void> {
  const values = readArguments();
  if (values.help) usage();
  const deadlineMs = numberOf(values.deadline, 10, 'deadline') * 1000;
  const maxAge = numberOf(values['max-age'], 30, 'max-age');
  const options: Options = {
    url: values.url ?? 'http://127.0.0.1:3000',
    commit: values.commit,
    instances: numberOf(values.instances, 1, 'instances'),
    smoke: values.smoke ?? false,
    strict: values.strict ?? false,
    deadlineMs,
    ca: values.ca ? readFileSync(values.ca) : undefined,
    server: values.server,
  };
  if (!URL.canParse(options.url)) usage('--url takes a URL');

  const until = Date.now() + deadlineMs;
  let findings: Finding[];
  for (;;) {
    findings = values.worker ? worker(values.worker, values.commit, maxAge) : await deployment(options, until);
    if (findings.every(({ ok }) => ok) || Date.now() >= until) break;
    await pause(Math.min(250, Math.max(0, until - Date.now())));
  }
  const ok = findings.every((each) => each.ok);
  if (values.json) process.stdout.write(`${JSON.stringify({ ok, findings })}\n`);
  else for (const each of findings) process.stdout.write(`${each.ok ? '✔' : '✘'} ${each.check}: ${each.detail}\n`);
  process.exit(ok ? 0 : 1);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
