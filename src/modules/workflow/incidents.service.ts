import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, type PageRequest } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { DefinitionsService } from './definitions.service';
import { readInstance } from './instances.store';
import { titleOf } from './instances.view';
import { requestsWithin } from './rows';
import { Transitions } from './transitions.service';
import { incidentRetried } from './workflow.events';

/** How many are looked at in one go. */
const SWATH = 500;

interface Row {
  id: string;
  instance_id: string;
  definition_id: string;
  key: string;
  node: string;
  boundary: number | null;
  due_at: Date;
  attempts: number;
  last_error: string;
  retry_at: Date;
}

/** Where requests should have gone on by themselves and could not: until it can, or somebody skips, hands on or cancels what is in the way. */
@Injectable()
export class IncidentsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly cursors: Cursors,
  ) {}

  /** Of requests the caller administers, the longest overdue first. */
  async list(actor: Actor, query: PageRequest) {
    return this.database.withTenant(actor, async (tx) => {
      const requests = requestsWithin(tx, await this.permissions.filter(actor, 'workflow:administer', 'request'));
      const page = await this.cursors.page(
        listName('workflow/incidents', query),
        query,
        async (take, after) => {
          const shown: Row[] = [];
          for (let last = after ? { due: after[0]!, id: after[1]! } : null; shown.length < take; ) {
            const found = await failing(tx, last, SWATH, null);
            const mine = new Set((await requests.findMany({ where: { id: { in: found.map((row) => row.instance_id) } }, select: { id: true } })).map(({ id }) => id));
            shown.push(...found.filter((row) => mine.has(row.instance_id)));
            if (found.length < SWATH) break;
            last = { due: found.at(-1)!.due_at.toISOString(), id: found.at(-1)!.id };
          }
          return shown.slice(0, take);
        },
        (row) => [row.due_at.toISOString(), row.id],
      );
      const items = [];
      for (const row of page.items) {
        const { definition } = await this.definitions.byId(tx, row.definition_id);
        items.push({
          id: row.id, instanceId: row.instance_id, definition: row.key, node: row.node, title: titleOf(definition, row.node, actor.locale), boundary: row.boundary,
          dueAt: row.due_at.toISOString(), attempts: row.attempts, problem: row.last_error, nextTryAt: row.retry_at.toISOString(),
        });
      }
      return { items, nextCursor: page.nextCursor };
    });
  }

  /** Tries it again at once. */
  async retry(actor: Actor, id: string): Promise<{ id: string }> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const [row] = await failing(tx, null, 1, id);
        const instance = row && (await readInstance(tx, row.instance_id, actor.kind === 'user' ? actor.personId : null, false));
        if (!instance) throw new Problem('NOT_FOUND');
        await this.transitions.requireAdministers(actor, instance);
        await tx.$executeRaw`UPDATE workflow_timer SET retry_at = now() WHERE id = ${id}::uuid AND state = 'pending'`;
        await this.audit.record(tx, actor, incidentRetried(instance.id, id));
        return { id };
      }),
    );
  }
}

function failing(tx: Tx, after: { due: string; id: string } | null, take: number, id: string | null): Promise<Row[]> {
  return tx.$queryRaw<Row[]>`
    SELECT m.id::text, i.id::text AS instance_id, i.definition_id::text, i.key, t.node, m.boundary, m.due_at, m.attempts, m.last_error, m.retry_at
      FROM workflow_timer m JOIN workflow_task t ON t.foundation_id = m.foundation_id AND t.id = m.task_id JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id
     WHERE m.foundation_id = gloria_foundation() AND m.state = 'pending' AND m.attempts > 0 AND (${id}::uuid IS NULL OR m.id = ${id}::uuid)
       AND (${after?.due ?? null}::timestamptz IS NULL OR (m.due_at, m.id) > (${after?.due ?? null}::timestamptz, ${after?.id ?? null}::uuid))
     ORDER BY m.due_at, m.id LIMIT ${take}`;
}
