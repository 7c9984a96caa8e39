import { Injectable } from '@nestjs/common';
import { type Actor, Denied, PermissionPort, Problem } from '../../access';
import { everyRow, type Grant, type Tx } from '../../platform/database';
import { holdsAtLeast, isRaised, type Wanted } from './decide';
import { boundariesOf, compileSubject, type CompiledSubject, type SubjectFacts, type TypedCondition } from './subject';
import { Subjects } from './subjects.service';

interface Handed {
  permissionCode: string;
  effect: string;
  scope: 'own' | 'department' | 'school' | 'node' | 'all';
  nodeId: string | null;
  resourceType: string | null;
  resourceId: string | null;
  /** {test, types}, as stored. */
  condition: unknown;
  validUntil?: Date | null;
}

/** Two rules of every change of authorization: nobody grants more than they hold, and somebody can always grant. */
@Injectable()
export class BoundedGranting {
  constructor(
    private readonly subjects: Subjects,
    private readonly permissions: PermissionPort,
  ) {}

  /** `grant:write` for this grant: within the unit it names, or everywhere for one that names none. */
  async requireMayWrite(tx: Tx, actor: Actor, grant: { scope: string; nodeId: string | null }): Promise<void> {
    const node = grant.scope === 'node' && grant.nodeId ? await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: grant.nodeId }, select: { path: true } }) : null;
    if (grant.nodeId && !node) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'grant:write', { unitPath: node?.path });
  }

  /** `grant:write` for this assignment: in the position's unit, or everywhere for one to a person. */
  async requireMayAssign(tx: Tx, actor: Actor, positionId: string | null): Promise<void> {
    const position = positionId ? await everyRow(tx, 'reference').position.findFirst({ where: { id: positionId }, select: { unit: { select: { path: true } } } }) : null;
    if (positionId && !position) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'grant:write', { unitPath: position?.unit.path });
  }

  /** Throws 403 GRANT_EXCEEDS_OWN unless the actor holds at least what each of these grants gives. Denies give nothing. */
  async requireHeld(tx: Tx, actor: Actor, grants: readonly Handed[], until: Date | null = null): Promise<void> {
    await this.demand(tx, actor, grants.filter(({ effect }) => effect === 'allow'), until, new Set());
  }

  /** Taking a deny away gives what it denied. Denies of everybody bind the actor too, and are left out of the question. */
  async requireDeniedHeld(tx: Tx, actor: Actor, grants: readonly Handed[]): Promise<void> {
    await this.demand(tx, actor, grants.filter(({ effect }) => effect === 'deny'), null, await this.everybodysDenies(tx));
  }

  /** Everything the roles give, inheritance included, must be held by whoever hands them on. */
  async requireRolesHeld(tx: Tx, actor: Actor, roleIds: readonly string[], until: Date | null = null): Promise<void> {
    await this.requireHeld(tx, actor, await this.grantsOfRoles(tx, roleIds), until);
  }

  /** Everything the roles deny, inheritance included, must be held by whoever takes them away. */
  async requireRolesDeniedHeld(tx: Tx, actor: Actor, roleIds: readonly string[]): Promise<void> {
    await this.requireDeniedHeld(tx, actor, await this.grantsOfRoles(tx, roleIds));
  }

  /** Whoever puts somebody into a position hands on what comes with it. */
  async requirePositionsHeld(tx: Tx, actor: Actor, positionIds: readonly string[], until: Date | null): Promise<void> {
    if (actor.kind === 'system') return;
    await this.requireHeld(tx, actor, await this.grantsOfPositions(tx, positionIds), until);
  }

  /** Whoever lets an account become a person hands on what the person holds. */
  async requirePersonHeld(tx: Tx, actor: Actor, personId: string, asked: readonly string[] = []): Promise<void> {
    if (actor.kind === 'system' || asked.includes(personId)) return;
    await this.requireHeld(tx, actor, await tx.grant.findMany({ where: { personId } }));
    const roles = [...(await tx.roleAssignment.findMany({ where: { personId } })), ...(await tx.breakGlass.findMany({ where: { personId, withdrawnAt: null } }))];
    await this.requireRolesHeld(tx, actor, roles.map(({ roleId }) => roleId));
    await this.requirePositionsHeld(tx, actor, (await everyRow(tx, 'rule').appointment.findMany({ where: { personId } })).map(({ positionId }) => positionId), null);
    // And what was lent to them: at the widest, all that the lender holds.
    for (const { lenderId } of await tx.delegation.findMany({ where: { borrowerId: personId, validUntil: { gt: new Date(actor.startedAt) } }, select: { lenderId: true } })) {
      if (lenderId !== actor.personId) await this.requirePersonHeld(tx, actor, lenderId, [...asked, personId]);
    }
  }

  /** Throws 403 GRANT_EXCEEDS_OWN where the actor can do more, as the transaction now sees it, than `before`. */
  async requireNotRaised(tx: Tx, actor: Actor, before: CompiledSubject | null): Promise<void> {
    const after = await this.holdings(tx, actor);
    if (before && after && isRaised(before, after)) throw new Denied('GRANT_EXCEEDS_OWN', { permission: 'what you have' });
  }

  /** What the actor holds as the transaction sees it; null for the system. */
  async holdings(tx: Tx, actor: Actor): Promise<CompiledSubject | null> {
    if (actor.kind === 'system') return null;
    const facts = await this.subjects.factsIn(tx, actor.foundationId, actor.personId);
    return compileSubject(facts, Math.max(actor.startedAt, facts.now));
  }

  /** After roles were given: an administrator must be left, if the roles say anything of administration or deny anything. */
  async keepAdministrator(tx: Tx, actor: Actor, roleIds: readonly string[]): Promise<void> {
    await this.keepFor(tx, actor, await this.grantsOfRoles(tx, roleIds));
  }

  /** The same after posts were given, ended or moved. */
  async keepAdministratorOfPositions(tx: Tx, actor: Actor, positionIds: readonly string[]): Promise<void> {
    await this.keepFor(tx, actor, await this.grantsOfPositions(tx, positionIds));
  }

  /**
   * Throws 409 LAST_ADMINISTRATOR where, at some moment from now on, nobody who can sign in (linked, or invited and the
   * invitation still good) would hold `grant:write` – and each of `codes` – everywhere and so be able to hand it on.
   * Moments: now and every boundary of what the candidates hold. Runs under the head's row lock that the change has
   * taken, so that two such changes cannot pass each other.
   */
  async requireAdministratorLeft(tx: Tx, actor: Actor, codes: readonly string[] = []): Promise<void> {
    const candidates = await tx.$queryRaw<{ id: string; facts: SubjectFacts; invited_until: Date | null }[]>`
      WITH giving AS (
        SELECT g.person_id, g.position_id, g.everyone, c.senior_id AS role_id FROM grant_rule g
          LEFT JOIN role_closure c ON c.foundation_id = g.foundation_id AND c.junior_id = g.role_id
         WHERE g.foundation_id = ${actor.foundationId}::uuid AND g.permission_code = 'grant:write' AND g.effect = 'allow' AND g.scope = 'all'
      ), holding AS (
        SELECT person_id, position_id, everyone FROM giving WHERE role_id IS NULL
        UNION ALL
        SELECT r.person_id, r.position_id, false FROM role_assignment r JOIN giving USING (role_id) WHERE r.foundation_id = ${actor.foundationId}::uuid
      ), wanted AS (
        SELECT person_id FROM holding WHERE person_id IS NOT NULL
        UNION
        SELECT ap.person_id FROM appointment ap JOIN holding h ON h.position_id = ap.position_id WHERE ap.foundation_id = ${actor.foundationId}::uuid
        UNION
        SELECT a.person_id FROM user_account a WHERE a.foundation_id = ${actor.foundationId}::uuid AND EXISTS (SELECT FROM holding WHERE everyone)
        UNION
        SELECT i.person_id FROM invitation i WHERE i.foundation_id = ${actor.foundationId}::uuid AND EXISTS (SELECT FROM holding WHERE everyone)
      )
      SELECT p.id, gloria_holds(p.foundation_id, p.id, NULL) || jsonb_build_object('v', '0', 'now', extract(epoch FROM statement_timestamp()) * 1000) AS facts,
             CASE WHEN a.id IS NULL THEN (SELECT max(i.expires_at) FROM invitation i WHERE i.foundation_id = p.foundation_id AND i.person_id = p.id AND i.redeemed_at IS NULL) END AS invited_until
        FROM wanted w JOIN person p ON p.foundation_id = ${actor.foundationId}::uuid AND p.id = w.person_id LEFT JOIN user_account a ON a.foundation_id = p.foundation_id AND a.person_id = p.id
       WHERE p.deleted_at IS NULL
         AND (a.id IS NOT NULL OR EXISTS (SELECT FROM invitation i WHERE i.foundation_id = p.foundation_id AND i.person_id = p.id AND i.redeemed_at IS NULL AND i.expires_at > now()))
       ORDER BY p.id LIMIT 200`;
    const ignoring = await this.everybodysDenies(tx);
    const now = Math.max(actor.startedAt, ...candidates.map(({ facts }) => facts.now));
    const boundaries = candidates.flatMap(({ facts, invited_until: end }) => [...boundariesOf(facts), ...(end ? [end.getTime()] : [])]);
    const moments = [...new Set([now, ...boundaries.filter((at) => at > now)])];
    const holds = ({ facts, invited_until: end }: (typeof candidates)[number], at: number) => {
      if (end && end.getTime() <= at) return false;
      const subject = compileSubject(facts, at);
      const everywhere: Wanted = { scope: 'all', units: [], resource: null, condition: null, until: at };
      return holdsAtLeast(subject, 'grant:write', everywhere) && codes.every((code) => holdsAtLeast(subject, code, everywhere, ignoring));
    };
    if (!moments.every((at) => candidates.some((candidate) => holds(candidate, at)))) throw new Problem('LAST_ADMINISTRATOR');
  }

  private async keepFor(tx: Tx, actor: Actor, grants: readonly Handed[]): Promise<void> {
    const denied = [...new Set(grants.filter(({ effect }) => effect === 'deny').map(({ permissionCode }) => permissionCode))];
    if (denied.length > 0 || grants.some(({ permissionCode }) => permissionCode === 'grant:write')) await this.requireAdministratorLeft(tx, actor, denied);
  }

  private async demand(tx: Tx, actor: Actor, grants: readonly Handed[], until: Date | null, ignoring: ReadonlySet<string>): Promise<void> {
    if (grants.length === 0) return;
    // As the transaction sees it: what was registered in it a moment ago is held by who administers.
    const subject = await this.holdings(tx, actor);
    if (!subject) return;
    const nodeIds = grants.flatMap(({ nodeId }) => (nodeId ? [nodeId] : []));
    const nodes = new Map((await everyRow(tx, 'rule').orgUnit.findMany({ where: { id: { in: nodeIds } }, select: { id: true, path: true } })).map(({ id, path }) => [id, path]));
    for (const grant of grants) {
      const node = grant.nodeId ? nodes.get(grant.nodeId) : undefined;
      const ends = [until, grant.validUntil ?? null].filter((end) => end !== null).map((end) => end.getTime());
      const held = holdsAtLeast(subject, grant.permissionCode, { scope: grant.scope, units: node ? [node] : [], resource: grant.resourceType ? { type: grant.resourceType, id: grant.resourceId } : null, condition: grant.condition as TypedCondition | null, until: ends.length > 0 ? Math.min(...ends) : null }, ignoring);
      if (!held || (actor.kind === 'api_key' && !actor.scopes.includes(grant.permissionCode))) throw new Denied('GRANT_EXCEEDS_OWN', { permission: grant.permissionCode });
    }
  }

  private async everybodysDenies(tx: Tx): Promise<ReadonlySet<string>> {
    return new Set((await tx.grant.findMany({ where: { everyone: true, effect: 'deny' }, select: { id: true } })).map(({ id }) => id));
  }

  private async grantsOfPositions(tx: Tx, positionIds: readonly string[]): Promise<Grant[]> {
    const where = { positionId: { in: [...positionIds] } };
    // And what is prepared for whoever holds the post: they only have to take it.
    const roles = [...(await tx.roleAssignment.findMany({ where })), ...(await tx.breakGlass.findMany({ where: { ...where, withdrawnAt: null } }))];
    return [...(await tx.grant.findMany({ where })), ...(await this.grantsOfRoles(tx, roles.map(({ roleId }) => roleId)))];
  }

  private async grantsOfRoles(tx: Tx, roleIds: readonly string[]): Promise<Grant[]> {
    const reached = await tx.roleClosure.findMany({ where: { seniorId: { in: [...roleIds] } }, select: { juniorId: true } });
    return tx.grant.findMany({ where: { roleId: { in: reached.map(({ juniorId }) => juniorId) } } });
  }
}
