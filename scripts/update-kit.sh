#!/usr/bin/env bash
# scripts/update-kit.sh <version>: brings the checkout that deploys (deploy.sh and its neighbours) to a tag. Releases are built
# from the tag's commit whatever this checkout holds; its own files are what runs the deployment.
set -euo pipefail
version=${1:-}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$ ]] || { echo "usage: ./scripts/update-kit.sh v1.2.3" >&2; exit 64; }
kit=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
git -C "$kit" diff --quiet HEAD -- || { echo "$kit has changes nobody committed; nothing was changed" >&2; exit 78; }
git -C "$kit" fetch --quiet --tags --force
git -C "$kit" rev-parse --verify --quiet "refs/tags/$version^{commit}" >/dev/null || { echo "there is no tag $version" >&2; exit 65; }
git -C "$kit" checkout --quiet --detach "refs/tags/$version"
echo "The kit is at $version."
