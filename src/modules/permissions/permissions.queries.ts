import { Injectable } from '@nestjs/common';
import { type Actor, PERMISSION_CODES, PermissionPort, Problem, type ResourceFacts } from '../../access';
import { Database } from '../../platform/database';
import type { CheckInput } from './permissions.dto';
import { PermissionsService } from './permissions.service';
import type { Holder, Rules, Scope } from './subject';
import { Subjects } from './subjects.service';

@Injectable()
export class PermissionsQueries {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionsService,
    private readonly port: PermissionPort,
    private readonly subjects: Subjects,
  ) {}

  async catalogue(actor: Actor) {
    await this.port.require(actor, 'permission:read', {});
    return { items: Object.entries(PERMISSION_CODES).map(([code, { index, description }]) => ({ code, index, description })) };
  }

  /** An advisory decision: counted, not audited. */
  async check(actor: Actor, input: CheckInput) {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    const personId = input.personId ?? own;
    if (personId === undefined) throw new Problem('NOT_FOUND');
    if (personId !== own) await this.port.require(actor, 'permission:check', {});
    const resource = await this.facts(actor, personId, input);
    const { allowed, because } = await this.permissions.explainFor(actor, personId, input.permission, resource);
    return { allowed, because };
  }

  async mine(actor: Actor) {
    const subject = await this.subjects.of(actor);
    if (!subject) return { permissions: [] };
    const lent = lentScopes(subject);
    const none: Rules = { allow: [], deny: [] };
    return {
      permissions: [...new Set([...subject.rules.keys(), ...lent.keys()])]
        .sort()
        .map((code) => {
          const { allow, deny } = subject.rules.get(code) ?? none;
          const own = new Set(allow.map(({ scope }) => scope));
          const borrowed = lent.get(code) ?? new Set();
          return { code, scopes: [...new Set([...own, ...borrowed])].sort(), denied: deny.length > 0, lent: [...borrowed].some((scope) => !own.has(scope)) };
        })
        .filter(({ code, scopes }) => scopes.length > 0 && (actor.kind !== 'api_key' || actor.scopes.includes(code))),
    };
  }

  private async facts(actor: Actor, personId: string, input: CheckInput): Promise<ResourceFacts | undefined> {
    return this.database.withTenant(actor, async (tx) => {
      if (!(await tx.person.findFirst({ where: { id: personId, deletedAt: null }, select: { id: true } }))) throw new Problem('NOT_FOUND');
      if (!input.resource) return undefined;
      const { ownerPersonId, unitId, type, id, properties } = input.resource;
      const unit = unitId ? await tx.orgUnit.findFirst({ where: { id: unitId, deletedAt: null }, select: { lft: true } }) : null;
      if (unitId && !unit) throw new Problem('NOT_FOUND');
      return { type, id, ownerPersonId, unitLft: unit?.lft, properties };
    });
  }
}

/** What was lent, by permission: the scopes, as the lenders hold them. */
function lentScopes(holder: Holder): Map<string, Set<Scope>> {
  const found = new Map<string, Set<Scope>>();
  const add = (code: string, scopes: Iterable<Scope>) => {
    const known = found.get(code) ?? new Set<Scope>();
    for (const scope of scopes) known.add(scope);
    found.set(code, known);
  };
  for (const { codes, lender } of holder.lent) {
    for (const [code, { allow }] of lender.rules) if (codes === null || codes.has(code)) add(code, allow.map(({ scope }) => scope));
    for (const [code, scopes] of lentScopes(lender)) if (codes === null || codes.has(code)) add(code, scopes);
  }
  return found;
}
