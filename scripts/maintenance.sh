#!/usr/bin/env bash
# ./scripts/maintenance.sh on|off|status: closes the API to everybody but operators (503 with Retry-After) and opens it
# again. nginx looks for the flag on every request: nothing is reloaded, nothing is restarted.
set -euo pipefail
home=${GLORIA_HOME:-/srv/gloria}
flag=$home/live/maintenance
[ -f "$home/host.conf" ] || { echo "$home/host.conf is missing: GLORIA_HOME names the folder of this host's deployment" >&2; exit 78; }
case ${1:-} in
  on) date -u +%Y-%m-%dT%H:%M:%SZ > "$flag.draft"; mv "$flag.draft" "$flag"; echo "Maintenance: on. Operators still get through." ;;
  off) rm -f "$flag"; echo "Maintenance: off." ;;
  status) if [ -f "$flag" ]; then echo "Maintenance: on since $(cat "$flag")."; else echo "Maintenance: off."; fi ;;
  *) echo "usage: ./scripts/maintenance.sh on|off|status" >&2; exit 64 ;;
esac
