import type { Prisma } from './generated/client';

/** Tables whose rows not everybody may see, by the kind of rows they hold (`ROW_KINDS` in access; a contract test compares). */
export const FILTERED_TABLES = { unit: 'orgUnit', position: 'position', person: 'person', appointment: 'appointment', request: 'workflowInstance', api_key: 'apiKey' } as const;
type FilteredTable = (typeof FILTERED_TABLES)[keyof typeof FILTERED_TABLES];

type Whole = Prisma.TransactionClient;
/** What answers with rows that were there before. */
type Reads = 'findMany' | 'findFirst' | 'findFirstOrThrow' | 'findUnique' | 'findUniqueOrThrow' | 'count' | 'aggregate' | 'groupBy' | 'update' | 'upsert' | 'delete' | 'updateManyAndReturn';

/**
 * A transaction; every query in it sees one foundation's rows only. Rows that not everybody may see are read through
 * `rowsWithin`, by default, or past the filter through `everyRow`, with the reason.
 */
export type Tx = Omit<Whole, FilteredTable> & { [T in FilteredTable]: Omit<Whole[T], Reads> };

/** Why rows are read that the caller may not see. docs/unfiltered-reads.md says where. */
export const WHY_EVERY_ROW = {
  reference: 'What the input or another row names has to be there; nothing else of it is told',
  rule: 'Facts a rule decides by – who holds which post, what stands where – whoever asks',
  own: 'What this transaction has just written, or writes to, is read back',
  denial: 'Whether what is not shown is there, so that the refusal is recorded as one',
  name: 'The name of somebody who is part of what may be seen',
  whole: 'Work on the whole foundation, which asks for the right to all of it first, or of the installation itself',
} as const;
export type WhyEveryRow = keyof typeof WHY_EVERY_ROW;

/** The transaction with its reads of every row there is; not for what is answered to somebody. */
export function everyRow(tx: Tx, _why: WhyEveryRow): Whole {
  return tx as Whole;
}

interface Delegate {
  findMany(args: object): Promise<unknown[]>;
  findFirst(args: object): Promise<unknown>;
  count(args: object): Promise<number>;
}

/** The reads of one table, of those rows only that a filter lets through; null lets none through, and nothing is sent. */
export function rowsWithin<T extends FilteredTable>(tx: Tx, table: T, visible: NonNullable<NonNullable<Parameters<Whole[T]['findMany']>[0]>['where']> | null): Pick<Whole[T], 'findMany' | 'findFirst' | 'count'> {
  const delegate = (tx as Whole)[table] as unknown as Delegate;
  const within = (args: { where?: object } = {}) => ({ ...args, where: { AND: [visible, args.where ?? {}] } });
  const rows: Delegate = {
    findMany: async (args) => (visible === null ? [] : delegate.findMany(within(args))),
    findFirst: async (args) => (visible === null ? null : delegate.findFirst(within(args))),
    count: async (args) => (visible === null ? 0 : delegate.count(within(args))),
  };
  return rows as unknown as Pick<Whole[T], 'findMany' | 'findFirst' | 'count'>;
}
