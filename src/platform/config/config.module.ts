import { type DynamicModule, Module } from '@nestjs/common';
import { type Config, ConfigError, loadConfig } from './config';

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
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(78);
  }
}
