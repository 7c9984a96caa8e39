import type { Locale } from '../../access';
import type { Tx } from '../../platform/database';
import type { CandidateRule } from './definition';

/** Why somebody may decide a step: the rule, and the post or assignment by which they meet it. */
export interface CandidateReason {
  rule: CandidateRule;
  /** Position title and unit name; null for a role assigned to the person. */
  position: string | null;
  unit: string | null;
  acting: boolean;
  roleName: string | null;
}

export interface Candidate {
  personId: string;
  reason: CandidateReason;
}

interface Found {
  person_id: string;
  position: string | null;
  unit: string | null;
  acting: boolean;
  role_name: string | null;
}

/**
 * Who may decide a step of a request of this unit, now: by the first rule that yields somebody other than the
 * initiator. One statement a rule.
 */
export async function resolveCandidates(tx: Tx, rules: readonly CandidateRule[], request: { foundationId: string; unitId: string; initiatorId: string }): Promise<Candidate[]> {
  for (const rule of rules) {
    const found = 'role' in rule ? await holdersOfRole(tx, rule, request) : await headsOfUnit(tx, request);
    // Somebody who qualifies twice is asked once; their own post says more than a bare assignment.
    const byPerson = new Map<string, Candidate>();
    for (const row of found.sort((a, b) => Number(b.position !== null) - Number(a.position !== null))) {
      if (row.person_id === request.initiatorId || byPerson.has(row.person_id)) continue;
      byPerson.set(row.person_id, { personId: row.person_id, reason: { rule, position: row.position, unit: row.unit, acting: row.acting, roleName: row.role_name } });
    }
    if (byPerson.size > 0) return [...byPerson.values()];
  }
  return [];
}

/** Holders of the role or of one that inherits it, whose post lies in the area. */
function holdersOfRole(tx: Tx, rule: Extract<CandidateRule, { role: string }>, request: { foundationId: string; unitId: string }): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    WITH area AS (
      SELECT CASE ${rule.within} WHEN 'foundation' THEN 0 WHEN 'school' THEN coalesce(s.lft, u.lft) ELSE u.lft END AS lft,
             CASE ${rule.within} WHEN 'foundation' THEN 2147483647 WHEN 'school' THEN coalesce(s.rgt, u.rgt) ELSE u.rgt END AS rgt
        FROM org_unit u LEFT JOIN org_unit s ON s.foundation_id = u.foundation_id AND s.id = u.school_id
       WHERE u.foundation_id = ${request.foundationId}::uuid AND u.id = ${request.unitId}::uuid
    ), given AS (
      SELECT r.person_id, r.position_id, wanted.name AS role_name
        FROM role wanted
        JOIN role_closure c ON c.foundation_id = wanted.foundation_id AND c.junior_id = wanted.id
        JOIN role_assignment r ON r.foundation_id = wanted.foundation_id AND r.role_id = c.senior_id
       WHERE wanted.foundation_id = ${request.foundationId}::uuid AND wanted.code = ${rule.role}
         AND r.valid_from <= now() AND (r.valid_until IS NULL OR r.valid_until > now())
    )
    SELECT a.person_id, CASE WHEN g.position_id IS NOT NULL THEN p.title END AS position, u.name AS unit, a.acting, g.role_name
      FROM given g
      JOIN appointment a ON a.foundation_id = ${request.foundationId}::uuid AND (a.position_id = g.position_id OR a.person_id = g.person_id)
      JOIN position p ON p.foundation_id = a.foundation_id AND p.id = a.position_id AND p.deleted_at IS NULL
      JOIN org_unit u ON u.foundation_id = a.foundation_id AND u.id = p.unit_id AND u.deleted_at IS NULL
      JOIN person who ON who.foundation_id = a.foundation_id AND who.id = a.person_id AND who.deleted_at IS NULL
      JOIN area ON u.lft BETWEEN area.lft AND area.rgt
     WHERE a.valid_from <= now() AND (a.valid_until IS NULL OR a.valid_until > now())`;
}

/** Holders of the head position of the unit, or of the nearest unit above that has one held by somebody else. */
function headsOfUnit(tx: Tx, request: { foundationId: string; unitId: string; initiatorId: string }): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    WITH heads AS (
      SELECT a.person_id, p.title AS position, u.name AS unit, a.acting, u.depth, max(u.depth) OVER () AS nearest
        FROM org_unit start
        JOIN org_unit u ON u.foundation_id = start.foundation_id AND start.lft BETWEEN u.lft AND u.rgt AND u.deleted_at IS NULL
        JOIN position p ON p.foundation_id = u.foundation_id AND p.unit_id = u.id AND p.is_head AND p.deleted_at IS NULL
        JOIN appointment a ON a.foundation_id = p.foundation_id AND a.position_id = p.id
         AND a.valid_from <= now() AND (a.valid_until IS NULL OR a.valid_until > now())
        JOIN person who ON who.foundation_id = a.foundation_id AND who.id = a.person_id AND who.deleted_at IS NULL
       WHERE start.foundation_id = ${request.foundationId}::uuid AND start.id = ${request.unitId}::uuid
         AND a.person_id <> ${request.initiatorId}::uuid
    )
    SELECT person_id, position, unit, acting, NULL AS role_name FROM heads WHERE depth = nearest`;
}

/** The reason in a sentence, for the inbox. */
export function explainCandidate({ position, unit, acting, roleName }: CandidateReason, locale: Locale): string {
  const post = position === null ? (unit ?? '') : `${acting ? (locale === 'en' ? 'acting ' : 'Plt. ') : ''}${position}${unit ? `, ${unit}` : ''}`;
  if (roleName === null) return locale === 'en' ? `You head the unit (${post})` : `Anda memimpin unit ini (${post})`;
  return locale === 'en' ? `You hold ${roleName} (${post})` : `Anda memegang peran ${roleName} (${post})`;
}
