-- Lets the migrator name restore points; run once by a superuser, in the database. Safe to run again.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_create_restore_point(text) TO gloria_owner;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_switch_wal() TO gloria_owner;
