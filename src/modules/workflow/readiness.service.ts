import { Injectable } from '@nestjs/common';
import { type Actor, type FieldError, PermissionPort, rowFacts } from '../../access';
import { pointer } from '../../http';
import { everyRow, type Tx } from '../../platform/database';
import { WebhooksService } from '../webhooks';
import { endpointOf } from './calls';
import { type Candidate, peopleOfDepartment, resolveCandidates } from './candidates';
import { type Approval, asksPeople, type CandidateAlternative, type Definition, rulesOf } from './definition';
import { type FilingUnit, type Gap, gapsOf } from './readiness';

/** Nobody in particular, who files it. */
const ANYBODY = '00000000-0000-0000-0000-000000000000';
/** Units that are named in what is answered. */
const NAMED = 5;

/** Whether, as the organization stands, somebody can decide every step of a definition. */
@Injectable()
export class ReadinessService {
  constructor(
    private readonly permissions: PermissionPort,
    private readonly webhooks: WebhooksService,
  ) {}

  /** What stands in the way: problems where it is so wherever people work, warnings where in some units. Nothing where nobody works yet. */
  async look(tx: Tx, actor: Actor, definition: Definition): Promise<{ problems: FieldError[]; warnings: FieldError[] }> {
    const gaps = gapsOf(definition, await this.units(tx, actor, definition));
    const said = (gap: Gap): FieldError => ({ pointer: pointer(['nodes', gap.node, 'candidates']), code: gap.gap, detail: explainGap(gap) });
    const asked = Object.entries(definition.nodes).flatMap(([node, of]) => [endpointOf(of)].flatMap((endpoint) => (endpoint === undefined ? [] : [[node, endpoint] as const])));
    const there = await this.webhooks.named(tx, asked.map(([, endpoint]) => endpoint));
    const missing = asked.filter(([, endpoint]) => !there.has(endpoint)).map(([node, endpoint]): FieldError => ({ pointer: pointer(['nodes', node, 'call', 'endpoint']), code: 'unknown_endpoint', detail: `there is no webhook endpoint ${endpoint}` }));
    return { problems: [...missing, ...(await partsProblems(tx, definition)), ...gaps.filter(({ blocks }) => blocks).map(said)], warnings: gaps.filter(({ blocks }) => !blocks).map(said) };
  }

  /** Every unit somebody holds a post in now, with who could decide each step of what is filed for it. */
  private async units(tx: Tx, actor: Actor, definition: Definition): Promise<FilingUnit[]> {
    const now = new Date();
    const posts = await everyRow(tx, 'rule').appointment.findMany({
      where: { validFrom: { lte: now }, OR: [{ validUntil: null }, { validUntil: { gt: now } }], position: { deletedAt: null, unit: { deletedAt: null } } },
      select: { personId: true, position: { select: { unit: { select: { id: true, name: true, path: true, schoolId: true } } } } },
    });
    const units = new Map<string, { id: string; name: string; path: string[]; schoolId: string | null; people: Set<string> }>();
    for (const { personId, position } of posts) {
      const { unit } = position;
      (units.get(unit.id) ?? units.set(unit.id, { ...unit, people: new Set() }).get(unit.id)!).people.add(personId);
    }
    // Whom a request names is not known before there is one.
    const approvals = Object.entries(definition.nodes).filter((entry): entry is [string, Approval] => asksPeople(entry[1]) && !rulesOf(entry[1]).some((rule) => 'people' in rule));
    const found: FilingUnit[] = [];
    // What is looked for in a school, or anywhere, is the same for all units of it.
    const known = new Map<string, Promise<Candidate[]>>();
    const asked = async (step: string, node: Approval, unit: { id: string; schoolId: string | null }) => {
      const reach = node.differentDepartment ? 'unit' : reachOf(node.candidates);
      const key = `${step} ${reach === 'foundation' ? '' : reach === 'school' ? (unit.schoolId ?? unit.id) : unit.id}`;
      const apart = node.differentDepartment ? await peopleOfDepartment(tx, unit.id) : [];
      return known.get(key) ?? known.set(key, resolveCandidates(tx, node.candidates, { unitId: unit.id, initiatorId: ANYBODY, apart })).get(key)!;
    };
    for (const unit of units.values()) {
      const { id, name, path, people } = unit;
      const deciders = new Map<string, ReadonlySet<string>>();
      const facts = rowFacts('request', { key: definition.key, state: 'running' }, { ownerPersonId: ANYBODY, unitPath: path });
      for (const [step, node] of approvals) {
        const candidates = await asked(step, node, unit);
        // Whoever is asked to do something needs no permission to decide.
        deciders.set(step, node.type === 'task' ? new Set(candidates.map(({ personId }) => personId)) : await this.permissions.whoMay(tx, actor, 'workflow:approve', facts, candidates.map(({ personId }) => personId)));
      }
      found.push({ id, name, people, deciders });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** How far rules look from the unit on. */
function reachOf(alternatives: readonly CandidateAlternative[]): 'unit' | 'school' | 'foundation' {
  const reaches = alternatives.flatMap((each) => ('together' in each ? each.together : [each])).map((rule) => ('within' in rule ? rule.within : 'person' in rule ? 'foundation' : 'unit'));
  return reaches.includes('unit') ? 'unit' : reaches.includes('school') ? 'school' : 'foundation';
}

function explainGap({ gap, units, everywhere }: Gap): string {
  const where = everywhere ? 'wherever people work' : `for ${units.slice(0, NAMED).join(', ')}${units.length > NAMED ? ` and ${units.length - NAMED} more` : ''}`;
  if (gap === 'nobody') return `nobody who may approve could decide this, ${where}`;
  if (gap === 'apart') return `nobody could decide this who has not had to decide a step it is kept apart from, ${where}`;
  return `one person only could decide this, and nobody what they file themselves, ${where}`;
}

type Filing = Extract<Definition['nodes'][string], { type: 'subworkflow' }>;

/** Of requests that steps file: that there is a definition of theirs, what it asks for is filled in, and they do not lead back here. */
async function partsProblems(tx: Tx, definition: Definition): Promise<FieldError[]> {
  const problems: FieldError[] = [];
  const newest = async (key: string) => (key === definition.key ? definition : ((await tx.workflowDefinition.findFirst({ where: { key }, orderBy: { number: 'desc' }, select: { document: true } }))?.document as unknown as Definition | undefined));
  for (const [name, node] of Object.entries(definition.nodes)) {
    if (node.type !== 'subworkflow') continue;
    const of = await newest(node.definition);
    const problem = (place: string[], code: string, detail: string) => problems.push({ pointer: pointer(['nodes', name, ...place]), code, detail });
    if (!of || (await tx.workflowRetirement.count({ where: { key: node.definition } })) > 0) {
      problem(['definition'], 'unknown_definition', `nothing is filed by ${node.definition}`);
      continue;
    }
    if (of.attachments) problem(['definition'], 'attachments', `${node.definition} asks for files, which a step has none of`);
    const { properties, required = [], additionalProperties } = of.form as { properties?: Record<string, unknown>; required?: string[]; additionalProperties?: unknown };
    for (const field of required) if (!Object.hasOwn(node.input, field)) problem(['input'], 'required', `${node.definition} asks for ${field}`);
    if (additionalProperties === false) for (const field of Object.keys(node.input)) if (!Object.hasOwn(properties ?? {}, field)) problem(['input', field], 'unknown_field', `${node.definition} does not ask for ${field}`);
    if (await leadsTo(definition.key, node.definition, newest)) problem(['definition'], 'loop', `${node.definition} leads back to ${definition.key}`);
  }
  return problems;
}

/** Whether what is filed by one definition may come to file by another. */
async function leadsTo(key: string, from: string, newest: (key: string) => Promise<Definition | undefined>): Promise<boolean> {
  const seen = new Set([from]);
  for (const each of seen) {
    if (each === key) return true;
    for (const node of Object.values((await newest(each))?.nodes ?? {})) if (node.type === 'subworkflow') seen.add((node as Filing).definition);
  }
  return false;
}
