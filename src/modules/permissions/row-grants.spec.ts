import fc from 'fast-check';
import type { EffectiveGrant } from './effective-grant';
import { RowGrants } from './row-grants';

const alike = { scope: 'department', positionId: 'p', roleId: 'r', all: false, own: false, units: [['f', 's']], until: 7 } as const;
const grantFor = (rowId: string, id: string, more: Partial<EffectiveGrant> = {}): EffectiveGrant => ({ ...alike, id, resource: { type: 'request', id: rowId }, condition: null, ...more });
/** Near one another, as ids made in the same moment are: the search has to go to the end. */
const near = fc.oneof(fc.uuid(), fc.nat({ max: 0xffff }).map((n) => `01900000-0000-7000-8000-00000000${n.toString(16).padStart(4, '0')}`));

describe('grants for single rows', () => {
  it('are found, each by its row, and nothing else is', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(near, fc.uuid()), { minLength: 1, maxLength: 40, selector: ([rowId]) => rowId }), near, (pairs, other) => {
        const rows = RowGrants.of(pairs.map(([rowId, id]) => grantFor(rowId, id)));
        const known = new Map(pairs);
        for (const [rowId, id] of pairs) expect(rows.find(rowId)).toBe(id);
        expect(rows.find(other)).toBe(known.get(other) ?? null);
        expect(rows.rowIds()).toEqual([...known.keys()].sort());
        expect(rows.first()).toBe(known.get(rows.rowIds()[0]!));
        expect(rows.grants()).toEqual([...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([rowId, id]) => grantFor(rowId, id)));
        expect(rows.alike).toEqual({ ...alike, type: 'request' });
      }),
      { numRuns: Math.ceil(500 * Number(process.env.PROPERTY_RUNS ?? 1)) },
    );
  });

  it('are not found by what only looks like the row', () => {
    const rowId = '0190abcd-0000-7000-8000-00000000abcd';
    const rows = RowGrants.of([grantFor(rowId, '0190abcd-0000-7000-8000-000000000001')]);
    for (const other of ['', rowId.toUpperCase(), rowId.replaceAll('-', ''), rowId.replaceAll('-', '_'), `${rowId}0`, rowId.slice(0, -1), ` ${rowId}`, rowId.replace('b', 'g'), '\u{1F512}'.repeat(18)]) expect([other, rows.find(other)]).toEqual([other, null]);
    expect(rows.find(rowId)).not.toBeNull();
  });

  it('are kept for two grants of one row, too', () => {
    const rowId = '0190abcd-0000-7000-8000-00000000abcd';
    const ids = ['0190abcd-0000-7000-8000-000000000001', '0190abcd-0000-7000-8000-000000000002'];
    const rows = RowGrants.of(ids.map((id) => grantFor(rowId, id)));
    expect(ids).toContain(rows.find(rowId));
    expect(rows.grants().map(({ id }) => id)).toEqual(ids);
  });

  it('fit where there is a row, by an id as the database writes it, and no condition', () => {
    const [rowId, id] = ['0190abcd-0000-7000-8000-00000000abcd', '0190abcd-0000-7000-8000-000000000001'];
    const condition = { test: { op: 'known' as const, of: { attribute: 'resource.state' } }, types: { 'resource.state': 'string' as const } };
    expect([grantFor(rowId, id), grantFor('INV-1', id), grantFor(rowId, 'grant-1'), grantFor(rowId, id, { condition }), grantFor(rowId, id, { resource: { type: 'request', id: null } }), grantFor(rowId, id, { resource: null })].map((grant) => RowGrants.fits(grant))).toEqual([true, false, false, false, false, false]);
  });
});
