import { z } from 'zod';

const csv = z
  .string()
  .transform((value) => value.split(',').map((part) => part.trim()).filter(Boolean));
const port = z.coerce.number().int().min(0).max(65535);
const positive = z.coerce.number().int().positive();
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\/.+@.+\/.+/, 'must be postgresql://user:password@host:port/database');

export interface Variable {
  schema: z.ZodType;
  /** Shown in .env.example, in the order of this list. */
  about: string;
  /** Value in .env.example. */
  example: string;
  /** Also readable from X_FILE. */
  secret?: true;
  /** Must be set to a real value when NODE_ENV=production. */
  production?: true;
  /** Differs between staging and production by its nature; `gloria compare` passes over it. */
  ofItsPlace?: true;
}

/**
 * Every environment variable the application reads, once. .env.example is generated from this list and a test compares
 * the two; nothing outside platform/config reads process.env.
 */
export const VARIABLES = {
  NODE_ENV: { schema: z.enum(['development', 'test', 'production']).default('development'), about: 'development, test or production', example: 'production' },
  GLORIA_ENV_FILE: { schema: z.string().optional(), about: 'File of further variables (KEY=value lines); what is set in the environment itself wins', example: '', ofItsPlace: true },
  PORT: { schema: port.default(3000), about: 'Port the API listens on', example: '3000', ofItsPlace: true },
  HOST: { schema: z.string().default('127.0.0.1'), about: 'Address the API listens on', example: '127.0.0.1', ofItsPlace: true },
  PUBLIC_URL: { schema: z.url().optional(), about: 'Address people reach the API at', example: 'https://api.school.example', production: true, ofItsPlace: true },
  DATABASE_URL: { schema: postgresUrl, about: 'Runtime role (gloria_app): no DDL, row-level security applies; may be a transaction pooler', example: 'postgresql://gloria_app:change-me@127.0.0.1:5432/gloria', secret: true, production: true },
  DIRECT_DATABASE_URL: { schema: postgresUrl.optional(), about: 'Runtime role without a pooler in between, for the worker; DATABASE_URL where unset', example: 'postgresql://gloria_app:change-me@127.0.0.1:5432/gloria', secret: true },
  MIGRATION_DATABASE_URL: { schema: postgresUrl.optional(), about: 'Owner role (gloria_owner), direct; read by prisma migrate and gloria commands only', example: 'postgresql://gloria_owner:change-me@127.0.0.1:5432/gloria', secret: true },
  READ_DATABASE_URL: { schema: postgresUrl.optional(), about: 'Runtime role on a streaming standby, for reads that may be some seconds old (the audit log); the primary where unset', example: '', secret: true },
  DATABASE_POOL_MAX: { schema: positive.default(10), about: 'Connections this process opens at most, beside one for what is new in authorization', example: '10' },
  REDIS_URL: { schema: z.string().regex(/^rediss?:\/\//).optional(), about: 'Shared cache and rate limits; one process runs correctly without', example: 'rediss://gloria:change-me@127.0.0.1:6379', secret: true },
  CLERK_SECRET_KEY: { schema: z.string().regex(/^sk_(live|test)_/).optional(), about: 'Fetches the signing keys of session tokens; or set CLERK_JWT_KEY', example: 'sk_live_change-me', secret: true },
  CLERK_JWT_KEY: { schema: z.string().includes('PUBLIC KEY').optional(), about: 'Public key (PEM) of session tokens, for verifying without any network', example: '-----BEGIN PUBLIC KEY-----change-me-----END PUBLIC KEY-----', secret: true },
  CLERK_API_URL: { schema: z.url().default('https://api.clerk.com'), about: 'Clerk Backend API', example: 'https://api.clerk.com' },
  CLERK_ISSUER: { schema: z.url().optional(), about: 'Exact `iss` of session tokens', example: 'https://clerk.school.example', production: true, ofItsPlace: true },
  CLERK_AUTHORIZED_PARTIES: { schema: csv.optional(), about: 'Frontend origins whose tokens are accepted (`azp`), comma-separated', example: 'https://app.school.example', production: true, ofItsPlace: true },
  CORS_ORIGINS: { schema: csv.default([]), about: 'Origins browsers may call from, comma-separated', example: 'https://app.school.example', ofItsPlace: true },
  TRUST_PROXY_HOPS: { schema: z.coerce.number().int().min(0).default(0), about: 'Proxies in front whose forwarding headers are believed', example: '1' },
  API_RATE_LIMIT: { schema: positive.default(600), about: 'Requests a minute and caller (a quarter of it for callers who fail to authenticate, by address)', example: '600' },
  BODY_LIMIT_BYTES: { schema: positive.default(1024 * 1024), about: 'Largest request body', example: '1048576' },
  DRAIN_SECONDS: { schema: z.coerce.number().int().min(0).default(2), about: 'How long readiness says no before connections are closed', example: '5' },
  LOG_LEVEL: { schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'), about: 'Lowest level logged', example: 'info' },
  ENCRYPTION_KEY: { schema: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'must be 32 random bytes in base64').optional(), about: 'Root key that wraps the keyring: openssl rand -base64 32', example: 'change-me', secret: true, production: true },
  KEYRING_DIR: { schema: z.string().default('.gloria/keyring'), about: 'Folder of wrapped keys, outside the database and its backups', example: '/var/lib/gloria/keyring', ofItsPlace: true },
  STORAGE_DIR: { schema: z.string().default('.gloria/storage'), about: 'Folder of stored files', example: '/var/lib/gloria/storage', ofItsPlace: true },
  POSTMARK_API_KEY: { schema: z.string().min(10).optional(), about: 'Server token that sends mail by Postmark; without it none is sent', example: 'change-me', secret: true },
  POSTMARK_API_URL: { schema: z.url().default('https://api.postmarkapp.com'), about: 'Postmark API', example: 'https://api.postmarkapp.com' },
  POSTMARK_FROM_EMAIL: { schema: z.string().regex(/^[^\r\n]{1,200}$/).default('Gloria <gloria@localhost>'), about: 'Sender of mails, confirmed at Postmark', example: 'Gloria <gloria@school.example>' },
  POSTMARK_WEBHOOK_PASSWORD: { schema: z.string().min(16).optional(), about: 'Password of POST /webhooks/postmark (user name: postmark), where Postmark reports bounces and complaints; without it none are taken', example: 'change-me', secret: true },
  MAIL_DECISIONS: { schema: z.enum(['on', 'off']).default('on'), about: 'Whether mails that ask for a decision carry a link by which their reader decides', example: 'on' },
  MAIL_DIR: { schema: z.string().default('.gloria/mail'), about: 'Folder mails are written to where there is no Postmark; has no effect in production', example: '', ofItsPlace: true },
  APP_URL: { schema: z.url().optional(), about: 'Address of the frontend; mails link to <APP_URL>/requests/<id>', example: 'https://app.school.example', ofItsPlace: true },
  OUTBOUND_ALLOWED_CIDRS: { schema: csv.default([]), about: 'Private networks that outgoing webhooks may reach, comma-separated; empty means none', example: '' },
  WORKER_HEARTBEAT_FILE: { schema: z.string().default('.gloria/worker-heartbeat.json'), about: 'File the worker writes every few seconds while it works; health checks read its age', example: '/var/lib/gloria/worker-heartbeat.json', ofItsPlace: true },
  DEV_ISSUER_DIR: { schema: z.string().default('.gloria/dev-issuer'), about: 'Folder of the development issuer\'s key; has no effect in production', example: '', ofItsPlace: true },
  RELEASE_COMMIT: { schema: z.string().default('unknown'), about: 'Commit the release was built from', example: '', ofItsPlace: true },
  INSTANCE_ID: { schema: z.string().optional(), about: 'Name of this instance; host and process id where unset', example: '', ofItsPlace: true },
} satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;

/** Names of the guide that nothing reads; setting one is a mistake worth stopping for. */
export const REFUSED = { JWT_SECRET: 'Gloria signs no tokens of its own; remove it' } as const;
