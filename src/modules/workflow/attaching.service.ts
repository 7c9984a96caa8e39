import { Injectable } from '@nestjs/common';
import { type Actor, type FieldError, Problem } from '../../access';
import type { Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { FileStore } from '../files';
import type { Definition } from './definition';
import { personOf } from './filing';
import { attached } from './workflow.events';

/** Files of one request. */
export const MOST_FILES = 20;

/** Puts files to requests. */
@Injectable()
export class AttachingService {
  constructor(
    private readonly audit: AuditService,
    private readonly files: FileStore,
  ) {}

  /** To a request whose row is locked, as part of a comment where one is named. Throws 404 where it is no file of the caller's, 409 FILE_ATTACHED, WORKFLOW_ATTACHMENTS. */
  async add(tx: Tx, actor: Actor, instanceId: string, fileIds: readonly string[], commentId: string | null = null): Promise<void> {
    if (fileIds.length === 0) return;
    const personId = personOf(actor);
    for (const fileId of fileIds) {
      const file = await this.files.find(tx, fileId);
      if (file?.personId !== personId) throw new Problem('NOT_FOUND');
      if (!(await this.files.keep(tx, personId, fileId))) throw new Problem('FILE_ATTACHED');
      await tx.workflowAttachment.create({ data: { fileId, foundationId: actor.foundationId, instanceId, commentId } });
      await this.audit.record(tx, actor, attached(instanceId, fileId, true));
    }
    if ((await tx.workflowAttachment.count({ where: { instanceId } })) > MOST_FILES) throw new Problem('WORKFLOW_ATTACHMENTS', { limit: MOST_FILES });
  }

  /** What its definition asks to be attached and is not: by whoever files it, of the kinds it takes. */
  async lacking(tx: Tx, { attachments }: Definition, instanceId: string, initiatorId: string): Promise<FieldError[]> {
    if (!attachments) return [];
    const rows = await tx.workflowAttachment.findMany({ where: { instanceId, file: { personId: initiatorId } }, include: { file: { select: { contentType: true } } } });
    const { atLeast, contentTypes } = attachments;
    const fitting = rows.filter(({ file }) => !contentTypes || contentTypes.includes(file.contentType!)).length;
    return fitting >= atLeast ? [] : [{ pointer: '#/files', code: 'required', detail: `at least ${atLeast} file${atLeast === 1 ? '' : 's'}${contentTypes ? ` of ${contentTypes.join(', ')}` : ''}` }];
  }
}
