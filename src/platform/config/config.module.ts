import { type DynamicModule, Module } from '@nestjs/common';
import { environmentSecrets } from '../secrets/secrets';
import { type BackupConfig, loadBackupConfig } from './backup';
import { type Config, ConfigError, loadConfig } from './config';
import { type Variable, VARIABLES } from './variables';

/** Injection token of the one frozen configuration object. */
export const CONFIG = Symbol('CONFIG');

@Module({})
export class ConfigModule {
  static of(config: Config): DynamicModule {
    return { module: ConfigModule, global: true, providers: [{ provide: CONFIG, useValue: config }], exports: [CONFIG] };
  }
}

/** The process's configuration, or a printed list of what is wrong and exit code 78 (EX_CONFIG). */
export function configOrExit(): Config {
  return orExit(() => {
    readEnvironmentFile();
    return loadConfig(process.env);
  });
}

/** The owner's database URL, for commands that need nothing else; exit code 78 where it is missing. */
export function migrationUrlOrExit(): string {
  return orExit(() => {
    readEnvironmentFile();
    const url = environmentSecrets(process.env).read('MIGRATION_DATABASE_URL');
    if (!url) throw new ConfigError(['MIGRATION_DATABASE_URL is missing: migrations and job tables are the owner’s']);
    return url;
  });
}

/** Every variable's value, or for a secret whether it is set; nothing of a secret itself. */
export function environmentProfile(): Record<string, string> {
  readEnvironmentFile();
  return Object.fromEntries(
    Object.entries<Variable>(VARIABLES).map(([name, { secret }]) => {
      const given = process.env[name] || (secret ? process.env[`${name}_FILE`] : undefined);
      return [name, given ? (secret ? 'set' : given) : 'unset'];
    }),
  );
}

/** What `gloria backup` reads; exit code 78 names what is wrong. */
export function backupConfigOrExit(): BackupConfig {
  return orExit(() => {
    readEnvironmentFile('BACKUP_ENV_FILE');
    return loadBackupConfig(process.env);
  });
}

/** Adds the variables of a file to the environment; what is set already stays. */
function readEnvironmentFile(variable = 'GLORIA_ENV_FILE'): void {
  const file = process.env[variable];
  if (!file) return;
  try {
    process.loadEnvFile(file);
  } catch (error) {
    throw new ConfigError([`${variable}: ${(error as Error).message}`]);
  }
}

function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(78);
  }
}
