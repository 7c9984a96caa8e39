import { Injectable } from '@nestjs/common';
import { type Actor, Denied, PermissionPort, Problem } from '../../access';
import type { Grant, Tx } from '../../platform/database';
import { decide, holdsAtLeast } from './decide';
import { compileSubject, type SubjectFacts } from './subject';
import { Subjects } from './subjects.service';

interface Handed {
  permissionCode: string;
  effect: string;
  scope: 'own' | 'department' | 'school' | 'node' | 'all';
  nodeId: string | null;
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
    const node = grant.scope === 'node' && grant.nodeId ? await tx.orgUnit.findFirst({ where: { id: grant.nodeId }, select: { lft: true } }) : null;
    if (grant.nodeId && !node) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'grant:write', { unitLft: node?.lft });
  }

  /** `grant:write` for this assignment: in the position's unit, or everywhere for one to a person. */
  async requireMayAssign(tx: Tx, actor: Actor, positionId: string | null): Promise<void> {
    const position = positionId ? await tx.position.findFirst({ where: { id: positionId }, select: { unit: { select: { lft: true } } } }) : null;
    if (positionId && !position) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'grant:write', { unitLft: position?.unit.lft });
  }

  /**
   * Throws 403 GRANT_EXCEEDS_OWN unless the actor holds at least what each of these grants gives. Denies give nothing.
   * `ignoring`: ids of denies left out of what binds the actor.
   */
  async requireHeld(tx: Tx, actor: Actor, grants: readonly Handed[], ignoring: readonly string[] = []): Promise<void> {
    const given = grants.filter(({ effect }) => effect === 'allow');
    const subject = await this.subjects.of(actor);
    if (!subject || given.length === 0) return;
    const nodeIds = given.flatMap(({ nodeId }) => (nodeId ? [nodeId] : []));
    const nodes = new Map((await tx.orgUnit.findMany({ where: { id: { in: nodeIds } }, select: { id: true, lft: true, rgt: true } })).map((unit) => [unit.id, unit]));
    for (const grant of given) {
      const node = grant.nodeId ? nodes.get(grant.nodeId) : undefined;
      const held = holdsAtLeast(subject, grant.permissionCode, { scope: grant.scope, intervals: node ? [[node.lft, node.rgt]] : [] }, ignoring);
      if (!held || (actor.kind === 'api_key' && !actor.scopes.includes(grant.permissionCode))) {
        throw new Denied('GRANT_EXCEEDS_OWN', { permission: grant.permissionCode });
      }
    }
  }

  /** Taking a deny away gives what it denied. One that binds everybody binds the actor too, and is left out of the question. */
  async requireDeniedHeld(tx: Tx, actor: Actor, grants: readonly (Handed & { id: string; everyone: boolean })[]): Promise<void> {
    const denies = grants.filter(({ effect }) => effect === 'deny');
    await this.requireHeld(tx, actor, denies.map((deny) => ({ ...deny, effect: 'allow' })), denies.flatMap(({ id, everyone }) => (everyone ? [id] : [])));
  }

  /** Everything the roles give, inheritance included, must be held by whoever hands them on. */
  async requireRolesHeld(tx: Tx, actor: Actor, roleIds: readonly string[]): Promise<void> {
    await this.requireHeld(tx, actor, await this.grantsOfRoles(tx, roleIds));
  }

  /** Everything the roles deny, inheritance included, must be held by whoever takes them away. */
  async requireRolesDeniedHeld(tx: Tx, actor: Actor, roleIds: readonly string[]): Promise<void> {
    await this.requireDeniedHeld(tx, actor, await this.grantsOfRoles(tx, roleIds));
  }

  /** Whoever puts somebody into a position hands on what comes with it. */
  async requirePositionsHeld(tx: Tx, actor: Actor, positionIds: readonly string[]): Promise<void> {
    if (actor.kind === 'system') return;
    const where = { positionId: { in: [...positionIds] } };
    await this.requireHeld(tx, actor, await tx.grant.findMany({ where }));
    await this.requireRolesHeld(tx, actor, (await tx.roleAssignment.findMany({ where })).map(({ roleId }) => roleId));
  }

  /** Whoever lets an account become a person hands on what the person holds. */
  async requirePersonHeld(tx: Tx, actor: Actor, personId: string): Promise<void> {
    if (actor.kind === 'system') return;
    await this.requireHeld(tx, actor, await tx.grant.findMany({ where: { personId } }));
    await this.requireRolesHeld(tx, actor, (await tx.roleAssignment.findMany({ where: { personId } })).map(({ roleId }) => roleId));
    await this.requirePositionsHeld(tx, actor, (await tx.appointment.findMany({ where: { personId } })).map(({ positionId }) => positionId));
  }

  /**
   * Throws 409 LAST_ADMINISTRATOR where, after the change, nobody who can sign in (linked, or invited) would be allowed
   * `grant:write` everywhere. Candidates come from one query, the verdict from `decide`, so that denies count too. Runs
   * under the head's row lock that the change has taken, so that two such changes cannot pass each other.
   */
  async requireAdministratorLeft(tx: Tx, actor: Actor): Promise<void> {
    const candidates = await tx.$queryRaw<{ id: string; facts: SubjectFacts }[]>`
      WITH giving AS (
        SELECT g.person_id, g.position_id, g.everyone, c.senior_id AS role_id FROM grant_rule g
          LEFT JOIN role_closure c ON c.foundation_id = g.foundation_id AND c.junior_id = g.role_id
         WHERE g.foundation_id = ${actor.foundationId}::uuid AND g.permission_code = 'grant:write' AND g.effect = 'allow' AND g.scope = 'all'
      ), holding AS (
        SELECT person_id, position_id, everyone FROM giving WHERE role_id IS NULL
        UNION ALL
        SELECT r.person_id, r.position_id, false FROM role_assignment r JOIN giving USING (role_id) WHERE r.foundation_id = ${actor.foundationId}::uuid
      )
      SELECT p.id, gloria_compile_subject(p.foundation_id, p.id) AS facts
        FROM person p
       WHERE p.foundation_id = ${actor.foundationId}::uuid AND p.deleted_at IS NULL
         AND (EXISTS (SELECT FROM user_account a WHERE a.foundation_id = p.foundation_id AND a.person_id = p.id)
           OR EXISTS (SELECT FROM invitation i WHERE i.foundation_id = p.foundation_id AND i.person_id = p.id AND i.redeemed_at IS NULL AND i.expires_at > now()))
         AND (EXISTS (SELECT FROM holding WHERE everyone) OR p.id IN (SELECT person_id FROM holding)
           OR p.id IN (SELECT a.person_id FROM appointment a JOIN holding h ON h.position_id = a.position_id WHERE a.foundation_id = p.foundation_id))
       LIMIT 500`;
    // Now and for good: somebody whose grant or appointment has an end does not count.
    const moments = (now: number) => [now, now + 50 * YEAR];
    const left = candidates.some(({ id, facts }) => moments(facts.now).every((at) => decide(compileSubject(id, facts, at), { permission: 'grant:write', resource: {} }).allowed));
    if (!left) throw new Problem('LAST_ADMINISTRATOR');
  }

  private async grantsOfRoles(tx: Tx, roleIds: readonly string[]): Promise<Grant[]> {
    const reached = await tx.roleClosure.findMany({ where: { seniorId: { in: [...roleIds] } }, select: { juniorId: true } });
    return tx.grant.findMany({ where: { roleId: { in: reached.map(({ juniorId }) => juniorId) } } });
  }
}

const YEAR = 31_557_600_000;
