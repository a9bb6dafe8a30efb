#!/bin/sh
# The web server: one worker process a core.
set -eu

export AGORA_PROCESS="${AGORA_PROCESS:-web}"
# Counters of all worker processes, so that /metrics answers for the whole container.
export PROMETHEUS_MULTIPROC_DIR="${PROMETHEUS_MULTIPROC_DIR:-/tmp/prometheus}"
rm -rf "$PROMETHEUS_MULTIPROC_DIR"
mkdir -p "$PROMETHEUS_MULTIPROC_DIR"

# A worker with more resident memory than this in three looks is replaced by one that starts first:
# --respawn-interval is its head start, which must be longer than a start takes.
rss_bytes="${SERVING_RSS_BYTES:-1610612736}"
case "$rss_bytes" in
    *[!0-9]*)
        echo "SERVING_RSS_BYTES must be a whole number of bytes." >&2
        exit 64
        ;;
esac
if [ "$rss_bytes" -gt 0 ]; then
    set -- --workers-max-rss "$(((rss_bytes + 1048575) / 1048576))" \
        --rss-sample-interval 5 --rss-samples 3 "$@"
fi

exec granian --interface wsgi --no-ws \
    --host "${HOST:-0.0.0.0}" --port "${PORT:-8000}" \
    --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-4}" \
    --respawn-failed-workers --respawn-interval 10 --workers-kill-timeout 8 \
    --log-level warning "$@" \
    config.wsgi:application
