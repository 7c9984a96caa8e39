import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, PermissionPort, Problem, rowFacts } from '../../access';
import { everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { AttachingService } from './attaching.service';
import { formProblems } from './definition';
import { DefinitionsService } from './definitions.service';
import { personOf, unitFiledFor } from './filing';
import { type InstanceRow, markingOf, requestFacts, writeTransition } from './instances.store';
import { toView } from './instances.view';
import { SubstitutionsService } from './substitutions.service';
import { Transitions } from './transitions.service';
import type { CreateInstance, InstanceView } from './workflow.dto';
import { draftSaved } from './workflow.events';

/** What whoever files a request does with it. */
@Injectable()
export class WorkflowService {
  constructor(
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly substitutions: SubstitutionsService,
    private readonly attaching: AttachingService,
  ) {}

  /** Files a request as a draft, or submits it at once. */
  async create(actor: Actor, input: CreateInstance): Promise<InstanceView> {
    const personId = personOf(actor);
    await this.permissions.require(actor, 'workflow:submit', rowFacts('request', { key: input.definition, state: 'draft' }, { ownerPersonId: personId }));
    return this.transitions.write(actor, async (tx) => {
      const published = await this.definitions.toFileBy(tx, input.definition);
      const unitId = await unitFiledFor(tx, personId, input.unitId);
      const { path } = await everyRow(tx, 'rule').orgUnit.findFirstOrThrow({ where: { id: unitId }, select: { path: true } });
      // Asked again where it is filed for: what is denied there is denied here.
      await this.permissions.require(actor, 'workflow:submit', rowFacts('request', { key: published.definition.key, state: 'draft' }, { ownerPersonId: personId, unitPath: path }));
      const id = uuidv7();
      await tx.workflowInstance.create({
        data: { id, foundationId: actor.foundationId, definitionId: published.id, key: published.definition.key, initiatorId: personId, unitId, form: input.form as object },
      });
      await this.audit.record(tx, actor, draftSaved(id, { definition: published.definition.key, created: true }));
      await this.attaching.add(tx, actor, id, input.files);
      if (input.submit) return this.submitIn(tx, actor, await this.transitions.locked(tx, actor, id), undefined);
      return toView(await this.transitions.locked(tx, actor, id), published, actor.locale);
    });
  }

  /** Changes what is filled in while nobody is deciding on it. */
  async save(actor: Actor, id: string, input: { form: Record<string, unknown>; seq: number }): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const row = await this.asInitiator(tx, actor, id);
      if (!['draft', 'returned', 'withdrawn'].includes(row.state)) throw new Problem('WORKFLOW_STATE', { state: row.state, verb: 'changed' });
      if (row.seq !== input.seq) throw new Problem('STALE_VERSION');
      const written = await writeTransition(tx, actor, {
        instanceId: id, expectedSeq: input.seq, next: markingOf(row), joins: null, ended: row.ended_at !== null, submitted: false, form: input.form,
        history: { event: 'changed', node: null, data: { form: input.form } },
      });
      await this.audit.record(tx, actor, draftSaved(id, { definition: row.key, created: false }));
      return toView({ ...row, form: input.form, seq: row.seq + 1, ended_at: written.endedAt }, await this.definitions.byId(tx, row.definition_id), actor.locale);
    });
  }

  /** Submits a draft, or again after it was returned or withdrawn. */
  async submit(actor: Actor, id: string, input: { form?: Record<string, unknown> }): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => this.submitIn(tx, actor, await this.asInitiator(tx, actor, id), input.form));
  }

  async withdraw(actor: Actor, id: string, comment: string | undefined): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const row = await this.asInitiator(tx, actor, id);
      if (row.parent_task_id !== null) throw new Problem('WORKFLOW_PART');
      return this.transitions.run(tx, actor, row, { type: 'withdraw' }, { comment });
    });
  }

  /** Tells those who ask about a step what they want to know; their time goes on. */
  async answer(actor: Actor, taskId: string, comment: string): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const { row } = await this.transitions.lockedByTask(tx, actor, taskId);
      await this.requireInitiator(actor, row);
      await this.transitions.requireOpen(tx, row, taskId);
      return this.transitions.run(tx, actor, row, { type: 'answer', task: taskId }, { comment });
    });
  }

  private async submitIn(tx: Tx, actor: Actor, row: InstanceRow, form: Record<string, unknown> | undefined): Promise<InstanceView> {
    const published = await this.definitions.byId(tx, row.definition_id);
    // One that was sent back or withdrawn has been filed already.
    if (row.state === 'draft') await this.definitions.requireInUse(tx, row.key);
    const filled = form ?? row.form;
    const problems = formProblems(published.validateForm, filled);
    if (problems.length === 0) problems.push(...(await this.substitutions.problemsOf(tx, published.definition, filled, row.initiator_id)));
    problems.push(...(await this.attaching.lacking(tx, published.definition, row.id, row.initiator_id)));
    if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
    return this.transitions.run(tx, actor, row, { type: 'submit', form: filled }, {});
  }

  private async asInitiator(tx: Tx, actor: Actor, id: string): Promise<InstanceRow> {
    const row = await this.transitions.locked(tx, actor, id);
    await this.requireInitiator(actor, row);
    return row;
  }

  private async requireInitiator(actor: Actor, row: InstanceRow): Promise<void> {
    const facts = requestFacts(row);
    const target = { type: 'workflow_instance', id: row.id };
    if (!row.tasks.some(({ candidate }) => candidate) && !(await this.permissions.allows(actor, 'workflow:read', facts))) throw new Denied('NOT_FOUND', {}, target);
    if (personOf(actor) !== row.initiator_id) throw new Denied('WORKFLOW_NOT_INITIATOR', {}, target);
    if (!(await this.permissions.allows(actor, 'workflow:submit', facts))) throw new Denied('PERMISSION_DENIED', { permission: 'workflow:submit' }, target);
  }
}

