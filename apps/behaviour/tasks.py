"""Celery's door: one call inward each, with ids and nothing else."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from apps.behaviour.services import keeping


@shared_task(name="behaviour.make_behaviour_partitions")
def make_behaviour_partitions(**_newer_arguments: object) -> None:
    keeping.make_behaviour_partitions(now=timezone.now())


@shared_task(name="behaviour.purge_behaviour")
def purge_behaviour(**_newer_arguments: object) -> None:
    keeping.purge_behaviour(now=timezone.now())
