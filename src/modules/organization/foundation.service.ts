import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem, type SystemActor, systemActor } from '../../access';
import { namingConstraints } from '../../http';
import { Database, everyRow, type Tx } from '../../platform/database';
import { AuditService, difference } from '../audit';
import { toFoundationResponse, type UpdateFoundation } from './organization.dto';
import { created } from './organization.events';

export interface NewFoundation {
  code: string;
  name: string;
  clerkOrgId: string;
  timezone?: string;
}

/** The foundation – the tenant – itself. Only commands create one, never a request. */
@Injectable()
export class FoundationService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
  ) {}

  async get(actor: Actor) {
    return this.database.withTenant(actor, async (tx) => toFoundationResponse(await tx.foundation.findFirstOrThrow({ where: { id: actor.foundationId } })));
  }

  /** Needs `organization:write` everywhere. What is the same already is not written. */
  async update(actor: Actor, input: UpdateFoundation) {
    await this.permissions.require(actor, 'organization:write', {});
    return this.database.withTenant(actor, async (tx) => {
      const before = await tx.foundation.findFirstOrThrow({ where: { id: actor.foundationId } });
      const diff = difference(before, { ...before, ...input }, ['name', 'timezone', 'locale']);
      if (!diff) return toFoundationResponse(before);
      const after = await tx.foundation.update({ where: { id: actor.foundationId }, data: input });
      await this.audit.record(tx, actor, { action: 'foundation.changed', target: { type: 'foundation', id: actor.foundationId }, ...diff });
      return toFoundationResponse(after);
    });
  }

  /** `work` goes on in the same transaction, as `system:<command>` of the new foundation. 409 CODE_TAKEN where it exists. */
  async create<T>(command: string, input: NewFoundation, work: (tx: Tx, actor: SystemActor) => Promise<T>): Promise<T> {
    const actor = systemActor(command, uuidv7());
    return this.database.withTenant(
      actor,
      async (tx) => {
        const taken = (field: string) => () => new Problem('CODE_TAKEN', { field });
        await namingConstraints({ foundation_clerk_org_id_key: taken('organization'), foundation_code_key: taken('code') }, () =>
          tx.foundation.create({ data: { id: actor.foundationId, ...input } }),
        );
        const { id } = await tx.orgUnit.create({ data: { id: uuidv7(), foundationId: actor.foundationId, kind: 'foundation', code: input.code, name: input.name } });
        await this.audit.record(
          tx,
          actor,
          { action: 'foundation.created', target: { type: 'foundation', id: actor.foundationId }, after: { ...input } },
          created('org_unit', await everyRow(tx, 'own').orgUnit.findFirstOrThrow({ where: { id } })),
        );
        return work(tx, actor);
      },
      { timeout: 120_000 },
    );
  }
}
