#!/bin/sh
# Brings the schema up to date in the owner's role, then ends; the others wait for it.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-migrate}"

python manage.py check --deploy --fail-level WARNING
exec python manage.py migrate --no-input
