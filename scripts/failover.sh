#!/usr/bin/env bash
# Makes the standby the primary and sends everybody there, through PgBouncer: scripts/failover.sh
# The old primary must be gone. It is fenced before the standby is promoted: two primaries are worse
# than none. docs/backup-and-recovery.md has the drill with its output.
# Settings, from the environment or the file FAILOVER_CONF (default /etc/gloria/failover.conf):
#   PRIMARY_HOST, PRIMARY_PORT, STANDBY_HOST, STANDBY_PORT
#   PG_BIN, PG_RUN, STANDBY_DATA           programs, how they are run (default: runuser -u postgres --), the standby's folder
#   FENCE                                  command after which the old primary cannot come back as one
#   ADMIN_URL_OPTIONS                      how psql connects as a superuser beside host and port (default: dbname=postgres user=postgres)
#   PGBOUNCER_INI, PGBOUNCER_RELOAD        its configuration, and the command that makes it read it
set -euo pipefail
conf=${FAILOVER_CONF:-/etc/gloria/failover.conf}
# shellcheck source=/dev/null
[ ! -f "$conf" ] || . "$conf"
die() { echo "✘ $1" >&2; exit "${2:-1}"; }
now() { date +%s.%N; }
begun=$(now)
say() { awk -v a="$begun" -v b="$(now)" -v text="$1" 'BEGIN { printf "%7.2f s  %s\n", b - a, text }'; }
for name in PRIMARY_HOST PRIMARY_PORT STANDBY_HOST STANDBY_PORT PG_BIN STANDBY_DATA FENCE PGBOUNCER_INI PGBOUNCER_RELOAD; do [ -n "${!name:-}" ] || die "$name is not set ($conf)" 78; done
read -ra as <<< "${PG_RUN:-runuser -u postgres --}"
[ $# -eq 0 ] || die "usage: scripts/failover.sh" 64
standby() { "${as[@]}" "$PG_BIN/psql" -XAtq "host=$STANDBY_HOST port=$STANDBY_PORT connect_timeout=3 ${ADMIN_URL_OPTIONS:-dbname=postgres user=postgres}" -c "$1"; }
alive() { "$PG_BIN/pg_isready" -q -h "$PRIMARY_HOST" -p "$PRIMARY_PORT" -t 1; }

state=$(standby 'SELECT pg_is_in_recovery()' 2>&1) || true
case $state in t | f) ;; *) die "the standby does not answer as one; nothing was changed" ;; esac
# Three times: one lost packet is no reason.
for _ in 1 2 3; do
  if alive; then die "the primary answers; nothing was changed. To move on purpose, stop it first" 75; fi
  sleep 0.2
done
say "the primary is gone"
[ "$state" = f ] || say "the standby has replayed until $(standby "SELECT coalesce(pg_last_xact_replay_timestamp()::text, 'nothing yet')")"
bash -c "$FENCE" || die "the old primary could not be fenced, so nothing was promoted"
if alive; then die "the primary answers after it was fenced; nothing was promoted"; fi
say "the old primary is fenced"
if [ "$state" = t ]; then
  "${as[@]}" "$PG_BIN/pg_ctl" -D "$STANDBY_DATA" -w promote >/dev/null || die "the standby was not promoted"
fi # else a run that was cut off has promoted it
# A commit that waits for a standby that no longer exists would wait for ever.
until [ "$(standby 'SELECT pg_is_in_recovery()')" = f ]; do sleep 0.02; done
standby 'ALTER SYSTEM RESET synchronous_standby_names' && standby 'SELECT pg_reload_conf()' >/dev/null
say "the standby is the primary"
draft=$PGBOUNCER_INI.draft
sed -E "/^\[databases\]/,/^\[pgbouncer\]/ s/host=[^ ]+ port=[0-9]+/host=$STANDBY_HOST port=$STANDBY_PORT/" "$PGBOUNCER_INI" > "$draft"
chmod --reference="$PGBOUNCER_INI" "$draft"; chown --reference="$PGBOUNCER_INI" "$draft"
mv "$draft" "$PGBOUNCER_INI"
bash -c "$PGBOUNCER_RELOAD" || die "PgBouncer was not reloaded: its clients still ask the old primary"
say "PgBouncer asks the new primary"
echo "✔ failed over to $STANDBY_HOST:$STANDBY_PORT. Next: a new standby (docs/backup-and-recovery.md), then synchronous_standby_names again."
