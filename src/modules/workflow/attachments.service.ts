import { Injectable } from '@nestjs/common';
import { type Actor, AttachmentAccess, Denied, Problem } from '../../access';
import { idempotent } from '../../http';
import { Database } from '../../platform/database';
import { AuditService } from '../audit';
import { FileStore, toFileView, type WholeFile } from '../files';
import { AttachingService, MOST_FILES } from './attaching.service';
import { ConversationService } from './conversation.service';
import { personOf } from './filing';
import { attached } from './workflow.events';
import { WorkflowQueries } from './workflow.queries';

/** What is attached to requests. Once a request is submitted, what was attached stays. */
@Injectable()
export class AttachmentsService extends AttachmentAccess {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly files: FileStore,
    private readonly queries: WorkflowQueries,
    private readonly conversation: ConversationService,
    private readonly attaching: AttachingService,
  ) {
    super();
  }

  async mayRead(actor: Actor, fileId: string): Promise<boolean> {
    return this.database.withTenant(actor, async (tx) => {
      const row = await tx.workflowAttachment.findUnique({ where: { fileId }, select: { instanceId: true } });
      return row !== null && (await this.queries.mayRead(tx, actor, row.instanceId));
    });
  }

  /** Oldest first. */
  async list(actor: Actor, instanceId: string) {
    return this.database.withTenant(actor, async (tx) => {
      await this.queries.visible(tx, actor, instanceId);
      const rows = await tx.workflowAttachment.findMany({ where: { instanceId }, orderBy: { fileId: 'asc' }, include: { file: true }, take: MOST_FILES });
      return { items: rows.map(({ file }) => toFileView(file as WholeFile)) };
    });
  }

  /** Attaches a file of the caller's to a request they have part in. Throws 404 where they have no such file, 409 FILE_ATTACHED, WORKFLOW_ATTACHMENTS. */
  async attach(actor: Actor, instanceId: string, fileId: string) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        await this.conversation.requirePart(tx, actor, instanceId, { lock: true });
        await this.attaching.add(tx, actor, instanceId, [fileId]);
        return toFileView((await this.files.find(tx, fileId))!);
      }),
    );
  }

  /** Takes back one's own file while the request is a draft. */
  async detach(actor: Actor, instanceId: string, fileId: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const row = await this.queries.visible(tx, actor, instanceId, { lock: true });
      const found = await tx.workflowAttachment.findFirst({ where: { fileId, instanceId }, include: { file: { select: { personId: true } } } });
      if (!found) throw new Problem('NOT_FOUND');
      if (found.file.personId !== personOf(actor)) throw new Denied('WORKFLOW_NO_PART', {}, { type: 'workflow_instance', id: instanceId });
      if (row.state !== 'draft') throw new Problem('WORKFLOW_STATE', { state: row.state, verb: 'changed' });
      await tx.workflowAttachment.delete({ where: { fileId } });
      await this.files.release(tx, fileId);
      await this.audit.record(tx, actor, attached(instanceId, fileId, false));
    });
  }
}
