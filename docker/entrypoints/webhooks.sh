#!/bin/sh
# Calls the receivers of webhooks. Several may run: each takes what no other has.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-webhooks}"

exec python manage.py deliver_webhooks
