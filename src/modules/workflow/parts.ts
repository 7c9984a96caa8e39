import { v7 as uuidv7 } from 'uuid';
import { type Actor, Problem, systemActor } from '../../access';
import { everyRow, type Tx } from '../../platform/database';
import type { AuditService } from '../audit';
import { type Definition, formProblems } from './definition';
import type { DefinitionsService } from './definitions.service';
import { depthOf, type InstanceRow } from './instances.store';
import { titleOf } from './instances.view';
import type { SubstitutionsService } from './substitutions.service';
import { type Delta, type Form, type Verb, VERBS, type WorkflowEvent } from './transition';
import { draftSaved } from './workflow.events';

/** Requests that one transaction files for others, at most: parts may have parts. */
const MOST = 200;

/** How a request moves. */
interface Running {
  locked(tx: Tx, actor: Actor, id: string): Promise<InstanceRow>;
  lockedByTask(tx: Tx, actor: Actor, taskId: string): Promise<{ row: InstanceRow }>;
  run(tx: Tx, actor: Actor, row: InstanceRow, event: WorkflowEvent, said: object): Promise<unknown>;
}

/** A request is part of at most so many others, one within the other. */
const DEPTH = 5;

/**
 * Requests that steps of others have filed. All that is part of one request is locked by that one, so that what happens to
 * a part and to the whole goes one after the other, in one transaction.
 */
export class Parts {
  private readonly filed = new WeakMap<object, number>();

  constructor(
    private readonly transitions: Running,
    private readonly definitions: DefinitionsService,
    private readonly audit: AuditService,
    private readonly substitutions: SubstitutionsService,
  ) {}

  /**
   * What a transition means for the requests that are part of this one, or that it is part of: filed by the steps that
   * open, ended with those that close, halted and resumed, and told of its end. @returns whether it may have moved by that.
   */
  async follow(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, event: WorkflowEvent, result: Delta): Promise<boolean> {
    const within = systemActor('subworkflow', actor.foundationId);
    const files = (node: string | undefined) => definition.nodes[node ?? '']?.type === 'subworkflow';
    const closed = result.closes.filter(({ id }) => files(row.tasks.find((task) => task.id === id)?.node)).map(({ id }) => id);
    for (const part of await this.partsOf(tx, actor, closed)) if (part.state !== 'withdrawn') await this.transitions.run(tx, within, part, { type: 'cancel' }, {});
    if (event.type === 'suspend' || event.type === 'resume') {
      const open = result.next.tasks.filter(({ node }) => files(node)).map(({ id }) => id);
      for (const part of await this.partsOf(tx, actor, open)) if ((VERBS[part.state] as readonly Verb[]).includes(event.type)) await this.transitions.run(tx, within, part, { type: event.type }, {});
    }
    const opened = result.opens.filter(({ parts }) => parts);
    // What one of them files may have ended the others already.
    for (const { id, node, parts } of opened) if (opened.length === 1 || (await tx.workflowTask.count({ where: { id, state: 'open' } })) > 0) await this.file(tx, actor.foundationId, row, definition, node, id, parts!);
    const { state } = result.next;
    if (row.parent_task_id !== null && ['completed', 'rejected', 'cancelled'].includes(state)) {
      const { row: whole } = await this.transitions.lockedByTask(tx, within, row.parent_task_id);
      const { definition: of } = await this.definitions.byId(tx, whole.definition_id);
      const step = of.nodes[whole.tasks.find(({ id }) => id === row.parent_task_id)?.node ?? ''];
      // What is filled in there is told only where the definition asks for it: whoever sees the whole sees its history.
      const told = step && 'as' in step && step.as !== undefined ? { form: row.form, variables: result.next.variables } : {};
      const answer = { id: row.id, state, ...told };
      if (whole.tasks.some(({ id }) => id === row.parent_task_id)) await this.transitions.run(tx, within, whole, { type: 'part', task: row.parent_task_id, request: row.id, says: state === 'completed' ? 'approve' : 'reject', answer, form: whole.form }, {});
    }
    return opened.length > 0;
  }

  /** The requests these steps have filed that have not come to their end. */
  private async partsOf(tx: Tx, actor: Actor, taskIds: readonly string[]): Promise<InstanceRow[]> {
    if (taskIds.length === 0) return [];
    const found = await everyRow(tx, 'rule').workflowInstance.findMany({ where: { parentTaskId: { in: [...taskIds] }, state: { in: ['running', 'suspended', 'returned'] } }, select: { id: true }, orderBy: { id: 'asc' } });
    const rows: InstanceRow[] = [];
    for (const { id } of found) rows.push(await this.transitions.locked(tx, systemActor('subworkflow', actor.foundationId), id));
    return rows;
  }

  /** Files requests for a step, for who filed this one. Throws 409 WORKFLOW_PARTS where they cannot be. */
  async file(tx: Tx, foundationId: string, row: InstanceRow, definition: Definition, name: string, taskId: string | null, parts: readonly Form[]): Promise<void> {
    const node = definition.nodes[name] as Extract<Definition['nodes'][string], { type: 'subworkflow' }>;
    const actor = systemActor('subworkflow', foundationId);
    const step = titleOf(definition, name, actor.locale);
    const cannot = (detail: string) => new Problem('WORKFLOW_PARTS', { step, detail });
    if (taskId !== null && (await depthOf(tx, row.id)) >= DEPTH) throw cannot(`it would be part of more than ${DEPTH} others`);
    const published = await this.definitions.toFileBy(tx, node.definition).catch((error: unknown) => {
      throw error instanceof Problem ? cannot(error.detail(actor.locale)) : error;
    });
    const filed = (this.filed.get(tx) ?? 0) + parts.length;
    if (filed > MOST) throw cannot(`more than ${MOST} would be filed at once`);
    this.filed.set(tx, filed);
    for (const form of parts) {
      const problems = formProblems(published.validateForm, form);
      if (problems.length === 0) problems.push(...(await this.substitutions.problemsOf(tx, published.definition, form, row.initiator_id)));
      if (published.definition.attachments) problems.push({ pointer: '#/files', code: 'required', detail: 'files are asked for' });
      if (problems.length > 0) throw cannot(problems.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '));
      const id = uuidv7();
      await tx.workflowInstance.create({
        data: { id, foundationId: actor.foundationId, definitionId: published.id, key: published.definition.key, initiatorId: row.initiator_id, unitId: row.unit_id, form: form as object, ...(taskId === null ? {} : { parentTaskId: taskId, rootId: row.root_id ?? row.id }) },
      });
      await this.audit.record(tx, actor, draftSaved(id, { definition: published.definition.key, created: true }));
      await this.transitions.run(tx, actor, await this.transitions.locked(tx, actor, id), { type: 'submit', form }, {});
    }
  }
}
