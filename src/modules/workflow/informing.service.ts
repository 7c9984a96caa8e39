import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort } from '../../access';
import type { Tx } from '../../platform/database';
import { type Facts, type Kind, type Notice, NotificationsService } from '../notifications';
import { peopleOfDepartment } from './candidates';
import type { Approval, Definition } from './definition';
import { answersTo, askedOf, type InstanceRow, requestFacts } from './instances.store';
import { keptApart } from './separation';
import type { Delta, WorkflowEvent } from './transition';
import { turnOf } from './voting';

/** Who is asked to decide a step from now on. */
interface Opened {
  id: string;
  node: string;
  people: readonly string[];
  dueAt?: string;
}

interface About {
  said?: Facts['said'];
  taskId?: string;
  node?: string;
  dueAt?: string;
}

/** Who is told what of a request. */
@Injectable()
export class InformingService {
  constructor(
    private readonly notifications: NotificationsService,
    private readonly permissions: PermissionPort,
  ) {}

  /** Of a transition: those who are asked now, those whose request it is, those who follow it; nobody of what they did themselves. */
  async ofTransition(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, event: WorkflowEvent, result: Delta, opened: readonly Opened[]): Promise<void> {
    const notices: Notice[] = [];
    const add = (kind: Kind, people: readonly string[], about: About = {}) => notices.push(...people.map((personId) => this.notice(actor, row, definition, personId, kind, about)));
    for (const { id: taskId, node, people, dueAt } of opened) add('step.asked', await this.withThoseStandingIn(tx, actor, row, definition, node, people), { taskId, node, dueAt });
    const task = 'task' in event ? row.tasks.find(({ id }) => id === event.task) : undefined;
    const about: About = { taskId: task?.id, node: task?.node, dueAt: task?.dueAt ?? undefined };
    const waiting = async () => (task ? this.withThoseStandingIn(tx, actor, row, definition, task.node, await this.waitedFor(tx, definition, result, task.id)) : []);
    switch (result.history) {
      case 'reminded':
        add('step.reminded', await waiting(), about);
        break;
      case 'overdue':
        add('step.overdue', await waiting(), about);
        break;
      case 'information_asked':
        add('request.information_asked', [row.initiator_id], about);
        break;
      case 'information_given':
        add('request.information_given', await waiting(), about);
        break;
      case 'returned':
        if (result.next.state === 'returned') add('request.returned', [row.initiator_id], about);
        break;
      default:
    }
    const { state } = result.next;
    if (state === 'completed' || state === 'rejected' || state === 'cancelled') add(`request.${state}`, [row.initiator_id, ...(await watchers(tx, row.id))]);
    await this.tell(tx, actor, notices);
  }

  /** What a definition has people told. */
  async ofMail(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, people: readonly string[], said: NonNullable<Facts['said']>): Promise<void> {
    await this.notifications.tell(tx, actor.foundationId, people.map((personId) => this.notice(actor, row, definition, personId, 'request.message', { said })));
  }

  /** Of something that is no transition: whoever has to do with the request. */
  async ofRequest(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, kind: Kind, people?: readonly string[]): Promise<void> {
    const asked = people ? [] : (await Promise.all(row.tasks.map(({ id }) => askedOf(tx, id)))).flat().map(({ personId }) => personId);
    const all = people ?? [row.initiator_id, ...(await watchers(tx, row.id)), ...asked];
    await this.tell(tx, actor, all.map((personId) => this.notice(actor, row, definition, personId, kind, {})));
  }

  /** Those a step waits for are reminded by somebody. @returns when they last were, if that is too short ago. */
  async nudge(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, task: { id: string; node: string; dueAt: string | null }, pauseMs: number): Promise<Date | null> {
    const asked = (await askedOf(tx, task.id)).filter(({ answered, turn }) => !answered && (!isSequential(definition, task.node) || turn === turnOf(row.tasks.find(({ id }) => id === task.id)!.tally!)));
    const people = await this.withThoseStandingIn(tx, actor, row, definition, task.node, asked.map(({ personId }) => personId));
    const last = await this.notifications.lastTold(tx, 'step.nudged', task.id, people);
    if (last && last.getTime() > Date.now() - pauseMs) return last;
    await this.tell(tx, actor, people.map((personId) => this.notice(actor, row, definition, personId, 'step.nudged', { taskId: task.id, node: task.node, dueAt: task.dueAt ?? undefined })));
    return null;
  }

  private tell(tx: Tx, actor: Actor, notices: readonly Notice[]): Promise<void> {
    const own = actor.kind === 'user' ? actor.personId : null;
    const once = new Map(notices.filter(({ personId }) => personId !== own).map((notice) => [`${notice.personId} ${notice.kind} ${notice.taskId ?? ''}`, notice]));
    return this.notifications.tell(tx, actor.foundationId, [...once.values()]);
  }

  private notice(actor: Actor, row: InstanceRow, definition: Definition, personId: string, kind: Kind, { taskId, node, dueAt, said }: About): Notice {
    const of = definition.nodes[node ?? ''];
    return { personId, kind, instanceId: row.id, taskId: taskId ?? null, facts: { definition: definition.title, step: of && 'title' in of ? of.title : undefined, initiator: row.initiator_id, by: actor.kind === 'user' ? actor.personId : undefined, dueAt, said } };
  }

  /** Whoever has not answered a step that still waits; where they decide one after the other, whose turn it is. */
  private async waitedFor(tx: Tx, definition: Definition, { next }: Delta, taskId: string): Promise<string[]> {
    const task = next.tasks.find(({ id }) => id === taskId);
    if (!task?.tally) return [];
    const turn = isSequential(definition, task.node) ? turnOf(task.tally) : null;
    return (await askedOf(tx, taskId)).filter((each) => !each.answered && (turn === null || each.turn === turn)).map(({ personId }) => personId);
  }

  /** And those who stand in for them now and could decide it themselves. */
  private async withThoseStandingIn(tx: Tx, actor: Actor, row: InstanceRow, definition: Definition, node: string, people: readonly string[]): Promise<string[]> {
    const found = await tx.$queryRaw<{ id: string }[]>`
      WITH RECURSIVE away AS (
        SELECT id, ARRAY[id] AS seen FROM unnest(${[...people]}::uuid[]) AS id
        UNION ALL
        SELECT s.substitute_id, a.seen || s.substitute_id FROM away a JOIN workflow_substitution s ON s.foundation_id = gloria_foundation() AND s.person_id = a.id
         WHERE s.ended_at IS NULL AND s.valid_from <= now() AND s.valid_until > now() AND s.substitute_id <> ALL (a.seen) AND s.substitute_id <> ${row.initiator_id}::uuid AND cardinality(a.seen) <= 8
      )
      SELECT DISTINCT id::text AS id FROM away WHERE id <> ALL (${[...people]}::uuid[])`;
    if (found.length === 0) return [...people];
    const department = (definition.nodes[node] as Partial<Approval> | undefined)?.differentDepartment ? await peopleOfDepartment(tx, row.unit_id) : [];
    const apart = keptApart(definition, node, { initiatorId: row.initiator_id, answers: await answersTo(tx, row.id, definition), department });
    const may = await this.permissions.whoMay(tx, actor, 'workflow:approve', requestFacts(row), found.map(({ id }) => id));
    return [...people, ...found.map(({ id }) => id).filter((id) => may.has(id) && !apart.has(id))];
  }
}

const isSequential = (definition: Definition, node: string) => (definition.nodes[node] as Partial<Approval> | undefined)?.strategy === 'sequential';

async function watchers(tx: Tx, instanceId: string): Promise<string[]> {
  return (await tx.workflowWatcher.findMany({ where: { instanceId }, select: { personId: true } })).map(({ personId }) => personId);
}
