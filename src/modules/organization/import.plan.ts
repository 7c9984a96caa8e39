import { z } from 'zod';
import type { FieldError } from '../../access';
import { fieldErrors } from '../../http';

const code = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/, 'letters, digits, . _ -, at most 60');
const name = z.string().trim().min(1).max(200);
const employeeNumber = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9./-]{0,29}$/, 'letters, digits, . / -, at most 30');
const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()]).transform((value) => new Date(value).toISOString());

/** A whole organization. Rows name each other by code; a row whose code exists already changes that row. */
export const importDocument = z.strictObject({
  units: z.array(z.strictObject({ code, kind: z.enum(['school', 'department']), name, parent: code.optional() })).max(5_000).default([]),
  positions: z.array(z.strictObject({ code, title: name, unit: code, isHead: z.boolean().default(false) })).max(20_000).default([]),
  people: z
    .array(z.strictObject({ employeeNumber, fullName: name, email: z.email().max(254).nullable().default(null), phone: z.string().regex(/^\+?[0-9 ()-]{5,25}$/).nullable().default(null), locale: z.enum(['en', 'id']).nullable().default(null) }))
    .max(50_000)
    .default([]),
  appointments: z
    .array(z.strictObject({ employeeNumber, position: code, acting: z.boolean().default(false), validFrom: instant.optional(), validUntil: instant.nullable().default(null) }))
    .max(50_000)
    .default([]),
});
export type ImportDocument = z.output<typeof importDocument>;

/** What is there already, by code. */
export interface Existing {
  root: string;
  units: ReadonlyMap<string, { id: string; kind: string; name: string; parentCode: string | null }>;
  positions: ReadonlyMap<string, { id: string; title: string; unitCode: string; isHead: boolean }>;
  people: ReadonlyMap<string, { id: string; fullName: string; email: string | null; phone: string | null; locale: string | null }>;
  /** `employeeNumber position` of appointments that hold now or later. */
  appointments: ReadonlySet<string>;
}

export interface ImportPlan {
  problems: FieldError[];
  units: Split<ImportDocument['units'][number] & { parent: string }>;
  positions: Split<ImportDocument['positions'][number]>;
  people: Split<ImportDocument['people'][number]>;
  appointments: Split<ImportDocument['appointments'][number]>;
}
interface Split<T> {
  create: T[];
  change: T[];
  unchanged: number;
}

/** Checks the shape; every wrong value is a problem with its pointer. */
export function readImport(input: unknown): { document: ImportDocument; problems: FieldError[] } {
  const parsed = importDocument.safeParse(input);
  return parsed.success ? { document: parsed.data, problems: [] } : { document: importDocument.parse({}), problems: fieldErrors(parsed.error, 1_000) };
}

/**
 * Compares a document with what exists and says what would be created and changed, or everything that is wrong with it:
 * duplicates, references to nothing, cycles, schools in the wrong place, second heads. Pure.
 */
export function planImport(document: ImportDocument, existing: Existing): ImportPlan {
  const problems: FieldError[] = [];
  const problem = (pointer: string, kind: string, detail: string) => problems.push({ pointer, code: kind, detail });

  const unique = <T>(list: readonly T[], section: string, field: string, key: (row: T) => string) => {
    const seen = new Map<string, number>();
    list.forEach((row, index) => {
      const first = seen.get(key(row));
      if (first === undefined) seen.set(key(row), index);
      else problem(`#/${section}/${index}/${field}`, 'duplicate', `the same as row ${first}`);
    });
  };
  unique(document.units, 'units', 'code', (row) => row.code);
  unique(document.positions, 'positions', 'code', (row) => row.code);
  unique(document.people, 'people', 'employeeNumber', (row) => row.employeeNumber);
  unique(document.appointments, 'appointments', 'position', (row) => `${row.employeeNumber} ${row.position} ${row.validFrom ?? ''}`);

  const units = document.units.map((row) => ({ ...row, parent: row.parent ?? existing.root }));
  const kinds = new Map<string, string>([[existing.root, 'foundation'], ...[...existing.units].map(([key, unit]) => [key, unit.kind] as const), ...units.map((row) => [row.code, row.kind] as const)]);
  const parents = new Map<string, string | null>([...[...existing.units].map(([key, unit]) => [key, unit.parentCode] as const), ...units.map((row) => [row.code, row.parent] as const)]);
  units.forEach((row, index) => {
    const known = existing.units.get(row.code);
    if (row.code === existing.root) problem(`#/units/${index}/code`, 'root', 'the foundation itself is not imported');
    if (known && known.kind !== row.kind) problem(`#/units/${index}/kind`, 'kind', `exists already as a ${known.kind}`);
    if (!kinds.has(row.parent)) problem(`#/units/${index}/parent`, 'unknown', `there is no unit ${row.parent}`);
    else if (row.kind === 'school' && row.parent !== existing.root) problem(`#/units/${index}/parent`, 'shape', 'a school stands directly below the foundation');
    if (onCycle(row.code, parents)) problem(`#/units/${index}/parent`, 'cycle', 'the unit would stand below itself');
  });

  const heads = new Map<string, string>([...existing.positions].flatMap(([key, position]) => (position.isHead ? [[position.unitCode, key] as const] : [])));
  for (const row of document.positions) if (!row.isHead && heads.get(row.unit) === row.code) heads.delete(row.unit);
  document.positions.forEach((row, index) => {
    if (!kinds.has(row.unit)) problem(`#/positions/${index}/unit`, 'unknown', `there is no unit ${row.unit}`);
    if (!row.isHead) return;
    const other = heads.get(row.unit);
    if (other !== undefined && other !== row.code) problem(`#/positions/${index}/isHead`, 'duplicate', `${other} heads this unit already`);
    else heads.set(row.unit, row.code);
  });

  const positionCodes = new Set([...existing.positions.keys(), ...document.positions.map((row) => row.code)]);
  const numbers = new Set([...existing.people.keys(), ...document.people.map((row) => row.employeeNumber)]);
  document.appointments.forEach((row, index) => {
    if (!numbers.has(row.employeeNumber)) problem(`#/appointments/${index}/employeeNumber`, 'unknown', `there is no person ${row.employeeNumber}`);
    if (!positionCodes.has(row.position)) problem(`#/appointments/${index}/position`, 'unknown', `there is no position ${row.position}`);
    if (row.validUntil !== null && row.validFrom !== undefined && row.validUntil <= row.validFrom) problem(`#/appointments/${index}/validUntil`, 'period', 'must be later than validFrom');
  });

  return {
    problems,
    units: split(units, (row) => existing.units.get(row.code), (row, known) => known.name === row.name && known.parentCode === row.parent),
    positions: split(document.positions, (row) => existing.positions.get(row.code), (row, known) => known.title === row.title && known.unitCode === row.unit && known.isHead === row.isHead),
    people: split(
      document.people,
      (row) => existing.people.get(row.employeeNumber),
      (row, known) => known.fullName === row.fullName && known.email === row.email && known.phone === row.phone && known.locale === row.locale,
    ),
    appointments: split(document.appointments, (row) => (existing.appointments.has(`${row.employeeNumber} ${row.position}`) ? row : undefined), () => true),
  };
}

function split<T, K>(list: readonly T[], find: (row: T) => K | undefined, same: (row: T, known: K) => boolean): Split<T> {
  const result: Split<T> = { create: [], change: [], unchanged: 0 };
  for (const row of list) {
    const known = find(row);
    if (known === undefined) result.create.push(row);
    else if (same(row, known)) result.unchanged += 1;
    else result.change.push(row);
  }
  return result;
}

function onCycle(start: string, parents: ReadonlyMap<string, string | null>): boolean {
  const seen = new Set<string>();
  for (let at: string | null | undefined = parents.get(start); at; at = parents.get(at)) {
    if (at === start) return true;
    if (seen.has(at)) return false;
    seen.add(at);
  }
  return false;
}
