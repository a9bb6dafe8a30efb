#!/bin/sh
# TLS when there are certificates, plain HTTP when there are none.
set -eu

tls="${TLS_DIR:-/etc/agora/tls}"
parts="${NGINX_PARTS:-/etc/nginx/agora}"

if [ -r "$tls/fullchain.pem" ] && [ -r "$tls/privkey.pem" ]; then
    cp "$parts/tls.conf" /tmp/nginx-servers.conf
else
    cp "$parts/plain.conf" /tmp/nginx-servers.conf
fi

exec nginx -g 'daemon off;'
