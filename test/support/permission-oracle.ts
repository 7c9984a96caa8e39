import { type AttributeTypes, type Condition, evaluate } from '../../src/access';

/** Who may do what, as plain lists: the facts themselves, before anything clever is done with them. Times are numbers. */
export interface World {
  units: { id: string; parentId: string | null; schoolId: string | null }[];
  positions: { id: string; unitId: string }[];
  appointments: (Period & { personId: string; positionId: string })[];
  people: { id: string }[];
  inherits: { seniorId: string; juniorId: string }[];
  assignments: (Period & { roleId: string; to: { person: string } | { position: string } })[];
  grants: Grant[];
  delegations: (Period & { id: string; lenderId: string; borrowerId: string; codes: string[] | null; nodeId: string | null; transitive: boolean })[];
}
export interface Period {
  from: number | null;
  until: number | null;
}
export type Grant = Period & {
  id: string;
  to: { role: string } | { person: string } | { position: string } | 'everyone';
  code: string;
  effect: 'allow' | 'deny';
  scope: 'own' | 'department' | 'school' | 'node' | 'all';
  nodeId: string | null;
  resource: { type: string; id: string | null } | null;
  condition: { test: Condition; types: AttributeTypes } | null;
};
export interface Asked {
  code: string;
  row: { type?: string; id?: string; ownerPersonId?: string; unitPath?: string[]; properties?: Record<string, unknown> };
  context?: Record<string, unknown>;
}

/** How far what was lent goes: the asker, the lender, and one who lent it to the lender. */
export const LONGEST_CHAIN = 3;

/**
 * The naive oracle: says by the definitions alone whether a person may do something at a moment. Knows nothing of
 * compiling, paths kept or order; asks every grant and every delegation whether it applies.
 */
export function oracle(world: World, personId: string, at: number, asked: Asked, chain: string[] = []): boolean {
  const now = ({ from, until }: Period) => (from === null || from <= at) && (until === null || at < until);
  const unit = (id: string | null) => world.units.find((each) => each.id === id);
  const inside = (unitId: string | null) => {
    for (let at = unit(asked.row.unitPath?.at(-1) ?? null); at; at = unit(at.parentId)) if (at.id === unitId) return true;
    return false;
  };
  const held = world.appointments.filter((each) => each.personId === personId && now(each)).map(({ positionId }) => positionId);
  const unitOf = (positionId: string) => world.positions.find(({ id }) => id === positionId)!.unitId;

  /** The roles a role has: itself, and all it inherits. */
  const reach = (roleId: string, seen: string[] = []): string[] =>
    seen.includes(roleId) ? [] : [roleId, ...world.inherits.filter(({ seniorId }) => seniorId === roleId).flatMap(({ juniorId }) => reach(juniorId, [...seen, roleId]))];

  /** The posts a grant is seen from; null where it does not come to this person. One list for each way it comes. */
  const ways = (grant: Grant): string[][] => {
    if (grant.to === 'everyone') return [held];
    if ('person' in grant.to) return grant.to.person === personId ? [held] : [];
    if ('position' in grant.to) return held.includes(grant.to.position) ? [[grant.to.position]] : [];
    const { role } = grant.to;
    return world.assignments.filter((each) => now(each) && reach(each.roleId).includes(role)).flatMap(({ to }) => {
      if ('person' in to) return to.person === personId ? [held] : [];
      return held.includes(to.position) ? [[to.position]] : [];
    });
  };
  const inScope = (grant: Grant, from: string[]): boolean => {
    switch (grant.scope) {
      case 'all': return true;
      case 'own': return asked.row.ownerPersonId === personId;
      case 'node': return inside(grant.nodeId);
      case 'department': return from.some((position) => inside(unitOf(position)));
      case 'school': return from.some((position) => inside(unit(unitOf(position))!.schoolId));
    }
  };
  const isRow = ({ resource }: Grant) => resource === null || (resource.type === asked.row.type && (resource.id === null || resource.id === asked.row.id));
  const attribute = (name: string): unknown => {
    const [side, key] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
    if (side === 'subject') return key === 'id' ? personId : undefined;
    if (side === 'context') return asked.context?.[key];
    return side === 'resource' ? asked.row.properties?.[key] : undefined;
  };
  const holds = ({ condition }: Grant) => (condition === null ? true : evaluate(condition.test, condition.types, attribute));
  const comes = (grant: Grant) => grant.code === asked.code && now(grant) && isRow(grant) && ways(grant).some((from) => inScope(grant, from));

  // What is not known denies, and does not allow.
  if (world.grants.some((grant) => grant.effect === 'deny' && comes(grant) && holds(grant) !== false)) return false;
  if (world.grants.some((grant) => grant.effect === 'allow' && comes(grant) && holds(grant) === true)) return true;
  if (chain.length + 1 >= LONGEST_CHAIN) return false;
  return world.delegations.some(
    (lent) =>
      lent.borrowerId === personId && now(lent) && (chain.length === 0 || lent.transitive) && ![...chain, personId].includes(lent.lenderId) &&
      (lent.codes === null || lent.codes.includes(asked.code)) && (lent.nodeId === null || inside(lent.nodeId)) &&
      oracle(world, lent.lenderId, at, asked, [...chain, personId]),
  );
}
