import fc from 'fast-check';
import { type AttributeTypes, checkCondition, type Condition, CONDITION_LIMITS, evaluate, residualOf, type RowAttributes, sqlOf, type Where, whereFalse, whereTrue } from './condition';
import { aCondition, ATTRIBUTES, TYPES } from '../../test/support/conditions';

const RUNS = Math.ceil(20_000 * Number(process.env.PROPERTY_RUNS ?? 1));

/** Attributes of which some are not known. */
const withUnknown = (known: Record<string, unknown>) => (name: string) => known[name];

describe('a condition', () => {
  it('that the generator makes type-checks', () => {
    fc.assert(fc.property(aCondition, (condition) => expect(checkCondition(condition, TYPES)).toEqual([])), { numRuns: 2_000 });
  });

  it('decided with less known is never decided otherwise with more known', () => {
    fc.assert(
      fc.property(aCondition, ATTRIBUTES, fc.array(fc.constantFrom(...Object.keys(TYPES))), (condition, all, missing) => {
        // `known` asks what is known, and so may change its mind.
        fc.pre(!JSON.stringify(condition).includes('"known"'));
        const less = Object.fromEntries(Object.entries(all).filter(([name]) => !missing.includes(name)));
        const before = evaluate(condition, TYPES, withUnknown(less));
        if (before !== null) expect(evaluate(condition, TYPES, withUnknown(all))).toBe(before);
      }),
      { numRuns: RUNS },
    );
  });

  it('obeys the laws of three-valued logic', () => {
    const negate = (value: boolean | null) => (value === null ? null : !value);
    fc.assert(
      fc.property(aCondition, aCondition, ATTRIBUTES, (a, b, attributes) => {
        const is = (condition: Condition) => evaluate(condition, TYPES, withUnknown(attributes));
        expect(is({ op: 'not', of: a })).toBe(negate(is(a)));
        expect(is({ op: 'not', of: { op: 'and', of: [a, b] } })).toBe(is({ op: 'or', of: [{ op: 'not', of: a }, { op: 'not', of: b }] }));
        expect(is({ op: 'and', of: [a, b] })).toBe(is({ op: 'and', of: [b, a] }));
        expect(is({ op: 'or', of: [a, { op: 'not', of: a }] })).toBe(is(a) === null ? null : true);
      }),
      { numRuns: RUNS },
    );
  });

  it('answered without a row and then for the row is what it is for the row at once', () => {
    fc.assert(
      fc.property(aCondition, ATTRIBUTES, (condition, attributes) => {
        const residual = residualOf(condition, TYPES, (name) => (name.startsWith('resource.') ? undefined : attributes[name]));
        const then = residual === null || typeof residual === 'boolean' ? residual : evaluate(residual, TYPES, withUnknown(attributes));
        expect(then).toBe(evaluate(condition, TYPES, withUnknown(attributes)));
      }),
      { numRuns: RUNS },
    );
  });

  it('as a where selects exactly the rows for which it is true, and for which it is false', () => {
    const rows: RowAttributes = {
      'resource.kind': { field: 'kind', nullable: true, type: 'string' },
      'resource.amount': { field: 'details.amount', nullable: true, type: 'number' },
      'resource.due': { field: 'due', nullable: true, type: 'time' },
      'resource.open': { field: 'open', nullable: true, type: 'boolean' },
      'resource.tags': { field: 'tags', nullable: true, type: 'strings' },
    };
    fc.assert(
      fc.property(aCondition, ATTRIBUTES, (condition, attributes) => {
        const residual = residualOf(condition, TYPES, (name) => (name.startsWith('resource.') ? undefined : attributes[name]));
        const row = {
          kind: attributes['resource.kind'] ?? null, details: { amount: attributes['resource.amount'] ?? null }, open: attributes['resource.open'] ?? null, tags: attributes['resource.tags'] ?? null,
          due: attributes['resource.due'] === undefined ? null : new Date(attributes['resource.due'] as string),
        };
        const truth = evaluate(condition, TYPES, withUnknown(attributes));
        expect(selects(whereTrue(residual, rows), row)).toBe(truth === true);
        expect(selects(whereFalse(residual, rows), row)).toBe(truth === false);
      }),
      { numRuns: RUNS },
    );
  });

  it('that does not type-check is refused, each fault by its place', () => {
    const types: AttributeTypes = TYPES;
    const faults = (condition: Condition) => checkCondition(condition, types).map(({ pointer, detail }) => `${pointer} ${detail}`);
    const amount = { attribute: 'resource.amount' };
    expect(faults({ op: 'eq', left: { attribute: 'resource.nothing' }, right: { value: 1 } })).toEqual(['/left there is no attribute resource.nothing here']);
    expect(faults({ op: 'eq', left: amount, right: { value: 'ten' } })).toEqual([' compares a number with a string']);
    expect(faults({ op: 'lt', left: { attribute: 'resource.kind' }, right: { value: 'm' } })).toEqual([' orders a string; only numbers and times have an order']);
    expect(faults({ op: 'lt', left: { attribute: 'resource.due' }, right: { value: '2026-01-01' } })).toEqual(['/right is not a time as in RFC 3339, with its offset']);
    expect(faults({ op: 'eq', left: { value: 1 }, right: { value: 1 } })).toEqual([' compares two values; nothing could change it']);
    expect(faults({ op: 'eq', left: amount, right: { attribute: 'resource.amount' } })).toEqual([' compares two attributes of the resource']);
    expect(faults({ op: 'eq', left: { attribute: 'resource.tags' }, right: { value: ['a'] } })).toEqual([' compares lists']);
    expect(faults({ op: 'in', left: amount, right: { value: ['a'] } })).toEqual(['/left is a number; "in" looks for a string']);
    expect(faults({ op: 'in', left: { attribute: 'resource.kind' }, right: { value: 'a' } })).toEqual(['/right is a string; "in" looks in a list of strings']);
    expect(faults({ op: 'and', of: [] })).toEqual(['/of needs at least one condition']);
    expect(faults({ op: 'eq', left: amount, right: { value: Number.NaN } })).toEqual(['/right not a finite number']);
    expect(faults({ op: 'in', left: { attribute: 'resource.kind' }, right: { value: Array.from({ length: CONDITION_LIMITS.list + 1 }, String) } })).toEqual([`/right more than ${CONDITION_LIMITS.list} values`]);
    let deep: Condition = { op: 'known', of: amount };
    for (let level = 0; level < CONDITION_LIMITS.depth; level += 1) deep = { op: 'not', of: deep };
    expect(faults(deep)).toEqual([`${'/of'.repeat(CONDITION_LIMITS.depth)} deeper than ${CONDITION_LIMITS.depth}`]);
    expect(faults({ op: 'or', of: Array.from({ length: CONDITION_LIMITS.nodes }, () => ({ op: 'known' as const, of: amount })) })).toEqual([` more than ${CONDITION_LIMITS.nodes} parts`]);
    // Inherited names are no attributes.
    expect(faults({ op: 'known', of: { attribute: 'constructor' } })).toEqual(['/of there is no attribute constructor here']);
  });

  it('takes no property for what it is not', () => {
    const is = (condition: Condition, attributes: Record<string, unknown>) => evaluate(condition, TYPES, withUnknown(attributes));
    const atMost: Condition = { op: 'le', left: { attribute: 'resource.amount' }, right: { value: 10 } };
    for (const odd of ['5', null, [5], Number.NaN, Infinity, { valueOf: () => 5 }]) expect([odd, is(atMost, { 'resource.amount': odd })]).toEqual([odd, null]);
    const due: Condition = { op: 'lt', left: { attribute: 'resource.due' }, right: { value: '2026-01-01T00:00:00Z' } };
    for (const odd of ['2025-01-01', '2025-02-30T00:00:00Z', '0001-01-01T00:00:00Z', '9999-01-01T00:00:00Z', '2025-13-01T00:00:00Z', 0, '2025-01-01T00:00:00']) expect([odd, is(due, { 'resource.due': odd })]).toEqual([odd, null]);
    expect(is(due, { 'resource.due': '2026-01-01T06:59:59.999+07:00' })).toBe(true);
    expect(is(due, { 'resource.due': '2026-01-01T07:00:00.000+07:00' })).toBe(false);
  });
});

describe('what is left of a condition', () => {
  const kind = { attribute: 'resource.kind' };
  const left = (condition: Condition, known: Record<string, unknown> = {}) => residualOf(condition, TYPES, withUnknown(known));
  const level: Condition = { op: 'ge', left: { attribute: 'subject.level' }, right: { value: 3 } };
  const isA: Condition = { op: 'eq', left: kind, right: { value: 'a' } };

  it('asks of the row what only the row knows, with what is known put in', () => {
    expect(left(isA)).toEqual(isA);
    expect(left({ op: 'eq', left: kind, right: { attribute: 'subject.team' } }, { 'subject.team': 'b' })).toEqual({ op: 'eq', left: kind, right: { value: 'b' } });
    expect(left({ op: 'in', left: { attribute: 'subject.team' }, right: { attribute: 'resource.tags' } }, { 'subject.team': 'b' })).toEqual({ op: 'in', left: { value: 'b' }, right: { attribute: 'resource.tags' } });
    expect(left({ op: 'in', left: kind, right: { attribute: 'context.channels' } }, { 'context.channels': ['a'] })).toEqual({ op: 'in', left: kind, right: { value: ['a'] } });
    expect(left({ op: 'lt', left: { attribute: 'resource.due' }, right: { value: '2026-01-01T07:00:00+07:00' } })).toEqual({ op: 'lt', left: { attribute: 'resource.due' }, right: { value: '2026-01-01T00:00:00.000Z' } });
    expect(left({ op: 'eq', left: kind, right: { attribute: 'subject.team' } })).toBeNull();
    expect(residualOf({ op: 'eq', left: kind, right: { attribute: 'subject.nothing' } }, TYPES, withUnknown({ 'subject.nothing': 'a' }))).toBeNull();
    expect(left({ op: 'known', of: kind })).toEqual({ op: 'known', of: kind });
    expect([left({ op: 'known', of: { attribute: 'subject.level' } }), left({ op: 'known', of: { attribute: 'subject.level' } }, { 'subject.level': 1 })]).toEqual([false, true]);
  });

  it('is decided as soon as one part decides', () => {
    const both = (op: 'and' | 'or'): Condition => ({ op, of: [level, isA] });
    expect([1, 3, undefined].map((value) => left(both('and'), { 'subject.level': value }))).toEqual([false, { op: 'and', of: [isA] }, { op: 'and', of: [isA, expect.objectContaining({ op: 'eq' })] }]);
    expect([3, 1].map((value) => left(both('or'), { 'subject.level': value }))).toEqual([true, { op: 'or', of: [isA] }]);
    expect([3, 1, undefined].map((value) => left({ op: 'and', of: [level] }, { 'subject.level': value }))).toEqual([true, false, null]);
    expect([3, 1, undefined].map((value) => left({ op: 'or', of: [level] }, { 'subject.level': value }))).toEqual([true, false, null]);
    expect([3, 1, undefined].map((value) => left({ op: 'not', of: level }, { 'subject.level': value }))).toEqual([false, true, null]);
    expect(left({ op: 'not', of: isA })).toEqual({ op: 'not', of: isA });
    // Of what is not known it stays unknown, whatever the row.
    const unknown = left(both('and')) as Condition;
    for (const row of [{ 'resource.kind': 'a' }, { 'resource.kind': 'b' }, {}]) expect(evaluate({ op: 'or', of: [unknown, { op: 'not', of: unknown }] }, TYPES, withUnknown(row)) === true).toBe(row['resource.kind'] === 'b');
  });
});

describe('a condition in SQL', () => {
  const COLUMNS = { 'resource.kind': 'r.kind', 'resource.amount': 'r.amount', 'resource.due': 'r.due', 'resource.open': 'r.open', 'resource.tags': 'r.tags' };
  const sql = (residual: Parameters<typeof sqlOf>[0], columns: Readonly<Record<string, string>> = COLUMNS) => {
    const parameters: unknown[] = ['first'];
    return [sqlOf(residual, columns, TYPES, parameters), ...parameters.slice(1)];
  };
  const of = (attribute: string) => ({ attribute: `resource.${attribute}` });
  it.each<[Parameters<typeof sqlOf>[0], unknown[]]>([
    [null, ['NULL::boolean']], [true, ['TRUE']], [false, ['FALSE']],
    [{ op: 'eq', left: of('kind'), right: { value: 'a' } }, ['(r.kind = $2::text)', 'a']],
    [{ op: 'ne', left: { value: 'a' }, right: of('kind') }, ['($2::text <> r.kind)', 'a']],
    [{ op: 'lt', left: of('amount'), right: { value: 1 } }, ['(r.amount < $2::double precision)', 1]],
    [{ op: 'le', left: of('amount'), right: { value: 1 } }, ['(r.amount <= $2::double precision)', 1]],
    [{ op: 'gt', left: of('due'), right: { value: '2026-01-01T00:00:00Z' } }, ['(r.due > $2::timestamptz)', '2026-01-01T00:00:00Z']],
    [{ op: 'ge', left: { value: 1 }, right: of('amount') }, ['($2::double precision >= r.amount)', 1]],
    [{ op: 'eq', left: of('open'), right: { value: true } }, ['(r.open = $2::boolean)', true]],
    [{ op: 'in', left: of('kind'), right: { value: ['a', 'b'] } }, ['(CASE WHEN r.kind IS NOT NULL THEN r.kind = ANY ($2::text[]) END)', ['a', 'b']]],
    [{ op: 'known', of: of('kind') }, ['(r.kind IS NOT NULL)']],
    [{ op: 'not', of: { op: 'known', of: of('kind') } }, ['(NOT (r.kind IS NOT NULL))']],
    [{ op: 'and', of: [{ op: 'known', of: of('kind') }, { op: 'known', of: of('due') }] }, ['((r.kind IS NOT NULL) AND (r.due IS NOT NULL))']],
    [{ op: 'or', of: [{ op: 'known', of: of('kind') }, { op: 'known', of: of('due') }] }, ['((r.kind IS NOT NULL) OR (r.due IS NOT NULL))']],
  ])('%j', (residual, expected) => expect(sql(residual)).toEqual(expected));

  it('knows nothing of what no column holds', () => {
    expect(sql({ op: 'eq', left: of('kind'), right: { value: 'a' } }, {})).toEqual(['NULL::boolean']);
    expect(sql({ op: 'known', of: of('kind') }, {})).toEqual(['FALSE']);
    expect(sqlOf({ op: 'eq', left: of('kind'), right: { value: 'a' } }, COLUMNS, {}, [])).toBe('NULL::boolean');
    const [text, ...parameters] = sql({ op: 'in', left: { value: 'a' }, right: of('tags') });
    expect([text, parameters]).toEqual(['(CASE WHEN $2::text IS NOT NULL THEN $2::text = ANY (r.tags) END)', ['a']]);
  });
});

describe('a condition as a where', () => {
  const rows: RowAttributes = {
    'resource.kind': { field: 'kind', nullable: false, type: 'string', oneOf: ['a', 'b', 'c'] },
    'resource.amount': { field: 'details.amount', nullable: false, type: 'number' },
    'resource.due': { field: 'due', nullable: true, type: 'time' },
    'resource.note': { field: 'note', nullable: true, type: 'string' },
    'resource.tags': { field: 'tags', nullable: false, type: 'strings' },
  };
  const of = (attribute: string) => ({ attribute: `resource.${attribute}` });
  const AT = '2026-01-01T00:00:00Z';
  it.each<[Condition, Where, Where]>([
    [{ op: 'eq', left: of('kind'), right: { value: 'a' } }, { kind: { in: ['a'] } }, { kind: { notIn: ['a'] } }],
    [{ op: 'ne', left: of('kind'), right: { value: 'z' } }, { kind: { notIn: [] } }, { kind: { in: [] } }],
    [{ op: 'in', left: of('kind'), right: { value: ['a', 'z'] } }, { kind: { in: ['a'] } }, { kind: { notIn: ['a'] } }],
    [{ op: 'in', left: of('note'), right: { value: ['x'] } }, { note: { in: ['x'] } }, { note: { notIn: ['x'] } }],
    [{ op: 'in', left: of('note'), right: { value: [] } }, false, { note: { not: null } }],
    [{ op: 'in', left: of('kind'), right: { value: [] } }, false, true],
    [{ op: 'in', left: { value: 'x' }, right: of('tags') }, { tags: { has: 'x' } }, { NOT: { tags: { has: 'x' } } }],
    [{ op: 'lt', left: of('amount'), right: { value: 1 } }, { details: { amount: { lt: 1 } } }, { details: { amount: { gte: 1 } } }],
    [{ op: 'le', left: of('amount'), right: { value: 1 } }, { details: { amount: { lte: 1 } } }, { details: { amount: { gt: 1 } } }],
    [{ op: 'gt', left: of('amount'), right: { value: 1 } }, { details: { amount: { gt: 1 } } }, { details: { amount: { lte: 1 } } }],
    [{ op: 'ge', left: of('amount'), right: { value: 1 } }, { details: { amount: { gte: 1 } } }, { details: { amount: { lt: 1 } } }],
    [{ op: 'lt', left: { value: 1 }, right: of('amount') }, { details: { amount: { gt: 1 } } }, { details: { amount: { lte: 1 } } }],
    [{ op: 'ge', left: { value: AT }, right: of('due') }, { due: { lte: new Date(AT) } }, { due: { gt: new Date(AT) } }],
    [{ op: 'eq', left: of('note'), right: { value: 'x' } }, { note: { equals: 'x' } }, { note: { not: 'x' } }],
    [{ op: 'known', of: of('due') }, { due: { not: null } }, { due: null }],
    [{ op: 'known', of: of('kind') }, true, false],
    [{ op: 'known', of: of('nothing') }, false, true],
    [{ op: 'eq', left: of('nothing'), right: { value: 'a' } }, false, false],
    [{ op: 'eq', left: of('note'), right: { attribute: 'subject.team' } }, false, false],
    [{ op: 'and', of: [{ op: 'known', of: of('due') }, { op: 'known', of: of('note') }] }, { AND: [{ due: { not: null } }, { note: { not: null } }] }, { OR: [{ due: null }, { note: null }] }],
    [{ op: 'or', of: [{ op: 'known', of: of('due') }, { op: 'known', of: of('kind') }] }, true, false],
    [{ op: 'and', of: [{ op: 'known', of: of('due') }, { op: 'known', of: of('kind') }] }, { due: { not: null } }, { due: null }],
    [{ op: 'not', of: { op: 'known', of: of('due') } }, { due: null }, { due: { not: null } }],
  ])('%j', (condition, isTrue, isFalse) => {
    expect([whereTrue(condition, rows), whereFalse(condition, rows)]).toEqual([isTrue, isFalse]);
  });

  it('that is answered is every row or none, and unknown is neither true nor false', () => {
    expect([true, false, null].map((each) => [whereTrue(each, rows), whereFalse(each, rows)])).toEqual([[true, false], [false, true], [false, false]]);
  });
});

/** A small interpreter of Prisma's filters with SQL's nulls: null is never equal, unequal, or in order. */
function selects(filter: Where, row: Record<string, unknown>): boolean {
  return truth(filter, row) === true;
}

function truth(filter: Where, row: Record<string, unknown>): boolean | null {
  if (typeof filter === 'boolean') return filter;
  const all = (parts: (boolean | null)[]) => (parts.includes(false) ? false : parts.includes(null) ? null : true);
  return all(
    Object.entries(filter as Record<string, unknown>).map(([name, wanted]) => {
      if (name === 'AND') return all((wanted as Where[]).map((each) => truth(each, row)));
      if (name === 'OR') {
        const parts = (wanted as Where[]).map((each) => truth(each, row));
        return parts.includes(true) ? true : parts.includes(null) ? null : false;
      }
      if (name === 'NOT') {
        const inner = truth(wanted as Where, row);
        return inner === null ? null : !inner;
      }
      const value = row[name];
      if (wanted === null) return value === null;
      const [[operator, operand]] = Object.entries(wanted as Record<string, unknown>) as [[string, unknown]];
      if (operator === 'not' && operand === null) return value !== null;
      if (value !== null && typeof value === 'object' && !(value instanceof Date) && !Array.isArray(value)) return truth(wanted as Where, value as Record<string, unknown>);
      // As Prisma has it: an empty list is decided without looking at the column.
      if (Array.isArray(operand) && operand.length === 0 && operator !== 'has') return operator === 'notIn';
      if (value === null) return null;
      const plain = (one: unknown) => (one instanceof Date ? one.getTime() : one) as number;
      switch (operator) {
        case 'equals': return plain(value) === plain(operand);
        case 'not': return plain(value) !== plain(operand);
        case 'lt': return plain(value) < plain(operand);
        case 'lte': return plain(value) <= plain(operand);
        case 'gt': return plain(value) > plain(operand);
        case 'gte': return plain(value) >= plain(operand);
        case 'in': return (operand as unknown[]).includes(value);
        case 'notIn': return !(operand as unknown[]).includes(value);
        case 'has': return (value as unknown[]).includes(operand);
        default: throw new Error(`no such operator: ${operator}`);
      }
    }),
  );
}
