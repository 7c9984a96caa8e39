#!/usr/bin/env node
import 'reflect-metadata';

interface Command {
  about: string;
  run: (args: string[]) => Promise<void>;
}

// Each is loaded when it is called: an operator asks for one, and waits for one.
const COMMANDS: Record<string, Command> = {
  backfill: { about: 'change stored data in small, resumable steps', run: async (args) => (await import('./backfill.js')).backfill(args) },
  backup: { about: 'make, list, prove, restore and prune encrypted backups', run: async (args) => (await import('./backup/index.js')).backup(args) },
  bootstrap: { about: 'create the foundation and invite its first administrator, once', run: async (args) => (await import('./bootstrap.js')).bootstrap(args) },
  compare: { about: 'what differs between two environments that should not', run: async (args) => (await import('./profile.js')).compare(args) },
  migrate: { about: 'apply migrations and install the job tables, as the owner; safe to repeat', run: async (args) => (await import('./migrate.js')).migrate(args) },
  profile: { about: 'describe this environment, for `gloria compare`', run: async (args) => (await import('./profile.js')).profile(args) },
  'restore-point': { about: 'name this moment in the archive, before a migration', run: async (args) => (await import('./restore-point.js')).restorePoint(args) },
  'seed-demo': { about: 'demonstration foundation and people; refuses production', run: async () => (await import('./seed-demo.js')).seedDemo() },
  'validate-env': { about: 'check the environment; exit code 78 names what is wrong', run: async (args) => (await import('./validate-env.js')).validateEnv(args) },
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
