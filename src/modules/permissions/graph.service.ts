import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem } from '../../access';
import { Database, everyRow, type Tx } from '../../platform/database';
import { type Graph, type GraphNode, svgOf } from './graph';
import { holdingAt } from './periods';

/** A person's holdings as a picture: posts, roles, what they inherit, grants and denies, and what was lent. */
@Injectable()
export class GraphService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
  ) {}

  /** SVG of what a person holds now; of others for who may ask about them. */
  async svg(actor: Actor, personId: string | undefined): Promise<string> {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    const whom = personId ?? own;
    if (whom === undefined) throw new Problem('NOT_FOUND');
    if (whom !== own || actor.kind === 'api_key') await this.permissions.require(actor, 'permission:check', {});
    return this.database.withTenant(actor, async (tx) => {
      const person = await everyRow(tx, 'reference').person.findFirst({ where: { id: whom, deletedAt: null }, select: { id: true, fullName: true } });
      if (!person) throw new Problem('NOT_FOUND');
      return svgOf(await this.graphOf(tx, actor, person), person.fullName);
    });
  }

  private async graphOf(tx: Tx, actor: Actor, person: { id: string; fullName: string }): Promise<Graph> {
    const now = new Date(actor.startedAt);
    const holds = holdingAt(now);
    const nodes: GraphNode[] = [{ id: 'person', column: 0, title: person.fullName, lines: [], kind: 'person' }];
    const edges: { from: string; to: string; label?: string }[] = [];
    const posts = await everyRow(tx, 'rule').appointment.findMany({ where: { personId: person.id, ...holds, position: { deletedAt: null, unit: { deletedAt: null } } }, include: { position: { include: { unit: { select: { name: true } } } } }, orderBy: { id: 'asc' } });
    for (const { position, acting } of posts) {
      nodes.push({ id: position.id, column: 1, title: position.title, lines: [`${position.unit.name}${acting ? ' · acting' : ''}`], kind: 'post' });
      edges.push({ from: 'person', to: position.id });
    }
    const loans = await tx.delegation.findMany({ where: { borrowerId: person.id, validFrom: { lte: now }, validUntil: { gt: now } }, include: { lender: { select: { fullName: true } } }, orderBy: { id: 'asc' } });
    for (const { id, lender, codes } of loans) {
      nodes.push({ id, column: 1, title: `lent by ${lender.fullName}`, lines: codes.length > 0 ? codes : ['everything they hold'], kind: 'post' });
      edges.push({ from: 'person', to: id });
    }
    const positionIds = posts.map(({ positionId }) => positionId);
    const assignments = await tx.roleAssignment.findMany({ where: { AND: [holds, { OR: [{ personId: person.id }, { positionId: { in: positionIds } }] }] }, orderBy: { id: 'asc' } });
    const reached = await tx.roleClosure.findMany({ where: { seniorId: { in: assignments.map(({ roleId }) => roleId) } } });
    const roles = await tx.role.findMany({ where: { id: { in: reached.map(({ juniorId }) => juniorId) } }, include: { juniors: true }, orderBy: { code: 'asc' } });
    for (const { id, name } of roles) nodes.push({ id, column: 2, title: name, lines: [], kind: 'role' });
    for (const { roleId, positionId } of assignments) edges.push({ from: positionId ?? 'person', to: roleId });
    for (const { id, juniors } of roles) for (const { juniorId } of juniors) edges.push({ from: id, to: juniorId });
    const grants = await tx.grant.findMany({ where: { AND: [holds, { OR: [{ everyone: true }, { personId: person.id }, { positionId: { in: positionIds } }, { roleId: { in: roles.map(({ id }) => id) } }] }] }, include: { node: { select: { name: true } } }, orderBy: [{ permissionCode: 'asc' }, { id: 'asc' }] });
    for (const effect of ['allow', 'deny'] as const) {
      const byHolder = new Map<string, string[]>();
      for (const grant of grants) {
        if (grant.effect !== effect) continue;
        const holder = grant.roleId ?? grant.positionId ?? (grant.everyone ? 'everyone' : 'person');
        const limits = [grant.node?.name ?? grant.scope, grant.resourceId ? 'one row' : grant.resourceType, grant.condition ? 'if …' : null].filter(Boolean);
        byHolder.set(holder, [...(byHolder.get(holder) ?? []), `${grant.permissionCode} · ${limits.join(' · ')}`]);
      }
      for (const [holder, lines] of byHolder) {
        const id = `${effect}:${holder}`;
        // What comes without post or role stands next to the person.
        nodes.push({ id, column: holder === 'everyone' || holder === 'person' ? 1 : 3, title: `${effect === 'allow' ? 'allowed' : 'denied'}${holder === 'everyone' ? ' to everyone' : ''}`, lines, kind: effect === 'allow' ? 'grants' : 'denies' });
        edges.push({ from: holder === 'everyone' ? 'person' : holder, to: id });
      }
    }
    return { nodes, edges };
  }
}
