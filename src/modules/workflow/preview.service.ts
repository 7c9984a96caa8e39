import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, Problem, rowFacts } from '../../access';
import { Database, everyRow, type Tx } from '../../platform/database';
import { type Candidate, explainCandidate, resolveCandidates } from './candidates';
import { type Approval, formProblems } from './definition';
import { DefinitionsService } from './definitions.service';
import { personOf, unitFiledFor } from './filing';
import { foresee, type Foreseen } from './preview';
import type { Preview, PreviewInstance } from './workflow.dto';

/** What would become of a request, before it is filed. Nothing is written. */
@Injectable()
export class PreviewService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
  ) {}

  /** Who would have to decide it, step by step, if everybody approves: as candidates stand now, and nobody has answered yet. */
  async preview(actor: Actor, input: PreviewInstance): Promise<Preview> {
    const personId = personOf(actor);
    await this.permissions.require(actor, 'workflow:submit', rowFacts('request', { key: input.definition, state: 'draft' }, { ownerPersonId: personId }));
    return this.database.withTenant(actor, async (tx) => {
      const { definition, validateForm } = await this.definitions.byKey(tx, input.definition);
      const problems = formProblems(validateForm, input.form);
      if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
      const unitId = await unitFiledFor(tx, personId, input.unitId);
      const candidates = new Map<string, Candidate[]>();
      let way = foresee(definition, input.form, (node) => candidates.get(node));
      for (; 'needs' in way; way = foresee(definition, input.form, (node) => candidates.get(node))) {
        for (const node of way.needs) candidates.set(node, await resolveCandidates(tx, (definition.nodes[node] as Approval).candidates, { unitId, initiatorId: personId, apart: [] }));
      }
      const names = await namesOf(tx, [...candidates.values()].flat().map((each) => each.personId));
      const stepOf = ({ node: name, wave, state }: Foreseen): Preview['steps'][number] => {
        const node = definition.nodes[name] as Extract<(typeof definition.nodes)[string], { title: unknown }>;
        const asked = (candidates.get(name) ?? []).map(({ personId: id, reason }) => ({ id, name: names.get(id)!, why: explainCandidate(reason, actor.locale, 'others') }));
        return { node: name, title: node.title[actor.locale], wave, state, kind: node.type, strategy: node.type === 'approval' ? strategyOf(node) : null, asked };
      };
      return { steps: way.steps.map(stepOf), ends: way.ends };
    });
  }
}

function strategyOf({ strategy = 'any' }: Approval): string {
  return typeof strategy === 'string' ? strategy : 'quorum' in strategy ? `quorum of ${strategy.quorum}` : `weight of ${strategy.weighted}`;
}

async function namesOf(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  const people = await everyRow(tx, 'name').person.findMany({ where: { id: { in: [...new Set(ids)] } }, select: { id: true, fullName: true } });
  return new Map(people.map(({ id, fullName }) => [id, fullName]));
}
