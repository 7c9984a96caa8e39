import type { UnitPath } from '../../access';
import { isRaised, scopesOf } from './decide';
import { type CompiledSubject, type HoldingFacts, type Holder, type Loan, NO_RULES, type TypedCondition } from './subject';

/** Epoch ms, from inclusive, until exclusive; null for unbounded. */
interface Period {
  from: number | null;
  until: number | null;
}
export type GrantFacts = Period & {
  id: string;
  code: string;
  effect: 'allow' | 'deny';
  scope: HoldingFacts['grants'][number]['scope'];
  nodeId: string | null;
  everyone: boolean;
  personId: string | null;
  positionId: string | null;
  roleId: string | null;
  resource: { type: string; id: string | null } | null;
  condition: TypedCondition | null;
};

/** Authorization as plain rows: what stands in the tables, and can be changed without changing them. */
export interface Model {
  units: ReadonlyMap<string, { path: UnitPath; schoolId: string | null }>;
  /** Position to unit. */
  positions: ReadonlyMap<string, string>;
  appointments: (Period & { id: string; personId: string; positionId: string })[];
  inherits: { seniorId: string; juniorId: string }[];
  assignments: (Period & { id: string; roleId: string; personId: string | null; positionId: string | null })[];
  grants: GrantFacts[];
  delegations: (Period & { id: string; lenderId: string; borrowerId: string; codes: string[] | null; nodeId: string | null; transitive: boolean })[];
}

/** As gloria_holds: those it was lent on to, the asker first, are two at most before what is lent is no longer asked. */
const LONGEST_CHAIN = 3;

/** A model, looked at from people: the same facts the database answers, without asking it for each. */
export class Holdings {
  private readonly appointments;
  private readonly byPerson;
  private readonly byPosition;
  private readonly byRole;
  private readonly everyones;
  private readonly assignedTo;
  private readonly assignedBy;
  private readonly borrowed;
  private readonly juniors = new Map<string, Set<string>>();

  constructor(private readonly model: Model) {
    this.appointments = grouped(model.appointments, ({ personId }) => personId);
    this.byPerson = grouped(model.grants, ({ personId }) => personId);
    this.byPosition = grouped(model.grants, ({ positionId }) => positionId);
    this.byRole = grouped(model.grants, ({ roleId }) => roleId);
    this.everyones = model.grants.filter(({ everyone }) => everyone);
    this.assignedTo = grouped(model.assignments, ({ personId }) => personId);
    this.assignedBy = grouped(model.assignments, ({ positionId }) => positionId);
    this.borrowed = grouped(model.delegations, ({ borrowerId }) => borrowerId);
  }

  /** What one person holds of their own and was lent. */
  factsOf(personId: string, chain: readonly string[] = []): HoldingFacts {
    const pathOf = (unitId: string | null) => (unitId === null ? null : (this.model.units.get(unitId)?.path ?? null));
    const posts = (this.appointments.get(personId) ?? []).filter(({ positionId }) => this.model.positions.has(positionId));
    const held = [...new Set(posts.map(({ positionId }) => positionId))];
    const grants: HoldingFacts['grants'] = [];
    const add = (each: GrantFacts, way: Period & { positionId: string | null; roleId: string | null }) =>
      grants.push({
        id: each.id, code: each.code, effect: each.effect, scope: each.scope, node: pathOf(each.nodeId), positionId: way.positionId, roleId: way.roleId, resource: each.resource, condition: each.condition,
        from: later(each.from, way.from), until: earlier(each.until, way.until),
      });
    const always = { from: null, until: null, roleId: null };
    for (const each of [...this.everyones, ...(this.byPerson.get(personId) ?? [])]) add(each, { ...always, positionId: null });
    for (const positionId of held) for (const each of this.byPosition.get(positionId) ?? []) add(each, { ...always, positionId });
    for (const given of [...(this.assignedTo.get(personId) ?? []), ...held.flatMap((positionId) => this.assignedBy.get(positionId) ?? [])]) {
      for (const roleId of this.reach(given.roleId)) for (const each of this.byRole.get(roleId) ?? []) add(each, { from: given.from, until: given.until, roleId: given.roleId, positionId: given.positionId });
    }
    const lenders = chain.length + 1 >= LONGEST_CHAIN ? [] : (this.borrowed.get(personId) ?? []).filter(({ lenderId, transitive }) => (chain.length === 0 || transitive) && lenderId !== personId && !chain.includes(lenderId));
    return {
      person: { id: personId },
      appointments: posts.map(({ positionId, from, until }) => {
        const unit = this.model.units.get(this.model.positions.get(positionId)!)!;
        return { positionId, from, until, unit: unit.path, school: pathOf(unit.schoolId) };
      }),
      grants,
      lent: lenders.map(({ id, codes, nodeId, lenderId, from, until }) => ({ id, codes, node: pathOf(nodeId), from, until, lender: this.factsOf(lenderId, [...chain, personId]) })),
    };
  }

  /** A role and all it inherits. */
  reach(roleId: string): ReadonlySet<string> {
    const known = this.juniors.get(roleId);
    if (known) return known;
    const found = new Set<string>();
    const open = [roleId];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (found.has(at)) continue;
      found.add(at);
      for (const { seniorId, juniorId } of this.model.inherits) if (seniorId === at) open.push(juniorId);
    }
    this.juniors.set(roleId, found);
    return found;
  }

  /** Everybody who has one of these roles, by name, by post or by inheritance. */
  holdersOf(roleIds: ReadonlySet<string>): Set<string> {
    const having = this.model.assignments.filter((given) => [...this.reach(given.roleId)].some((id) => roleIds.has(id)));
    const positions = new Set(having.flatMap(({ positionId }) => positionId ?? []));
    return new Set([...having.flatMap(({ personId }) => personId ?? []), ...this.holdersOfPositions(positions)]);
  }

  holdersOfPositions(positionIds: ReadonlySet<string>): Set<string> {
    return new Set(this.model.appointments.filter(({ positionId }) => positionIds.has(positionId)).map(({ personId }) => personId));
  }

  /** These people and whoever borrows from them, as far as loans go. */
  withBorrowers(people: ReadonlySet<string>): Set<string> {
    const found = new Set(people);
    for (let deep = 1; deep < LONGEST_CHAIN; deep += 1) for (const { lenderId, borrowerId } of this.model.delegations) if (found.has(lenderId)) found.add(borrowerId);
    return found;
  }

  /** These people and whoever lends to them, as far as loans go. */
  withLenders(people: ReadonlySet<string>): Set<string> {
    const found = new Set(people);
    for (let deep = 1; deep < LONGEST_CHAIN; deep += 1) for (const { lenderId, borrowerId } of this.model.delegations) if (found.has(borrowerId)) found.add(lenderId);
    return found;
  }
}

export interface Difference {
  permission: string;
  /** Can do something, or is rid of a deny, that was not so before; the other way round. Both where one thing went and another came. */
  gains: boolean;
  loses: boolean;
}

/** What of a subject's permissions differs, by permission. */
export function differences(before: CompiledSubject, after: CompiledSubject): Difference[] {
  const codes = [...new Set([...codesOf(before), ...codesOf(after)])].sort();
  return codes
    .map((permission) => {
      const [was, is] = [only(before, permission), only(after, permission)];
      return { permission, gains: isRaised(was, is), loses: isRaised(is, was) };
    })
    .filter(({ gains, loses }) => gains || loses);
}

function codesOf(holder: Holder): Set<string> {
  return new Set([...holder.rules.keys(), ...holder.lent.flatMap(({ codes, lender }) => [...codesOf(lender)].filter((code) => codes === null || codes.has(code)))]);
}

/** A holder as if there were one permission only. */
function only(holder: Holder, permission: string): Holder {
  const rules = holder.rules.get(permission);
  const lent = holder.lent
    .filter(({ codes }) => codes === null || codes.has(permission))
    .map((loan): Loan => ({ ...loan, codes: null, lender: only(loan.lender, permission) }))
    .filter(({ lender }) => scopesOf(lender.rules.get(permission) ?? NO_RULES).length > 0 || lender.lent.length > 0);
  return { person: holder.person, rules: new Map(rules ? [[permission, rules]] : []), lent };
}

function grouped<T>(rows: readonly T[], key: (row: T) => string | null): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const name = key(row);
    if (name === null) continue;
    const list = found.get(name);
    if (list) list.push(row);
    else found.set(name, [row]);
  }
  return found;
}

const later = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));
const earlier = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
