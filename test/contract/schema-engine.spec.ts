import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';

/**
 * The real Prisma CLI against a real Postgres, with scripts/schema-engine.cjs in the place of its native binary.
 * What matters here is what a deployment relies on: what the CLI prints, its exit code, and what is in the database.
 */

const root = path.resolve(__dirname, '../..');
const engine = path.join(root, 'scripts/schema-engine.cjs');
const cli = path.join(path.dirname(require.resolve('prisma/package.json', { paths: [root] })), 'build/index.js');
const adminUrl = process.env.TEST_POSTGRES_ADMIN_URL ?? '';

interface Outcome {
  code: number;
  output: string;
}

const SCHEMA = `
generator client {
  provider            = "prisma-client"
  output              = "../generated"
  moduleFormat        = "cjs"
  importFileExtension = ""
}

datasource db {
  provider = "postgresql"
}

enum Colour {
  RED
  GREEN
}

model Thing {
  id     Int      @id @default(autoincrement())
  name   String   @unique
  colour Colour   @default(RED)
  tags   String[]
}
`;

const FUNCTION = `
CREATE FUNCTION shout(word text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  loud text;
BEGIN
  loud := upper(word);
  RETURN loud || ';';
END;
$$;
DO $$ BEGIN INSERT INTO "Thing" (name) VALUES (shout('a;b')); END $$;
`;

const BROKEN = `
CREATE TABLE half_applied (id int);
SET search_path = '';
INSERT INTO public."Thing" (name) VALUES ('A;B;');
`;

// A command of the CLI takes one to three seconds on a busy machine.
jest.setTimeout(60_000);

describe('the Prisma CLI on the project’s own schema engine', () => {
  const databases: string[] = [];
  let directory: string;

  const databaseUrl = (name: string): string => {
    const url = new URL(adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  };

  const newDatabase = (): string => {
    const name = `schema_engine_${randomBytes(6).toString('hex')}`;
    databases.push(name);
    return databaseUrl(name);
  };

  const query = async <Row extends object>(url: string, sql: string): Promise<Row[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  const run = (file: string, args: string[], url: string, env: Record<string, string> = {}): Promise<Outcome> =>
    new Promise((resolve) => {
      const child = execFile(
        file,
        args,
        {
          cwd: directory,
          env: {
            PATH: process.env.PATH,
            HOME: directory,
            NO_COLOR: '1',
            // A proxy nobody listens at: a download would fail instead of going unnoticed.
            HTTPS_PROXY: 'http://127.0.0.1:9',
            CHECKPOINT_DISABLE: '1',
            PRISMA_SCHEMA_ENGINE_BINARY: engine,
            DATABASE_URL: url,
            ...env,
          },
        },
        (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
      );
      child.stdin?.end();
    });
  const prisma = (args: string, url: string, env?: Record<string, string>): Promise<Outcome> =>
    run(process.execPath, [cli, ...args.split(' ')], url, env);
  /** `migrate dev` refuses to run without a terminal: script(1) lends it one. */
  const prismaOnTerminal = (args: string, url: string): Promise<Outcome> =>
    run('script', ['-qec', `'${process.execPath}' '${cli}' ${args}`, '/dev/null'], url);

  const migrations = (): string => path.join(directory, 'prisma/migrations');
  const writeMigration = (name: string, sql: string): void => {
    mkdirSync(path.join(migrations(), name), { recursive: true });
    writeFileSync(path.join(migrations(), name, 'migration.sql'), sql);
  };
  const writeSchema = (text: string): void => writeFileSync(path.join(directory, 'prisma/schema.prisma'), text);

  beforeAll(() => {
    if (!adminUrl) throw new Error('TEST_POSTGRES_ADMIN_URL must name a Postgres superuser connection.');
  });

  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'schema-engine-'));
    mkdirSync(migrations(), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
    writeSchema(SCHEMA);
    writeFileSync(path.join(migrations(), 'migration_lock.toml'), 'provider = "postgresql"\n');
    writeFileSync(
      path.join(directory, 'prisma.config.ts'),
      `import { defineConfig } from 'prisma/config';
       export default defineConfig({
         schema: 'prisma/schema.prisma',
         migrations: { path: 'prisma/migrations' },
         datasource: { url: process.env.DATABASE_URL ?? '', shadowDatabaseUrl: process.env.SHADOW_DATABASE_URL },
       });`,
    );
    // The schema as a migration, made without any database.
    const made = await prisma(
      'migrate diff --from-empty --to-schema prisma/schema.prisma --script --output prisma/init.sql',
      '',
    );
    expect(made).toMatchObject({ code: 0 });
    writeMigration('0001_init', readFileSync(path.join(directory, 'prisma/init.sql'), 'utf8'));
  });

  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const name of databases.splice(0)) await query(adminUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  });

  it('validates, generates, deploys functions and DO blocks, and sees drift', async () => {
    const url = newDatabase();
    writeMigration('0002_function', FUNCTION);

    const [validated, generated] = await Promise.all([prisma('validate', url), prisma('generate', url)]);
    expect(validated.output).toContain('is valid');
    expect(validated.code).toBe(0);
    expect(generated.output).toContain('Generated Prisma Client');
    expect(generated.code).toBe(0);

    const deployed = await prisma('migrate deploy', url);
    expect(deployed.output).toContain('All migrations have been successfully applied.');
    expect(deployed.code).toBe(0);
    expect(await query(url, `SELECT name, shout('x') FROM "Thing"`)).toEqual([{ name: 'A;B;', shout: 'X;' }]);

    const [again, status, drift] = await Promise.all([
      prisma('migrate deploy', url),
      prisma('migrate status', url),
      prisma('migrate diff --from-config-datasource --to-schema prisma/schema.prisma --exit-code', url),
    ]);
    expect(again.output).toContain('No pending migrations to apply.');
    expect(again.code).toBe(0);
    expect(status.output).toContain('Database schema is up to date!');
    expect(drift.output).toContain('No difference detected.');
    expect(drift.code).toBe(0);
    expect(await query(url, 'SELECT count(*)::int AS n FROM _prisma_migrations')).toEqual([{ n: 2 }]);

    await query(url, 'ALTER TABLE "Thing" ADD COLUMN stray "char"');
    const [drifted, pulled] = await Promise.all([
      prisma('migrate diff --from-config-datasource --to-schema prisma/schema.prisma --exit-code --script', url),
      prisma('db pull --print', url),
    ]);
    expect(drifted.output).toContain('DROP COLUMN "stray"');
    expect(drifted.code).toBe(2);
    expect(pulled.code).toBe(0);
    expect(pulled.output).toMatch(/name\s+String\s+@unique/);
    expect(pulled.output).toMatch(/stray/);
  });

  it('leaves nothing of a failing migration, says so, and goes on once it is resolved', async () => {
    const url = newDatabase();
    writeMigration('0002_function', FUNCTION);
    writeMigration('0003_broken', BROKEN);

    const failed = await prisma('migrate deploy', url);
    expect(failed.code).toBe(1);
    expect(failed.output).not.toContain('successfully applied');
    for (const part of ['P3018', '0003_broken', '23505', 'duplicate key value violates unique constraint']) {
      expect(failed.output).toContain(part);
    }
    expect(await query(url, `SELECT to_regclass('public.half_applied') AS half`)).toEqual([{ half: null }]);

    const [status, blocked] = await Promise.all([prisma('migrate status', url), prisma('migrate deploy', url)]);
    expect(status.output).toMatch(/have failed:\s+0003_broken/);
    expect(status.code).toBe(1);
    expect(blocked.output).toContain('P3009');
    expect(blocked.code).toBe(1);

    expect(await prisma('migrate resolve --rolled-back 0003_broken', url)).toMatchObject({ code: 0 });
    writeMigration('0003_broken', 'BEGIN; CREATE TABLE half_applied (id int);');
    const open = await prisma('migrate deploy', url);
    expect(open.output).toContain('COMMIT is missing');
    expect(open.code).toBe(1);

    expect(await prisma('migrate resolve --rolled-back 0003_broken', url)).toMatchObject({ code: 0 });
    // Whatever a script leaves behind in its session, the next one and the records of Prisma are not affected.
    writeMigration('0003_broken', `CREATE TABLE half_applied (id int); SET search_path = ''; SET ROLE pg_monitor;`);
    writeMigration('0004_next', 'CREATE TABLE next_one (id int);');
    expect(await prisma('migrate deploy', url)).toMatchObject({ code: 0 });
    expect(await query(url, `SELECT to_regclass('public.next_one') IS NOT NULL AS there`)).toEqual([{ there: true }]);
  });

  it('makes migrations by way of a shadow database and leaves none behind', async () => {
    const url = newDatabase();
    const shadow = newDatabase();
    writeSchema(SCHEMA.replace('tags   String[]', 'tags   String[]\n  weight Int?'));

    const dev = await prismaOnTerminal('migrate dev --name weight', url);
    expect(dev.output).toContain('Your database is now in sync with your schema.');
    expect(dev.code).toBe(0);
    const made = readdirSync(migrations()).find((name) => name.endsWith('_weight')) ?? '';
    expect(readFileSync(path.join(migrations(), made, 'migration.sql'), 'utf8')).toContain('ADD COLUMN     "weight"');

    await query(adminUrl, `CREATE DATABASE "${new URL(shadow).pathname.slice(1)}"`);
    await query(shadow, 'CREATE TABLE left_over (id int)');
    const compare = 'migrate diff --from-migrations prisma/migrations --to-schema prisma/schema.prisma --exit-code';
    const [temporary, configured, same] = await Promise.all([
      prisma(compare, url),
      prisma(compare, url, { SHADOW_DATABASE_URL: shadow }),
      prisma(compare, url, { SHADOW_DATABASE_URL: `${url}?application_name=the_same` }),
    ]);
    expect(temporary.output).toContain('No difference detected.');
    expect(configured.output).toContain('No difference detected.');
    expect(same.output).toContain('P3014');
    expect([temporary.code, configured.code, same.code]).toEqual([0, 0, 1]);
    expect(await query(url, 'SELECT count(*)::int AS n FROM _prisma_migrations')).toEqual([{ n: 2 }]);

    writeMigration('9999_broken', 'SELECT 1;\nCREATE TABEL typo ();');
    const broken = await prisma(compare, url);
    expect(broken.output).toContain('P3006');
    expect(broken.output).toContain('syntax error at or near "TABEL"');
    expect(broken.code).toBe(1);
    const left = `SELECT datname FROM pg_database WHERE datname LIKE 'prisma_migrate_shadow_db_%'`;
    for (let i = 0; i < 50 && (await query(adminUrl, left)).length > 0; i++) await new Promise((done) => setTimeout(done, 100));
    expect(await query(adminUrl, left)).toEqual([]);
  });

  it('applies each migration once when two deployments start together', async () => {
    const url = newDatabase();
    await query(adminUrl, `CREATE DATABASE "${new URL(url).pathname.slice(1)}"`);
    writeMigration('0002_slow', 'SELECT pg_sleep(1); CREATE TABLE slow (id int);');
    const outcomes = await Promise.all([prisma('migrate deploy', url), prisma('migrate deploy', url)]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(outcomes.filter(({ output }) => output.includes('successfully applied'))).toHaveLength(1);
    expect(outcomes.filter(({ output }) => output.includes('No pending migrations'))).toHaveLength(1);
    expect(
      await query(url, 'SELECT migration_name AS name, finished_at IS NOT NULL AS done FROM _prisma_migrations ORDER BY 1'),
    ).toEqual([
      { name: '0001_init', done: true },
      { name: '0002_slow', done: true },
    ]);
  });

  it('reports what it cannot do', async () => {
    const wrong = new URL(newDatabase());
    wrong.password = 'wrong';
    const [unreachable, missing, denied, panicked] = await Promise.all([
      prisma('migrate deploy', 'postgresql://nobody:x@127.0.0.1:1/none'),
      prisma('migrate status', newDatabase()),
      prisma('migrate deploy', wrong.href),
      prisma('migrate deploy', newDatabase(), { FORCE_PANIC_SCHEMA_ENGINE: '1' }),
    ]);
    expect(unreachable.output).toContain("P1001: Can't reach database server at `127.0.0.1:1`");
    expect(missing.output).toContain('P1003');
    expect(denied.output).toContain('P1000');
    expect(panicked.output).toContain('artificial panic');
    expect([unreachable.code, missing.code, denied.code, panicked.code]).toEqual([1, 1, 1, 1]);
  });
});
