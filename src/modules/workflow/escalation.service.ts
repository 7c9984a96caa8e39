import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/database';
import { CalendarsService } from '../calendars';
import { inLimits } from './computing';
import { type Candidate, resolveCandidates } from './candidates';
import { DefinitionsService } from './definitions.service';
import { answersTo, askedOf, type InstanceRow } from './instances.store';
import { marksOf } from './service-level';
import { Transitions } from './transitions.service';
import { peopleBy } from './variables';
import { turnOf } from './voting';

/** Who is asked as well when a step has waited for too long. */
@Injectable()
export class EscalationService {
  constructor(
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly calendars: CalendarsService,
  ) {}

  /** Whom this mark of a step’s service level brings in, each with a part of their own: under the same separation of duty as those asked before. */
  async asks(tx: Tx, row: InstanceRow, taskId: string, at: number): Promise<(Candidate & { part: string; turn: number })[]> {
    const task = row.tasks.find(({ id }) => id === taskId);
    const { definition } = await this.definitions.byId(tx, row.definition_id);
    const to = marksOf(definition.nodes[task?.node ?? '']).find((each) => each.at === at)?.to ?? [];
    if (!task?.tally || to.length === 0) return [];
    const asked = (await askedOf(tx, taskId)).map(({ personId }) => personId);
    const apart = await this.transitions.keptApart(tx, row, task.node, definition, await answersTo(tx, row.id, definition));
    const { zone } = await this.calendars.ofUnit(tx, row.unit_id);
    const people = (expression: string) => inLimits(task.node, () => peopleBy(definition, expression, { ...row.form, ...row.variables }, { now: new Date(), zone }));
    const found = await resolveCandidates(tx, to, { unitId: row.unit_id, initiatorId: row.initiator_id, apart: [...apart, ...asked], people });
    const last = turnOf(task.tally) + task.tally.open.people;
    return found.map((each, n) => ({ ...each, reason: { ...each.reason, escalated: true } as Candidate['reason'], part: each.personId, turn: last + n }));
  }
}
