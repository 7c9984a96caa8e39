import { Injectable } from '@nestjs/common';
import { rowFacts, type RowFilter, RowSources, whereFromFilter } from '../../access';
import type { Prisma, Tx } from '../../platform/database';

/** Where what a filter says stands in the table: a key belongs to whoever made it. */
export const keysOf = (filter: RowFilter) => whereFromFilter<Prisma.ApiKeyWhereInput>(filter, 'api_key', { owner: (createdById) => ({ createdById }) });

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class AuthRows {
  constructor(sources: RowSources) {
    sources.register('api_key', {
      ids: async (tx, filter, take, after) => {
        const where = keysOf(filter);
        return where ? (await (tx as Tx).apiKey.findMany({ where: { AND: [where, after === null ? {} : { id: { gt: after } }] }, orderBy: { id: 'asc' }, take, select: { id: true } })).map(({ id }) => id) : [];
      },
      facts: async (tx, wanted) => {
        const rows = await (tx as Tx).apiKey.findMany({ where: { id: { in: [...wanted] } } });
        return rows.map((row) => rowFacts('api_key', row, { ownerPersonId: row.createdById }));
      },
    });
  }
}
