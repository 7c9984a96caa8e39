import { Injectable } from '@nestjs/common';
import { rowFacts, type RowFilter, RowSources, whereFromFilter } from '../../access';
import { everyRow, type Prisma, rowsWithin, type Tx } from '../../platform/database';

/** Where what a filter says stands in the table: a key belongs to whoever made it. */
export const keysWithin = (tx: Tx, filter: RowFilter) => rowsWithin(tx, 'apiKey', whereFromFilter<Prisma.ApiKeyWhereInput>(filter, 'api_key', { owner: (createdById) => ({ createdById }) }));

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class AuthRows {
  constructor(sources: RowSources) {
    sources.register('api_key', {
      ids: async (tx, filter, take, after) => (await keysWithin(tx as Tx, filter).findMany({ where: after === null ? {} : { id: { gt: after } }, orderBy: { id: 'asc' }, take, select: { id: true } })).map(({ id }) => id),
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').apiKey.findMany({ where: { id: { in: [...wanted] } } });
        return rows.map((row) => rowFacts('api_key', row, { ownerPersonId: row.createdById }));
      },
    });
  }
}
