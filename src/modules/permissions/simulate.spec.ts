import fc from 'fast-check';
import type { World } from '../../../test/support/permission-oracle';
import { aPerson, asked, factsOf, grant, pathOf, time, world } from '../../../test/support/permission-worlds';
import { decide } from './decide';
import { differences, Holdings, type Model } from './simulate';
import { compileSubject, type HoldingFacts, type SubjectFacts } from './subject';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);

/** The test's plain lists as the rows of the tables. */
function modelOf(from: World): Model {
  return {
    units: new Map(from.units.map(({ id, schoolId }) => [id, { path: pathOf(from.units, id), schoolId }])),
    positions: new Map(from.positions.map(({ id, unitId }) => [id, unitId])),
    appointments: from.appointments.map((each, n) => ({ id: `post-${n}`, ...each })),
    inherits: [...from.inherits],
    assignments: from.assignments.map(({ to, ...each }, n) => ({ id: `given-${n}`, ...each, personId: 'person' in to ? to.person : null, positionId: 'position' in to ? to.position : null })),
    grants: from.grants.map(({ to, ...each }) => ({ ...each, everyone: to === 'everyone', personId: to !== 'everyone' && 'person' in to ? to.person : null, positionId: to !== 'everyone' && 'position' in to ? to.position : null, roleId: to !== 'everyone' && 'role' in to ? to.role : null })),
    delegations: [...from.delegations],
  };
}

/** Facts in one order, and each way a grant comes once. */
function plain(facts: HoldingFacts): unknown {
  const sorted = <T>(rows: readonly T[]) => [...new Set(rows.map((row) => JSON.stringify(row, Object.keys(row as object).sort())))].sort();
  const order = ({ appointments, grants, lent }: HoldingFacts): unknown => ({
    appointments: sorted(appointments),
    grants: [...new Set(grants.map(({ id, positionId, roleId, from, until, node, code, effect, scope }) => JSON.stringify([id, positionId, roleId, from, until, node, code, effect, scope])))].sort(),
    lent: lent.map(({ id, codes, node, from, until, lender }) => [id, codes, node, from, until, order(lender)]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  });
  return order(facts);
}

describe('simulation', () => {
  it('looks at a model as the database looks at its tables', () => {
    fc.assert(
      fc.property(world, aPerson, (given, personId) => {
        expect(plain(new Holdings(modelOf(given)).factsOf(personId))).toEqual(plain(factsOf(given, personId)));
      }),
      { numRuns: Math.ceil(5_000 * RUNS) },
    );
  });

  it('names a permission wherever an answer changes, and in the direction it changes', () => {
    let changed = 0;
    fc.assert(
      fc.property(world, fc.array(grant, { maxLength: 2 }), fc.nat(), aPerson, time, asked, (given, more, gone, personId, at, ask) => {
        const then: World = { ...given, grants: [...given.grants.filter((_, n) => n !== gone % 12), ...more], delegations: gone % 3 === 0 ? given.delegations.slice(1) : given.delegations };
        const compiled = (of: World) => compileSubject({ ...new Holdings(modelOf(of)).factsOf(personId), v: '1', now: at }, at);
        const [before, after] = [compiled(given), compiled(then)];
        const question = { permission: ask.code, resource: ask.row, context: ask.context };
        const [was, is] = [decide(before, question).allowed, decide(after, question).allowed];
        const found = differences(before, after).find(({ permission }) => permission === ask.code);
        if (was === is) return;
        changed += 1;
        expect(found?.[is ? 'gains' : 'loses']).toBe(true);
      }),
      { numRuns: Math.ceil(20_000 * RUNS) },
    );
    expect(changed).toBeGreaterThan(RUNS < 1 ? 0 : 210);
  });

  it('finds nothing where nothing is changed', () => {
    fc.assert(
      fc.property(world, aPerson, time, (given, personId, at) => {
        const compiled = compileSubject({ ...new Holdings(modelOf(given)).factsOf(personId), v: '1', now: at }, at);
        expect(differences(compiled, compiled)).toEqual([]);
      }),
      { numRuns: Math.ceil(1_000 * RUNS) },
    );
  });
});

describe('a model', () => {
  const FOREVER = { from: null, until: null };
  const given = (roleId: string, to: { personId: string } | { positionId: string }) => ({ id: `${roleId}-given`, roleId, personId: null, positionId: null, ...FOREVER, ...to });
  const lent = (lenderId: string, borrowerId: string) => ({ id: `${lenderId}-${borrowerId}`, lenderId, borrowerId, codes: null, nodeId: null, transitive: true, ...FOREVER });
  const row = (id: string, more: Partial<Model['grants'][number]>): Model['grants'][number] => ({ id, code: 'a:b', effect: 'allow', scope: 'all', nodeId: null, everyone: false, personId: null, positionId: null, roleId: null, resource: null, condition: null, ...FOREVER, ...more });
  const model: Model = {
    units: new Map([['f', { path: ['f'], schoolId: null }], ['s', { path: ['f', 's'], schoolId: 's' }]]),
    positions: new Map([['teacher', 's'], ['head', 's']]),
    appointments: [{ id: '1', personId: 'ani', positionId: 'teacher', ...FOREVER }, { id: '2', personId: 'budi', positionId: 'head', ...FOREVER }, { id: '3', personId: 'budi', positionId: 'abolished', ...FOREVER }, { id: '4', personId: 'ani', positionId: 'teacher', from: 30, until: null }],
    inherits: [{ seniorId: 'director', juniorId: 'manager' }, { seniorId: 'manager', juniorId: 'clerk' }, { seniorId: 'clerk', juniorId: 'manager' }],
    assignments: [given('director', { personId: 'cici' }), given('manager', { positionId: 'head' }), given('auditor', { personId: 'dodi' })],
    grants: [row('every', { everyone: true }), row('ani’s', { personId: 'ani', from: 4, until: 9 }), row('teacher’s', { positionId: 'teacher', scope: 'node', nodeId: 's' }), row('clerk’s', { roleId: 'clerk', until: 50 }), row('gone', { personId: 'budi', scope: 'node', nodeId: 'closed' })],
    delegations: [lent('ani', 'budi'), lent('budi', 'cici'), lent('cici', 'dodi'), lent('dodi', 'ani')],
  };
  const holdings = new Holdings(model);

  it('knows the roles a role leads to, in a ring too, and who has them in any way', () => {
    expect([...holdings.reach('director')].sort()).toEqual(['clerk', 'director', 'manager']);
    expect(holdings.reach('director')).toBe(holdings.reach('director'));
    expect([...holdings.reach('clerk')].sort()).toEqual(['clerk', 'manager']);
    expect([...holdings.holdersOf(new Set(['clerk']))].sort()).toEqual(['budi', 'cici']);
    expect([...holdings.holdersOf(new Set(['director']))]).toEqual(['cici']);
    expect([...holdings.holdersOf(new Set(['auditor', 'director']))].sort()).toEqual(['cici', 'dodi']);
    expect([...holdings.holdersOfPositions(new Set(['teacher']))]).toEqual(['ani']);
  });

  it('follows loans as far as they go, and no further', () => {
    const few = new Holdings({ ...model, delegations: [lent('cici', 'dodi'), lent('budi', 'cici'), lent('ani', 'budi')] });
    expect([...few.withBorrowers(new Set(['ani']))].sort()).toEqual(['ani', 'budi', 'cici']);
    expect([...few.withLenders(new Set(['dodi']))].sort()).toEqual(['ani', 'budi', 'cici', 'dodi']);
    const other = new Holdings({ ...model, delegations: [lent('ani', 'budi'), lent('budi', 'cici'), lent('cici', 'dodi')] });
    expect([...other.withLenders(new Set(['dodi']))].sort()).toEqual(['budi', 'cici', 'dodi']);
  });

  it('gives each person what comes to them, by way of what, and for how long', () => {
    const of = (person: string) => holdings.factsOf(person).grants.map(({ id, positionId, roleId, from, until, node }) => [id, positionId, roleId, from, until, node]);
    expect(of('ani')).toEqual([['every', null, null, null, null, null], ['ani’s', null, null, 4, 9, null], ['teacher’s', 'teacher', null, null, null, ['f', 's']]]);
    expect(of('budi')).toEqual([['every', null, null, null, null, null], ['gone', null, null, null, null, null], ['clerk’s', 'head', 'manager', null, 50, null]]);
    expect(of('cici')).toContainEqual(['clerk’s', null, 'director', null, 50, null]);
    expect(holdings.factsOf('budi').appointments).toEqual([{ positionId: 'head', ...FOREVER, unit: ['f', 's'], school: ['f', 's'] }]);
    const chain = (facts: HoldingFacts): string[] => [facts.person.id, ...facts.lent.flatMap(({ lender }) => chain(lender))];
    expect(chain(holdings.factsOf('dodi'))).toEqual(['dodi', 'cici', 'budi']);
    const own = new Holdings({ ...model, delegations: [lent('ani', 'ani'), { ...lent('ani', 'budi'), transitive: false }, lent('budi', 'cici'), lent('cici', 'budi')] });
    expect([chain(own.factsOf('ani')), chain(own.factsOf('budi')), chain(own.factsOf('cici'))]).toEqual([['ani'], ['budi', 'ani', 'cici'], ['cici', 'budi']]);
  });

  it('says of each permission that differs which way, once, in order', () => {
    const compiled = (...grants: Model['grants']) => compileSubject({ ...new Holdings({ ...model, grants, delegations: [] }).factsOf('ani'), v: '1', now: 5 }, 5);
    const more = (id: string, rest: Partial<Model['grants'][number]>) => row(id, { personId: 'ani', ...rest });
    expect(differences(compiled(more('1', { code: 'b:b' }), more('2', { code: 'same:x' })), compiled(more('3', { code: 'a:a' }), more('2', { code: 'same:x' })))).toEqual([{ permission: 'a:a', gains: true, loses: false }, { permission: 'b:b', gains: false, loses: true }]);
    expect(differences(compiled(more('1', { scope: 'node', nodeId: 's' })), compiled(more('1', { scope: 'own' })))).toEqual([{ permission: 'a:b', gains: true, loses: true }]);
    const borrowing = (codes: string[] | null, ...grants: SubjectFacts['grants']): SubjectFacts => ({ v: '1', now: 0, person: { id: 'ani' }, appointments: [], grants: [], lent: [{ id: 'l', codes, node: null, ...FOREVER, lender: { person: { id: 'budi' }, appointments: [], grants, lent: [] } }] });
    const plainGrant = (code: string, effect: 'allow' | 'deny' = 'allow') => ({ id: code, code, effect, scope: 'all' as const, node: null, positionId: null, roleId: null, resource: null, condition: null, ...FOREVER });
    const between = (before: SubjectFacts, after: SubjectFacts) => differences(compileSubject(before, 5), compileSubject(after, 5));
    const nothing: SubjectFacts = { ...borrowing(null), lent: [] };
    expect(between(nothing, borrowing(['a:b'], plainGrant('a:b'), plainGrant('c:d')))).toEqual([{ permission: 'a:b', gains: true, loses: false }]);
    expect(between(nothing, borrowing(null, plainGrant('a:b'), plainGrant('c:d')))).toEqual(['a:b', 'c:d'].map((permission) => ({ permission, gains: true, loses: false })));
    expect(between(borrowing(['a:b'], plainGrant('a:b'), plainGrant('c:d')), borrowing(null, plainGrant('a:b'), plainGrant('c:d')))).toEqual([{ permission: 'c:d', gains: true, loses: false }]);
    // Somebody who is denied it lends nothing of it.
    expect(between(nothing, borrowing(null, plainGrant('a:b', 'deny')))).toEqual([]);
  });
});
