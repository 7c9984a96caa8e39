#!/usr/bin/env bash
# Prepares a Debian host for Gloria, as root, from a checkout of the kit: packages, user, folders, PM2, PostgreSQL with an archived
# write-ahead log, Redis with an access list, nginx, timers, log rotation. Keeps what is there; safe to run again.
#   scripts/host/setup.sh --name api.school.example --environment production --repository <git URL> [--email <whom ACME writes to>] [--home /srv/gloria] [--no-services]
# --no-services: everything but starting anything (images, chroots). Afterwards: docs/deployment.md, from "Secrets" on.
set -euo pipefail
kit=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
home=/srv/gloria email='' name='' environment='' repository='' services=yes
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=${2:?}; shift 2 ;;
    --environment) environment=${2:?}; shift 2 ;;
    --repository) repository=${2:?}; shift 2 ;;
    --email) email=${2:?}; shift 2 ;;
    --home) home=${2:?}; shift 2 ;;
    --no-services) services=no; shift ;;
    *) sed -n '4p' "${BASH_SOURCE[0]}" | cut -c3- >&2; exit 64 ;;
  esac
done
if [ -z "$name" ] || [ -z "$environment" ] || [ -z "$repository" ]; then sed -n '4p' "${BASH_SOURCE[0]}" | cut -c3- >&2; exit 64; fi
[ "$(id -u)" = 0 ] || { echo "run as root" >&2; exit 77; }
command -v node >/dev/null || { echo "Node 24 is not installed (docs/deployment.md)" >&2; exit 69; }
# Whoever else runs something from here must be able to stand where it is started.
cd /
step() { echo "· $1"; }
fill() { sed -e "s#{home}#$home#g" -e "s#{user}#gloria#g" -e "s#{group}#gloria#g" -e "s#{pm2}#$(command -v pm2)#g" -e "s#{kit}#$home/kit#g" -e "s#{nginx_logs}#/var/log/gloria#g" -e "s#{nginx_reopen}#/usr/sbin/nginx -s reopen#g" "$kit/scripts/host/$1"; }
random() { openssl rand -hex 24; }
once() { # file, mode, owner; the text on standard input; keeps a file that is there
  [ ! -e "$1" ] || { cat >/dev/null; return 0; }
  install -D -m "$2" -o "${3%:*}" -g "${3#*:}" /dev/stdin "$1"
}

step "packages"
export DEBIAN_FRONTEND=noninteractive
[ "$services" = yes ] || export RUNLEVEL=1
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends ca-certificates git sudo nginx-light postgresql-15 pgbackrest redis-server age certbot logrotate openssl >/dev/null
command -v pm2 >/dev/null || npm install --global --no-fund --no-audit --loglevel=error "pm2@$(node -p "require('$kit/package.json').devDependencies.pm2")"

step "user and folders"
id gloria >/dev/null 2>&1 || useradd --system --create-home --home-dir "$home" --shell /bin/bash gloria
# What root reads or runs is root's, also by its folder: sticky, so that gloria can add to its home and take nothing away of it.
install -d -o root -g gloria -m 1775 "$home"
install -d -o root -g root -m 755 "$home/nginx"
install -d -o gloria -g gloria -m 755 "$home/state" "$home/live"
# nginx's master opens its logs as root: they are root's, where nobody else can put a link.
install -d -o gloria -g gloria -m 750 "$home/logs"
install -d -o root -g gloria -m 755 /var/log/gloria
install -d -o gloria -g gloria -m 700 /var/lib/gloria /var/lib/gloria/keyring /var/lib/gloria/storage "$home/tls"
install -d -o gloria -g gloria -m 755 /var/www/acme
if [ ! -e "$home/kit" ]; then
  sudo -u gloria git clone --quiet "$repository" "$home/kit"
  # The same release as this one, where it is one.
  commit=$(git -C "$kit" rev-parse HEAD 2>/dev/null || true)
  sudo -u gloria git -C "$home/kit" checkout --quiet --detach "$commit" 2>/dev/null || true
fi

step "PostgreSQL: archive, roles, database"
# Debian's package brings one without a stanza.
grep -q '^\[gloria\]' /etc/pgbackrest.conf 2>/dev/null || rm -f /etc/pgbackrest.conf
once /etc/pgbackrest.conf 640 root:postgres <<CONF
[global]
repo1-path=/var/lib/pgbackrest
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=$(openssl rand -base64 48 | tr -d '\n')
repo1-retention-full=2
start-fast=y
compress-type=lz4
process-max=2

[gloria]
pg1-path=/var/lib/postgresql/15/main
pg1-port=5432
pg1-socket-path=/var/run/postgresql
CONF
once /etc/postgresql/15/main/conf.d/gloria.conf 644 postgres:postgres <<'CONF'
# Written by scripts/host/setup.sh
password_encryption = scram-sha-256
max_connections = 200
wal_level = replica
archive_mode = on
archive_command = 'pgbackrest --stanza=gloria archive-push %p'
archive_timeout = 60
max_wal_senders = 5
track_commit_timestamp = on
wal_log_hints = on
log_min_duration_statement = 500
log_lock_waits = on
timezone = 'UTC'
CONF
# Run again, the passwords stay the ones the applications have.
known() { sed -nE "s#^$2='?[a-z]+://$3:([^@]+)@.*#\1#p" "$1" 2>/dev/null | head -1 || true; }
app_password=$(known "$home/app.env" DATABASE_URL gloria_app); app_password=${app_password:-$(random)}
owner_password=$(known "$home/app.env" MIGRATION_DATABASE_URL gloria_owner); owner_password=${owner_password:-$(random)}
redis_password=$(known "$home/app.env" REDIS_URL gloria); redis_password=${redis_password:-$(random)}
backup_password=$(known "$home/backup.env" BACKUP_DATABASE_URL gloria_backup)
if [ -z "$backup_password" ] || [ "$backup_password" = change-me ]; then backup_password=$(random); fi

step "Redis: access list and memory"
once /etc/redis/users.acl 640 redis:redis <<CONF
user default off
user gloria on >$redis_password ~gloria:* &gloria:* +@all -@admin -@dangerous +info
CONF
once /etc/redis/gloria.conf 644 root:root <<'CONF'
# Written by scripts/host/setup.sh: a cache, for the application only.
bind 127.0.0.1 -::1
maxmemory 256mb
maxmemory-policy allkeys-lru
save ""
appendonly no
aclfile /etc/redis/users.acl
CONF
grep -q '^include /etc/redis/gloria.conf' /etc/redis/redis.conf || echo 'include /etc/redis/gloria.conf' >> /etc/redis/redis.conf

step "settings"
once "$home/host.conf" 644 root:gloria <<CONF
ENVIRONMENT=$environment
REPOSITORY=$repository
APP_ENV_FILE=$home/app.env
SERVER_NAME=$name
TLS_CERTIFICATE=$home/tls/cert.pem
TLS_KEY=$home/tls/key.pem
ACME_EMAIL=$email
NGINX_LOG_DIR=/var/log/gloria
INSTANCES=$(n=$(nproc); echo $((n > 4 ? 4 : n < 2 ? 2 : n)))
CONF
once "$home/app.env" 600 gloria:gloria <<CONF
PUBLIC_URL='https://$name'
DATABASE_URL='postgresql://gloria_app:$app_password@127.0.0.1:5432/gloria'
MIGRATION_DATABASE_URL='postgresql://gloria_owner:$owner_password@127.0.0.1:5432/gloria'
REDIS_URL='redis://gloria:$redis_password@127.0.0.1:6379'
ENCRYPTION_KEY='$(openssl rand -base64 32)'
KEYRING_DIR='/var/lib/gloria/keyring'
STORAGE_DIR='/var/lib/gloria/storage'
TRUST_PROXY_HOPS='1'
# Yours: from Clerk's dashboard
CLERK_ISSUER=''
CLERK_JWT_KEY=''
CLERK_AUTHORIZED_PARTIES=''
CORS_ORIGINS=''
# Yours: from Postmark; without it nobody is mailed
POSTMARK_API_KEY=''
POSTMARK_FROM_EMAIL=''
POSTMARK_WEBHOOK_PASSWORD='$(openssl rand -hex 24)'
# The frontend mails link to
APP_URL=''
CONF
sed "s#^BACKUP_DATABASE_URL=.*#BACKUP_DATABASE_URL='postgresql://gloria_backup:$backup_password@127.0.0.1:5432/gloria'#" "$kit/scripts/host/backup.env.example" | once "$home/backup.env" 600 gloria:gloria
once /etc/gloria/recovery.conf 644 root:root <<'CONF'
# Settings of scripts/recover-database.sh, as Debian keeps its clusters.
PG_DATA=/var/lib/postgresql/15/main
PG_BIN=/usr/lib/postgresql/15/bin
PG_PORT=5432
PG_SOCKET=/var/run/postgresql
PG_OPTIONS='-c config_file=/etc/postgresql/15/main/postgresql.conf'
PG_STOP='systemctl stop postgresql@15-main'
PG_START='systemctl start postgresql@15-main'
PGBACKREST_CONFIG=/etc/pgbackrest.conf
CONF
if [ ! -e "$home/tls/cert.pem" ]; then
  # Until the first one by ACME: nginx wants some certificate to start with.
  sudo -u gloria openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$name" -addext "subjectAltName=DNS:$name" -keyout "$home/tls/key.pem" -out "$home/tls/cert.pem" 2>/dev/null
  chmod 600 "$home/tls/key.pem"
fi

step "nginx, systemd, log rotation, sudo"
GLORIA_HOME=$home node "$kit/scripts/render-nginx.mjs" >/dev/null
chown -h gloria:gloria "$home"/live/upstream.conf
ln -sfn "$home/nginx/nginx.conf" /etc/nginx/nginx.conf
for unit in gloria.service gloria-backup.service gloria-backup.timer gloria-pgbackrest@.service gloria-pgbackrest-full.timer gloria-pgbackrest-incr.timer gloria-certificate.service gloria-certificate.timer; do fill "$unit" > "/etc/systemd/system/$unit"; done
fill logrotate.conf > /etc/logrotate.d/gloria
printf 'gloria ALL=(root) NOPASSWD: /usr/sbin/nginx -t, /usr/bin/systemctl reload nginx\n' > /etc/sudoers.d/gloria
chmod 440 /etc/sudoers.d/gloria
visudo -cqf /etc/sudoers.d/gloria

if [ "$services" = no ]; then echo "Prepared; nothing was started."; exit 0; fi
step "starting PostgreSQL, Redis, nginx"
systemctl daemon-reload
systemctl restart postgresql@15-main redis-server
as_postgres() { sudo -u postgres psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
if [ -z "$(as_postgres -c "SELECT 1 FROM pg_database WHERE datname = 'gloria'")" ]; then
  as_postgres < "$kit/prisma/roles.sql"
  as_postgres <<SQL
ALTER ROLE gloria_app PASSWORD '$app_password';
ALTER ROLE gloria_owner PASSWORD '$owner_password';
ALTER ROLE gloria_backup PASSWORD '$backup_password';
CREATE DATABASE gloria OWNER gloria_owner ENCODING 'UTF8' TEMPLATE template0;
SQL
  as_postgres -d gloria < "$kit/prisma/recovery.sql"
fi
sudo -u postgres pgbackrest --stanza=gloria stanza-create
sudo -u postgres pgbackrest --stanza=gloria check
sudo -u postgres pgbackrest --stanza=gloria info | grep -q 'full backup' || sudo -u postgres pgbackrest --stanza=gloria --type=full backup
systemctl enable --now nginx
systemctl reload nginx
systemctl enable gloria.service
systemctl enable --now gloria-certificate.timer gloria-backup.timer gloria-pgbackrest-full.timer gloria-pgbackrest-incr.timer
echo "Note: pgBackRest's repository is on this disk (/var/lib/pgbackrest). Move it to S3 or another host: /etc/pgbackrest.conf"
echo "Prepared. Next: Clerk's values in $home/app.env, then sudo -u gloria $home/kit/deploy.sh $environment <version>"
