import type { UnitPath } from '../../access';
import type { EffectiveGrant, Scope, TypedCondition } from './effective-grant';
import { RowGrants } from './row-grants';

export type { EffectiveGrant, Scope, TypedCondition } from './effective-grant';

/** A period: epoch ms of the database clock, from inclusive, until exclusive; null for unbounded. */
interface Period {
  from: number | null;
  until: number | null;
}

/** What a person holds of their own: posts, and what has been granted to them in any way. */
export interface HoldingFacts {
  person: { id: string };
  appointments: (Period & {
    positionId: string;
    unit: UnitPath;
    /** null above schools. */
    school: UnitPath | null;
  })[];
  grants: (Period & {
    id: string;
    code: string;
    effect: 'allow' | 'deny';
    scope: Scope;
    /** The unit of scope `node`. */
    node: UnitPath | null;
    /** Position the grant came through; its scope is then seen from there. */
    positionId: string | null;
    /** Role assigned that led to the grant. */
    roleId: string | null;
    /** The rows it is for; null for all. */
    resource: { type: string; id: string | null } | null;
    condition: TypedCondition | null;
  })[];
  /** What others have lent them, with what the lender holds. */
  lent: (Period & {
    id: string;
    /** null for everything. */
    codes: string[] | null;
    /** null for everywhere. */
    node: UnitPath | null;
    lender: HoldingFacts;
  })[];
}

/** What `gloria_subject` answers. */
export interface SubjectFacts extends HoldingFacts {
  /** Version of the foundation's authorization. */
  v: string;
  /** Database clock, epoch ms. */
  now: number;
  /** false for somebody who is no living person of the foundation: they hold nothing. */
  living?: boolean;
}

export interface Rules {
  allow: readonly EffectiveGrant[];
  /** Allows for single rows without a condition, as far as they fit; the others are among `allow`. */
  rows: readonly RowGrants[];
  deny: readonly EffectiveGrant[];
}

export const NO_RULES: Rules = { allow: [], rows: [], deny: [] };

/** Every allow as a grant of its own. */
export const allowsOf = ({ allow, rows }: Rules): readonly EffectiveGrant[] => (rows.length === 0 ? allow : [...allow, ...rows.flatMap((each) => each.grants())]);

/** Somebody as a subject of decisions: what they hold, and what they were lent. */
export interface Holder {
  person: { id: string };
  rules: ReadonlyMap<string, Rules>;
  lent: readonly Loan[];
}

/** What one lender lets the subject do: no more than the lender may, within bounds. */
export interface Loan {
  id: string;
  codes: ReadonlySet<string> | null;
  node: UnitPath | null;
  lender: Holder;
}

export interface CompiledSubject extends Holder {
  v: bigint;
  living: boolean;
  /** Database clock, epoch ms: until when nothing changes by the mere passing of time; null for never. */
  goodUntil: number | null;
}

const covers = (at: number, { from, until }: Period) => (from === null || from <= at) && (until === null || at < until);

/**
 * Reduces a subject's facts to what holds at `at` (epoch ms, not before the facts were read). Pure, and independent of
 * the order of its input. A grant whose scope reaches nothing – `school` for somebody without a post in a school – is dropped.
 */
export function compileSubject(facts: SubjectFacts, at: number): CompiledSubject {
  if (facts.living === false) return { person: facts.person, rules: new Map(), lent: [], v: BigInt(facts.v), living: false, goodUntil: null };
  const boundaries = boundariesOf(facts).filter((boundary) => boundary > at);
  return { ...compileHolder(facts, at), v: BigInt(facts.v), living: true, goodUntil: boundaries.length > 0 ? Math.min(...boundaries) : null };
}

/** Every moment at which something of these facts begins or ends. */
export function boundariesOf(facts: HoldingFacts): number[] {
  const periods: Period[] = [...facts.appointments, ...facts.grants, ...facts.lent];
  return [...periods.flatMap(({ from, until }) => [from, until]).filter((boundary): boundary is number => boundary !== null), ...facts.lent.flatMap(({ lender }) => boundariesOf(lender))];
}

function compileHolder(facts: HoldingFacts, at: number): Holder {
  const appointments = facts.appointments.filter((post) => covers(at, post));
  const held = new Map<string, { allow: EffectiveGrant[]; deny: EffectiveGrant[] }>();
  for (const grant of facts.grants) {
    if (!covers(at, grant)) continue;
    // Through a position: good while it is held, and seen from it alone. Else seen from every position held.
    const seenFrom = grant.positionId === null ? appointments : appointments.filter(({ positionId }) => positionId === grant.positionId);
    if (grant.positionId !== null && seenFrom.length === 0) continue;
    const units = unitsOf(grant.scope, grant.node, seenFrom);
    const { id, scope, positionId, roleId, resource, condition } = grant;
    const until = earlier(grant.until, grant.positionId === null ? null : latest(seenFrom.map((post) => post.until)));
    const effective: EffectiveGrant = { id, scope, positionId, roleId, resource, condition, units, until, all: scope === 'all', own: scope === 'own' };
    if (!effective.all && !effective.own && units.length === 0) continue;
    const entry = held.get(grant.code) ?? { allow: [], deny: [] };
    entry[grant.effect].push(effective);
    held.set(grant.code, entry);
  }
  const rules = new Map<string, Rules>();
  for (const [code, { allow, deny }] of held) rules.set(code, { ...apart(allow.sort(widestFirst)), deny: deny.sort(widestFirst) });
  const lent = facts.lent
    .filter((loan) => covers(at, loan))
    .map(({ id, codes, node, lender }): Loan => ({ id, codes: codes && new Set(codes), node, lender: compileHolder(lender, at) }))
    .filter(({ lender }) => lender.rules.size > 0 || lender.lent.length > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { person: facts.person, rules, lent };
}

/** Those for single rows, those that are alike together, and the rest. */
function apart(allow: EffectiveGrant[]): Pick<Rules, 'allow' | 'rows'> {
  const alike = new Map<string, EffectiveGrant[]>();
  for (const grant of allow) {
    if (!RowGrants.fits(grant)) continue;
    const key = JSON.stringify([grant.resource!.type, grant.scope, grant.positionId, grant.roleId, grant.until, grant.units.map(idOf)]);
    const known = alike.get(key);
    if (known) known.push(grant);
    else alike.set(key, [grant]);
  }
  return { allow: allow.filter((grant) => !RowGrants.fits(grant)), rows: [...alike.values()].map((grants) => RowGrants.of(grants)) };
}

function unitsOf(scope: Scope, node: UnitPath | null, appointments: HoldingFacts['appointments']): UnitPath[] {
  switch (scope) {
    case 'all':
    case 'own':
      return [];
    case 'node':
      return node ? [node] : [];
    case 'department':
      return distinct(appointments.map(({ unit }) => unit));
    case 'school':
      return distinct(appointments.flatMap(({ school }) => (school ? [school] : [])));
  }
}

/** null stands for never. */
const earlier = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
const latest = (ends: readonly (number | null)[]) => (ends.includes(null) ? null : Math.max(...(ends as number[])));

/** A path ends with the unit's own id. */
export const idOf = (unit: UnitPath) => unit[unit.length - 1]!;

function distinct(units: UnitPath[]): UnitPath[] {
  return [...new Map(units.map((unit) => [idOf(unit), unit])).values()].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

/** Plain grants before those for some rows or under a condition; all before units, the higher the wider, before own. `decide` asks those kept as `rows` last. */
function widestFirst(a: EffectiveGrant, b: EffectiveGrant): number {
  const limits = (grant: EffectiveGrant) => (grant.resource ? (grant.resource.id === null ? 1 : 2) : 0) + (grant.condition ? 4 : 0);
  const width = (grant: EffectiveGrant) => (grant.all ? Infinity : Math.max(...grant.units.map((unit) => 1 / unit.length), 0));
  const [wideA, wideB] = [width(a), width(b)];
  return limits(a) - limits(b) || (wideA === wideB ? 0 : wideB - wideA) || compare(a.id, b.id) || (until(a) === until(b) ? 0 : until(b) - until(a)) || compare(a.roleId ?? '', b.roleId ?? '') || compare(a.positionId ?? '', b.positionId ?? '');
}

const until = (grant: EffectiveGrant) => grant.until ?? Infinity;
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
