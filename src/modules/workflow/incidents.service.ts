import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, type PageRequest } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { DefinitionsService } from './definitions.service';
import { callStep, endpointOf } from './calls';
import { type InstanceRow, readInstance } from './instances.store';
import { titleOf } from './instances.view';
import { requestsWithin } from './rows';
import { Transitions } from './transitions.service';
import { incidentRetried } from './workflow.events';

/** How many are looked at in one go. */
const SWATH = 500;

interface Row {
  id: string;
  kind: 'timer' | 'message' | 'failure';
  instance_id: string;
  definition_id: string;
  key: string;
  node: string;
  boundary: number | null;
  since: Date;
  attempts: number;
  last_error: string;
  retry_at: Date | null;
}

/** Where requests should have gone on and could not: until they can, or somebody skips, hands on, gives up or cancels what is in the way. */
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

  /** Of requests the caller administers, those that have lasted longest first. */
  async list(actor: Actor, query: PageRequest) {
    return this.database.withTenant(actor, async (tx) => {
      const requests = requestsWithin(tx, await this.permissions.filter(actor, 'workflow:administer', 'request'));
      const page = await this.cursors.page(
        listName('workflow/incidents', query),
        query,
        async (take, after) => {
          const shown: Row[] = [];
          for (let last = after ? { since: after[0]!, id: after[1]! } : null; shown.length < take; ) {
            const found = await incidents(tx, last, SWATH, null);
            const mine = new Set((await requests.findMany({ where: { id: { in: found.map((row) => row.instance_id) } }, select: { id: true } })).map(({ id }) => id));
            shown.push(...found.filter((row) => mine.has(row.instance_id)));
            if (found.length < SWATH) break;
            last = { since: found.at(-1)!.since.toISOString(), id: found.at(-1)!.id };
          }
          return shown.slice(0, take);
        },
        (row) => [row.since.toISOString(), row.id],
      );
      const items = [];
      for (const row of page.items) {
        const { definition } = await this.definitions.byId(tx, row.definition_id);
        items.push({
          id: row.id, kind: row.kind, instanceId: row.instance_id, definition: row.key, node: row.node, title: titleOf(definition, row.node, actor.locale), boundary: row.boundary,
          since: row.since.toISOString(), attempts: row.attempts, problem: row.last_error, nextTryAt: row.retry_at?.toISOString() ?? null,
        });
      }
      return { items, nextCursor: page.nextCursor };
    });
  }

  /** Tries it again at once; of what somebody else has to try again, says that it may be: it is gone until it goes wrong once more. */
  async retry(actor: Actor, id: string): Promise<{ id: string }> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const [row] = await incidents(tx, null, 1, id);
        const instance = row && (await readInstance(tx, row.instance_id, actor.kind === 'user' ? actor.personId : null, false));
        if (!instance) throw new Problem('NOT_FOUND');
        await this.transitions.requireAdministers(actor, instance);
        if (row.kind === 'timer') await tx.$executeRaw`UPDATE workflow_timer SET retry_at = now() WHERE id = ${id}::uuid AND state = 'pending'`;
        if (row.kind === 'message') await tx.$executeRaw`UPDATE workflow_message SET try_at = now() WHERE id = ${id}::uuid AND delivered_at IS NULL`;
        if (row.kind === 'failure') await this.again(tx, actor, instance, id, row.node);
        await this.audit.record(tx, actor, incidentRetried(instance.id, { kind: row.kind, id }));
        return { id };
      }),
    );
  }

  /** What failed is gone until it goes wrong once more; a system that was asked to carry it out is asked again. */
  private async again(tx: Tx, actor: Actor, instance: InstanceRow, taskId: string, node: string): Promise<void> {
    await tx.workflowFailure.deleteMany({ where: { taskId } });
    const { definition } = await this.definitions.byId(tx, instance.definition_id);
    if (endpointOf(definition.nodes[node]) === undefined || (await this.transitions.webhooks.again(tx, taskId))) return;
    await callStep(tx, this.transitions, actor, instance, definition, { id: taskId, node }, instance.variables);
  }
}

function incidents(tx: Tx, after: { since: string; id: string } | null, take: number, id: string | null): Promise<Row[]> {
  return tx.$queryRaw<Row[]>`
    WITH found AS (
      SELECT m.id, 'timer' AS kind, m.task_id, m.boundary, m.due_at AS since, m.attempts, m.last_error, m.retry_at
        FROM workflow_timer m WHERE m.foundation_id = gloria_foundation() AND m.state = 'pending' AND m.attempts > 0
      UNION ALL
      -- Of the steps a message could be for: the first that waits for it.
      SELECT m.id, 'message', s.task_id, s.boundary, m.created_at, m.attempts, m.last_error, m.try_at
        FROM workflow_message m
       CROSS JOIN LATERAL (SELECT w.task_id, w.boundary FROM workflow_subscription w JOIN workflow_task t ON t.foundation_id = w.foundation_id AND t.id = w.task_id AND t.state = 'open'
                            WHERE w.foundation_id = m.foundation_id AND w.name = m.name AND w.key = m.key ORDER BY w.task_id LIMIT 1) AS s
       WHERE m.foundation_id = gloria_foundation() AND m.delivered_at IS NULL AND m.attempts > 0 AND m.expires_at > now()
      UNION ALL
      SELECT f.task_id, 'failure', f.task_id, NULL, f.at, f.times, f.code || ': ' || f.detail, NULL FROM workflow_failure f WHERE f.foundation_id = gloria_foundation()
    )
    SELECT found.id::text, found.kind, i.id::text AS instance_id, i.definition_id::text, i.key, t.node, found.boundary, found.since, found.attempts, found.last_error, found.retry_at
      FROM found JOIN workflow_task t ON t.foundation_id = gloria_foundation() AND t.id = found.task_id AND t.state = 'open' JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id
     WHERE (${id}::uuid IS NULL OR found.id = ${id}::uuid)
       AND (${after?.since ?? null}::timestamptz IS NULL OR (found.since, found.id) > (${after?.since ?? null}::timestamptz, ${after?.id ?? null}::uuid))
     ORDER BY found.since, found.id LIMIT ${take}`;
}
