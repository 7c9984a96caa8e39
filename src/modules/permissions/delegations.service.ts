import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { changesAuthorization, Database, everyRow } from '../../platform/database';
import { AuditService } from '../audit';
import { type CreateDelegation, type ListDelegationsQuery, toDelegationResponse } from './permissions.dto';
import { delegationCreated, delegationEnded } from './permissions.events';
import { ResourceTypes } from './resource-types.service';

const PERIOD = () => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/validUntil', code: 'period', detail: 'must be later than validFrom, by 366 days at most' }]);

/**
 * What people let others do in their stead. Nothing is copied: a borrower may do what the lender may at that moment, within
 * what was lent – so nothing has to be checked when it is lent, and it ends with what the lender holds.
 */
@Injectable()
export class DelegationsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
    private readonly resourceTypes: ResourceTypes,
  ) {}

  /** One's own, lent and borrowed; everybody's for who may read grants. */
  async list(actor: Actor, query: ListDelegationsQuery) {
    const { lenderId, borrowerId } = query;
    const everybody = await this.permissions.allows(actor, 'permission:read', {});
    const own = actor.kind === 'system' || everybody ? {} : { OR: [{ lenderId: actor.personId }, { borrowerId: actor.personId }] };
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('delegations', query),
        query,
        (take, after) => tx.delegation.findMany({ where: { AND: [own, { lenderId, borrowerId }, after ? { id: { gt: after[0]! } } : {}] }, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toDelegationResponse), nextCursor: page.nextCursor };
    });
  }

  /** Only a person lends, and only what is theirs: no key, and nobody in another's name. */
  async create(actor: Actor, input: CreateDelegation) {
    if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
    const { permissions: codes = [], borrowerId, nodeId, transitive, reason } = input;
    if (borrowerId === actor.personId) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/borrowerId', code: 'self', detail: 'is you' }]);
    const validFrom = input.validFrom ? new Date(input.validFrom) : new Date(actor.startedAt);
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        if (!(await everyRow(tx, 'reference').person.findFirst({ where: { id: borrowerId, deletedAt: null }, select: { id: true } }))) throw new Problem('NOT_FOUND');
        if (nodeId && !(await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: nodeId, deletedAt: null }, select: { id: true } }))) throw new Problem('NOT_FOUND');
        await this.resourceTypes.requireKnown(tx, codes, (index) => `#/permissions/${index}`);
        if (new Date(input.validUntil).getTime() <= actor.startedAt) throw PERIOD();
        const row = await namingConstraints({ delegation_period: PERIOD }, () =>
          tx.delegation.create({ data: { id: uuidv7(), foundationId: actor.foundationId, lenderId: actor.personId, borrowerId, codes: [...new Set(codes)].sort(), nodeId, transitive, validFrom, validUntil: input.validUntil, reason } }),
        );
        await this.audit.record(tx, actor, delegationCreated(row));
        return toDelegationResponse(row);
      }),
    );
  }

  /**
   * Ends one now, by whoever lent it, whoever borrowed it, or who may write grants everywhere. One that has not begun is
   * gone; one that has stays readable with its end. Ending an ended one changes nothing.
   */
  async end(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const row = await tx.delegation.findFirst({ where: { id } });
      if (!row) throw new Problem('NOT_FOUND');
      const own = actor.kind === 'user' && [row.lenderId, row.borrowerId].includes(actor.personId);
      if (!own && !(await this.permissions.allows(actor, 'permission:read', {}))) throw new Denied('NOT_FOUND', {}, { type: 'delegation', id });
      if (!own) await this.permissions.require(actor, 'grant:write', {});
      // By the database's own clock: an end that lies ahead would not be one yet.
      const [clock] = await tx.$queryRaw<{ now: Date }[]>`SELECT date_trunc('milliseconds', clock_timestamp()) AS now`;
      const { now } = clock!;
      if (row.validUntil <= now) return changesAuthorization(tx);
      if (row.validFrom >= now) {
        await tx.delegation.deleteMany({ where: { id } });
        await this.audit.record(tx, actor, delegationEnded(row, null));
        return;
      }
      await tx.delegation.updateMany({ where: { id }, data: { validUntil: now } });
      await this.audit.record(tx, actor, delegationEnded(row, { ...row, validUntil: now }));
    });
  }
}
