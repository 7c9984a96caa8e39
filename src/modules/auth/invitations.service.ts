import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem, systemActor, type UnlinkedUser } from '../../access';
import { idempotent, namingConstraints, withoutSecret } from '../../http';
import { Database, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { accountLinked, invitationCreated, invitationRedeemed } from './auth.events';

const alreadyLinked = () => new Problem('ACCOUNT_ALREADY_LINKED');
const LINK_CONSTRAINTS = { user_account_foundation_id_clerk_user_id_key: alreadyLinked, user_account_foundation_id_person_id_key: alreadyLinked };

/** Links people and Clerk users: by an invitation made for that person, or by the system itself. Never by e-mail. */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
  ) {}

  /** Whoever redeems an invitation becomes that person, so only who may invite everywhere makes one. */
  async create(actor: Actor, input: { personId: string; validDays: number }) {
    await this.permissions.require(actor, 'person:invite', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.createIn(tx, actor, input), withoutSecret('code')));
  }

  /** The same inside a transaction already open. */
  async createIn(tx: Tx, actor: Actor, input: { personId: string; validDays: number }) {
    const person = await everyRow(tx, 'reference').person.findFirst({ where: { id: input.personId, deletedAt: null }, include: { account: true } });
    if (!person) throw new Problem('NOT_FOUND');
    if (person.account) throw alreadyLinked();
    await this.permissions.requirePersonHeld(tx, actor, person.id);
    const code = randomBytes(24).toString('base64url');
    const invitation = await tx.invitation.create({
      data: { id: uuidv7(), foundationId: actor.foundationId, personId: person.id, codeHash: hashOf(code), expiresAt: new Date(Date.now() + input.validDays * 86_400_000) },
    });
    await this.audit.record(tx, actor, invitationCreated(invitation));
    return { id: invitation.id, personId: person.id, expiresAt: invitation.expiresAt.toISOString(), code };
  }

  /** Whoever is signed in becomes the account of the person invited. A code works once. */
  async redeem(caller: Actor | UnlinkedUser, code: string): Promise<{ personId: string }> {
    if (caller.kind !== 'unlinked') throw alreadyLinked();
    return this.database.withTenant(caller, async (tx) => {
      const invitation = await tx.invitation.findFirst({ where: { codeHash: hashOf(code), redeemedAt: null, expiresAt: { gt: new Date() }, person: { deletedAt: null } } });
      // Conditional, so that two redemptions at once cannot both win.
      const { count } = invitation ? await tx.invitation.updateMany({ where: { id: invitation.id, redeemedAt: null }, data: { redeemedAt: new Date() } }) : { count: 0 };
      if (!invitation || count === 0) throw new Problem('INVITATION_INVALID');
      const actor = { ...systemActor('invitation', caller.foundationId), request: caller.request };
      await this.audit.record(tx, actor, invitationRedeemed(invitation));
      await this.linkIn(tx, actor, invitation.personId, caller.clerkUserId);
      return { personId: invitation.personId };
    });
  }

  async linkIn(tx: Tx, actor: Actor, personId: string, clerkUserId: string): Promise<void> {
    const account = await namingConstraints(LINK_CONSTRAINTS, () => tx.userAccount.create({ data: { id: uuidv7(), foundationId: actor.foundationId, personId, clerkUserId } }));
    await this.audit.record(tx, actor, accountLinked(account));
  }
}

function hashOf(code: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(code).digest());
}
