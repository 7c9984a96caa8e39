import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort } from '../../access';
import { Cursors, listName, type Page } from '../../http';
import { Database, Prisma } from '../../platform/database';
import { type EventResponse, type EventRow, type ListEventsQuery, toEventResponse } from './audit.dto';
import { AuditService } from './audit.service';

/** Reading the log. Reads are themselves recorded, one event a page. */
@Injectable()
export class AuditQueries {
  constructor(
    private readonly database: Database,
    private readonly cursors: Cursors,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
  ) {}

  /** Newest first. */
  async list(actor: Actor, query: ListEventsQuery): Promise<Page<EventResponse>> {
    await this.permissions.require(actor, 'audit:read', {});
    const filters = [
      query.actorId && Prisma.sql`actor_id = ${query.actorId}`,
      query.action && Prisma.sql`action = ${query.action}`,
      query.targetType && Prisma.sql`target_type = ${query.targetType}`,
      query.targetId && Prisma.sql`target_id = ${query.targetId}`,
      query.outcome && Prisma.sql`outcome = ${query.outcome}`,
      query.requestId && Prisma.sql`context->>'requestId' = ${query.requestId}`,
      query.from && Prisma.sql`occurred_at >= ${new Date(query.from)}`,
      query.until && Prisma.sql`occurred_at < ${new Date(query.until)}`,
    ].filter((part) => part instanceof Prisma.Sql);

    return this.database.withTenantReading(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('audit/events', query),
        query,
        (take, after) => {
          const beyond = after ? [Prisma.sql`(occurred_at, id) < (${new Date(after[0]!)}, ${after[1]}::uuid)`] : [];
          return tx.$queryRaw<EventRow[]>`
            SELECT id, occurred_at, action, outcome, reason_code, actor_kind, actor_id, session_id, target_type, target_id, context, before, after
              FROM audit.event WHERE ${Prisma.join([Prisma.sql`foundation_id = ${actor.foundationId}::uuid`, ...filters, ...beyond], ' AND ')}
             ORDER BY occurred_at DESC, id DESC LIMIT ${take}`;
        },
        (row) => [row.occurred_at.toISOString(), row.id],
      );
      await this.audit.record(tx, actor, {
        action: 'audit.read',
        target: { type: 'audit_event', id: page.items[0]?.id ?? 'none' },
        after: { rows: page.items.length, filters: listName('', query) },
      });
      return { items: page.items.map(toEventResponse), nextCursor: page.nextCursor };
    });
  }
}
