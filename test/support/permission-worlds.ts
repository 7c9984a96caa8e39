import fc from 'fast-check';
import type { AttributeTypes, Condition, ResourceFacts } from '../../src/access';
import type { HoldingFacts, SubjectFacts } from '../../src/modules/permissions/subject';
import { type Asked, type Grant, LONGEST_CHAIN, type Period, type World } from './permission-oracle';

/** A small foundation with everything that can go together, drawn at random; times lie between 0 and 20. */
const PEOPLE = ['ani', 'budi', 'cici'];
const POSITIONS = ['p1', 'p2', 'p3'];
const ROLES = ['r1', 'r2', 'r3'];
export const CODES = ['a:b', 'c:d'];
export const KIND = 'request';
const UNITS: World['units'] = [
  { id: 'foundation', parentId: null, schoolId: null },
  { id: 'sd', parentId: 'foundation', schoolId: 'sd' }, { id: 'sd-finance', parentId: 'sd', schoolId: 'sd' },
  { id: 'smp', parentId: 'foundation', schoolId: 'smp' }, { id: 'smp-finance', parentId: 'smp', schoolId: 'smp' },
];
/** Where a unit stands, as the database keeps it. */
export function pathOf(units: World['units'], id: string): string[] {
  const { parentId } = units.find((each) => each.id === id)!;
  return parentId === null ? [id] : [...pathOf(units, parentId), id];
}
const place = (...ids: string[]) => fc.constantFrom(...ids.map((id) => pathOf(UNITS, id)));
/** Ids as the database writes them. */
export const ROWS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003'];
const TYPES: AttributeTypes = { 'subject.id': 'string', 'resource.definition': 'string', 'resource.createdAt': 'time', 'context.time': 'time' };

const moment = fc.integer({ min: 0, max: 20 });
export const time = moment;
const period: fc.Arbitrary<Period> = fc.tuple(fc.option(moment), fc.option(moment)).map(([from, until]) => ({ from, until }));
const open: fc.Arbitrary<Period> = fc.oneof({ weight: 2, arbitrary: fc.constant({ from: null, until: null }) }, { weight: 1, arbitrary: period });
const person = fc.constantFrom(...PEOPLE);
const position = fc.constantFrom(...POSITIONS);
const role = fc.constantFrom(...ROLES);
const unit = fc.constantFrom(...UNITS.map(({ id }) => id));
const at = (ms: number) => new Date(ms).toISOString();

const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom('leave', 'overtime').map((value): Condition => ({ op: 'eq', left: { attribute: 'resource.definition' }, right: { value } })),
  moment.map((ms): Condition => ({ op: 'lt', left: { attribute: 'resource.createdAt' }, right: { value: at(ms) } })),
  fc.constantFrom('ani', 'budi').map((value): Condition => ({ op: 'eq', left: { attribute: 'subject.id' }, right: { value } })),
  fc.constant<Condition>({ op: 'lt', left: { attribute: 'context.time' }, right: { attribute: 'resource.createdAt' } }),
  fc.constant<Condition>({ op: 'not', of: { op: 'eq', left: { attribute: 'subject.id' }, right: { value: 'ani' } } }),
);
const scoped: fc.Arbitrary<Grant['scope']> = fc.constantFrom('own', 'department', 'school', 'node', 'all');
export const grant: fc.Arbitrary<Grant> = fc
  .record({
    id: fc.uuid(), code: fc.constantFrom(...CODES), effect: fc.constantFrom('allow' as const, 'allow' as const, 'allow' as const, 'deny' as const), scope: scoped, nodeId: unit,
    to: fc.oneof(fc.constant('everyone' as const), person.map((id) => ({ person: id })), position.map((id) => ({ position: id })), role.map((id) => ({ role: id }))),
    resource: fc.option(fc.record({ type: fc.constantFrom(KIND, KIND, 'other'), id: fc.option(fc.constantFrom(...ROWS.slice(0, 2), 'INV-1')) }), { freq: 2 }),
    condition: fc.option(condition, { freq: 2 }),
    period: open,
  })
  .map(({ period: when, condition: test, nodeId, ...rest }) => ({ ...rest, ...when, nodeId: rest.scope === 'node' ? nodeId : null, condition: test && { test, types: TYPES } }));

export const world: fc.Arbitrary<World> = fc.record({
  units: fc.constant(UNITS),
  positions: fc.tuple(...POSITIONS.map((id) => unit.map((unitId) => ({ id, unitId })))),
  people: fc.constant(PEOPLE.map((id) => ({ id }))),
  appointments: fc.array(fc.tuple(person, position, open).map(([personId, positionId, when]) => ({ personId, positionId, ...when })), { maxLength: 4 }),
  inherits: fc.subarray([{ seniorId: 'r1', juniorId: 'r2' }, { seniorId: 'r2', juniorId: 'r3' }, { seniorId: 'r1', juniorId: 'r3' }]),
  assignments: fc.array(fc.tuple(role, fc.oneof(person.map((id) => ({ person: id })), position.map((id) => ({ position: id }))), open).map(([roleId, to, when]) => ({ roleId, to, ...when })), { maxLength: 3 }),
  grants: fc.array(grant, { maxLength: 8 }).map((list) => list.map((each, n) => ({ ...each, id: n % 4 === 3 ? `grant-${n}` : `00000000-0000-4000-9000-00000000000${n}` }))),
  delegations: fc.array(
    fc.tuple(fc.uuid(), fc.shuffledSubarray(PEOPLE, { minLength: 2, maxLength: 2 }), fc.option(fc.subarray(CODES)), fc.option(unit, { freq: 2 }), fc.boolean(), open)
      .map(([id, [lenderId, borrowerId], codes, nodeId, transitive, when]) => ({ id, lenderId: lenderId!, borrowerId: borrowerId!, codes, nodeId, transitive, ...when })),
    { maxLength: 3 },
  ).map((list) => list.map((each, n) => ({ ...each, id: `loan-${n}` }))),
});

/** Rows as lists have them: of one kind, with an owner and a unit, and with all their properties. */
export const aRow: fc.Arbitrary<ResourceFacts> = fc.record({
  type: fc.constant(KIND), id: fc.constantFrom(...ROWS), ownerPersonId: person, unitPath: place('foundation', 'sd', 'sd-finance', 'smp', 'smp-finance'),
  properties: fc.record({ definition: fc.constantFrom('leave', 'overtime'), createdAt: moment.map((ms) => new Date(ms)) }),
});
/** Questions about rows, and about what is only partly known of one. */
export const asked: fc.Arbitrary<Asked> = fc.record({
  code: fc.constantFrom(...CODES),
  row: fc.oneof(aRow, fc.record({ type: fc.constantFrom(KIND, 'other'), id: fc.constantFrom(...ROWS.slice(0, 2), 'INV-1'), ownerPersonId: person, unitPath: place('foundation', 'sd-finance', 'smp-finance'), properties: fc.record({ definition: fc.constant('leave') }, { requiredKeys: [] }) }, { requiredKeys: [] })) as fc.Arbitrary<Asked['row']>,
  context: fc.record({ time: moment.map(at) }, { requiredKeys: [] }),
});
export { person as aPerson };

/** What the database answers about a person, gathered the slow way: everything that has not ended at `now`. */
export function factsOf(from: World, personId: string, now = 0): SubjectFacts {
  return { v: '1', now, ...holding(from, personId, []) };
}

function holding(from: World, personId: string, chain: string[]): HoldingFacts {
  const standing = (unitId: string | null) => (unitId === null ? null : pathOf(from.units, unitId));
  const posts = from.appointments.filter((each) => each.personId === personId);
  const unitOf = (positionId: string) => from.units.find(({ id }) => id === from.positions.find((each) => each.id === positionId)!.unitId)!;
  const juniors = (roleId: string): string[] => [roleId, ...from.inherits.filter(({ seniorId }) => seniorId === roleId).flatMap(({ juniorId }) => juniors(juniorId))];
  const later = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));
  const earlier = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
  const ways = (each: Grant): (Period & { positionId: string | null; roleId: string | null })[] => {
    const forever = { from: null, until: null, roleId: null };
    if (each.to === 'everyone') return [{ ...forever, positionId: null }];
    if ('person' in each.to) return each.to.person === personId ? [{ ...forever, positionId: null }] : [];
    if ('position' in each.to) {
      const { position: positionId } = each.to;
      return posts.some((post) => post.positionId === positionId) ? [{ ...forever, positionId }] : [];
    }
    const { role: granted } = each.to;
    return from.assignments.filter(({ roleId }) => juniors(roleId).includes(granted)).flatMap(({ to, roleId, from: begin, until }): ReturnType<typeof ways> => {
      if ('person' in to) return to.person === personId ? [{ from: begin, until, roleId, positionId: null }] : [];
      return posts.some(({ positionId }) => positionId === to.position) ? [{ from: begin, until, roleId, positionId: to.position }] : [];
    });
  };
  return {
    person: { id: personId },
    appointments: posts.map(({ positionId, from: begin, until }) => ({ positionId, from: begin, until, unit: standing(unitOf(positionId).id)!, school: standing(unitOf(positionId).schoolId) })),
    grants: from.grants.flatMap((each) =>
      ways(each).map((way) => ({ id: each.id, code: each.code, effect: each.effect, scope: each.scope, node: standing(each.nodeId), positionId: way.positionId, roleId: way.roleId, resource: each.resource, condition: each.condition, from: later(each.from, way.from), until: earlier(each.until, way.until) })),
    ),
    lent:
      chain.length + 1 >= LONGEST_CHAIN
        ? []
        : from.delegations
            .filter(({ borrowerId, lenderId, transitive }) => borrowerId === personId && (chain.length === 0 || transitive) && ![...chain, personId].includes(lenderId))
            .map(({ id, codes, nodeId, lenderId, from: begin, until }) => ({ id, codes, node: standing(nodeId), from: begin, until, lender: holding(from, lenderId, [...chain, personId]) })),
  };
}
