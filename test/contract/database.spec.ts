import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg, { type Client } from 'pg';
import { PERMISSION_CODES, permissionCodes, ROW_KINDS, type RowAttribute, type RowKindName, rowKindsOf } from '../../src/access';
import { AUTHORIZATION_TARGETS } from '../../src/modules/audit';
import { Database, FILTERED_TABLES } from '../../src/platform/database';
import { loadConfig } from '../../src/platform/config';
import { aFoundation, aReimbursement, startApp, type TestApp, testEnvironment, type World } from '../support/app';
import { connected, type TestDatabase, testDatabase } from '../support/database';
import { expectCommitted, readProjectFile, root } from '../support/documents';

interface Column {
  schema: string;
  table: string;
  column: string;
  type: string;
  nullable: boolean;
  comment: string | null;
}

/** Descriptions of columns every table has for the same reason. */
const COMMON: Record<string, string> = {
  id: 'UUIDv7, made by the application.',
  foundation_id: 'The tenant the row belongs to.',
  created_at: 'When the row was made.',
  updated_at: 'When the row was last changed.',
  deleted_at: 'When the row was deleted; empty while it lives.',
  version: 'Raised by every change; what an update must name.',
};

/** `///` comments of schema.prisma, by table and by `table.column`. */
function schemaComments(): Map<string, string> {
  const comments = new Map<string, string>();
  let pending: string[] = [];
  let model: { lines: [string, string][]; about: string } | null = null;
  for (const raw of readProjectFile('prisma/schema.prisma').split('\n')) {
    const line = raw.trim();
    if (line.startsWith('///')) pending.push(line.slice(3).trim());
    else if (/^model /.test(line)) {
      model = { lines: [], about: pending.join(' ') };
      pending = [];
    } else if (model && line.startsWith('@@map(')) {
      const table = /"(\w+)"/.exec(line)![1]!;
      comments.set(table, model.about);
      for (const [column, about] of model.lines) comments.set(`${table}.${column}`, about);
    } else if (model && /^\w+\s+\w/.test(line)) {
      const name = /^(\w+)/.exec(line)![1]!;
      const column = /@map\("(\w+)"\)/.exec(line)?.[1] ?? name;
      if (pending.length > 0) model.lines.push([column, pending.join(' ')]);
      pending = [];
    } else if (line === '}') model = null;
  }
  return comments;
}

describe('the database', () => {
  let database: TestDatabase;
  let admin: Client;
  beforeAll(async () => {
    database = await testDatabase();
    admin = new pg.Client({ connectionString: database.adminUrl });
    await admin.connect();
  });
  afterAll(() => admin.end());
  const rows = async <T extends object>(text: string): Promise<T[]> => (await admin.query<T>(text)).rows;

  it('is what schema.prisma says, but for an index Prisma cannot express', () => {
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/prisma'), ['migrate', 'diff', '--from-config-datasource', '--to-schema', 'prisma/schema.prisma', '--script'], {
      cwd: root, encoding: 'utf8', env: { ...process.env, MIGRATION_DATABASE_URL: database.ownerUrl, NO_COLOR: '1' },
    });
    expect(stdout.split('\n').filter((line) => line && !line.startsWith('--') && !line.startsWith('Loaded'))).toEqual(['DROP INDEX "role_assignment_once";']);
  });

  it('has a committed dictionary and picture, with every table and column described', async () => {
    const columns = await rows<Column>(`
      SELECT n.nspname AS schema, c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
             col_description(c.oid, a.attnum) AS comment
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE n.nspname IN ('public', 'audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '_prisma_migrations'
       ORDER BY 1, 2, a.attnum`);
    const links = await rows<{ from: string; to: string; columns: string[]; optional: boolean }>(`
      SELECT c.conrelid::regclass::text AS "from", c.confrelid::regclass::text AS "to",
             array_agg(a.attname ORDER BY a.attnum)::text[] AS columns, bool_or(NOT a.attnotnull) AS optional
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
       WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace GROUP BY c.oid, 1, 2 ORDER BY 1, 2, 3`);
    const auditAbout = (await rows<{ about: string }>(`SELECT obj_description('audit.event'::regclass) AS about`))[0]!.about;
    const comments = schemaComments();
    const missing: string[] = [];
    const about = (column: Column) => {
      const text = column.comment ?? comments.get(`${column.table}.${column.column}`) ?? COMMON[column.column];
      if (!text) missing.push(`${column.table}.${column.column}`);
      return text ?? '';
    };
    const names = [...new Set(columns.map(({ schema, table }) => (schema === 'public' ? table : `${schema}.${table}`)))];
    const sections = names.map((name) => {
      const own = columns.filter(({ schema, table }) => (schema === 'public' ? table : `${schema}.${table}`) === name);
      const text = name === 'audit.event' ? auditAbout : comments.get(name);
      if (!text) missing.push(name);
      return `## ${name}\n\n${text}\n\n| column | type | |\n|---|---|---|\n${own.map((column) => `| ${column.column} | ${column.type}${column.nullable ? '?' : ''} | ${about(column).replaceAll('|', '\\|')} |`).join('\n')}\n`;
    });
    expect(missing).toEqual([]);
    const bare = (name: string) => name.replaceAll('"', '');
    const picture = links.map(({ from, to, columns: own, optional }) => `  ${bare(to)} ${optional ? '|o' : '||'}--o{ ${bare(from)} : ${own.filter((column) => column !== 'foundation_id')[0] ?? 'foundation_id'}`);
    expectCommitted(
      'docs/database.md',
      `# The database\n\nGenerated from the live catalogue and the descriptions in prisma/schema.prisma. Every table with a \`foundation_id\` has row-level security\nforced; references carry it, so that no row can point into another foundation.\n\n\`\`\`mermaid\nerDiagram\n${picture.join('\n')}\n\`\`\`\n\n${sections.join('\n')}`,
    );
  });

  it('has an index for every foreign key, led by its columns', async () => {
    const missing = await rows<{ name: string }>(`
      SELECT c.conname AS name FROM pg_constraint c
       WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
         AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
               AND (SELECT array_agg(k ORDER BY k) FROM unnest((i.indkey::int2[])[0:cardinality(c.conkey) - 1]) AS k) = (SELECT array_agg(k ORDER BY k) FROM unnest(c.conkey) AS k))`);
    expect(missing.filter(({ name }) => !/_foundation_id_fkey$/.test(name))).toEqual([]);
    // The tenant itself is never deleted; its column leads other indexes of each of these tables.
    for (const { name } of missing) {
      const [table] = await rows<{ led: boolean }>(`SELECT EXISTS (SELECT FROM pg_constraint c JOIN pg_index i ON i.indrelid = c.conrelid WHERE c.conname = '${name}' AND i.indkey[0] = c.conkey[1]) AS led`);
      expect([name, table!.led]).toEqual([name, true]);
    }
  });

  it('forces row-level security on every table of a tenant, partitions included, and validates every constraint', async () => {
    expect(await rows(`
      SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname IN ('public', 'audit', 'audit_partition') AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
         AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'foundation_id')`)).toEqual([]);
    expect(await rows(`SELECT conname FROM pg_constraint WHERE NOT convalidated`)).toEqual([]);
    expect(await rows(`SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)`)).toEqual([]);
    expect(await rows(`SELECT attrelid::regclass::text, attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind IN ('r','p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> '_prisma_migrations' AND atttypid IN ('timestamp'::regtype, 'float4'::regtype, 'float8'::regtype, 'money'::regtype)`)).toEqual([]);
  });

  it('lets the runtime role do no DDL and own nothing, and the audit log belong to nobody who can log in', async () => {
    expect(await rows(`SELECT rolname FROM pg_roles WHERE rolname = 'gloria_app' AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole)`)).toEqual([]);
    expect(await rows(`SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'gloria_app'`)).toEqual([]);
    expect(await rows(`SELECT rolcanlogin FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = 'audit.event'::regclass`)).toEqual([{ rolcanlogin: false }]);
    expect(await rows(`SELECT p.proname FROM pg_proc p WHERE p.prosecdef AND p.pronamespace IN ('public'::regnamespace, 'audit'::regnamespace) AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%')`)).toEqual([]);
  });

  it('has the permission catalogue of the code', async () => {
    const catalogue = await rows<{ code: string; index: number; description: string }>('SELECT code, index, description FROM permission ORDER BY index');
    expect(catalogue).toEqual(Object.entries(PERMISSION_CODES).map(([code, { index, description }]) => ({ code, index, description })).toSorted((a, b) => a.index - b.index));
    expect(new Set(catalogue.map(({ index }) => index)).size).toBe(catalogue.length);
  });

  it('raises the head for exactly what the application waits for after a change', async () => {
    const { rows } = await admin.query<{ name: string }>(`SELECT DISTINCT c.relname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE tgname LIKE 'b\\_authz\\_%'`);
    // Members are written with their set, and audited as it.
    expect(rows.map(({ name }) => name).filter((name) => name !== 'sod_member').toSorted()).toEqual([...AUTHORIZATION_TARGETS].toSorted());
  });

  it('keeps what conditions ask about where the kinds of rows say', () => {
    const MODELS = Object.fromEntries(Object.entries(FILTERED_TABLES).map(([kind, table]) => [kind, table.charAt(0).toUpperCase() + table.slice(1)])) as Record<RowKindName, string>;
    expect(Object.keys(MODELS).toSorted()).toEqual(Object.keys(ROW_KINDS).toSorted());
    const schema = readProjectFile('prisma/schema.prisma');
    const block = (word: string, name: string) => new RegExp(`^${word} ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(schema)?.[1] ?? '';
    for (const [kind, model] of Object.entries(MODELS) as [RowKindName, string][]) {
      for (const [name, { field, type, nullable, oneOf }] of Object.entries<RowAttribute>(ROW_KINDS[kind])) {
        const [, prisma, optional] = new RegExp(`^  ${field}\\s+(\\w+)(\\??)`, 'm').exec(block('model', model)) ?? [];
        const members = [...block('enum', prisma ?? '').matchAll(/^ {2}(\w+)$/gm)].map(([, member]) => member);
        expect([kind, name, oneOf ?? type, nullable]).toEqual([kind, name, members.length > 0 ? members : { String: 'string', Int: 'number', Float: 'number', Boolean: 'boolean', DateTime: 'time' }[prisma!], optional === '?']);
      }
    }
    // A kind of row that no permission is asked about would be a promise.
    expect(new Set(permissionCodes.flatMap((code) => rowKindsOf(code)))).toEqual(new Set(Object.keys(ROW_KINDS)));
  });

  it('lets a boot with a privileged role end before it serves anything', async () => {
    for (const url of [database.adminUrl, database.ownerUrl]) {
      const privileged = new Database(loadConfig(testEnvironment({ ...database, appUrl: url })));
      await expect(privileged.onModuleInit()).rejects.toThrow(/superuser, bypasses row-level security or owns tables/);
      await privileged.onApplicationShutdown();
    }
  });

  describe('refuses by itself', () => {
    let testApp: TestApp;
    let world: World;
    let ids: Awaited<ReturnType<World['ids']>>;
    let instance: { id: string };
    beforeAll(async () => {
      testApp = await startApp();
      world = await aFoundation(testApp);
      ids = await world.ids();
      instance = await world.as('siti').submits();
    });
    afterAll(() => testApp.close());

    it.each<[string, () => string]>([
      ['a second root', () => `INSERT INTO org_unit (id, foundation_id, kind, code, name) VALUES ('${randomUUID()}', $1, 'foundation', 'r2', 'r2')`],
      ['a unit without parent', () => `INSERT INTO org_unit (id, foundation_id, kind, code, name) VALUES ('${randomUUID()}', $1, 'school', 's2', 's2')`],
      ['a unit below itself', () => `UPDATE org_unit SET parent_id = id WHERE foundation_id = $1 AND code = 'sma-1'`],
      ['a cycle of units', () => `UPDATE org_unit SET kind = 'department', parent_id = '${ids.unit('sma-1-science')}' WHERE foundation_id = $1 AND code = 'sma-1'`],
      ['a school below a school', () => `UPDATE org_unit SET parent_id = '${ids.unit('sma-1')}' WHERE foundation_id = $1 AND code = 'smp-2'`],
      ['a living code twice', () => `INSERT INTO org_unit (id, foundation_id, kind, parent_id, code, name) VALUES ('${randomUUID()}', $1, 'department', '${ids.unit('sma-1')}', 'smp-2', 'x')`],
      ['two heads', () => `UPDATE position SET is_head = true WHERE foundation_id = $1 AND code = 'sma-1-science-teacher'`],
      ['an employee number twice', () => `INSERT INTO person (id, foundation_id, employee_number, full_name) VALUES ('${randomUUID()}', $1, '2004', 'x')`],
      ['an appointment that ends before it begins', () => `UPDATE appointment SET valid_until = valid_from WHERE foundation_id = $1`],
      ['the same post held twice at once', () => `INSERT INTO appointment (id, foundation_id, person_id, position_id, valid_from) SELECT '${randomUUID()}', foundation_id, person_id, position_id, now() FROM appointment WHERE foundation_id = $1 LIMIT 1`],
      ['a role that inherits itself', () => `INSERT INTO role_inheritance (id, foundation_id, senior_id, junior_id) VALUES ('${randomUUID()}', $1, '${ids.role('auditor')}', '${ids.role('auditor')}')`],
      ['an assignment to nobody', () => `INSERT INTO role_assignment (id, foundation_id, role_id) VALUES ('${randomUUID()}', $1, '${ids.role('auditor')}')`],
      ['a grant to two subjects', () => `INSERT INTO grant_rule (id, foundation_id, permission_code, scope, role_id, everyone) VALUES ('${randomUUID()}', $1, 'workflow:read', 'all', '${ids.role('auditor')}', true)`],
      ['a node grant without a node', () => `INSERT INTO grant_rule (id, foundation_id, permission_code, scope, everyone) VALUES ('${randomUUID()}', $1, 'workflow:read', 'node', true)`],
      ['a grant of nothing known', () => `INSERT INTO grant_rule (id, foundation_id, permission_code, scope, everyone) VALUES ('${randomUUID()}', $1, 'fly:high', 'all', true)`],
      ['an API key without end', () => `INSERT INTO api_key (id, foundation_id, name, key_id, secret_hash, pepper_kid, created_by_id, expires_at) VALUES ('${randomUUID()}', $1, 'x', 'x', '\\x00', '1', '${ids.person('dewi')}', now() + interval '5 years')`],
      ['an instance that runs nowhere', () => `UPDATE workflow_instance SET node = NULL WHERE foundation_id = $1`],
      ['an instance that ended without a time', () => `UPDATE workflow_instance SET state = 'completed', node = NULL WHERE foundation_id = $1`],
      ['a submitted draft', () => `UPDATE workflow_instance SET state = 'draft', node = NULL WHERE foundation_id = $1`],
      ['a second open task at a node', () => `INSERT INTO workflow_task (id, foundation_id, instance_id, node, round) VALUES ('${randomUUID()}', $1, '${instance.id}', 'administration', 2)`],
      ['a task closed without a time', () => `UPDATE workflow_task SET state = 'approved' WHERE foundation_id = $1`],
      ['a second entry under a history number', () => `INSERT INTO workflow_history (foundation_id, instance_id, seq, event, actor_key, data) VALUES ($1, '${instance.id}', 1, 'x', 'x', '{}')`],
      ['a changed history', () => `UPDATE workflow_history SET event = 'x' WHERE foundation_id = $1`],
      ['a changed definition', () => `UPDATE workflow_definition SET document = '{}' WHERE foundation_id = $1`],
    ])('%s', async (_name, statement) => {
      await admin.query('BEGIN');
      await admin.query(`SELECT set_config('gloria.foundation_id', $1, true)`, [ids.foundation]);
      const text = statement();
      await expect(admin.query(text.includes('$1') ? text : `${text} -- $1`, [ids.foundation])).rejects.toMatchObject({ code: expect.stringMatching(/^(23[0-9A-Z]{3}|GL00\d)$/) });
      await admin.query('ROLLBACK');
    });
  });

  describe('is asked the same number of statements', () => {
    let testApp: TestApp;
    let world: World;
    beforeAll(async () => {
      testApp = await startApp();
      world = await aFoundation(testApp);
      const rows60 = Array.from({ length: 60 }, (_, n) => n);
      await world.as('dewi').post('/organization/import', {
        units: [...rows60.map((n) => ({ code: `s${n}`, kind: 'school', name: `S${n}` })), ...rows60.map((n) => ({ code: `d${n}`, kind: 'department', name: `D${n}`, parent: 's0' }))],
        positions: rows60.map((n) => ({ code: `p${n}`, title: `P${n}`, unit: 'd0' })),
        people: rows60.map((n) => ({ employeeNumber: `N${n}`, fullName: `N${n}` })),
        appointments: rows60.map((n) => ({ employeeNumber: `N${n}`, position: 'p0' })),
      }).expect(200);
      const ids = await world.ids();
      for (const n of rows60) {
        await world.as('siti').submits(aReimbursement());
        await world.as('dewi').post('/roles', { code: `role-${n}`, name: 'x' }).expect(201);
        await world.as('dewi').post('/role-assignments', { roleId: ids.role('auditor'), personId: ids.person(`N${n}`) }).expect(201);
        await world.as('dewi').post('/grants', { permission: 'person:read', scope: 'all', subject: { type: 'person', id: ids.person(`N${n}`) } }).expect(201);
        await world.as('dewi').post('/api-keys', { name: `k${n}`, scopes: ['organization:read'], validDays: 1 }).expect(201);
        await testApp.http.get('/api/v1/me').set('authorization', `Bearer ${world.issuer.mint({ clerkUserId: 'user_dewi', organizationId: world.organization })}`).expect(200);
      }
    });
    afterAll(() => testApp.close());

    it.each([
      ['dewi', '/schools'], ['dewi', '/departments'], ['dewi', '/positions'], ['dewi', '/people'], ['dewi', '/appointments'], ['dewi', '/roles'], ['dewi', '/grants'],
      ['dewi', '/role-assignments'], ['dewi', '/api-keys'], ['dewi', '/me/sessions'], ['hendra', '/workflow/instances'], ['lina', '/me/tasks'], ['hendra', '/audit/events'],
    ] as const)('by %s %s for 1 row and for 50', async (handle, path) => {
      const caller = world.as(handle);
      await caller.get(`${path}?limit=1`).expect(200);
      const count = async (limit: number) => {
        const query = pg.Client.prototype.query as unknown as (...args: unknown[]) => unknown;
        let statements = 0;
        pg.Client.prototype.query = function counted(this: unknown, ...args: unknown[]) {
          // What depends on whether a lease holds just now is no statement of the list.
          const text = typeof args[0] === 'string' ? args[0] : ((args[0] as { text?: string } | undefined)?.text ?? '');
          if (!/gloria_(beat|leave|moment|begin_request)|LISTEN/.test(text)) statements += 1;
          return query.apply(this, args);
        } as never;
        try {
          const { body } = await caller.get(`${path}?limit=${limit}`).expect(200);
          expect((body.items as unknown[]).length).toBe(limit);
        } finally {
          pg.Client.prototype.query = query as never;
        }
        return statements;
      };
      const [one, fifty] = [await count(1), await count(50)];
      expect(one).toBeGreaterThan(2);
      expect(fifty).toBe(one);
    });
  });
});

it('a job added by the runtime role is run by a worker of the runtime role', async () => {
  const { appUrl } = await testDatabase();
  const { runOnce, makeWorkerUtils } = await import('graphile-worker');
  await connected(appUrl, async () => {
    const utils = await makeWorkerUtils({ connectionString: appUrl });
    await utils.addJob('contract-probe', { n: 1 });
    await utils.release();
    const seen: unknown[] = [];
    await runOnce({ connectionString: appUrl, taskList: { 'contract-probe': (payload) => void seen.push(payload) }, noHandleSignals: true });
    expect(seen).toEqual([{ n: 1 }]);
  });
});
