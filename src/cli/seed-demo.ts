import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { systemActor } from '../access';
import { DEMONSTRATION_ORGANIZATION, InvitationsService } from '../modules/auth';
import { ImportService } from '../modules/organization';
import { FoundationRoles } from '../modules/permissions';
import { Database, everyRow } from '../platform/database';
import { createFoundation } from './bootstrap';
import { inApplication } from './context';

interface Demonstration {
  foundation: { code: string; name: string };
  organization: unknown;
  /** Role code by position code. */
  roles: Record<string, string>;
  /** Sign-in handle by employee number. */
  accounts: Record<string, string>;
}

export async function seedDemo(): Promise<void> {
  await inApplication(async (app, config) => {
    if (config.environment === 'production') throw new Error('the demonstration seed refuses production');
    const file = join(__dirname, '../../prisma/demo/organization.json');
    const made = await seedDemonstration(app, JSON.parse(readFileSync(file, 'utf8')) as Demonstration, DEMONSTRATION_ORGANIZATION);
    process.stdout.write(made ? 'Demonstration data created.\n' : 'Demonstration data is there already.\n');
  });
}

/** Creates the foundation described, with its people signed-in-able by the development issuer; false where it exists. */
export async function seedDemonstration(app: INestApplicationContext, demo: Demonstration, clerkOrgId: string): Promise<boolean> {
  const database = app.get(Database);
  const present = async (clerkUser: string) => {
    const [row] = await database.hot<{ status: string; foundation_id: string | null }>('SELECT status, foundation_id FROM gloria_begin_request($1, $2, $3)', [clerkOrgId, clerkUser, '']);
    return row;
  };
  const lastHandle = Object.values(demo.accounts).at(-1)!;
  const before = await present(`user_${lastHandle}`);
  if (before?.status !== 'no_foundation' && before?.status !== 'unlinked') return false;

  // Three steps, each whole or not at all; a run that was cut off between them goes on where it stopped.
  if (before.status === 'no_foundation') await createFoundation(app, 'seed-demo', { ...demo.foundation, clerkOrgId }, () => Promise.resolve());
  const foundationId = (await present(''))!.foundation_id!;
  const actor = systemActor('seed-demo', foundationId);
  await app.get(ImportService).import(actor, demo.organization, { dryRun: false });
  await database.withTenant(
    actor,
    async (tx) => {
      const roles = new Map((await tx.role.findMany()).map(({ code, id }) => [code, id]));
      const positions = new Map((await everyRow(tx, 'whole').position.findMany()).map(({ code, id }) => [code, id]));
      const people = new Map((await everyRow(tx, 'whole').person.findMany()).map(({ employeeNumber, id }) => [employeeNumber, id]));
      for (const [position, role] of Object.entries(demo.roles)) await app.get(FoundationRoles).assign(tx, actor, roles.get(role)!, { positionId: positions.get(position)! });
      for (const [number, handle] of Object.entries(demo.accounts)) await app.get(InvitationsService).linkIn(tx, actor, people.get(number)!, `user_${handle}`);
    },
    { timeout: 120_000 },
  );
  return true;
}
