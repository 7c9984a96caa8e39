import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Problem, systemActor } from '../../access';
import { Database } from '../../platform/database';
import { type Answer, refusalOf, type Step, type Wanted, WebhooksService } from '../webhooks';
import { carriedOutElsewhere, formProblems } from './definition';
import { DefinitionsService } from './definitions.service';
import { FailuresService } from './failures.service';
import { Transitions } from './transitions.service';

/** What becomes of a step once the system that was asked to carry it out has answered, or never did. */
@Injectable()
export class CallsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly webhooks: WebhooksService,
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly failures: FailuresService,
  ) {}

  onModuleInit(): void {
    this.webhooks.stepsOf({ wanted: (step) => this.wanted(step), answered: (step, answer) => this.settle(step, answer) });
  }

  private wanted({ foundationId, taskId }: Step): Promise<Wanted> {
    return this.database.withTenant(systemActor('webhook', foundationId), async (tx) => {
      const task = await tx.workflowTask.findUnique({ where: { id: taskId }, select: { state: true, instance: { select: { state: true } } } });
      if (task?.state !== 'open') return 'never';
      return task.instance.state === 'running' ? 'now' : 'later';
    });
  }

  /** Throws where the request cannot go on now; that is on record then, and asked again. A step that is over needs no answer. */
  private async settle({ foundationId, taskId }: Step, answer: Answer): Promise<void> {
    const actor = systemActor('webhook', foundationId);
    const report = (instanceId: string, code: string, detail: string) => this.database.withTenant(actor, (tx) => this.failures.report(tx, actor, instanceId, { taskId, code, detail }));
    let instanceId = '';
    try {
      await this.database.withTenant(actor, async (tx) => {
        const { row, node: name } = await this.transitions.lockedByTask(tx, actor, taskId);
        if (!row.tasks.some(({ id }) => id === taskId)) return;
        const published = await this.definitions.byId(tx, row.definition_id);
        const node = published.definition.nodes[name];
        if (!carriedOutElsewhere(node)) return;
        instanceId = row.id;
        const refusal = refusalOf(answer);
        if (refusal) {
          await this.transitions.fail(tx, actor, row, { taskId, ...refusal });
          return;
        }
        // It says by itself when it has done it.
        if (node.call?.waits) return;
        const validate = published.validateAnswer.get(name);
        const content = 'content' in answer ? answer.content : null;
        const problems = validate ? formProblems(validate, content) : [];
        if (problems.length > 0) {
          await this.failures.report(tx, actor, row.id, { taskId, code: 'answer-invalid', detail: problems.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ') });
          return;
        }
        await this.transitions.run(tx, actor, row, { type: 'complete', task: taskId, ...(validate ? { answer: content as Record<string, unknown> } : {}), form: row.form }, { decides: null });
      });
    } catch (error) {
      if (error instanceof Problem && instanceId !== '') await report(instanceId, error.code, error.detail('en'));
      throw error;
    }
  }
}
