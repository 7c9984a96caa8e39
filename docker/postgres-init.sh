#!/bin/bash
# First start of the database container: roles, passwords from secrets, the database.
set -euo pipefail
gloria=${GLORIA_SQL:-/gloria}
secrets=${GLORIA_SECRETS:-/run/secrets}
psql -v ON_ERROR_STOP=1 --username postgres --file "$gloria/roles.sql"
psql -v ON_ERROR_STOP=1 --username postgres -v app="$(cat "$secrets/app_password")" -v owner="$(cat "$secrets/owner_password")" <<'SQL'
ALTER ROLE gloria_app PASSWORD :'app';
ALTER ROLE gloria_owner PASSWORD :'owner';
CREATE DATABASE gloria OWNER gloria_owner;
SQL
psql -v ON_ERROR_STOP=1 --username postgres --dbname gloria --file "$gloria/recovery.sql"
