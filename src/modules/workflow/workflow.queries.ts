import { Injectable } from '@nestjs/common';
import { type Actor, Denied, PermissionPort, Problem } from '../../access';
import { Cursors, listName, type Page } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { explainStandIn, namedIn } from './candidates';
import { CountedLeave } from './counted-leave.service';
import { DecisionsService } from './decisions.service';
import { findRequests } from './search';
import { DefinitionsService } from './definitions.service';
import { type InstanceRow, readInstance, readInstances, requestFacts, wasAsked } from './instances.store';
import type { InboxItem, InboxQuery, InstanceView, LeaveAsked, ListInstancesQuery } from './workflow.dto';
import { inboxRows, type InboxRow } from './inbox';
import { DUE } from './service-level';
import { flowchartOf, svgOf } from './picture';
import { namesOf, titleOf, toView } from './instances.view';

/** Reading requests: what the caller may see is what the permission reaches, and what they were asked to decide. */
@Injectable()
export class WorkflowQueries {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly cursors: Cursors,
    private readonly decisions: DecisionsService,
    private readonly counted: CountedLeave,
  ) {}

  /** Newest first. */
  async list(actor: Actor, query: ListInstancesQuery): Promise<Page<InstanceView>> {
    return this.database.withTenant(actor, async (tx) => {
      const filter = await this.permissions.filter(actor, 'workflow:read', 'request');
      const page = await this.cursors.page(
        listName('workflow/instances', query),
        query,
        async (take, after) => (await findRequests(tx, filter, query, take, after?.[0] ?? null)).map((id) => ({ id })),
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

  /** What leave a request asks for, with what is left: for whoever decides. */
  async leave(actor: Actor, id: string): Promise<{ items: LeaveAsked[] }> {
    return this.database.withTenant(actor, async (tx) => {
      const row = await this.visible(tx, actor, id);
      const { definition } = await this.definitions.byId(tx, row.definition_id);
      return { items: await this.counted.foresee(tx, actor, definition, row.initiator_id, row.unit_id, row.form) };
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
      return svgOf(definition, actor.locale, definition.title[actor.locale], { waiting: new Map(row.tasks.map((task) => [task.node, votes(task)])), answered: new Set(answered.map(({ node }) => node)), overdue: new Set(row.tasks.filter(({ fired }) => fired.includes(DUE)).map(({ node }) => node)) });
    });
  }

  /** Exactly the open steps the caller may decide by being asked, or in the place of somebody who is and is away; oldest first, each with the reason. */
  async inbox(actor: Actor, query: InboxQuery): Promise<Page<InboxItem>> {
    if (actor.kind !== 'user') return { items: [], nextCursor: null };
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('me/tasks', { personId: actor.personId, ...query }),
        query,
        async (take, after) => {
          const shown: InboxRow[] = [];
          for (let last = after?.[0] ?? null; ; ) {
            const found = await inboxRows(tx, actor.personId, query.definition ?? null, last, take);
            for (const row of found) if (row.chain.length === 0 || (await this.mayStandIn(tx, actor, row))) shown.push(row);
            if (found.length < take || shown.length >= take) return shown.slice(0, take);
            last = found.at(-1)!.task_id;
          }
        },
        (row) => [row.task_id],
      );
      const names = await namesOf(tx, page.items.flatMap(({ reason, chain }) => [...namedIn(reason), ...chain.slice(0, 1)]));
      const items: InboxItem[] = [];
      for (const row of page.items) {
        const { definition } = await this.definitions.byId(tx, row.definition_id);
        items.push({
          taskId: row.task_id,
          instanceId: row.instance_id,
          definition: row.key,
          node: row.node,
          title: titleOf(definition, row.node, actor.locale),
          why: explainStandIn(row, actor.locale, names),
          claimed: row.claimed_by !== null,
          awaitsInformation: row.asking,
          initiator: { id: row.initiator_id, name: row.initiator },
          form: row.form,
          since: row.since.toISOString(),
          dueAt: row.due_at?.toISOString() ?? null,
          overdue: row.overdue,
        });
      }
      return { items, nextCursor: page.nextCursor };
    });
  }

  /** Whether they could decide it themselves: nobody gains a right by standing in. */
  private async mayStandIn(tx: Tx, actor: Actor, row: InboxRow): Promise<boolean> {
    const instance = await readInstance(tx, row.instance_id, actor.kind === 'user' ? actor.personId : null, false);
    try {
      await this.decisions.requireMayDecide(tx, actor, instance!, { id: row.task_id, node: row.node }, await this.definitions.byId(tx, row.definition_id));
      return true;
    } catch (error) {
      if (error instanceof Denied) return false;
      throw error;
    }
  }

  /** A request the actor may see; throws 404 otherwise. */
  async visible(tx: Tx, actor: Actor, id: string, options: { lock: boolean } = { lock: false }): Promise<InstanceRow> {
    const row = await readInstance(tx, id, actor.kind === 'user' ? actor.personId : null, options.lock);
    if (!row) throw new Problem('NOT_FOUND');
    if (!(await this.sees(tx, actor, row))) throw new Denied('NOT_FOUND', {}, { type: 'workflow_instance', id });
    return row;
  }

  /** Whether the actor may see a request. */
  async mayRead(tx: Tx, actor: Actor, id: string): Promise<boolean> {
    const row = await readInstance(tx, id, actor.kind === 'user' ? actor.personId : null, false);
    return row !== null && (await this.sees(tx, actor, row));
  }

  private async sees(tx: Tx, actor: Actor, row: InstanceRow): Promise<boolean> {
    if (await this.permissions.allows(actor, 'workflow:read', requestFacts(row))) return true;
    if (actor.kind !== 'user') return false;
    // Whoever was asked to decide one of its steps keeps seeing it; so does who was copied in.
    return (await wasAsked(tx, row.id, actor.personId)) || (await tx.workflowWatcher.count({ where: { personId: actor.personId, instanceId: row.id } })) > 0;
  }
}
