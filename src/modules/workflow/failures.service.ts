import { Injectable } from '@nestjs/common';
import type { Actor } from '../../access';
import type { Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { stepFailed } from './workflow.events';

/** What went wrong at a step that waits: for whoever administers requests, until it is tried again or the step is over. */
@Injectable()
export class FailuresService {
  constructor(private readonly audit: AuditService) {}

  /** The last one of a step is kept, and how many there were. */
  async report(tx: Tx, actor: Actor, instanceId: string, { taskId, code, detail }: { taskId: string; code: string; detail: string }): Promise<void> {
    const said = detail.slice(0, 500);
    await tx.workflowFailure.upsert({
      where: { taskId },
      create: { taskId, foundationId: actor.foundationId, code, detail: said },
      update: { code, detail: said, times: { increment: 1 }, at: new Date() },
    });
    await this.audit.record(tx, actor, stepFailed(instanceId, { taskId, code, detail: said }));
  }
}
