import { Injectable, Logger } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, Denied, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { changesAuthorization, Database, everyRow, type Tx } from '../../platform/database';
import { Metrics } from '../../platform/telemetry';
import { AuditService } from '../audit';
import { BoundedGranting } from './bounded-granting';
import { type ListBreakGlassQuery, type ListOpeningsQuery, type OpenBreakGlass, type SealBreakGlass, toBreakGlassResponse, toOpeningResponse } from './break-glass.dto';
import { holdingAt } from './periods';
import { breakGlassClosed, breakGlassOpened, breakGlassReviewed, breakGlassSealed, breakGlassWithdrawn, roleAssigned, roleUnassigned } from './permissions.events';

const unknownReference = () => new Problem('NOT_FOUND');

/**
 * Access for emergencies. Somebody who holds a role prepares it for a person or a post; they take it themself when it is
 * needed, with a reason, for minutes, and everybody who looks can see it. What it gives is a plain role assignment, so
 * that nothing decides about it but `decide`, it ends to the millisecond, and separation of duty binds it too.
 */
@Injectable()
export class BreakGlassService {
  private readonly logger = new Logger('break-glass');

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly bounded: BoundedGranting,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
    private readonly metrics: Metrics,
  ) {}

  /** All of them for who may read grants; else those one may open. */
  async list(actor: Actor, query: ListBreakGlassQuery) {
    const everybody = await this.permissions.allows(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => {
      const own = everybody ? {} : await this.openableBy(tx, actor);
      const page = await this.cursors.page(
        listName('break-glass', query),
        query,
        (take, after) => tx.breakGlass.findMany({ where: { AND: [own, after ? { id: { gt: after[0]! } } : {}] }, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toBreakGlassResponse), nextCursor: page.nextCursor };
    });
  }

  /** Whoever prepares it must hold the role and be allowed to assign it: opening it later asks nobody. */
  async seal(actor: Actor, { roleId, personId, positionId, mostMinutes, purpose }: SealBreakGlass) {
    // Somebody answers for it, by name.
    if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        // It ends as a role of a person’s, seen from every post they hold: so it takes the right to give one.
        await this.bounded.requireMayAssign(tx, actor, null);
        if (positionId && !(await everyRow(tx, 'reference').position.findFirst({ where: { id: positionId, deletedAt: null } }))) throw new Problem('NOT_FOUND');
        await this.bounded.requireRolesHeld(tx, actor, [roleId]);
        // Four eyes: what one prepares for oneself would outlast being rid of the role.
        const mine = personId === actor.personId || (positionId !== undefined && (await everyRow(tx, 'rule').appointment.count({ where: { personId: actor.personId, positionId } })) > 0);
        if (mine) throw new Denied('PERMISSION_DENIED', { permission: 'grant:write' });
        const row = await namingConstraints(
          { break_glass_foundation_id_role_id_fkey: unknownReference, break_glass_foundation_id_person_id_fkey: unknownReference, break_glass_foundation_id_position_id_fkey: unknownReference },
          () => tx.breakGlass.create({ data: { id: uuidv7(), foundationId: actor.foundationId, roleId, personId, positionId, mostMinutes, purpose, sealedBy: actorKey(actor) } }),
        );
        await this.audit.record(tx, actor, breakGlassSealed(row));
        return toBreakGlassResponse(row);
      }),
    );
  }

  /** It can no longer be opened; what is open ends as it would. Withdrawing twice changes nothing. */
  async withdraw(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const row = await tx.breakGlass.findFirst({ where: { id } });
      if (!row) throw new Problem('NOT_FOUND');
      await this.bounded.requireMayAssign(tx, actor, row.positionId);
      const withdrawnAt = new Date(actor.startedAt);
      const { count } = await tx.breakGlass.updateMany({ where: { id, withdrawnAt: null }, data: { withdrawnAt } });
      if (count > 0) await this.audit.record(tx, actor, breakGlassWithdrawn(row, { ...row, withdrawnAt }));
    });
  }

  /** Takes the role now, for the minutes asked. Throws 404 for one that is not one's own, 400 for more minutes than it lasts, 409 BREAK_GLASS_OPEN. */
  async open(actor: Actor, id: string, { minutes, reason }: OpenBreakGlass) {
    if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
    const answer = await this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const sealed = await tx.breakGlass.findFirst({ where: { AND: [{ id, withdrawnAt: null }, await this.openableBy(tx, actor)] } });
        if (!sealed) throw new Denied('NOT_FOUND', {}, { type: 'break_glass', id });
        if (sealed.sealedBy === actorKey(actor)) throw new Denied('PERMISSION_DENIED', { permission: 'grant:write' }, { type: 'break_glass', id });
        if (minutes > sealed.mostMinutes) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/minutes', code: 'most', detail: `at most ${sealed.mostMinutes}` }]);
        const openedAt = new Date(actor.startedAt);
        const ends = sealed.positionId ? await everyRow(tx, 'rule').appointment.findMany({ where: { personId: actor.personId, positionId: sealed.positionId, ...holdingAt(openedAt) }, select: { validUntil: true } }) : [];
        // No longer than the post it was prepared for.
        const validUntil = new Date(Math.min(actor.startedAt + minutes * 60_000, ...(ends.some(({ validUntil: end }) => end === null) ? [] : ends.map(({ validUntil: end }) => end!.getTime()))));
        // Serialized by the head's row lock, which the assignment takes: looked at after it.
        const already = () => new Problem('BREAK_GLASS_OPEN', { until: validUntil.toISOString() });
        const assignment = await namingConstraints({ role_assignment_once: already }, () => tx.roleAssignment.create({ data: { id: uuidv7(), foundationId: actor.foundationId, roleId: sealed.roleId, personId: actor.personId, validFrom: openedAt, validUntil, reason: `break-glass: ${reason}`.slice(0, 500) } }));
        const earlier = await tx.breakGlassOpening.findFirst({ where: { breakGlassId: id, personId: actor.personId, closedAt: null, validUntil: { gt: openedAt } } });
        if (earlier) throw new Problem('BREAK_GLASS_OPEN', { until: earlier.validUntil.toISOString() });
        const opening = await tx.breakGlassOpening.create({ data: { id: uuidv7(), foundationId: actor.foundationId, breakGlassId: id, personId: actor.personId, assignmentId: assignment.id, reason, openedAt, validUntil } });
        await this.audit.record(tx, actor, roleAssigned(assignment), breakGlassOpened(opening, sealed));
        return toOpeningResponse(opening);
      }),
    );
    this.metrics.breakGlass.inc();
    this.logger.warn({ msg: 'break-glass opened', foundationId: actor.foundationId, breakGlassId: id, openingId: answer.id, personId: actor.personId, until: answer.validUntil });
    return answer;
  }

  /** One's own openings; everybody's for who may read grants. */
  async openings(actor: Actor, query: ListOpeningsQuery) {
    const everybody = await this.permissions.allows(actor, 'permission:read', {});
    const own = everybody || actor.kind === 'system' ? {} : { personId: actor.personId };
    const reviewed = query.reviewed === undefined ? {} : { reviewedAt: query.reviewed === 'true' ? { not: null } : null };
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('break-glass/openings', query),
        query,
        (take, after) => tx.breakGlassOpening.findMany({ where: { AND: [own, reviewed, after ? { id: { gt: after[0]! } } : {}] }, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toOpeningResponse), nextCursor: page.nextCursor };
    });
  }

  /** Ends it now: whoever opened it, or who may assign roles. Closing what has ended changes nothing. */
  async close(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const { row, sealed } = await this.findOpening(tx, actor, id);
      const own = actor.kind === 'user' && actor.personId === row.personId;
      if (!own) await this.bounded.requireMayAssign(tx, actor, sealed.positionId);
      const closedAt = new Date(actor.startedAt);
      if (row.validUntil <= closedAt) return changesAuthorization(tx);
      const { count } = await tx.breakGlassOpening.updateMany({ where: { id, closedAt: null }, data: { closedAt } });
      if (count === 0) return changesAuthorization(tx);
      const assignment = await tx.roleAssignment.findFirst({ where: { id: row.assignmentId } });
      if (assignment) {
        await tx.roleAssignment.deleteMany({ where: { id: assignment.id } });
        await this.audit.record(tx, actor, roleUnassigned(assignment));
      }
      await this.audit.record(tx, actor, breakGlassClosed(row, { ...row, closedAt }));
      await this.bounded.requireAdministratorLeft(tx, actor);
    });
  }

  /** Notes that somebody else has looked at it. Throws 403 for one's own. */
  async review(actor: Actor, id: string) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const { row } = await this.findOpening(tx, actor, id);
        await this.permissions.require(actor, 'grant:write', {});
        if (actor.kind !== 'system' && actor.personId === row.personId) throw new Denied('PERMISSION_DENIED', { permission: 'grant:write' }, { type: 'break_glass_opening', id });
        const done = { reviewedBy: actorKey(actor), reviewedAt: new Date(actor.startedAt) };
        const { count } = await tx.breakGlassOpening.updateMany({ where: { id, reviewedAt: null }, data: done });
        if (count > 0) await this.audit.record(tx, actor, breakGlassReviewed(row, { ...row, ...done }));
        return toOpeningResponse((await this.findOpening(tx, actor, id)).row);
      }),
    );
  }

  private async openableBy(tx: Tx, actor: Actor) {
    if (actor.kind === 'system') return {};
    const now = new Date(actor.startedAt);
    const posts = await everyRow(tx, 'rule').appointment.findMany({
      where: { personId: actor.personId, ...holdingAt(now), position: { deletedAt: null, unit: { deletedAt: null } } },
      select: { positionId: true },
    });
    return { withdrawnAt: null, OR: [{ personId: actor.personId }, { positionId: { in: posts.map(({ positionId }) => positionId) } }] };
  }

  private async findOpening(tx: Tx, actor: Actor, id: string) {
    const found = await tx.breakGlassOpening.findFirst({ where: { id }, include: { breakGlass: true } });
    const own = found !== null && actor.kind === 'user' && actor.personId === found.personId;
    if (!found || (!own && !(await this.permissions.allows(actor, 'permission:read', {})))) throw new Denied('NOT_FOUND', {}, { type: 'break_glass_opening', id });
    const { breakGlass: sealed, ...row } = found;
    return { row, sealed };
  }
}
