import canonicalize from 'canonicalize';
import { evaluate, type FilterPart, placesOf, type ResourceFacts, residualOf, type RowFilter, type UnitPath } from '../../access';
import type { RowGrants } from './row-grants';
import { allowsOf, type CompiledSubject, type EffectiveGrant, type Holder, idOf, type Loan, NO_RULES, type Rules, type Scope, type TypedCondition } from './subject';

export interface Question {
  permission: string;
  /** The row asked about; absent for "in any scope at all?", the door's question. */
  resource?: ResourceFacts;
  /** Properties of the request rather than the row: where from, when. */
  context?: Properties;
  /** Properties of who asks, beyond what is stored: `subject.id` is always the person's own. */
  subject?: Properties;
  /** Properties of what is done. */
  action?: Properties;
}

type Properties = Readonly<Record<string, unknown>>;

/** The grant a decision rests on; `loans` are the delegations it came through with who lent, nearest first. */
export interface Because {
  grantId: string;
  scope: Scope;
  roleId: string | null;
  loans: { id: string; lenderId: string }[];
}

/** A decision and what it rests on. */
export type Decision =
  | { allowed: true; because: { kind: 'allow' } & Because }
  | { allowed: false; because: { kind: 'deny' } & Because }
  /** Nothing allows it: the permission is not held at all, only for other rows, or under a condition that is not met. */
  | { allowed: false; because: { kind: 'not-held' } | { kind: 'out-of-scope'; held: Scope[] } | { kind: 'condition-unmet'; grantIds: string[] } };

/**
 * The only checker in the system. Any applicable deny wins; else an allow that reaches the row, one's own before one that
 * is lent. A condition that cannot be answered denies, and does not allow. No priorities, no user above the model.
 * Without a row, a deny counts only where it denies everything, and an allow wherever it may reach something.
 */
export function decide(subject: Holder, question: Question): Decision {
  const rules = subject.rules.get(question.permission);
  const { resource } = question;
  if (rules) {
    for (const deny of rules.deny) {
      if (resource ? reaches(subject, deny, resource) && met(subject, deny.condition, question) !== false : deny.all && !deny.resource && !deny.condition) return { allowed: false, because: { kind: 'deny', ...named(deny, []) } };
    }
    for (const allow of rules.allow) {
      if (!resource || (reaches(subject, allow, resource) && met(subject, allow.condition, question) === true)) return { allowed: true, because: { kind: 'allow', ...named(allow, []) } };
    }
    for (const each of rules.rows) {
      const grantId = resource ? grantFor(subject, each, resource) : each.first();
      if (grantId !== null) return { allowed: true, because: { kind: 'allow', ...named({ ...each.alike, id: grantId }, []) } };
    }
  }
  for (const loan of subject.lent) {
    if (!covers(loan, question.permission, resource)) continue;
    const lenders = decide(loan.lender, question);
    if (lenders.allowed) return { allowed: true, because: { ...lenders.because, loans: [{ id: loan.id, lenderId: loan.lender.person.id }, ...lenders.because.loans] } };
  }
  if (!rules || (rules.allow.length === 0 && rules.rows.length === 0)) return { allowed: false, because: { kind: 'not-held' } };
  // Here there is a row: without one, any allow would have been enough.
  const unmet = rules.allow.filter((allow) => reaches(subject, allow, resource!));
  if (unmet.length > 0) return { allowed: false, because: { kind: 'condition-unmet', grantIds: [...new Set(unmet.map(({ id }) => id))] } };
  return { allowed: false, because: { kind: 'out-of-scope', held: scopesOf(rules) } };
}

/** One way a permission comes, or is denied: a grant, and the loans it came through with whose it is in the end. */
export interface Derivation {
  effect: 'allow' | 'deny';
  grant: EffectiveGrant;
  holderId: string;
  loans: Because['loans'];
}

/**
 * Everything a decision rests on, what it rests on first before what would do as well: where denied by a grant, every deny
 * that applies; else every allow; else what denies it to those who lent. Taking away all of it turns the decision, if
 * anything allows it then; taking away anything else does not.
 */
export function derivationsOf(subject: Holder, question: Question): Derivation[] {
  const rules = subject.rules.get(question.permission) ?? NO_RULES;
  const applying = (effect: 'allow' | 'deny') =>
    (effect === 'allow' ? allowsOf(rules) : rules.deny).filter((grant) => decide({ ...subject, lent: [], rules: new Map([[question.permission, { ...NO_RULES, [effect]: [grant] }]]) }, question).because.kind === effect).map((grant): Derivation => ({ effect, grant, holderId: subject.person.id, loans: [] }));
  const denied = applying('deny');
  if (denied.length > 0) return denied;
  const lent = subject.lent
    .filter((loan) => covers(loan, question.permission, question.resource))
    .flatMap((loan) => derivationsOf(loan.lender, question).map((each): Derivation => ({ ...each, loans: [{ id: loan.id, lenderId: loan.lender.person.id }, ...each.loans] })));
  const allowed = [...applying('allow'), ...lent.filter(({ effect }) => effect === 'allow')];
  return allowed.length > 0 ? allowed : lent;
}

/** The rows of a type that `decide` would allow, as a filter. */
export function filterOf(subject: Holder, permission: string, type: string, context: Question['context'] = {}, given: Pick<Question, 'subject' | 'action'> = {}): RowFilter {
  const rules = subject.rules.get(permission);
  const reachOf = ({ all, own, units }: Pick<EffectiveGrant, 'all' | 'own' | 'units'>): FilterPart['reach'] => (all ? 'all' : own ? { own: subject.person.id } : { units: units.map(idOf) });
  const part = (grant: EffectiveGrant): FilterPart[] => {
    if (grant.resource && grant.resource.type !== type) return [];
    const when = grant.condition === null ? true : residualOf(grant.condition.test, grant.condition.types, attributesOf(subject, { context, subject: given.subject, action: given.action }));
    return [{ reach: reachOf(grant), ids: grant.resource?.id == null ? null : [grant.resource.id], when }];
  };
  // What an allow's condition leaves open at best, and what a deny's rules out at worst.
  const denied = (rules?.deny ?? []).flatMap(part).filter(({ when }) => when !== false);
  if (denied.some((each) => each.reach === 'all' && each.ids === null && (each.when === true || each.when === null))) return { kind: 'none' };
  const single = (rules?.rows ?? []).filter(({ alike }) => alike.type === type).map((rows): FilterPart => ({ reach: reachOf(rows.alike), ids: rows.rowIds(), when: true }));
  const allowed = [...(rules?.allow ?? []).flatMap(part).filter(({ when }) => when !== false && when !== null), ...single];
  const lent = subject.lent
    .filter(({ codes }) => codes === null || codes.has(permission))
    .map(({ node, lender }) => ({ within: node && idOf(node), filter: filterOf(lender, permission, type, context, given) }))
    .filter(({ filter }) => filter.kind !== 'none');
  if (allowed.length === 0 && lent.length === 0) return { kind: 'none' };
  const everything = allowed.some((each) => each.reach === 'all' && each.ids === null && each.when === true) || lent.some(({ within, filter }) => within === null && filter.kind === 'all');
  if (everything && denied.length === 0) return { kind: 'all' };
  return { kind: 'some', anyOf: everything ? [{ reach: 'all', ids: null, when: true }] : allowed, lent: everything ? [] : lent, noneOf: denied };
}

/** What somebody would hand on. */
export interface Wanted {
  scope: Scope;
  /** The units of scope `node`. */
  units: readonly UnitPath[];
  resource: { type: string; id: string | null } | null;
  condition: TypedCondition | null;
  /** Epoch ms, null for open-ended. */
  until: number | null;
}

/**
 * Whether the subject holds at least what is wanted, for at least as long: for "nobody grants more than they hold". What
 * was lent is not one's own to hand on. A deny of one's own makes the edge of what is held hard to state: then nothing of
 * it is handed on. `ignoring`: ids of denies that bind everybody alike and so tell nobody apart.
 */
export function holdsAtLeast(subject: Holder, permission: string, wanted: Wanted, ignoring: ReadonlySet<string> = new Set()): boolean {
  const rules = subject.rules.get(permission);
  if (!rules || rules.deny.some(({ id }) => !ignoring.has(id))) return false;
  // A condition about the person holds for this one or not at all; for another it would be another grant.
  const personal = (condition: TypedCondition | null) => condition !== null && Object.keys(condition.types).some((name) => name.startsWith('subject.'));
  const able = allowsOf(rules).filter((grant) => (grant.until === null || (wanted.until !== null && wanted.until <= grant.until)) && limitsCover(grant, wanted) && !personal(grant.condition));
  if (able.some(({ all }) => all)) return true;
  // All scopes but `node` are relative to whoever receives them, so possibly anywhere.
  if (wanted.scope !== 'node' || wanted.units.length === 0) return false;
  const held = able.flatMap(({ units }) => units);
  return wanted.units.every((unit) => liesIn(held, unit));
}

/**
 * Whether `after` can do anything `before` could not, or is free of a deny that bound `before`; of their own, or because a
 * lender can. A loan that was not there before is one more.
 */
export function isRaised(before: Holder, after: Holder): boolean {
  const covered = (grant: EffectiveGrant, outer: readonly EffectiveGrant[]) => {
    const able = outer.filter((each) => limitsCover(each, grant));
    return able.some(({ all }) => all) || (!grant.all && (!grant.own || able.some(({ own }) => own)) && grant.units.every((unit) => able.some(({ units }) => liesIn(units, unit))));
  };
  const within = (inner: readonly EffectiveGrant[], outer: readonly EffectiveGrant[]) => inner.every((grant) => covered(grant, outer));
  return [...new Set([...before.rules.keys(), ...after.rules.keys()])].some((code) => {
    const [was, is] = [before.rules.get(code) ?? NO_RULES, after.rules.get(code) ?? NO_RULES];
    return !within(allowsOf(is), allowsOf(was)) || !within(was.deny, is.deny);
  }) || after.lent.some((loan) => {
    const was = before.lent.find(({ id }) => id === loan.id);
    return !was || isRaised(was.lender, loan.lender);
  });
}

/** Whether every row and every circumstance of `inner` is one of `outer`, scopes aside. */
function limitsCover(outer: Pick<EffectiveGrant, 'resource' | 'condition'>, inner: Pick<EffectiveGrant, 'resource' | 'condition'>): boolean {
  const rows = outer.resource === null || (inner.resource !== null && outer.resource.type === inner.resource.type && (outer.resource.id === null || outer.resource.id === inner.resource.id));
  // Whether one condition follows from another is not asked: the same one, or none.
  return rows && (outer.condition === null || (inner.condition !== null && canonicalize(outer.condition) === canonicalize(inner.condition)));
}

/** Scopes in which a permission is held, the widest first; those for single rows last. */
export const scopesOf = ({ allow, rows }: Rules): Scope[] => [...new Set([...allow.map(({ scope }) => scope), ...rows.map(({ alike }) => alike.scope)])];

/** The grant among these that reaches a row; null for none. */
function grantFor(subject: Holder, rows: RowGrants, row: ResourceFacts): string | null {
  if (rows.alike.type !== row.type || row.id === undefined || !liesWithin(subject, rows.alike, row)) return null;
  return rows.find(row.id);
}

function reaches(subject: Holder, grant: EffectiveGrant, row: ResourceFacts): boolean {
  if (grant.resource && (grant.resource.type !== row.type || (grant.resource.id !== null && grant.resource.id !== row.id))) return false;
  return liesWithin(subject, grant, row);
}

function liesWithin(subject: Holder, grant: Pick<EffectiveGrant, 'all' | 'own' | 'units'>, row: ResourceFacts): boolean {
  if (grant.all) return true;
  if (grant.own) return row.ownerPersonId === subject.person.id;
  return contains(grant.units, row.unitPath);
}

/** Whether the row lies in one of these, in any of the places it belongs to. */
function contains(units: readonly UnitPath[], place: ResourceFacts['unitPath']): boolean {
  if (place === undefined) return false;
  // The one place most rows have is looked at as it is: wrapping it would cost more than looking.
  if (typeof place[0] === 'string') return liesIn(units, place as UnitPath);
  for (const each of placesOf(place)) if (liesIn(units, each)) return true;
  return false;
}

/** Whether a unit is one of these or below one. */
function liesIn(units: readonly UnitPath[], path: UnitPath): boolean {
  for (const unit of units) if (path.includes(idOf(unit))) return true;
  return false;
}

function covers(loan: Loan, permission: string, row: ResourceFacts | undefined): boolean {
  if (loan.codes !== null && !loan.codes.has(permission)) return false;
  if (loan.node === null || !row) return true;
  return contains([loan.node], row.unitPath);
}

function met(subject: Holder, condition: TypedCondition | null, question: Question): boolean | null {
  if (condition === null) return true;
  return evaluate(condition.test, condition.types, attributesOf(subject, question));
}

/** What conditions can ask about: the person whose grant it is, what is done, the row, the request. */
function attributesOf(holder: Holder, { subject, action, resource, context }: Omit<Question, 'permission'>): (name: string) => unknown {
  const own = (properties: Properties | undefined, key: string) => (properties && Object.hasOwn(properties, key) ? properties[key] : undefined);
  return (name) => {
    const dot = name.indexOf('.');
    const key = name.slice(dot + 1);
    switch (name.slice(0, dot)) {
      case 'subject':
        return key === 'id' ? holder.person.id : own(subject, key);
      case 'action':
        return own(action, key);
      case 'context':
        return own(context, key);
      case 'resource':
        return own(resource?.properties, key);
      default:
        return undefined;
    }
  };
}

const named = ({ id, scope, roleId }: Pick<EffectiveGrant, 'id' | 'scope' | 'roleId'>, loans: Because['loans']): Because => ({ grantId: id, scope, roleId, loans });

export type { CompiledSubject };
