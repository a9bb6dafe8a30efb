#!/bin/sh
# The password must not stand on a command line, so it goes into a file in memory.
set -eu

umask 077
{
    cat /etc/agora/redis.conf
    printf 'requirepass %s\n' "$(cat /run/secrets/redis_password)"
} > /tmp/redis.conf

exec redis-server /tmp/redis.conf
