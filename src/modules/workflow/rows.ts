import { Injectable } from '@nestjs/common';
import { columnsOf, type RowColumns, rowFacts, type RowFilter, RowSources, sqlFromFilter, whereFromFilter } from '../../access';
import { everyRow, type Prisma, rowsWithin, type Tx } from '../../platform/database';

/** Where what a filter says stands in the table: a request belongs to whoever filed it, in the unit it was filed for. */
export const requestsWithin = (tx: Tx, filter: RowFilter) =>
  rowsWithin(tx, 'workflowInstance', whereFromFilter<Prisma.WorkflowInstanceWhereInput>(filter, 'request', { owner: (initiatorId) => ({ initiatorId }), unit: (ids) => ({ unit: { path: { hasSome: [...ids] } } }) }));

export const REQUEST_COLUMNS: RowColumns = { id: 'i.id', attributes: columnsOf('request', 'i'), owner: (person) => `i.initiator_id = ${person}`, unit: (units) => `u.path && ${units}` };

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class WorkflowRows {
  constructor(sources: RowSources) {
    sources.register('request', {
      // Of these there are millions: by SQL, which takes half the time.
      ids: async (tx, filter, take, after) => {
        const parameters: unknown[] = [after, take];
        const visible = sqlFromFilter(filter, 'request', REQUEST_COLUMNS, parameters);
        if (visible === null) return [];
        const rows = await (tx as Tx).$queryRawUnsafe<{ id: string }[]>(
          `SELECT i.id::text FROM workflow_instance i JOIN org_unit u ON u.foundation_id = i.foundation_id AND u.id = i.unit_id
            WHERE ($1::uuid IS NULL OR i.id > $1::uuid) AND ${visible} ORDER BY i.id LIMIT $2`,
          ...parameters,
        );
        return rows.map(({ id }) => id);
      },
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').workflowInstance.findMany({ where: { id: { in: [...wanted] } }, include: { unit: { select: { path: true } } } });
        return rows.map((row) => rowFacts('request', row, { ownerPersonId: row.initiatorId, unitPath: row.unit.path }));
      },
    });
  }
}
