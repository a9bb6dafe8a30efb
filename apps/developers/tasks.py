"""Celery's door: the request log's days, and forgetting OAuth tokens that have run out."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from apps.developers.services import keeping, oauth


@shared_task(name="developers.make_request_partitions")
def make_request_partitions(**_newer_arguments: object) -> None:
    keeping.make_request_partitions(now=timezone.now())


@shared_task(name="developers.purge_requests")
def purge_requests(**_newer_arguments: object) -> None:
    keeping.purge_requests(now=timezone.now())


@shared_task(name="developers.purge_usage")
def purge_usage(**_newer_arguments: object) -> None:
    keeping.purge_usage(now=timezone.now())


@shared_task(name="developers.purge_oauth")
def purge_oauth(**_newer_arguments: object) -> None:
    oauth.purge_oauth(now=timezone.now())
