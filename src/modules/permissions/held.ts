import { scopesOf } from './decide';
import { type Holder, NO_RULES, type Scope } from './subject';

/** What somebody holds of one permission, in brief. */
export interface Held {
  /** Scopes in which it is allowed, own and lent. */
  scopes: Scope[];
  /** Some rows are denied. */
  denied: boolean;
  /** Held only by delegation, or wider by one. */
  lent: boolean;
}

/** Every permission somebody holds or is denied, own and lent, in brief and by code. */
export function heldOf(subject: Holder): Map<string, Held> {
  const lent = lentScopes(subject);
  return new Map(
    [...new Set([...subject.rules.keys(), ...lent.keys()])].sort().map((code) => {
      const rules = subject.rules.get(code) ?? NO_RULES;
      const own = new Set(scopesOf(rules));
      const borrowed = lent.get(code) ?? new Set<Scope>();
      return [code, { scopes: [...new Set([...own, ...borrowed])].sort(), denied: rules.deny.length > 0, lent: [...borrowed].some((scope) => !own.has(scope)) }];
    }),
  );
}

/** What was lent, by permission: the scopes, as the lenders hold them. */
function lentScopes(holder: Holder): Map<string, Set<Scope>> {
  const found = new Map<string, Set<Scope>>();
  const add = (code: string, scopes: Iterable<Scope>) => {
    const known = found.get(code) ?? new Set<Scope>();
    for (const scope of scopes) known.add(scope);
    found.set(code, known);
  };
  for (const { codes, lender } of holder.lent) {
    for (const [code, rules] of lender.rules) if (codes === null || codes.has(code)) add(code, scopesOf(rules));
    for (const [code, scopes] of lentScopes(lender)) if (codes === null || codes.has(code)) add(code, scopes);
  }
  return found;
}
