import { type PermissionCode, permissionCodes } from '../../access';

type Scope = 'own' | 'department' | 'school' | 'all';
interface StandardRole {
  code: string;
  name: string;
  grants: Partial<Record<PermissionCode, Scope>>;
}

/** Roles every foundation starts with. What an administrator may grant they must hold, so they hold everything. */
export const STANDARD_ROLES: readonly StandardRole[] = [
  { code: 'administrator', name: 'Administrator', grants: Object.fromEntries(permissionCodes.map((code) => [code, 'all'])) },
  {
    code: 'auditor',
    name: 'Auditor',
    grants: { 'audit:read': 'all', 'workflow:read': 'all', 'organization:read': 'all', 'person:read': 'all', 'permission:read': 'all', 'permission:check': 'all', 'api-key:read': 'all' },
  },
  { code: 'supervisor', name: 'Supervisor', grants: { 'workflow:approve': 'department', 'workflow:read': 'department', 'person:read': 'department' } },
  { code: 'pre-approver', name: 'Pre-approver', grants: { 'workflow:approve': 'school', 'workflow:read': 'school' } },
  { code: 'finance-administration', name: 'Finance administration', grants: { 'workflow:approve': 'school', 'workflow:read': 'school' } },
  { code: 'budget-owner', name: 'Budget owner', grants: { 'workflow:approve': 'school', 'workflow:read': 'school' } },
  { code: 'payment-operator', name: 'Payment operator', grants: { 'workflow:complete': 'all', 'workflow:read': 'all', 'api-key:read': 'own', 'api-key:write': 'own' } },
];

/** What every linked person holds without a role. */
export const EVERYONE: Partial<Record<PermissionCode, Scope>> = { 'workflow:submit': 'own', 'workflow:read': 'own', 'organization:read': 'all', 'person:read': 'own' };
