import { Injectable } from '@nestjs/common';
import type { Actor } from '../../access';
import { Transitions } from './transitions.service';
import type { InstanceView } from './workflow.dto';

/** What whoever administers requests does where they are stuck or should not be; always with a reason. */
@Injectable()
export class AdministrationService {
  constructor(private readonly transitions: Transitions) {}

  /** Goes on past a step as if it were approved; nobody has decided it, and the history says so. */
  async skip(actor: Actor, taskId: string, comment: string): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const { row, node } = await this.transitions.lockedByTask(tx, actor, taskId);
      await this.transitions.requireAdministersStep(tx, actor, row, node);
      await this.transitions.requireOpen(tx, row, taskId);
      return this.transitions.run(tx, actor, row, { type: 'skip', task: taskId, form: row.form }, { comment });
    });
  }

  /** Halts a request, lets it go on, or ends it. */
  async change(actor: Actor, instanceId: string, type: 'suspend' | 'resume' | 'cancel', comment: string): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const row = await this.transitions.locked(tx, actor, instanceId);
      await this.transitions.requireAdministers(actor, row);
      return this.transitions.run(tx, actor, row, { type }, { comment });
    });
  }
}
