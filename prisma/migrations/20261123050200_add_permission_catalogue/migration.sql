-- rollback: forward only; codes and their indexes are never reused.
-- The rows of access/permission-codes.ts; a contract test compares the two.
INSERT INTO permission (code, index, description) VALUES
  ('organization:read', 0, 'See schools, departments and positions'),
  ('organization:write', 1, 'Create, change, delete and restore schools, departments and positions'),
  ('organization:import', 2, 'Import a whole organization from a file'),
  ('person:read', 3, 'See people and their appointments'),
  ('person:write', 4, 'Create, change, delete and restore people; appoint them to positions'),
  ('person:invite', 5, 'Invite a person to sign in'),
  ('session:end', 6, 'End the sessions of other people'),
  ('permission:read', 7, 'See the permission catalogue, roles, assignments and grants'),
  ('permission:check', 8, 'Ask what somebody else may do'),
  ('role:write', 9, 'Create, change and delete roles and their inheritance'),
  ('grant:write', 10, 'Grant, deny and revoke permissions; assign roles'),
  ('api-key:read', 11, 'See API keys'),
  ('api-key:write', 12, 'Create and revoke API keys'),
  ('workflow:read', 13, 'See requests and their history'),
  ('workflow:submit', 14, 'File, change, submit and withdraw requests'),
  ('workflow:approve', 15, 'Approve, return and reject requests'),
  ('workflow:complete', 16, 'Complete or return the steps that other systems carry out'),
  ('workflow:publish', 17, 'Publish versions of request definitions'),
  ('audit:read', 18, 'Read the audit log');
