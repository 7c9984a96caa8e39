#!/usr/bin/env bash
# Brings the database back to a moment, from pgBackRest's backups and the archived write-ahead log. What was there before is moved
# aside, never deleted. docs/backup-and-recovery.md has the drill with its output.
#   scripts/recover-database.sh --time '2026-11-23 08:00:00.5+00' | --restore-point <name> | --latest
#                               [--timeline <n>] [--rehearse <folder> --port <port>] [--skip-verify]
# --rehearse restores beside the running server, on another port, and leaves that one running for a look; nothing else changes.
# Settings, from the environment or the file RECOVERY_CONF (default /etc/gloria/recovery.conf):
#   PG_DATA, PG_BIN, PG_PORT, PG_SOCKET   the server's folder, programs, port and socket folder
#   PG_RUN                                how programs are run as its user (default: runuser -u postgres --)
#   PG_OPTIONS                            how the server finds its configuration, where that is not in PG_DATA
#   PG_STOP, PG_START                     commands that stop and start it as a service (default: pg_ctl)
#   PG_LOG                                where its first words go (default: /var/log/postgresql/recovery.log)
#   PGBACKREST_CONFIG, STANZA             pgBackRest's configuration and stanza (default: gloria)
set -euo pipefail
conf=${RECOVERY_CONF:-/etc/gloria/recovery.conf}
# shellcheck source=/dev/null
[ ! -f "$conf" ] || . "$conf"
usage() { sed -n '4,5p' "${BASH_SOURCE[0]}" | cut -c3- >&2; exit 64; }
die() { echo "✘ $1" >&2; exit "${2:-1}"; }
say() { printf '%7.1f s  %s\n' "$(since "$begun")" "$1"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

type='' target='' timeline='' rehearse='' port='' verify=yes
while [ $# -gt 0 ]; do
  case $1 in
    --time) type=time target=${2:?} ; shift 2 ;;
    --restore-point) type=name target=${2:?} ; shift 2 ;;
    --latest) type=default ; shift ;;
    --timeline) timeline=${2:?} ; shift 2 ;;
    --rehearse) rehearse=${2:?} ; shift 2 ;;
    --skip-verify) verify=no ; shift ;;
    --port) port=${2:?} ; shift 2 ;;
    *) usage ;;
  esac
done
[ -n "$type" ] || usage
[ -z "$rehearse" ] || [ -n "$port" ] || usage
for name in PG_DATA PG_BIN PG_PORT PG_SOCKET PGBACKREST_CONFIG; do [ -n "${!name:-}" ] || die "$name is not set ($conf)" 78; done
# Local time in a target is how recoveries miss by hours.
[ "$type" != time ] || [[ $target =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}\ [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(\+|-)[0-9]{2}(:?[0-9]{2})?$ ]] || die "the time must look like 2026-11-23 08:00:00.5+00, with its zone" 64
# The server's user cannot always stand where this was called.
cd /
read -ra as <<< "${PG_RUN:-runuser -u postgres --}"
log=${PG_LOG:-/var/log/postgresql/recovery.log}
backrest=("${as[@]}" pgbackrest "--config=$PGBACKREST_CONFIG" "--stanza=${STANZA:-gloria}" --log-level-file=off)
begun=$(now)

say "looking at the backups"
# `verify` and `info` end with 0 whatever they find: what they print decides.
info=$("${backrest[@]}" --output=json info 2>&1) || die "pgBackRest does not answer: $info"
[[ $info == *'"status":{"code":0,"lock"'* ]] || die "there is no usable backup, or its passphrase is another one: ${info:0:400}"
# The whole repository: one damaged file may be one that is not needed, hence --skip-verify. The restore checks what it uses.
[ "$verify" = yes ] || say "not verified, as asked"
[ "$verify" = no ] || verified=$("${backrest[@]}" --output=text --verbose verify 2>&1) || die "the repository cannot be verified: $verified"
[[ $verify == no || $verified == *'status: ok'* ]] || die "the repository is damaged; nothing was changed:
$verified"
[ "$verify" = no ] || say "backups and archive are whole"

data=$PG_DATA
if [ -n "$rehearse" ]; then
  data=$rehearse
  "${as[@]}" mkdir -p -m 700 "$data"
  [ -z "$("${as[@]}" ls -A "$data")" ] || die "$data is not empty" 73
else
  port=$PG_PORT
  if "${as[@]}" "$PG_BIN/pg_ctl" -D "$PG_DATA" status >/dev/null 2>&1; then
    say "stopping the server"
    if [ -n "${PG_STOP:-}" ]; then bash -c "$PG_STOP"; else "${as[@]}" "$PG_BIN/pg_ctl" -D "$PG_DATA" -w -m fast stop >/dev/null; fi
  fi
  if [ -e "$PG_DATA" ]; then
    aside=$PG_DATA.before-recovery-$(date -u +%Y%m%dT%H%M%SZ)
    "${as[@]}" mv "$PG_DATA" "$aside"
    say "what was there lies in $aside"
  fi
  "${as[@]}" mkdir -m 700 "$PG_DATA"
fi

say "restoring"
# A damaged file does not get better by asking again.
options=("--pg1-path=$data" "--type=$type" --job-retry=0)
[ "$type" = default ] || options+=("--target=$target" --target-action=promote)
[ -z "$timeline" ] || options+=("--target-timeline=$timeline")
[ -z "$rehearse" ] || options+=(--archive-mode=off)
if ! restored=$("${backrest[@]}" "${options[@]}" restore 2>&1); then
  [ -z "${aside:-}" ] || echo "What was there before lies untouched in $aside." >&2
  die "the restore failed:
$restored"
fi
# A server that was killed leaves its socket's lock; one that still runs is somebody's.
lock=$PG_SOCKET/.s.PGSQL.$port.lock
if "${as[@]}" test -e "$lock"; then
  holder=$("${as[@]}" head -1 "$lock")
  state=$(awk '/^State:/ { print $2 }' "/proc/$holder/status" 2>/dev/null || true)
  [ -z "$state" ] || [ "$state" = Z ] || die "process $holder still serves on $PG_SOCKET, port $port; stop it, then run this again. The restored data lies in $data"
  "${as[@]}" rm -f "$lock" "${lock%.lock}"
fi
# Not the old owner's socket, and nobody but this host until it has been looked at.
"${as[@]}" "$PG_BIN/pg_ctl" -D "$data" -w -t 3600 -l "$log" -o "${PG_OPTIONS:-} -c data_directory=$data -p $port -c unix_socket_directories=$PG_SOCKET" start >/dev/null || die "the server does not start: $("${as[@]}" tail -5 "$log")"
ask() { "${as[@]}" "$PG_BIN/psql" -XAtq -h "$PG_SOCKET" -p "$port" -U postgres -d postgres -c "$1"; }
say "replaying the write-ahead log"
# A target the archive does not reach ends the server after it had been up for a moment: ask until it is no standby any more.
until [ "$(ask 'SELECT pg_is_in_recovery()' 2>/dev/null || true)" = f ]; do
  "${as[@]}" "$PG_BIN/pg_ctl" -D "$data" status >/dev/null 2>&1 || die "the archive does not reach the target: $("${as[@]}" grep -E 'FATAL' "$log" | tail -2)"
  sleep 0.05
done
# What the restore left in the settings would make a standby built from this server stop at the same moment.
for name in restore_command recovery_target recovery_target_time recovery_target_name recovery_target_action recovery_target_timeline; do ask "ALTER SYSTEM RESET $name" >/dev/null; done
rto=$(since "$begun")
last=$(ask "SELECT coalesce((pg_last_committed_xact()).timestamp::text, 'unknown')" 2>/dev/null || echo unknown)
say "the database answers on port $port"
printf '✔ recovered%s in %s s; the last transaction it holds is of %s\n' "${target:+ to $target}" "$rto" "$last"
if [ -z "$rehearse" ] && [ -n "${PG_START:-}" ]; then
  # From here on it is the service's again.
  "${as[@]}" "$PG_BIN/pg_ctl" -D "$data" -w -m fast stop >/dev/null
  bash -c "$PG_START"
  say "started as a service"
fi
[ -n "$rehearse" ] || echo "Next: gloria migrate --status, scripts/verify-deployment.sh, a fresh full backup."
