import { columnsOf, type RowColumns, sqlFromFilter, whereFromFilter } from './row-filter';
import type { FilterPart, RowFilter } from './rows';

const [A, B] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
const part = (more: Partial<FilterPart> = {}): FilterPart => ({ reach: 'all', ids: null, when: true, ...more });
const some = (more: Partial<Extract<RowFilter, { kind: 'some' }>>): RowFilter => ({ kind: 'some', anyOf: [], lent: [], noneOf: [], ...more });
const leave = { op: 'eq' as const, left: { attribute: 'resource.definition' }, right: { value: 'leave' } };
const own = part({ reach: { own: 'ani' } });
const inSchool = part({ reach: { units: ['s', 't'] } });

const where = (filter: RowFilter) => whereFromFilter<object>(filter, 'request', { owner: (initiatorId) => ({ initiatorId }), unit: (ids) => ({ units: ids }) });
const COLUMNS: RowColumns = { id: 'i.id', attributes: columnsOf('request', 'i'), owner: (person) => `i.initiator_id = ${person}`, unit: (units) => `u.path && ${units}` };
const sql = (filter: RowFilter, columns: RowColumns = COLUMNS) => {
  const parameters: unknown[] = ['first'];
  return [sqlFromFilter(filter, 'request', columns, parameters), ...parameters.slice(1)];
};

describe('a row filter, as a where and as SQL', () => {
  it.each<[string, RowFilter, object | null, unknown[]]>([
    ['nothing', { kind: 'none' }, null, [null]],
    ['everything', { kind: 'all' }, {}, ['TRUE']],
    ['no part', some({}), null, [null]],
    ['one’s own', some({ anyOf: [own] }), { initiatorId: 'ani' }, ['i.initiator_id = $2::uuid', 'ani']],
    ['units', some({ anyOf: [inSchool] }), { units: ['s', 't'] }, ['u.path && $2::uuid[]', ['s', 't']]],
    ['one row', some({ anyOf: [part({ ids: [A] })] }), { id: A }, ['i.id = ANY ($2::uuid[])', [A]]],
    ['two rows', some({ anyOf: [part({ ids: [A, B] })] }), { id: { in: [A, B] } }, ['i.id = ANY ($2::uuid[])', [A, B]]],
    ['own among rows', some({ anyOf: [{ ...own, ids: [A] }] }), { AND: [{ id: A }, { initiatorId: 'ani' }] }, ['(i.id = ANY ($2::uuid[]) AND i.initiator_id = $3::uuid)', [A], 'ani']],
    ['either', some({ anyOf: [own, inSchool] }), { OR: [{ initiatorId: 'ani' }, { units: ['s', 't'] }] }, ['(i.initiator_id = $2::uuid OR u.path && $3::uuid[])', 'ani', ['s', 't']]],
    ['under a condition', some({ anyOf: [part({ when: leave })] }), { key: { equals: 'leave' } }, ['((i.key = $2::text) IS TRUE)', 'leave']],
    ['own under a condition', some({ anyOf: [{ ...own, when: leave }] }), { AND: [{ initiatorId: 'ani' }, { key: { equals: 'leave' } }] }, ['(i.initiator_id = $2::uuid AND ((i.key = $3::text) IS TRUE))', 'ani', 'leave']],
    ['under what is not known', some({ anyOf: [part({ when: null }), part({ when: false })] }), null, [null]],
    ['all but own', some({ anyOf: [part()], noneOf: [own] }), { NOT: { initiatorId: 'ani' } }, ['(NOT i.initiator_id = $2::uuid)', 'ani']],
    ['all but what is or may be leave', some({ anyOf: [part()], noneOf: [part({ when: leave })] }), { key: { not: 'leave' } }, ['((i.key = $2::text) IS FALSE)', 'leave']],
    ['all but own leave', some({ anyOf: [part()], noneOf: [{ ...own, when: leave }] }), { OR: [{ NOT: { initiatorId: 'ani' } }, { key: { not: 'leave' } }] }, ['((NOT i.initiator_id = $2::uuid) OR ((i.key = $3::text) IS FALSE))', 'ani', 'leave']],
    ['own but two denied', some({ anyOf: [own], noneOf: [part({ ids: [A] }), inSchool] }), { AND: [{ initiatorId: 'ani' }, { NOT: { id: A } }, { NOT: { units: ['s', 't'] } }] }, ['(i.initiator_id = $2::uuid AND (NOT i.id = ANY ($3::uuid[])) AND (NOT u.path && $4::uuid[]))', 'ani', [A], ['s', 't']]],
    ['own, denied where that is not known', some({ anyOf: [part()], noneOf: [{ ...own, when: null }] }), { NOT: { initiatorId: 'ani' } }, ['(NOT i.initiator_id = $2::uuid)', 'ani']],
    ['denied where it never is', some({ anyOf: [own], noneOf: [part({ when: false })] }), { initiatorId: 'ani' }, ['i.initiator_id = $2::uuid', 'ani']],
    ['everything denied', some({ anyOf: [own], noneOf: [part()] }), null, [null]],
    ['lent', some({ lent: [{ within: null, filter: some({ anyOf: [own] }) }] }), { initiatorId: 'ani' }, ['i.initiator_id = $2::uuid', 'ani']],
    ['everything lent in a unit', some({ lent: [{ within: 's', filter: { kind: 'all' } }] }), { units: ['s'] }, ['u.path && $2::uuid[]', ['s']]],
    ['own lent in a unit, and one row', some({ anyOf: [part({ ids: [A] })], lent: [{ within: 's', filter: some({ anyOf: [own] }) }] }), { OR: [{ id: A }, { AND: [{ initiatorId: 'ani' }, { units: ['s'] }] }] }, ['(i.id = ANY ($2::uuid[]) OR (i.initiator_id = $3::uuid AND u.path && $4::uuid[]))', [A], 'ani', ['s']]],
    ['nothing lent', some({ lent: [{ within: 's', filter: { kind: 'none' } }] }), null, [null]],
  ])('%s', (_, filter, expectedWhere, expectedSql) => {
    expect(where(filter)).toEqual(expectedWhere);
    expect(sql(filter)).toEqual(expectedSql);
  });

  it('matches nothing where a kind of row has no owner or no unit, and mentions every parameter it takes', () => {
    const bare: RowColumns = { id: 'i.id', attributes: {} };
    for (const anyOf of [[own], [inSchool], [{ ...own, ids: [A] }]]) {
      expect(whereFromFilter(some({ anyOf }), 'request', {})).toBeNull();
      expect(sql(some({ anyOf }), bare)).toEqual([null]);
    }
    expect(sql(some({ anyOf: [{ ...own, ids: [A] }, part({ ids: [B] })] }), bare)).toEqual(['i.id = ANY ($2::uuid[])', [B]]);
    expect(whereFromFilter(some({ lent: [{ within: 's', filter: { kind: 'all' } }] }), 'request', {})).toBeNull();
    // Denied for whom nothing belongs to: nothing.
    expect(sql(some({ anyOf: [part()], noneOf: [own] }), bare)).toEqual(['TRUE']);
    expect(sql(some({ anyOf: [part({ when: leave })] }), bare)).toEqual(['(NULL::boolean IS TRUE)']);
  });

  it('names columns as the schema does', () => {
    expect(columnsOf('request', 'r')).toEqual({ 'resource.definition': 'r.key', 'resource.state': 'r.state::text', 'resource.createdAt': 'r.created_at', 'resource.submittedAt': 'r.submitted_at' });
  });
});
