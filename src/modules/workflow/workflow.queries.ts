import { Injectable } from '@nestjs/common';
import { type Actor, Denied, PermissionPort, Problem } from '../../access';
import { Cursors, listName, type Page } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { type CandidateReason, explainCandidate } from './candidates';
import { requestsWithin } from './rows';
import { DefinitionsService } from './definitions.service';
import { type InstanceRow, readInstance, readInstances, requestFacts } from './instances.store';
import type { InboxItem, InboxQuery, InstanceView, ListInstancesQuery } from './workflow.dto';
import { flowchartOf, svgOf } from './picture';
import { titleOf, toView } from './instances.view';

/** Reading requests: what the caller may see is what the permission reaches, and what they were asked to decide. */
@Injectable()
export class WorkflowQueries {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly cursors: Cursors,
  ) {}

  /** Newest first. */
  async list(actor: Actor, query: ListInstancesQuery): Promise<Page<InstanceView>> {
    return this.database.withTenant(actor, async (tx) => {
      const requests = requestsWithin(tx, await this.permissions.filter(actor, 'workflow:read', 'request'));
      const page = await this.cursors.page(
        listName('workflow/instances', query),
        query,
        (take, after) =>
          requests.findMany({
            where: { AND: [{ state: query.state, key: query.key, initiatorId: query.initiatorId, unitId: query.unitId }, after ? { id: { lt: after[0]! } } : {}] },
            orderBy: { id: 'desc' },
            take,
            select: { id: true },
          }),
        (row) => [row.id],
      );
      const rows = await readInstances(tx, page.items.map(({ id }) => id), null);
      const items: InstanceView[] = [];
      for (const row of rows.sort((a, b) => (a.id < b.id ? 1 : -1))) items.push(toView(row, await this.definitions.byId(tx, row.definition_id), actor.locale));
      return { items, nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string): Promise<InstanceView> {
    return this.database.withTenant(actor, async (tx) => {
      const row = await this.visible(tx, actor, id);
      return toView(row, await this.definitions.byId(tx, row.definition_id), actor.locale);
    });
  }

  async history(actor: Actor, id: string) {
    return this.database.withTenant(actor, async (tx) => {
      await this.visible(tx, actor, id);
      const rows = await tx.workflowHistory.findMany({ where: { instanceId: id }, orderBy: { seq: 'asc' } });
      return {
        items: rows.map((row) => ({ seq: row.seq, event: row.event, node: row.node, actor: row.actorKey, data: row.data as Record<string, unknown>, at: row.at.toISOString() })),
      };
    });
  }

  /** A definition's newest version as a picture. */
  async pictureOf(actor: Actor, key: string): Promise<string> {
    return this.database.withTenant(actor, async (tx) => {
      const { definition } = await this.definitions.byKey(tx, key);
      return svgOf(definition, actor.locale, definition.title[actor.locale], null);
    });
  }

  async flowchartOf(actor: Actor, key: string): Promise<{ mermaid: string }> {
    return this.database.withTenant(actor, async (tx) => ({ mermaid: flowchartOf((await this.definitions.byKey(tx, key)).definition, actor.locale) }));
  }

  /** A request where it stands: what waits, what has been answered since it was submitted last. */
  async picture(actor: Actor, id: string): Promise<string> {
    return this.database.withTenant(actor, async (tx) => {
      const row = await this.visible(tx, actor, id);
      const { definition } = await this.definitions.byId(tx, row.definition_id);
      const answered = await tx.workflowTask.findMany({ where: { instanceId: id, round: row.round, state: { in: ['approved', 'completed'] } }, select: { node: true } });
      const votes = ({ tally }: InstanceRow['tasks'][number]) => (tally && tally.open.people + tally.approve.people + tally.reject.people + tally.abstain.people > 1 ? `✓ ${tally.approve.people} · ✗ ${tally.reject.people} · … ${tally.open.people}` : '');
      return svgOf(definition, actor.locale, definition.title[actor.locale], { waiting: new Map(row.tasks.map((task) => [task.node, votes(task)])), answered: new Set(answered.map(({ node }) => node)) });
    });
  }

  /** Exactly the open steps the caller is a candidate of, oldest first, each with the reason. */
  async inbox(actor: Actor, query: InboxQuery): Promise<Page<InboxItem>> {
    if (actor.kind !== 'user') return { items: [], nextCursor: null };
    return this.database.withTenant(actor, async (tx) => {
      type Row = { task_id: string; instance_id: string; definition_id: string; key: string; node: string; since: Date; reason: CandidateReason; initiator_id: string; initiator: string; form: Record<string, unknown> };
      const page = await this.cursors.page(
        listName('me/tasks', { personId: actor.personId, ...query }),
        query,
        (take, after) => tx.$queryRaw<Row[]>`
          SELECT t.id AS task_id, i.id AS instance_id, i.definition_id, i.key, t.node, t.created_at AS since, c.reason, p.id AS initiator_id, p.full_name AS initiator, i.form
            FROM workflow_candidate c
            JOIN workflow_task t ON t.foundation_id = c.foundation_id AND t.id = c.task_id AND t.state = 'open'
            JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id
            JOIN person p ON p.foundation_id = i.foundation_id AND p.id = i.initiator_id
           WHERE c.foundation_id = ${actor.foundationId}::uuid AND c.person_id = ${actor.personId}::uuid
             AND (t.turn IS NULL OR t.turn = c.turn)
             AND NOT EXISTS (SELECT FROM workflow_decision d WHERE d.foundation_id = c.foundation_id AND d.task_id = c.task_id AND d.actor_key = ${`person:${actor.personId}`})
             AND (${query.definition ?? null}::text IS NULL OR i.key = ${query.definition ?? null})
             AND (${after?.[0] ?? null}::uuid IS NULL OR c.task_id > ${after?.[0] ?? null}::uuid)
           ORDER BY c.task_id LIMIT ${take}`,
        (row) => [row.task_id],
      );
      const items: InboxItem[] = [];
      for (const row of page.items) {
        const { definition } = await this.definitions.byId(tx, row.definition_id);
        items.push({
          taskId: row.task_id,
          instanceId: row.instance_id,
          definition: row.key,
          node: row.node,
          title: titleOf(definition, row.node, actor.locale),
          why: explainCandidate(row.reason, actor.locale),
          initiator: { id: row.initiator_id, name: row.initiator },
          form: row.form,
          since: row.since.toISOString(),
        });
      }
      return { items, nextCursor: page.nextCursor };
    });
  }

  private async visible(tx: Tx, actor: Actor, id: string): Promise<InstanceRow> {
    const personId = actor.kind === 'user' ? actor.personId : null;
    const row = await readInstance(tx, id, personId, false);
    if (!row) throw new Problem('NOT_FOUND');
    if (await this.permissions.allows(actor, 'workflow:read', requestFacts(row))) return row;
    // Whoever was asked to decide one of its steps keeps seeing it.
    const asked = personId !== null && (await tx.workflowCandidate.count({ where: { personId, task: { instanceId: id } } })) > 0;
    if (!asked) throw new Denied('NOT_FOUND', {}, { type: 'workflow_instance', id });
    return row;
  }
}
