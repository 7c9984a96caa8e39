import { Injectable } from '@nestjs/common';
import { rowFacts, type RowFilter, RowSources, whereFromFilter } from '../../access';
import type { Prisma, Tx } from '../../platform/database';

/** Where what a filter says stands in the table: a request belongs to whoever filed it, in the unit it was filed for. */
export const requestsOf = (filter: RowFilter) =>
  whereFromFilter<Prisma.WorkflowInstanceWhereInput>(filter, 'request', { owner: (initiatorId) => ({ initiatorId }), unit: (ids) => ({ unit: { path: { hasSome: [...ids] } } }) });

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class WorkflowRows {
  constructor(sources: RowSources) {
    sources.register('request', {
      ids: async (tx, filter, take, after) => {
        const where = requestsOf(filter);
        return where ? (await (tx as Tx).workflowInstance.findMany({ where: { AND: [where, after === null ? {} : { id: { gt: after } }] }, orderBy: { id: 'asc' }, take, select: { id: true } })).map(({ id }) => id) : [];
      },
      facts: async (tx, wanted) => {
        const rows = await (tx as Tx).workflowInstance.findMany({ where: { id: { in: [...wanted] } }, include: { unit: { select: { path: true } } } });
        return rows.map((row) => rowFacts('request', row, { ownerPersonId: row.initiatorId, unitPath: row.unit.path }));
      },
    });
  }
}
