import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, type Locale, PermissionPort, Problem } from '../../access';
import { idempotent } from '../../http';
import { Database, type DecisionVerb, type Tx } from '../../platform/database';
import { Metrics } from '../../platform/telemetry';
import { AuditService } from '../audit';
import { CalendarsService } from '../calendars';
import { WebhooksService } from '../webhooks';
import { callStep, endpointOf } from './calls';
import { approvedFirst, type Candidate, peopleOfDepartment, resolveCandidates } from './candidates';
import { type Approval, asksPeople, type Definition, type Moment } from './definition';
import { CountedLeave } from './counted-leave.service';
import { DefinitionsService } from './definitions.service';
import { dueAt, resumedAt } from './due';
import { boundariesOf, handlesFailure } from './flow';
import { inLimits, inTime } from './computing';
import { FailuresService } from './failures.service';
import { InformingService } from './informing.service';
import { answersTo, askedOf, asksWhoAnswered, type InstanceRow, lockByTask, markingOf, readInstance, readInstances, requestFacts, type TaskChange, type Transition, writeTransition } from './instances.store';
import { titleOf, toView } from './instances.view';
import { Parts } from './parts';
import { step } from './reducer';
import { toldOf } from './refold';
import { DUE, marksOf } from './service-level';
import { type Answer, approvedAlready, givenAgain, keptApart } from './separation';
import type { Delta, Env, Form, OpenTask, Part, Refusal, Verb, WorkflowEvent } from './transition';
import { SubstitutionsService } from './substitutions.service';
import { awaitMessages, awaitsMessages, messagesOf } from './messages.store';
import { asksExpressions, correlationOf, filledText, peopleBy } from './variables';
import { turnOf } from './voting';
import type { InstanceView } from './workflow.dto';
import { transitioned } from './workflow.events';

/** What comes with an event and the reducer need not know. */
export interface Said {
  comment?: string;
  /** Those in whose place it is done. */
  stead?: readonly string[];
  /** A decision: whose part it makes; null for another system's. */
  decides?: Part | null;
  /** Whose part it is that is decided no longer. */
  takesBack?: string;
  /** The timer whose time has come. */
  timer?: string;
  /** The message that has come, and who sent it. */
  message?: { id: string; sentBy: string };
  /** Who is asked changes with it. */
  asked?: Omit<NonNullable<Transition['asked']>, 'taskId'>;
}

/** How every verb runs: read and lock, let the reducer say what becomes of it, write once, record. */
@Injectable()
export class Transitions {
  private readonly parts: Parts;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly calendars: CalendarsService,
    private readonly substitutions: SubstitutionsService,
    private readonly leave: CountedLeave,
    private readonly informing: InformingService,
    private readonly metrics: Metrics,
    readonly webhooks: WebhooksService,
    readonly failures: FailuresService,
  ) {
    this.parts = new Parts(this, definitions, audit, substitutions);
  }

  /** One transaction, idempotent under the request's key. */
  write(actor: Actor, work: (tx: Tx) => Promise<InstanceView>): Promise<InstanceView> {
    return this.database.withTenant(actor, async (tx) => {
      const view: Partial<InstanceView> & { id: string } = await idempotent(tx, actor, () => work(tx));
      // What the release before stored as an answer lacks what came with this one: answered as it stands now.
      if (view.openTasks && view.partOf !== undefined) return view as InstanceView;
      const row = await this.locked(tx, actor, view.id);
      return toView(row, await this.definitions.byId(tx, row.definition_id), actor.locale);
    });
  }

  /** An instance, locked against other transitions until the transaction ends. */
  async locked(tx: Tx, actor: Actor, id: string): Promise<InstanceRow> {
    const row = await readInstance(tx, id, actor.kind === 'system' ? null : actor.personId, true);
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }

  /** The instance a task belongs to, locked, and the task's node, whether it waits still or not. */
  async lockedByTask(tx: Tx, actor: Actor, taskId: string): Promise<{ row: InstanceRow; node: string }> {
    const task = await lockByTask(tx, taskId);
    const [row] = task ? await readInstances(tx, [task.instanceId], actor.kind === 'system' ? null : actor.personId) : [];
    if (!task || !row) throw new Problem('NOT_FOUND');
    return { row, node: task.node };
  }

  /** The open task, or 409 WORKFLOW_TASK_CLOSED with what has become of it. */
  async requireOpen(tx: Tx, row: InstanceRow, taskId: string) {
    const waiting = row.tasks.find(({ id }) => id === taskId);
    if (!waiting) throw new Problem('WORKFLOW_TASK_CLOSED', { state: (await tx.workflowTask.findFirstOrThrow({ where: { id: taskId } })).state });
    return waiting;
  }

  /** Throws 404 where the actor may not know of the request, 403 where they do not hold `workflow:administer` for it. */
  async requireAdministers(actor: Actor, row: InstanceRow): Promise<void> {
    const facts = requestFacts(row);
    const target = { type: 'workflow_instance', id: row.id };
    const permission = 'workflow:administer';
    if (await this.permissions.allows(actor, permission, facts)) return;
    const knows = row.tasks.some(({ candidate }) => candidate) || (await this.permissions.allows(actor, 'workflow:read', facts));
    throw knows ? new Denied('PERMISSION_DENIED', { permission }, target) : new Denied('NOT_FOUND', {}, target);
  }

  /**
   * The same, to change who decides a step or go past it: not of what they have filed themselves, nor of a step they are
   * kept apart from, nor for somebody of whom that is so and who has lent it.
   */
  async requireAdministersStep(tx: Tx, actor: Actor, row: InstanceRow, name: string): Promise<void> {
    await this.requireAdministers(actor, row);
    if (actor.kind === 'system') return;
    const target = { type: 'workflow_instance', id: row.id };
    const people = [actor.personId, ...(await this.permissions.inWhoseStead(actor, 'workflow:administer', requestFacts(row)))];
    if (people.includes(row.initiator_id)) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const { definition } = await this.definitions.byId(tx, row.definition_id);
    const apart = await this.keptApart(tx, row, name, definition, await answersTo(tx, row.id, definition));
    if (people.some((person) => apart.has(person))) throw new Denied('WORKFLOW_SEPARATION', {}, target);
  }

  /** Who may not decide a step, by its separation of duty: on every channel. */
  async keptApart(tx: Tx, row: InstanceRow, name: string, definition: Definition, answers: readonly Answer[]): Promise<ReadonlySet<string>> {
    const node = definition.nodes[name] as Partial<Approval> | undefined;
    const department = node?.differentDepartment ? await peopleOfDepartment(tx, row.unit_id) : [];
    return keptApart(definition, name, { initiatorId: row.initiator_id, answers, department });
  }

  /** What another system was to carry out has failed: the request goes where the definition says; or that is on record, and null. */
  async fail(tx: Tx, actor: Actor, row: InstanceRow, failure: { taskId: string; code: string; detail: string }, stead: readonly string[] = []): Promise<InstanceView | null> {
    const { definition } = await this.definitions.byId(tx, row.definition_id);
    const { taskId, code, detail } = failure;
    if (handlesFailure(definition.nodes[row.tasks.find(({ id }) => id === taskId)!.node], code) !== null) return this.run(tx, actor, row, { type: 'fail', task: taskId, code, form: row.form }, { comment: detail, stead });
    await this.failures.report(tx, actor, row.id, failure);
    return null;
  }

  /** Makes a transition of a locked instance. Throws what the reducer refuses as a problem. */
  async run(tx: Tx, actor: Actor, row: InstanceRow, event: WorkflowEvent, said: Said): Promise<InstanceView> {
    const published = await this.definitions.byId(tx, row.definition_id);
    const { definition } = published;
    const before = markingOf(row);
    const about = 'task' in event ? (row.tasks.find(({ id }) => id === event.task) ?? null) : null;
    const candidates = new Map<string, Candidate[]>();
    const ids = new Map<string, string>();
    const calendar = asksExpressions(definition) ? await this.calendars.ofUnit(tx, row.unit_id) : null;
    const world = { now: new Date(), zone: calendar?.zone ?? 'utc' };
    const env: Env = { ...world, candidates: (node) => candidates.get(node), taskId: (node) => ids.get(node) ?? ids.set(node, uuidv7()).get(node)! };
    let answers: Answer[] | undefined;
    let result = step(definition, before, event, env);
    for (; 'needs' in result; result = step(definition, before, event, env)) {
      for (const node of result.needs) {
        const { variables } = result;
        answers ??= await this.answersWith(tx, row, definition, about, event, actor, said);
        candidates.set(node, await this.candidatesFor(tx, row, node, definition, answers, (expression) => inLimits(titleOf(definition, node, actor.locale), () => peopleBy(definition, expression, variables, world))));
      }
    }
    if ('refused' in result) throw refusal(result, row, event.type, definition, actor.locale);

    const { next } = result;
    const changeOf = (task: OpenTask): TaskChange => ({ ...task, turn: isSequential(definition, task.node) ? turnOf(task.tally!) : null });
    const changed = about && next.tasks.find((task) => task.id === about.id && !sameTask(task, about));
    const opens = result.opens.map(({ id, node, sequential, asked }) => {
      const tally = next.tasks.find((task) => task.id === id)!.tally;
      return { id, node, tally, turn: sequential ? turnOf(tally!) : null, candidates: (candidates.get(node) ?? []).map((each, n) => ({ ...each, approved: asked[n]!.approved })) };
    });
    const form = event.type === 'submit' ? { ...event.form } : null;
    const { timers, moves } = await this.timesOf(tx, actor, row, definition, event, result, form ?? row.form);
    const subscriptions = opens.flatMap(({ id: taskId, node }) => messagesOf(definition, node).map(({ boundary, message }) => ({ taskId, boundary, name: message.name, key: this.subjectOf(definition, node, message, row, { ...(form ?? row.form), ...next.variables }, world, actor.locale) })));
    const written = await writeTransition(tx, actor, {
      instanceId: row.id,
      expectedSeq: row.seq,
      next,
      joins: before.joins.length + next.joins.length > 0 ? next.joins : null,
      ended: result.ended,
      submitted: event.type === 'submit',
      form,
      history: { event: result.history, node: result.node, data: { comment: said.comment, stead: said.stead?.length ? said.stead : undefined, message: said.message, due: timers.length > 0 ? timers.map(({ taskId, boundary, due }) => ({ task: taskId, boundary, at: due.at.toISOString() })) : undefined, ...toldOf(event, result, calendar ? world : undefined) } },
      decision: said.decides === undefined || about === null ? null : { taskId: about.id, verb: event.type as DecisionVerb, comment: said.comment ?? null, part: said.decides?.of ?? null },
      closes: result.closes,
      reopens: result.reopens.map((id) => changeOf(next.tasks.find((task) => task.id === id)!)),
      changes: changed ? changeOf(changed) : null,
      takesBack: event.type === 'take-back' ? { taskId: event.task, part: said.takesBack! } : null,
      asked: said.asked && about ? { ...said.asked, taskId: about.id } : null,
      opens,
      fired: said.timer ?? null,
      timers,
      moves,
    });
    if (JSON.stringify(next.done ?? []) !== JSON.stringify(row.done)) await tx.$executeRaw`UPDATE workflow_instance SET done = ${[...(next.done ?? [])]}::text[] WHERE id = ${row.id}::uuid`;
    const called = result.closes.filter(({ id }) => endpointOf(definition.nodes[row.tasks.find((task) => task.id === id)?.node ?? '']) !== undefined);
    if (called.length > 0) await this.webhooks.void(tx, called.map(({ id }) => id));
    for (const open of opens) await callStep(tx, this, actor, { ...row, form: form ?? row.form, round: next.round }, definition, open, next.variables);
    if (awaitsMessages(definition)) await awaitMessages(tx, actor.foundationId, row.id, subscriptions);
    for (const name of result.mails) await this.tell(tx, actor, row, definition, name, { ...(form ?? row.form), ...next.variables }, world);
    await this.informing.ofTransition(tx, actor, row, definition, event, result, await this.newlyAsked(tx, definition, result, about, { opens, timers, asked: said.asked }));
    await this.leave.follow(tx, actor, row, definition, form ?? row.form, next.state, event.type === 'submit');
    if (next.state === 'completed') await this.substitutions.follow(tx, actor, row, definition, form ?? row.form);
    for (const { node, parts } of result.launches) await this.parts.file(tx, actor.foundationId, { ...row, form: form ?? row.form }, definition, node, null, parts);
    await this.audit.record(tx, actor, transitioned(row.id, before, result, { event, seq: row.seq + 1, inSteadOf: [...(said.stead ?? [])] }));
    this.metrics.transitions.inc({ event: result.history });
    for (const { id, state } of result.closes) {
      const closed = row.tasks.find((task) => task.id === id);
      if (closed) this.metrics.stepWait.observe({ state }, (written.now.getTime() - Date.parse(closed.since)) / 1_000);
    }
    if (await this.parts.follow(tx, actor, { ...row, form: form ?? row.form }, definition, event, result)) return toView(await this.locked(tx, actor, row.id), published, actor.locale);
    const since = written.now.toISOString();
    const tasks = next.tasks.map((task) => ({ ...(row.tasks.find(({ id }) => id === task.id) ?? { since, dueAt: timers.find((each) => each.taskId === task.id && each.boundary === DUE)?.due.at.toISOString() ?? null, candidate: null, answered: false }), ...task }));
    return toView({ ...row, ...next, done: [...(next.done ?? [])], joins: [...next.joins], tasks, seq: row.seq + 1, form: form ?? row.form, submitted_at: written.submittedAt, ended_at: written.endedAt }, published, actor.locale);
  }

  /** People are told something on the way. */
  private async tell(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, name: string, variables: Form, world: { now: Date; zone: string }): Promise<void> {
    const node = definition.nodes[name] as Extract<Definition['nodes'][string], { type: 'mail' }>;
    const step = titleOf(definition, name, actor.locale);
    const rules = node.recipients.filter((each) => each !== 'initiator');
    const people = (expression: string) => inLimits(step, () => peopleBy(definition, expression, variables, world));
    const found = rules.length === 0 ? [] : await resolveCandidates(tx, [rules.length === 1 ? rules[0]! : { together: rules }], { unitId: row.unit_id, initiatorId: row.initiator_id, apart: [], people });
    const both = (of: Readonly<Record<Locale, string>>) => inLimits(step, () => ({ en: filledText(definition, of.en, variables, world), id: filledText(definition, of.id, variables, world) }));
    await this.informing.ofMail(tx, actor, row, definition, [...new Set([...(node.recipients.includes('initiator') ? [row.initiator_id] : []), ...found.map(({ personId }) => personId)])], { subject: both(node.subject), text: both(node.text) });
  }

  /** What a message has to be about. Throws 409 WORKFLOW_EXPRESSION where that is nothing. */
  private subjectOf(definition: Definition, node: string, message: { correlation?: string }, row: InstanceRow, variables: Form, world: { now: Date; zone: string }, locale: Locale): string {
    const step = titleOf(definition, node, locale);
    const found = inLimits(step, () => correlationOf(definition, message, row.id, variables, world));
    if (found === null || found === '') throw new Problem('WORKFLOW_EXPRESSION', { step, detail: 'it does not yield what a message is to be about' });
    return found;
  }

  /** Who is asked by this transition: at steps that open, whose turn it is now, and who was put to one as well. */
  private async newlyAsked(tx: Tx, definition: Definition, { next }: Delta, about: OpenTask | null, made: { opens: readonly { id: string; node: string; turn: number | null; candidates: readonly Candidate[] }[]; timers: NonNullable<Transition['timers']>; asked: Said['asked'] }) {
    const opened = made.opens.map(({ id, node, turn, candidates }) => ({
      id, node, dueAt: made.timers.find((each) => each.taskId === id && each.boundary === DUE)?.due.at.toISOString(),
      people: candidates.filter(({ approved }, n) => !approved && (turn === null || n === turn)).map(({ personId }) => personId),
    }));
    const still = about && next.tasks.find(({ id }) => id === about.id);
    if (!still?.tally) return opened;
    const turn = isSequential(definition, still.node) ? turnOf(still.tally) : null;
    const added = (made.asked?.add ?? []).filter((each) => turn === null || each.turn === turn).map(({ personId }) => personId);
    const moved = turn !== null && turn !== turnOf(about!.tally!) ? (await askedOf(tx, still.id)).filter((each) => each.turn === turn).map(({ personId }) => personId) : [];
    return added.length + moved.length === 0 ? opened : [...opened, { id: still.id, node: still.node, people: [...added, ...moved] }];
  }

  /** The times that begin to run with the steps that open, and those that go on. The calendar is read only where something is timed. */
  private async timesOf(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, event: WorkflowEvent, { opens }: Delta, form: Form): Promise<{ timers: NonNullable<Transition['timers']>; moves: NonNullable<Transition['moves']> }> {
    const timed = opens.flatMap(({ id: taskId, node }) => momentsOf(definition, node).map((each) => ({ taskId, node, ...each })));
    // Halted working times of the request, or of the step that gets its information; the clock's own are moved as they are stored.
    const halted = event.type === 'resume' || event.type === 'answer' ? await tx.workflowTimer.findMany({ where: { state: 'halted', working: true, task: { instanceId: row.id, ...(event.type === 'answer' ? { id: event.task } : { asking: false }) } }, include: { task: { select: { node: true } } } }) : [];
    if (timed.length + halted.length === 0) return { timers: [], moves: [] };
    const calendar = await this.calendars.ofUnit(tx, row.unit_id);
    const now = new Date();
    return {
      timers: timed.map(({ taskId, node, boundary, moment }) => ({ taskId, boundary, due: inTime(titleOf(definition, node, actor.locale), () => dueAt(moment, form, now, calendar)) })),
      moves: halted.map(({ id, dueAt: due, haltedAt, task }) => ({ id, at: inTime(titleOf(definition, task.node, actor.locale), () => resumedAt(due, haltedAt!, now, calendar)) })),
    };
  }

  /** Who decides a step. */
  private async candidatesFor(tx: Tx, row: InstanceRow, name: string, definition: Definition, answers: readonly Answer[], people: (expression: string) => readonly string[]): Promise<Candidate[]> {
    const { candidates, skipDecided } = definition.nodes[name] as Approval;
    const apart = [...(await this.keptApart(tx, row, name, definition, answers))];
    const found = await resolveCandidates(tx, candidates, { unitId: row.unit_id, initiatorId: row.initiator_id, apart, people });
    if (!skipDecided) return found;
    return approvedFirst(found, approvedAlready(answers.filter((each) => each.node !== name)));
  }

  /** The answers so far and the one being given, where any step of the definition asks about them. */
  private async answersWith(tx: Tx, row: InstanceRow, definition: Definition, about: OpenTask | null, event: WorkflowEvent, actor: Actor, said: Said): Promise<Answer[]> {
    // What is submitted starts afresh; and mostly no step asks.
    if (event.type === 'submit' || !asksWhoAnswered(definition)) return [];
    const node = about && definition.nodes[about.node];
    const to = event.type === 'return' ? event.to : event.type === 'reject' && node && asksPeople(node) ? node.onReject : null;
    const before = await answersTo(tx, row.id, definition);
    const answers: Answer[] = to ? givenAgain(definition, before, [{ to, at: Infinity }]).map((each, n) => ({ ...each, again: each.again || before[n]!.again })) : before;
    if (said.decides === undefined || about === null || event.type === 'return') return answers;
    const people = [...('personId' in actor ? [actor.personId] : []), ...(said.stead ?? [])];
    return [...answers, { node: about.node, verb: event.type as DecisionVerb, people, stands: true }];
  }
}

/** What is waited for at a node: its own time, those of its boundaries, and of its service level. */
function momentsOf(definition: Definition, name: string): { boundary: number | null; moment: Moment }[] {
  const node = definition.nodes[name];
  return [...(node?.type === 'timer' ? [{ boundary: null, moment: node.after }] : []), ...boundariesOf(node).flatMap(([boundary, { on }]) => ('after' in on ? [{ boundary, moment: on.after }] : [])), ...marksOf(node).map(({ at: boundary, after: moment }) => ({ boundary, moment }))];
}

const sameTask = (one: OpenTask, other: OpenTask) => one.claimedBy === other.claimedBy && one.asking === other.asking && one.fired.length === other.fired.length && JSON.stringify(one.tally) === JSON.stringify(other.tally);

const PAST: Record<Verb, string> = {
  submit: 'submitted', approve: 'approved', reject: 'rejected', abstain: 'abstained from', complete: 'completed', return: 'returned', withdraw: 'withdrawn', 'take-back': 'decided otherwise', claim: 'claimed', release: 'released',
  ask: 'asked about', answer: 'explained', transfer: 'handed on', delegate: 'handed on', undelegate: 'taken back', 'add-signer': 'changed', 'remove-signer': 'changed', skip: 'skipped', fire: 'timed', message: 'told', part: 'told', fail: 'failed', suspend: 'suspended', resume: 'resumed', cancel: 'cancelled',
};

function refusal(refused: Refusal, row: InstanceRow, verb: Verb, definition: Definition, locale: Locale): Problem {
  switch (refused.refused) {
    case 'state':
      return new Problem('WORKFLOW_STATE', { state: row.state, verb: PAST[verb] });
    case 'verb':
      return new Problem('WORKFLOW_VERB', { verb });
    case 'turn':
      return new Problem('WORKFLOW_TURN');
    case 'claimed':
      return new Problem('WORKFLOW_CLAIMED');
    case 'last':
      return new Problem('WORKFLOW_LAST_SIGNER');
    case 'target':
      return new Problem('WORKFLOW_RETURN_TARGET', { targets: refused.targets.join(', ') || '–' });
    case 'expression':
      return new Problem('WORKFLOW_EXPRESSION', { step: titleOf(definition, refused.where, locale), detail: refused.detail });
    case 'no-candidate':
      return new Problem('WORKFLOW_NO_CANDIDATE', { step: titleOf(definition, refused.node, locale) });
    case 'unhandled':
      return new Problem('WORKFLOW_VERB', { verb });
    case 'task':
      return new Problem('STALE_VERSION');
  }
}

const isSequential = (definition: Definition, name: string) => (definition.nodes[name] as Partial<Approval> | undefined)?.strategy === 'sequential';
