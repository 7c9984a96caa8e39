#!/usr/bin/env node
import 'reflect-metadata';
import { bootstrap } from './bootstrap';
import { migrate } from './migrate';
import { restorePoint } from './restore-point';
import { seedDemo } from './seed-demo';
import { validateEnv } from './validate-env';

interface Command {
  about: string;
  run: (args: string[]) => Promise<void>;
}

const COMMANDS: Record<string, Command> = {
  bootstrap: { about: 'create the foundation and invite its first administrator, once', run: bootstrap },
  migrate: { about: 'apply migrations and install the job tables, as the owner; safe to repeat', run: migrate },
  'restore-point': { about: 'name this moment in the archive, before a migration', run: restorePoint },
  'seed-demo': { about: 'demonstration foundation and people; refuses production', run: seedDemo },
  'validate-env': { about: 'check the environment; exit code 78 names what is wrong', run: validateEnv },
};

async function main([name, ...args]: string[]): Promise<void> {
  const command = name === undefined ? undefined : COMMANDS[name];
  if (!command) {
    const list = Object.entries(COMMANDS).map(([each, { about }]) => `  ${each.padEnd(14)} ${about}`).join('\n');
    process.stderr.write(`usage: gloria <command> [--help]\n${list}\n`);
    process.exit(name === undefined || name === '--help' ? 0 : 64);
  }
  await command.run(args);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
