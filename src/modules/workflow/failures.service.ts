import { Injectable } from '@nestjs/common';
import { type Actor, Problem, type ProblemCode } from '../../access';
import { Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { stepFailed } from './workflow.events';

/** Why a request cannot go on though somebody has answered: nothing they could mend. */
const STUCK: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['WORKFLOW_NO_CANDIDATE', 'WORKFLOW_EXPRESSION', 'WORKFLOW_NO_TIME', 'WORKFLOW_PARTS']);

/** What went wrong at a step that waits: for whoever administers requests, until it is tried again or the step is over. */
@Injectable()
export class FailuresService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {}

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

  /** Somebody answers a step; where their answer leads nowhere, that is on record as well, not only told them. */
  async noting<T>(actor: Actor, taskId: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem && STUCK.has(error.code)) {
        await this.database.withTenant(actor, async (tx) => {
          const task = await tx.workflowTask.findUnique({ where: { id: taskId }, select: { instanceId: true } });
          if (task) await this.report(tx, actor, task.instanceId, { taskId, code: error.code, detail: error.detail('en') });
        });
      }
      throw error;
    }
  }
}
