import { Injectable } from '@nestjs/common';
import { rowFacts, type RowFilter, RowSources, whereFromFilter } from '../../access';
import { everyRow, type Prisma, rowsWithin, type Tx } from '../../platform/database';

/** Where what a filter says stands in the table: a request belongs to whoever filed it, in the unit it was filed for. */
export const requestsWithin = (tx: Tx, filter: RowFilter) =>
  rowsWithin(tx, 'workflowInstance', whereFromFilter<Prisma.WorkflowInstanceWhereInput>(filter, 'request', { owner: (initiatorId) => ({ initiatorId }), unit: (ids) => ({ unit: { path: { hasSome: [...ids] } } }) }));

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class WorkflowRows {
  constructor(sources: RowSources) {
    sources.register('request', {
      ids: async (tx, filter, take, after) => (await requestsWithin(tx as Tx, filter).findMany({ where: after === null ? {} : { id: { gt: after } }, orderBy: { id: 'asc' }, take, select: { id: true } })).map(({ id }) => id),
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').workflowInstance.findMany({ where: { id: { in: [...wanted] } }, include: { unit: { select: { path: true } } } });
        return rows.map((row) => rowFacts('request', row, { ownerPersonId: row.initiatorId, unitPath: row.unit.path }));
      },
    });
  }
}
