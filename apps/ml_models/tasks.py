"""Celery's door: names for life, limits with units, one service call each."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.ml_models.services import deposits, guarding, quarantine, replaying, validating
from apps.ml_models.services.batch import reaping, running, splitting, sweeping
from apps.ml_models.services.predictions import keeping
from apps.ml_models.services.quality import drifting, measuring

VALIDATION_MARGIN = 20  # seconds beyond the child's own limit: reading and storing its files


@shared_task(
    name="ml_models.validate_model_version",
    soft_time_limit=settings.VALIDATION_WALL_SECONDS + VALIDATION_MARGIN,
    time_limit=settings.VALIDATION_WALL_SECONDS + 2 * VALIDATION_MARGIN,
)
def validate_model_version(*, version_id: str, **_newer_arguments: object) -> None:
    validating.validate_version(version_id=UUID(version_id))


@shared_task(name="ml_models.split_batch_prediction", soft_time_limit=60)
def split_batch_prediction(*, job_id: str, **_newer_arguments: object) -> None:
    splitting.split_batch_prediction(job_id=UUID(job_id))


@shared_task(name="ml_models.run_batch_chunk", soft_time_limit=60)
def run_batch_chunk(*, job_id: str, **_newer_arguments: object) -> None:
    running.run_batch_chunk(job_id=UUID(job_id))


@shared_task(name="ml_models.reap_batch_predictions", soft_time_limit=60)
def reap_batch_predictions(**_newer_arguments: object) -> None:
    reaping.reap_batch_predictions()


@shared_task(name="ml_models.run_replay", soft_time_limit=60)
def run_replay(*, replay_id: str, **_newer_arguments: object) -> None:
    replaying.run_replay(replay_id=UUID(replay_id))


@shared_task(name="ml_models.reap_replays", soft_time_limit=60)
def reap_replays(**_newer_arguments: object) -> None:
    replaying.reap_replays()


@shared_task(name="ml_models.reap_validations", soft_time_limit=60)
def reap_validations(**_newer_arguments: object) -> None:
    validating.reap_validations()


@shared_task(name="ml_models.purge_quarantine", soft_time_limit=60)
def purge_quarantine(**_newer_arguments: object) -> None:
    quarantine.purge_quarantine(now=timezone.now())


@shared_task(name="ml_models.purge_orphaned_files", soft_time_limit=60)
def purge_orphaned_files(**_newer_arguments: object) -> None:
    sweeping.purge_orphaned_files(now=timezone.now())


@shared_task(name="ml_models.purge_uploads", soft_time_limit=60)
def purge_uploads(**_newer_arguments: object) -> None:
    deposits.purge_uploads(now=timezone.now())


@shared_task(name="ml_models.guard_traffic", soft_time_limit=60)
def guard_traffic(**_newer_arguments: object) -> None:
    guarding.guard_traffic(now=timezone.now())


@shared_task(name="ml_models.make_prediction_partitions", soft_time_limit=60)
def make_prediction_partitions(**_newer_arguments: object) -> None:
    keeping.make_prediction_partitions(now=timezone.now())


@shared_task(name="ml_models.purge_predictions", soft_time_limit=60)
def purge_predictions(**_newer_arguments: object) -> None:
    keeping.purge_predictions(now=timezone.now())


@shared_task(name="ml_models.measure_quality", soft_time_limit=60)
def measure_quality(**_newer_arguments: object) -> None:
    measuring.measure_quality(now=timezone.now())


@shared_task(name="ml_models.measure_drift", soft_time_limit=60)
def measure_drift(**_newer_arguments: object) -> None:
    drifting.measure_drift(now=timezone.now())
