import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { PermissionCode, SystemActor } from '../../access';
import type { Grant, Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { grantCreated, roleAssigned, roleCreated } from './permissions.events';
import { EVERYONE, STANDARD_ROLES } from './standard-roles';

/** What a new foundation's authorization starts from. */
@Injectable()
export class FoundationRoles {
  constructor(private readonly audit: AuditService) {}

  /** Creates the standard roles and everyone-grants; resolves to role ids by code. */
  async create(tx: Tx, actor: SystemActor): Promise<Map<string, string>> {
    const { foundationId } = actor;
    const ids = new Map<string, string>();
    const grant = (code: PermissionCode, scope: Grant['scope'], subject: { roleId?: string; everyone?: boolean }) =>
      tx.grant.create({ data: { id: uuidv7(), foundationId, permissionCode: code, scope, reason: 'standard', ...subject } });
    for (const { code, name, grants } of STANDARD_ROLES) {
      const role = await tx.role.create({ data: { id: uuidv7(), foundationId, code, name, system: true } });
      ids.set(code, role.id);
      await this.audit.record(tx, actor, roleCreated(role));
      for (const [permission, scope] of entries(grants)) await this.audit.record(tx, actor, grantCreated(await grant(permission, scope, { roleId: role.id })));
    }
    for (const [permission, scope] of entries(EVERYONE)) await this.audit.record(tx, actor, grantCreated(await grant(permission, scope, { everyone: true })));
    return ids;
  }

  async assign(tx: Tx, actor: SystemActor, roleId: string, subject: { personId?: string; positionId?: string }): Promise<void> {
    const assignment = await tx.roleAssignment.create({ data: { id: uuidv7(), foundationId: actor.foundationId, roleId, ...subject, reason: actor.name } });
    await this.audit.record(tx, actor, roleAssigned(assignment));
  }
}

function entries(grants: Partial<Record<PermissionCode, Grant['scope']>>): [PermissionCode, Grant['scope']][] {
  return Object.entries(grants) as [PermissionCode, Grant['scope']][];
}
