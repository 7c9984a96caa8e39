import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Problem, type SystemActor, systemActor } from '../../access';
import { namingConstraints } from '../../http';
import { Database, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { created } from './organization.events';

export interface NewFoundation {
  code: string;
  name: string;
  clerkOrgId: string;
  timezone?: string;
}

/** Creates a foundation – a tenant – with its root unit. Only commands do this, never a request. */
@Injectable()
export class FoundationService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {}

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
          created('org_unit', await tx.orgUnit.findFirstOrThrow({ where: { id } })),
        );
        return work(tx, actor);
      },
      { timeout: 120_000 },
    );
  }
}
