#!/bin/sh
# Brings the schema up to date in the owner's role, then ends; the others wait for it.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-migrate}"

python manage.py check --deploy --fail-level WARNING
python manage.py migrate --no-input
# Once there are tables, nobody may be left in them with a password that is published.
exec python manage.py check_demo_passwords
