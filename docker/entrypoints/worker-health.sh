#!/bin/sh
# Healthy: this container's worker answers through the broker.
set -eu

exec celery --app config inspect ping --destination "worker@$(hostname)" --timeout 10
