#!/usr/bin/env bash
# Proves the deployment on this host, through nginx and each slot: ./scripts/verify-deployment.sh [options of health-check]
# Without options: what serves, by its own recorded commit. See docs/operations.md
set -euo pipefail
kit=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
exec node "$kit/scripts/deploy/verify.mjs" "$@"
