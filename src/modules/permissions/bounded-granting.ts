import { Injectable } from '@nestjs/common';
import { type Actor, Denied, Problem } from '../../access';
import type { Tx } from '../../platform/database';
import { holdsAtLeast } from './decide';
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
  constructor(private readonly subjects: Subjects) {}

  /** Throws 403 GRANT_EXCEEDS_OWN unless the actor holds at least what each of these grants gives. Denies give nothing. */
  async requireHeld(tx: Tx, actor: Actor, grants: readonly Handed[]): Promise<void> {
    const subject = await this.subjects.of(actor);
    if (!subject) return;
    const nodeIds = grants.flatMap(({ nodeId }) => (nodeId ? [nodeId] : []));
    const nodes = new Map((await tx.orgUnit.findMany({ where: { id: { in: nodeIds } }, select: { id: true, lft: true, rgt: true } })).map((unit) => [unit.id, unit]));
    for (const grant of grants) {
      if (grant.effect === 'deny') continue;
      const node = grant.nodeId ? nodes.get(grant.nodeId) : undefined;
      const held = holdsAtLeast(subject, grant.permissionCode, { scope: grant.scope, intervals: node ? [[node.lft, node.rgt]] : [] });
      if (!held || (actor.kind === 'api_key' && !actor.scopes.includes(grant.permissionCode))) {
        throw new Denied('GRANT_EXCEEDS_OWN', { permission: grant.permissionCode });
      }
    }
  }

  /** Everything the roles give, inheritance included, must be held by whoever hands them on. */
  async requireRolesHeld(tx: Tx, actor: Actor, roleIds: readonly string[]): Promise<void> {
    const reached = await tx.roleClosure.findMany({ where: { seniorId: { in: [...roleIds] } }, select: { juniorId: true } });
    const grants = await tx.grant.findMany({ where: { roleId: { in: reached.map(({ juniorId }) => juniorId) } } });
    await this.requireHeld(tx, actor, grants);
  }

  /**
   * Throws 409 LAST_ADMINISTRATOR where, after the change, no linked person would hold `grant:write` everywhere. Runs
   * under the head's row lock that the change has taken, so that two such changes cannot pass each other.
   */
  async requireAdministratorLeft(tx: Tx, actor: Actor): Promise<void> {
    const [row] = await tx.$queryRaw<{ left: boolean }[]>`
      WITH giving AS (
        SELECT g.person_id, g.position_id, g.everyone, c.senior_id AS role_id FROM grant_rule g
          LEFT JOIN role_closure c ON c.foundation_id = g.foundation_id AND c.junior_id = g.role_id
         WHERE g.foundation_id = ${actor.foundationId}::uuid AND g.permission_code = 'grant:write' AND g.effect = 'allow' AND g.scope = 'all'
           AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())
      ), holding AS (
        SELECT person_id, position_id FROM giving WHERE role_id IS NULL
        UNION ALL
        SELECT r.person_id, r.position_id FROM role_assignment r JOIN giving USING (role_id)
         WHERE r.foundation_id = ${actor.foundationId}::uuid AND r.valid_from <= now() AND (r.valid_until IS NULL OR r.valid_until > now())
      )
      SELECT EXISTS (
        SELECT FROM person p
          LEFT JOIN user_account a ON a.foundation_id = p.foundation_id AND a.person_id = p.id
          LEFT JOIN invitation i ON i.foundation_id = p.foundation_id AND i.person_id = p.id AND i.redeemed_at IS NULL AND i.expires_at > now()
         WHERE p.foundation_id = ${actor.foundationId}::uuid AND p.deleted_at IS NULL AND (a.id IS NOT NULL OR i.id IS NOT NULL)
           AND (p.id IN (SELECT person_id FROM holding)
             OR p.id IN (SELECT ap.person_id FROM appointment ap JOIN holding h ON h.position_id = ap.position_id
                          JOIN position po ON po.foundation_id = ap.foundation_id AND po.id = ap.position_id AND po.deleted_at IS NULL
                          WHERE ap.foundation_id = p.foundation_id AND ap.valid_from <= now() AND (ap.valid_until IS NULL OR ap.valid_until > now())))
      ) AS left`;
    if (!row?.left) throw new Problem('LAST_ADMINISTRATOR');
  }
}
