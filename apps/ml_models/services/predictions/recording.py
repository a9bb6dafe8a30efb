"""Storing what models were asked and answered: a row a logged call."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from apps.ml_models.models import LoggedPrediction
from apps.ml_models.services.predictions.fact_rows import COLUMNS, copy_lines, day_of
from core.db.partitions import ensure_day_partitions
from core.facts.storing import store_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from apps.ml_models.runtime.prediction_log import PredictionFact

TABLE: Final = "ml_models_loggedprediction"
TABLES: Final = (TABLE, "ml_models_predictiontruth", "ml_models_shadowprediction")

COPY: Final = f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN"


def record_predictions(facts: Sequence[PredictionFact]) -> None:
    """Store a batch in one transaction; for settings.PREDICTION_SINK.

    A day without a partition gets one. What is stored already, since a commit was not heard of, is
    not stored again.

    Args:
        facts: a few thousand at most; they are held in memory twice.

    Raises:
        Error: nothing of the batch is stored.
    """
    store_once(
        facts,
        store=_store,
        not_yet_stored=_not_yet_stored,
        make_partitions=lambda: [make_partitions(day) for day in sorted(set(map(day_of, facts)))],
    )


def make_partitions(first: date, days: int = 1) -> list[str]:
    """Make the days of all tables of the log that do not exist; the names of the new."""
    return [
        name for table in TABLES for name in ensure_day_partitions(table, first=first, days=days)
    ]


@transaction.atomic
def _store(facts: Sequence[PredictionFact]) -> None:
    if not facts:
        return
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(COPY, StringIO(copy_lines(facts)))


def _not_yet_stored(facts: Sequence[PredictionFact]) -> list[PredictionFact]:
    stored = LoggedPrediction.objects.filter(
        day__in=set(map(day_of, facts)), id__in=[fact.id for fact in facts]
    )
    known = set(stored.values_list("id", flat=True))
    return [fact for fact in facts if fact.id not in known]
