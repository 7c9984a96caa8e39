import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from './config';

const production = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://api.yayasan.sch.id',
  DATABASE_URL: 'postgresql://gloria_app:k3Lr0x@10.0.0.5:5432/gloria',
  CLERK_JWT_KEY: '-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----',
  CLERK_ISSUER: 'https://clerk.yayasan.sch.id',
  CLERK_AUTHORIZED_PARTIES: 'https://app.yayasan.sch.id',
  ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
};
const problems = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe('the configuration', () => {
  it('is one frozen object', () => {
    const config = loadConfig(production);
    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError);
    expect(config.identity).toMatchObject({ kind: 'clerk', jwtKey: expect.stringContaining('\n') });
  });

  it('names everything missing in production at once, and falls back to nothing of development', () => {
    const found = problems({ NODE_ENV: 'production' }).join('\n');
    for (const name of ['PUBLIC_URL', 'DATABASE_URL', 'CLERK_ISSUER', 'CLERK_AUTHORIZED_PARTIES', 'ENCRYPTION_KEY', 'CLERK_JWT_KEY or CLERK_SECRET_KEY']) expect(found).toContain(name);
  });

  it.each([
    ['DATABASE_URL', 'postgresql://postgres:mydevelopment@host:3479/new_gloria_db'],
    ['CLERK_SECRET_KEY', 'sk_live_xxxxx'],
    ['REDIS_URL', 'redis://user:password@redis-host:6379'],
    ['PUBLIC_URL', 'https://api.school.example'],
    ['ENCRYPTION_KEY', 'change-me'],
  ])('refuses the example value of %s in production', (name, value) => {
    expect(problems({ ...production, [name]: value }).join()).toContain(`${name} still holds an example value`);
  });

  it.each([
    [{ PUBLIC_URL: 'http://api.yayasan.sch.id' }, 'https'],
    [{ CORS_ORIGINS: '*' }, 'CORS_ORIGINS'],
    [{ JWT_SECRET: 'anything' }, 'JWT_SECRET'],
    [{ ENCRYPTION_KEY: 'dG9vIHNob3J0' }, 'ENCRYPTION_KEY'],
    [{ CLERK_SECRET_KEY: 'sk_test_abc' }, 'development instance'],
    [{ PORT: 'abc' }, 'PORT'],
  ])('refuses %j in production', (change, word) => {
    expect(problems({ ...production, ...change }).join()).toContain(word);
  });

  it('reads secrets from files, and refuses two sources for one', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gloria-config-')), 'url');
    writeFileSync(file, `${production.DATABASE_URL}\n`);
    const { DATABASE_URL: _, ...rest } = production;
    expect(loadConfig({ ...rest, DATABASE_URL_FILE: file }).database.url).toBe(production.DATABASE_URL);
    expect(problems({ ...production, DATABASE_URL_FILE: file }).join()).toContain('not both');
    expect(problems({ ...rest, DATABASE_URL_FILE: '/nonexistent' }).join()).toContain('ENOENT');
  });

  it('has the development issuer only outside production and without Clerk', () => {
    const development = { DATABASE_URL: 'postgresql://a:b@c/d', PORT: '3005' };
    expect(loadConfig(development).identity).toMatchObject({ kind: 'development', issuer: 'http://localhost:3005/dev' });
    expect(problems({ ...development, CLERK_SECRET_KEY: 'sk_test_abc' }).join()).toContain('CLERK_ISSUER');
    expect(loadConfig({ ...development, CLERK_SECRET_KEY: 'sk_test_abc', CLERK_ISSUER: 'https://x.dev', CLERK_AUTHORIZED_PARTIES: 'http://localhost:5173' }).identity.kind).toBe('clerk');
  });
});
