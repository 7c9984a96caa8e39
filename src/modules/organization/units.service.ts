import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem, rowFacts } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { Database, everyRow, type OrgUnit, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { type CreateUnit, type ListUnitsQuery, toUnitResponse, type UpdateUnit } from './organization.dto';
import { created } from './organization.events';
import { absence, inside, VisibleRows } from './rows';
import { versionedChange } from './versioned-change';

type Kind = 'school' | 'department';
const CODE_TAKEN = { org_unit_code_living: () => new Problem('CODE_TAKEN', { field: 'code' }) };

/** Schools and departments: nodes of one tree. */
@Injectable()
export class UnitsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly rows: VisibleRows,
  ) {}

  async list(actor: Actor, kind: Kind, query: ListUnitsQuery) {
    return this.database.withTenant(actor, async (tx) => {
      const units = await this.rows.units(tx, actor);
      const below = query.below ? await units.findFirst({ where: { id: query.below } }) : null;
      if (query.below && !below) throw new Problem('NOT_FOUND');
      const page = await this.cursors.page(
        listName(`${kind}s`, query),
        query,
        (take, after) =>
          units.findMany({
            where: {
              AND: [
                { kind, parentId: query.parentId, deletedAt: query.deleted ? { not: null } : null },
                below ? { ...inside([below.id]), id: { not: below.id } } : {},
                query.search ? { OR: [{ name: { contains: query.search, mode: 'insensitive' } }, { code: { contains: query.search, mode: 'insensitive' } }] } : {},
                after ? { OR: [{ code: { gt: after[0]! } }, { code: after[0]!, id: { gt: after[1]! } }] } : {},
              ],
            },
            orderBy: [{ code: 'asc' }, { id: 'asc' }],
            take,
          }),
        (row) => [row.code, row.id],
      );
      return { items: page.items.map(toUnitResponse), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, kind: Kind, id: string) {
    return this.database.withTenant(actor, async (tx) => toUnitResponse(await this.find(tx, actor, kind, id)));
  }

  async create(actor: Actor, kind: Kind, input: CreateUnit) {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const parent = await everyRow(tx, 'reference').orgUnit.findFirst({ where: input.parentId ? { id: input.parentId, deletedAt: null } : { kind: 'foundation' } });
        if (!parent) throw new Problem('NOT_FOUND');
        await this.permissions.require(actor, 'organization:write', rowFacts('unit', { kind, code: input.code }, { unitPath: parent.path }));
        const { id } = await namingConstraints(CODE_TAKEN, () =>
          tx.orgUnit.create({ data: { id: uuidv7(), foundationId: actor.foundationId, kind, parentId: parent.id, code: input.code, name: input.name } }),
        );
        const unit = await everyRow(tx, 'own').orgUnit.findFirstOrThrow({ where: { id } });
        await this.audit.record(tx, actor, created('org_unit', unit));
        return toUnitResponse(unit);
      }),
    );
  }

  async update(actor: Actor, kind: Kind, id: string, input: UpdateUnit) {
    const { version, ...data } = input;
    return this.write(actor, kind, id, version, async (tx, unit) => {
      if (data.parentId) {
        const parent = await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: data.parentId, deletedAt: null } });
        if (!parent) throw new Problem('NOT_FOUND');
        // Moved, a unit takes its people and requests out of one scope and into another: only who writes everywhere may.
        if (parent.id !== unit.parentId) await this.permissions.require(actor, 'organization:write', rowFacts('unit', unit, {}));
        await this.permissions.require(actor, 'organization:write', rowFacts('unit', unit, { unitPath: parent.path }));
        if (parent.id === id) throw new Problem('ORGANIZATION_CYCLE');
      }
      return data;
    });
  }

  /** Keeps the row, out of sight; refused while anything living depends on it. */
  async remove(actor: Actor, kind: Kind, id: string, version: number): Promise<void> {
    await this.write(actor, kind, id, version, async (tx) => {
      const [children, positions] = [await everyRow(tx, 'rule').orgUnit.count({ where: { parentId: id, deletedAt: null } }), await everyRow(tx, 'rule').position.count({ where: { unitId: id, deletedAt: null } })];
      if (children > 0) throw new Problem('STILL_IN_USE', { what: 'units below it' });
      if (positions > 0) throw new Problem('STILL_IN_USE', { what: 'positions' });
      return { deletedAt: new Date() };
    });
  }

  async restore(actor: Actor, kind: Kind, id: string, version: number) {
    return this.write(actor, kind, id, version, async (tx, unit) => {
      const parent = await everyRow(tx, 'reference').orgUnit.findFirst({ where: { id: unit.parentId ?? '', deletedAt: null } });
      if (!parent) throw new Problem('PARENT_DELETED');
      return { deletedAt: null };
    });
  }

  async tree(actor: Actor, rootId: string | undefined) {
    return this.database.withTenant(actor, async (tx) => {
      const units = await this.rows.units(tx, actor);
      const root = rootId ? await units.findFirst({ where: { id: rootId } }) : null;
      if (rootId && !root) throw new Problem('NOT_FOUND');
      return { roots: nest(await units.findMany({ where: { deletedAt: null, ...(root ? inside([root.id]) : {}) }, orderBy: { lft: 'asc' } })) };
    });
  }

  private async write(actor: Actor, kind: Kind, id: string, version: number, plan: (tx: Tx, unit: OrgUnit) => Promise<Partial<OrgUnit>>) {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, async () => {
      const before = await this.find(tx, actor, kind, id);
      await this.permissions.require(actor, 'organization:write', rowFacts('unit', before, { unitPath: before.path }));
      const data = await plan(tx, before);
      const after = await versionedChange({
        kind: 'org_unit',
        before,
        version,
        data,
        write: () => namingConstraints(CODE_TAKEN, () => tx.orgUnit.updateMany({ where: { id, version }, data: { ...data, version: { increment: 1 } } })),
        read: () => everyRow(tx, 'own').orgUnit.findFirstOrThrow({ where: { id } }),
        record: (event) => this.audit.record(tx, actor, event),
      });
      // What it has become must be theirs to write as much as what it was.
      await this.permissions.require(actor, 'organization:write', rowFacts('unit', after, { unitPath: after.path }));
      return toUnitResponse(after);
    }));
  }

  private async find(tx: Tx, actor: Actor, kind: Kind, id: string): Promise<OrgUnit> {
    const unit = await (await this.rows.units(tx, actor)).findFirst({ where: { id, kind } });
    if (unit) return unit;
    throw await absence(everyRow(tx, 'denial').orgUnit.count({ where: { id, kind } }), { type: 'org_unit', id });
  }
}

interface Nested {
  id: string;
  kind: OrgUnit['kind'];
  code: string;
  name: string;
  children: Nested[];
}

/** Preorder rows to trees; a unit whose parent is not among them becomes a root. */
export function nest(units: readonly OrgUnit[]): Nested[] {
  const roots: Nested[] = [];
  const open: { rgt: number; node: Nested }[] = [];
  for (const unit of units) {
    const node: Nested = { id: unit.id, kind: unit.kind, code: unit.code, name: unit.name, children: [] };
    while (open.length > 0 && open.at(-1)!.rgt < unit.lft) open.pop();
    (open.at(-1)?.node.children ?? roots).push(node);
    open.push({ rgt: unit.rgt, node });
  }
  return roots;
}
