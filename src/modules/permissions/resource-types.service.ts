import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, type AttributeTypes, attributeTypesOf, checkCondition, type Condition, isPermissionCode, isRowId, isRowKind, PermissionPort, Problem, rowKindsOf } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, requireBasis, requireUnchanged } from '../../http';
import { Database, type ResourceType, type Tx } from '../../platform/database';
import type { Moment } from '../../platform/freshness';
import { AuditService } from '../audit';
import { customPermissionRegistered, customPermissionRemoved, grantCreated, grantRevoked, resourceTypeChanged, resourceTypeCreated, resourceTypeDeleted } from './permissions.events';
import type { CreateGrant } from './permissions.dto';
import { type CreateResourceType, type ListResourceTypesQuery, type RegisterPermission, toCustomPermissionResponse, toResourceTypeResponse, type UpdateResourceType } from './resource-types.dto';

/** The role that holds everything there is to grant. */
const ADMINISTRATOR = 'administrator';

/** What other applications of the foundation protect with Gloria: kinds of things, and what may be done with them. */
@Injectable()
export class ResourceTypes {
  private readonly codes = new LRUCache<string, { stamp: string; codes: ReadonlySet<string> }>({ max: 1_000 });

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly cursors: Cursors,
    private readonly permissions: PermissionPort,
  ) {}

  async list(actor: Actor, query: ListResourceTypesQuery) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('resource-types', query),
        query,
        (take, after) => tx.resourceType.findMany({ where: after ? { id: { gt: after[0]! } } : {}, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toResourceTypeResponse), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string) {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, async (tx) => toResourceTypeResponse(await this.find(tx, id)));
  }

  async create(actor: Actor, input: CreateResourceType) {
    await this.permissions.require(actor, 'role:write', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.createIn(tx, actor, input)));
  }

  /** The same inside a transaction already open, for who has asked for the right to it. */
  async createIn(tx: Tx, actor: Actor, input: CreateResourceType) {
    requireOwnNames(input.attributes);
    const row = await namingConstraints({ resource_type_foundation_id_code_key: () => new Problem('CODE_TAKEN', { field: 'code' }) }, () =>
      tx.resourceType.create({ data: { id: uuidv7(), foundationId: actor.foundationId, code: input.code, name: input.name, attributes: input.attributes } }),
    );
    await this.audit.record(tx, actor, resourceTypeCreated(row));
    return toResourceTypeResponse(row);
  }

  /** Grants keep the types their conditions were checked with: what changes here counts for grants made from now on. */
  async update(actor: Actor, id: string, input: UpdateResourceType, ifMatch: string | undefined) {
    await this.permissions.require(actor, 'role:write', {});
    const based = { ifMatch, version: input.version };
    requireBasis(based);
    if (input.attributes) requireOwnNames(input.attributes);
    return this.database.withTenant(actor, async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM resource_type WHERE id = ${id}::uuid FOR UPDATE`;
      const before = await this.find(tx, id);
      requireUnchanged(toResourceTypeResponse(before), based);
      const { name = before.name, attributes = before.attributes as object } = input;
      await tx.resourceType.updateMany({ where: { id }, data: { name, attributes, version: { increment: 1 } } });
      const after = await this.find(tx, id);
      await this.audit.record(tx, actor, resourceTypeChanged(before, after));
      return toResourceTypeResponse(after);
    });
  }

  async remove(actor: Actor, id: string): Promise<void> {
    await this.permissions.require(actor, 'role:write', {});
    await this.database.withTenant(actor, async (tx) => {
      const row = await this.find(tx, id);
      if ((await tx.grant.count({ where: { resourceType: row.code } })) > 0) throw new Problem('STILL_IN_USE', { what: 'grants' });
      await namingConstraints({ custom_permission_foundation_id_resource_type_id_fkey: () => new Problem('STILL_IN_USE', { what: 'permissions' }) }, () => tx.resourceType.deleteMany({ where: { id } }));
      await this.audit.record(tx, actor, resourceTypeDeleted(row));
    });
  }

  /** Registers a permission and gives it to administrators, as they hold whatever there is: else nobody could ever grant it. */
  async register(actor: Actor, input: RegisterPermission) {
    await this.permissions.require(actor, 'role:write', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.registerIn(tx, actor, input)));
  }

  /** The same inside a transaction already open, for who has asked for the right to it. */
  async registerIn(tx: Tx, actor: Actor, { code, description }: RegisterPermission) {
    const type = await tx.resourceType.findFirst({ where: { code: code.slice(0, code.indexOf(':')) } });
    if (!type) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/code', code: 'unknown', detail: 'names no registered resource type' }]);
    const { foundationId } = actor;
    const row = await namingConstraints({ custom_permission_foundation_id_code_key: () => new Problem('CODE_TAKEN', { field: 'code' }) }, () =>
      tx.customPermission.create({ data: { id: uuidv7(), foundationId, resourceTypeId: type.id, code, description } }),
    );
    await this.audit.record(tx, actor, customPermissionRegistered(row));
    const role = await tx.role.findFirst({ where: { code: ADMINISTRATOR, system: true }, select: { id: true } });
    if (role) await this.audit.record(tx, actor, grantCreated(await tx.grant.create({ data: { id: uuidv7(), foundationId, permissionCode: code, scope: 'all', roleId: role.id, reason: 'standard' } })));
    return toCustomPermissionResponse(row);
  }

  /** Throws 409 STILL_IN_USE while anything but the administrators' own grant names it. */
  async unregister(actor: Actor, code: string): Promise<void> {
    await this.permissions.require(actor, 'role:write', {});
    await this.database.withTenant(actor, async (tx) => {
      const row = await tx.customPermission.findFirst({ where: { code } });
      if (!row) throw new Problem('NOT_FOUND');
      const own = await tx.grant.findMany({ where: { permissionCode: code, effect: 'allow', scope: 'all', role: { code: ADMINISTRATOR, system: true }, resourceType: null } });
      await tx.grant.deleteMany({ where: { id: { in: own.map(({ id }) => id) } } });
      await namingConstraints({ custom_permission_unused: () => new Problem('STILL_IN_USE', { what: 'grants' }) }, () => tx.customPermission.deleteMany({ where: { id: row.id } }));
      await this.audit.record(tx, actor, ...own.map(grantRevoked), customPermissionRemoved(row));
    });
  }

  /** Codes and descriptions of the open transaction's foundation, by code, after one. */
  registered(tx: Tx, take: number, after: string | null): Promise<{ code: string; description: string }[]> {
    // In the order JavaScript compares by, whatever the database's collation is.
    return tx.$queryRaw`SELECT code, description FROM custom_permission WHERE code COLLATE "C" > ${after ?? ''} ORDER BY code COLLATE "C" LIMIT ${take}`;
  }

  /**
   * The kinds of rows a permission is asked about, and what conditions on one of them – null: on none in particular – may
   * ask. Throws 400 REQUEST_INVALID for a permission that is not registered.
   */
  async askedAbout(tx: Tx, permission: string, at = '#'): Promise<{ kinds: readonly string[]; types: (kind: string | null) => AttributeTypes }> {
    if (isPermissionCode(permission)) {
      return { kinds: rowKindsOf(permission), types: (kind) => attributeTypesOf(kind !== null && isRowKind(kind) ? kind : null) };
    }
    const row = await tx.customPermission.findFirst({ where: { code: permission }, include: { resourceType: true } });
    if (!row) throw unknownPermission(`${at}/permission`);
    // It is about one kind only: said or not.
    return { kinds: [row.resourceType.code], types: () => ({ ...attributeTypesOf(null), ...(row.resourceType.attributes as AttributeTypes) }) };
  }

  /**
   * A grant's condition as it is stored, with the types its attributes have now. Throws 400 REQUEST_INVALID for an unknown
   * permission, a kind of rows it is not asked about, and a condition that does not type-check.
   */
  async conditionOf(tx: Tx, { permission, resource, condition }: Pick<CreateGrant, 'permission' | 'resource' | 'condition'>, at = '#'): Promise<{ test: Condition; types: Record<string, string> } | null> {
    const refuse = (errors: { pointer: string; code: string; detail: string }[]) => new Problem('REQUEST_INVALID', { count: errors.length }, errors);
    const { kinds, types: typesOf } = await this.askedAbout(tx, permission, at);
    if (resource && !kinds.includes(resource.type)) {
      throw refuse([{ pointer: `${at}/resource/type`, code: 'kind', detail: kinds.length > 0 ? `${permission} is asked about ${kinds.join(', ')}` : `${permission} is not asked about single rows` }]);
    }
    if (resource?.id !== undefined && isRowKind(resource.type) && !isRowId(resource.id)) throw refuse([{ pointer: `${at}/resource/id`, code: 'id', detail: 'is no id of a row of ours' }]);
    if (!condition) return null;
    // Without a kind there is no row to ask about, only the person and the request.
    const types = typesOf(resource?.type ?? null);
    const faults = checkCondition(condition, types);
    if (faults.length > 0) throw refuse(faults.map(({ pointer, detail }) => ({ pointer: `${at}/condition${pointer}`, code: 'condition', detail })));
    const used = new Set([...JSON.stringify(condition).matchAll(/"attribute":"([^"]+)"/g)].map(([, name]) => name!));
    return { test: condition, types: Object.fromEntries(Object.entries(types).filter(([name]) => used.has(name))) };
  }

  /** Whether a permission is registered, as of a moment: kept under its head, which registering raises. */
  async isRegistered(foundationId: string, code: string, { stamp }: Moment): Promise<boolean> {
    const known = this.codes.get(foundationId);
    if (known && known.stamp === stamp) return known.codes.has(code);
    const rows = await this.database.withTenant({ foundationId }, (tx) => tx.customPermission.findMany({ select: { code: true } }));
    const codes = new Set(rows.map((row) => row.code));
    this.codes.set(foundationId, { stamp, codes });
    return codes.has(code);
  }

  /** Throws 400 REQUEST_INVALID where one of these is neither of the catalogue nor registered. */
  async requireKnown(tx: Tx, codes: readonly string[], pointerOf: (index: number) => string): Promise<void> {
    const custom = [...new Set(codes.filter((code) => !isPermissionCode(code)))];
    if (custom.length === 0) return;
    const known = new Set((await tx.customPermission.findMany({ where: { code: { in: custom } }, select: { code: true } })).map(({ code }) => code));
    const unknown = codes.findIndex((code) => !isPermissionCode(code) && !known.has(code));
    if (unknown >= 0) throw unknownPermission(pointerOf(unknown));
  }

  private async find(tx: Tx, id: string): Promise<ResourceType> {
    const row = await tx.resourceType.findFirst({ where: { id } });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }
}

const unknownPermission = (pointer: string) => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer, code: 'unknown', detail: 'is no permission of the catalogue, nor registered' }]);

/** What every condition may ask means the same everywhere. */
function requireOwnNames(attributes: Readonly<Record<string, string>>): void {
  const always = attributeTypesOf(null);
  const taken = Object.keys(attributes).find((name) => Object.hasOwn(always, name));
  if (taken) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: `#/attributes/${taken}`, code: 'taken', detail: 'is there for every condition already' }]);
}
