import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { z } from 'zod';
import { environmentSecrets } from '../secrets/secrets';
import { REFUSED, type Variable, type VariableName, VARIABLES } from './variables';

type Values = { [K in VariableName]: z.output<(typeof VARIABLES)[K]['schema']> };

/** How session tokens are verified: with Clerk's keys, or with the development issuer's. */
export type Identity =
  | { kind: 'clerk'; issuer: string; authorizedParties: string[]; jwtKey: string | null; secretKey: string | null; apiUrl: string }
  | { kind: 'development'; issuer: string; authorizedParties: string[]; keyDir: string };

export interface Config {
  readonly environment: 'development' | 'test' | 'production';
  /** The file named by GLORIA_ENV_FILE, which the process was started with. */
  readonly environmentFile: string | null;
  readonly http: { port: number; host: string; publicUrl: string; corsOrigins: string[]; trustProxyHops: number; bodyLimitBytes: number; drainSeconds: number };
  readonly database: { url: string; directUrl: string; readUrl: string | null; migrationUrl: string | null; poolMax: number };
  readonly redisUrl: string | null;
  readonly identity: Identity;
  readonly rateLimitPerMinute: number;
  readonly logLevel: Values['LOG_LEVEL'];
  readonly keyring: { dir: string; rootKey: Buffer };
  readonly storageDir: string;
  /** By Postmark; without its token into a folder, and in production not at all. */
  readonly mail: { by: { kind: 'postmark'; token: string; apiUrl: string; from: string } | { kind: 'folder'; dir: string } | { kind: 'none' }; webhookPassword: string | null; appUrl: string | null; decisions: boolean };
  readonly outboundAllowedCidrs: string[];
  readonly workerHeartbeatFile: string;
  readonly release: { commit: string; instance: string };
}

/** Everything wrong with the environment, all at once. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

const EXAMPLE_VALUE = /change-?me|xxxxx|mydevelopment|user:password@|\.example(\b|$)/i;
const DEVELOPMENT_ROOT_KEY = Buffer.alloc(32, 'gloria development root key');

/**
 * Reads and validates the environment into one frozen object. Throws ConfigError naming every missing, malformed,
 * refused or example value at once. In production nothing has a fallback that only development may use.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const source = environmentSecrets(env);
  const values: Record<string, unknown> = {};
  const production = env.NODE_ENV === 'production';

  for (const [name, variable] of Object.entries<Variable>(VARIABLES)) {
    let raw: string | undefined;
    try {
      raw = variable.secret ? source.read(name) : env[name];
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
      continue;
    }
    if (raw === '') raw = undefined;
    if (production && variable.production && raw === undefined) {
      problems.push(`${name} is missing: ${variable.about}`);
      continue;
    }
    if (production && raw !== undefined && EXAMPLE_VALUE.test(raw)) {
      problems.push(`${name} still holds an example value`);
      continue;
    }
    const parsed = variable.schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}${raw === undefined ? ' (it is not set)' : ''}`);
  }
  for (const [name, why] of Object.entries(REFUSED)) if (env[name]) problems.push(`${name}: ${why}`);
  const v = values as Values;

  const identity = readIdentity(v, production, problems);
  if (production && v.CORS_ORIGINS?.includes('*')) problems.push('CORS_ORIGINS: name each origin; * is refused');
  if (production && v.POSTMARK_API_KEY && /@localhost/.test(v.POSTMARK_FROM_EMAIL)) problems.push('POSTMARK_FROM_EMAIL is missing: sender of mails, confirmed at Postmark');
  if (production && v.PUBLIC_URL && !v.PUBLIC_URL.startsWith('https://')) problems.push('PUBLIC_URL: must be https in production');
  if (problems.length > 0) throw new ConfigError(problems);

  return deepFreeze<Config>({
    environment: v.NODE_ENV,
    environmentFile: v.GLORIA_ENV_FILE ?? null,
    http: {
      port: v.PORT,
      host: v.HOST,
      publicUrl: (v.PUBLIC_URL ?? `http://localhost:${v.PORT}`).replace(/\/$/, ''),
      corsOrigins: v.CORS_ORIGINS,
      trustProxyHops: v.TRUST_PROXY_HOPS,
      bodyLimitBytes: v.BODY_LIMIT_BYTES,
      drainSeconds: v.DRAIN_SECONDS,
    },
    database: {
      url: v.DATABASE_URL,
      directUrl: v.DIRECT_DATABASE_URL ?? v.DATABASE_URL,
      readUrl: v.READ_DATABASE_URL ?? null,
      migrationUrl: v.MIGRATION_DATABASE_URL ?? null,
      poolMax: v.DATABASE_POOL_MAX,
    },
    redisUrl: v.REDIS_URL ?? null,
    identity,
    rateLimitPerMinute: v.API_RATE_LIMIT,
    logLevel: v.LOG_LEVEL,
    keyring: { dir: v.KEYRING_DIR, rootKey: v.ENCRYPTION_KEY ? Buffer.from(v.ENCRYPTION_KEY, 'base64') : DEVELOPMENT_ROOT_KEY },
    storageDir: v.STORAGE_DIR,
    mail: { by: v.POSTMARK_API_KEY ? { kind: 'postmark', token: v.POSTMARK_API_KEY, apiUrl: v.POSTMARK_API_URL, from: v.POSTMARK_FROM_EMAIL } : production ? { kind: 'none' } : { kind: 'folder', dir: v.MAIL_DIR }, webhookPassword: v.POSTMARK_WEBHOOK_PASSWORD ?? null, appUrl: v.APP_URL?.replace(/\/$/, '') ?? null, decisions: v.MAIL_DECISIONS === 'on' },
    outboundAllowedCidrs: v.OUTBOUND_ALLOWED_CIDRS,
    workerHeartbeatFile: v.WORKER_HEARTBEAT_FILE,
    release: {
      commit: v.RELEASE_COMMIT,
      instance: v.INSTANCE_ID ?? `${hostname()}-${process.pid}-${randomBytes(2).toString('hex')}`,
    },
  });
}

function readIdentity(v: Values, production: boolean, problems: string[]): Identity {
  const wantsClerk = Boolean(v.CLERK_SECRET_KEY ?? v.CLERK_JWT_KEY);
  if (!wantsClerk && !production) {
    const issuer = `${v.PUBLIC_URL ?? `http://localhost:${v.PORT}`}/dev`;
    return { kind: 'development', issuer, authorizedParties: v.CLERK_AUTHORIZED_PARTIES ?? [new URL(issuer).origin], keyDir: v.DEV_ISSUER_DIR };
  }
  if (!wantsClerk) problems.push('CLERK_JWT_KEY or CLERK_SECRET_KEY is missing: how session tokens are verified');
  if (!production && !v.CLERK_ISSUER) problems.push('CLERK_ISSUER is missing: exact `iss` of session tokens');
  if (!production && !v.CLERK_AUTHORIZED_PARTIES?.length) problems.push('CLERK_AUTHORIZED_PARTIES is missing: origins whose tokens are accepted');
  if (production && v.CLERK_SECRET_KEY?.startsWith('sk_test_')) problems.push('CLERK_SECRET_KEY belongs to a Clerk development instance');
  return {
    kind: 'clerk',
    issuer: v.CLERK_ISSUER ?? '',
    authorizedParties: v.CLERK_AUTHORIZED_PARTIES ?? [],
    jwtKey: v.CLERK_JWT_KEY?.replace(/\\n/g, '\n') ?? null,
    secretKey: v.CLERK_SECRET_KEY ?? null,
    apiUrl: v.CLERK_API_URL,
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (inner && typeof inner === 'object' && !Buffer.isBuffer(inner)) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}
