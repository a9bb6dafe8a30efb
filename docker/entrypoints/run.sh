#!/bin/sh
# Puts together the variables that need a secret, then becomes the command given.
#
# Passwords come as files (DATABASE_PASSWORD_FILE, DATABASE_OWNER_PASSWORD_FILE, REDIS_PASSWORD_FILE),
# hosts and names as variables. Each URL may also be given ready-made: then it is left alone.
set -eu

# The password in a file, as it must be written inside a URL.
quoted_secret() {
    python -c 'import sys, urllib.parse
print(urllib.parse.quote(open(sys.argv[1], encoding="utf-8").read().strip(), safe=""))' "$1"
}

database_url() { # role, password file
    password="$(quoted_secret "$2")"
    printf 'postgresql://%s:%s@%s:%s/%s' \
        "$1" "$password" "${DATABASE_HOST:-postgres}" "${DATABASE_PORT:-5432}" "${DATABASE_NAME:-agora}"
}

if [ -z "${DATABASE_URL:-}" ] && [ -n "${DATABASE_PASSWORD_FILE:-}" ]; then
    DATABASE_URL="$(database_url "${DATABASE_USER:-agora_app}" "$DATABASE_PASSWORD_FILE")"
    export DATABASE_URL
fi
if [ -z "${DATABASE_OWNER_URL:-}" ] && [ -n "${DATABASE_OWNER_PASSWORD_FILE:-}" ]; then
    DATABASE_OWNER_URL="$(database_url "${DATABASE_OWNER:-agora_owner}" "$DATABASE_OWNER_PASSWORD_FILE")"
    export DATABASE_OWNER_URL
fi
if [ -z "${REDIS_URL:-}" ] && [ -n "${REDIS_PASSWORD_FILE:-}" ]; then
    password="$(quoted_secret "$REDIS_PASSWORD_FILE")"
    REDIS_URL="redis://:${password}@${REDIS_HOST:-redis}:${REDIS_PORT:-6379}"
    export REDIS_URL
fi
if [ -z "${METRICS_TOKEN:-}" ] && [ -n "${METRICS_TOKEN_FILE:-}" ]; then
    METRICS_TOKEN="$(cat "$METRICS_TOKEN_FILE")"
    export METRICS_TOKEN
fi

exec "$@"
