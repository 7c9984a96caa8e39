export { type BackupConfig } from './backup';
export { backupConfigOrExit, CONFIG, ConfigModule, configOrExit, environmentProfile, migrationUrlOrExit } from './config.module';
export { type Config, ConfigError, type Identity, loadConfig } from './config';
export { VARIABLES } from './variables';
