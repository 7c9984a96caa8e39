import type { RowKindName } from './row-kinds';

/**
 * Everything that can be allowed or denied. `index` is the permission's bit position and is never reused; `kinds` are the rows it is
 * asked about, which grants of it may be limited to. A migration
 * inserts the same rows into `permission`; a contract test compares the two.
 */
export const PERMISSION_CODES = {
  'organization:read': { index: 0, kinds: ['unit', 'position'], description: 'See schools, departments and positions' },
  'organization:write': { index: 1, kinds: ['unit', 'position'], description: 'Create, change, delete and restore schools, departments and positions' },
  'organization:import': { index: 2, description: 'Import a whole organization from a file' },
  'person:read': { index: 3, kinds: ['person', 'appointment'], description: 'See people and their appointments' },
  'person:write': { index: 4, kinds: ['person', 'appointment'], description: 'Create, change, delete and restore people; appoint them to positions' },
  'person:invite': { index: 5, description: 'Invite a person to sign in' },
  'session:end': { index: 6, description: 'End the sessions of other people' },
  'permission:read': { index: 7, description: 'See the permission catalogue, roles, assignments and grants' },
  'permission:check': { index: 8, description: 'Ask what somebody else may do' },
  'role:write': { index: 9, description: 'Administer the model: roles and their inheritance, separation of duty, resource types and permissions of other applications' },
  'grant:write': { index: 10, description: 'Grant, deny and revoke permissions; assign roles' },
  'api-key:read': { index: 11, kinds: ['api_key'], description: 'See API keys' },
  'api-key:write': { index: 12, kinds: ['api_key'], description: 'Create and revoke API keys' },
  'workflow:read': { index: 13, kinds: ['request'], description: 'See requests and their history' },
  'workflow:submit': { index: 14, kinds: ['request'], description: 'File, change, submit and withdraw requests' },
  'workflow:approve': { index: 15, kinds: ['request'], description: 'Approve, return and reject requests' },
  'workflow:complete': { index: 16, kinds: ['request'], description: 'Complete or return the steps that other systems carry out' },
  'workflow:publish': { index: 17, description: 'Publish versions of request definitions' },
  'workflow:administer': { index: 19, kinds: ['request'], description: 'Skip, hand on, suspend, resume and cancel what others have filed' },
  'audit:read': { index: 18, description: 'Read the audit log' },
} as const satisfies Record<string, { index: number; kinds?: readonly RowKindName[]; description: string }>;

export type PermissionCode = keyof typeof PERMISSION_CODES;

export const permissionCodes = Object.keys(PERMISSION_CODES) as [PermissionCode, ...PermissionCode[]];

export function isPermissionCode(value: string): value is PermissionCode {
  return Object.hasOwn(PERMISSION_CODES, value);
}

/** The kinds of rows a permission is asked about; none where it is about the foundation as a whole. */
export function rowKindsOf(code: PermissionCode): readonly RowKindName[] {
  const entry = PERMISSION_CODES[code];
  return 'kinds' in entry ? entry.kinds : [];
}

/** How permissions registered for other applications are named: `<application>.<kind>:<action>`, and so never like one of ours. */
export const CUSTOM_TYPE = /^[a-z][a-z0-9-]{0,29}\.[a-z][a-z0-9-]{0,29}$/;
export const CUSTOM_PERMISSION = /^[a-z][a-z0-9-]{0,29}\.[a-z][a-z0-9-]{0,29}:[a-z][a-z0-9-]{0,39}$/;
