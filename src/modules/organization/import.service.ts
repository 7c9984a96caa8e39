import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, type FieldError, PermissionPort, Problem } from '../../access';
import { idempotent, namingConstraints } from '../../http';
import { Database, everyRow, type Position, Prisma, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { readCsv } from './import.csv';
import { type Existing, type ImportPlan, planImport, readImport } from './import.plan';
import { changed, created, type Kind, type Row } from './organization.events';

const MAX_REPORTED = 1_000;
/** The largest file taken; 50,000 people are about half of it. */
export const IMPORT_BODY = { path: '/api/v1/organization/import', limitBytes: 16 * 1024 * 1024, textTypes: ['text/csv'] };

/** A small organization, as shown in the API's documentation. */
export const IMPORT_EXAMPLE = {
  units: [{ code: 'sma-3', kind: 'school', name: 'SMA 3' }, { code: 'sma-3-science', kind: 'department', name: 'Science', parent: 'sma-3' }],
  positions: [{ code: 'sma-3-head', title: 'Head of school', unit: 'sma-3', isHead: true }],
  people: [{ employeeNumber: '8001', fullName: 'Rina Kusuma', locale: 'id' }],
  appointments: [{ employeeNumber: '8001', position: 'sma-3-head', validFrom: '2026-07-01' }],
};

/** What the plan has ruled out and somebody made true meanwhile. */
const CONSTRAINTS = Object.fromEntries(
  ['org_unit_code_living', 'position_code_living', 'position_one_head', 'person_number_living', 'appointment_no_overlap'].map((name) => [name, () => new Problem('STALE_VERSION')]),
);

type Counts = { created: number; changed: number; unchanged: number };
type Report = { dryRun: boolean; units: Counts; positions: Counts; people: Counts; appointments: Counts };

/** Brings in a whole organization from JSON or CSV: everything in one transaction, or nothing. */
@Injectable()
export class ImportService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
  ) {}

  /**
   * Throws 400 IMPORT_INVALID naming every bad row (JSON Pointer, or line of the CSV). A dry run does
   * the same, permissions included, and takes it back.
   */
  async import(actor: Actor, body: unknown, options: { dryRun: boolean }): Promise<Report> {
    await this.permissions.require(actor, 'organization:import', {});
    const csv = typeof body === 'string' ? readCsv(body) : null;
    const { document, mentioned, problems } = readImport(csv ? csv.document : body, actor.timezone);
    const known = [...(csv?.problems ?? []), ...problems];

    return this.database.withTenant(
      actor,
      (tx) =>
        idempotent(tx, actor, async () => {
          const plan = planImport(document, mentioned, await this.read(tx), new Date(actor.startedAt).toISOString());
          const all = [...known, ...plan.problems];
          if (all.length > 0) throw invalid(all, csv?.lines ?? null);
          await namingConstraints(CONSTRAINTS, () => this.apply(tx, actor, plan));
          const counts = ({ create, change, unchanged }: { create: unknown[]; change: unknown[]; unchanged: number }) => ({ created: create.length, changed: change.length, unchanged });
          return { dryRun: options.dryRun, units: counts(plan.units), positions: counts(plan.positions), people: counts(plan.people), appointments: counts(plan.appointments) };
        }),
      { timeout: 120_000, dryRun: options.dryRun },
    );
  }

  private async read(tx: Tx): Promise<Existing> {
    const units = await everyRow(tx, 'whole').orgUnit.findMany({ where: { deletedAt: null }, include: { parent: { select: { code: true } } } });
    const positions = await everyRow(tx, 'whole').position.findMany({ where: { deletedAt: null }, include: { unit: { select: { code: true } } } });
    const people = await everyRow(tx, 'whole').person.findMany({ where: { deletedAt: null } });
    const appointments = await everyRow(tx, 'whole').appointment.findMany({
      include: { person: { select: { employeeNumber: true } }, position: { select: { code: true } } },
      orderBy: { validFrom: 'asc' },
    });
    const root = units.find(({ kind }) => kind === 'foundation');
    if (!root) throw new Error('the foundation has no root unit');
    const held = new Map<string, { id: string; acting: boolean; validFrom: string; validUntil: string | null }[]>();
    for (const { id, acting, validFrom, validUntil, person, position } of appointments) {
      const key = `${person.employeeNumber} ${position.code}`;
      held.set(key, [...(held.get(key) ?? []), { id, acting, validFrom: validFrom.toISOString(), validUntil: validUntil?.toISOString() ?? null }]);
    }
    return {
      root: root.code,
      units: new Map(units.map((unit) => [unit.code, { kind: unit.kind, name: unit.name, parentCode: unit.parent?.code ?? null }])),
      positions: new Map(positions.map((position) => [position.code, { title: position.title, unitCode: position.unit.code, isHead: position.isHead }])),
      people: new Map(people.map((person) => [person.employeeNumber, person])),
      appointments: held,
    };
  }

  private async apply(tx: Tx, actor: Actor, plan: ImportPlan): Promise<void> {
    const ids = async (table: 'org_unit' | 'position' | 'person', key: 'code' | 'employee_number') =>
      new Map((await tx.$queryRaw<{ key: string; id: string }[]>`SELECT ${Prisma.raw(key)} AS key, id FROM ${Prisma.raw(`"${table}"`)} WHERE deleted_at IS NULL`).map((row) => [row.key, row.id]));

    const newUnits = plan.units.create.map((row) => ({ id: uuidv7(), ...row }));
    const units = new Map([...(await ids('org_unit', 'code')), ...newUnits.map((row) => [row.code, row.id] as const)]);
    await this.insert(tx, actor, 'org_unit', newUnits.map((row) => ({ id: row.id, kind: row.kind, parent_id: units.get(row.parent), code: row.code, name: row.name })));
    await this.update(tx, actor, 'org_unit', plan.units.change.map((row) => ({ id: units.get(row.code), name: row.name, parent_id: units.get(row.parent) })));

    // The tree is numbered anew by now; what follows is compared with this.
    const held = await this.permissions.holdings(tx, actor);
    const newPositions = plan.positions.create.map((row) => ({ id: uuidv7(), ...row }));
    const positions = new Map([...(await ids('position', 'code')), ...newPositions.map((row) => [row.code, row.id] as const)]);
    const changes = plan.positions.change.map((row) => ({ id: positions.get(row.code), title: row.title, unit_id: units.get(row.unit), is_head: row.isHead }));
    // Heads that move or change places are vacated first: the one-head rule holds at every statement.
    const before = await this.rows(tx, 'position', changes.map((row) => row.id!));
    await tx.position.updateMany({ where: { id: { in: changes.map((row) => row.id!) }, isHead: true }, data: { isHead: false } });
    await this.update(tx, actor, 'position', changes, before);
    await this.insert(tx, actor, 'position', newPositions.map((row) => ({ id: row.id, unit_id: units.get(row.unit), code: row.code, title: row.title, is_head: row.isHead })));
    const was = new Map((before as Position[]).map((row) => [row.id, row]));
    const moved = changes.filter((row) => was.get(row.id!)?.unitId !== row.unit_id || (row.is_head && !was.get(row.id!)?.isHead)).map((row) => row.id!);
    await this.permissions.requirePositionsHeld(tx, actor, moved, null);

    const newPeople = plan.people.create.map((row) => ({ id: uuidv7(), ...row }));
    const people = new Map([...(await ids('person', 'employee_number')), ...newPeople.map((row) => [row.employeeNumber, row.id] as const)]);
    await this.insert(tx, actor, 'person', newPeople.map((row) => ({ id: row.id, employee_number: row.employeeNumber, full_name: row.fullName, email: row.email, phone: row.phone, locale: row.locale })));
    await this.update(tx, actor, 'person', plan.people.change.map((row) => ({ id: people.get(row.employeeNumber), full_name: row.fullName, email: row.email, phone: row.phone, locale: row.locale })));

    const touched = [...plan.appointments.create, ...plan.appointments.change];
    const given = [...plan.appointments.create, ...plan.appointments.change.filter((row) => row.widened)];
    await this.permissions.requirePositionsHeld(tx, actor, [...new Set(given.map((row) => positions.get(row.position)!))], null);
    await this.insert(
      tx,
      actor,
      'appointment',
      plan.appointments.create.map((row) => ({ id: uuidv7(), person_id: people.get(row.employeeNumber), position_id: positions.get(row.position), acting: row.acting, valid_from: row.validFrom, valid_until: row.validUntil })),
    );
    await this.update(tx, actor, 'appointment', plan.appointments.change.map((row) => ({ id: row.id, acting: row.acting, valid_until: row.validUntil })));
    await this.permissions.requirePostsChanged(tx, actor, [...new Set([...moved, ...touched.map((row) => positions.get(row.position)!)])], held);
  }

  /** One statement for all rows of a table (createMany costs twenty times as much), one event a row. */
  private async insert(tx: Tx, actor: Actor, kind: Kind, rows: Record<string, unknown>[]): Promise<void> {
    if (rows.length === 0) return;
    const columns = Object.keys(rows[0]!);
    const list = Prisma.raw(columns.join(', '));
    const selected = Prisma.raw(columns.map((column) => `r.${column}`).join(', '));
    await tx.$executeRaw`
      INSERT INTO ${Prisma.raw(`"${kind}"`)} (foundation_id, updated_at, ${list})
      SELECT ${actor.foundationId}::uuid, now(), ${selected} FROM jsonb_populate_recordset(NULL::${Prisma.raw(`"${kind}"`)}, ${JSON.stringify(rows)}::jsonb) AS r`;
    const written = await this.rows(tx, kind, rows.map((row) => row.id as string));
    await this.audit.record(tx, actor, ...written.map((row) => created(kind, row)));
  }

  /** `earlier`: the rows as they were, where they have been touched already. */
  private async update(tx: Tx, actor: Actor, kind: Kind, rows: Record<string, unknown>[], earlier?: Row[]): Promise<void> {
    if (rows.length === 0) return;
    const idList = rows.map((row) => row.id as string);
    const before = new Map((earlier ?? (await this.rows(tx, kind, idList))).map((row) => [row.id, row]));
    const set = Prisma.raw(Object.keys(rows[0]!).filter((column) => column !== 'id').map((column) => `${column} = r.${column}`).join(', '));
    await tx.$executeRaw`
      UPDATE ${Prisma.raw(`"${kind}"`)} AS t SET ${set}, version = t.version + 1, updated_at = now()
        FROM jsonb_populate_recordset(NULL::${Prisma.raw(`"${kind}"`)}, ${JSON.stringify(rows)}::jsonb) AS r WHERE t.id = r.id`;
    const after = await this.rows(tx, kind, idList);
    await this.audit.record(tx, actor, ...after.flatMap((row) => changed(kind, before.get(row.id)!, row) ?? []));
  }

  private async rows(tx: Tx, kind: Kind, ids: string[]): Promise<Row[]> {
    // In portions: one bind parameter a row, of which a statement holds 65,535.
    const found: Row[] = [];
    for (let at = 0; at < ids.length; at += 10_000) {
      const where = { id: { in: ids.slice(at, at + 10_000) } };
      switch (kind) {
        case 'org_unit': found.push(...(await everyRow(tx, 'whole').orgUnit.findMany({ where }))); break;
        case 'position': found.push(...(await everyRow(tx, 'whole').position.findMany({ where }))); break;
        case 'person': found.push(...(await everyRow(tx, 'whole').person.findMany({ where }))); break;
        case 'appointment': found.push(...(await everyRow(tx, 'whole').appointment.findMany({ where }))); break;
      }
    }
    return found;
  }
}

function invalid(problems: readonly FieldError[], lines: ReadonlyMap<string, number> | null): Problem {
  const located = problems.slice(0, MAX_REPORTED).map((problem) => {
    const line = lines?.get(/^#\/\w+\/\d+/.exec(problem.pointer)?.[0] ?? '');
    return line === undefined ? problem : { ...problem, pointer: `line:${line}`, detail: `${problem.pointer.split('/').slice(3).join('/') || 'row'}: ${problem.detail}` };
  });
  return new Problem('IMPORT_INVALID', { count: problems.length }, located);
}
