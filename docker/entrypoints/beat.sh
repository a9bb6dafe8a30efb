#!/bin/sh
# The clock of recurring tasks: exactly one. Its memory of what ran last may be lost with the container.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-beat}"

exec celery --quiet --app config beat --loglevel WARNING --schedule /tmp/beat-schedule --pidfile ""
