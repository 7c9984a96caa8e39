import { configOrExit } from '../platform/config';

export function validateEnv(): Promise<void> {
  const config = configOrExit();
  process.stdout.write(`The environment is usable (${config.environment}).\n`);
  return Promise.resolve();
}
