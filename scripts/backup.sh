#!/usr/bin/env bash
# scripts/backup.sh: one encrypted backup, from cron or a systemd timer (scripts/host/gloria-backup.timer). The same as
# `gloria backup run` of the release that serves; BACKUP_ENV_FILE names its variables.
set -euo pipefail
home=${GLORIA_HOME:-/srv/gloria}
release=$home/current
[ -f "$release/dist/cli/gloria.js" ] || release=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
[ -f "$release/dist/cli/gloria.js" ] || { echo "no built release in $home/current or $release" >&2; exit 66; }
export BACKUP_ENV_FILE=${BACKUP_ENV_FILE:-$home/backup.env}
[ -f "$BACKUP_ENV_FILE" ] || { echo "$BACKUP_ENV_FILE (BACKUP_ENV_FILE) is missing: scripts/host/backup.env.example" >&2; exit 78; }
# Never two at once: a slow one and its successor would read the disk to death.
exec flock --nonblock --conflict-exit-code 75 "$BACKUP_ENV_FILE" node "$release/dist/cli/gloria.js" backup "${@:-run}"
