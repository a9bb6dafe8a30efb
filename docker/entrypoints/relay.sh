#!/bin/sh
# The outbox relay. Several may run: one works, the others wait to take over.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-relay}"

exec python manage.py relay_outbox
