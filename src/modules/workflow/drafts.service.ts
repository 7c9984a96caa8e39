import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, type PageRequest, requireBasis, requireUnchanged } from '../../http';
import { Database, type Tx, type WorkflowDraft } from '../../platform/database';
import { AuditService } from '../audit';
import { DefinitionsService } from './definitions.service';
import { readDefinition } from './gate';
import { draftOfDefinition } from './workflow.events';

/** Definitions somebody is working on: one of each key, shared by those who may publish it. */
@Injectable()
export class DraftsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly definitions: DefinitionsService,
  ) {}

  async list(actor: Actor, query: PageRequest) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('workflow/drafts', query),
        query,
        (take, after) => tx.workflowDraft.findMany({ where: after ? { key: { gt: after[0]! } } : {}, orderBy: { key: 'asc' }, take }),
        (row) => [row.key],
      );
      return { items: page.items.map(({ key, version, savedBy, savedAt }) => ({ key, version, savedBy, savedAt: savedAt.toISOString() })), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, key: string) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, async (tx) => toResponse(await this.find(tx, key)));
  }

  /** Begins a draft, or changes it based on what was read. What is wrong with it is answered, and does not keep it from being saved. */
  async save(actor: Actor, key: string, document: Record<string, unknown>, ifMatch: string | undefined) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM workflow_draft WHERE key = ${key} FOR UPDATE`;
      const before = await tx.workflowDraft.findFirst({ where: { key } });
      const saved = { document: document as object, savedBy: actorKey(actor), savedAt: new Date() };
      if (before) {
        requireBasis({ ifMatch });
        requireUnchanged(toResponse(before), { ifMatch });
        await tx.workflowDraft.updateMany({ where: { id: before.id }, data: { ...saved, version: { increment: 1 } } });
      } else {
        if (ifMatch !== undefined) throw new Problem('PRECONDITION_FAILED');
        await namingConstraints({ workflow_draft_foundation_id_key_key: () => new Problem('STALE_VERSION') }, () => tx.workflowDraft.create({ data: { id: uuidv7(), foundationId: actor.foundationId, key, ...saved } }));
      }
      const after = await this.find(tx, key);
      await this.audit.record(tx, actor, draftOfDefinition('saved', after));
      return toResponse(after);
    });
  }

  async remove(actor: Actor, key: string): Promise<void> {
    await this.permissions.require(actor, 'workflow:publish', {});
    await this.database.withTenant(actor, async (tx) => this.removeIn(tx, actor, await this.find(tx, key)));
  }

  /** Makes a draft the newest version. Throws 422 WORKFLOW_DEFINITION_INVALID and keeps it where something is wrong. */
  async publish(actor: Actor, key: string, anyway: boolean) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const draft = await this.find(tx, key);
        const named = (draft.document as { key?: unknown }).key;
        if (named !== key) throw new Problem('WORKFLOW_DEFINITION_INVALID', { count: 1 }, [{ pointer: '#/key', code: 'another_key', detail: `this is the draft of ${key}` }]);
        const row = await this.definitions.publishIn(tx, actor, draft.document, anyway);
        await this.removeIn(tx, actor, draft);
        return this.definitions.answer(tx, row);
      }),
    );
  }

  private async removeIn(tx: Tx, actor: Actor, row: WorkflowDraft): Promise<void> {
    await tx.workflowDraft.deleteMany({ where: { id: row.id } });
    await this.audit.record(tx, actor, draftOfDefinition('deleted', row));
  }

  private async find(tx: Tx, key: string): Promise<WorkflowDraft> {
    const row = await tx.workflowDraft.findFirst({ where: { key } });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }
}

function toResponse({ key, version, savedBy, savedAt, document }: WorkflowDraft) {
  return { key, version, savedBy, savedAt: savedAt.toISOString(), document: document as Record<string, unknown>, problems: readDefinition(document).problems };
}
