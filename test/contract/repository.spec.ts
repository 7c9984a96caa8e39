import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, NestFactory } from '@nestjs/core';
import { describeRule, PROBLEMS, Public } from '../../src/access';
import { listRoutes, openApiDocument } from '../../src/http';
import { refuseRoutesWithoutRule } from '../../src/http/access-check';
import { CACHE_PREFIXES } from '../../src/platform/cache';
import { VARIABLES } from '../../src/platform/config';
import { FILTERED_TABLES, type Tx, WHY_EVERY_ROW } from '../../src/platform/database';
import { REFUSED, type Variable } from '../../src/platform/config/variables';
import * as authDto from '../../src/modules/auth/auth.dto';
import * as calendarsDto from '../../src/modules/calendars/calendars.dto';
import { readImport } from '../../src/modules/organization/import.plan';
import * as filesDto from '../../src/modules/files/files.dto';
import * as organizationDto from '../../src/modules/organization/organization.dto';
import * as authzenDto from '../../src/modules/permissions/authzen.dto';
import * as breakGlassDto from '../../src/modules/permissions/break-glass.dto';
import * as explainDto from '../../src/modules/permissions/explain.dto';
import * as permissionsDto from '../../src/modules/permissions/permissions.dto';
import * as resourceTypesDto from '../../src/modules/permissions/resource-types.dto';
import * as searchDto from '../../src/modules/permissions/search.dto';
import * as simulateDto from '../../src/modules/permissions/simulate.dto';
import * as transferDto from '../../src/modules/permissions/transfer.dto';
import * as leaveDto from '../../src/modules/leave/leave.dto';
import { readDefinition } from '../../src/modules/workflow/gate';
import * as notificationsDto from '../../src/modules/notifications/notifications.dto';
import * as webhooksDto from '../../src/modules/webhooks/webhooks.dto';
import * as mailDecisionsDto from '../../src/modules/workflow/mail-decisions.dto';
import * as messagesDto from '../../src/modules/workflow/messages.dto';
import * as workflowDto from '../../src/modules/workflow/workflow.dto';
import { aFoundation, startApp, type TestApp } from '../support/app';
import { expectCommitted, readProjectFile, root } from '../support/documents';

describe('the repository', () => {
  let testApp: TestApp;
  beforeAll(async () => {
    testApp = await startApp();
  });
  afterAll(() => testApp.close());
  const routes = () => listRoutes(testApp.app.get(DiscoveryService));

  it('has a rule on every route, and the list of them is committed', () => {
    const rows = routes()
      .map(({ route, rule }) => ({ route, rule: rule ? describeRule(rule) : 'NONE' }))
      .sort((a, b) => (a.route.split(' ')[1]! + a.route < b.route.split(' ')[1]! + b.route ? -1 : 1));
    expect(rows.filter(({ rule }) => rule === 'NONE')).toEqual([]);
    expectCommitted(
      'docs/routes.md',
      `# Routes and their rules\n\nGenerated from the code. \`public\`: anybody · \`token\`: any valid session · \`signed-in\`: any linked person or key · a code: whoever holds that\npermission in some scope; the service then asks for the row. Paths are below \`/api/v1\`, but for health, metrics and dev (development only).\n\n| route | rule |\n|---|---|\n${rows.map(({ route, rule }) => `| \`${route}\` | ${rule} |`).join('\n')}\n`,
    );
  });

  it('does not boot with a route nobody wrote a rule for', async () => {
    @Controller('forgotten')
    class Forgotten {
      @Get('open')
      @Public()
      open() {
        return 1;
      }
      @Get('silent')
      silent() {
        return 1;
      }
    }
    @Module({ imports: [DiscoveryModule], controllers: [Forgotten] })
    class Wrong {}
    const app = await NestFactory.createApplicationContext(Wrong, { logger: false });
    expect(() => refuseRoutesWithoutRule(app.get(DiscoveryService))).toThrow('GET /forgotten/silent (Forgotten.silent)');
    await app.close();
  });

  it('documents every route but the operators’ and the developers’ own in OpenAPI, with its rule, and the document is committed', () => {
    const document = openApiDocument(testApp.app);
    const documented = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, Record<string, unknown>>).map(([method, operation]) => `${method.toUpperCase()} ${path.replace('/api/v1', '').replace(/\{(\w+)\}/g, ':$1')} ${String(operation['x-access'])}`),
    );
    const expected = routes()
      .filter(({ route }) => !/ \/(health|metrics|dev)\b/.test(route))
      .map(({ route, rule }) => `${route} ${rule ? describeRule(rule) : ''}`);
    expect(documented.toSorted()).toEqual(expected.toSorted());
    expectCommitted('docs/openapi.json', `${JSON.stringify(document, null, 1)}\n`);
  });

  it('answers every 2xx of OpenAPI with a schema or with 204', () => {
    for (const [path, item] of Object.entries(openApiDocument(testApp.app).paths)) {
      for (const [method, operation] of Object.entries(item as Record<string, { responses: Record<string, { content?: object }> }>)) {
        const successes = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
        expect([path, method, successes.length]).toEqual([path, method, 1]);
        for (const [status, response] of successes) if (status !== '204') expect([path, method, response.content !== undefined]).toEqual([path, method, true]);
        expect(operation.responses.default).toBeDefined();
      }
    }
  });

  it('says of every operation what it does, what it asks for, and shows a body that its own checks accept', () => {
    const document = openApiDocument(testApp.app);
    const schemas = document.components?.schemas as Record<string, { example?: unknown; examples?: unknown[] }>;
    const dtos = Object.fromEntries([authDto, authzenDto, breakGlassDto, explainDto, organizationDto, permissionsDto, resourceTypesDto, searchDto, simulateDto, transferDto, calendarsDto, leaveDto, filesDto, notificationsDto, workflowDto, mailDecisionsDto, messagesDto, webhooksDto].flatMap((module) => Object.entries(module))) as unknown as Record<string, { schema?: { safeParse: (value: unknown) => { success: boolean; error?: unknown } } }>;
    let bodies = 0;
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(item as Record<string, { summary?: string; security?: object[]; requestBody?: { content: Record<string, { schema: { $ref?: string; example?: unknown } }> } }>)) {
        const at = `${method} ${path}`;
        expect([at, (operation.summary ?? '').length > 5]).toEqual([at, true]);
        const open = (operation as Record<string, unknown>)['x-access'] === 'public';
        expect([at, operation.security]).toEqual([at, open ? undefined : [{ session: [] }, { 'api-key': [] }]]);
        const schema = operation.requestBody?.content['application/json']?.schema;
        if (!schema) continue;
        bodies += 1;
        const name = schema.$ref?.split('/').at(-1) ?? '';
        const example = schema.example ?? schemas[name]?.example ?? schemas[name]?.examples?.[0];
        expect([at, example !== undefined]).toEqual([at, true]);
        const checked = name ? dtos[name]?.schema?.safeParse(example) : { success: readImport(example, 'Asia/Jakarta').problems.length === 0 };
        expect([at, checked?.success, checked?.error]).toEqual([at, true, undefined]);
      }
    }
    expect(bodies).toBeGreaterThan(25);
    const published = (schemas.PublishDefinition ?? {}) as { example?: { document: unknown } };
    expect(readDefinition(published.example?.document).problems).toEqual([]);
  });

  it('has a section for every error code and none too many', () => {
    const sections = [...readProjectFile('docs/errors.md').matchAll(/^### `([A-Z_]+)` · (\d+)$/gm)].map(([, code, status]) => `${code} ${status}`);
    expect(sections.toSorted()).toEqual(Object.entries(PROBLEMS).map(([code, { status }]) => `${code} ${status}`).toSorted());
  });

  it('throws every error code it lists', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !/generated|\.spec\.ts$|problem-codes\.ts$/.test(file));
    const used = new Set(files.flatMap((file) => [...readProjectFile(join('src', file)).matchAll(/'([A-Z]+(?:_[A-Z]+)*)'/g)].map(([, word]) => word)));
    expect(Object.keys(PROBLEMS).filter((code) => !used.has(code))).toEqual([]);
  });

  it('reads past the filter of rows only where the committed list says, and why', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !/generated|\.spec\.ts$|platform\/database\/rows\.ts$/.test(file)).toSorted();
    const sites = files.map((file) => [file, readProjectFile(`src/${file}`)] as const);
    const past = sites.flatMap(([file, source]) => {
      const found = [...source.matchAll(/everyRow\(tx(?: as Tx)?, '(\w+)'\)\.(\w+)/g)].map(([, why, table]) => `${table} (${why})`);
      // Nothing may hold the whole transaction for later.
      expect([file, source.match(/everyRow\(/g)?.length ?? 0]).toEqual([file, found.length]);
      return found.length > 0 ? [`| \`${file}\` | ${[...new Set(found)].toSorted().join(', ')} |`] : [];
    });
    const tables = Object.values(FILTERED_TABLES).map((table) => table.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    const raw = sites.flatMap(([file, source]) => {
      const found = new Set([...source.matchAll(/\b(?:FROM|JOIN) (\w+)/g)].map(([, table]) => table!).filter((table) => tables.includes(table)));
      return found.size > 0 ? [`| \`${file}\` | ${[...found].toSorted().join(', ')} |`] : [];
    });
    // @ts-expect-error A transaction has no other way to rows not everybody may see: were there one, this line would not compile.
    const straight = (tx: Tx) => [tx.person.findMany];
    expect(straight).toBeInstanceOf(Function);
    for (const why of Object.keys(WHY_EVERY_ROW)) expect(past.join()).toContain(`(${why})`);
    expectCommitted(
      'docs/unfiltered-reads.md',
      `# Reads past the filter

Generated from the code. Rows of ${Object.keys(FILTERED_TABLES).join(', ')} are read through what the caller may see; the type of a transaction has no other way. These places go round it:

| file below src | table (why) |
|---|---|
${past.join('\n')}

| why | |
|---|---|
${Object.entries(WHY_EVERY_ROW).map(([why, text]) => `| ${why} | ${text} |`).join('\n')}

SQL written by hand, which the type does not see:

| file below src | tables |
|---|---|
${raw.join('\n')}

Relations included with a row that may be seen (a request's unit, a delegation's lender) come with it.
`,
    );
  });

  it('has an .env.example that holds exactly the variables that are read', () => {
    const text = Object.entries<Variable>(VARIABLES)
      .map(([name, { about, example, secret, production }]) => `# ${about}${production ? ' (required in production)' : ''}${secret ? `. Or ${name}_FILE.` : ''}\n${name}=${example}`)
      .join('\n\n');
    const refused = Object.entries(REFUSED).map(([name, why]) => `# ${name} is refused: ${why}`).join('\n');
    expectCommitted('.env.example', `# Generated from src/platform/config/variables.ts. Secrets and names left as they are here are refused in production.\n\n${text}\n\n${refused}\n`);
    const reader = readProjectFile('src/platform/config/config.ts');
    expect(Object.keys(VARIABLES).filter((name) => !reader.includes(`v.${name}`))).toEqual([]);
  });

  it('has a time to live and a description for every cache prefix, and counts each', async () => {
    const world = await aFoundation(testApp);
    for (let n = 0; n < 2; n += 1) await world.as('siti').get('/me/permissions').expect(200);
    const metrics = (await testApp.http.get('/metrics').expect(200)).text;
    for (const prefix of Object.keys(CACHE_PREFIXES)) for (const result of ['miss', 'compiled']) expect(metrics).toMatch(new RegExp(`gloria_cache_requests_total\\{prefix="${prefix}",result="${result}"\\} [1-9]`));
    for (const [prefix, { ttlSeconds, holds }] of Object.entries(CACHE_PREFIXES)) expect([prefix, ttlSeconds > 0 && ttlSeconds <= 86_400, holds.length > 10]).toEqual([prefix, true, true]);
  });

  it('has import rules that catch what they forbid', () => {
    const dir = mkdtempSync(join(tmpdir(), 'gloria-imports-'));
    const files: Record<string, string> = {
      'src/main.ts': `import './modules/audit/index';import './modules/workflow/index';import './access/a';import './platform/x/index';import './http/h';`,
      'src/modules/audit/index.ts': `import '../workflow/index';import '../../platform/x/inner';`,
      'src/modules/workflow/index.ts': `import './inner';`,
      'src/modules/workflow/inner.ts': `import './index';import 'ioredis';`,
      'src/modules/auth/index.ts': `import '../audit/deep';`,
      'src/modules/audit/deep.ts': '',
      'src/access/a.ts': `import '../http/h';`,
      'src/http/h.ts': `import '../modules/audit/index';`,
      'src/platform/x/index.ts': `import '../../access/a';`,
      'src/platform/x/inner.ts': '',
      'src/orphan.ts': '',
      'node_modules/ioredis/index.js': '',
    };
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), `${content}export {};`);
    }
    writeFileSync(join(dir, 'tsconfig.json'), '{"compilerOptions":{"module":"node16","moduleResolution":"node16"}}');
    writeFileSync(join(dir, 'package.json'), '{"dependencies":{"ioredis":"*"}}');
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/depcruise'), ['--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json', 'src'], { cwd: dir, encoding: 'utf8', maxBuffer: 1e8 });
    const found = new Set((JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } }).summary.violations.map(({ rule }) => rule.name));
    for (const rule of ['no-cycles', 'nothing-unreachable', 'access-imports-nothing-of-ours', 'platform-imports-only-platform', 'http-imports-access-and-platform', 'modules-only-left-audit', 'modules-through-their-index', 'platform-through-its-index', 'only-platform-cache-uses-ioredis']) {
      expect([rule, found.has(rule)]).toEqual([rule, true]);
    }
  });
});
