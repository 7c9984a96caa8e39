// What running requests costs. A process of three decisions, one after the other, each a commit of its own: by this product over
// HTTP, with sign-in, permissions and audit; by bpmn-engine with its state in a row of PostgreSQL; by DBOS; and by pgbench
// writing the rows a decision writes in one call and checking nothing. All on one durable PostgreSQL, in turns.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { actorOf, dist, durations, inWorld, ms, post, quantile, require, row, startApi, times } from './support/index.mjs';

const AT_ONCE = 16;
const TITLE = { en: 'A step', id: 'Langkah' };
const FORM = { type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false };
const perSecond = (value) => `${Math.round(value).toLocaleString('en-US')}/s`;
const median = (values) => quantile([...values].sort((a, b) => a - b), 0.5);

/** So many at a time, until none is left. */
async function inParallel(items, work, atOnce = AT_ONCE) {
  const waiting = [...items];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  }));
}

export async function measure({ quick, step }) {
  return inWorld({ step, fast: false }, async (world) => {
    const rows = [];
    // What is measured is seen at once: the whole takes a while.
    const found = (more) => {
      for (const each of more) process.stdout.write(`  ${each.what}: ${each.measured} (${each.goal})\n`);
      rows.push(...more);
    };
    const { api, agent, as, people } = await signedIn(world);
    try {
      const use = { ...world, api, agent, as, people, quick };
      found(await decisions(use, step));
      step('many votes, many decisions');
      found(await many(use));
      step('publication and pictures');
      found(pure(quick));
      step('timers');
      found(await timers(use));
      step('the inbox');
      found(await inbox(use));
      return rows;
    } finally {
      agent.destroy();
      api.child.kill('SIGKILL');
    }
  });
}

/** An API process, and a way to call it as one of the demonstration's people. */
async function signedIn({ app, admin, environment, organization }, database = environment.DATABASE_URL) {
  const { DEVELOPMENT_ISSUER } = dist('platform/clerk/index.js');
  const issuer = app.get(DEVELOPMENT_ISSUER);
  const api = await startApi({ ...environment, DATABASE_URL: database });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const sessions = new Map();
  const tokens = new Map();
  const as = (handle) => async (path, body, method = body === undefined ? 'GET' : 'POST') => {
    if (!sessions.has(handle)) sessions.set(handle, issuer.newSessionId());
    // A token lives a minute; Clerk's browser library renews it the same way.
    if (!tokens.has(handle) || tokens.get(handle).at < Date.now() - 30_000) tokens.set(handle, { at: Date.now(), token: issuer.mint({ clerkUserId: `user_${handle}`, organizationId: organization, sessionId: sessions.get(handle) }) });
    const answer = await post(api.port, `/api/v1${path}`, body, { authorization: `Bearer ${tokens.get(handle).token}` }, agent, method);
    if (answer.status >= 300) throw new Error(`${method} ${path} as ${handle}: ${answer.status} ${answer.body}`);
    return answer.body === '' ? null : JSON.parse(answer.body);
  };
  const { rows } = await admin.query(`SELECT p.id::text, a.clerk_user_id AS handle, p.foundation_id::text AS foundation FROM person p JOIN user_account a ON a.person_id = p.id`);
  const people = new Map(rows.map(({ id, handle }) => [handle.slice('user_'.length), id]));
  return { api, agent, as, people: { id: (handle) => people.get(handle), foundation: rows[0].foundation } };
}

const DECIDERS = ['lina', 'joko', 'agus'];

async function publish({ as }, key, nodes) {
  await as('dewi')('/workflow/definitions', { document: { key, title: TITLE, form: FORM, start: Object.keys(nodes)[0], nodes }, anyway: true });
}

const approval = (to, candidates, more = {}) => ({ type: 'approval', title: TITLE, candidates, to, ...more });
const done = { type: 'end' };

/** Requests of a definition, as they are once filed. */
async function filed({ app, people }, definition, count, by = 'siti') {
  const workflow = app.get(dist('modules/workflow/workflow.service.js').WorkflowService);
  const actor = () => actorOf(people.foundation, people.id(by));
  const found = [];
  await inParallel(Array.from({ length: count }, (_, n) => n), async (n) => found.push(await workflow.create(actor(), { definition, submit: true, form: { n }, files: [] })), 8);
  return found;
}

/** Decides a request to its end, one step after the other. @returns how long each decision took, in ms. */
async function decided(as, { openTasks: [task] }) {
  const taken = [];
  for (const [n, handle] of DECIDERS.entries()) {
    const from = performance.now();
    const answer = await as(handle)(`/workflow/tasks/${task.id}/approve`, {});
    taken.push(performance.now() - from);
    if (n < 2) task = answer.openTasks[0];
    else if (answer.state !== 'completed') throw new Error(`${answer.id} is ${answer.state}`);
  }
  return taken;
}

async function decisions(use, step) {
  const { as, people, admin, adminUrl, quick } = use;
  await publish(use, 'bench-three', { a: approval('b', [{ person: people.id('lina') }]), b: approval('c', [{ person: people.id('joko') }]), c: approval('done', [{ person: people.id('agus') }]), done });
  const requests = quick ? 40 : 400;
  step('warming up');
  await inParallel(await filed(use, 'bench-three', requests), (each) => decided(as, each));
  const written = await rowsWritten(use);
  const ceiling = await pgbench(admin, adminUrl, quick);
  const bpmn = await bpmnEngine(admin, adminUrl);
  const dbos = await durable(adminUrl);
  const rates = { ours: [], ceiling: [], bpmn: [], dbos: [] };
  for (let round = 1; round <= (quick ? 1 : 5); round += 1) {
    step(`three decisions a request, round ${round}: pgbench, ours, bpmn-engine, DBOS`);
    rates.ceiling.push(ceiling.run());
    const waiting = await filed(use, 'bench-three', requests);
    rates.ours.push(await rate(requests * 3, () => inParallel(waiting, (each) => decided(as, each))));
    rates.bpmn.push(await rate((requests / 4) * 3, () => bpmn.run(requests / 4)));
    rates.dbos.push(await rate((requests / 2) * 3, () => dbos.run(requests / 2)));
  }
  await Promise.all([ceiling.stop(), bpmn.stop(), dbos.stop()]);
  const ours = median(rates.ours);
  const ratio = (other) => ours / median(other);
  step('at seven tenths of that');
  const p99 = await atRate(use, ours * 0.7, quick);
  step('round trips');
  const trips = await roundTrips(use);
  const limit = `one process of Node and PostgreSQL share two cores; a decision writes ${written} rows, and reads what it is allowed by`;
  return [
    row('committed decisions over HTTP', '≥ 1,000/s', perSecond(ours), ours >= 1_000, limit),
    row('the same beside pgbench writing the same rows in one call', '≥ 0.30×', `${times(ratio(rates.ceiling))} (${perSecond(median(rates.ceiling))})`, ratio(rates.ceiling) >= 0.3, ratio(rates.ceiling) >= 0.3 ? '' : 'reading, deciding and Prisma’s transaction are the rest'),
    row('the same beside bpmn-engine, its state in PostgreSQL', '≥ 8×', `${times(ratio(rates.bpmn))} (${perSecond(median(rates.bpmn))})`, ratio(rates.bpmn) >= 8, 'bpmn-engine: in process, no HTTP, sign-in, permissions, audit, tasks or mail'),
    row('the same beside DBOS', '≥ 3×', `${times(ratio(rates.dbos))} (${perSecond(median(rates.dbos))})`, ratio(rates.dbos) >= 3, 'DBOS: in process, nothing but the message and its receipt'),
    row('a decision at 70 % of that load, p99', '≤ 50 ms', ms(p99), p99 <= 50, p99 <= 50 ? '' : 'client, process and PostgreSQL share two cores'),
    row('round trips and commits a decision', '≤ 3 and 1', `${trips.trips.toFixed(1)} and ${trips.commits.toFixed(1)}`, trips.trips <= 3 && trips.commits <= 1, trips.trips <= 3 ? '' : 'BEGIN, the tenant and COMMIT are each a round trip of Prisma’s transaction, and each check reads by itself'),
  ];
}

async function rate(count, work) {
  const from = performance.now();
  await work();
  return (count * 1_000) / (performance.now() - from);
}

/** Tables a decision writes to, in rows a decision. */
async function rowsWritten({ admin, as, ...use }) {
  const count = async () => (await admin.query(`SELECT (SELECT count(*) FROM workflow_history) + (SELECT count(*) FROM workflow_decision) + (SELECT count(*) FROM workflow_task) + (SELECT count(*) FROM workflow_candidate) + (SELECT count(*) FROM notification) + (SELECT count(*) FROM outbox_message) + (SELECT count(*) FROM audit.event) AS n`)).rows[0].n;
  const waiting = await filed(use, 'bench-three', 8);
  const before = Number(await count());
  await inParallel(waiting, (each) => decided(as, each));
  // And the request and its step, which are changed.
  return ((Number(await count()) - before) / 24 + 2).toFixed(1);
}

/**
 * The same rows in copies of the tables, with their indexes and none of their triggers, by one function: what the machine could
 * do if nothing had to be read, checked or decided. Values are those of rows there are, ids new; the last of three
 * decisions opens nothing.
 */
async function pgbench(admin, adminUrl, quick) {
  const folder = mkdtempSync(join(tmpdir(), 'gloria-pgbench-'));
  const tables = ['workflow_history', 'workflow_decision', 'notification', 'outbox_message', 'event', 'workflow_task', 'workflow_candidate', 'workflow_instance'];
  const own = new Set(['id', 'instance_id', 'task_id']);
  await admin.query('CREATE SCHEMA bench');
  await admin.query(`CREATE SEQUENCE bench.next`);
  const statements = [];
  for (const table of tables) {
    const from = table === 'event' ? 'audit.event' : table;
    await admin.query(`CREATE TABLE bench.${table} (LIKE ${from} INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE)`);
    const { rows } = await admin.query(`SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = 'bench' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`, [table]);
    const columns = rows.map(({ name }) => `"${name}"`).join(', ');
    const values = rows.map(({ name, type }) => (type === 'uuid' && own.has(name) ? (name === 'id' ? (table === 'workflow_task' ? 't' : 'gloria_uuid7()') : name === 'instance_id' ? 'i' : 't') : `s."${name}"`)).join(', ');
    await admin.query(`CREATE TABLE bench.${table}_sample AS SELECT * FROM ${from} ${table === 'event' ? `WHERE action LIKE 'workflow%'` : ''} ORDER BY 1 DESC LIMIT 1`);
    if (table === 'workflow_instance') continue;
    const insert = `INSERT INTO bench.${table} (${columns}) SELECT ${values} FROM bench.${table}_sample s`;
    statements.push(table === 'workflow_task' || table === 'workflow_candidate' ? `IF n % 3 < 2 THEN ${insert}; END IF` : insert);
  }
  const instances = 3_000;
  for (const table of ['workflow_instance', 'workflow_task']) {
    const { rows } = await admin.query(`SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'bench' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`, [table]);
    await admin.query(`INSERT INTO bench.${table} (${rows.map(({ name }) => `"${name}"`).join(', ')}) SELECT ${rows.map(({ name }) => (name === 'id' ? `('00000000-0000-7000-8000-' || lpad(g::text, 12, '0'))::uuid` : `s."${name}"`)).join(', ')} FROM bench.${table}_sample s, generate_series(0, ${instances - 1}) g`);
  }
  await admin.query(`CREATE FUNCTION bench.decide() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE n bigint := nextval('bench.next'); i uuid := ('00000000-0000-7000-8000-' || lpad((n % ${instances})::text, 12, '0'))::uuid; t uuid := gloria_uuid7();
    BEGIN
      PERFORM 1 FROM bench.workflow_instance WHERE id = i FOR UPDATE;
      UPDATE bench.workflow_instance SET seq = seq + 1 WHERE id = i;
      UPDATE bench.workflow_task SET state = 'approved', closed_at = now() WHERE id = i;
      ${statements.map((each) => each.replaceAll('s."seq"', 'n::int')).join(';\n      ')};
    END $$`);
  const script = join(folder, 'decide.sql');
  writeFileSync(script, 'SELECT bench.decide();\n');
  return {
    run() {
      const printed = execFileSync('pgbench', ['-n', '-M', 'prepared', '-c', String(AT_ONCE), '-j', '2', '-T', quick ? '2' : '6', '-f', script, adminUrl], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return Number(/tps = ([\d.]+)/.exec(printed)[1]);
    },
    async stop() {
      await admin.query('DROP SCHEMA bench CASCADE');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One row a process with its state; each decision reads it, goes on, and writes it back, in a transaction. */
async function bpmnEngine(admin, adminUrl) {
  const { Engine } = require('bpmn-engine');
  const source = `<?xml version="1.0" encoding="UTF-8"?><definitions id="three" xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="urn:bench"><process id="p" isExecutable="true">
    <startEvent id="s" /><sequenceFlow id="f0" sourceRef="s" targetRef="a" /><userTask id="a" /><sequenceFlow id="f1" sourceRef="a" targetRef="b" /><userTask id="b" /><sequenceFlow id="f2" sourceRef="b" targetRef="c" /><userTask id="c" /><sequenceFlow id="f3" sourceRef="c" targetRef="e" /><endEvent id="e" />
  </process></definitions>`;
  await admin.query('CREATE TABLE bench_bpmn (id int PRIMARY KEY, state jsonb NOT NULL, ended boolean NOT NULL)');
  const pool = new pg.Pool({ connectionString: adminUrl, max: AT_ONCE });
  let ids = 0;
  const begun = async () => {
    const engine = new Engine({ name: 'three', source });
    const execution = await engine.execute();
    const state = await execution.getState();
    await execution.stop();
    ids += 1;
    await admin.query('INSERT INTO bench_bpmn VALUES ($1, $2, false)', [ids, state]);
    return ids;
  };
  const signal = async (id, task) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const { rows: [found] } = await client.query('SELECT state FROM bench_bpmn WHERE id = $1 FOR UPDATE', [id]);
      const execution = await new Engine({ name: 'three' }).recover(found.state).resume();
      execution.signal({ id: task });
      const state = execution.getState();
      const ended = execution.state === 'idle' || state.state === 'idle';
      if (!ended) await execution.stop();
      await client.query('UPDATE bench_bpmn SET state = $2, ended = $3 WHERE id = $1', [id, state, ended]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  };
  // Begun before the clock is: what is measured are decisions.
  let ready = [];
  return {
    async run(count) {
      while (ready.length < count) ready.push(await begun());
      const from = performance.now();
      await inParallel(ready.splice(0, count), async (id) => {
        for (const task of ['a', 'b', 'c']) await signal(id, task);
      });
      const { rows: [{ n }] } = await admin.query('SELECT count(*)::int AS n FROM bench_bpmn WHERE NOT ended');
      if (n > 0) throw new Error(`${n} processes of bpmn-engine have not ended`);
      return performance.now() - from;
    },
    async stop() {
      ready = [];
      await pool.end();
      await admin.query('DROP TABLE bench_bpmn');
    },
  };
}

/** A durable workflow that takes three messages; each decision is one. */
async function durable(adminUrl) {
  const { DBOS } = require('@dbos-inc/dbos-sdk');
  const name = `gloria_bench_dbos_${process.pid}`;
  const server = new pg.Client({ connectionString: adminUrl });
  await server.connect();
  await server.query(`CREATE DATABASE ${name}`);
  const three = DBOS.registerWorkflow(async () => {
    for (let n = 0; n < 3; n += 1) if ((await DBOS.recv('decision', 600)) === null) throw new Error('no decision came');
    return 'completed';
  }, { name: 'three' });
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: Object.assign(new URL(adminUrl), { pathname: `/${name}` }).toString(), systemDatabasePoolSize: 20, logLevel: 'error', runAdminServer: false });
  await DBOS.launch();
  let ready = [];
  return {
    async run(count) {
      while (ready.length < count) ready.push(await DBOS.startWorkflow(three)());
      const from = performance.now();
      await inParallel(ready.splice(0, count), async (handle) => {
        for (let n = 0; n < 3; n += 1) await DBOS.send(handle.workflowID, 'approve', 'decision');
        if ((await handle.getResult()) !== 'completed') throw new Error('a workflow did not end');
      });
      return performance.now() - from;
    },
    async stop() {
      ready = [];
      await DBOS.shutdown();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}

/** Decisions that come at a steady rate, whether those before are answered or not. @returns the 99th percentile, ms. */
async function atRate(use, wanted, quick) {
  const seconds = quick ? 3 : 15;
  const count = Math.ceil(wanted * seconds);
  const waiting = (await filed(use, 'bench-three', count)).map(({ openTasks: [task] }) => task.id);
  const taken = [];
  const under = [];
  const from = performance.now();
  for (let n = 0; n < count; n += 1) {
    const at = from + (n * 1_000) / wanted;
    if (at > performance.now()) await pause(at - performance.now());
    under.push(use.as(DECIDERS[0])(`/workflow/tasks/${waiting[n]}/approve`, {}).then(() => taken.push(performance.now() - at)));
  }
  await Promise.all(under);
  return quantile(taken.sort((a, b) => a - b), 0.99);
}

/** Counts what PostgreSQL answers, through a relay: each ReadyForQuery ends a round trip. */
async function roundTrips(use) {
  const target = new URL(use.environment.DATABASE_URL);
  const [host, port] = [target.hostname, Number(target.port)];
  const seen = { trips: 0, commits: 0 };
  const relay = createServer((inward) => {
    const outward = connect(port, host);
    let rest = Buffer.alloc(0);
    inward.pipe(outward);
    outward.on('data', (chunk) => {
      inward.write(chunk);
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
        const [type, size] = [String.fromCharCode(rest[0]), 1 + rest.readInt32BE(1)];
        if (type === 'Z') seen.trips += 1;
        if (type === 'C' && rest.subarray(5, size - 1).toString() === 'COMMIT') seen.commits += 1;
        rest = rest.subarray(size);
      }
    });
    for (const [one, other] of [[inward, outward], [outward, inward]]) one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise((ready) => relay.listen(0, '127.0.0.1', ready));
  target.port = String(relay.address().port);
  const { api, agent, as } = await signedIn(use, target.toString());
  try {
    for (const each of await filed(use, 'bench-three', 20)) await decided(as, each);
    const [waiting, count] = [await filed(use, 'bench-three', 40), 120];
    // What runs by itself, in as long a time, is none of it.
    let from = performance.now();
    let before = { ...seen };
    for (const each of waiting) await decided(as, each);
    const took = performance.now() - from;
    const during = { trips: seen.trips - before.trips, commits: seen.commits - before.commits };
    before = { ...seen };
    await pause(took);
    return { trips: (during.trips - (seen.trips - before.trips)) / count, commits: (during.commits - (seen.commits - before.commits)) / count };
  } finally {
    agent.destroy();
    api.child.kill('SIGKILL');
    relay.close();
  }
}

/** People beside the demonstration's, who may approve whatever they are asked. */
async function crowd({ admin, people }, count, role) {
  await admin.query(`SELECT set_config('session_replication_role', 'replica', false), set_config('gloria.foundation_id', $1, false)`, [people.foundation]);
  const run = (sql) => admin.query(sql, [people.foundation]);
  await run(`CREATE TABLE IF NOT EXISTS bench_person AS SELECT gloria_uuid7() AS id, gloria_uuid7() AS position_id, 0 AS n WHERE $1::uuid IS NULL`);
  const { rows: [{ have }] } = await admin.query('SELECT count(*)::int AS have FROM bench_person');
  await admin.query(`INSERT INTO bench_person SELECT gloria_uuid7(), gloria_uuid7(), n FROM generate_series(${have + 1}, ${have + count}) n`);
  const these = `bench_person WHERE n > ${have}`;
  await run(`INSERT INTO person (id, foundation_id, employee_number, full_name) SELECT id, $1, 'B' || n, 'Person ' || n FROM ${these}`);
  await run(`INSERT INTO position (id, foundation_id, unit_id, code, title) SELECT position_id, $1, (SELECT id FROM org_unit WHERE foundation_id = $1 AND parent_id IS NULL), 'b-' || n, 'Post ' || n FROM ${these}`);
  await run(`INSERT INTO appointment (id, foundation_id, person_id, position_id, valid_from) SELECT gloria_uuid7(), $1, id, position_id, now() - interval '1 day' FROM ${these}`);
  if (role) await run(`INSERT INTO role_assignment (id, foundation_id, role_id, position_id, valid_from) SELECT gloria_uuid7(), $1, (SELECT id FROM role WHERE foundation_id = $1 AND code = '${role}'), position_id, now() - interval '1 day' FROM ${these}`);
  await admin.query(`SELECT set_config('session_replication_role', 'origin', false)`);
  for (const table of ['person', 'position', 'appointment', 'role_assignment']) await admin.query(`ANALYZE ${table}`);
  return (await admin.query(`SELECT id::text FROM ${these}`)).rows.map(({ id }) => id);
}

async function many(use) {
  const { app, as, people, admin, quick } = use;
  const voters = quick ? 50 : 500;
  const asked = await crowd(use, voters, 'supervisor');
  await as('dewi')('/grants', { permission: 'workflow:approve', effect: 'allow', scope: 'all', subject: { type: 'everyone' } });
  const { DecisionsService } = dist('modules/workflow/decisions.service.js');
  const deciding = app.get(DecisionsService);
  await publish(use, 'bench-votes', { a: approval('done', [{ role: 'supervisor', within: 'foundation' }], { strategy: { quorum: voters } }), done });
  const votes = [];
  for (let round = 0; round < (quick ? 1 : 4); round += 1) {
    const [{ openTasks: [task] }] = await filed(use, 'bench-votes', 1);
    const from = performance.now();
    await inParallel(asked, (person) => deciding.decide(actorOf(people.foundation, person), task.id, 'approve', {}), 8);
    // The first round compiles what each of them may.
    if (round > 0 || quick) votes.push(performance.now() - from);
    const { rows: [{ state }] } = await admin.query('SELECT state::text FROM workflow_task WHERE id = $1', [task.id]);
    if (state !== 'approved') throw new Error(`the step of ${voters} votes is ${state}`);
  }
  await publish(use, 'bench-one', { a: approval('done', [{ person: people.id('lina') }]), done });
  const bulks = [];
  for (let round = 0; round < (quick ? 1 : 5); round += 1) {
    const items = (await filed(use, 'bench-one', 200)).map(({ openTasks: [{ id }] }) => ({ taskId: id, verb: 'approve' }));
    const from = performance.now();
    const { items: results } = await as('lina')('/workflow/tasks/decisions', { items });
    bulks.push(performance.now() - from);
    if (results.some(({ status }) => status !== 200)) throw new Error('a decision of many was refused');
  }
  return [
    row(`${voters} votes on one request, eight at a time, in process`, '≤ 1 s, no deadlock', ms(median(votes)), median(votes) <= 1_000, median(votes) <= 1_000 ? '' : 'each waits for the request, reads the answers given before, and commits for itself'),
    row('bulk approval of 200', '≤ 1 s', ms(median(bulks)), median(bulks) <= 1_000, median(bulks) <= 1_000 ? '' : 'each is a decision as above, four at a time'),
  ];
}

/** What computes only. */
function pure(quick) {
  const { readDefinition } = dist('modules/workflow/gate.js');
  const { svgOf } = dist('modules/workflow/picture.js');
  const taken = (work) => {
    const found = [];
    for (let n = 0; n < (quick ? 30 : 300); n += 1) {
      const from = performance.now();
      work();
      found.push(performance.now() - from);
    }
    return found.slice(10).sort((a, b) => a - b);
  };
  const person = [{ person: '0190b5a0-0000-7000-8000-000000000001' }];
  const document = (nodes) => ({ key: 'bench', title: TITLE, form: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }, start: 'n0', nodes });
  // Blocks of a split, three branches of two steps, a join, and a choice to end there: a hundred nodes.
  const nodes = {};
  for (let block = 0; block < 11; block += 1) {
    const at = (n) => `n${block * 9 + n}`;
    const next = block === 10 ? 'end' : `n${(block + 1) * 9}`;
    nodes[at(0)] = { type: 'parallel', to: [at(1), at(3), at(5)] };
    for (const first of [1, 3, 5]) Object.assign(nodes, { [at(first)]: approval(at(first + 1), person), [at(first + 1)]: approval(at(7), person) });
    nodes[at(7)] = { type: 'parallel', to: [at(8)] };
    nodes[at(8)] = { type: 'exclusive', branches: [{ when: `n > ${block}`, to: next }], otherwise: 'end' };
  }
  nodes.end = done;
  const hundred = document(nodes);
  const split = document({ n0: { type: 'parallel', to: Array.from({ length: 17 }, (_, n) => `b${n}`) }, ...Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`b${n}`, approval('join', person)])), join: { type: 'parallel', to: ['end'] }, end: done });
  for (const each of [hundred, split]) {
    const { problems } = readDefinition(each);
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
  }
  const [big, wide] = [taken(() => readDefinition(hundred)), taken(() => readDefinition(split))];
  const { leave } = dist('modules/workflow/templates/leave.js');
  const standing = { waiting: new Map([['head', '']]), answered: new Set(), overdue: new Set() };
  const [drawn, drawnBig] = [taken(() => svgOf(leave, 'en', 'Leave', standing)), taken(() => svgOf(readDefinition(hundred).definition, 'en', 'Bench', { ...standing, waiting: new Map() })).slice(-20)];
  return [
    row('publication check at 100 nodes, p99', '≤ 20 ms', ms(quantile(big, 0.99)), quantile(big, 0.99) <= 20),
    row('publication check of a split into 17', '≤ 10 ms', ms(quantile(wide, 0.99)), quantile(wide, 0.99) <= 10),
    row('drawing a request, p99', '≤ 30 ms', `${ms(quantile(drawn, 0.99))} (leave); ${ms(quantile(drawnBig, 0.5))} (100 nodes, median)`, quantile(drawn, 0.99) <= 30),
  ];
}

async function timers(use) {
  const { app, admin, environment, quick } = use;
  await publish(use, 'bench-timer', { a: { type: 'timer', title: TITLE, after: { hours: 1 }, to: 'done' }, done });
  const { TimersService } = dist('modules/workflow/index.js');
  const service = app.get(TimersService);
  const count = quick ? 200 : 6_000;
  await filed(use, 'bench-timer', count);
  await admin.query(`UPDATE workflow_timer SET due_at = now() WHERE state = 'pending'`);
  const perSec = await rate(count, async () => {
    let fired = 0;
    while (fired < count) fired += await service.fireDue();
  });
  // A steady hundred a second, by a worker as it runs.
  const steady = quick ? 200 : 2_000;
  await filed(use, 'bench-timer', steady);
  const worker = await startApi({ ...environment, WORKER_HEARTBEAT_FILE: join(environment.STORAGE_DIR, 'heartbeat.json') }, { entry: 'dist/worker.js' });
  try {
    await admin.query(`UPDATE workflow_timer t SET due_at = now() + interval '2 seconds' + n.at * interval '10 milliseconds' FROM (SELECT id, row_number() OVER () AS at FROM workflow_timer WHERE state = 'pending') n WHERE n.id = t.id`);
    const left = async () => (await admin.query(`SELECT count(*)::int AS n FROM workflow_timer WHERE state = 'pending'`)).rows[0].n;
    while ((await left()) > 0) await pause(500);
    const { rows } = await admin.query(`SELECT extract(epoch FROM h.at - t.due_at) * 1000 AS lag FROM workflow_timer t JOIN workflow_task k ON k.id = t.task_id JOIN workflow_history h ON h.instance_id = k.instance_id AND h.event = 'timer_fired' WHERE t.due_at > now() - interval '10 minutes' ORDER BY t.due_at DESC LIMIT ${steady}`);
    const lags = rows.map(({ lag }) => Number(lag)).sort((a, b) => a - b);
    const minute = perSec * 60;
    return [
      row('timers due at once: fired within a minute', '100,000', `${Math.round(minute).toLocaleString('en-US')} (${perSecond(perSec)}, of ${count.toLocaleString('en-US')} each once)`, minute >= 100_000, minute >= 100_000 ? '' : 'each is a transition of its own, read, written and committed as a decision is, by one process on two cores; more workers share them'),
      row('lag of a timer at 100/s, p99', '≤ 1 s', ms(quantile(lags, 0.99)), quantile(lags, 0.99) <= 1_000, quantile(lags, 0.99) <= 1_000 ? '' : 'a hundred a second is about what one worker fires here'),
    ];
  } finally {
    worker.child.kill('SIGKILL');
  }
}

async function inbox(use) {
  const { app, admin, people, quick } = use;
  const scale = quick ? 0.02 : 1;
  const [tasks, persons] = [1_000_000 * scale, 20_000 * scale];
  await crowd(use, persons, null);
  await admin.query(`SELECT set_config('session_replication_role', 'replica', false), set_config('gloria.foundation_id', $1, false)`, [people.foundation]);
  const run = (sql) => admin.query(sql, [people.foundation]);
  await run(`CREATE TABLE bench_task AS SELECT gloria_uuid7() AS id, gloria_uuid7() AS instance_id, n FROM generate_series(1, ${tasks}) n WHERE $1::uuid IS NOT NULL`);
  await run(`INSERT INTO workflow_instance (id, foundation_id, definition_id, key, initiator_id, unit_id, state, node, form, round, submitted_at)
    SELECT t.instance_id, $1, (SELECT id FROM workflow_definition WHERE foundation_id = $1 AND key = 'bench-one'), 'bench-one', '${people.id('siti')}', (SELECT id FROM org_unit WHERE foundation_id = $1 AND parent_id IS NULL), 'running', 'a', '{"n": 1}', 1, now() FROM bench_task t`);
  await run(`INSERT INTO workflow_task (id, foundation_id, instance_id, node, round, state) SELECT id, $1, instance_id, 'a', 1, 'open' FROM bench_task`);
  const { rows: [{ least }] } = await admin.query('SELECT max(n) AS least FROM bench_person');
  // Three each; the steps are primes, so that everybody has their share and nobody the same step twice.
  await run(`INSERT INTO workflow_candidate (foundation_id, task_id, person_id, reason, part) SELECT $1, t.id, p.id, jsonb_build_object('rule', jsonb_build_object('person', p.id)), p.id
    FROM bench_task t CROSS JOIN generate_series(0, 2) k JOIN bench_person p ON p.n = ${least} - ((t.n::bigint * 7919 + k * 6271) % ${persons})`);
  await admin.query(`SELECT set_config('session_replication_role', 'origin', false)`);
  for (const table of ['workflow_instance', 'workflow_task', 'workflow_candidate', 'person']) await admin.query(`VACUUM ANALYZE ${table}`);
  const { rows } = await admin.query(`SELECT id::text FROM bench_person WHERE n > ${least - persons} ORDER BY random() LIMIT 400`);
  const queries = app.get(dist('modules/workflow/workflow.queries.js').WorkflowQueries);
  const page = async (person) => {
    const { items } = await queries.inbox(actorOf(people.foundation, person), { limit: 50 });
    if (items.length !== 50) throw new Error(`${items.length} on a page`);
  };
  for (const { id } of rows.slice(0, 40)) await page(id);
  const taken = await durations(rows.length - 40, (n) => page(rows[40 + n].id));
  return [row(`inbox page of 50, ${tasks.toLocaleString('en-US')} open tasks, ${(tasks * 3).toLocaleString('en-US')} candidates, ${persons.toLocaleString('en-US')} people, p99`, '≤ 25 ms', `${ms(quantile(taken, 0.99))} (median ${ms(quantile(taken, 0.5))})`, quantile(taken, 0.99) <= 25)];
}
