import { parseArgs } from 'node:util';
import { v7 as uuidv7 } from 'uuid';
import { AuditService, plain } from '../modules/audit';
import { InvitationsService } from '../modules/auth';
import { FoundationService, type NewFoundation } from '../modules/organization';
import { FoundationRoles } from '../modules/permissions';
import { DefinitionsService, TEMPLATES } from '../modules/workflow';
import type { SystemActor } from '../access';
import type { Tx } from '../platform/database';
import type { INestApplicationContext } from '@nestjs/common';
import { inApplication } from './context';

const USAGE = `usage: gloria bootstrap --organization org_… --code <code> --name <name> --admin-number <NIP> --admin-name <name> [--timezone Asia/Jakarta] [--clerk-user user_…]

Creates the foundation, its standard roles and request definitions, and its first administrator: once, audited.
Without --clerk-user it prints an invitation code, which the administrator redeems after signing in:
POST /api/v1/me/link {"code": "…"}
`;

export async function bootstrap(args: string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args, options: { organization: text, code: text, name: text, timezone: text, 'admin-number': text, 'admin-name': text, 'clerk-user': text, help: { type: 'boolean' } } });
  const { organization, code, name, timezone } = values;
  const number = values['admin-number'];
  const fullName = values['admin-name'];
  if (values.help || !organization || !code || !name || !number || !fullName) {
    process.stderr.write(USAGE);
    process.exit(values.help ? 0 : 64);
  }
  await inApplication(async (app) => {
    const result = await createFoundation(app, 'bootstrap', { code, name, clerkOrgId: organization, timezone }, async (tx, actor, roles) => {
      const personId = uuidv7();
      await tx.person.create({ data: { id: personId, foundationId: actor.foundationId, employeeNumber: number, fullName } });
      await app.get(AuditService).record(tx, actor, { action: 'person.created', target: { type: 'person', id: personId }, after: { employeeNumber: plain(number) } });
      await app.get(FoundationRoles).assign(tx, actor, roles.get('administrator')!, { personId });
      const invitations = app.get(InvitationsService);
      if (!values['clerk-user']) return { foundationId: actor.foundationId, ...(await invitations.createIn(tx, actor, { personId, validDays: 7 })) };
      await invitations.linkIn(tx, actor, personId, values['clerk-user']);
      return { foundationId: actor.foundationId, personId };
    });
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  });
}

/** A foundation with everything each one starts from; `work` goes on in the same transaction. */
export function createFoundation<T>(
  app: INestApplicationContext,
  command: string,
  input: NewFoundation,
  work: (tx: Tx, actor: SystemActor, roles: Map<string, string>) => Promise<T>,
): Promise<T> {
  return app.get(FoundationService).create(command, input, async (tx, actor) => {
    const roles = await app.get(FoundationRoles).create(tx, actor);
    // Nobody holds their roles yet.
    for (const template of TEMPLATES) await app.get(DefinitionsService).publishIn(tx, actor, template, true);
    return work(tx, actor, roles);
  });
}
