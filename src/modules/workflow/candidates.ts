import type { Locale } from '../../access';
import { Prisma, type Tx } from '../../platform/database';
import type { CandidateAlternative, CandidateRule } from './definition';

/** Why somebody may decide a step: a rule they meet, or somebody who gave it into their hands. */
export type CandidateReason = MetRule | Given;

/** Handed over, asked as well, or to decide in the place of the first of a chain of people, who each passed it on. */
export interface Given {
  given: 'transferred' | 'added' | 'delegated';
  by: string;
  chain: string[];
}

/** The rule, and the post or assignment by which it is met. */
export interface MetRule {
  rule: CandidateRule;
  /** Position title and unit name; null for a role assigned to the person, or one who is named. */
  position: string | null;
  unit: string | null;
  acting: boolean;
  roleName: string | null;
  /** Asked as well because it was not decided in time. */
  escalated?: boolean;
}

export interface Candidate {
  personId: string;
  weight: number;
  reason: CandidateReason;
  /** Whether they have approved already, before the step opened. */
  approved?: boolean;
}

interface Found {
  person_id: string;
  position: string | null;
  unit: string | null;
  acting: boolean;
  role_name: string | null;
}

interface Request {
  unitId: string;
  initiatorId: string;
  /** Who may not, besides: those a step is kept apart from. */
  apart: readonly string[];
  /** The ids an expression yields; none where nothing is filled in yet. */
  people?: (expression: string) => readonly string[];
}

/**
 * Who may decide a step of a request of this unit, now: by the first alternative that yields somebody who may, in the
 * order of its rules, then of their ids. One statement a rule.
 */
export async function resolveCandidates(tx: Tx, alternatives: readonly CandidateAlternative[], request: Request): Promise<Candidate[]> {
  for (const alternative of alternatives) {
    const byPerson = new Map<string, Candidate>();
    for (const rule of 'together' in alternative ? alternative.together : [alternative]) {
      const found = await meeting(tx, rule, request);
      // Somebody who qualifies twice is asked once; their own post says more than a bare assignment.
      for (const row of found.sort((a, b) => Number(b.position !== null) - Number(a.position !== null) || (a.person_id < b.person_id ? -1 : 1))) {
        if (row.person_id === request.initiatorId || request.apart.includes(row.person_id) || byPerson.has(row.person_id)) continue;
        byPerson.set(row.person_id, { personId: row.person_id, weight: rule.weight ?? 1, reason: { rule, position: row.position, unit: row.unit, acting: row.acting, roleName: row.role_name } });
      }
    }
    if (byPerson.size > 0) return [...byPerson.values()];
  }
  return [];
}

/** With who has approved already; those come first: it is nobody's turn before theirs. */
export function approvedFirst(found: readonly Candidate[], approved: ReadonlySet<string>): Candidate[] {
  return found.map((each) => ({ ...each, approved: approved.has(each.personId) })).toSorted((a, b) => Number(b.approved) - Number(a.approved));
}

function meeting(tx: Tx, rule: CandidateRule, request: Request): Promise<Found[]> {
  if ('role' in rule) return holdersOfRole(tx, rule, request);
  if ('position' in rule) return holdersOfPosition(tx, rule, request);
  if ('person' in rule) return named(tx, [rule.person]);
  if ('people' in rule) return named(tx, request.people?.(rule.people) ?? []);
  return headsOfUnit(tx, rule.up ?? 0, request);
}

/** Where a rule looks: the request's unit, the school it belongs to – the unit, above schools –, or anywhere, as preorder numbers. */
const area = ({ unitId }: Request, within: 'unit' | 'school' | 'foundation') => Prisma.sql`
  SELECT CASE ${within} WHEN 'foundation' THEN 0 WHEN 'school' THEN coalesce(s.lft, u.lft) ELSE u.lft END AS lft,
         CASE ${within} WHEN 'foundation' THEN 2147483647 WHEN 'school' THEN coalesce(s.rgt, u.rgt) ELSE u.rgt END AS rgt
    FROM org_unit u LEFT JOIN org_unit s ON s.foundation_id = u.foundation_id AND s.id = u.school_id
   WHERE u.foundation_id = gloria_foundation() AND u.id = ${unitId}::uuid`;

/** Appointments that hold now, with the living position, unit and person: for a FROM that has `f`, the foundation. */
const POSTS = Prisma.sql`
  appointment a
  JOIN position p ON p.foundation_id = a.foundation_id AND p.id = a.position_id AND p.deleted_at IS NULL
  JOIN org_unit u ON u.foundation_id = a.foundation_id AND u.id = p.unit_id AND u.deleted_at IS NULL
  JOIN person who ON who.foundation_id = a.foundation_id AND who.id = a.person_id AND who.deleted_at IS NULL`;
const HELD = Prisma.sql`a.valid_from <= now() AND (a.valid_until IS NULL OR a.valid_until > now())`;

/** Holders of the role or of one that inherits it, whose post lies in the area. */
function holdersOfRole(tx: Tx, rule: Extract<CandidateRule, { role: string }>, request: Request): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    WITH area AS (${area(request, rule.within)}), given AS (
      SELECT r.person_id, r.position_id, wanted.name AS role_name
        FROM role wanted
        JOIN role_closure c ON c.foundation_id = wanted.foundation_id AND c.junior_id = wanted.id
        JOIN role_assignment r ON r.foundation_id = wanted.foundation_id AND r.role_id = c.senior_id
       WHERE wanted.foundation_id = gloria_foundation() AND wanted.code = ${rule.role}
         AND r.valid_from <= now() AND (r.valid_until IS NULL OR r.valid_until > now())
    )
    SELECT a.person_id, CASE WHEN g.position_id IS NOT NULL THEN p.title END AS position, u.name AS unit, a.acting, g.role_name
      FROM ${POSTS} JOIN given g ON a.position_id = g.position_id OR a.person_id = g.person_id JOIN area ON u.lft BETWEEN area.lft AND area.rgt
     WHERE a.foundation_id = gloria_foundation() AND ${HELD}`;
}

/** Whoever holds the position, where it stands in the area. */
function holdersOfPosition(tx: Tx, rule: Extract<CandidateRule, { position: string }>, request: Request): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    WITH area AS (${area(request, rule.within)})
    SELECT a.person_id, p.title AS position, u.name AS unit, a.acting, NULL AS role_name
      FROM ${POSTS} JOIN area ON u.lft BETWEEN area.lft AND area.rgt
     WHERE a.foundation_id = gloria_foundation() AND p.code = ${rule.position} AND ${HELD}`;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function named(tx: Tx, ids: readonly string[]): Promise<Found[]> {
  const people = ids.filter((id) => UUID.test(id));
  return tx.$queryRaw<Found[]>`
    SELECT id AS person_id, NULL AS position, NULL AS unit, false AS acting, NULL AS role_name FROM person
     WHERE foundation_id = gloria_foundation() AND id = ANY (${people}::uuid[]) AND deleted_at IS NULL`;
}

/** Holders of the head position of the unit – or that many units above –, or of the nearest unit above that has one held by somebody else. */
function headsOfUnit(tx: Tx, up: number, request: Request): Promise<Found[]> {
  const apart = [request.initiatorId, ...request.apart];
  return tx.$queryRaw<Found[]>`
    WITH heads AS (
      SELECT a.person_id, p.title AS position, u.name AS unit, a.acting, u.depth, max(u.depth) OVER () AS nearest
        FROM ${POSTS} JOIN org_unit start ON start.foundation_id = a.foundation_id AND start.id = ${request.unitId}::uuid AND u.id = ANY (start.path) AND u.depth <= start.depth - ${up}
       WHERE a.foundation_id = gloria_foundation() AND p.is_head AND ${HELD} AND a.person_id <> ALL (${apart}::uuid[])
    )
    SELECT person_id, position, unit, acting, NULL AS role_name FROM heads WHERE depth = nearest`;
}

/** The reason in a sentence: to the person themselves, in the inbox, or about them; `names`: of people by their ids. */
export function explainCandidate(reason: CandidateReason, locale: Locale, names: ReadonlyMap<string, string>, to: 'them' | 'others' = 'them'): string {
  return 'given' in reason ? explainGiven(reason, locale, names, to) : explainRule(reason, locale, to);
}

/** The same of somebody who may stand in for whoever is asked: why these are, and in whose place. */
export function explainStandIn({ reason, chain, until }: { reason: CandidateReason; chain: readonly string[]; until: Date | string | null }, locale: Locale, names: ReadonlyMap<string, string>): string {
  if (chain.length === 0) return explainCandidate(reason, locale, names);
  const name = names.get(chain[0]!) ?? '?';
  const day = new Date(until!).toISOString().slice(0, 10);
  const why = explainCandidate(reason, locale, names, 'others');
  return locale === 'en' ? `${why} – in the place of ${name}, who is away until ${day}` : `${why} – mewakili ${name} yang tidak di tempat sampai ${day}`;
}

/** Everybody whose name is in the sentence. */
export const namedIn = (reason: CandidateReason): string[] => ('given' in reason ? [reason.by, ...reason.chain.slice(0, 1)] : []);

function explainGiven({ given, by, chain }: Given, locale: Locale, names: ReadonlyMap<string, string>, to: 'them' | 'others'): string {
  const name = (id: string | undefined) => names.get(id ?? '') ?? '?';
  const you = to === 'them';
  if (given === 'transferred') return locale === 'en' ? `${name(by)} handed this to ${you ? 'you' : 'them'}` : `Dialihkan oleh ${name(by)}`;
  if (given === 'added') return locale === 'en' ? `${name(by)} asked for ${you ? 'your' : 'their'} decision as well` : `${name(by)} meminta keputusan ${you ? 'Anda' : 'darinya'} juga`;
  return locale === 'en' ? `In the place of ${name(chain[0])}, who let ${you ? 'you' : 'them'}` : `Mewakili ${name(chain[0])}`;
}

function explainRule(met: MetRule, locale: Locale, to: 'them' | 'others'): string {
  const said = explainMet(met, locale, to);
  return met.escalated ? `${said}${locale === 'en' ? ', asked as well because it was not decided in time' : ', diminta juga karena belum diputuskan tepat waktu'}` : said;
}

function explainMet({ rule, position, unit, acting, roleName }: MetRule, locale: Locale, to: 'them' | 'others'): string {
  const post = position === null ? (unit ?? '') : `${acting ? (locale === 'en' ? 'acting ' : 'Plt. ') : ''}${position}${unit ? `, ${unit}` : ''}`;
  const said = (en: readonly [you: string, they: string], id: readonly [you: string, they: string]) => (locale === 'en' ? en : id)[to === 'them' ? 0 : 1];
  if ('people' in rule) return said(['You are named in the request', 'Named in the request'], ['Anda disebut dalam permohonan', 'Disebut dalam permohonan']);
  if ('person' in rule) return said(['You are named for this step', 'Named for this step'], ['Anda ditunjuk untuk langkah ini', 'Ditunjuk untuk langkah ini']);
  if ('position' in rule) return `${said(['You hold the position', 'Holds the position'], ['Anda memegang jabatan ini', 'Memegang jabatan ini'])} (${post})`;
  if (roleName === null) return `${said(['You head the unit', 'Heads the unit'], ['Anda memimpin unit ini', 'Memimpin unit ini'])} (${post})`;
  return `${said(['You hold', 'Holds'], ['Anda memegang peran', 'Memegang peran'])} ${roleName} (${post})`;
}

/** Everybody who holds a post now in the department a unit belongs to; in the unit itself, where it belongs to none. */
export async function peopleOfDepartment(tx: Tx, unitId: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ person_id: string }[]>`
    WITH department AS (
      SELECT d.lft, d.rgt FROM org_unit own JOIN org_unit d ON d.foundation_id = own.foundation_id AND d.id = ANY (own.path) AND (d.kind = 'department' OR d.id = own.id)
       WHERE own.foundation_id = gloria_foundation() AND own.id = ${unitId}::uuid ORDER BY d.kind = 'department' DESC, d.depth LIMIT 1
    )
    SELECT DISTINCT a.person_id FROM ${POSTS} JOIN department ON u.lft BETWEEN department.lft AND department.rgt WHERE a.foundation_id = gloria_foundation() AND ${HELD}`;
  return rows.map(({ person_id: id }) => id);
}
