import { DateTime } from 'luxon';
import { z } from 'zod';
import type { FieldError } from '../../access';
import { fieldErrors, instant, pointer } from '../../http';
import { code, email, employeeNumber, locale, name, phone } from './organization.dto';

/** An instant, or a date: the start of that day in the foundation's time zone. Made canonical when the plan is. */
const moment = z.union([instant, z.iso.date().refine((value) => value >= '1900' && value < '3000', 'must lie between the years 1900 and 3000')], 'a date (2026-07-01) or an instant with its offset (2026-07-01T00:00:00+07:00)');
const toInstant = (value: string, zone: string) => DateTime.fromISO(value, { zone }).toUTC().toISO()!;

/** One row of each section. What is left out of a row that exists already stays as it is. */
const ROWS = {
  units: z.strictObject({ code, kind: z.enum(['school', 'department']), name, parent: code.optional() }),
  positions: z.strictObject({ code, title: name, unit: code, isHead: z.boolean().optional() }),
  people: z.strictObject({
    employeeNumber,
    fullName: name,
    email: email.nullable().optional(),
    phone: phone.nullable().optional(),
    locale: locale.nullable().optional(),
  }),
  appointments: z.strictObject({ employeeNumber, position: code, acting: z.boolean().optional(), validFrom: moment.optional(), validUntil: moment.nullable().optional() }),
} as const;

type Section = keyof typeof ROWS;
type Row<S extends Section> = z.output<(typeof ROWS)[S]> & {
  /** Where it stands in its section. */
  at: number;
};
export type ImportDocument = { [S in Section]: Row<S>[] };

const LIMITS: Record<Section, number> = { units: 5_000, positions: 20_000, people: 50_000, appointments: 50_000 };
const MAX_DEPTH = 32;

/** What is there already, by code. */
export interface Existing {
  root: string;
  units: ReadonlyMap<string, { kind: string; name: string; parentCode: string | null }>;
  positions: ReadonlyMap<string, { title: string; unitCode: string; isHead: boolean }>;
  people: ReadonlyMap<string, { fullName: string; email: string | null; phone: string | null; locale: string | null }>;
  /** Appointments, also past ones, by `employeeNumber position`. */
  appointments: ReadonlyMap<string, readonly { id: string; acting: boolean; validFrom: string; validUntil: string | null }[]>;
}

export interface ImportPlan {
  problems: FieldError[];
  units: Split<Row<'units'> & { parent: string }>;
  positions: Split<Row<'positions'> & { isHead: boolean }>;
  people: Split<Omit<Row<'people'>, 'email' | 'phone' | 'locale'> & { email: string | null; phone: string | null; locale: string | null }>;
  appointments: Split<Row<'appointments'> & { id: string | null; acting: boolean; validFrom: string; validUntil: string | null; widened: boolean }>;
}
interface Split<T> {
  create: T[];
  change: T[];
  unchanged: number;
}

/** Checks each row by itself. Rows that are wrong become problems and are left out; dates are read in the time zone. */
export function readImport(input: unknown, timezone: string): { document: ImportDocument; mentioned: Mentioned; problems: FieldError[] } {
  const document: ImportDocument = { units: [], positions: [], people: [], appointments: [] };
  const mentioned: Mentioned = { units: new Set(), positions: new Set(), people: new Set() };
  const problems: FieldError[] = [];
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return { document, mentioned, problems: [{ pointer: '#', code: 'invalid_type', detail: 'an object with units, positions, people, appointments' }] };
  for (const [section, rows] of Object.entries(input)) {
    if (!Object.hasOwn(ROWS, section)) problems.push({ pointer: pointer([section]), code: 'unknown_field', detail: 'this field does not exist' });
    else if (!Array.isArray(rows)) problems.push({ pointer: pointer([section]), code: 'invalid_type', detail: 'an array' });
    else if (rows.length > LIMITS[section as Section]) problems.push({ pointer: pointer([section]), code: 'too_big', detail: `at most ${LIMITS[section as Section]} rows` });
    else rows.forEach((row: unknown, at) => {
      const raw = row as Record<string, unknown> | null;
      const key = section === 'people' ? raw?.employeeNumber : raw?.code;
      if (section !== 'appointments' && typeof key === 'string') mentioned[section as keyof Mentioned].add(key);
      const parsed = ROWS[section as Section].safeParse(row);
      if (parsed.success) {
        const row: Record<string, unknown> = { ...parsed.data, at };
        for (const field of ['validFrom', 'validUntil']) if (typeof row[field] === 'string') row[field] = toInstant(row[field], timezone);
        (document[section as Section] as object[]).push(row);
      }
      else problems.push(...fieldErrors(parsed.error).map((error) => ({ ...error, pointer: `${pointer([section, at])}${error.pointer.slice(1)}` })));
    });
  }
  return { document, mentioned, problems };
}

/** Codes of rows that were given, readable or not, so that one wrong row does not make every reference to it wrong. */
export interface Mentioned {
  units: Set<string>;
  positions: Set<string>;
  people: Set<string>;
}

/**
 * Compares a document with what exists and says what would be created and changed, or everything that is wrong with it:
 * duplicates, references to nothing, cycles, schools in the wrong place, second heads, overlaps. Pure; `now` is when an
 * appointment begins that does not say.
 */
export function planImport(document: ImportDocument, mentioned: Mentioned, existing: Existing, now: string): ImportPlan {
  const problems: FieldError[] = [];
  const problem = (path: [Section, number, string], kind: string, detail: string) => problems.push({ pointer: pointer(path), code: kind, detail });

  const unique = <T extends { at: number }>(list: readonly T[], section: Section, field: string, key: (row: T) => string) => {
    const seen = new Map<string, number>();
    for (const row of list) {
      const first = seen.get(key(row));
      if (first === undefined) seen.set(key(row), row.at);
      else problem([section, row.at, field], 'duplicate', `the same as row ${first}`);
    }
  };
  unique(document.units, 'units', 'code', (row) => row.code);
  unique(document.positions, 'positions', 'code', (row) => row.code);
  unique(document.people, 'people', 'employeeNumber', (row) => row.employeeNumber);

  const units = document.units.map((row) => ({ ...row, parent: row.parent ?? existing.units.get(row.code)?.parentCode ?? existing.root }));
  const kinds = new Map<string, string>([[existing.root, 'foundation'], ...[...existing.units].map(([key, unit]) => [key, unit.kind] as const), ...units.map((row) => [row.code, row.kind] as const)]);
  const parents = new Map<string, string | null>([...[...existing.units].map(([key, unit]) => [key, unit.parentCode] as const), ...units.map((row) => [row.code, row.parent] as const)]);
  const isUnit = (key: string) => kinds.has(key) || mentioned.units.has(key);
  for (const row of units) {
    const known = existing.units.get(row.code);
    if (row.code === existing.root) problem(['units', row.at, 'code'], 'root', 'the foundation itself is not imported');
    if (known && known.kind !== row.kind) problem(['units', row.at, 'kind'], 'kind', `exists already as a ${known.kind}`);
    if (!isUnit(row.parent)) problem(['units', row.at, 'parent'], 'unknown', `there is no unit ${row.parent}`);
    else if (row.kind === 'school' && row.parent !== existing.root) problem(['units', row.at, 'parent'], 'shape', 'a school stands directly below the foundation');
    const depth = depthOf(row.code, parents);
    if (depth === null) problem(['units', row.at, 'parent'], 'cycle', 'the unit would stand below itself');
    else if (depth > MAX_DEPTH) problem(['units', row.at, 'parent'], 'depth', `deeper than ${MAX_DEPTH} levels`);
  }

  const positions = document.positions.map((row) => ({ ...row, isHead: row.isHead ?? existing.positions.get(row.code)?.isHead ?? false }));
  const given = new Map(positions.map((row) => [row.code, row]));
  const heads = new Map<string, string>();
  for (const [key, position] of existing.positions) if (position.isHead && !given.has(key)) heads.set(position.unitCode, key);
  for (const row of positions) {
    if (!isUnit(row.unit)) problem(['positions', row.at, 'unit'], 'unknown', `there is no unit ${row.unit}`);
    if (!row.isHead) continue;
    const other = heads.get(row.unit);
    if (other !== undefined && other !== row.code) problem(['positions', row.at, 'isHead'], 'duplicate', `${other} heads this unit already`);
    heads.set(row.unit, row.code);
  }

  const people = document.people.map((row) => {
    const known = existing.people.get(row.employeeNumber);
    const kept = <K extends 'email' | 'phone' | 'locale'>(field: K): string | null => (row[field] === undefined ? (known?.[field] ?? null) : row[field]);
    return { ...row, email: kept('email'), phone: kept('phone'), locale: kept('locale') };
  });

  // By person and position, what will be held once everything is written: to find what a row changes, and overlaps.
  const used = new Set<string>();
  const held = new Map([...existing.appointments].map(([key, list]) => [key, list.map((each) => ({ ...each }))]));
  const appointments: (ImportPlan['appointments']['create'][number] & { same: boolean })[] = [];
  for (const row of document.appointments) {
    if (!existing.people.has(row.employeeNumber) && !mentioned.people.has(row.employeeNumber)) problem(['appointments', row.at, 'employeeNumber'], 'unknown', `there is no person ${row.employeeNumber}`);
    if (!existing.positions.has(row.position) && !mentioned.positions.has(row.position)) problem(['appointments', row.at, 'position'], 'unknown', `there is no position ${row.position}`);
    const key = `${row.employeeNumber} ${row.position}`;
    const list = held.get(key) ?? [];
    held.set(key, list);
    // Without a beginning it means the appointment there is; with one, the one that begins then.
    const known = list.find((each) => each.id !== '' && (row.validFrom === undefined ? each.validUntil === null || each.validUntil > now : each.validFrom === row.validFrom));
    if (known && used.has(known.id)) problem(['appointments', row.at, 'position'], 'duplicate', 'another row means the same appointment');
    if (known) used.add(known.id);
    const wanted = {
      id: known?.id ?? '',
      acting: row.acting ?? known?.acting ?? false,
      validFrom: known?.validFrom ?? row.validFrom ?? now,
      validUntil: row.validUntil === undefined ? (known?.validUntil ?? null) : row.validUntil,
    };
    if (wanted.validUntil !== null && wanted.validUntil <= wanted.validFrom) problem(['appointments', row.at, 'validUntil'], 'period', 'must be later than validFrom');
    const others = list.filter((each) => each !== known);
    if (others.some((each) => overlap(each, wanted))) problem(['appointments', row.at, 'position'], 'overlap', 'the same person holds it in this time already');
    held.set(key, [...others, wanted]);
    const widened = known !== undefined && known.validUntil !== null && (wanted.validUntil === null || wanted.validUntil > known.validUntil);
    appointments.push({ ...row, ...wanted, id: known?.id ?? null, widened, same: known !== undefined && known.acting === wanted.acting && known.validUntil === wanted.validUntil });
  }

  return {
    problems,
    units: split(units, (row) => existing.units.has(row.code), (row) => existing.units.get(row.code)!.name === row.name && existing.units.get(row.code)!.parentCode === row.parent),
    positions: split(positions, (row) => existing.positions.has(row.code), (row) => {
      const known = existing.positions.get(row.code)!;
      return known.title === row.title && known.unitCode === row.unit && known.isHead === row.isHead;
    }),
    people: split(people, (row) => existing.people.has(row.employeeNumber), (row) => {
      const known = existing.people.get(row.employeeNumber)!;
      return known.fullName === row.fullName && known.email === row.email && known.phone === row.phone && known.locale === row.locale;
    }),
    appointments: split(appointments, (row) => row.id !== null, (row) => row.same),
  };
}

function overlap(a: { validFrom: string; validUntil: string | null }, b: { validFrom: string; validUntil: string | null }): boolean {
  return (a.validUntil === null || b.validFrom < a.validUntil) && (b.validUntil === null || a.validFrom < b.validUntil);
}

function split<T>(list: readonly T[], exists: (row: T) => boolean, same: (row: T) => boolean): Split<T> {
  const result: Split<T> = { create: [], change: [], unchanged: 0 };
  for (const row of list) {
    if (!exists(row)) result.create.push(row);
    else if (same(row)) result.unchanged += 1;
    else result.change.push(row);
  }
  return result;
}

/** Levels below the root; null on a cycle. */
function depthOf(start: string, parents: ReadonlyMap<string, string | null>): number | null {
  const seen = new Set<string>([start]);
  let depth = 0;
  for (let at = parents.get(start); at; at = parents.get(at)) {
    if (at === start) return null;
    // A cycle further up is the fault of the rows on it.
    if (seen.has(at)) return depth;
    seen.add(at);
    depth += 1;
  }
  return depth;
}
