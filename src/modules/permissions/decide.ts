import type { Interval, ResourceFacts, RowFilter } from '../../access';
import type { CompiledSubject, EffectiveGrant } from './subject';

export interface Question {
  permission: string;
  /** The row asked about; absent for "in any scope at all?", the door's question. */
  resource?: ResourceFacts;
}

/** A decision and what it rests on. */
export type Decision =
  | { allowed: true; because: { kind: 'allow'; grantId: string; scope: EffectiveGrant['scope']; roleId: string | null } }
  | { allowed: false; because: { kind: 'deny'; grantId: string; scope: EffectiveGrant['scope']; roleId: string | null } }
  /** Nothing allows it: the permission is not held at all, or only for other rows. */
  | { allowed: false; because: { kind: 'not-held' } | { kind: 'out-of-scope'; held: EffectiveGrant['scope'][] } };

/**
 * The only checker in the system. Any applicable deny wins; else the widest allow that reaches the row. No priorities,
 * no user above the model. Without a row, a deny counts only where it denies everything.
 */
export function decide(subject: CompiledSubject, question: Question): Decision {
  const grants = subject.grants.get(question.permission);
  if (!grants) return { allowed: false, because: { kind: 'not-held' } };
  const reaches = (grant: EffectiveGrant) => (question.resource ? reachesRow(subject, grant, question.resource) : true);

  const deny = grants.deny.find((grant) => (question.resource ? reaches(grant) : grant.all));
  if (deny) return { allowed: false, because: { kind: 'deny', grantId: deny.id, scope: deny.scope, roleId: deny.roleId } };
  const allow = grants.allow.find(reaches);
  if (allow) return { allowed: true, because: { kind: 'allow', grantId: allow.id, scope: allow.scope, roleId: allow.roleId } };
  if (grants.allow.length === 0) return { allowed: false, because: { kind: 'not-held' } };
  return { allowed: false, because: { kind: 'out-of-scope', held: [...new Set(grants.allow.map(({ scope }) => scope))] } };
}

/** The rows `decide` would allow, as a filter: all, none, or the union of what is allowed less what is denied. */
export function filterOf(subject: CompiledSubject, permission: string): RowFilter {
  const grants = subject.grants.get(permission);
  if (!grants || grants.allow.length === 0 || grants.deny.some(({ all }) => all)) return { kind: 'none' };
  const part = (list: readonly EffectiveGrant[]) => ({
    own: list.some(({ own }) => own) ? subject.personId : null,
    intervals: list.flatMap(({ intervals }) => intervals),
  });
  const not = part(grants.deny);
  if (grants.allow.some(({ all }) => all)) {
    if (not.own === null && not.intervals.length === 0) return { kind: 'all' };
    return { kind: 'some', own: null, intervals: [EVERYWHERE], not };
  }
  return { kind: 'some', ...part(grants.allow), not };
}

/**
 * Whether the subject holds at least what is wanted, for at least as long: for "nobody grants more than they hold". A deny
 * of one's own makes the edge of what is held hard to state: then nothing of it is handed on. `ignoring`: ids of denies
 * that bind everybody alike and so tell nobody apart.
 */
export function holdsAtLeast(
  subject: CompiledSubject,
  permission: string,
  wanted: { scope: EffectiveGrant['scope']; intervals: readonly Interval[]; until: number | null },
  ignoring: ReadonlySet<string> = new Set(),
): boolean {
  const grants = subject.grants.get(permission);
  if (!grants || grants.deny.some(({ id }) => !ignoring.has(id))) return false;
  const lasting = grants.allow.filter(({ until }) => until === null || (wanted.until !== null && wanted.until <= until));
  if (lasting.some(({ all }) => all)) return true;
  // All scopes but `node` are relative to whoever receives them, so possibly anywhere.
  if (wanted.scope !== 'node' || wanted.intervals.length === 0) return false;
  const held = lasting.flatMap(({ intervals }) => intervals);
  return wanted.intervals.every(([lft, rgt]) => held.some((outer) => outer[0] <= lft && rgt <= outer[1]));
}

/** Whether `after` can do anything `before` could not, or is free of a deny that bound `before`. */
export function isRaised(before: CompiledSubject, after: CompiledSubject): boolean {
  const within = (inner: readonly EffectiveGrant[], outer: readonly EffectiveGrant[]) =>
    inner.every(
      (grant) =>
        outer.some(({ all }) => all) ||
        (!grant.all && (!grant.own || outer.some(({ own }) => own)) && grant.intervals.every(([lft, rgt]) => outer.some(({ intervals }) => intervals.some((each) => each[0] <= lft && rgt <= each[1])))),
    );
  const none = { allow: [], deny: [] };
  return [...new Set([...before.grants.keys(), ...after.grants.keys()])].some((code) => {
    const [was, is] = [before.grants.get(code) ?? none, after.grants.get(code) ?? none];
    return !within(is.allow, was.allow) || !within(was.deny, is.deny);
  });
}

const EVERYWHERE: Interval = [0, 2_147_483_647];

function reachesRow(subject: CompiledSubject, grant: EffectiveGrant, row: ResourceFacts): boolean {
  if (grant.all) return true;
  if (grant.own) return row.ownerPersonId === subject.personId;
  const lft = row.unitLft;
  return lft !== undefined && grant.intervals.some(([from, to]) => from <= lft && lft <= to);
}
