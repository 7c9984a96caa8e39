import { Injectable } from '@nestjs/common';
import { rowFacts, type RowFilter, RowSources, whereFromFilter } from '../../access';
import type { Prisma, Tx } from '../../platform/database';

/** A unit that is one of these or lies below one. */
export const inside = (units: readonly string[]): Prisma.OrgUnitWhereInput => ({ path: { hasSome: [...units] } });

/** An appointment that holds now; where units are named, in one of these or below. */
export function holding(units?: readonly string[]): Prisma.AppointmentWhereInput {
  const now = new Date();
  return { validFrom: { lte: now }, OR: [{ validUntil: null }, { validUntil: { gt: now } }], position: { deletedAt: null, unit: units && inside(units) } };
}

/** Where what a filter says stands in each table: to whom a row belongs, and in which unit it lies. */
export const unitsOf = (filter: RowFilter) => whereFromFilter<Prisma.OrgUnitWhereInput>(filter, 'unit', { unit: inside });
export const positionsOf = (filter: RowFilter) => whereFromFilter<Prisma.PositionWhereInput>(filter, 'position', { unit: (ids) => ({ unit: inside(ids) }) });
export const peopleOf = (filter: RowFilter) => whereFromFilter<Prisma.PersonWhereInput>(filter, 'person', { owner: (id) => ({ id }), unit: (ids) => ({ appointments: { some: holding(ids) } }) });
export const appointmentsOf = (filter: RowFilter) => whereFromFilter<Prisma.AppointmentWhereInput>(filter, 'appointment', { owner: (personId) => ({ personId }), unit: (ids) => ({ position: { unit: inside(ids) } }) });

/** The rows of this module, for whoever asks about rows of any kind. */
@Injectable()
export class OrganizationRows {
  constructor(sources: RowSources) {
    const after = (id: string | null) => (id === null ? {} : { id: { gt: id } });
    const page = (take: number) => ({ orderBy: { id: 'asc' as const }, take, select: { id: true } as const });
    const living = { deletedAt: null };
    const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);
    sources.register('unit', {
      ids: async (tx, filter, take, from) => {
        const where = unitsOf(filter);
        return where ? ids(await (tx as Tx).orgUnit.findMany({ where: { AND: [where, living, after(from)] }, ...page(take) })) : [];
      },
      facts: async (tx, wanted) => {
        const rows = await (tx as Tx).orgUnit.findMany({ where: { id: { in: [...wanted] }, ...living } });
        return rows.map((row) => rowFacts('unit', row, { unitPath: row.path }));
      },
    });
    sources.register('position', {
      ids: async (tx, filter, take, from) => {
        const where = positionsOf(filter);
        return where ? ids(await (tx as Tx).position.findMany({ where: { AND: [where, living, after(from)] }, ...page(take) })) : [];
      },
      facts: async (tx, wanted) => {
        const rows = await (tx as Tx).position.findMany({ where: { id: { in: [...wanted] }, ...living }, include: { unit: { select: { path: true } } } });
        return rows.map((row) => rowFacts('position', row, { unitPath: row.unit.path }));
      },
    });
    sources.register('person', {
      ids: async (tx, filter, take, from) => {
        const where = peopleOf(filter);
        return where ? ids(await (tx as Tx).person.findMany({ where: { AND: [where, living, after(from)] }, ...page(take) })) : [];
      },
      facts: async (tx, wanted) => {
        const rows = await (tx as Tx).person.findMany({ where: { id: { in: [...wanted] }, ...living }, include: { appointments: { where: holding(), select: { position: { select: { unit: { select: { path: true } } } } } } } });
        return rows.map((row) => rowFacts('person', row, { ownerPersonId: row.id, unitPath: row.appointments.map(({ position }) => position.unit.path) }));
      },
    });
    sources.register('appointment', {
      ids: async (tx, filter, take, from) => {
        const where = appointmentsOf(filter);
        return where ? ids(await (tx as Tx).appointment.findMany({ where: { AND: [where, after(from)] }, ...page(take) })) : [];
      },
      facts: async (tx, wanted) => {
        const rows = await (tx as Tx).appointment.findMany({ where: { id: { in: [...wanted] } }, include: { position: { select: { unit: { select: { path: true } } } } } });
        return rows.map((row) => rowFacts('appointment', row, { ownerPersonId: row.personId, unitPath: row.position.unit.path }));
      },
    });
  }
}
