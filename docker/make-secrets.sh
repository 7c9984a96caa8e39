#!/usr/bin/env bash
# docker/make-secrets.sh: makes what docker-compose.prod.yml wants in docker/secrets – random passwords and the URLs that
# hold them. Keeps what is there. Run as root: the containers' user 1000 must be able to read its own, nobody else any.
# Yours to add: clerk_jwt_key (Clerk's public key), tls_certificate, tls_key.
set -euo pipefail
dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets
umask 077
mkdir -p "$dir"
chmod 711 "$dir"
make() { # name, owner, text
  [ -e "$dir/$1" ] || printf '%s' "$3" > "$dir/$1"
  [ "$(id -u)" != 0 ] || chown "$2:$2" "$dir/$1"
  chmod 400 "$dir/$1"
}
random() { openssl rand -hex 24; }
make postgres_password 999 "$(random)"
make app_password 999 "$(random)"
make owner_password 999 "$(random)"
make database_url 1000 "postgresql://gloria_app:$(cat "$dir/app_password")@postgres:5432/gloria"
make migration_database_url 1000 "postgresql://gloria_owner:$(cat "$dir/owner_password")@postgres:5432/gloria"
redis=$(random)
make redis_url 1000 "redis://gloria:$redis@redis:6379"
redis=$(sed -E 's#redis://gloria:([^@]+)@.*#\1#' "$dir/redis_url")
make redis_acl 999 "$(printf 'user default off\nuser gloria on >%s ~gloria:* &gloria:* +@all -@admin -@dangerous +info\n' "$redis")"
make encryption_key 1000 "$(openssl rand -base64 32)"
for own in clerk_jwt_key tls_certificate tls_key; do
  if [ -e "$dir/$own" ]; then
    if [ "$own" = clerk_jwt_key ] && [ "$(id -u)" = 0 ]; then chown 1000:1000 "$dir/$own"; fi
    chmod 400 "$dir/$own"
    continue
  fi
  echo "still yours to put there: $dir/$own"
done
