import { Injectable } from '@nestjs/common';
import type { Actor } from '../../access';
import type { InstanceState, Tx } from '../../platform/database';
import { LeaveService } from '../leave';
import type { Definition } from './definition';
import type { InstanceRow } from './instances.store';
import type { Form } from './transition';
import type { LeaveAsked } from './workflow.dto';

/** As what days count while a request stands so; not at all in the others. */
const CAUSES: Partial<Record<InstanceState, 'asked' | 'taken'>> = { running: 'asked', suspended: 'asked', completed: 'taken' };

const filledIn = ({ kind, from, until }: NonNullable<Definition['leave']>, form: Form) => ({ kind: form[kind] as string, from: form[from] as string, until: form[until] as string });

/** The days of leave requests ask for. */
@Injectable()
export class CountedLeave {
  constructor(private readonly leave: LeaveService) {}

  /** With a transition, where it changes what counts. Throws 409 LEAVE_BALANCE where not so many days are left. */
  async follow(tx: Tx, actor: Actor, { id: instanceId, initiator_id: personId, unit_id: unitId, state: before }: InstanceRow, { leave }: Definition, form: Form, state: InstanceState, submitted: boolean): Promise<void> {
    if (!leave || (!submitted && CAUSES[state] === CAUSES[before])) return;
    await this.leave.use(tx, actor, { instanceId, personId, unitId, ...filledIn(leave, form), cause: CAUSES[state] ?? null });
  }

  /** What a form asks for, by year, with what is left. */
  async foresee(tx: Tx, actor: Actor, { leave }: Definition, personId: string, unitId: string, form: Form): Promise<LeaveAsked[]> {
    const filled = leave && filledIn(leave, form);
    // A draft may lack what its form requires.
    if (!filled || Object.values(filled).some((value) => typeof value !== 'string')) return [];
    return this.leave.foresee(tx, actor, { personId, unitId, ...filled });
  }
}
