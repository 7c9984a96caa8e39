import { Injectable } from '@nestjs/common';
import { type Actor, PERMISSION_CODES, PermissionPort, Problem, type ResourceFacts } from '../../access';
import { Database } from '../../platform/database';
import type { CheckInput } from './permissions.dto';
import { PermissionsService } from './permissions.service';
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
    const held = [...(subject?.grants ?? new Map<string, never>())];
    return {
      permissions: held
        .filter(([code, { allow }]) => allow.length > 0 && (actor.kind !== 'api_key' || actor.scopes.includes(code)))
        .map(([code, { allow, deny }]) => ({ code, scopes: [...new Set(allow.map(({ scope }) => scope))].sort(), denied: deny.length > 0 }))
        .sort((a, b) => (a.code < b.code ? -1 : 1)),
    };
  }

  private async facts(actor: Actor, personId: string, input: CheckInput): Promise<ResourceFacts | undefined> {
    return this.database.withTenant(actor, async (tx) => {
      if (!(await tx.person.findFirst({ where: { id: personId, deletedAt: null }, select: { id: true } }))) throw new Problem('NOT_FOUND');
      if (!input.resource) return undefined;
      const { ownerPersonId, unitId } = input.resource;
      const unit = unitId ? await tx.orgUnit.findFirst({ where: { id: unitId, deletedAt: null }, select: { lft: true } }) : null;
      if (unitId && !unit) throw new Problem('NOT_FOUND');
      return { ownerPersonId, unitLft: unit?.lft };
    });
  }
}
