-- The cluster's roles, made once by a superuser before the first migration; safe to run again. Passwords are set apart
-- (ALTER ROLE … PASSWORD), so that this file holds no secret.
--   gloria_app    what the API and the worker connect as: owns nothing, no DDL, row-level security applies
--   gloria_owner  what migrations connect as: owns the tables
--   gloria_backup what backups connect as: reads every row of every tenant, changes nothing
--   gloria_audit  owns the audit log; nobody can log in as it
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gloria_app') THEN
    CREATE ROLE gloria_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gloria_owner') THEN
    CREATE ROLE gloria_owner LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gloria_backup') THEN
    CREATE ROLE gloria_backup LOGIN NOSUPERUSER NOCREATEROLE BYPASSRLS;
    GRANT pg_read_all_data TO gloria_backup;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gloria_audit') THEN
    CREATE ROLE gloria_audit NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
  IF NOT pg_has_role('gloria_owner', 'gloria_audit', 'MEMBER') THEN
    GRANT gloria_audit TO gloria_owner;
  END IF;
END $$;
-- A forgotten transaction must not hold back vacuum or the audit horizon; a migration must not queue behind readers.
ALTER ROLE gloria_backup SET default_transaction_read_only = on;
ALTER ROLE gloria_app SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE gloria_app SET statement_timeout = '15s';
ALTER ROLE gloria_app SET lock_timeout = '5s';
-- Whoever comes after a migration that waits for a lock waits with it.
ALTER ROLE gloria_owner SET lock_timeout = '1s';
