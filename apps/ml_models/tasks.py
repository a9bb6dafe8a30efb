"""Celery's door: names for life, limits with units, one service call each."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.ml_models.services import validating
from apps.ml_models.services.batch import reaping, running, splitting, sweeping

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


@shared_task(name="ml_models.reap_validations", soft_time_limit=60)
def reap_validations(**_newer_arguments: object) -> None:
    validating.reap_validations()


@shared_task(name="ml_models.purge_orphaned_files", soft_time_limit=60)
def purge_orphaned_files(**_newer_arguments: object) -> None:
    sweeping.purge_orphaned_files(now=timezone.now())
