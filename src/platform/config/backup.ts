import { z } from 'zod';
import { environmentSecrets } from '../secrets/secrets';
import { ConfigError } from './config';
import type { Variable } from './variables';

const positive = z.coerce.number().int().positive();
const csv = z.string().transform((value) => value.split(',').map((part) => part.trim()).filter(Boolean));

/** What `gloria backup` reads, apart from the application: another role, another key, often another machine. */
export const BACKUP_VARIABLES = {
  BACKUP_DATABASE_URL: { schema: z.string().regex(/^postgres(ql)?:\/\/.+@.+\/.+/).optional(), about: 'Role gloria_backup, direct: reads everything, changes nothing', example: 'postgresql://gloria_backup:change-me@127.0.0.1:5432/gloria', secret: true },
  BACKUP_AGE_RECIPIENTS: { schema: csv.default([]), about: 'Public keys (age1…) that backups are encrypted to, comma-separated; the private ones belong elsewhere', example: 'age1…' },
  BACKUP_AGE_IDENTITY_FILE: { schema: z.string().optional(), about: 'File of the private key, for verify and restore only; not on the host that makes backups', example: '' },
  BACKUP_PATHS: { schema: csv.default([]), about: 'Folders and files kept beside the database: stored files, settings, certificates; comma-separated. Never the keyring', example: '/var/lib/gloria/storage,/srv/gloria/host.conf,/srv/gloria/app.env' },
  BACKUP_KEYRING_DIR: { schema: z.string().optional(), about: 'The keyring, kept apart and shortly: a key that survives in a backup undoes the erasure it was destroyed for', example: '/var/lib/gloria/keyring' },
  BACKUP_S3_ENDPOINT: { schema: z.url().optional(), about: 'S3-compatible service; AWS where unset', example: 'https://s3.example' },
  BACKUP_S3_REGION: { schema: z.string().default('us-east-1'), about: 'Region of the bucket', example: 'ap-southeast-3' },
  BACKUP_S3_BUCKET: { schema: z.string().min(3), about: 'Bucket of backups; another account than the application’s', example: 'gloria-backups' },
  BACKUP_S3_PREFIX: { schema: z.string().regex(/^[A-Za-z0-9._/-]*$/).default('gloria'), about: 'Where in the bucket', example: 'production' },
  BACKUP_S3_ACCESS_KEY_ID: { schema: z.string().min(1), about: 'Key that may put, get and list, and delete only what retention lets go', example: 'change-me', secret: true },
  BACKUP_S3_SECRET_ACCESS_KEY: { schema: z.string().min(1), about: 'Its secret', example: 'change-me', secret: true },
  BACKUP_OBJECT_LOCK_DAYS: { schema: z.coerce.number().int().min(0).default(0), about: 'Days nobody can delete a backup, by the bucket’s object lock; 0 where it has none', example: '14' },
  BACKUP_KEEP_DAYS: { schema: positive.default(30), about: 'Older backups are removed …', example: '30' },
  BACKUP_KEEP_AT_LEAST: { schema: positive.default(7), about: '… but never so many that fewer than these are left', example: '7' },
  BACKUP_KEYRING_KEEP_DAYS: { schema: positive.default(7), about: 'The same for the keyring', example: '7' },
  BACKUP_WORK_DIR: { schema: z.string().default('/var/tmp'), about: 'Where encrypted files lie until they are uploaded', example: '/var/tmp' },
  BACKUP_VERIFY_DATABASE_URL: { schema: z.string().regex(/^postgres(ql)?:\/\//).optional(), about: 'Superuser of a server that `gloria backup verify` restores into, in a database it makes and drops', example: 'postgresql://postgres:change-me@127.0.0.1:5433/postgres', secret: true },
} satisfies Record<string, Variable>;

type Values = { [K in keyof typeof BACKUP_VARIABLES]: z.output<(typeof BACKUP_VARIABLES)[K]['schema']> };

export type BackupConfig = Readonly<Values>;

/** Reads and validates them; throws ConfigError naming everything wrong at once. */
export function loadBackupConfig(env: Readonly<Record<string, string | undefined>>): BackupConfig {
  const source = environmentSecrets(env);
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries<Variable>(BACKUP_VARIABLES)) {
    try {
      const raw = (variable.secret ? source.read(name) : env[name]) || undefined;
      const parsed = variable.schema.safeParse(raw);
      if (parsed.success) values[name] = parsed.data;
      else problems.push(`${name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}${raw === undefined ? ` (it is not set: ${variable.about})` : ''}`);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values as Values);
}
