import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { root } from '../support/documents';
import { freePort, type Running, startProcess } from '../support/processes';
import { type Load, ProdlikeHost, recordDrill, runToEnd, succeeded } from '../support/prodlike';

const BIN = '/usr/lib/postgresql/15/bin';
const NOBODY = 65534;
/** How embedded and production-like servers are run as root: as nobody, still able to enter a private folder. */
const RUN = 'setpriv --reuid=65534 --regid=65534 --clear-groups --securebits=+no_setuid_fixup --inh-caps=+dac_override --ambient-caps=+dac_override';

describe('the database', () => {
  let host: ProdlikeHost;
  let environment: Record<string, string>;
  const superuser = () => host.is.adminUrl.replace(/\/postgres$/, '/gloria');
  const query = async <T extends Record<string, unknown>>(sql: string, values: unknown[] = [], url = superuser()): Promise<T[]> => {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
    // A server that is killed under the connection says so by an event.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(sql, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const recover = (...args: string[]) => runToEnd(join(root, 'scripts/recover-database.sh'), args, environment);
  const asServer = (...command: string[]) => spawnSync(RUN.split(' ')[0]!, [...RUN.split(' ').slice(1), ...command], { encoding: 'utf8', cwd: host.is.postgres.dir });
  const archived = async () => {
    const [row] = await query<{ segment: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS segment');
    while (!(await query<{ done: boolean }>(`SELECT coalesce(last_archived_wal ~ '^[0-9A-F]{24}$' AND right(last_archived_wal, 16) >= right($1, 16), false) AS done FROM pg_stat_archiver`, [row!.segment]))[0]!.done) await pause(50);
  };
  const killServer = () => {
    const pid = Number(readFileSync(join(host.is.postgres.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    return pid;
  };

  beforeAll(async () => {
    host = await ProdlikeHost.start('recovery', { WATCH_SECONDS: 1, START_SECONDS: 30, DRAIN_SECONDS: 1 });
    const { data, socket, port, backupConfig, dir } = host.is.postgres;
    environment = { PATH: process.env.PATH!, RECOVERY_CONF: '/nonexistent', PG_DATA: data, PG_BIN: BIN, PG_PORT: String(port), PG_SOCKET: socket, PG_RUN: RUN, PG_OPTIONS: host.is.postgres.options, PG_LOG: join(dir, 'recovery.log'), PGBACKREST_CONFIG: backupConfig };
  }, 300_000);
  afterAll(() => host?.stop(), 60_000);

  const flip = (file: string) => {
    const handle = openSync(file, 'r+');
    const at = Math.floor(statSync(file).size / 2);
    const byte = Buffer.alloc(1);
    readSync(handle, byte, 0, 1, at);
    byte[0]! ^= 0x40;
    writeSync(handle, byte, 0, 1, at);
    closeSync(handle);
  };
  const largest = (dir: string): string =>
    readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).filter((file) => !/manifest|\.info/.test(file)).sort((a, b) => statSync(b).size - statSync(a).size)[0]!;

  it('is not recovered from what is damaged, locked with another key, or asked for wrongly; nothing is touched', async () => {
    const repository = join(host.is.postgres.dir, 'repository');
    const damaged = largest(join(repository, 'backup'));
    flip(damaged);
    const corrupt = await recover('--latest');
    expect([corrupt.code, corrupt.output]).toEqual([1, expect.stringMatching(/the repository is damaged; nothing was changed[\s\S]*invalid/)]);
    flip(damaged);
    const segment = largest(join(repository, 'archive'));
    flip(segment);
    expect(await recover('--latest')).toMatchObject({ code: 1, output: expect.stringContaining('the repository is damaged') });
    flip(segment);
    const config = host.is.postgres.backupConfig;
    const wrong = `${config}.wrong`;
    writeFileSync(wrong, readFileSync(config, 'utf8').replace(/^repo1-cipher-pass=.*$/m, 'repo1-cipher-pass=wrong'));
    chownSync(wrong, NOBODY, NOBODY);
    const locked = await runToEnd(join(root, 'scripts/recover-database.sh'), ['--latest'], { ...environment, PGBACKREST_CONFIG: wrong });
    expect([locked.code, locked.output]).toEqual([1, expect.stringContaining('there is no usable backup, or its passphrase is another one')]);
    expect(await recover('--time', '2026-11-23T08:00:00Z')).toMatchObject({ code: 64, output: expect.stringContaining('with its zone') });
    expect(await recover()).toMatchObject({ code: 64 });
    expect(await query('SELECT 1 AS up')).toEqual([{ up: 1 }]);
  }, 120_000);

  it('can be looked at as it was at a restore point of a deployment, beside the one that serves', async () => {
    const point = host.history().at(-1)!.restorePoint as { name: string };
    const folder = join(host.is.postgres.dir, 'rehearsal');
    const port = await freePort();
    const { code, output } = await recover('--restore-point', point.name, '--rehearse', folder, '--port', String(port));
    expect([code, output]).toEqual([0, expect.stringContaining(`✔ recovered to ${point.name}`)]);
    // Named before the first migration: there were no tables yet.
    const url = superuser().replace(`:${host.is.postgres.port}/`, `:${port}/`);
    expect(await query(`SELECT to_regclass('public.person') IS NULL AS empty`, [], url)).toEqual([{ empty: true }]);
    expect(await query('SELECT count(*)::int AS people FROM person')).toEqual([{ people: 1 }]);
    expect(asServer(`${BIN}/pg_ctl`, '-D', folder, '-w', '-m', 'fast', 'stop').status).toBe(0);
  }, 120_000);

  it('destroyed under load comes back to a given second, with every row of before and none of after', async () => {
    const load: Load = host.load(4);
    while (load.written < 30) await pause(50);
    const [{ at: target }] = (await query<{ at: string }>(`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' AS at`)) as [{ at: string }];
    const more = load.written + 15;
    while (load.written < more) await pause(50);
    await load.stop();
    expect(load.failures).toEqual([]);
    // A later commit must be in the archive, or the recovery would not know that the target was reached.
    await archived();
    // The log of events only grows: a row's commit is its making.
    const truth = await query<{ id: string; before: boolean }>(`SELECT id, pg_xact_commit_timestamp(xmin) <= $1::timestamptz AS before FROM audit.event`, [target]);
    expect(truth.filter(({ before }) => before).length).toBeGreaterThan(10);
    expect(truth.filter(({ before }) => !before).length).toBeGreaterThan(5);

    killServer();
    await pause(300);
    rmSync(host.is.postgres.data, { recursive: true, force: true });
    succeeded(await host.run('./scripts/maintenance.sh', ['on']));
    const { code, output } = await recover('--time', target);
    // Operators (127.0.0.1) are let through.
    expect((await host.call('/api/v1/me', { from: '127.0.0.9' })).status).toBe(503);
    succeeded(await host.run('./scripts/maintenance.sh', ['off']));
    expect([code, output]).toEqual([0, expect.stringMatching(/backups and archive are whole[\s\S]*✔ recovered to .* in [\d.]+ s/)]);
    const rows = await query<{ id: string }>('SELECT id FROM audit.event');
    expect(rows.map(({ id }) => id).toSorted()).toEqual(truth.filter(({ before }) => before).map(({ id }) => id).toSorted());
    const [, rto] = /in ([\d.]+) s; the last transaction/.exec(output)!;
    const [, last] = /it holds is of (.+)$/m.exec(output)!;
    recordDrill('point-in-time-recovery', { target, rtoSeconds: Number(rto), rpoSeconds: (Date.parse(target.replace(' ', 'T').replace('+00', 'Z')) - Date.parse(last!.replace(' ', 'T').replace(/\+00$/, 'Z'))) / 1000, rowsRecovered: rows.length, rowsAfterTheTarget: truth.length - rows.length, output: output.trim().split('\n') });

    const again = await host.run('./scripts/verify-deployment.sh', ['--deadline', '30']);
    succeeded(again);
    const status = await host.run('node', [join(root, 'dist/cli/gloria.js'), 'migrate', '--status'], { MIGRATION_DATABASE_URL: host.is.migrationUrl });
    expect(JSON.parse(status.output)).toMatchObject({ unfinished: [] });
    expect(asServer('pgbackrest', `--config=${host.is.postgres.backupConfig}`, '--stanza=gloria', '--type=full', 'backup').status).toBe(0);
  }, 240_000);

  it('destroyed without a warning comes back as far as the archive reaches, and loses no more than archive_timeout promises', async () => {
    const ARCHIVE_TIMEOUT_SECONDS = 3;
    await query(`ALTER SYSTEM SET archive_timeout = ${ARCHIVE_TIMEOUT_SECONDS}`);
    await query('SELECT pg_reload_conf()');
    const load = host.load(4);
    const until = Date.now() + 12_000;
    while (Date.now() < until) await pause(100);
    await load.stop();
    expect(load.failures).toEqual([]);
    const truth = await query<{ id: string; at: Date }>('SELECT id, pg_xact_commit_timestamp(xmin) AS at FROM audit.event ORDER BY 2');
    killServer();
    const killedAt = Date.now();
    await pause(300);
    rmSync(host.is.postgres.data, { recursive: true, force: true });
    const { code, output } = await recover('--latest');
    expect([code, output]).toEqual([0, expect.stringMatching(/✔ recovered in [\d.]+ s/)]);
    const recovered = new Set((await query<{ id: string }>('SELECT id FROM audit.event')).map(({ id }) => id));
    const lost = truth.filter(({ id }) => !recovered.has(id));
    // What is lost is the end, whole: nothing from the middle is missing.
    expect(truth.slice(0, truth.length - lost.length).every(({ id }) => recovered.has(id))).toBe(true);
    expect(recovered.size).toBeGreaterThan(100);
    const rpoSeconds = lost.length > 0 ? (killedAt - lost[0]!.at.getTime()) / 1000 : 0;
    recordDrill('recovery-to-the-latest', { archiveTimeoutSeconds: ARCHIVE_TIMEOUT_SECONDS, rpoSeconds, rtoSeconds: Number(/in ([\d.]+) s;/.exec(output)?.[1]), recovered: recovered.size, lost: lost.length });
    // The segment of the last seconds, and as long for it to be archived.
    expect(rpoSeconds).toBeLessThan(3 * ARCHIVE_TIMEOUT_SECONDS);
    expect(asServer('pgbackrest', `--config=${host.is.postgres.backupConfig}`, '--stanza=gloria', '--type=full', 'backup').status).toBe(0);
  }, 240_000);

  it('whose primary dies under load goes on with its standby, through PgBouncer, and loses nothing that was acknowledged', async () => {
    const { dir, data, port } = host.is.postgres;
    const [standbyPort, bouncerPort] = [await freePort(), await freePort()];
    const standby = join(dir, 'standby');
    const owned = (file: string, text: string) => {
      writeFileSync(file, text, { mode: 0o600 });
      chmodSync(file, 0o600);
      chownSync(file, NOBODY, NOBODY);
    };
    await query(`CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'replicator'`);
    const [{ secrets }] = (await query<{ secrets: string }>(`SELECT string_agg(format('"%s" "%s"', rolname, rolpassword), E'\\n') AS secrets FROM pg_authid WHERE rolname IN ('gloria_app', 'postgres')`)) as [{ secrets: string }];
    expect(asServer(`${BIN}/pg_basebackup`, '-D', standby, '-R', '-C', '-S', 'standby1', '-X', 'stream', '-c', 'fast', '-d', `host=127.0.0.1 port=${port} user=replicator password=replicator application_name=standby1`)).toMatchObject({ status: 0 });
    expect(asServer(`${BIN}/pg_ctl`, '-D', standby, '-w', '-l', join(dir, 'standby.log'), '-o', `${host.is.postgres.options} -c data_directory=${standby} -p ${standbyPort}`, 'start').status).toBe(0);
    while ((await query(`SELECT 1 FROM pg_stat_replication WHERE application_name = 'standby1' AND state = 'streaming'`)).length === 0) await pause(50);
    // Named only now: the first commit would wait for a standby that does not exist yet.
    await query(`ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby1)'`);
    await query('SELECT pg_reload_conf()');
    while ((await query(`SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`)).length === 0) await pause(50);

    const ini = join(dir, 'pgbouncer.ini');
    owned(join(dir, 'userlist.txt'), `${secrets}\n`);
    const words: Record<string, string> = { host: '127.0.0.1', port: String(port), listen_port: String(bouncerPort), userlist: join(dir, 'userlist.txt'), admin: 'postgres', log: join(dir, 'pgbouncer.log'), pid: join(dir, 'pgbouncer.pid') };
    owned(ini, readFileSync(join(root, 'docker/pgbouncer.ini'), 'utf8').replace(/\{(\w+)\}/g, (_, name: string) => words[name]!));
    expect(asServer('pgbouncer', '--daemon', ini).status).toBe(0);

    const through = (name: string) => host.is.databaseUrl.replace(`:${port}/gloria`, `:${bouncerPort}/${name}`);
    let running = false;
    const processes: Running[] = [];
    const app = Object.fromEntries(readFileSync(join(host.is.home, 'app.env'), 'utf8').trim().split('\n').map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 2, -1)]));
    const variables = { ...app, NODE_ENV: 'production', DATABASE_URL: through('gloria'), DIRECT_DATABASE_URL: through('gloria_session'), READ_DATABASE_URL: host.is.databaseUrl.replace(`:${port}/`, `:${standbyPort}/`), DRAIN_SECONDS: '0', LOG_LEVEL: 'warn', WORKER_HEARTBEAT_FILE: join(host.is.dir, 'worker-heartbeat.json') };
    try {
      processes.push(await startProcess('main', variables), await startProcess('worker', variables));
      const [api] = processes as [Running];
      const acknowledged: { code: string; at: number }[] = [];
      const errors: number[] = [];
      running = true;
      const authorization = `Bearer ${host.token()}`;
      const writers = Array.from({ length: 4 }, async (_, n) => {
        for (let i = 0; running; i += 1) {
          const code = `f-${n}-${i}`;
          const answer = await fetch(`${api.url}/api/v1/schools`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify({ code, name: 'Sekolah' }) }).catch(() => null);
          if (answer?.status === 201) acknowledged.push({ code, at: Date.now() });
          else errors.push(answer?.status ?? 0);
          await answer?.arrayBuffer().catch(() => undefined);
          await pause(5);
        }
      });
      while (acknowledged.length < 200) await pause(20);

      // Reads that may be some seconds old are the standby's, once it has been seen to keep up.
      const onStandby = `SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'gloria reads%' AND query LIKE '%audit%'`;
      const patience = Date.now() + 30_000;
      while ((await query(onStandby, [], superuser().replace(`:${port}/`, `:${standbyPort}/`))).length === 0) {
        if (Date.now() > patience) throw new Error('the standby was never asked');
        expect((await fetch(`${api.url}/api/v1/audit/events?limit=5`, { headers: { authorization } })).status).toBe(200);
        await pause(200);
      }

      const killed = Date.now();
      killServer();
      const failover = await runToEnd(join(root, 'scripts/failover.sh'), [], {
        PATH: process.env.PATH!, FAILOVER_CONF: '/nonexistent', PRIMARY_HOST: '127.0.0.1', PRIMARY_PORT: String(port), STANDBY_HOST: '127.0.0.1', STANDBY_PORT: String(standbyPort), PG_BIN: BIN, PG_RUN: RUN, STANDBY_DATA: standby,
        // Nothing of the old primary lives on, and started by mistake it would be a standby.
        FENCE: `for p in /proc/[0-9]*; do [ "$(readlink $p/cwd)" != '${data}' ] || kill -9 \${p#/proc/}; done; touch '${data}/standby.signal'; chown 65534:65534 '${data}/standby.signal'`,
        ADMIN_URL_OPTIONS: `dbname=postgres user=postgres password=${new URL(host.is.adminUrl).password}`, PGBOUNCER_INI: ini, PGBOUNCER_RELOAD: `kill -HUP $(cat ${join(dir, 'pgbouncer.pid')})`,
      });
      expect([failover.code, failover.output]).toEqual([0, expect.stringContaining('✔ failed over')]);
      const before = acknowledged.length;
      const deadline = Date.now() + 60_000;
      while (acknowledged.length < before + 50) {
        if (Date.now() > deadline) throw new Error(`no writes after the failover: ${errors.slice(-3).join()}\n${failover.output}\n${api.output().split('\n').filter((line) => line.includes('"level":50')).slice(-3).join('\n')}\n${readFileSync(join(dir, 'pgbouncer.log'), 'utf8').split('\n').slice(-8).join('\n')}\n${readFileSync(join(dir, 'standby.log'), 'utf8').split('\n').slice(-8).join('\n')}`);
        await pause(20);
      }
      running = false;
      await Promise.all(writers);

      const after = await query<{ code: string }>(`SELECT code FROM org_unit WHERE code LIKE 'f-%'`, [], superuser().replace(`:${port}/`, `:${standbyPort}/`));
      const there = new Set(after.map(({ code }) => code));
      const lost = acknowledged.filter(({ code }) => !there.has(code));
      expect(lost).toEqual([]);
      const gap = acknowledged.find(({ at }) => at > killed + 100)!.at - acknowledged.filter(({ at }) => at <= killed + 100).at(-1)!.at;
      // Nothing but "try again": no request of these was half-done.
      const surprises = errors.filter((status) => status !== 503);
      expect([surprises, surprises.length > 0 ? api.output().split('\n').filter((line) => line.includes('"level":50')).slice(0, 5) : []]).toEqual([[], []]);
      recordDrill('failover', { gapMs: gap, acknowledged: acknowledged.length, lost: 0, refusedMeanwhile: errors.length, output: failover.output.trim().split('\n') });
      expect(await query('SELECT 1 AS up', [], through('gloria'))).toEqual([{ up: 1 }]);

      // Asked once more it refuses: the primary answers.
      const twice = await runToEnd(join(root, 'scripts/failover.sh'), [], { PATH: process.env.PATH!, FAILOVER_CONF: '/nonexistent', PRIMARY_HOST: '127.0.0.1', PRIMARY_PORT: String(standbyPort), STANDBY_HOST: '127.0.0.1', STANDBY_PORT: String(standbyPort), PG_BIN: BIN, PG_RUN: RUN, STANDBY_DATA: standby, FENCE: 'false', ADMIN_URL_OPTIONS: `dbname=postgres user=postgres password=${new URL(host.is.adminUrl).password}`, PGBOUNCER_INI: ini, PGBOUNCER_RELOAD: 'false' });
      expect(twice).toMatchObject({ code: 75, output: expect.stringContaining('the primary answers; nothing was changed') });
    } finally {
      running = false;
      await Promise.all(processes.map((each) => each.stop()));
      if (existsSync(join(dir, 'pgbouncer.pid'))) process.kill(Number(readFileSync(join(dir, 'pgbouncer.pid'), 'utf8')), 'SIGTERM');
      asServer(`${BIN}/pg_ctl`, '-D', standby, '-w', '-m', 'fast', 'stop');
    }
  }, 240_000);
});
