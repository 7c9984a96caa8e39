import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import request from 'supertest';
import { AppModule, LARGE_BODIES } from '../../src/app.module';
import { seedDemonstration } from '../../src/cli/seed-demo';
import { configureApp } from '../../src/http';
import { DEVELOPMENT_ISSUER, type DevelopmentIssuer } from '../../src/platform/clerk';
import { loadConfig } from '../../src/platform/config';
import demonstration from '../../prisma/demo/organization.json';
import { type TestDatabase, testDatabase } from './database';

const folder = mkdtempSync(join(tmpdir(), 'gloria-test-'));

/** The environment of a test application on the given database. */
export function testEnvironment(database: TestDatabase, overrides: Record<string, string> = {}): Record<string, string> {
  return {
    NODE_ENV: 'test',
    PORT: '0',
    PUBLIC_URL: 'http://localhost:3000',
    DATABASE_URL: database.appUrl,
    LOG_LEVEL: 'silent',
    API_RATE_LIMIT: '1000000',
    DRAIN_SECONDS: '0',
    KEYRING_DIR: join(folder, 'keyring'),
    STORAGE_DIR: join(folder, 'storage'),
    MAIL_DIR: join(folder, 'mail'),
    DEV_ISSUER_DIR: join(folder, 'issuer'),
    ...overrides,
  };
}

export interface TestApp {
  app: NestExpressApplication;
  database: TestDatabase;
  http: ReturnType<typeof request>;
  close: () => Promise<void>;
}

/** The real application, listening on a port of its own. */
export async function startApp(overrides: Record<string, string> = {}): Promise<TestApp> {
  const database = await testDatabase();
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(loadConfig(testEnvironment(database, overrides))), { bodyParser: false, logger: false });
  configureApp(app, LARGE_BODIES);
  await app.listen(0, '127.0.0.1');
  return { app, database, http: request(app.getHttpServer() as Server), close: () => app.close() };
}

/** A foundation of this test file's own, with the demonstration's people and posts. */
export async function aFoundation(testApp: TestApp): Promise<World> {
  const organization = `org_t${randomBytes(8).toString('hex')}`;
  const code = `t${randomBytes(6).toString('hex')}`;
  const text = JSON.stringify(demonstration).replaceAll('"harapan"', `"${code}"`);
  await seedDemonstration(testApp.app, JSON.parse(text) as typeof demonstration, organization);
  return new World(testApp, organization, code);
}

export type Handle = 'agus' | 'dewi' | 'hendra' | 'ratna' | 'budi' | 'maya' | 'joko' | 'siti' | 'lina' | 'eko' | 'yohanes' | 'putu' | 'wayan' | 'fitri';

/**
 * The people of one foundation. siti: science teacher at SMA 1 · joko: heads science · budi: heads SMA 1 · lina: its
 * finance staff · eko: its bursar · maya: its deputy · putu, yohanes, wayan, fitri: the same at SMP 2 · agus: director ·
 * dewi: administrator · hendra: auditor · ratna: cashier.
 */
export class World {
  private readonly sessions = new Map<string, string>();

  constructor(
    readonly testApp: TestApp,
    readonly organization: string,
    readonly code: string,
  ) {}

  get issuer(): DevelopmentIssuer {
    return this.testApp.app.get<DevelopmentIssuer>(DEVELOPMENT_ISSUER);
  }

  token(handle: string, claims: Record<string, unknown> = {}): string {
    const sessionId = this.sessions.get(handle) ?? this.issuer.newSessionId();
    this.sessions.set(handle, sessionId);
    return this.issuer.mint({ clerkUserId: `user_${handle}`, organizationId: this.organization, sessionId }, claims);
  }

  sessionOf(handle: string): string | undefined {
    return this.sessions.get(handle);
  }

  as(handle: Handle | (string & {})): Caller {
    return new Caller(this, { authorization: `Bearer ${this.token(handle)}` });
  }

  withKey(key: string): Caller {
    return new Caller(this, { 'x-api-key': key });
  }

  /** Ids by handle, unit code and position code. */
  async ids(): Promise<{ person: (name: string) => string; unit: (code: string) => string; position: (code: string) => string; role: (code: string) => string; foundation: string }> {
    const dewi = this.as('dewi');
    const all = async (path: string) => (await dewi.get(`${path}?limit=200`).expect(200)).body.items as Record<string, string>[];
    const [people, schools, departments, positions, roles] = await Promise.all(['/people', '/schools', '/departments', '/positions', '/roles'].map(all));
    const me = (await dewi.get('/me').expect(200)).body as { foundationId: string };
    const find = (rows: Record<string, string>[] | undefined, field: string, value: string) => {
      const row = rows?.find((each) => each[field] === value);
      if (!row) throw new Error(`nothing with ${field} ${value}`);
      return row.id!;
    };
    const numbers = Object.fromEntries(Object.entries(demonstration.accounts).map(([number, handle]) => [handle, number]));
    return {
      person: (name) => find(people, 'employeeNumber', numbers[name] ?? name),
      unit: (code) => find([...(schools ?? []), ...(departments ?? [])], 'code', code),
      position: (code) => find(positions, 'code', code),
      role: (code) => find(roles, 'code', code),
      foundation: me.foundationId,
    };
  }
}

/** Somebody calling the API. */
export class Caller {
  constructor(
    private readonly world: World,
    private readonly headers: Record<string, string>,
  ) {}

  get = (path: string, more: Record<string, string> = {}) => this.world.testApp.http.get(`/api/v1${path}`).set({ ...this.headers, ...more });
  delete = (path: string, more: Record<string, string> = {}) => this.world.testApp.http.delete(`/api/v1${path}`).set({ ...this.headers, ...more });
  post = (path: string, body: object | string = {}) => this.world.testApp.http.post(`/api/v1${path}`).set(this.headers).send(body);
  patch = (path: string, body: object, more: Record<string, string> = {}) => this.world.testApp.http.patch(`/api/v1${path}`).set({ ...this.headers, ...more }).send(body);
  put = (path: string, body: object) => this.world.testApp.http.put(`/api/v1${path}`).set(this.headers).send(body);

  /** Sends a file as a form would. */
  sends = (name: string, bytes: Buffer, headers: Record<string, string> = {}) => this.world.testApp.http.post('/api/v1/files').set({ ...this.headers, ...headers }).attach('file', bytes, name);
  downloads = (file: string) => this.get(`/files/${file}/content`).responseType('blob');

  /** Files and submits a reimbursement; resolves to the answer's body. */
  async submits(form: Record<string, unknown> = aReimbursement()): Promise<{ id: string; openTasks: { id: string; node: string }[] }> {
    return (await this.post('/workflow/instances', { definition: 'reimbursement', submit: true, form }).expect(201)).body as never;
  }

  /** Answers a step; resolves to the answer. */
  answers(verb: 'approve' | 'return' | 'reject' | 'complete', taskId: string) {
    return this.post(`/workflow/tasks/${taskId}/${verb}`, { comment: `${verb} it` });
  }
}

export const aReimbursement = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({ amount: '250000', currency: 'IDR', description: 'Bus tickets', route: 'administration', ...changes });
