import fc from 'fast-check';
import { evaluate, residualOf, sqlOf } from '../../src/access';
import { aCondition, ATTRIBUTES, TYPES } from '../support/conditions';
import { connected, testDatabase } from '../support/database';

const RUNS = 1_500 * Number(process.env.PROPERTY_RUNS ?? 1);
const COLUMNS = { 'resource.kind': 'kind', 'resource.amount': 'amount', 'resource.due': 'due', 'resource.open': 'open', 'resource.tags': 'tags' };

it('a condition is as true, false or unknown in PostgreSQL as it is in JavaScript', async () => {
  await connected((await testDatabase()).adminUrl, async (client) => {
    const outcomes = new Map<unknown, number>();
    await fc.assert(
      fc.asyncProperty(aCondition, ATTRIBUTES, async (condition, attributes) => {
        const residual = residualOf(condition, TYPES, (name) => (name.startsWith('resource.') ? undefined : attributes[name]));
        const parameters: unknown[] = Object.keys(COLUMNS).map((name) => attributes[name] ?? null);
        const sql = sqlOf(residual, COLUMNS, TYPES, parameters);
        const { rows } = await client.query<{ result: boolean | null }>(`SELECT ${sql} AS result FROM (SELECT $1::text AS kind, $2::double precision AS amount, $3::timestamptz AS due, $4::boolean AS open, $5::text[] AS tags) AS each_row`, parameters);
        const expected = evaluate(condition, TYPES, (name) => attributes[name]);
        expect(rows[0]!.result).toBe(expected);
        outcomes.set(expected, (outcomes.get(expected) ?? 0) + 1);
      }),
      { numRuns: RUNS },
    );
    for (const outcome of [true, false, null]) expect([outcome, (outcomes.get(outcome) ?? 0) > RUNS / 20]).toEqual([outcome, true]);
  });
}, 120_000);
