import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem } from '../../access';
import { everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import type { CandidateReason, Given } from './candidates';
import { type Approval, asksPeople } from './definition';
import { DefinitionsService, type PublishedDefinition } from './definitions.service';
import { DecisionsService } from './decisions.service';
import { answersTo, type AskedRow, askedOf, type InstanceRow, requestFacts } from './instances.store';
import { personBehind } from './filing';
import { InformingService } from './informing.service';
import { toView } from './instances.view';
import { Transitions } from './transitions.service';
import type { Part } from './transition';
import { turnOf } from './voting';
import { nudged } from './workflow.events';
import type { AddSigner, HandOn, HandOver, InstanceView, NamePerson } from './workflow.dto';

/** So many people may pass one part on, each to the next. */
const CHAIN = 5;

/** Between two nudges. */
const NUDGES_MS = 4 * 3_600_000;

/** Before a step is answered: who takes it on, who decides in whose place, who has to be asked as well, what has to be known first. */
@Injectable()
export class HandlingService {
  constructor(
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly decisions: DecisionsService,
    private readonly transitions: Transitions,
    private readonly informing: InformingService,
    private readonly audit: AuditService,
  ) {}

  /** Takes a step on: until it is released nobody else answers it. */
  claim(actor: Actor, taskId: string): Promise<InstanceView> {
    return this.asAsked(actor, taskId, (tx, { row, part }) => this.transitions.run(tx, actor, row, { type: 'claim', task: taskId, by: part.of }, {}));
  }

  /** Lets others answer it again: by who has claimed it, or an administrator. */
  async release(actor: Actor, taskId: string): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const { row } = await this.transitions.lockedByTask(tx, actor, taskId);
      const mine = row.tasks.find(({ id }) => id === taskId);
      if (actor.kind !== 'user' || !mine?.candidate || mine.candidate.part !== mine.claimedBy) await this.transitions.requireAdministers(actor, row);
      await this.transitions.requireOpen(tx, row, taskId);
      return this.transitions.run(tx, actor, row, { type: 'release', task: taskId }, {});
    });
  }

  /** Reminds those a step waits for: by whoever filed it, follows it, or administers requests; every few hours at most. */
  async nudge(actor: Actor, taskId: string): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const { row, published } = await this.find(tx, actor, taskId);
      const personId = personBehind(actor);
      const follows = personId === row.initiator_id || (await tx.workflowWatcher.count({ where: { instanceId: row.id, personId } })) > 0;
      if (!follows) await this.transitions.requireAdministers(actor, row);
      const task = await this.transitions.requireOpen(tx, row, taskId);
      if (row.state !== 'running' || !task.tally) throw new Problem('WORKFLOW_VERB', { verb: 'nudge' });
      const last = await this.informing.nudge(tx, actor, row, published.definition, task, NUDGES_MS);
      if (last) throw new Problem('WORKFLOW_NUDGED', { since: last.toISOString() });
      await this.audit.record(tx, actor, nudged(row.id, taskId));
      return toView(row, published, actor.locale);
    });
  }

  /** Asks whoever filed it for information; the step waits meanwhile, and so does its time. */
  ask(actor: Actor, taskId: string, comment: string): Promise<InstanceView> {
    return this.asAsked(actor, taskId, (tx, { row }) => this.transitions.run(tx, actor, row, { type: 'ask', task: taskId }, { comment }));
  }

  /** Hands one's own part to somebody else for good; an administrator anybody's. */
  async transfer(actor: Actor, taskId: string, { from, to, comment }: HandOver): Promise<InstanceView> {
    const work = async (tx: Tx, row: InstanceRow, published: PublishedDefinition, owner: string, node: string) => {
      const asked = await askedOf(tx, taskId);
      const part = partNamed(asked, owner);
      await this.requireCanTake(tx, actor, row, published, node, to, asked);
      return this.transitions.run(tx, actor, row, { type: 'transfer', task: taskId, part, to }, {
        comment,
        asked: { remove: asked.filter((each) => each.part === owner).map(({ personId }) => personId), fromTurn: 0, shift: 0, add: [{ personId: to, weight: part.weight, turn: part.turn, part: to, reason: given('transferred', personBehind(actor)) }] },
      });
    };
    if (from !== undefined) return this.asAdministrator(actor, taskId, (tx, { row, published, node }) => work(tx, row, published, from, node));
    return this.asAsked(actor, taskId, (tx, { row, published, node, part, approval, own }) => {
      requireAllowed(approval.handOver);
      if (!own) throw new Problem('WORKFLOW_NOT_YOURS');
      return work(tx, row, published, part.of, node);
    });
  }

  /** Lets somebody decide in one's place; whichever of the two is first decides. */
  delegate(actor: Actor, taskId: string, { to, comment }: HandOn): Promise<InstanceView> {
    return this.asAsked(actor, taskId, async (tx, { row, published, node, part, approval, reason }) => {
      requireAllowed(approval.handOver);
      const chain = [...('given' in reason ? reason.chain : []), personBehind(actor)];
      if (chain.length > CHAIN) throw new Problem('WORKFLOW_CHAIN', { most: CHAIN });
      await this.requireCanTake(tx, actor, row, published, node, to, await askedOf(tx, taskId));
      return this.transitions.run(tx, actor, row, { type: 'delegate', task: taskId, part, to }, {
        comment,
        asked: { remove: [], fromTurn: 0, shift: 0, add: [{ personId: to, weight: part.weight, turn: part.turn, part: part.of, reason: { given: 'delegated', by: personBehind(actor), chain } }] },
      });
    });
  }

  /** Lets somebody decide in one's place no longer, nor whoever they passed it on to. */
  undelegate(actor: Actor, taskId: string, { person }: NamePerson): Promise<InstanceView> {
    return this.asAsked(actor, taskId, async (tx, { row, part }) => {
      const mine = (await askedOf(tx, taskId)).filter(({ reason }) => 'given' in reason && reason.given === 'delegated' && reason.chain.includes(personBehind(actor)));
      const chosen = mine.find(({ personId }) => personId === person);
      if (!chosen) throw new Problem('WORKFLOW_NOT_ASKED');
      const remove = mine.filter(({ personId, reason }) => personId === person || (reason as Given).chain.includes(person)).map(({ personId }) => personId);
      return this.transitions.run(tx, actor, row, { type: 'undelegate', task: taskId, part, from: person }, { asked: { remove, fromTurn: 0, shift: 0, add: [] } });
    });
  }

  /** Somebody has to be asked as well: next, or after all others. By who is asked, or an administrator. */
  async addSigner(actor: Actor, taskId: string, { person, place, weight, comment }: AddSigner): Promise<InstanceView> {
    const work = async (tx: Tx, row: InstanceRow, published: PublishedDefinition, node: string) => {
      const asked = await askedOf(tx, taskId);
      await this.requireCanTake(tx, actor, row, published, node, person, asked);
      const { tally } = await this.transitions.requireOpen(tx, row, taskId);
      if (!tally) throw new Problem('WORKFLOW_VERB', { verb: 'add-signer' });
      const turn = place === 'next' ? turnOf(tally) + 1 : turnOf(tally) + tally.open.people;
      return this.transitions.run(tx, actor, row, { type: 'add-signer', task: taskId, part: { of: person, weight, turn } }, {
        comment,
        asked: { remove: [], fromTurn: turn, shift: 1, add: [{ personId: person, weight, turn, part: person, reason: given('added', personBehind(actor)) }] },
      });
    };
    return this.transitions.write(actor, async (tx) => {
      const about = await this.find(tx, actor, taskId);
      const { row, published, node } = about;
      if (await this.permissions.allows(actor, 'workflow:administer', requestFacts(row))) await this.transitions.requireAdministersStep(tx, actor, row, node);
      else {
        await this.decisions.requireMayDecide(tx, actor, row, { id: taskId, node }, published);
        requireAllowed(about.approval.addSigners);
        // Nobody gives more weight than they have.
        const own = row.tasks.find(({ id }) => id === taskId)?.candidate?.weight ?? 1;
        if (weight > own) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/weight', code: 'too_big', detail: `at most ${own}, your own` }]);
      }
      return work(tx, row, published, node);
    });
  }

  /** Somebody who has not answered is asked no longer: by who added them, or an administrator. */
  async removeSigner(actor: Actor, taskId: string, { person, comment }: NamePerson): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const { row, node } = await this.find(tx, actor, taskId);
      const asked = await askedOf(tx, taskId);
      const found = asked.find((each) => each.personId === person && each.part === person);
      const own = found && 'given' in found.reason && found.reason.given === 'added' && actor.kind === 'user' && found.reason.by === actor.personId;
      if (!own) await this.transitions.requireAdministersStep(tx, actor, row, node);
      if (!found) throw new Problem('WORKFLOW_NOT_ASKED');
      await this.transitions.requireOpen(tx, row, taskId);
      if (found.answered) throw new Problem('WORKFLOW_ALREADY_DECIDED');
      const part = { of: person, weight: found.weight, turn: found.turn };
      return this.transitions.run(tx, actor, row, { type: 'remove-signer', task: taskId, part, form: row.form }, {
        comment,
        asked: { remove: asked.filter((each) => each.part === person).map(({ personId }) => personId), fromTurn: part.turn, shift: -1, add: [] },
      });
    });
  }

  /**
   * Throws unless this person could decide the step: a living person who holds `workflow:approve` for the request – to decide, not to do something –, is not
   * kept apart from it, and is not asked already. So nothing handed on gives anybody more than they hold.
   */
  private async requireCanTake(tx: Tx, actor: Actor, row: InstanceRow, { definition }: PublishedDefinition, node: string, personId: string, asked: readonly AskedRow[]): Promise<void> {
    const person = await everyRow(tx, 'rule').person.findFirst({ where: { id: personId, deletedAt: null }, select: { id: true } });
    if (!person) throw new Problem('WORKFLOW_CANNOT_DECIDE');
    if (asked.some((each) => each.personId === personId)) throw new Problem('WORKFLOW_ALREADY_ASKED');
    const apart = await this.transitions.keptApart(tx, row, node, definition, await answersTo(tx, row.id, definition));
    const may = definition.nodes[node]?.type === 'task' || (await this.permissions.whoMay(tx, actor, 'workflow:approve', requestFacts(row), [personId])).has(personId);
    if (apart.has(personId) || !may) throw new Problem('WORKFLOW_CANNOT_DECIDE');
  }

  private async find(tx: Tx, actor: Actor, taskId: string) {
    const { row, node } = await this.transitions.lockedByTask(tx, actor, taskId);
    const published = await this.definitions.byId(tx, row.definition_id);
    return { row, node, published, approval: published.definition.nodes[node] as Approval };
  }

  /** As somebody who may answer the step now, and has not. */
  private asAsked(actor: Actor, taskId: string, work: (tx: Tx, about: { row: InstanceRow; node: string; published: PublishedDefinition; approval: Approval; part: Part; own: boolean; reason: CandidateReason }) => Promise<InstanceView>): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const about = await this.find(tx, actor, taskId);
      await this.decisions.requireMayDecide(tx, actor, about.row, { id: taskId, node: about.node }, about.published);
      const { candidate, answered } = await this.transitions.requireOpen(tx, about.row, taskId);
      if (!asksPeople(about.approval) || candidate === null) throw new Problem('WORKFLOW_VERB', { verb: 'this' });
      if (answered) throw new Problem('WORKFLOW_ALREADY_DECIDED');
      const { part, weight, turn, reason } = candidate;
      return work(tx, { ...about, part: { of: part, weight, turn }, own: actor.kind === 'user' && part === actor.personId, reason });
    });
  }

  private asAdministrator(actor: Actor, taskId: string, work: (tx: Tx, about: Awaited<ReturnType<HandlingService['find']>>) => Promise<InstanceView>): Promise<InstanceView> {
    return this.transitions.write(actor, async (tx) => {
      const about = await this.find(tx, actor, taskId);
      await this.transitions.requireAdministersStep(tx, actor, about.row, about.node);
      await this.transitions.requireOpen(tx, about.row, taskId);
      return work(tx, about);
    });
  }
}

const given = (how: Given['given'], by: string): Given => ({ given: how, by, chain: [] });

function partNamed(asked: readonly AskedRow[], owner: string): Part {
  const found = asked.find((each) => each.personId === owner && each.part === owner);
  if (!found) throw new Problem('WORKFLOW_NOT_ASKED');
  if (found.answered) throw new Problem('WORKFLOW_ALREADY_DECIDED');
  return { of: owner, weight: found.weight, turn: found.turn };
}

/** What a step's definition does not allow. */
function requireAllowed(allowed = true): void {
  if (!allowed) throw new Problem('WORKFLOW_VERB', { verb: 'this' });
}
