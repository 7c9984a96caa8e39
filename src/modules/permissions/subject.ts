import type { Interval } from '../../access';

/** What `gloria_compile_subject` answers: times in epoch ms of the database clock, null for unbounded. */
export interface SubjectFacts {
  v: string;
  now: number;
  appointments: {
    positionId: string;
    from: number;
    until: number | null;
    unit: [number, number];
    /** null above schools. */
    school: [number, number] | null;
  }[];
  grants: {
    id: string;
    code: string;
    effect: 'allow' | 'deny';
    scope: 'own' | 'department' | 'school' | 'node' | 'all';
    /** The unit of scope `node`. */
    node: [number, number] | null;
    /** Position the grant came through; its scope is then seen from there. */
    positionId: string | null;
    /** Role assigned that led to the grant. */
    roleId: string | null;
    from: number | null;
    until: number | null;
  }[];
}

/** One grant as it applies to a subject now: how far it reaches, in terms a row can be compared with. */
export interface EffectiveGrant {
  id: string;
  scope: SubjectFacts['grants'][number]['scope'];
  roleId: string | null;
  all: boolean;
  own: boolean;
  intervals: readonly Interval[];
  /** When it ends, by its own end or that of the post it comes through; epoch ms, null for open-ended. */
  until: number | null;
}

export interface CompiledSubject {
  personId: string;
  v: bigint;
  /** Database clock, epoch ms: until when nothing changes by the mere passing of time; null for never. */
  goodUntil: number | null;
  grants: ReadonlyMap<string, { allow: readonly EffectiveGrant[]; deny: readonly EffectiveGrant[] }>;
}

const covers = (at: number, from: number | null, until: number | null) => (from === null || from <= at) && (until === null || at < until);

/**
 * Reduces a subject's facts to what holds at `at` (epoch ms, not before the facts were read). Pure and independent of the order of its input. A grant whose
 * scope reaches nothing – `school` for somebody without a post in a school – is dropped.
 */
export function compileSubject(personId: string, facts: SubjectFacts, at: number): CompiledSubject {
  const boundaries = [...facts.appointments, ...facts.grants]
    .flatMap(({ from, until }) => [from, until])
    .filter((boundary): boundary is number => boundary !== null && boundary > at);
  const appointments = facts.appointments.filter(({ from, until }) => covers(at, from, until));

  const grants = new Map<string, { allow: EffectiveGrant[]; deny: EffectiveGrant[] }>();
  for (const grant of facts.grants) {
    if (!covers(at, grant.from, grant.until)) continue;
    // Through a position: good while it is held, and seen from it alone. Else seen from every position held.
    const seenFrom = grant.positionId === null ? appointments : appointments.filter(({ positionId }) => positionId === grant.positionId);
    if (grant.positionId !== null && seenFrom.length === 0) continue;
    const reach = intervalsOf(grant.scope, grant.node, seenFrom);
    const effective: EffectiveGrant = { id: grant.id, scope: grant.scope, roleId: grant.roleId, all: grant.scope === 'all', own: grant.scope === 'own', intervals: reach, until: earlier(grant.until, grant.positionId === null ? null : latest(seenFrom.map(({ until }) => until))) };
    if (!effective.all && !effective.own && reach.length === 0) continue;
    const entry = grants.get(grant.code) ?? { allow: [], deny: [] };
    entry[grant.effect].push(effective);
    grants.set(grant.code, entry);
  }
  for (const entry of grants.values()) for (const list of [entry.allow, entry.deny]) list.sort((a, b) => width(b) - width(a) || (a.id < b.id ? -1 : 1));
  return { personId, v: BigInt(facts.v), goodUntil: boundaries.length > 0 ? Math.min(...boundaries) : null, grants };
}

function intervalsOf(scope: EffectiveGrant['scope'], node: [number, number] | null, appointments: SubjectFacts['appointments']): Interval[] {
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

function distinct(intervals: Interval[]): Interval[] {
  return [...new Map(intervals.map((interval) => [interval.join(), interval])).values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** Widest first: all, then by how many units are reached, then own. */
function width(grant: EffectiveGrant): number {
  return grant.all ? Infinity : grant.intervals.reduce((sum, [lft, rgt]) => sum + rgt - lft + 1, 0);
}

