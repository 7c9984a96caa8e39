import { Injectable } from '@nestjs/common';
import { type Actor, type Condition, evaluate, type Locale, PermissionPort, placesOf, Problem, type ResourceFacts } from '../../access';
import { Database, everyRow, type Tx } from '../../platform/database';
import type { Moment } from '../../platform/freshness';
import { AskedRows } from './asked-rows';
import { type Decision, decide, type Derivation, derivationsOf, holdsAtLeast, type Question, scopesOf } from './decide';
import type { ExplainInput } from './explain.dto';
import { say } from './explain.texts';
import { flowchart } from './graph';
import { holdingAt } from './periods';
import { PermissionsService } from './permissions.service';
import { ResourceTypes } from './resource-types.service';
import { mayHold } from './search.service';
import { type CompiledSubject, compileSubject, boundariesOf, NO_RULES, type SubjectFacts } from './subject';
import { Subjects } from './subjects.service';

/** How many people are looked at for who could change a refusal, how many are named, and how many later moments are tried. */
const LOOKED_AT = 200;
const NAMED = 20;
const MOMENTS = 100;

interface Step {
  kind: 'delegation' | 'appointment' | 'role_assignment' | 'role_inheritance' | 'grant';
  id: string;
  text: string;
}

/** Why a decision is what it is, in words and steps; for a refusal, what is nearest to allowing it and who could. */
@Injectable()
export class ExplainService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionsService,
    private readonly port: PermissionPort,
    private readonly subjects: Subjects,
    private readonly rows: AskedRows,
    private readonly resourceTypes: ResourceTypes,
  ) {}

  async explain(actor: Actor, input: ExplainInput) {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    const personId = input.personId ?? own;
    if (personId === undefined) throw new Problem('NOT_FOUND');
    // A key asks as somebody who may ask about anybody, or not at all.
    if (personId !== own || actor.kind === 'api_key') await this.port.require(actor, 'permission:check', {});
    const open = await this.port.allows(actor, 'permission:check', {});
    const moment = await this.subjects.momentOf(actor);
    const subject = await this.subjects.get(actor.foundationId, personId, moment);
    return this.database.withTenant(actor, async (tx) => {
      const person = await everyRow(tx, 'reference').person.findFirst({ where: { id: personId, deletedAt: null }, select: { fullName: true } });
      if (!person) throw new Problem('NOT_FOUND');
      await this.resourceTypes.requireKnown(tx, [input.permission], () => '#/permission');
      const [resource] = await this.rows.factsOf(tx, [input.resource]);
      const question: Question = { permission: input.permission, resource, context: this.permissions.contextOf(actor, input.context), subject: input.subject, action: input.action };
      const decision = decide(subject, question);
      const cited = derivationsOf(subject, question);
      const names = await this.namesOf(tx, [personId, ...cited.flatMap(({ loans }) => loans.map(({ lenderId }) => lenderId))]);
      const derivations = [];
      for (const each of cited) derivations.push({ effect: each.effect, steps: await this.stepsOf(tx, actor, each, resource, names) });
      return {
        allowed: decision.allowed,
        version: moment.v.toString(),
        text: sentence(actor.locale, person.fullName, question.permission, decision, cited, names),
        derivations,
        missing: decision.allowed ? [] : await this.missing(tx, actor, personId, question, decision, cited, moment.now, open),
        grantableBy: decision.allowed || !open ? [] : await this.grantors(tx, actor, question, moment),
        mermaid: flowchart(person.fullName, derivations),
      };
    });
  }

  /** The steps from the person to the grant, as rows that could be taken away. */
  private async stepsOf(tx: Tx, actor: Actor, { effect, grant, holderId, loans }: Derivation, resource: ResourceFacts | undefined, names: ReadonlyMap<string, string>): Promise<Step[]> {
    const { locale } = actor;
    const steps: Step[] = loans.map(({ id, lenderId }) => ({ kind: 'delegation', id, text: say(locale, 'delegation', { lender: names.get(lenderId) ?? lenderId }) }));
    const now = new Date(actor.startedAt);
    const held = holdingAt(now);
    // Seen from one post where it comes through it; else, for scopes seen from posts, from each that reaches the row.
    const seenFrom = grant.positionId !== null || grant.scope === 'department' || grant.scope === 'school';
    const posts = seenFrom
      ? await everyRow(tx, 'rule').appointment.findMany({ where: { personId: holderId, ...(grant.positionId === null ? {} : { positionId: grant.positionId }), ...held }, include: { position: { select: { title: true, unit: { select: { id: true, schoolId: true } } } } }, orderBy: { id: 'asc' } })
      : [];
    const places = placesOf(resource?.unitPath);
    for (const { id, position } of posts) {
      const { unit } = position;
      const reach = grant.scope === 'school' ? unit.schoolId : unit.id;
      if (grant.positionId === null && !places.some((path) => reach !== null && path.includes(reach))) continue;
      steps.push({ kind: 'appointment', id, text: say(locale, 'appointment', { position: position.title }) });
    }
    if (grant.roleId !== null) {
      const assignments = await tx.roleAssignment.findMany({ where: { roleId: grant.roleId, ...(grant.positionId === null ? { personId: holderId } : { positionId: grant.positionId }), ...held }, include: { role: { select: { name: true } } }, orderBy: { id: 'asc' } });
      for (const { id, role } of assignments) steps.push({ kind: 'role_assignment', id, text: say(locale, 'role_assignment', { role: role.name }) });
      for (const edge of await this.inheritance(tx, grant.roleId, grant.id)) steps.push({ kind: 'role_inheritance', id: edge.id, text: say(locale, 'role_inheritance', { senior: edge.senior.name, junior: edge.junior.name }) });
    }
    const row = await tx.grant.findFirst({ where: { id: grant.id }, select: { permissionCode: true } });
    const { resource: only, condition } = grant;
    const limits = (only === null ? '' : say(locale, only.id === null ? 'limit-type' : 'limit-row', { type: only.type })) + (condition === null ? '' : say(locale, 'limit-condition'));
    steps.push({ kind: 'grant', id: grant.id, text: say(locale, `grant-${effect}`, { permission: row?.permissionCode ?? '', scope: grant.scope, limits }) });
    return steps;
  }

  /** Every edge on a way from the role assigned to the role that has the grant. */
  private async inheritance(tx: Tx, seniorId: string, grantId: string) {
    const grant = await tx.grant.findFirst({ where: { id: grantId }, select: { roleId: true } });
    if (!grant?.roleId || grant.roleId === seniorId) return [];
    const below = new Set((await tx.roleClosure.findMany({ where: { seniorId } })).map(({ juniorId }) => juniorId));
    const above = new Set((await tx.roleClosure.findMany({ where: { juniorId: grant.roleId } })).map((row) => row.seniorId));
    const between = [...below].filter((id) => above.has(id));
    return tx.roleInheritance.findMany({ where: { seniorId: { in: between }, juniorId: { in: between } }, include: { senior: { select: { name: true } }, junior: { select: { name: true } } }, orderBy: { id: 'asc' } });
  }

  private async missing(tx: Tx, actor: Actor, personId: string, question: Question, decision: Decision, cited: readonly Derivation[], now: number, open: boolean) {
    const { locale } = actor;
    const found: { kind: 'grant' | 'condition' | 'deny' | 'later'; text: string; grantId: string | null; from: string | null }[] = [];
    for (const { effect, grant } of cited) if (effect === 'deny') found.push({ kind: 'deny', text: say(locale, 'missing-deny'), grantId: grant.id, from: null });
    const subject = await this.subjects.factsIn(tx, actor.foundationId, personId);
    const later = laterMoment(subject, question, now);
    if (later) found.push({ kind: 'later', text: say(locale, 'missing-later', { from: new Date(later.at).toISOString() }), grantId: later.grantId, from: new Date(later.at).toISOString() });
    const compiled = compileSubject(subject, Math.max(now, subject.now));
    if (!decision.allowed && decision.because.kind === 'condition-unmet') {
      for (const id of decision.because.grantIds) {
        const grant = compiled.rules.get(question.permission)?.allow.find((each) => each.id === id);
        if (grant?.condition) found.push({ kind: 'condition', text: say(locale, 'missing-condition', { unmet: unmetParts(grant.condition.test, grant.condition.types, question, personId, open).join(', ') }), grantId: id, from: null });
      }
    }
    const granted = scopesOf(compiled.rules.get(question.permission) ?? NO_RULES).length;
    if (found.every(({ kind }) => kind === 'deny') && (cited.length === 0 || granted === 0)) {
      const { scope } = smallest(question, personId);
      found.push({ kind: 'grant', text: say(locale, 'missing-grant', { permission: question.permission, smallest: say(locale, `smallest-${scope}`) }), grantId: null, from: null });
    }
    return found;
  }

  /** People who may write grants for the row, and hold the permission there themselves. */
  private async grantors(tx: Tx, actor: Actor, question: Question, moment: Moment) {
    const place = smallest(question, '');
    const { unitPath } = question.resource ?? {};
    const write: ResourceFacts = place.scope === 'node' ? { unitPath } : {};
    const candidates = await mayHold(tx, actor.foundationId, 'grant:write', write, null, LOOKED_AT);
    const compiled = await this.subjects.getMany(actor.foundationId, candidates, moment, tx);
    const units = place.scope === 'node' ? placesOf(unitPath) : [];
    const able = candidates.filter((id) => {
      const subject: CompiledSubject = compiled.get(id)!;
      return decide(subject, { permission: 'grant:write', resource: write }).allowed && holdsAtLeast(subject, question.permission, { scope: place.scope, units, resource: null, condition: null, until: moment.now });
    });
    const names = await this.namesOf(tx, able.slice(0, NAMED));
    return able.slice(0, NAMED).map((personId) => ({ personId, name: names.get(personId) ?? '' }));
  }

  private async namesOf(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await everyRow(tx, 'name').person.findMany({ where: { id: { in: [...ids] } }, select: { id: true, fullName: true } });
    return new Map(rows.map(({ id, fullName }) => [id, fullName]));
  }
}

/** The narrowest scope a grant would need to reach what is asked about. */
function smallest({ resource }: Question, personId: string): { scope: 'own' | 'node' | 'all' } {
  if (personId !== '' && resource?.ownerPersonId === personId) return { scope: 'own' };
  return placesOf(resource?.unitPath).length === 0 ? { scope: 'all' } : { scope: 'node' };
}

/** The first moment at which what is held already will allow it, if there is one. */
function laterMoment(facts: SubjectFacts, question: Question, now: number): { at: number; grantId: string } | null {
  const moments = [...new Set(boundariesOf(facts))].filter((at) => at > now).sort((a, b) => a - b);
  for (const at of moments.slice(0, MOMENTS)) {
    const then = decide(compileSubject(facts, at), { ...question, context: { ...question.context, time: new Date(at).toISOString() } });
    if (then.allowed) return { at, grantId: then.because.grantId };
  }
  return null;
}

/** The comparisons of a condition that keep it from being met, as they read. */
function unmetParts(test: Condition, types: Parameters<typeof evaluate>[1], question: Question, personId: string, open: boolean): string[] {
  const attribute = (name: string): unknown => {
    const [place, key] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
    const given: Record<string, Readonly<Record<string, unknown>> | undefined> = { subject: { ...question.subject, id: personId }, action: question.action, resource: question.resource?.properties, context: question.context };
    return given[place]?.[key];
  };
  if (test.op === 'and') return test.of.flatMap((each) => (evaluate(each, types, attribute) === true ? [] : unmetParts(each, types, question, personId, open)));
  return [readable(test, open)];
}

/** Values only for who may ask about anybody: they may name people. */
function readable(test: Condition, open: boolean): string {
  const operand = (side: { attribute: string } | { value: unknown }) => ('attribute' in side ? side.attribute : open ? JSON.stringify(side.value) : '…');
  switch (test.op) {
    case 'and':
    case 'or':
      return `(${test.of.map((each) => readable(each, open)).join(` ${test.op} `)})`;
    case 'not':
      return `not ${readable(test.of, open)}`;
    case 'known':
      return `known ${operand(test.of)}`;
    default:
      return `${operand(test.left)} ${test.op} ${operand(test.right)}`;
  }
}

function sentence(locale: Locale, person: string, permission: string, decision: Decision, cited: readonly Derivation[], names: ReadonlyMap<string, string>): string {
  const lender = cited[0]?.loans[0]?.lenderId;
  const named = { lender: lender === undefined ? '' : (names.get(lender) ?? lender) };
  const why = () => {
    const { because } = decision;
    if (because.kind === 'allow') return lender === undefined ? say(locale, 'why-allow', { scope: because.scope }) : say(locale, 'why-lent', named);
    if (because.kind !== 'deny' && cited[0]?.effect === 'deny') return say(locale, 'why-lender-denied', named);
    if (because.kind === 'out-of-scope') return say(locale, 'why-out-of-scope', { scopes: because.held.join(', ') });
    return say(locale, `why-${because.kind}`);
  };
  return say(locale, decision.allowed ? 'allowed' : 'refused', { person, permission, why: why() });
}
