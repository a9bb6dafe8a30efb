"""The Celery app: queues from settings, tasks from every app, the beat schedule."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

SECOND, HOUR = 1.0, 3_600.0


def every(seconds: float, task: str) -> dict[str, Any]:
    """An entry of the beat schedule; a tick that nobody takes before the next one is dropped."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


def nightly(hour: int, minute: int, task: str) -> dict[str, Any]:
    """An entry for once a day, in UTC; within the hour, or it waits for the next night."""
    schedule = crontab(hour=hour, minute=minute)
    return {"task": task, "schedule": schedule, "options": {"expires": HOUR}}


app = Celery("agora")
app.set_default()  # the current app of every thread, not of the one that imports this alone
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = {
    "reap-batch-predictions": every(5 * SECOND, "ml_models.reap_batch_predictions"),
    "guard-traffic": every(10 * SECOND, "ml_models.guard_traffic"),
    "reap-replays": every(10 * SECOND, "ml_models.reap_replays"),
    "reap-validations": every(15 * SECOND, "ml_models.reap_validations"),
    "purge-uploads": every(HOUR, "ml_models.purge_uploads"),
    "purge-orphaned-files": every(HOUR, "ml_models.purge_orphaned_files"),
    "purge-quarantine": every(HOUR, "ml_models.purge_quarantine"),
    "make-prediction-partitions": every(HOUR, "ml_models.make_prediction_partitions"),
    "purge-predictions": every(HOUR, "ml_models.purge_predictions"),
    "measure-quality": every(HOUR, "ml_models.measure_quality"),
    "measure-drift": every(HOUR, "ml_models.measure_drift"),
    "purge-outbox": every(HOUR, "core.purge_outbox"),
    "purge-idempotency-keys": every(HOUR, "core.purge_idempotency_keys"),
    "purge-revocations": every(HOUR, "core.purge_revocations"),
    "purge-ended-logins": every(HOUR, "accounts.purge_ended_logins"),
    "make-request-partitions": every(HOUR, "developers.make_request_partitions"),
    "purge-requests": every(HOUR, "developers.purge_requests"),
    "purge-oauth": every(HOUR, "developers.purge_oauth"),
    "purge-usage": every(HOUR, "developers.purge_usage"),
    "make-behaviour-partitions": every(HOUR, "behaviour.make_behaviour_partitions"),
    "purge-behaviour": every(HOUR, "behaviour.purge_behaviour"),
    "purge-events": every(HOUR, "webhooks.purge_events"),
    "make-attempt-partitions": every(HOUR, "webhooks.make_attempt_partitions"),
    "purge-attempts": every(HOUR, "webhooks.purge_attempts"),
    "purge-deliveries": every(HOUR, "webhooks.purge_deliveries"),
    "cancel-held-deliveries": every(HOUR, "webhooks.cancel_held_deliveries"),
    "abandon-carts": every(HOUR, "orders.abandon_carts"),
    "purge-carts": every(HOUR, "orders.purge_carts"),
    "send-due-payments": every(5 * SECOND, "orders.send_due_payments"),
    "expire-orders": every(15 * SECOND, "orders.expire_orders"),
    "release-carts": every(15 * SECOND, "products.release_carts"),
    "reap-imports": every(15 * SECOND, "products.reap_imports"),
    "purge-imports": every(HOUR, "products.purge_imports"),
    "purge-orphaned-images": every(HOUR, "products.purge_orphaned_images"),
    "count-popularity": every(HOUR, "products.count_popularity"),
    "check-search-terms": nightly(3, 30, "products.check_search_terms"),
    "check-ratings": nightly(3, 50, "products.check_ratings"),
    "check-orders": nightly(3, 20, "orders.check_orders"),
    "check-stock": nightly(3, 40, "products.check_stock"),
}
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """With a receiver here Celery leaves logging alone: LOGGING in the settings is all of it."""
