import fc from 'fast-check';
import type { World } from '../../../test/support/permission-oracle';
import { aPerson, asked, factsOf, grant, pathOf, time, world } from '../../../test/support/permission-worlds';
import { decide } from './decide';
import { differences, Holdings, type Model } from './simulate';
import { compileSubject, type HoldingFacts } from './subject';

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
