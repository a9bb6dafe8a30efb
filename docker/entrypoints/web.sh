#!/bin/sh
# The web server: one worker process a core.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-web}"
# Counters of all worker processes, so that /metrics answers for the whole container.
export PROMETHEUS_MULTIPROC_DIR="${PROMETHEUS_MULTIPROC_DIR:-/tmp/prometheus}"
rm -rf "$PROMETHEUS_MULTIPROC_DIR"
mkdir -p "$PROMETHEUS_MULTIPROC_DIR"

exec granian --interface wsgi --no-ws \
    --host "${HOST:-0.0.0.0}" --port "${PORT:-8000}" \
    --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-4}" \
    --respawn-failed-workers --respawn-interval 0.5 --workers-kill-timeout 8 \
    --log-level warning \
    config.wsgi:application
