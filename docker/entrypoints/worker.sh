#!/bin/sh
# The Celery worker. The container's name keeps several workers apart.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-worker}"

exec celery --quiet --app config worker \
    --queues "${WORKER_QUEUES:-default,predictions,webhooks,telemetry,maintenance}" \
    --concurrency "${WORKER_CONCURRENCY:-2}" \
    --hostname "worker@$(hostname)" \
    --without-gossip --without-mingle --loglevel INFO
