"""Logged calls of the arms of a split, as if they had been made."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle

from django.utils import timezone

from apps.ml_models.models import LoggedPrediction
from apps.ml_models.selectors.traffic.windows import first_id
from apps.ml_models.services import traffic
from core.db.partitions import ensure_day_partitions
from core.ids import uuid7

TABLES = (
    "ml_models_loggedprediction",
    "ml_models_shadowprediction",
    "ml_models_predictiontruth",
)


def make_day_partitions(day=None):
    for table in TABLES:
        ensure_day_partitions(table, first=day or timezone.now().date(), days=1)


def start_split(number=2, *, kind="canary", percent=20, **fields):
    """Of the model churn's champion, by the platform itself, unless fields say otherwise."""
    given = {"model_name": "churn", "alias": "champion", "actor": None, **fields}
    return traffic.set_split(kind=kind, number=number, share=round(percent * 100), **given)


def log_calls(version, count, *, arm="main", failed=0, scores=(0.5,), **fields):
    """So many logged calls of a version, the first `failed` of which it could not answer.

    Args:
        scores: of the first row of each, going round.
        fields: alias, callers (how many there are), ago (seconds), rows, latency_us (of each, or
            a list that goes round), classes (of the rows of each call), call_rows (how many rows
            the log says that each had), sampled, who (the first part of the callers' names).
    """
    at = timezone.now() - timedelta(seconds=fields.get("ago", 0))
    make_day_partitions(at.date())
    latency_us = fields.get("latency_us", 500)
    latencies = cycle(latency_us if isinstance(latency_us, list) else [latency_us])
    spread, callers = cycle(scores), fields.get("callers", 20)
    return LoggedPrediction.objects.bulk_create(
        LoggedPrediction(
            id=_id_at(at),
            day=at.date(),
            at=at,
            model_id=version.model_id,
            version_id=version.pk,
            alias=fields.get("alias", "champion"),
            arm=arm,
            caller=f"{fields.get('who', arm)}-{number % callers}",
            rows=fields.get("call_rows", 1),
            features=[[1.0]],
            scores=None if number < failed else [next(spread)] * fields.get("rows", 1),
            classes=fields.get("classes"),
            outcome="model_output_invalid" if number < failed else "ok",
            latency_us=next(latencies),
            sampled=fields.get("sampled", True),
        )
        for number in range(count)
    )


def _id_at(at):
    random = uuid7().int & ((1 << 62) - 1)
    return type(uuid7())(int=first_id(at).int | random)
