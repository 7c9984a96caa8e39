import fc from 'fast-check';
import { whereFromFilter, type ResourceFacts, type RowFilter } from '../../access';
import { decide, filterOf, holdsAtLeast, isRaised } from './decide';
import { compileSubject, type SubjectFacts } from './subject';

/**
 * The naive oracle: reads the facts as they are, knows nothing of compiling, and asks of every grant whether it applies.
 * Any deny that applies wins, else any allow.
 */
function oracle(personId: string, facts: SubjectFacts, at: number, permission: string, row: ResourceFacts): boolean {
  const valid = (from: number | null, until: number | null) => (from === null || at >= from) && (until === null || at < until);
  const inside = (lft: number | undefined, interval: readonly number[] | null) => lft !== undefined && interval !== null && interval[0]! <= lft && lft <= interval[1]!;
  const posts = facts.appointments.filter((post) => valid(post.from, post.until));
  const applies = (grant: SubjectFacts['grants'][number]): boolean => {
    if (grant.code !== permission || !valid(grant.from, grant.until)) return false;
    const from = grant.positionId === null ? posts : posts.filter((post) => post.positionId === grant.positionId);
    if (grant.positionId !== null && from.length === 0) return false;
    switch (grant.scope) {
      case 'all': return true;
      case 'own': return row.ownerPersonId === personId;
      case 'node': return inside(row.unitLft, grant.node);
      case 'department': return from.some((post) => inside(row.unitLft, post.unit));
      case 'school': return from.some((post) => inside(row.unitLft, post.school));
    }
  };
  return !facts.grants.some((grant) => grant.effect === 'deny' && applies(grant)) && facts.grants.some((grant) => grant.effect === 'allow' && applies(grant));
}

const PERSON = 'person-1';
const CODES = ['a:b', 'c:d'];
const time = fc.integer({ min: 0, max: 20 });
const interval = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 8 })).map(([lft, length]): [number, number] => [lft, lft + length]);
const facts: fc.Arbitrary<SubjectFacts> = fc.record({
  v: fc.constant('1'),
  now: fc.constant(0),
  appointments: fc.array(fc.record({ positionId: fc.constantFrom('p1', 'p2'), from: time, until: fc.option(time), unit: interval, school: fc.option(interval) }), { maxLength: 4 }),
  grants: fc.array(
    fc.record({
      id: fc.uuid(), code: fc.constantFrom(...CODES), effect: fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
      scope: fc.constantFrom('own' as const, 'department' as const, 'school' as const, 'node' as const, 'all' as const),
      node: fc.option(interval, { freq: 5 }), positionId: fc.option(fc.constantFrom('p1', 'p2', 'p3')), roleId: fc.constant(null), from: fc.option(time), until: fc.option(time),
    }).map((grant) => ({ ...grant, node: grant.scope === 'node' ? grant.node : null })),
    { maxLength: 8 },
  ),
});
const row: fc.Arbitrary<ResourceFacts> = fc.record({ ownerPersonId: fc.constantFrom(PERSON, 'person-2', undefined), unitLft: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }) });

const RUNS = 20_000;

describe('decide', () => {
  it(`agrees with the naive oracle in ${RUNS} cases, for the door and for rows`, () => {
    fc.assert(
      fc.property(facts, time, fc.constantFrom(...CODES), row, (given, at, code, asked) => {
        const subject = compileSubject(PERSON, given, at);
        const decision = decide(subject, { permission: code, resource: asked });
        expect(decision.allowed).toBe(oracle(PERSON, given, at, code, asked));
        // Whoever may do it to some row gets through the door.
        if (decision.allowed) expect(decide(subject, { permission: code }).allowed).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('allows a row exactly when the list filter shows it', () => {
    const matches = (filter: RowFilter, { ownerPersonId, unitLft }: ResourceFacts): boolean => {
      type W = { AND?: object[]; OR?: W[]; NOT?: W; owner?: string; lft?: { gte: number; lte: number } };
      const where = whereFromFilter<W>(filter, { owner: (owner) => ({ owner }), unitLft: (lft) => ({ lft }) });
      const holds = (part: W): boolean =>
        (part.AND ?? []).every((each) => holds(each as W)) &&
        (!part.OR || part.OR.some(holds)) &&
        !(part.NOT && holds(part.NOT)) &&
        (part.owner === undefined || part.owner === ownerPersonId) &&
        (part.lft === undefined || (unitLft !== undefined && part.lft.gte <= unitLft && unitLft <= part.lft.lte));
      return where !== null && holds(where);
    };
    const rowWithUnit = fc.record({ ownerPersonId: fc.constantFrom(PERSON, 'person-2'), unitLft: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(facts, time, fc.constantFrom(...CODES), rowWithUnit, (given, at, code, asked) => {
        const subject = compileSubject(PERSON, given, at);
        expect(matches(filterOf(subject, code), asked)).toBe(decide(subject, { permission: code, resource: asked }).allowed);
      }),
      { numRuns: RUNS },
    );
  });

  it('never takes away by adding an allow, nor gives by adding a deny', () => {
    fc.assert(
      fc.property(facts, facts, time, fc.constantFrom(...CODES), row, (given, more, at, code, asked) => {
        const ask = (grants: SubjectFacts['grants']) => decide(compileSubject(PERSON, { ...given, grants }, at), { permission: code, resource: asked }).allowed;
        const before = ask(given.grants);
        if (before) expect(ask([...given.grants, ...more.grants.map((grant) => ({ ...grant, effect: 'allow' as const }))])).toBe(true);
        else expect(ask([...given.grants, ...more.grants.map((grant) => ({ ...grant, effect: 'deny' as const }))])).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not depend on the order of grants and appointments', () => {
    fc.assert(
      fc.property(facts, time, fc.constantFrom(...CODES), row, (given, at, code, asked) => {
        const backwards = { ...given, grants: given.grants.toReversed(), appointments: given.appointments.toReversed() };
        expect(decide(compileSubject(PERSON, backwards, at), { permission: code, resource: asked })).toEqual(decide(compileSubject(PERSON, given, at), { permission: code, resource: asked }));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is good until the next boundary and not a millisecond longer', () => {
    fc.assert(
      fc.property(facts, time, fc.constantFrom(...CODES), row, (given, at, code, asked) => {
        const subject = compileSubject(PERSON, given, at);
        const end = subject.goodUntil ?? 30;
        for (let later = at; later < end; later += 1) expect(oracle(PERSON, given, later, code, asked)).toBe(decide(subject, { permission: code, resource: asked }).allowed);
      }),
      { numRuns: 5_000 },
    );
  });

  it('names the grant it rests on, widest first', () => {
    const subject = compileSubject(PERSON, { v: '1', now: 0, appointments: [{ positionId: 'p', from: 0, until: null, unit: [5, 6], school: [2, 9] }], grants: [
      { id: 'narrow', code: 'a:b', effect: 'allow', scope: 'department', node: null, positionId: null, roleId: null, from: null, until: null },
      { id: 'wide', code: 'a:b', effect: 'allow', scope: 'school', node: null, positionId: 'p', roleId: 'r', from: null, until: null },
    ] }, 1);
    expect(decide(subject, { permission: 'a:b', resource: { unitLft: 5 } })).toEqual({ allowed: true, because: { kind: 'allow', grantId: 'wide', scope: 'school', roleId: 'r' } });
    expect(decide(subject, { permission: 'a:b', resource: { unitLft: 20 } })).toEqual({ allowed: false, because: { kind: 'out-of-scope', held: ['school', 'department'] } });
    expect(decide(subject, { permission: 'x:y' })).toEqual({ allowed: false, because: { kind: 'not-held' } });
  });
});

describe('what may be handed on', () => {
  const held = (scope: 'all' | 'school' | 'own', effect: 'allow' | 'deny' = 'allow') => [{ id: 'g', code: 'a:b', effect, scope, node: null, positionId: null, roleId: null, from: null, until: null }];
  const subject = (grants: SubjectFacts['grants']) => compileSubject(PERSON, { v: '1', now: 0, appointments: [{ positionId: 'p', from: 0, until: null, unit: [5, 6], school: [2, 9] }], grants }, 1);
  it.each([
    ['everything by who holds it everywhere', held('all'), 'all', [], true],
    ['a whole foundation by who holds a school', held('school'), 'all', [], false],
    ['a unit inside', held('school'), 'node', [[3, 4]], true],
    ['a unit that sticks out', held('school'), 'node', [[3, 12]], false],
    ['a relative scope by who holds one place', held('school'), 'department', [], false],
    ['not even one’s own rows, which would be another’s own', held('own'), 'own', [], false],
    ['nothing under a deny', [...held('all'), ...held('own', 'deny')], 'own', [], false],
    ['nothing not held', [], 'own', [], false],
  ] as const)('%s', (_name, grants, scope, intervals, expected) => {
    expect(holdsAtLeast(subject([...grants]), 'a:b', { scope, intervals: intervals.map(([a, b]) => [a, b] as const), until: null })).toBe(expected);
  });

  it('for no longer than it is held oneself', () => {
    const mine = subject([{ ...held('all')[0]!, until: 1_000 }]);
    const may = (until: number | null) => holdsAtLeast(mine, 'a:b', { scope: 'all', intervals: [], until });
    expect([may(999), may(1_000), may(1_001), may(null)]).toEqual([true, true, false, false]);
  });
});

describe('raising', () => {
  it('is found exactly when a row becomes allowed or a deny is shed', () => {
    const rows = Array.from({ length: 20 }, (_, n) => n + 1).flatMap((unitLft) => [PERSON, 'person-2'].map((ownerPersonId) => ({ ownerPersonId, unitLft })));
    fc.assert(
      fc.property(facts, facts, (one, two) => {
        const [before, after] = [compileSubject(PERSON, one, 5), compileSubject(PERSON, two, 5)];
        const gained = CODES.some((permission) => rows.some((resource) => decide(after, { permission, resource }).allowed && !decide(before, { permission, resource }).allowed));
        if (gained) expect(isRaised(before, after)).toBe(true);
        expect(isRaised(before, before)).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });
});
