#!/usr/bin/env bash
# See: ./rollback.sh --help, docs/operations.md
set -euo pipefail
kit=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
command -v node >/dev/null || { echo "node is not installed" >&2; exit 69; }
exec node "$kit/scripts/deploy/rollback.mjs" "$@"
