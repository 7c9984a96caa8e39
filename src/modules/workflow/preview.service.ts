import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem, rowFacts } from '../../access';
import { Database } from '../../platform/database';
import { CalendarsService } from '../calendars';
import { approvedFirst, type Candidate, explainCandidate, peopleOfDepartment, resolveCandidates } from './candidates';
import { type Approval, asksPeople, formProblems } from './definition';
import { CountedLeave } from './counted-leave.service';
import { DefinitionsService } from './definitions.service';
import { personOf, unitFiledFor } from './filing';
import { inLimits, inTime } from './computing';
import { namesOf, titleOf } from './instances.view';
import { keptFrom } from './separation';
import { SubstitutionsService } from './substitutions.service';
import { asksExpressions, peopleBy } from './variables';
import { dueAt } from './due';
import type { Waiting } from './flow';
import { certainly, datesOf, foresee, type Foreseen } from './preview';
import type { Preview, PreviewInstance } from './workflow.dto';

/** What would become of a request, before it is filed. Nothing is written. */
@Injectable()
export class PreviewService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly calendars: CalendarsService,
    private readonly substitutions: SubstitutionsService,
    private readonly leave: CountedLeave,
  ) {}

  /** Who would have to decide it, step by step, if everybody approves: as candidates stand now, those who would have decided before standing aside. */
  async preview(actor: Actor, input: PreviewInstance): Promise<Preview> {
    const personId = personOf(actor);
    await this.permissions.require(actor, 'workflow:submit', rowFacts('request', { key: input.definition, state: 'draft' }, { ownerPersonId: personId }));
    return this.database.withTenant(actor, async (tx) => {
      const { definition, validateForm } = await this.definitions.toFileBy(tx, input.definition);
      const problems = formProblems(validateForm, input.form);
      if (problems.length === 0) problems.push(...(await this.substitutions.problemsOf(tx, definition, input.form, personId)));
      if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
      const unitId = await unitFiledFor(tx, personId, input.unitId);
      const candidates = new Map<string, Candidate[]>();
      const env = { candidates: (node: string) => candidates.get(node), now: new Date(), zone: asksExpressions(definition) ? (await this.calendars.ofUnit(tx, unitId)).zone : 'utc' };
      let way = foresee(definition, input.form, env);
      for (; 'needs' in way; way = foresee(definition, input.form, env)) {
        const { variables, needs } = way;
        for (const name of needs) {
          const node = definition.nodes[name] as Approval;
          // Of several who could, nobody knows who will; whoever has to stands aside here.
          const apart = keptFrom(definition.nodes, name).flatMap((other) => (needs.includes(other) ? [] : certainly(definition.nodes[other] as Approval, candidates.get(other) ?? []))).map((each) => each.personId);
          const department = node.differentDepartment ? await peopleOfDepartment(tx, unitId) : [];
          const found = await resolveCandidates(tx, node.candidates, { unitId, initiatorId: personId, apart: [...apart, ...department], people: (expression) => inLimits(titleOf(definition, name, actor.locale), () => peopleBy(definition, expression, variables, env)) });
          const approved = new Set(node.skipDecided ? [...candidates].flatMap(([other, asked]) => (needs.includes(other) ? [] : certainly(definition.nodes[other] as Approval, asked))).map((each) => each.personId) : []);
          candidates.set(name, approvedFirst(found, approved));
        }
      }
      if ('refused' in way) throw new Problem('WORKFLOW_EXPRESSION', { step: titleOf(definition, way.where, actor.locale), detail: way.detail });
      const names = await namesOf(tx, [...candidates.values()].flat().map((each) => each.personId));
      const calendar = await this.calendars.ofUnit(tx, unitId);
      const due = datesOf(way.steps, (node, from) => {
        const of = definition.nodes[node]!;
        const moment = of.type === 'timer' ? of.after : asksPeople(of) ? of.serviceLevel?.due : undefined;
        return moment ? inTime(titleOf(definition, node, actor.locale), () => dueAt(moment, input.form, from, calendar)).at : null;
      }, env.now);
      const stepOf = ({ node: name, wave, state }: Foreseen): Preview['steps'][number] => {
        const node = definition.nodes[name] as Waiting | Extract<(typeof definition.nodes)[string], { type: 'undo' }>;
        const asked = (candidates.get(name) ?? []).map(({ personId: id, reason }) => ({ id, name: names.get(id)!, why: explainCandidate(reason, actor.locale, names, 'others') }));
        return { node: name, title: node.title[actor.locale], wave, state, kind: node.type, strategy: asksPeople(node) ? strategyOf(node) : null, dueAt: due.get(name)?.toISOString() ?? null, asked };
      };
      return { steps: way.steps.map(stepOf), ends: way.ends, leave: await this.leave.foresee(tx, actor, definition, personId, unitId, input.form) };
    });
  }
}

function strategyOf({ strategy = 'any' }: Approval): string {
  return typeof strategy === 'string' ? strategy : 'quorum' in strategy ? `quorum of ${strategy.quorum}` : `weight of ${strategy.weighted}`;
}
