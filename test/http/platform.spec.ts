import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { permissionCodes } from '../../src/access';
import { FileStore } from '../../src/modules/files';
import { Database } from '../../src/platform/database';
import { Outbox, type OutboxMessage } from '../../src/platform/outbox';
import { housekeeping } from '../../src/worker.tasks';
import { aFoundation, startApp, type TestApp, testEnvironment, World } from '../support/app';
import { connected } from '../support/database';
import { root } from '../support/documents';
import { startProcess } from '../support/processes';

declare module '../../src/platform/outbox' {
  interface OutboxTopics {
    'test.once': { n: string };
    'test.failing': object;
  }
}

describe('the outbox', () => {
  let testApp: TestApp;
  let world: World;
  let foundationId: string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    foundationId = (await world.ids()).foundation;
    // What others have left to be delivered in this database.
    await connected(testApp.database.adminUrl, (client) => client.query('DELETE FROM outbox_message'));
  });
  afterAll(() => testApp.close());
  const outbox = () => testApp.app.get(Outbox);
  const database = () => testApp.app.get(Database);
  const row = (id: string) => database().withTenant({ foundationId }, (tx) => tx.outboxMessage.findFirstOrThrow({ where: { id } }));

  it('delivers what was committed, once, also with several workers at it, and nothing that was rolled back', async () => {
    const seen: string[] = [];
    outbox().handle('test.once', (message: OutboxMessage) => {
      seen.push((message.payload as { n: string }).n);
      return Promise.resolve();
    });
    await database().withTenant({ foundationId }, async (tx) => {
      for (let n = 0; n < 30; n += 1) await outbox().send(tx, foundationId, 'test.once', { n: String(n) });
    });
    await expect(database().withTenant({ foundationId }, async (tx) => {
      await outbox().send(tx, foundationId, 'test.once', { n: 'never' });
      throw new Error('rolled back');
    })).rejects.toThrow('rolled back');
    const taken = await Promise.all(Array.from({ length: 4 }, () => outbox().deliverDue(100)));
    expect(taken.reduce((sum, each) => sum + each)).toBe(30);
    expect(seen.toSorted()).toEqual(Array.from({ length: 30 }, (_, n) => String(n)).toSorted());
    expect(await outbox().deliverDue()).toBe(0);
    expect(() => outbox().handle('test.once', () => Promise.resolve())).toThrow('has a handler');
  });

  it('tries a failed delivery again later, remembers why, and gives up in the end', async () => {
    let failures = 0;
    outbox().handle('test.failing', () => {
      failures += 1;
      return Promise.reject(new Error(`receiver says no ${failures}`));
    });
    const id = await database().withTenant({ foundationId }, (tx) => outbox().send(tx, foundationId, 'test.failing', {}));
    expect(await outbox().deliverDue()).toBe(1);
    const once = await row(id);
    expect(once).toMatchObject({ attempts: 1, lastError: 'receiver says no 1', deliveredAt: null, deadAt: null });
    expect(once.availableAt.getTime()).toBeGreaterThan(Date.now() + 1_000);
    expect(await outbox().deliverDue()).toBe(0);
    await connected(testApp.database.adminUrl, (client) => client.query('UPDATE outbox_message SET available_at = now(), attempts = 11 WHERE id = $1', [id]));
    expect(await outbox().deliverDue()).toBe(1);
    expect(await row(id)).toMatchObject({ attempts: 12, deadAt: expect.any(Date) });
  });

  it('and idempotency records are cleared away when past their time, and only then', async () => {
    const tasks = new Map(housekeeping(database(), testApp.app.get(FileStore)).map((task) => [task.name, task]));
    await world.as('siti').post('/workflow/instances', { definition: 'reimbursement' }).set('idempotency-key', 'housekeeping-1').expect(201);
    await world.as('siti').post('/workflow/instances', { definition: 'reimbursement' }).set('idempotency-key', 'housekeeping-2').expect(201);
    await connected(testApp.database.adminUrl, (client) => client.query(`UPDATE idempotency_record SET created_at = now() - interval '25 hours' WHERE key = 'housekeeping-1'`));
    await tasks.get('idempotency-expiry')!.run();
    await tasks.get('outbox-expiry')!.run();
    await tasks.get('audit-partitions')!.run();
    await connected(testApp.database.adminUrl, async (client) => {
      const { rows } = await client.query(`SELECT key FROM idempotency_record WHERE foundation_id = $1 AND key LIKE 'housekeeping-%'`, [foundationId]);
      expect(rows).toEqual([{ key: 'housekeeping-2' }]);
      const { rows: partitions } = await client.query(`SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'audit_partition'::regnamespace AND relkind = 'r'`);
      expect(partitions[0].n).toBeGreaterThanOrEqual(4);
    });
  });
});

describe('the commands', () => {
  let testApp: TestApp;
  beforeAll(async () => {
    testApp = await startApp();
  });
  afterAll(() => testApp.close());
  const gloria = (args: string[], overrides: Record<string, string> = {}) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
      const env = { PATH: process.env.PATH, ...testEnvironment(testApp.database), MIGRATION_DATABASE_URL: testApp.database.ownerUrl, ...overrides };
      const child = spawn(process.execPath, [join(root, 'dist/cli/gloria.js'), ...args], { cwd: root, env: env as NodeJS.ProcessEnv });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.once('exit', (code) => done({ code, stdout, stderr }));
    });

  it('bootstrap makes a foundation and its first administrator, once, audited', async () => {
    const organization = `org_b${randomBytes(6).toString('hex')}`;
    const code = `b${randomBytes(4).toString('hex')}`;
    const args = ['bootstrap', '--organization', organization, '--code', code, '--name', 'Yayasan Baru', '--admin-number', '1', '--admin-name', 'Admin Pertama'];
    const first = await gloria(args);
    expect([first.code, first.stderr]).toEqual([0, '']);
    const { code: invitation, foundationId } = JSON.parse(first.stdout) as { code: string; foundationId: string };
    const again = await gloria(args);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('CODE_TAKEN');

    const world = new World(testApp, organization, code);
    const admin = world.as('first');
    await admin.post('/me/link', { code: invitation }).expect(204);
    expect((await admin.get('/me').expect(200)).body.person.name).toBe('Admin Pertama');
    expect((await admin.get('/me/permissions').expect(200)).body.permissions).toHaveLength(permissionCodes.length);
    await admin.post('/schools', { code: 'sd-1', name: 'SD 1' }).expect(201);
    const { body } = await admin.get('/audit/events?limit=200').expect(200);
    const actions = new Set((body.items as { action: string; actor: { kind: string; id: string } }[]).filter(({ actor }) => actor.kind === 'system').map(({ action, actor }) => `${actor.id} ${action}`));
    for (const action of ['bootstrap foundation.created', 'bootstrap person.created', 'bootstrap role.assigned', 'bootstrap invitation.created', 'invitation account.linked']) expect([action, actions.has(action)]).toEqual([action, true]);
    expect(foundationId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('bootstrap links a Clerk user given by the operator', async () => {
    const organization = `org_b${randomBytes(6).toString('hex')}`;
    const result = await gloria(['bootstrap', '--organization', organization, '--code', `c${randomBytes(4).toString('hex')}`, '--name', 'Y', '--admin-number', '1', '--admin-name', 'A', '--clerk-user', 'user_boss']);
    expect(result.code).toBe(0);
    expect((await new World(testApp, organization, '').as('boss').get('/me').expect(200)).body.linked).toBe(true);
  });

  it('say how they are used, and refuse what they do not know', async () => {
    expect(await gloria([])).toMatchObject({ code: 0, stderr: expect.stringContaining('seed-demo') });
    expect((await gloria(['fly'])).code).toBe(64);
    expect(await gloria(['bootstrap'])).toMatchObject({ code: 64, stderr: expect.stringContaining('usage: gloria bootstrap') });
    expect(await gloria(['migrate'])).toMatchObject({ code: 0 });
    expect(JSON.parse((await gloria(['migrate', '--status'])).stdout)).toMatchObject({ applied: expect.arrayContaining(['20261123050000_create_tables']), unfinished: [] });
    expect((await gloria(['migrate', '--attempts', 'many'])).code).toBe(64);
    expect(await gloria(['migrate'], { MIGRATION_DATABASE_URL: '' })).toMatchObject({ code: 78, stderr: expect.stringContaining('MIGRATION_DATABASE_URL') });
    expect(await gloria(['validate-env'])).toMatchObject({ code: 0, stdout: 'The environment is usable (test).\n' });
    expect(await gloria(['validate-env', '--processes', '3'])).toMatchObject({ code: 0 });
    expect(await gloria(['validate-env', '--processes', '3'], { DATABASE_POOL_MAX: '90' })).toMatchObject({ code: 78, stderr: expect.stringContaining('3 API processes and the worker may open 369 connections') });
    expect((await gloria(['validate-env', '--processes', 'x'])).code).toBe(64);
    expect(await gloria(['validate-env'], { NODE_ENV: 'production' })).toMatchObject({ code: 78, stderr: expect.stringContaining('ENCRYPTION_KEY') });
  });

  it('reads go to the primary where the standby is not there', async () => {
    const world = await aFoundation(testApp);
    const api = await startProcess('main', { ...testEnvironment(testApp.database), READ_DATABASE_URL: testApp.database.appUrl.replace(/@[^/]+/, '@127.0.0.1:9') });
    try {
      const answer = await fetch(`${api.url}/api/v1/audit/events?limit=1`, { headers: { authorization: `Bearer ${world.token('hendra')}` } });
      expect(answer.status).toBe(200);
    } finally {
      await api.stop();
    }
  });

  it('profile and compare say what differs between two environments, and nothing of a secret', async () => {
    const described = await gloria(['profile'], { REDIS_URL: process.env.TEST_REDIS_URL!, ENCRYPTION_KEY: Buffer.alloc(32, 'canary').toString('base64') });
    expect(described.code).toBe(0);
    const profile = JSON.parse(described.stdout) as Record<string, Record<string, string>>;
    expect(profile).toMatchObject({ environment: { ENCRYPTION_KEY: 'set', DATABASE_URL: 'set', CLERK_SECRET_KEY: 'unset', NODE_ENV: 'test' }, database: { server_encoding: 'UTF8' }, redis: { maxmemory_policy: 'noeviction' }, migrations: { '20261123050000_create_tables': 'applied' } });
    for (const secret of [new URL(testApp.database.appUrl).password, Buffer.alloc(32, 'canary').toString('base64')]) expect(Object.values(profile.environment!)).not.toContain(secret);
    const dir = mkdtempSync(join(tmpdir(), 'gloria-profile-'));
    const write = (name: string, content: object) => {
      writeFileSync(join(dir, name), JSON.stringify(content));
      return join(dir, name);
    };
    const staging = write('staging.json', profile);
    expect(await gloria(['compare', staging, write('same.json', { ...profile, environment: { ...profile.environment, PUBLIC_URL: 'https://elsewhere' } })])).toMatchObject({ code: 0, stdout: '✔ nothing differs that should not\n' });
    const other = write('production.json', { ...profile, database: { ...profile.database, max_connections: '7' }, migrations: {}, environment: { ...profile.environment, REDIS_URL: 'unset' } });
    const { code, stdout } = await gloria(['compare', staging, other]);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/environment REDIS_URL: set \| unset[\s\S]*max_connections: \d+ \| 7[\s\S]*create_tables: applied \| \(nothing\)/)]);
    expect((await gloria(['compare', staging])).code).toBe(64);
  });

  it('the API and the worker refuse to start in production on development’s configuration, naming all of it', async () => {
    for (const entry of ['main', 'worker']) {
      const child = spawn(process.execPath, [join(root, `dist/${entry}.js`)], { cwd: root, env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: testApp.database.appUrl } });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      expect(await new Promise((done) => child.once('exit', done))).toBe(78);
      for (const name of ['PUBLIC_URL', 'CLERK_ISSUER', 'ENCRYPTION_KEY']) expect(stderr).toContain(name);
    }
  });
});
