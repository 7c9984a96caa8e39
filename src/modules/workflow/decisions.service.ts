import { Injectable, Logger } from '@nestjs/common';
import { type Actor, actorKey, Denied, type PermissionCode, PermissionPort, Problem } from '../../access';
import type { DecisionVerb, Tx } from '../../platform/database';
import { asksPeople, carriedOutElsewhere, type Definition, formProblems, takeBackMinutesOf } from './definition';
import { DefinitionsService, type PublishedDefinition } from './definitions.service';
import { answersTo, type InstanceRow, requestFacts, standInAt, type WaitingTask } from './instances.store';
import { FailuresService } from './failures.service';
import { toView } from './instances.view';
import { Transitions } from './transitions.service';
import { type HistoryEntry, refold } from './refold';
import type { Marking, Part, WorkflowEvent } from './transition';
import type { InstanceView } from './workflow.dto';

/** Entries of the history that are somebody's answer to a step. */
const ANSWERS: ReadonlySet<string> = new Set(['voted', 'approved', 'rejected', 'returned', 'step_completed']);

/** Answering steps, and taking an answer back. */
@Injectable()
export class DecisionsService {
  private readonly logger = new Logger('decisions');

  constructor(
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly failures: FailuresService,
  ) {}

  /** Answers an open step; `to`: the step it is sent back to, left out the initiator; `also`: what is written with it, once it may be. */
  async decide(actor: Actor, taskId: string, verb: DecisionVerb, input: { comment?: string; step?: string; to?: string; form?: Record<string, unknown> }, also?: (tx: Tx, row: InstanceRow) => Promise<void>): Promise<InstanceView> {
    return this.failures.noting(actor, taskId, () => this.transitions.write(actor, async (tx) => {
      const { row, node } = await this.transitions.lockedByTask(tx, actor, taskId);
      const published = await this.definitions.byId(tx, row.definition_id);
      // What other systems carry out – a payment – is checked and written as one: nobody who may no longer. People’s
      // decisions do not wait for whoever is changing authorization just then; a long import would hold them all up.
      const service = carriedOutElsewhere(published.definition.nodes[node]);
      const who = service ? await this.permissions.holdStill(tx, actor) : actor;
      const stead = await this.requireMayDecide(tx, who, row, { id: taskId, node }, published);
      const waiting = await this.transitions.requireOpen(tx, row, taskId);
      if (input.step !== undefined && input.step !== node) throw new Problem('WORKFLOW_STEP', { actual: node, expected: input.step });
      if (waiting.answered) throw new Problem('WORKFLOW_ALREADY_DECIDED');
      await also?.(tx, row);
      const part = partOf(waiting);
      const answer = verb === 'approve' || verb === 'complete' ? answerOf(published, node, input.form) : undefined;
      const about = { task: taskId, form: row.form, answer };
      const event = { type: verb, ...about, ...(verb === 'return' ? { to: input.to ?? null } : {}), ...(verb === 'complete' && service ? {} : { part }) } as WorkflowEvent;
      return this.transitions.run(tx, who, row, event, { comment: input.comment, stead, decides: part });
    }));
  }

  /**
   * What another system was to carry out has failed: the request goes where the definition says, or waits on, and whoever
   * administers requests sees why.
   */
  async fail(actor: Actor, taskId: string, { code, comment }: { code: string; comment: string }): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const { row, node } = await this.transitions.lockedByTask(tx, actor, taskId);
      const published = await this.definitions.byId(tx, row.definition_id);
      const who = await this.permissions.holdStill(tx, actor);
      const stead = await this.requireMayDecide(tx, who, row, { id: taskId, node }, published);
      await this.transitions.requireOpen(tx, row, taskId);
      if (!carriedOutElsewhere(published.definition.nodes[node])) throw new Problem('WORKFLOW_VERB', { verb: 'fail' });
      return (await this.transitions.fail(tx, who, row, { taskId, code, detail: comment }, stead)) ?? toView(row, published, actor.locale);
    });
  }

  /** Takes back the last answer to a step of this request, by whoever gave it, while nothing has happened since: all is as it was. */
  async takeBack(actor: Actor, instanceId: string, comment: string | undefined): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const row = await this.transitions.locked(tx, actor, instanceId);
      const entries = await tx.workflowHistory.findMany({ where: { instanceId }, orderBy: { seq: 'asc' } });
      const last = entries.at(-1);
      const target = { type: 'workflow_instance', id: instanceId };
      const visible = entries.some((entry) => entry.actorKey === actorKey(actor)) || (await this.permissions.allows(actor, 'workflow:read', requestFacts(row)));
      if (!visible) throw new Denied('NOT_FOUND', {}, target);
      const { definition } = await this.definitions.byId(tx, row.definition_id);
      const node = definition.nodes[last?.node ?? ''];
      const { event, opened = [], launched = [] } = (last?.data ?? {}) as { event?: { task?: string; part?: Part }; opened?: { node: string }[]; launched?: string[] };
      // What another system may have begun by now is beyond recall.
      const begun = launched.length > 0 || opened.some((each) => !asksPeople(definition.nodes[each.node]));
      if (!last || last.actorKey !== actorKey(actor) || !ANSWERS.has(last.event) || !asksPeople(node) || !event?.task || !event.part || begun) throw new Problem('WORKFLOW_TAKE_BACK');
      const [clock] = await tx.$queryRaw<{ late: boolean }[]>`SELECT now() > ${last.at}::timestamptz + make_interval(mins => ${takeBackMinutesOf(node)}::int) AS late`;
      if (clock!.late) throw new Problem('WORKFLOW_TAKE_BACK');
      const before = this.standingBefore(row, definition, entries.slice(0, -1));
      // Nor can what it called off of others be begun again, or what it has told the request it is part of.
      const gone = before.tasks.filter(({ id }) => !row.tasks.some((each) => each.id === id)).map((each) => definition.nodes[each.node]);
      if (gone.some((each) => each?.type === 'subworkflow' || (each && 'call' in each && each.call !== undefined)) || (row.parent_task_id !== null && row.state === 'rejected')) throw new Problem('WORKFLOW_TAKE_BACK');
      return this.transitions.run(tx, actor, row, { type: 'take-back', task: event.task, before }, { comment, takesBack: event.part.of });
    });
  }

  /** Where it stood; what an older release did cannot always be made again, nor be taken back then. */
  private standingBefore(row: InstanceRow, definition: Definition, entries: readonly HistoryEntry[]): Marking {
    try {
      return refold(definition, entries).marking;
    } catch (error) {
      this.logger.warn({ instance: row.id, what: String(error) }, 'a history could not be followed');
      throw new Problem('WORKFLOW_TAKE_BACK');
    }
  }

  /**
   * `row` as it was read for the actor. In this order: the request must be visible (else 404), not the actor's own, the permission held for it, the actor one
   * of its candidates, and of nobody the step is kept apart from. @returns those in whose stead it is. Service steps are
   * for whoever holds `workflow:complete`; the others for candidates, who need `workflow:approve` to decide, and nothing to
   * do something.
   */
  async requireMayDecide(tx: Tx, actor: Actor, row: InstanceRow, task: { id: string; node: string }, { definition }: PublishedDefinition): Promise<string[]> {
    const facts = requestFacts(row);
    const target = { type: 'workflow_task', id: task.id };
    const open = row.tasks.find(({ id }) => id === task.id);
    const asked = actor.kind !== 'user' ? null : open ? open.candidate : await standInAt(tx, task.id, actor.personId);
    if (!asked && !(await this.permissions.allows(actor, 'workflow:read', facts)) && !(await this.permissions.allows(actor, 'workflow:complete', facts))) {
      throw new Denied('NOT_FOUND', {}, target);
    }
    const of = definition.nodes[task.node];
    const service = carriedOutElsewhere(of);
    // Nor through a key of one's own.
    if (actor.kind !== 'system' && actor.personId === row.initiator_id) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const permission = service || of?.type === 'task' ? 'workflow:complete' : 'workflow:approve';
    // Whoever is asked to do something may: that decides nothing.
    if (of?.type !== 'task' && !(await this.permissions.allows(actor, permission, facts))) throw new Denied('PERMISSION_DENIED', { permission }, target);
    if (!service && !asked) throw new Denied('WORKFLOW_NOT_CANDIDATE', {}, target);
    // Whoever lent it, or passed it on, acts with them: nobody decides on their own request, or has two parts in one, by lending.
    const handed = (asked?.reason as { chain?: string[] } | undefined)?.chain ?? [];
    const stead = [...new Set([...handed, ...(asked?.chain ?? []), ...(await this.permissions.inWhoseStead(actor, permission, facts))])];
    if (stead.includes(row.initiator_id)) throw new Denied('WORKFLOW_OWN_STEP', {}, target);
    const people = actor.kind === 'system' ? [] : [actor.personId, ...stead];
    const answers = await answersTo(tx, row.id, definition);
    const apart = await this.transitions.keptApart(tx, row, task.node, definition, answers);
    if (people.some((person) => apart.has(person))) throw new Denied('WORKFLOW_SEPARATION', {}, target);
    const had = answers.filter((each) => each.people.some((person) => people.includes(person))).map(({ node }): PermissionCode => (carriedOutElsewhere(definition.nodes[node]) || definition.nodes[node]?.type === 'task' ? 'workflow:complete' : 'workflow:approve'));
    await this.permissions.requireDutyApart(tx, permission, people.includes(row.initiator_id) ? ['workflow:submit', ...had] : had, target);
    return stead;
  }
}

/** What is filled in at a step. Throws 422 WORKFLOW_FORM_INVALID where it is not what the step asks for. */
function answerOf({ validateAnswer }: PublishedDefinition, node: string, form: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  const validate = validateAnswer.get(node);
  const problems = validate ? formProblems(validate, form ?? {}) : form ? [{ pointer: '#/form', code: 'unexpected', detail: 'nothing is filled in at this step' }] : [];
  if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
  return validate ? (form ?? {}) : undefined;
}

/** The part somebody has in a decision; none where it is for another system. */
const partOf = ({ candidate, tally }: WaitingTask): Part | null => (candidate && tally ? { of: candidate.part, weight: candidate.weight, turn: candidate.turn } : null);

