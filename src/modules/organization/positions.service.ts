import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem, rowFacts, type UnitPath } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { Database, everyRow, type Position, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { type CreatePosition, type ListPositionsQuery, toPositionResponse, type UpdatePosition } from './organization.dto';
import { created } from './organization.events';
import { absence, VisibleRows } from './rows';
import { versionedChange } from './versioned-change';

const TAKEN = {
  position_code_living: () => new Problem('CODE_TAKEN', { field: 'code' }),
  position_one_head: () => new Problem('CODE_TAKEN', { field: 'isHead' }),
};

@Injectable()
export class PositionsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly rows: VisibleRows,
  ) {}

  async list(actor: Actor, query: ListPositionsQuery) {
    return this.database.withTenant(actor, async (tx) => {
      const positions = await this.rows.positions(tx, actor);
      const page = await this.cursors.page(
        listName('positions', query),
        query,
        (take, after) =>
          positions.findMany({
            where: {
              AND: [
                { unitId: query.unitId, deletedAt: query.deleted ? { not: null } : null },
                query.search ? { OR: [{ title: { contains: query.search, mode: 'insensitive' } }, { code: { contains: query.search, mode: 'insensitive' } }] } : {},
                after ? { OR: [{ code: { gt: after[0]! } }, { code: after[0]!, id: { gt: after[1]! } }] } : {},
              ],
            },
            orderBy: [{ code: 'asc' }, { id: 'asc' }],
            take,
          }),
        (row) => [row.code, row.id],
      );
      return { items: page.items.map(toPositionResponse), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string) {
    return this.database.withTenant(actor, async (tx) => toPositionResponse((await this.find(tx, actor, id)).position));
  }

  async create(actor: Actor, input: CreatePosition) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        await this.requireUnit(tx, actor, input.unitId);
        const position = await namingConstraints(TAKEN, () => tx.position.create({ data: { ...input, id: uuidv7(), foundationId: actor.foundationId } }));
        await this.audit.record(tx, actor, created('position', position));
        return toPositionResponse(position);
      }),
    );
  }

  async update(actor: Actor, id: string, input: UpdatePosition) {
    const { version, ...data } = input;
    return this.write(actor, id, version, async (tx) => {
      if (data.unitId) await this.requireUnit(tx, actor, data.unitId);
      // Moved or made the head, a position carries what comes with it to another place.
      if (data.unitId || data.isHead) await this.permissions.requirePositionsHeld(tx, actor, [id], null);
      return data;
    });
  }

  async remove(actor: Actor, id: string, version: number): Promise<void> {
    await this.write(actor, id, version, async (tx) => {
      const held = await everyRow(tx, 'rule').appointment.count({ where: { positionId: id, OR: [{ validUntil: null }, { validUntil: { gt: new Date() } }] } });
      if (held > 0) throw new Problem('STILL_IN_USE', { what: 'appointments' });
      return { deletedAt: new Date() };
    });
  }

  async restore(actor: Actor, id: string, version: number) {
    return this.write(actor, id, version, async (tx, position) => {
      const unit = await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: position.unitId, deletedAt: null } });
      if (!unit) throw new Problem('PARENT_DELETED');
      return { deletedAt: null };
    });
  }

  private async write(actor: Actor, id: string, version: number, plan: (tx: Tx, position: Position) => Promise<Partial<Position>>) {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, async () => {
      const { position: before, unitPath } = await this.find(tx, actor, id);
      await this.permissions.require(actor, 'organization:write', rowFacts('position', before, { unitPath }));
      const data = await plan(tx, before);
      const after = await versionedChange({
        kind: 'position',
        before,
        version,
        data,
        write: () => namingConstraints(TAKEN, () => tx.position.updateMany({ where: { id, version }, data: { ...data, version: { increment: 1 } } })),
        read: () => everyRow(tx, 'own').position.findFirstOrThrow({ where: { id } }),
        record: (event) => this.audit.record(tx, actor, event),
      });
      // What it has become must be theirs to write as much as what it was; a move asks for the new unit by itself.
      await this.permissions.require(actor, 'organization:write', rowFacts('position', after, { unitPath: after.unitId === before.unitId ? unitPath : (await everyRow(tx, 'reference').orgUnit.findFirstOrThrow({ where: { id: after.unitId }, select: { path: true } })).path }));
      await this.permissions.requirePostsChanged(tx, actor, [id]);
      return toPositionResponse(after);
    }));
  }

  private async find(tx: Tx, actor: Actor, id: string): Promise<{ position: Position; unitPath: UnitPath }> {
    const found = await (await this.rows.positions(tx, actor)).findFirst({ where: { id }, include: { unit: { select: { path: true } } } });
    if (!found) throw await absence(everyRow(tx, 'denial').position.count({ where: { id } }), { type: 'position', id });
    const { unit, ...position } = found;
    return { position, unitPath: unit.path };
  }

  private async requireUnit(tx: Tx, actor: Actor, unitId: string): Promise<void> {
    const unit = await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: unitId, deletedAt: null } });
    if (!unit) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'organization:write', { type: 'position', unitPath: unit.path });
  }
}
