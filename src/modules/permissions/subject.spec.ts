import { boundariesOf, compileSubject, type HoldingFacts, NO_RULES, allowsOf, type SubjectFacts } from './subject';

const FOREVER = { from: null, until: null };
const post = (positionId: string, unit: string[], more: Partial<HoldingFacts['appointments'][number]> = {}) => ({ positionId, ...FOREVER, unit, school: unit.length > 1 ? unit.slice(0, 2) : null, ...more });
const grant = (id: string, more: Partial<HoldingFacts['grants'][number]> = {}) => ({ id, code: 'a:b', effect: 'allow' as const, scope: 'all' as const, node: null, positionId: null, roleId: null, resource: null, condition: null, ...FOREVER, ...more });
const facts = (more: Partial<SubjectFacts> = {}): SubjectFacts => ({ v: '7', now: 0, person: { id: 'ani' }, appointments: [], grants: [], lent: [], ...more });
const rules = (more: Partial<SubjectFacts>, at = 5) => compileSubject(facts(more), at).rules.get('a:b') ?? NO_RULES;
const allowed = (more: Partial<SubjectFacts>, at = 5) => allowsOf(rules(more, at)).map(({ id }) => id);

describe('a compiled subject', () => {
  it('of nobody who lives holds nothing, for good', () => {
    const loan = { id: 'l', codes: null, node: null, lender: facts({ grants: [grant('g')] }), ...FOREVER };
    expect(compileSubject(facts({ living: false, grants: [grant('g', { until: 9 })], lent: [loan] }), 5)).toEqual({ person: { id: 'ani' }, rules: new Map(), lent: [], v: 7n, living: false, goodUntil: null });
    expect(compileSubject(facts({ living: true }), 5)).toMatchObject({ living: true, v: 7n, goodUntil: null });
    expect(compileSubject(facts(), 5).living).toBe(true);
  });

  it('is good until the first thing that begins or ends, its own or a lender’s, and knows them all', () => {
    const lender = facts({ appointments: [post('p', ['f'], { from: 30, until: 40 })], grants: [grant('x', { from: 8 })] });
    const held = facts({ appointments: [post('p', ['f'], { until: 20 })], grants: [grant('g', { from: 5, until: 12 })], lent: [{ id: 'l', codes: null, node: null, lender, from: 2, until: 50 }] });
    expect(boundariesOf(held).sort((a, b) => a - b)).toEqual([2, 5, 8, 12, 20, 30, 40, 50]);
    expect([1, 2, 5, 8, 12, 20, 30, 40, 50].map((at) => compileSubject(held, at).goodUntil)).toEqual([2, 5, 8, 12, 20, 30, 40, 50, null]);
  });

  it('holds what has begun and not ended, from its first millisecond and not in its last', () => {
    const grants = [grant('g', { from: 5, until: 8 })];
    expect([4, 5, 7, 8].map((at) => allowed({ grants }, at))).toEqual([[], ['g'], ['g'], []]);
  });

  it('holds through a position while the post is held, and no longer than it lasts', () => {
    const grants = [grant('g', { positionId: 'p' })];
    expect(allowed({ grants })).toEqual([]);
    expect(allowed({ grants, appointments: [post('q', ['f'])] })).toEqual([]);
    expect(allowed({ grants, appointments: [post('p', ['f'], { from: 6 })] })).toEqual([]);
    expect(allowed({ grants, appointments: [post('p', ['f'])] })).toEqual(['g']);
    const until = (end: number | null, ...posts: (number | null)[]) => rules({ grants: [grant('g', { positionId: 'p', until: end })], appointments: posts.map((each) => post('p', ['f'], { until: each })) }).allow[0]!.until;
    expect([until(null, 9), until(7, 9), until(9, 7), until(null, null), until(8, null), until(null, 7, 9), until(null, 7, null)]).toEqual([9, 7, 7, null, 8, 9, null]);
    // What is one's own ends by itself only.
    expect(rules({ grants: [grant('g')], appointments: [post('p', ['f'], { until: 9 })] }).allow[0]!.until).toBeNull();
  });

  it('reaches by each scope what it is seen from, once each, in one order', () => {
    const appointments = [post('p', ['f', 's', 'z']), post('q', ['f', 's', 'y']), post('r', ['f', 's', 'y']), post('o', ['f'])];
    const units = (scope: 'own' | 'all' | 'node' | 'department' | 'school', more = {}) => rules({ appointments, grants: [grant('g', { scope, ...more })] }).allow[0];
    expect(units('department')).toMatchObject({ all: false, own: false, units: [['f'], ['f', 's', 'y'], ['f', 's', 'z']] });
    expect(units('school')).toMatchObject({ units: [['f', 's']] });
    expect(units('department', { positionId: 'p' })).toMatchObject({ units: [['f', 's', 'z']], positionId: 'p' });
    expect(units('node', { node: ['f', 't'] })).toMatchObject({ units: [['f', 't']] });
    expect(units('all')).toMatchObject({ all: true, own: false, units: [] });
    expect(units('own')).toMatchObject({ all: false, own: true, units: [] });
    expect(units('node')).toBeUndefined();
    expect(units('school', { positionId: 'o' })).toBeUndefined();
    expect(rules({ grants: [grant('g', { scope: 'department' })] })).toBe(NO_RULES);
  });

  it('asks the widest first, those with limits after those without, single rows together at the end', () => {
    const row = (n: number) => ({ type: 'request', id: `00000000-0000-4000-8000-00000000000${n}` });
    const id = (n: number) => `00000000-0000-4000-9000-00000000000${n}`;
    const condition = { test: { op: 'known' as const, of: { attribute: 'resource.state' } }, types: { 'resource.state': 'string' as const } };
    const grants = [
      grant(id(1), { resource: row(2) }), grant('conditional', { condition }), grant('kind', { resource: { type: 'request', id: null } }), grant('own', { scope: 'own' }), grant('node', { scope: 'node', node: ['f', 's'] }), grant('all'),
      grant('deeper', { scope: 'node', node: ['f', 's', 'd'] }), grant('all-2'), grant('foreign', { resource: { type: 'request', id: 'INV-1' } }), grant(id(2), { resource: row(1) }), grant('both', { resource: { type: 'request', id: null }, condition }),
    ];
    const denies = [grant('no-own', { scope: 'own', effect: 'deny' }), grant('no-all', { effect: 'deny' }), grant(id(3), { resource: row(1), effect: 'deny' })];
    for (const order of [grants, grants.toReversed()]) {
      const held = rules({ grants: [...order, ...denies] });
      expect(held.allow.map((each) => each.id)).toEqual(['all', 'all-2', 'node', 'deeper', 'own', 'kind', 'foreign', 'conditional', 'both']);
      expect(held.rows).toHaveLength(1);
      expect(held.deny.map((each) => each.id)).toEqual(['no-all', 'no-own', id(3)]);
      expect(allowsOf(held).slice(-2).map((each) => [each.id, each.resource?.id])).toEqual([[id(2), row(1).id], [id(1), row(2).id]]);
    }
    // The same grant, by two ways: the longer first, then by role, then by position.
    const twice = [grant('g', { until: 9 }), grant('g', { roleId: 'b' }), grant('g', { roleId: 'a' }), grant('g', { roleId: 'a', positionId: 'p' })];
    for (const order of [twice, twice.toReversed()]) expect(rules({ grants: order, appointments: [post('p', ['f'])] }).allow.map(({ until, roleId, positionId }) => [until, roleId, positionId])).toEqual([[null, 'a', null], [null, 'a', 'p'], [null, 'b', null], [9, null, null]]);
    expect(rules({ grants: [grant(id(1), { resource: row(1) }), grant(id(2), { resource: row(2), scope: 'own' }), grant(id(3), { resource: row(1), roleId: 'r' })] }).rows).toHaveLength(3);
    expect(rules({ grants: [grant('all')] })).toMatchObject({ rows: [], deny: [] });
  });

  it('borrows from whoever holds or borrows something, by the order of the loans', () => {
    const loan = (id: string, lender: HoldingFacts, more = {}) => ({ id, codes: null, node: null, lender, ...FOREVER, ...more });
    const rich = facts({ person: { id: 'budi' }, grants: [grant('g')] });
    const poor = facts({ person: { id: 'cici' } });
    const through = facts({ person: { id: 'dodi' }, lent: [loan('z', rich)] });
    const lent = [loan('c', rich, { codes: ['a:b'], node: ['f', 's'] }), loan('a', through), loan('b', poor), loan('d', rich, { until: 5 }), loan('e', rich, { from: 6 })];
    for (const order of [lent, lent.toReversed()]) {
      const found = compileSubject(facts({ lent: order }), 5).lent;
      expect(found.map(({ id, lender }) => [id, lender.person.id])).toEqual([['a', 'dodi'], ['c', 'budi']]);
      expect(found[1]).toMatchObject({ codes: new Set(['a:b']), node: ['f', 's'] });
      expect(found[0]).toMatchObject({ codes: null, node: null });
    }
  });
});
