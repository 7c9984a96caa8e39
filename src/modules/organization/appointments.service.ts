import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, PermissionPort, Problem, rowFacts, type UnitPath } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { type Appointment, Database, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { type CreateAppointment, type ListAppointmentsQuery, toAppointmentResponse, type UpdateAppointment } from './organization.dto';
import { created, removed } from './organization.events';
import { absence, VisibleRows } from './rows';
import { versionedChange } from './versioned-change';

const PERIOD = {
  appointment_period: () => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/validUntil', code: 'period', detail: 'must be later than validFrom' }]),
  appointment_no_overlap: () => new Problem('CODE_TAKEN', { field: 'position in this period' }),
  appointment_foundation_id_person_id_fkey: () => new Problem('NOT_FOUND'),
};

/** Who holds which position, from when until when. Takes effect with the answer. */
@Injectable()
export class AppointmentsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly rows: VisibleRows,
  ) {}

  async list(actor: Actor, query: ListAppointmentsQuery) {
    const at = query.at ? new Date(query.at) : null;
    return this.database.withTenant(actor, async (tx) => {
      const appointments = await this.rows.appointments(tx, actor);
      const page = await this.cursors.page(
        listName('appointments', query),
        query,
        (take, after) =>
          appointments.findMany({
            where: {
              AND: [
                { personId: query.personId, positionId: query.positionId },
                at ? { validFrom: { lte: at }, OR: [{ validUntil: null }, { validUntil: { gt: at } }] } : {},
                after ? { id: { gt: after[0]! } } : {},
              ],
            },
            orderBy: { id: 'asc' },
            take,
          }),
        (row) => [row.id],
      );
      return { items: page.items.map(toAppointmentResponse), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string) {
    return this.database.withTenant(actor, async (tx) => toAppointmentResponse((await this.find(tx, actor, id)).appointment));
  }

  /** Takes back an appointment that has not begun; one that has is ended instead. */
  async remove(actor: Actor, id: string, version: number): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const { appointment, unitPath } = await this.find(tx, actor, id);
      await this.permissions.require(actor, 'person:write', rowFacts('appointment', appointment, { unitPath }));
      if (appointment.validFrom.getTime() <= actor.startedAt) throw new Problem('STILL_IN_USE', { what: 'its holder, since it has begun; end it instead' });
      const { count } = await tx.appointment.deleteMany({ where: { id, version } });
      if (count === 0) throw new Problem('STALE_VERSION');
      await this.audit.record(tx, actor, removed('appointment', appointment));
      await this.permissions.requirePostsChanged(tx, actor, [appointment.positionId]);
    });
  }

  async create(actor: Actor, input: CreateAppointment) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        // Appointing somebody to one's own unit must not be a way to reach people of another.
        const known = await everyRow(tx, 'denial').person.count({ where: { id: input.personId, deletedAt: null } });
        const writable = await this.rows.people(tx, actor, 'person:write');
        if (known && !(await writable.count({ where: { id: input.personId, deletedAt: null } }))) throw new Denied('NOT_FOUND', {}, { type: 'person', id: input.personId });
        return toAppointmentResponse(await this.createIn(tx, actor, input));
      }),
    );
  }

  /** The same inside a transaction already open. */
  async createIn(tx: Tx, actor: Actor, input: CreateAppointment): Promise<Appointment> {
    const position = await everyRow(tx, 'reference').position.findFirst({ where: { id: input.positionId, deletedAt: null }, include: { unit: { select: { path: true } } } });
    if (!position || !(await everyRow(tx, 'reference').person.findFirst({ where: { id: input.personId, deletedAt: null } }))) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'person:write', rowFacts('appointment', input, { unitPath: position.unit.path }));
    await this.permissions.requirePositionsHeld(tx, actor, [position.id], input.validUntil ? new Date(input.validUntil) : null);
    const appointment = await namingConstraints(PERIOD, () =>
      tx.appointment.create({ data: { ...input, validFrom: input.validFrom ?? new Date(actor.startedAt), id: uuidv7(), foundationId: actor.foundationId } }),
    );
    await this.audit.record(tx, actor, created('appointment', appointment));
    await this.permissions.requirePostsChanged(tx, actor, [position.id]);
    return appointment;
  }

  /** Ends, extends or re-opens an appointment, or changes whether it is acting. */
  async update(actor: Actor, id: string, input: UpdateAppointment) {
    const { version, acting, validUntil } = input;
    return this.database.withTenant(actor, async (tx) => {
      const { appointment: before, unitPath } = await this.find(tx, actor, id);
      await this.permissions.require(actor, 'person:write', rowFacts('appointment', before, { unitPath }));
      const widened = validUntil === null ? before.validUntil !== null : validUntil !== undefined && before.validUntil !== null && new Date(validUntil) > before.validUntil;
      if (widened) await this.permissions.requirePositionsHeld(tx, actor, [before.positionId], validUntil ? new Date(validUntil) : null);
      const data = { acting, validUntil: validUntil === undefined ? undefined : validUntil === null ? null : new Date(validUntil) };
      const after = await versionedChange<Appointment>({
        kind: 'appointment',
        before,
        version,
        data,
        write: () => namingConstraints(PERIOD, () => tx.appointment.updateMany({ where: { id, version }, data: { ...data, version: { increment: 1 } } })),
        read: () => everyRow(tx, 'own').appointment.findFirstOrThrow({ where: { id } }),
        record: (event) => this.audit.record(tx, actor, event),
      });
      await this.permissions.require(actor, 'person:write', rowFacts('appointment', after, { unitPath }));
      await this.permissions.requirePostsChanged(tx, actor, [after.positionId]);
      return toAppointmentResponse(after);
    });
  }

  private async find(tx: Tx, actor: Actor, id: string): Promise<{ appointment: Appointment; unitPath: UnitPath }> {
    const found = await (await this.rows.appointments(tx, actor)).findFirst({ where: { id }, include: { position: { include: { unit: { select: { path: true } } } } } });
    if (!found) throw await absence(everyRow(tx, 'denial').appointment.count({ where: { id } }), { type: 'appointment', id });
    const { position, ...appointment } = found;
    return { appointment, unitPath: position.unit.path };
  }
}
