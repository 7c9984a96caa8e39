import fc from 'fast-check';
import { type ResourceFacts, type RowFilter, whereFromFilter } from '../../access';
import { oracle, type World } from '../../../test/support/permission-oracle';
import { aPerson, aRow, asked, CODES, factsOf, grant, KIND, ROWS, time, world } from '../../../test/support/permission-worlds';
import { decide, derivationsOf, filterOf, holdsAtLeast, isRaised, type Question } from './decide';
import { compileSubject, type SubjectFacts } from './subject';

/** More in long runs, fewer where every mutant is tried. */
const SCALE = Number(process.env.PROPERTY_RUNS ?? 1);
const RUNS = 20_000;
const runs = (number: number) => ({ numRuns: Math.ceil(number * SCALE) });
const question = ({ code, row, context }: { code: string; row: ResourceFacts; context?: Record<string, unknown> }): Question => ({ permission: code, resource: row, context });
const compiled = (given: World, personId: string, at: number) => compileSubject(factsOf(given, personId), at);

const NOBODY: SubjectFacts = { v: '1', now: 0, person: { id: 'ani' }, appointments: [], grants: [], lent: [] };
const PLAIN = { resource: null, condition: null, from: null, until: null };

describe('decide', () => {
  it('agrees with the naive oracle, for the door and for rows', () => {
    let allowed = 0;
    const rested = { onRow: 0, onKind: 0, onCondition: 0, onLoan: 0 };
    fc.assert(
      fc.property(world, aPerson, time, asked, (given, personId, at, ask) => {
        const subject = compiled(given, personId, at);
        const decision = decide(subject, question(ask));
        expect(decision.allowed).toBe(oracle(given, personId, at, ask));
        // Whoever may do it to some row gets through the door.
        if (decision.allowed) {
          allowed += 1;
          const on = given.grants.find(({ id }) => id === decision.because.grantId)!;
          if (on.resource) rested[on.resource.id === null ? 'onKind' : 'onRow'] += 1;
          if (on.condition) rested.onCondition += 1;
          if (decision.because.loans.length > 0) rested.onLoan += 1;
          expect(decide(subject, { permission: ask.code }).allowed).toBe(true);
        }
      }),
      runs(2 * RUNS),
    );
    // A comparison of refusals only would prove little.
    expect(allowed).toBeGreaterThan(SCALE < 1 ? 0 : RUNS / 20);
    // Nor would one of worlds where nothing is limited to rows, or lent.
    for (const [what, times] of Object.entries(rested)) expect([what, times > (SCALE < 1 ? 0 : RUNS / 200)]).toEqual([what, true]);
  });

  it('allows a row exactly when the list filter shows it', () => {
    const shows = (filter: RowFilter, row: ResourceFacts): boolean => {
      type W = { AND?: W[]; OR?: W[]; NOT?: W; owner?: string; units?: readonly string[]; id?: string | { in: string[] }; key?: Record<string, unknown>; createdAt?: Record<string, Date> };
      const where = whereFromFilter<W>(filter, KIND, { owner: (owner) => ({ owner }), unit: (units) => ({ units }) });
      const compare: Record<string, (a: never, b: never) => boolean> = { equals: (a, b) => a === b, not: (a, b) => a !== b, lt: (a, b) => a < b, lte: (a, b) => a <= b, gt: (a, b) => a > b, gte: (a, b) => a >= b };
      const plain = (value: unknown) => (value instanceof Date ? value.getTime() : value);
      const field = (wanted: Record<string, unknown> | undefined, value: unknown) => Object.entries(wanted ?? {}).every(([op, operand]) => compare[op]!(plain(value) as never, plain(operand) as never));
      const holds = (part: W): boolean =>
        (part.AND ?? []).every(holds) && (!part.OR || part.OR.some(holds)) && !(part.NOT && holds(part.NOT)) &&
        (part.owner === undefined || part.owner === row.ownerPersonId) && (part.id === undefined || (typeof part.id === 'string' ? part.id === row.id : part.id.in.includes(row.id!))) &&
        (part.units === undefined || part.units.some((id) => (row.unitPath as string[]).includes(id))) &&
        field(part.key, row.properties!.definition) && field(part.createdAt, row.properties!.createdAt);
      return where !== null && holds(where);
    };
    fc.assert(
      fc.property(world, aPerson, time, fc.constantFrom(...CODES), aRow, asked, (given, personId, at, code, row, { context }) => {
        const subject = compiled(given, personId, at);
        expect(shows(filterOf(subject, code, KIND, context), row)).toBe(decide(subject, { permission: code, resource: row, context }).allowed);
      }),
      runs(RUNS),
    );
  });

  it('explains whole and minimally: without all that is cited it turns, without anything else it does not', () => {
    let explained = 0;
    fc.assert(
      fc.property(world, aPerson, time, asked, (given, personId, at, ask) => {
        const answer = (of: World) => decide(compiled(of, personId, at), question(ask)).allowed;
        const before = answer(given);
        const cited = derivationsOf(compiled(given, personId, at), question(ask));
        const grants = new Set(cited.map(({ grant: each }) => each.id));
        const loans = new Set(cited.flatMap(({ loans: each }) => each.map(({ id }) => id)));
        const without = (gone: (id: string) => boolean): World => ({ ...given, grants: given.grants.filter(({ id }) => !gone(id)), delegations: given.delegations.filter(({ id }) => !gone(id)) });
        if (before) {
          expect(cited.length).toBeGreaterThan(0);
          expect(answer(without((id) => grants.has(id)))).toBe(false);
        } else if (cited.some(({ loans: each }) => each.length === 0)) {
          // Every deny that applies, and none that does not: an allow of everything for them alone would count then.
          const opened: World = { ...given, grants: [...given.grants, { id: 'open', code: ask.code, effect: 'allow', scope: 'all', nodeId: null, to: { person: personId }, resource: null, condition: null, from: null, until: null }] };
          expect(answer(opened)).toBe(false);
          expect(answer({ ...opened, grants: opened.grants.filter(({ id }) => !grants.has(id)) })).toBe(true);
        }
        explained += cited.length;
        for (const { id } of [...given.grants, ...given.delegations]) if (!grants.has(id) && !loans.has(id)) expect([id, answer(without((each) => each === id))]).toEqual([id, before]);
      }),
      runs(10_000),
    );
    expect(explained).toBeGreaterThan(SCALE < 1 ? 0 : 800);
  });

  it('never takes away by adding an allow, nor gives by adding a deny', () => {
    fc.assert(
      fc.property(world, fc.array(grant, { maxLength: 3 }), aPerson, time, asked, (given, more, personId, at, ask) => {
        const withMore = (effect: 'allow' | 'deny') => decide(compiled({ ...given, grants: [...given.grants, ...more.map((each) => ({ ...each, effect }))] }, personId, at), question(ask)).allowed;
        const before = decide(compiled(given, personId, at), question(ask)).allowed;
        expect(before ? withMore('allow') : !withMore('deny')).toBe(true);
      }),
      runs(5_000),
    );
  });

  it('never lets a borrower do what no lender may and they could not themselves', () => {
    fc.assert(
      fc.property(world, aPerson, time, asked, (given, personId, at, ask) => {
        const alone = decide(compiled({ ...given, delegations: [] }, personId, at), question(ask)).allowed;
        const others = given.people.some(({ id }) => id !== personId && decide(compiled({ ...given, delegations: [] }, id, at), question(ask)).allowed);
        if (decide(compiled(given, personId, at), question(ask)).allowed) expect(alone || others).toBe(true);
      }),
      runs(5_000),
    );
  });

  it('does not depend on the order of what is held', () => {
    fc.assert(
      fc.property(world, aPerson, time, asked, (given, personId, at, ask) => {
        const facts = factsOf(given, personId);
        const backwards = { ...facts, grants: facts.grants.toReversed(), appointments: facts.appointments.toReversed(), lent: facts.lent.toReversed() };
        expect(decide(compileSubject(backwards, at), question(ask))).toEqual(decide(compileSubject(facts, at), question(ask)));
      }),
      runs(5_000),
    );
  });

  it('is good until the next boundary and not a millisecond longer', () => {
    fc.assert(
      fc.property(world, aPerson, time, asked, (given, personId, at, ask) => {
        const subject = compiled(given, personId, at);
        const end = subject.goodUntil ?? 30;
        for (let later = at; later < end; later += 1) expect(oracle(given, personId, later, ask)).toBe(decide(subject, question(ask)).allowed);
      }),
      runs(5_000),
    );
  });

  it('names the grant it rests on, widest first', () => {
    const subject = compileSubject({ ...NOBODY, appointments: [{ positionId: 'p', from: 0, until: null, unit: ['f', 's', 'd'], school: ['f', 's'] }], grants: [
      { id: 'narrow', code: 'a:b', effect: 'allow', scope: 'department', node: null, positionId: null, roleId: null, ...PLAIN },
      { id: 'wide', code: 'a:b', effect: 'allow', scope: 'school', node: null, positionId: 'p', roleId: 'r', ...PLAIN },
    ] }, 1);
    expect(decide(subject, { permission: 'a:b', resource: { unitPath: ['f', 's', 'd'] } })).toEqual({ allowed: true, because: { kind: 'allow', grantId: 'wide', scope: 'school', roleId: 'r', loans: [] } });
    expect(decide(subject, { permission: 'a:b', resource: { unitPath: ['f', 't'] } })).toEqual({ allowed: false, because: { kind: 'out-of-scope', held: ['school', 'department'] } });
    expect(decide(subject, { permission: 'x:y' })).toEqual({ allowed: false, because: { kind: 'not-held' } });
  });
});

describe('what may be handed on', () => {
  const held = (scope: 'all' | 'school' | 'own', effect: 'allow' | 'deny' = 'allow') => [{ id: 'g', code: 'a:b', effect, scope, node: null, positionId: null, roleId: null, ...PLAIN }];
  const subject = (grants: SubjectFacts['grants']) => compileSubject({ ...NOBODY, appointments: [{ positionId: 'p', from: 0, until: null, unit: ['f', 's', 'd'], school: ['f', 's'] }], grants }, 1);
  it.each([
    ['everything by who holds it everywhere', held('all'), 'all', [], true],
    ['a whole foundation by who holds a school', held('school'), 'all', [], false],
    ['a unit inside', held('school'), 'node', [['f', 's', 'e']], true],
    ['a unit above', held('school'), 'node', [['f', 's'], ['f']], false],
    ['a relative scope by who holds one place', held('school'), 'department', [], false],
    ['not even one’s own rows, which would be another’s own', held('own'), 'own', [], false],
    ['nothing under a deny', [...held('all'), ...held('own', 'deny')], 'own', [], false],
    ['nothing not held', [], 'own', [], false],
  ] as const)('%s', (_name, grants, scope, units, expected) => {
    expect(holdsAtLeast(subject([...grants]), 'a:b', { scope, units, resource: null, condition: null, until: null })).toBe(expected);
  });

  it('under the same condition only where it asks the same things of the same types', () => {
    const condition = (type: 'number' | 'string') => ({ test: { op: 'known' as const, of: { attribute: 'resource.note' } }, types: { 'resource.note': type } });
    const mine = subject([{ ...held('all')[0]!, condition: condition('number') }]);
    const may = (type: 'number' | 'string' | null) => holdsAtLeast(mine, 'a:b', { scope: 'all', units: [], resource: null, condition: type && condition(type), until: null });
    expect([may('number'), may('string'), may(null)]).toEqual([true, false, false]);
  });

  it('for no longer than it is held oneself', () => {
    const mine = subject([{ ...held('all')[0]!, until: 1_000 }]);
    const may = (until: number | null) => holdsAtLeast(mine, 'a:b', { scope: 'all', units: [], resource: null, condition: null, until });
    expect([may(999), may(1_000), may(1_001), may(null)]).toEqual([true, true, false, false]);
  });
});

describe('raising', () => {
  it('is found whenever something of one’s own becomes possible', () => {
    const rows = [['foundation'], ['foundation', 'sd', 'sd-finance'], ['foundation', 'smp', 'smp-finance']].flatMap((unitPath) => ['ani', 'budi'].flatMap((ownerPersonId) => [ROWS[0], ROWS[2]].map((id): ResourceFacts => ({ type: KIND, id, ownerPersonId, unitPath, properties: { definition: 'leave', createdAt: new Date(5) } }))));
    fc.assert(
      fc.property(world, world, (one, two) => {
        const [before, after] = [one, two].map((each) => compiled({ ...each, people: one.people, delegations: [] }, 'ani', 5)) as [ReturnType<typeof compiled>, ReturnType<typeof compiled>];
        const gained = CODES.some((permission) => rows.some((resource) => decide(after, { permission, resource }).allowed && !decide(before, { permission, resource }).allowed));
        if (gained) expect(isRaised(before, after)).toBe(true);
        expect(isRaised(before, before)).toBe(false);
      }),
      runs(5_000),
    );
  });
});
