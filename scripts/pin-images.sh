#!/usr/bin/env bash
# scripts/pin-images.sh: replaces the tags in docker/images.env by the digests they have now. Needs Docker with buildx and the
# registries of the images.
set -euo pipefail
file=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/docker/images.env
command -v docker >/dev/null || { echo "docker is not installed" >&2; exit 69; }
draft=$(mktemp)
trap 'rm -f "$draft"' EXIT
while IFS= read -r line; do
  if [[ $line =~ ^([A-Z]+_IMAGE)=([^@]+)$ ]]; then
    name=${BASH_REMATCH[1]} image=${BASH_REMATCH[2]}
    digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "$image has no digest: $digest" >&2; exit 69; }
    line="$name=$image@$digest"
    echo "$line" >&2
  fi
  printf '%s\n' "$line"
done < "$file" > "$draft.new" && mv "$draft.new" "$draft"
cp "$draft" "$file"
