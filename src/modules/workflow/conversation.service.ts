import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, Denied, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, type PageRequest } from '../../http';
import { Database, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { toFileView, type WholeFile } from '../files';
import { AttachingService } from './attaching.service';
import { explainCandidate, namedIn } from './candidates';
import { DefinitionsService } from './definitions.service';
import { personOf } from './filing';
import { InformingService } from './informing.service';
import { askedOf, type InstanceRow, requestFacts, wasAsked } from './instances.store';
import { namesOf, titleOf } from './instances.view';
import { commented, copiedIn } from './workflow.events';
import { WorkflowQueries } from './workflow.queries';

/** What is said about a request beside decisions, and who follows it. */
@Injectable()
export class ConversationService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly queries: WorkflowQueries,
    private readonly cursors: Cursors,
    private readonly informing: InformingService,
    private readonly attaching: AttachingService,
  ) {}

  /** Oldest first. */
  async comments(actor: Actor, instanceId: string, query: PageRequest) {
    return this.database.withTenant(actor, async (tx) => {
      await this.queries.visible(tx, actor, instanceId);
      const page = await this.cursors.page(
        listName('workflow/comments', { instanceId, ...query }),
        query,
        (take, after) => tx.workflowComment.findMany({ where: { instanceId, ...(after ? { id: { gt: after[0]! } } : {}) }, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      const attached = await tx.workflowAttachment.findMany({ where: { instanceId, commentId: { in: page.items.map(({ id }) => id) } }, include: { file: true }, orderBy: { fileId: 'asc' } });
      const filesOf = (id: string) => attached.filter(({ commentId }) => commentId === id).map(({ file }) => toFileView(file as WholeFile));
      return { items: page.items.map(({ id, actorKey: by, body, createdAt }) => ({ id, by, body, files: filesOf(id), at: createdAt.toISOString() })), nextCursor: page.nextCursor };
    });
  }

  /** With files of the caller's, where they name any. */
  async comment(actor: Actor, instanceId: string, { body, files }: { body: string; files: readonly string[] }) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const row = await this.requirePart(tx, actor, instanceId, { lock: files.length > 0 });
        const { id, createdAt } = await tx.workflowComment.create({ data: { id: uuidv7(), foundationId: actor.foundationId, instanceId, actorKey: actorKey(actor), body } });
        await this.audit.record(tx, actor, commented(instanceId, id));
        await this.attaching.add(tx, actor, instanceId, files, id);
        await this.informing.ofRequest(tx, actor, row, (await this.definitions.byId(tx, row.definition_id)).definition, 'request.commented');
        const kept = await tx.workflowAttachment.findMany({ where: { commentId: id }, include: { file: true }, orderBy: { fileId: 'asc' } });
        return { id, by: actorKey(actor), body, files: kept.map(({ file }) => toFileView(file as WholeFile)), at: createdAt.toISOString() };
      }),
    );
  }

  /** Who is asked at each open step, why and whether they have answered; and who follows it. */
  async people(actor: Actor, instanceId: string) {
    return this.database.withTenant(actor, async (tx) => {
      const row = await this.queries.visible(tx, actor, instanceId);
      const { definition } = await this.definitions.byId(tx, row.definition_id);
      const tasks = await Promise.all(row.tasks.map(async ({ id, node }) => ({ id, node, asked: await askedOf(tx, id) })));
      const watchers = await tx.workflowWatcher.findMany({ where: { instanceId }, orderBy: { addedAt: 'asc' } });
      const names = await namesOf(tx, [...tasks.flatMap(({ asked }) => asked.flatMap(({ personId, part, reason }) => [personId, part, ...namedIn(reason)])), ...watchers.map(({ personId }) => personId)]);
      const name = (id: string) => ({ id, name: names.get(id) ?? '?' });
      return {
        tasks: tasks.map(({ id, node, asked }) => ({
          taskId: id,
          node,
          title: titleOf(definition, node, actor.locale),
          asked: asked.map(({ personId, part, reason, answered }) => ({ ...name(personId), why: explainCandidate(reason, actor.locale, names, 'others'), inThePlaceOf: part === personId ? null : name(part), answered })),
        })),
        watchers: watchers.map(({ personId, addedBy, addedAt }) => ({ ...name(personId), addedBy, since: addedAt.toISOString() })),
      };
    });
  }

  /** Lets somebody see a request and hear of it. */
  async copyIn(actor: Actor, instanceId: string, personId: string) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const row = await this.requirePart(tx, actor, instanceId);
        const person = await everyRow(tx, 'rule').person.findFirst({ where: { id: personId, deletedAt: null }, select: { id: true } });
        if (!person) throw new Problem('NOT_FOUND');
        const { count } = await tx.workflowWatcher.createMany({ data: { foundationId: actor.foundationId, instanceId, personId, addedBy: actorKey(actor) }, skipDuplicates: true });
        if (count > 0) {
          await this.audit.record(tx, actor, copiedIn(instanceId, personId, true));
          await this.informing.ofRequest(tx, actor, row, (await this.definitions.byId(tx, row.definition_id)).definition, 'request.copied_in', [personId]);
        }
        return { id: personId };
      }),
    );
  }

  /** Ends it: by the person themselves, who copied them in, or an administrator. */
  async copyOut(actor: Actor, instanceId: string, personId: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const row = await this.queries.visible(tx, actor, instanceId);
      const watcher = await tx.workflowWatcher.findFirst({ where: { instanceId, personId } });
      if (!watcher) throw new Problem('NOT_FOUND');
      const own = watcher.addedBy === actorKey(actor) || (actor.kind === 'user' && actor.personId === personId);
      if (!own && !(await this.permissions.allows(actor, 'workflow:administer', requestFacts(row)))) throw new Denied('PERMISSION_DENIED', { permission: 'workflow:administer' }, { type: 'workflow_instance', id: instanceId });
      await tx.workflowWatcher.deleteMany({ where: { instanceId, personId } });
      await this.audit.record(tx, actor, copiedIn(instanceId, personId, false));
    });
  }

  /** Whoever has to do with a request speaks about it; those who may only look do not. */
  async requirePart(tx: Tx, actor: Actor, instanceId: string, options: { lock: boolean } = { lock: false }): Promise<InstanceRow> {
    const personId = personOf(actor);
    const row = await this.queries.visible(tx, actor, instanceId, options);
    const part = personId === row.initiator_id || (await wasAsked(tx, instanceId, personId)) || (await tx.workflowWatcher.count({ where: { instanceId, personId } })) > 0;
    if (!part && !(await this.permissions.allows(actor, 'workflow:administer', requestFacts(row)))) throw new Denied('WORKFLOW_NO_PART', {}, { type: 'workflow_instance', id: instanceId });
    return row;
  }
}
