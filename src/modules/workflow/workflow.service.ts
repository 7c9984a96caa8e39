import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, type Locale, type PermissionCode, PermissionPort, Problem, rowFacts } from '../../access';
import { idempotent } from '../../http';
import { Database, type DecisionVerb, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { type Candidate, resolveCandidates } from './candidates';
import { type Approval, type Definition, formProblems } from './definition';
import { DefinitionsService, type PublishedDefinition } from './definitions.service';
import { personOf, unitFiledFor } from './filing';
import { type InstanceRow, markingOf, readInstance, requestFacts, writeTransition } from './instances.store';
import { type Delta, type Env, type Form, type Refusal, step, type Verb, type WorkflowEvent } from './reducer';
import { titleOf, toView } from './instances.view';
import type { Told } from './refold';
import { turnOf } from './voting';
import type { CreateInstance, InstanceView } from './workflow.dto';
import { draftSaved, transitioned } from './workflow.events';

/** Who has had to do with the answer to a step. */
interface Answered {
  node: string;
  people: string[];
}

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
      const unitId = await unitFiledFor(tx, personId, input.unitId);
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
        instanceId: id, expectedSeq: input.seq, next: markingOf(row), joins: null, ended: row.ended_at !== null, submitted: false, form: input.form,
        history: { event: 'changed', node: null, data: { form: input.form } }, decision: null, closes: [], counts: null, opens: [],
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

  /** Answers an open step; `to`: the step it is sent back to, left out the initiator. */
  async decide(actor: Actor, taskId: string, verb: DecisionVerb, input: { comment?: string; step?: string; to?: string }): Promise<InstanceView> {
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
      const waiting = row.tasks.find(({ id }) => id === taskId);
      if (!waiting) throw new Problem('WORKFLOW_TASK_CLOSED', { state: (await tx.workflowTask.findFirstOrThrow({ where: { id: taskId } })).state });
      if (input.step !== undefined && input.step !== task.node) throw new Problem('WORKFLOW_STEP', { actual: task.node, expected: input.step });
      if (waiting.answered) throw new Problem('WORKFLOW_ALREADY_DECIDED');
      const { weight, turn } = waiting.candidate ?? { weight: 1, turn: 0 };
      const about = { task: taskId, form: row.form };
      const event: WorkflowEvent = verb === 'complete' ? { type: verb, ...about } : verb === 'return' ? { type: verb, to: input.to ?? null, turn, ...about } : { type: verb, weight, turn, ...about };
      return this.transition(tx, who, row, event, { comment: input.comment, stead });
    });
  }

  /**
   * In this order: the request must be visible (else 404), not the actor's own, the permission held for it, the actor one
   * of its candidates, and of nobody the step is kept apart from. @returns those in whose stead it is. Service steps are
   * for whoever holds `workflow:complete`; the others for candidates.
   */
  private async requireMayDecide(tx: Tx, actor: Actor, row: InstanceRow, task: { id: string; node: string }, published: PublishedDefinition): Promise<string[]> {
    const facts = requestFacts(row);
    const target = { type: 'workflow_task', id: task.id };
    const candidate = actor.kind === 'user' && (await tx.workflowCandidate.count({ where: { taskId: task.id, personId: actor.personId } })) > 0;
    if (!candidate && !(await this.permissions.allows(actor, 'workflow:read', facts)) && !(await this.permissions.allows(actor, 'workflow:complete', facts))) {
      throw new Denied('NOT_FOUND', {}, target);
    }
    const node = published.definition.nodes[task.node];
    const service = node?.type === 'service';
    // Nor through a key of one's own.
    if (actor.kind !== 'system' && actor.personId === row.initiator_id) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const permission = service ? 'workflow:complete' : 'workflow:approve';
    if (!(await this.permissions.allows(actor, permission, facts))) throw new Denied('PERMISSION_DENIED', { permission }, target);
    if (!service && !candidate) throw new Denied('WORKFLOW_NOT_CANDIDATE', {}, target);
    // Whoever lent it acts with them: nobody decides on their own request, or has two parts in one, by lending.
    const stead = await this.permissions.inWhoseStead(actor, permission, facts);
    if (stead.includes(row.initiator_id)) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const people = actor.kind === 'system' ? [] : [actor.personId, ...stead];
    const answered = await this.answered(tx, row);
    const theirs = answered.filter((each) => people.some((person) => each.people.includes(person)));
    // Either way round: steps that wait at the same time may be answered in either order.
    const apart = (one: string, other: string) => (published.definition.nodes[one] as Partial<Approval> | undefined)?.notActorOf?.includes(other) ?? false;
    if (theirs.some((each) => apart(task.node, each.node) || apart(each.node, task.node))) throw new Denied('WORKFLOW_SEPARATION', {}, target);
    const had = theirs.map(({ node: name }): PermissionCode => (published.definition.nodes[name]?.type === 'service' ? 'workflow:complete' : 'workflow:approve'));
    await this.permissions.requireDutyApart(tx, permission, people.includes(row.initiator_id) ? ['workflow:submit', ...had] : had, target);
    return stead;
  }

  private async submitIn(tx: Tx, actor: Actor, row: InstanceRow, form: Record<string, unknown> | undefined): Promise<InstanceView> {
    const published = await this.definitions.byId(tx, row.definition_id);
    const filled = form ?? row.form;
    const problems = formProblems(published.validateForm, filled);
    if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
    return this.transition(tx, actor, row, { type: 'submit', form: filled }, {});
  }

  private async transition(tx: Tx, actor: Actor, row: InstanceRow, event: WorkflowEvent, facts: { comment?: string; stead?: string[] }): Promise<InstanceView> {
    const published = await this.definitions.byId(tx, row.definition_id);
    const { definition } = published;
    const before = markingOf(row);
    const about = 'task' in event ? row.tasks.find(({ id }) => id === event.task)! : null;
    // Who decides now has decided too, where what opens next is kept apart from it.
    const deciding = about && { node: about.node, people: [...('personId' in actor ? [actor.personId] : []), ...(facts.stead ?? [])] };
    const candidates = new Map<string, Candidate[]>();
    const ids = new Map<string, string>();
    const env: Env = { candidates: (node) => candidates.get(node), taskId: (node) => ids.get(node) ?? ids.set(node, uuidv7()).get(node)! };
    let result = step(definition, before, event, env);
    for (; 'needs' in result; result = step(definition, before, event, env)) for (const node of result.needs) candidates.set(node, await this.candidatesFor(tx, row, node, published, deciding));
    if ('refused' in result) throw refusal(result, row, event.type, published, actor.locale);

    const counted = result.history === 'voted' ? result.next.tasks.find(({ id }) => id === about!.id)! : null;
    const opens = result.opens.map(({ id, node, sequential }) => ({ id, node, tally: result.next.tasks.find((task) => task.id === id)!.tally, turn: sequential ? 0 : null, candidates: candidates.get(node) ?? [] }));
    const written = await writeTransition(tx, actor, {
      instanceId: row.id,
      expectedSeq: row.seq,
      next: result.next,
      joins: before.joins.length + result.next.joins.length > 0 ? result.next.joins : null,
      ended: result.ended,
      submitted: event.type === 'submit',
      form: event.type === 'submit' ? { ...event.form } : null,
      history: { event: result.history, node: result.node, data: { ...told(event, result, facts) } },
      decision: about && { taskId: about.id, verb: event.type as DecisionVerb, comment: facts.comment ?? null },
      closes: result.closes,
      counts: counted && { id: counted.id, tally: counted.tally!, turn: isSequential(definition, counted.node) ? turnOf(counted.tally!) : null },
      opens,
    });
    await this.audit.record(tx, actor, transitioned(row.id, before, result, { event, seq: row.seq + 1, inSteadOf: facts.stead ?? [] }));
    const since = written.now.toISOString();
    const tasks = result.next.tasks.map((task) => ({ ...(row.tasks.find(({ id }) => id === task.id) ?? { since, candidate: null, answered: false }), ...task }));
    return toView({ ...row, ...result.next, joins: [...result.next.joins], tasks, seq: row.seq + 1, form: event.type === 'submit' ? { ...event.form } : row.form, submitted_at: written.submittedAt, ended_at: written.endedAt }, published, actor.locale);
  }

  /** Who decides a step. */
  private async candidatesFor(tx: Tx, row: InstanceRow, name: string, { definition }: PublishedDefinition, deciding: Answered | null): Promise<Candidate[]> {
    const { candidates, notActorOf } = definition.nodes[name] as Approval;
    const answered = notActorOf ? [...(await this.answered(tx, row)), ...(deciding ? [deciding] : [])] : [];
    return resolveCandidates(tx, candidates, { unitId: row.unit_id, initiatorId: row.initiator_id, apart: answered.filter(({ node }) => notActorOf!.includes(node)).flatMap(({ people }) => people) });
  }

  private write(actor: Actor, work: (tx: Tx) => Promise<InstanceView>): Promise<InstanceView> {
    return this.database.withTenant(actor, async (tx) => {
      const view: Partial<InstanceView> & { id: string } = await idempotent(tx, actor, () => work(tx));
      if (view.openTasks) return view as InstanceView;
      // An answer that the release before stored knew one open step only: answered as it stands now.
      const row = await this.locked(tx, actor, view.id);
      return toView(row, await this.definitions.byId(tx, row.definition_id), actor.locale);
    });
  }

  /** Who has answered which steps of this request so far: by themselves, through a key of theirs, or somebody else in their stead. */
  private async answered(tx: Tx, row: InstanceRow): Promise<Answered[]> {
    const rows = await tx.workflowHistory.findMany({ where: { instanceId: row.id, node: { not: null } }, select: { node: true, actorKey: true, data: true } });
    const [kinds, keyIds] = [rows.map(({ actorKey }) => actorKey.split(':') as [string, string]), new Set(rows.flatMap(({ actorKey }) => (actorKey.startsWith('api_key:') ? [actorKey.slice('api_key:'.length)] : [])))];
    const keys = keyIds.size === 0 ? [] : await everyRow(tx, 'rule').apiKey.findMany({ where: { id: { in: [...keyIds] } }, select: { id: true, createdById: true } });
    const ownerOf = new Map(keys.map(({ id, createdById }) => [id, createdById]));
    return rows.map(({ node, data }, n) => {
      const [kind, id] = kinds[n]!;
      const self = kind === 'person' ? id : ownerOf.get(id);
      return { node: node!, people: [...(self === undefined ? [] : [self]), ...((data as { stead?: string[] }).stead ?? [])] };
    });
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
    if (!row.tasks.some(({ candidate }) => candidate) && !(await this.permissions.allows(actor, 'workflow:read', facts))) throw new Denied('NOT_FOUND', {}, target);
    if (personOf(actor) !== row.initiator_id) throw new Denied('WORKFLOW_NOT_INITIATOR', {}, target);
    if (!(await this.permissions.allows(actor, 'workflow:submit', facts))) throw new Denied('PERMISSION_DENIED', { permission: 'workflow:submit' }, target);
    return row;
  }
}

const PAST: Record<Verb, string> = { submit: 'submitted', approve: 'approved', reject: 'rejected', abstain: 'abstained from', complete: 'completed', return: 'returned', withdraw: 'withdrawn' };

function refusal(refused: Refusal, row: InstanceRow, verb: Verb, { definition }: PublishedDefinition, locale: Locale): Problem {
  switch (refused.refused) {
    case 'state':
      return new Problem('WORKFLOW_STATE', { state: row.state, verb: PAST[verb] });
    case 'verb':
      return new Problem('WORKFLOW_VERB', { verb });
    case 'turn':
      return new Problem('WORKFLOW_TURN');
    case 'target':
      return new Problem('WORKFLOW_RETURN_TARGET', { targets: refused.targets.join(', ') || '–' });
    case 'no-candidate':
      return new Problem('WORKFLOW_NO_CANDIDATE', { step: titleOf(definition, refused.node, locale) });
    case 'task':
      return new Problem('STALE_VERSION');
  }
}

/** What the history keeps of a transition: all that is needed to make it again, and what was said. */
function told(event: WorkflowEvent, result: Delta, facts: { comment?: string; stead?: string[] }): Told & { comment?: string; stead?: string[] } {
  // What was filled in stands in the history once, where it was submitted.
  const { form: _form, ...bare } = event as WorkflowEvent & { form?: Form };
  return {
    comment: facts.comment,
    stead: facts.stead?.length ? facts.stead : undefined,
    event: bare as Told['event'],
    form: event.type === 'submit' ? event.form : undefined,
    opened: result.opens.map(({ id, node, asked }) => ({ id, node, asked: asked.map(({ personId, weight }) => ({ personId, weight })) })),
    skipped: result.skipped.length > 0 ? result.skipped : undefined,
  };
}

const isSequential = (definition: Definition, name: string) => (definition.nodes[name] as Partial<Approval> | undefined)?.strategy === 'sequential';
