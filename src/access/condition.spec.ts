import fc from 'fast-check';
import { type AttributeTypes, checkCondition, type Condition, CONDITION_LIMITS, evaluate, residualOf, type RowAttributes, type Where, whereFalse, whereTrue } from './condition';
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
