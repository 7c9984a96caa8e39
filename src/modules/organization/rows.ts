import { Injectable } from '@nestjs/common';
import { type Actor, Denied, PermissionPort, Problem, rowFacts, type RowFilter, RowSources, whereFromFilter } from '../../access';
import { everyRow, type Prisma, rowsWithin, type Tx } from '../../platform/database';

/** A unit that is one of these or lies below one. */
export const inside = (units: readonly string[]): Prisma.OrgUnitWhereInput => ({ path: { hasSome: [...units] } });

/** An appointment that holds now; where units are named, in one of these or below. */
export function holding(units?: readonly string[]): Prisma.AppointmentWhereInput {
  const now = new Date();
  return { validFrom: { lte: now }, OR: [{ validUntil: null }, { validUntil: { gt: now } }], position: { deletedAt: null, unit: units && inside(units) } };
}

/** Where what a filter says stands in each table: to whom a row belongs, and in which unit it lies. */
const within = {
  units: (tx: Tx, filter: RowFilter) => rowsWithin(tx, 'orgUnit', whereFromFilter<Prisma.OrgUnitWhereInput>(filter, 'unit', { unit: inside })),
  positions: (tx: Tx, filter: RowFilter) => rowsWithin(tx, 'position', whereFromFilter<Prisma.PositionWhereInput>(filter, 'position', { unit: (ids) => ({ unit: inside(ids) }) })),
  people: (tx: Tx, filter: RowFilter) => rowsWithin(tx, 'person', whereFromFilter<Prisma.PersonWhereInput>(filter, 'person', { owner: (id) => ({ id }), unit: (ids) => ({ appointments: { some: holding(ids) } }) })),
  appointments: (tx: Tx, filter: RowFilter) =>
    rowsWithin(tx, 'appointment', whereFromFilter<Prisma.AppointmentWhereInput>(filter, 'appointment', { owner: (personId) => ({ personId }), unit: (ids) => ({ position: { unit: inside(ids) } }) })),
};

/** The rows of this module an actor may see, or do something else with; how services read them. */
@Injectable()
export class VisibleRows {
  constructor(private readonly permissions: PermissionPort) {}

  async units(tx: Tx, actor: Actor) {
    return within.units(tx, await this.permissions.filter(actor, 'organization:read', 'unit'));
  }

  async positions(tx: Tx, actor: Actor) {
    return within.positions(tx, await this.permissions.filter(actor, 'organization:read', 'position'));
  }

  async people(tx: Tx, actor: Actor, code: 'person:read' | 'person:write' = 'person:read') {
    return within.people(tx, await this.permissions.filter(actor, code, 'person'));
  }

  async appointments(tx: Tx, actor: Actor) {
    return within.appointments(tx, await this.permissions.filter(actor, 'person:read', 'appointment'));
  }
}

/** What to throw for a row that is not among those to be seen: one that is there all the same is refused, and recorded as refused. */
export async function absence(there: Promise<number>, target: { type: string; id: string }): Promise<Problem> {
  return (await there) > 0 ? new Denied('NOT_FOUND', {}, target) : new Problem('NOT_FOUND');
}

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class OrganizationRows {
  constructor(sources: RowSources) {
    const after = (id: string | null) => (id === null ? {} : { id: { gt: id } });
    const page = (take: number) => ({ orderBy: { id: 'asc' as const }, take, select: { id: true } as const });
    const living = { deletedAt: null };
    const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);
    sources.register('unit', {
      ids: async (tx, filter, take, from) => ids(await within.units(tx as Tx, filter).findMany({ where: { ...living, ...after(from) }, ...page(take) })),
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').orgUnit.findMany({ where: { id: { in: [...wanted] }, ...living } });
        return rows.map((row) => rowFacts('unit', row, { unitPath: row.path }));
      },
    });
    sources.register('position', {
      ids: async (tx, filter, take, from) => ids(await within.positions(tx as Tx, filter).findMany({ where: { ...living, ...after(from) }, ...page(take) })),
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').position.findMany({ where: { id: { in: [...wanted] }, ...living }, include: { unit: { select: { path: true } } } });
        return rows.map((row) => rowFacts('position', row, { unitPath: row.unit.path }));
      },
    });
    sources.register('person', {
      ids: async (tx, filter, take, from) => ids(await within.people(tx as Tx, filter).findMany({ where: { ...living, ...after(from) }, ...page(take) })),
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').person.findMany({ where: { id: { in: [...wanted] }, ...living }, include: { appointments: { where: holding(), select: { position: { select: { unit: { select: { path: true } } } } } } } });
        return rows.map((row) => rowFacts('person', row, { ownerPersonId: row.id, unitPath: row.appointments.map(({ position }) => position.unit.path) }));
      },
    });
    sources.register('appointment', {
      ids: async (tx, filter, take, from) => ids(await within.appointments(tx as Tx, filter).findMany({ where: { ...after(from) }, ...page(take) })),
      facts: async (tx, wanted) => {
        const rows = await everyRow(tx as Tx, 'rule').appointment.findMany({ where: { id: { in: [...wanted] } }, include: { position: { select: { unit: { select: { path: true } } } } } });
        return rows.map((row) => rowFacts('appointment', row, { ownerPersonId: row.personId, unitPath: row.position.unit.path }));
      },
    });
  }
}
