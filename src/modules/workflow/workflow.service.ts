import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, type Locale, type PermissionCode, PermissionPort, Problem, rowFacts } from '../../access';
import { idempotent } from '../../http';
import { Database, type DecisionVerb, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { type Candidate, resolveCandidates } from './candidates';
import { formProblems } from './definition';
import { DefinitionsService, type PublishedDefinition } from './definitions.service';
import { type InstanceRow, readInstance, requestFacts, writeTransition } from './instances.store';
import { type Delta, step, type Verb, type WorkflowEvent } from './reducer';
import type { CreateInstance, InstanceView } from './workflow.dto';
import { draftSaved, transitioned } from './workflow.events';

/** Filing, deciding and withdrawing requests. Each verb: read and lock, ask permission, `step`, write once, record. */
@Injectable()
export class WorkflowService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
  ) {}

  /** Files a request as a draft, or submits it at once. */
  async create(actor: Actor, input: CreateInstance): Promise<InstanceView> {
    const personId = personOf(actor);
    await this.permissions.require(actor, 'workflow:submit', rowFacts('request', { key: input.definition, state: 'draft' }, { ownerPersonId: personId }));
    return this.write(actor, async (tx) => {
      const published = await this.definitions.byKey(tx, input.definition);
      const unitId = await this.unitOf(tx, personId, input.unitId);
      const { path } = await everyRow(tx, 'rule').orgUnit.findFirstOrThrow({ where: { id: unitId }, select: { path: true } });
      // Asked again where it is filed for: what is denied there is denied here.
      await this.permissions.require(actor, 'workflow:submit', rowFacts('request', { key: published.definition.key, state: 'draft' }, { ownerPersonId: personId, unitPath: path }));
      const id = uuidv7();
      await tx.workflowInstance.create({
        data: { id, foundationId: actor.foundationId, definitionId: published.id, key: published.definition.key, initiatorId: personId, unitId, form: input.form as object },
      });
      await this.audit.record(tx, actor, draftSaved(id, { definition: published.definition.key, created: true }));
      if (input.submit) return this.submitIn(tx, actor, await this.locked(tx, actor, id), undefined);
      return toView(await this.locked(tx, actor, id), published, actor.locale);
    });
  }

  /** Changes what is filled in while nobody is deciding on it. */
  async save(actor: Actor, id: string, input: { form: Record<string, unknown>; seq: number }): Promise<InstanceView> {
    return this.write(actor, async (tx) => {
      const row = await this.asInitiator(tx, actor, id);
      if (!['draft', 'returned', 'withdrawn'].includes(row.state)) throw new Problem('WORKFLOW_STATE', { state: row.state, verb: 'changed' });
      if (row.seq !== input.seq) throw new Problem('STALE_VERSION');
      const written = await writeTransition(tx, actor, {
        instanceId: id, expectedSeq: input.seq, state: row.state, node: null, round: row.round, ended: row.ended_at !== null, submitted: false, form: input.form,
        history: { event: 'changed', node: null, data: { form: input.form } }, closing: null, opening: null,
      });
      await this.audit.record(tx, actor, draftSaved(id, { definition: row.key, created: false }));
      return toView({ ...row, form: input.form, seq: row.seq + 1, ended_at: written.endedAt }, await this.definitions.byId(tx, row.definition_id), actor.locale);
    });
  }

  /** Submits a draft, or again after it was returned or withdrawn. */
  async submit(actor: Actor, id: string, input: { form?: Record<string, unknown> }): Promise<InstanceView> {
    return this.write(actor, async (tx) => this.submitIn(tx, actor, await this.asInitiator(tx, actor, id), input.form));
  }

  async withdraw(actor: Actor, id: string, comment: string | undefined): Promise<InstanceView> {
    return this.write(actor, async (tx) => {
      const row = await this.asInitiator(tx, actor, id);
      return this.transition(tx, actor, row, { type: 'withdraw' }, { comment });
    });
  }

  /** Answers an open step. */
  async decide(actor: Actor, taskId: string, verb: DecisionVerb, input: { comment?: string; step?: string }): Promise<InstanceView> {
    return this.write(actor, async (tx) => {
      const task = await tx.workflowTask.findFirst({ where: { id: taskId } });
      if (!task) throw new Problem('NOT_FOUND');
      const row = await this.locked(tx, actor, task.instanceId);
      const published = await this.definitions.byId(tx, row.definition_id);
      // What other systems carry out – a payment – is checked and written as one: nobody who may no longer. People’s
      // decisions do not wait for whoever is changing authorization just then; a long import would hold them all up.
      const service = published.definition.nodes[task.node]?.type === 'service';
      const who = service ? await this.permissions.holdStill(tx, actor) : actor;
      const stead = await this.requireMayDecide(tx, who, row, task, published);
      if (row.task_id !== taskId) {
        const now = await tx.workflowTask.findFirstOrThrow({ where: { id: taskId } });
        throw new Problem('WORKFLOW_TASK_CLOSED', { state: now.state });
      }
      if (input.step !== undefined && input.step !== task.node) throw new Problem('WORKFLOW_STEP', { actual: task.node, expected: input.step });
      return this.transition(tx, who, row, { type: verb, form: row.form }, { comment: input.comment, verb, stead });
    });
  }

  /**
   * In this order: the request must be visible (else 404), not the actor's own, the permission held for it, and the actor
   * one of its candidates. @returns those in whose stead it is. Service steps are for whoever holds `workflow:complete`; the others for candidates.
   */
  private async requireMayDecide(tx: Tx, actor: Actor, row: InstanceRow, task: { id: string; node: string }, published: PublishedDefinition): Promise<string[]> {
    const facts = requestFacts(row);
    const target = { type: 'workflow_task', id: task.id };
    const candidate = actor.kind === 'user' && (await tx.workflowCandidate.count({ where: { taskId: task.id, personId: actor.personId } })) > 0;
    if (!candidate && !(await this.permissions.allows(actor, 'workflow:read', facts)) && !(await this.permissions.allows(actor, 'workflow:complete', facts))) {
      throw new Denied('NOT_FOUND', {}, target);
    }
    const service = published.definition.nodes[task.node]?.type === 'service';
    // Nor through a key of one's own.
    if (actor.kind !== 'system' && actor.personId === row.initiator_id) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const permission = service ? 'workflow:complete' : 'workflow:approve';
    if (!(await this.permissions.allows(actor, permission, facts))) throw new Denied('PERMISSION_DENIED', { permission }, target);
    if (!service && !candidate) throw new Denied('WORKFLOW_NOT_CANDIDATE', {}, target);
    // Whoever lent it acts with them: nobody decides on their own request, or has two parts in one, by lending.
    const stead = await this.permissions.inWhoseStead(actor, permission, facts);
    if (stead.includes(row.initiator_id)) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const people = actor.kind === 'system' ? [] : [actor.personId, ...stead];
    await this.permissions.requireDutyApart(tx, permission, await this.dutiesHad(tx, people, row, published), target);
    return stead;
  }

  private async submitIn(tx: Tx, actor: Actor, row: InstanceRow, form: Record<string, unknown> | undefined): Promise<InstanceView> {
    const published = await this.definitions.byId(tx, row.definition_id);
    const filled = form ?? row.form;
    const problems = formProblems(published.validateForm, filled);
    if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
    return this.transition(tx, actor, row, { type: 'submit', form: filled }, {});
  }

  private async transition(tx: Tx, actor: Actor, row: InstanceRow, event: WorkflowEvent, facts: { comment?: string; verb?: DecisionVerb; stead?: string[] }): Promise<InstanceView> {
    const published = await this.definitions.byId(tx, row.definition_id);
    const before = { state: row.state, node: row.node, round: row.round };
    const result = step(published.definition, before, event);
    if ('refused' in result) throw refusal(result.refused, row, event.type);

    const candidates = await this.candidatesFor(tx, actor, row, result, published);
    const written = await writeTransition(tx, actor, {
      instanceId: row.id,
      expectedSeq: row.seq,
      state: result.next.state,
      node: result.next.node,
      round: result.next.round,
      ended: result.ended,
      submitted: event.type === 'submit',
      form: event.type === 'submit' ? { ...event.form } : null,
      history: {
        event: result.history,
        node: row.node,
        data: { comment: facts.comment, stead: facts.stead?.length ? facts.stead : undefined, form: event.type === 'submit' ? event.form : undefined, next: result.next.node, candidates: candidates?.map(({ personId }) => personId) },
      },
      closing: row.task_id && result.closes ? { taskId: row.task_id, state: result.closes, decision: facts.verb ? { verb: facts.verb, comment: facts.comment ?? null } : null } : null,
      opening: result.next.node ? { node: result.next.node, candidates: candidates ?? [] } : null,
    });
    await this.audit.record(tx, actor, transitioned(row.id, before, result, { taskId: row.task_id, seq: row.seq + 1, inSteadOf: facts.stead ?? [] }));
    return toView(
      {
        ...row,
        ...result.next,
        seq: row.seq + 1,
        form: event.type === 'submit' ? { ...event.form } : row.form,
        submitted_at: written.submittedAt,
        ended_at: written.endedAt,
        task_id: written.openTaskId,
        task_node: result.next.node,
        task_since: written.taskSince,
      },
      published,
      actor.locale,
    );
  }

  /** Who decides the step that opens; null where none does or another system carries it out. */
  private async candidatesFor(tx: Tx, actor: Actor, row: InstanceRow, delta: Delta, published: PublishedDefinition): Promise<Candidate[] | null> {
    const node = delta.next.node === null ? null : published.definition.nodes[delta.next.node];
    if (node?.type !== 'approval') return null;
    const candidates = await resolveCandidates(tx, node.candidates, { foundationId: actor.foundationId, unitId: row.unit_id, initiatorId: row.initiator_id });
    if (candidates.length === 0) throw new Problem('WORKFLOW_NO_CANDIDATE', { step: node.title[actor.locale] });
    return candidates;
  }

  private write<T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => work(tx)));
  }

  /**
   * What these people have done on this request so far – by themselves, through a key of theirs, or somebody else in their
   * stead – as permissions.
   */
  private async dutiesHad(tx: Tx, people: readonly string[], row: InstanceRow, { definition }: PublishedDefinition): Promise<PermissionCode[]> {
    const keys = await everyRow(tx, 'rule').apiKey.findMany({ where: { createdById: { in: [...people] } }, select: { id: true } });
    const theirs = new Set([...people.map((id) => `person:${id}`), ...keys.map(({ id }) => `api_key:${id}`)]);
    const answered = await tx.workflowHistory.findMany({ where: { instanceId: row.id, event: { in: ['approved', 'step_completed', 'returned', 'rejected'] } }, select: { node: true, actorKey: true, data: true } });
    const done = answered
      .filter(({ actorKey, data }) => theirs.has(actorKey) || ((data as { stead?: string[] }).stead ?? []).some((id) => people.includes(id)))
      .map(({ node }): PermissionCode => (node !== null && definition.nodes[node]?.type === 'service' ? 'workflow:complete' : 'workflow:approve'));
    return people.includes(row.initiator_id) ? ['workflow:submit', ...done] : done;
  }

  private async locked(tx: Tx, actor: Actor, id: string): Promise<InstanceRow> {
    const row = await readInstance(tx, id, actor.kind === 'system' ? null : actor.personId, true);
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }

  private async asInitiator(tx: Tx, actor: Actor, id: string): Promise<InstanceRow> {
    const row = await this.locked(tx, actor, id);
    const facts = requestFacts(row);
    const target = { type: 'workflow_instance', id };
    if (!row.candidate && !(await this.permissions.allows(actor, 'workflow:read', facts))) throw new Denied('NOT_FOUND', {}, target);
    if (personOf(actor) !== row.initiator_id) throw new Denied('WORKFLOW_NOT_INITIATOR', {}, target);
    if (!(await this.permissions.allows(actor, 'workflow:submit', facts))) throw new Denied('PERMISSION_DENIED', { permission: 'workflow:submit' }, target);
    return row;
  }

  /** The unit a request is filed for: the one asked for, if the person holds a post there, else their own. */
  private async unitOf(tx: Tx, personId: string, wanted: string | undefined): Promise<string> {
    const now = new Date();
    const held = await everyRow(tx, 'rule').appointment.findMany({
      where: { personId, validFrom: { lte: now }, OR: [{ validUntil: null }, { validUntil: { gt: now } }], position: { deletedAt: null, unit: { deletedAt: null } } },
      // A post of one's own before one that is only stood in for, the oldest first.
      orderBy: [{ acting: 'asc' }, { validFrom: 'asc' }, { id: 'asc' }],
      select: { position: { select: { unitId: true } } },
    });
    const units = held.map(({ position }) => position.unitId);
    const unit = wanted === undefined ? units[0] : units.find((id) => id === wanted);
    if (unit === undefined) throw new Problem('WORKFLOW_NO_UNIT');
    return unit;
  }
}

/** Only people file requests, and a key is not one. */
function personOf(actor: Actor): string {
  if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
  return actor.personId;
}

const PAST: Record<Verb, string> = { submit: 'submitted', approve: 'approved', complete: 'completed', return: 'returned', reject: 'rejected', withdraw: 'withdrawn' };

function refusal(kind: 'state' | 'verb', row: InstanceRow, verb: Verb): Problem {
  return kind === 'state' ? new Problem('WORKFLOW_STATE', { state: row.state, verb: PAST[verb] }) : new Problem('WORKFLOW_VERB', { verb });
}

export function toView(row: InstanceRow, { definition }: Pick<PublishedDefinition, 'definition'>, locale: Locale): InstanceView {
  const node = row.task_node === null ? undefined : definition.nodes[row.task_node];
  return {
    id: row.id,
    definition: { id: row.definition_id, key: row.key },
    state: row.state,
    initiatorId: row.initiator_id,
    unitId: row.unit_id,
    form: row.form,
    round: row.round,
    seq: row.seq,
    openTask:
      row.task_id && row.task_node && row.task_since
        ? { id: row.task_id, node: row.task_node, title: node && 'title' in node ? node.title[locale] : row.task_node, since: row.task_since.toISOString() }
        : null,
    createdAt: row.created_at.toISOString(),
    submittedAt: row.submitted_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}
