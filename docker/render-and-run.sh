#!/bin/sh
# Fills in nginx's configuration in a container and runs it; the template is the one hosts use.
set -eu
conf=/tmp/gloria
mkdir -p "$conf" /tmp/temp
cp /gloria/docker/*.conf /gloria/problem.conf "$conf/"
ln -sfn /gloria/maintenance/maintenance "$conf/maintenance"
export CONF_DIR="$conf" LIVE_DIR="$conf" NGINX_USER='user nginx;' NGINX_PID=/run/nginx.pid NGINX_TEMP=/tmp/temp ERROR_LOG=/dev/stderr ACCESS_LOG=/dev/stdout \
  LISTEN_ADDRESS=0.0.0.0 HTTP_PORT=80 HTTPS_PORT=443 PUBLIC_PORT='' ACME_WEBROOT=/var/www/acme \
  TLS_CERTIFICATE=/run/secrets/tls_certificate TLS_KEY=/run/secrets/tls_key \
  RATE_PER_SECOND="${RATE_PER_SECOND:-50}" BURST="${BURST:-200}" CONNECTIONS_PER_ADDRESS="${CONNECTIONS_PER_ADDRESS:-200}" MAINTENANCE_RETRY_SECONDS="${MAINTENANCE_RETRY_SECONDS:-600}"
# shellcheck disable=SC2016 # the names, not their values
names=$(grep -o '\${[A-Z_]*}' /gloria/nginx.conf.template | sort -u | tr -d '\n')
envsubst "$names" < /gloria/nginx.conf.template > "$conf/nginx.conf"
nginx -t -q -c "$conf/nginx.conf"
exec nginx -c "$conf/nginx.conf" -g 'daemon off;'
