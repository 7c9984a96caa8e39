#!/usr/bin/env bash
# scripts/certificate.sh: gets the host's certificate by ACME, or renews it where it is due (certbot, HTTP-01 through nginx). Daily,
# by scripts/host/gloria-certificate.timer. The application is not touched; nginx is reloaded, and only with a certificate it accepts.
#   scripts/certificate.sh [--force]     `install` is what certbot calls with a new one
#   Settings of host.conf: ACME_SERVER, ACME_EMAIL, ACME_WEBROOT; accounts and what was issued stand in $GLORIA_HOME/acme
set -euo pipefail
kit=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
export GLORIA_HOME=${GLORIA_HOME:-/srv/gloria}
home=$GLORIA_HOME
[ -f "$home/host.conf" ] || { echo "$home/host.conf is missing: GLORIA_HOME names the folder of this host's deployment" >&2; exit 78; }
setting() { # name, default
  local value
  value=$(sed -n "s/^$1=//p" "$home/host.conf" | tail -1)
  printf '%s' "${value:-$2}"
}
certificate=$(setting TLS_CERTIFICATE '')
key=$(setting TLS_KEY '')
nginx_test=$(setting NGINX_TEST 'sudo -n nginx -t')
nginx_reload=$(setting NGINX_RELOAD 'sudo -n systemctl reload nginx')

if [ "${1:-}" = install ]; then
  # Both files change, or neither: the old pair lies beside them until nginx has said yes.
  cp -p "$certificate" "$certificate.before"; cp -p "$key" "$key.before"
  install -m 644 "$RENEWED_LINEAGE/fullchain.pem" "$certificate.new"; install -m 600 "$RENEWED_LINEAGE/privkey.pem" "$key.new"
  mv "$key.new" "$key"; mv "$certificate.new" "$certificate"
  if ! bash -c "$nginx_test"; then
    mv "$certificate.before" "$certificate"; mv "$key.before" "$key"
    echo "nginx refuses the new certificate; the old one stays" >&2
    exit 1
  fi
  bash -c "$nginx_reload"
  rm -f "$certificate.before" "$key.before"
  exit 0
fi

name=$(setting SERVER_NAME '')
webroot=$(setting ACME_WEBROOT /var/www/acme)
dir=$home/acme
email=$(setting ACME_EMAIL '')
server=$(setting ACME_SERVER '')
mkdir -p "$webroot/.well-known/acme-challenge" "$dir"
options=(certonly --webroot --webroot-path "$webroot" --domain "$name" --cert-name "$name" --non-interactive --agree-tos --key-type ecdsa
  --config-dir "$dir/config" --work-dir "$dir/work" --logs-dir "$dir/logs" --deploy-hook "$kit/scripts/certificate.sh install")
if [ -n "$email" ]; then options+=(--email "$email"); else options+=(--register-unsafely-without-email); fi
if [ -n "$server" ]; then options+=(--server "$server"); fi
if [ "${1:-}" = --force ]; then options+=(--force-renewal); else options+=(--keep-until-expiring); fi
if ! certbot "${options[@]}"; then
  echo "No new certificate; the one that is served stays: $certificate" >&2
  exit 1
fi
# certbot counts a certificate as renewed whatever became of its hook: what it holds must be what is served.
lineage=$dir/config/live/$name
if ! cmp -s "$lineage/fullchain.pem" "$certificate"; then
  echo "The newest certificate is not the one that is served; installing it."
  RENEWED_LINEAGE=$lineage "$kit/scripts/certificate.sh" install
fi
