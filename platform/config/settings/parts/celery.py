"""Celery on Redis: rows in PostgreSQL are the truth, messages are hints, no result is kept.

Each figure is argued in docs/subsystems/tasks.md.
"""

from __future__ import annotations

from typing import Any

from kombu import Exchange, Queue

from config.settings.env import env_int, env_str, redis_url

QUEUES = ("default", "predictions", "webhooks", "telemetry", "maintenance")

# The queue a task waits in, by its name; all others wait in "default". (Celery 6 drops the `queue`
# of a task class.)
ROUTES = {
    "core.*": {"queue": "maintenance"},
    "*.purge_*": {"queue": "maintenance"},
    "ml_models.*batch*": {"queue": "predictions"},
    "ml_models.guard_*": {"queue": "telemetry"},  # never behind a validation or a purge
    "ml_models.measure_*": {"queue": "maintenance"},
    "ml_models.*replay*": {"queue": "predictions"},
    "webhooks.*": {"queue": "webhooks"},
    "orders.check_*": {"queue": "maintenance"},
    "products.check_*": {"queue": "maintenance"},
    "products.renew_*": {"queue": "maintenance"},
    "products.*import*": {"queue": "maintenance"},  # tens of seconds each: nothing waits behind
    "products.count_*": {"queue": "maintenance"},
}

WORKER_RSS_BYTES = env_int(
    "WORKER_RSS_BYTES", 2 * 1024**3, minimum=2**20
)  # of a child; TensorFlow and one large model take half of it
BROKER_DATABASE = 0  # number of the Redis database of the broker
SOFT_TIME_LIMIT = 60  # seconds; one task is one chunk or one delivery
TIME_LIMIT = 90  # seconds; then the child is killed, and the chunk's lease runs out
VISIBILITY_TIMEOUT = (
    300  # seconds; above the time limit, so that no running task is handed out twice
)


def celery_settings() -> dict[str, Any]:
    """Settings read by Celery under the namespace CELERY_."""
    return {
        "CELERY_BROKER_URL": redis_url(env_str("REDIS_URL"), BROKER_DATABASE),
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_BROKER_POOL_ACQUIRE_TIMEOUT": 2,  # seconds
        "CELERY_BROKER_TRANSPORT_OPTIONS": {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,  # seconds
            "socket_connect_timeout": 2,  # seconds
            "health_check_interval": 25,  # seconds
        },
        "CELERY_RESULT_BACKEND": None,
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": False,  # a reaper leases again; no poison-pill loop
        "CELERY_TASK_SOFT_TIME_LIMIT": SOFT_TIME_LIMIT,
        "CELERY_TASK_TIME_LIMIT": TIME_LIMIT,
        # Each with its own exchange: else all share one, and each message reaches all.
        "CELERY_TASK_QUEUES": [Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        "CELERY_TASK_ROUTES": ROUTES,
        "CELERY_TASK_CREATE_MISSING_QUEUES": False,
        "CELERY_TASK_DEFAULT_QUEUE": "default",
        "CELERY_TASK_PUBLISH_RETRY_POLICY": {
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.2,
        },
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_WORKER_MAX_MEMORY_PER_CHILD": WORKER_RSS_BYTES // 1024,  # KiB; between two tasks
        "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": 10,  # seconds to finish the chunk in hand
        "CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE": True,
        "CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS": True,
        "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
        "CELERY_ACCEPT_CONTENT": ["json"],
        "CELERY_TASK_SERIALIZER": "json",
        "CELERY_TIMEZONE": "UTC",
        "CELERY_ENABLE_UTC": True,
    }
