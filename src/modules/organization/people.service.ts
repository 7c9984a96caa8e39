import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, PermissionPort, Problem, rowFacts } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { Database, everyRow, type Person, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { AppointmentsService } from './appointments.service';
import { type CreatePerson, type ListPeopleQuery, toPersonResponse, type UpdatePerson } from './organization.dto';
import { created } from './organization.events';
import { absence, holding, VisibleRows } from './rows';
import { versionedChange } from './versioned-change';

const TAKEN = { person_number_living: () => new Problem('CODE_TAKEN', { field: 'employeeNumber' }) };

/** A person lies within a scope through the positions they hold now. */
@Injectable()
export class PeopleService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly appointments: AppointmentsService,
    private readonly rows: VisibleRows,
  ) {}

  async list(actor: Actor, query: ListPeopleQuery) {
    return this.database.withTenant(actor, async (tx) => {
      const people = await this.rows.people(tx, actor);
      const unit = query.unitId ? await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: query.unitId } }) : null;
      if (query.unitId && !unit) throw new Problem('NOT_FOUND');
      const page = await this.cursors.page(
        listName('people', query),
        query,
        (take, after) =>
          people.findMany({
            where: {
              AND: [
                { employeeNumber: query.employeeNumber, deletedAt: query.deleted ? { not: null } : null },
                unit ? { appointments: { some: holding([unit.id]) } } : {},
                query.search ? { OR: [{ fullName: { contains: query.search, mode: 'insensitive' } }, { employeeNumber: { startsWith: query.search } }] } : {},
                after ? { OR: [{ fullName: { gt: after[0]! } }, { fullName: after[0]!, id: { gt: after[1]! } }] } : {},
              ],
            },
            orderBy: [{ fullName: 'asc' }, { id: 'asc' }],
            take,
          }),
        (row) => [row.fullName, row.id],
      );
      return { items: page.items.map(toPersonResponse), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string) {
    return this.database.withTenant(actor, async (tx) => toPersonResponse(await this.find(tx, actor, id)));
  }

  /** With a first position, whoever writes people in its unit may create; without one, only who writes them everywhere. */
  async create(actor: Actor, input: CreatePerson) {
    const { appointment, ...data } = input;
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const unitPath = appointment && (await everyRow(tx, 'reference').position.findFirst({ where: { id: appointment.positionId, deletedAt: null }, select: { unit: { select: { path: true } } } }))?.unit.path;
        await this.permissions.require(actor, 'person:write', rowFacts('person', data, { unitPath }));
        const person = await namingConstraints(TAKEN, () => tx.person.create({ data: { ...data, id: uuidv7(), foundationId: actor.foundationId } }));
        await this.audit.record(tx, actor, created('person', person));
        if (appointment) await this.appointments.createIn(tx, actor, { ...appointment, personId: person.id });
        return toPersonResponse(person);
      }),
    );
  }

  async update(actor: Actor, id: string, input: UpdatePerson) {
    const { version, ...data } = input;
    return this.write(actor, id, version, () => Promise.resolve(data));
  }

  /** Their tokens are refused from the next request on; the row is kept. */
  async remove(actor: Actor, id: string, version: number): Promise<void> {
    await this.write(actor, id, version, async (tx) => {
      const held = await everyRow(tx, 'rule').appointment.count({ where: { personId: id, OR: [{ validUntil: null }, { validUntil: { gt: new Date() } }] } });
      if (held > 0) throw new Problem('STILL_IN_USE', { what: 'appointments' });
      return { deletedAt: new Date() };
    });
  }

  async restore(actor: Actor, id: string, version: number) {
    return this.write(actor, id, version, async (tx) => {
      // With the person comes back what their account may do.
      await this.permissions.requirePersonHeld(tx, actor, id);
      return { deletedAt: null };
    });
  }

  private async write(actor: Actor, id: string, version: number, plan: (tx: Tx) => Promise<Partial<Person>>) {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, async () => {
      const before = await this.find(tx, actor, id);
      const writable = await this.rows.people(tx, actor, 'person:write');
      if (!(await writable.count({ where: { id } }))) throw new Denied('PERMISSION_DENIED', { permission: 'person:write' }, { type: 'person', id });
      const data = await plan(tx);
      const after = await versionedChange({
        kind: 'person',
        before,
        version,
        data,
        write: () => namingConstraints(TAKEN, () => tx.person.updateMany({ where: { id, version }, data: { ...data, version: { increment: 1 } } })),
        read: () => everyRow(tx, 'own').person.findFirstOrThrow({ where: { id } }),
        record: (event) => this.audit.record(tx, actor, event),
      });
      if (after.deletedAt) await this.permissions.requireAdministratorLeft(tx, actor);
      return toPersonResponse(after);
    }));
  }

  private async find(tx: Tx, actor: Actor, id: string): Promise<Person> {
    const person = await (await this.rows.people(tx, actor)).findFirst({ where: { id } });
    if (person) return person;
    throw await absence(everyRow(tx, 'denial').person.count({ where: { id } }), { type: 'person', id });
  }
}
