import { readFileSync } from 'node:fs';

/** Where secrets come from. One method, so that a manager in the network can stand beside environment and files. */
export interface SecretSource {
  /** The value, or undefined where this source does not hold it. Throws where it should hold it and cannot be read. */
  read(name: string): string | undefined;
}

/** `X`, or the file named by `X_FILE` (trailing newline removed), as Docker and systemd hand secrets over. */
export function environmentSecrets(env: Readonly<Record<string, string | undefined>>): SecretSource {
  return {
    read(name) {
      const direct = env[name];
      const file = env[`${name}_FILE`];
      if (direct && file) throw new Error(`set ${name} or ${name}_FILE, not both`);
      if (direct) return direct;
      return file ? readFileSync(file, 'utf8').replace(/\r?\n$/, '') : undefined;
    },
  };
}
