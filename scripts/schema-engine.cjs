#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * The schema engine that the Prisma CLI starts, without Prisma's native binary.
 *
 * `prisma.config.ts` points PRISMA_SCHEMA_ENGINE_BINARY at this file. The work itself is done by the official
 * `@prisma/schema-engine-wasm`; this file gives it a PostgreSQL connection and speaks what the CLI expects of the
 * binary: one JSON-RPC message per line on stdin and stdout, or one `cli <command>` whose outcome is logged on stderr.
 * Only PostgreSQL is supported.
 */

const { createHash, randomUUID, randomInt } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const readline = require('node:readline');
const { parseArgs } = require('node:util');
const { Client } = require('pg');
const { PrismaPg } = require('@prisma/adapter-pg');
const { isOneTransaction } = require('./one-transaction.cjs');

// Parts of those two packages that they do not export: taken from where they themselves find them.
const { parse } = createRequire(require.resolve('pg'))('pg-connection-string');
const { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, DriverAdapterError } = createRequire(
  require.resolve('@prisma/adapter-pg'),
)('@prisma/driver-adapter-utils');

/** @typedef {import('pg').ClientConfig & { database: string }} Config */

// The CLI parses stderr as one JSON document per line: a warning of Node among them would hide the real error.
process.removeAllListeners('warning');
// The CLI may be gone before we are; temporary databases still have to be dropped then.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

const CONNECT_TIMEOUT_MS = 5_000;
const SHUTDOWN_GRACE_MS = 4_000;

// ── Errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An error with one of Prisma's documented codes (https://www.prisma.io/docs/orm/reference/error-reference). */
class PrismaError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** What connecting ended with, in Prisma's terms. @param {any} error @param {Config} config */
function connectionError(error, config) {
  const { database, user } = config;
  const at = `\`${config.host}:${config.port}\``;
  switch (error.code) {
    case '3D000':
      return new PrismaError('P1003', `Database \`${database}\` does not exist`);
    case '28P01':
    case '28000':
      return new PrismaError('P1000', `Authentication failed at ${at} for the user \`${user}\`: ${error.message}`);
    case '42501':
      return new PrismaError('P1010', `User \`${user}\` was denied access on \`${database}\`: ${error.message}`);
    case '53300':
      return new PrismaError('P2037', `Too many database connections opened: ${error.message}`);
  }
  if (/SSL|TLS|certificate/i.test(`${error.code} ${error.message}`)) {
    return new PrismaError('P1011', `Error opening a TLS connection to ${at}: ${error.message}`);
  }
  // A Postgres error of another kind speaks for itself; everything without a severity happened on the way there.
  if (error instanceof PrismaError || error.severity) return error;
  const cause = error.message || error.code;
  return new PrismaError('P1001', `Can't reach database server at ${at}\n\nIs it running and reachable? (${cause})`);
}

/** A failed query that the adapter has no name for. @param {any} e */
function driverError(e) {
  if (e instanceof DriverAdapterError) return e;
  const { code = 'N/A', severity = 'ERROR', message } = e;
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, originalCode: code, originalMessage: message });
}

/** The last script that failed, with all that Postgres said about it. @type {{ code: string, text: string } | undefined} */
let failedScript;

/** @param {any} e @param {string} script */
function scriptError(e, script) {
  const line = e.position ? script.slice(0, Number(e.position) - 1).split('\n').length : 0;
  const text = [
    e.message,
    e.detail && `DETAIL: ${e.detail}`,
    e.hint && `HINT: ${e.hint}`,
    e.where && `CONTEXT: ${e.where}`,
    line && `LINE ${line}: ${script.split('\n')[line - 1]?.trim()}`,
  ];
  failedScript = { code: e.code ?? '-', text: text.filter(Boolean).join('\n') };
  // Under its real code the engine would put words of its own in the place of Postgres' message.
  return driverError({ message: `${failedScript.text} (SQLSTATE ${failedScript.code})` });
}

/** What the native engine says about a failed migration; this one gives a trace only. @param {any} error */
function migrationError(error) {
  const name = /migration_name="(.*)"/.exec(error.message)?.[1];
  if (!failedScript || !name || error.code) return undefined;
  return new PrismaError(
    'P3018',
    'A migration failed to apply. New migrations cannot be applied before the error is recovered from. ' +
      'Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n\n' +
      `Migration name: ${name}\n\nDatabase error code: ${failedScript.code}\n\nDatabase error:\n${failedScript.text}`,
  );
}

// ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {string} name */
const quote = (name) => `"${name.replaceAll('"', '""')}"`;

/**
 * The parts of a database URL, one by one: given a whole `connectionString`, the adapter lets it win over the name of
 * the shadow database and would replay every migration in the main one. Parsed by pg's own parser, so that a URL
 * means here what it means to the application (TLS, `options`, unix sockets).
 * @param {string | undefined} url @returns {{ config: Config, schema: string }}
 */
function readUrl(url) {
  if (!url) throw new Error('The datasource.url property is required in the Prisma config file for this command.');
  if (!/^postgres(ql)?:\/\//.test(url)) throw new PrismaError('P1013', 'The database URL must start with postgresql://');
  let parts;
  try {
    parts = parse(url);
  } catch (error) {
    throw new PrismaError('P1013', `The provided database URL is invalid: ${/** @type {Error} */ (error).message}`);
  }
  const { user, password, ssl, options, sslnegotiation, application_name, schema } = parts;
  const address = { host: parts.host || 'localhost', port: Number(parts.port || 5432) };
  const config = { ...address, user, password, database: parts.database || 'postgres', ssl, options, sslnegotiation };
  return { config: { ...config, application_name: application_name ?? 'schema-engine' }, schema: schema || 'public' };
}

/** Does `work` on a connection of its own. @template T @param {Config} config @param {(c: Client) => Promise<T>} work */
async function withClient(config, work) {
  const client = new Client({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {});
  try {
    await client.connect().catch((error) => Promise.reject(connectionError(error, config)));
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** @param {Config} config */
const ping = (config) => withClient(config, (client) => client.query('SELECT 1'));

/** Runs a statement from the database that every server has. @param {Config} config @param {string} sql */
const maintain = (config, sql) => withClient({ ...config, database: 'postgres' }, (client) => client.query(sql));

/** @param {Config} config */
async function createDatabase(config) {
  const { database } = config;
  try {
    await maintain(config, `CREATE DATABASE ${quote(database)}`);
  } catch (error) {
    // The second code is what the loser of two simultaneous CREATE DATABASE gets.
    const exists = ['42P04', '23505'].includes(/** @type {any} */ (error).code);
    throw exists ? new PrismaError('P1009', `Database \`${database}\` already exists`) : error;
  }
  return { databaseName: database };
}

/** @param {Config} config */
const dropDatabase = (config) =>
  maintain(config, `DROP DATABASE IF EXISTS ${quote(config.database)} WITH (FORCE)`);

/** Open sessions of the engine, to be cancelled on a signal. @type {Map<Client, Config>} */
const sessions = new Map();
/** Temporary databases not dropped yet. @type {Map<string, Config>} */
const temporary = new Map();

/**
 * Marks the migration with this text as finished, in the transaction that applies it: the engine does so in a later
 * one, and a process that ends between the two leaves a migration nobody can tell from one that failed. The engine
 * knows a migration by the SHA-256 of its file.
 * @param {string} script @param {string} setUp
 */
function finishing(script, setUp) {
  const checksum = createHash('sha256').update(script).digest('hex');
  return `RESET SESSION AUTHORIZATION; RESET ROLE; ${setUp};
    DO $gloria$ BEGIN
      IF to_regclass('_prisma_migrations') IS NOT NULL THEN
        UPDATE _prisma_migrations SET finished_at = clock_timestamp() WHERE checksum = '${checksum}' AND finished_at IS NULL AND rolled_back_at IS NULL;
      END IF;
    END $gloria$;`;
}

/**
 * The adapter, corrected where the engine needs more of it than the client does.
 * @param {Config} config @param {string} schema @param {() => Promise<unknown>} [afterwards]
 */
async function open(config, schema, afterwards) {
  // The engine expects the search path to be the schema of the URL, as its native form sets it.
  const setUp = `SET search_path = ${quote(schema)}`;
  const pool = {
    ...config,
    // One connection that never idles out: the lock that keeps two deployments apart belongs to the session.
    max: 1,
    idleTimeoutMillis: 0,
    onConnect: async (/** @type {any} */ client) => {
      sessions.set(client, config);
      client.once('end', () => sessions.delete(client));
      await client.query(setUp);
    },
  };
  const adapter = /** @type {any} */ (await new PrismaPg(pool, { schema }).connect());

  // The adapter does not know the type "char" (OID 18), which the system catalogs use: let it pass for text (OID 25)
  // and call the column a character afterwards.
  const characters = new WeakMap();
  const { performIO, queryRaw } = adapter;
  adapter.performIO = async (/** @type {any} */ query) => {
    const result = await performIO.call(adapter, query).catch((/** @type {any} */ e) => Promise.reject(driverError(e)));
    for (const [i, field] of (result.fields ?? []).entries()) {
      if (field.dataTypeID !== 18) continue;
      field.dataTypeID = 25;
      characters.set(result.rows, [...(characters.get(result.rows) ?? []), i]);
    }
    return result;
  };
  adapter.queryRaw = async (/** @type {any} */ query) => {
    const result = await queryRaw.call(adapter, query);
    for (const i of characters.get(result.rows) ?? []) result.columnTypes[i] = ColumnTypeEnum.Character;
    return result;
  };

  // The adapter's own splits at every semicolon, the ones in function bodies too. A file sent as one simple query is
  // parsed by Postgres and, unless it holds its own BEGIN, applied as a whole or not at all.
  adapter.executeScript = async (/** @type {string} */ script) => {
    const client = await adapter.underlyingDriver().connect();
    try {
      await client.query(isOneTransaction(script) ? `${script}\n;${finishing(script, setUp)}` : script);
      if (client.getTransactionStatus() !== 'I') throw new Error('The script leaves a transaction open: COMMIT is missing.');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw scriptError(error, script);
    } finally {
      // A script that changes the role or the search path must not take the migrations table out of sight.
      await client.query(`RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; ${setUp}`).catch(() => {});
      client.release();
    }
  };

  const dispose = adapter.dispose.bind(adapter);
  adapter.dispose = () => dispose().then(afterwards);
  return adapter;
}

/** Runs a script outside the migrations. @param {string | undefined} url @param {string} script */
async function execute(url, script) {
  const { config, schema } = readUrl(url);
  await ping(config);
  const adapter = await open(config, schema);
  await adapter.executeScript(script).finally(() => adapter.dispose());
}

/** A connected adapter to the database that migrations are replayed in. @param {Config} main @param {string} schema @param {string} [url] */
async function openShadow(main, schema, url) {
  if (url) {
    const shadow = readUrl(url);
    await emptyShadow(main, shadow.config, shadow.schema);
    return open(shadow.config, shadow.schema);
  }
  const config = { ...main, database: `prisma_migrate_shadow_db_${randomUUID()}` };
  await createDatabase(config).catch((e) => {
    throw new PrismaError('P3014', `Could not create the shadow database: ${e.message}. Does the user have CREATEDB?`);
  });
  temporary.set(config.database, config);
  return open(config, schema, async () => {
    await dropDatabase(config);
    temporary.delete(config.database);
  });
}

/** A configured shadow database is emptied before use; never the main one. @param {Config} main @param {Config} shadow @param {string} schema */
async function emptyShadow(main, shadow, schema) {
  await withClient(shadow, async (client) => {
    // Advisory locks belong to one database: if the other side's key is taken, both URLs lead to the same one,
    // however differently they are written.
    const key = randomInt(2 ** 47);
    await client.query('SELECT pg_advisory_lock($1)', [key]);
    const free = await withClient(main, (other) => other.query('SELECT pg_try_advisory_lock($1) AS free', [key])).catch(
      (error) => (error.code === 'P1003' ? { rows: [{ free: true }] } : Promise.reject(error)),
    );
    if (!free.rows[0].free) throw new PrismaError('P3014', 'The shadow database is the main database: it would be emptied.');
    const { rows } = await client.query(`SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`);
    for (const row of rows) await client.query(`DROP SCHEMA ${quote(row.nspname)} CASCADE`);
    for (const name of new Set(['public', schema])) await client.query(`CREATE SCHEMA ${quote(name)}`);
  });
}

const notConnected = () => Promise.reject(new Error('No database is connected.'));
/** Answers what the engine asks when it starts, for the commands that need no database. */
const offlineAdapter = {
  provider: 'postgres',
  adapterName: 'offline',
  getConnectionInfo: () => ({ schemaName: 'public', supportsRelationJoins: true }),
  queryRaw: async (/** @type {{ sql: string }} */ { sql }) => {
    if (!sql.includes('numeric_version')) return notConnected();
    const columnTypes = [ColumnTypeEnum.Boolean, ColumnTypeEnum.Text, ColumnTypeEnum.Int32];
    return { columnNames: ['exists', 'version', 'numeric_version'], columnTypes, rows: [[true, 'PostgreSQL', 150000]] };
  },
  executeRaw: notConnected,
  executeScript: notConnected,
  startTransaction: notConnected,
  dispose: async () => {},
};

// ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The reason of the last panic: without this registry a panic says only "unreachable". */
let panic = '';
Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (/** @type {string} */ m) => void (panic = m) } });

/** Fails with whatever nobody awaits: a panic in the middle of a query ends up there, its command would never end. */
const crash = new Promise((_, reject) =>
  process.on('uncaughtException', (error) => {
    process.exitCode = 1;
    reject(error);
  }),
);
crash.catch(() => {});

/** Why the last connection or statement failed; the engine itself drops some of these. @type {any} */
let lastFailure;

async function loadWasm() {
  const glue = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  // Its entry point imports the .wasm file as a module, which Node does only behind a flag: link it by hand.
  const exports = /** @type {any} */ (await import('@prisma/schema-engine-wasm/schema_engine_bg'));
  const file = path.join(path.dirname(glue), 'schema_engine_bg.wasm');
  const wasm = await WebAssembly.instantiate(fs.readFileSync(file), { './schema_engine_bg.js': exports });
  exports.__wbg_set_wasm(wasm.instance.exports);
  /** @type {any} */ (wasm.instance.exports).__wbindgen_start();
  return exports;
}

/** @typedef {{ datamodels: string[], datasource: { url?: string, shadowDatabaseUrl?: string } }} Options */

/** @param {Options} options @param {boolean} online */
async function startEngine({ datamodels, datasource }, online) {
  const remember = (/** @type {any} */ error) => Promise.reject((lastFailure = error));
  const connect = async () => {
    const { config, schema } = readUrl(datasource.url);
    // The adapter connects at its first query only; ask now, to report the reason in Prisma's terms.
    await ping(config);
    return open(config, schema);
  };
  const connectToShadowDb = async () => {
    const { config, schema } = readUrl(datasource.url || datasource.shadowDatabaseUrl);
    return openShadow(config, schema, datasource.shadowDatabaseUrl);
  };
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: async () => (online ? connect().catch(remember) : offlineAdapter),
    connectToShadowDb: () => connectToShadowDb().catch(remember),
  });
  const files = datamodels.map((file) => /** @type {[string, string]} */ ([file, fs.readFileSync(file, 'utf8')]));
  const { SchemaEngine } = await loadWasm();
  return SchemaEngine.new({ datamodels: files.length ? files : undefined }, () => {}, factory);
}

const METHODS = new Set(
  (
    'applyMigrations createMigration debugPanic devDiagnostic diagnoseMigrationHistory diff evaluateDataLoss ' +
    'introspect introspectSql markMigrationApplied markMigrationRolledBack reset schemaPush version'
  ).split(' '),
);

/** One engine with a database and one without, each started when first needed. @param {Options} options */
function makeApi(options) {
  /** @type {Map<boolean, Promise<any>>} */
  const engines = new Map();
  /** @param {string} name @param {any} params */
  return async (name, params) => {
    const config = () => readUrl(params?.datasource?.url ?? options.datasource.url).config;
    if (name === 'createDatabase') return createDatabase(config());
    if (name === 'ensureConnectionValidity') return ping(config()).then(() => ({}));
    if (name === 'dbExecute') return execute(params.datasourceType.url ?? options.datasource.url, params.script);
    const method = name === 'getDatabaseVersion' ? 'version' : name;
    if (!METHODS.has(method)) throw Object.assign(new Error(`Unknown method: ${name}`), { rpcCode: -32601 });
    // No method is safe to call on an engine that has panicked.
    if (panic) throw new Error(`The schema engine has panicked before. ${panic}`);
    // Comparing schema files and migrations leaves the main database alone.
    const online = name !== 'diff' || [params.from, params.to].some(({ tag }) => tag === 'schemaDatasource');
    lastFailure = failedScript = undefined;
    const run = async () => {
      if (!engines.has(online)) engines.set(online, startEngine(options, online));
      const engine = await engines.get(online);
      // These two compare with the result of the migrations, but only find it in the cache that a diagnosis has
      // filled – which the CLI's own has not when there were migrations to apply in between.
      if (method === 'evaluateDataLoss' || method === 'createMigration') {
        const { migrationsList, filters } = params;
        await engine.diagnoseMigrationHistory({ migrationsList, filters, optInToShadowDatabase: true });
      }
      return engine[method](params);
    };
    try {
      return await Promise.race([run(), crash]);
    } catch (error) {
      if (panic) throw new Error(`The schema engine panicked. ${panic}`);
      throw lastFailure ?? migrationError(error) ?? error;
    }
  };
}

// ── What the CLI talks to ───────────────────────────────────────────────────────────────────────────────────────────

let printed = 0;
const refuse = () => Promise.reject(new Error('The schema engine was told to stop.'));
/** @param {object} message */
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
/** @param {'INFO' | 'ERROR'} level @param {object} fields */
const log = (level, fields) =>
  process.stderr.write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, fields, target: 'schema_engine::logger' })}\n`);

/** @param {ReturnType<typeof makeApi>} api @param {string} line */
async function answer(api, line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    // The CLI's acknowledgement of a `print`.
    if (request.method === undefined) return;
    id = request.id;
    let result = (await api(request.method, request.params)) ?? null;
    if (request.method === 'diff') {
      const { stdout, ...rest } = result;
      // The CLI shows the text only when asked to print it, and adds the last line break itself.
      if (stdout) send({ id: `print-${++printed}`, method: 'print', params: { content: stdout.replace(/\n$/, '') } });
      result = { ...rest, stdout: null };
    }
    send({ id, result });
  } catch (caught) {
    const error = /** @type {any} */ (caught);
    const data = { is_panic: false, message: error.message, meta: error.meta ?? null, error_code: error.code };
    const code = error.rpcCode ?? (error instanceof SyntaxError ? -32700 : 4466);
    if (code < 0) process.exitCode = 1;
    send({ id, error: { code, message: code < 0 ? error.message : 'An error happened. See the data field.', data } });
  }
}

/** @param {Options} options */
function serve(options) {
  const api = makeApi(options);
  let queue = Promise.resolve();
  let busy = 0;
  let stopping = false;
  let closed = false;
  const leave = async () => {
    await Promise.all([...temporary.values()].map((config) => dropDatabase(config).catch(() => {})));
    process.exit(stopping ? 1 : process.exitCode);
  };
  const cancel = (/** @type {[any, Config]} */ [client, config]) =>
    withClient(config, (other) => other.query('SELECT pg_cancel_backend($1)', [client.processID])).catch(() => {});
  // Cancelled, Postgres rolls the running script back and the engine records the migration as failed. Leaving is left
  // to the end of stdin: a CLI whose engine is gone before its answer was read ends silently, and successfully.
  const onSignal = () => {
    if (stopping || (closed && !busy)) return;
    stopping = true;
    if (busy) for (const session of sessions) void cancel(session);
    setTimeout(leave, SHUTDOWN_GRACE_MS);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  log('INFO', { message: 'Starting schema engine RPC server' });
  readline
    .createInterface({ input: process.stdin })
    .on('line', (line) => {
      busy += 1;
      queue = queue.then(() => answer(stopping ? refuse : api, line)).then(() => void (busy -= 1));
    })
    .on('close', () => {
      closed = true;
      void queue.then(leave);
    });
}

/** @param {string | undefined} command @param {Options} options */
async function runCommand(command, { datasource }) {
  // The CLI skips the first line.
  log('INFO', { message: 'Starting schema engine CLI' });
  try {
    const { config } = readUrl(datasource.url);
    if (command === 'can-connect-to-database') await ping(config);
    else if (command === 'create-database') await createDatabase(config);
    else if (command === 'drop-database') await dropDatabase(config);
    else throw new Error(`Unknown command: ${command}`);
  } catch (caught) {
    const error = /** @type {any} */ (caught);
    log('ERROR', { is_panic: false, error_code: error.code ?? '', message: error.message });
    process.exitCode = 1;
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: 'boolean', short: 'V' },
    datamodels: { type: 'string', short: 'd', multiple: true, default: [] },
    datasource: { type: 'string', default: '{}' },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
  },
});
/** @type {Options} */
const options = { datamodels: values.datamodels ?? [], datasource: JSON.parse(values.datasource ?? '{}') };

if (values.version) {
  void loadWasm().then(({ version }) => process.stdout.write(`schema-engine-cli ${version()}\n`));
} else if (positionals[0] === 'cli') {
  void runCommand(positionals[1], options);
} else {
  serve(options);
}
