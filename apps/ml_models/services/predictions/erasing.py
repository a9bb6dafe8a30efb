"""Erasing what the prediction log knows of people: what they sent, what was answered, who it was.

The row itself stays, with the version, the time and how it ended, so that calls stay counted.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from apps.ml_models.models import LoggedPrediction
from apps.ml_models.selectors.predictions import ERASING, prediction_for
from apps.ml_models.services.predictions.patience import take_time
from apps.ml_models.services.replaying.forgetting import forget_calls
from core import audit
from core.db.locks import lock_in_order, lock_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.audit import Actor
    from core.security.principal import Principal

# Statements of their own and not one: each sees what was committed before it began. Feedback that
# had the lock of a row has stored its truth when the row is emptied, and what takes away sees it.
EMPTY: Final = """
    UPDATE ml_models_loggedprediction
    SET features = NULL, scores = NULL, classes = NULL, outputs = NULL,
        user_id = NULL, application_id = NULL, caller = '', request_id = ''
    WHERE day = %(day)s AND id = ANY(%(ids)s)
"""
UNTELL: Final = "DELETE FROM ml_models_predictiontruth WHERE day = %(day)s AND id = ANY(%(ids)s)"
UNSHADOW: Final = """
    DELETE FROM ml_models_shadowprediction WHERE day = %(day)s AND prediction_id = ANY(%(ids)s)
"""


@transaction.atomic
def erase_prediction(*, prediction_id: UUID, caller: Principal, now: datetime) -> None:
    """Erase one prediction of the caller's, and what was said of it later.

    Raises:
        PredictionNotLoggedError, PredictionNotWrittenYetError, PredictionExpiredError: as named.
    """
    row = prediction_for(caller, prediction_id, now=now, shape=_locked)
    truths = _erase({row.day: [row.pk]}, models={row.model_id})
    _record(caller, "prediction", row.pk, 1, truths, "")


@transaction.atomic
def erase_predictions(*, user_id: UUID, actor: Actor, reason: str = "") -> int:
    """Erase all predictions that were made on somebody's behalf; how many.

    What web processes still have in hand, of the last second or two, is written afterwards: end the
    account's credentials first, or ask again.

    Args:
        user_id: whose; the user's row need not exist any more.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
    """
    take_time()
    found = _locked(LoggedPrediction.objects.filter(user_id=user_id))
    ids: defaultdict[date, list[UUID]] = defaultdict(list)
    models: set[UUID] = set()
    for row in found.only("id", "day", "model_id"):
        ids[row.day].append(row.pk)
        models.add(row.model_id)
    predictions = sum(map(len, ids.values()))
    truths = _erase(ids, models=models)
    _record(actor, "user", user_id, predictions, truths, reason)
    return predictions


def _locked(rows: QuerySet[LoggedPrediction]) -> QuerySet[LoggedPrediction]:
    """Those that are still theirs when whoever held them has ended."""
    return lock_in_order(rows, no_key=True)


def _erase(ids: Mapping[date, list[UUID]], *, models: set[UUID]) -> int:
    """Empty rows that are locked, then take away what hangs on them; how many truths.

    Shadows and replays are stored under a share of the name, by those who have looked whether the
    call was erased: here are all of those who did not see it yet, and none can follow.

    Args:
        ids: predictions by day.
        models: theirs.
    """
    for day, of_day in ids.items():
        _run(EMPTY, day, of_day)
    lock_name(ERASING)
    for day, of_day in ids.items():
        _run(UNSHADOW, day, of_day)
    forget_calls(chain.from_iterable(ids.values()), models=models)
    return sum(_run(UNTELL, day, of_day) for day, of_day in ids.items())


def _run(statement: str, day: date, ids: list[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"day": day, "ids": ids})
        return int(cursor.rowcount)


def _record(  # noqa: PLR0913, PLR0917 - the parts of an entry
    actor: Actor, object_type: str, key: UUID, predictions: int, truths: int, reason: str
) -> None:
    """Counts alone: an entry outlives what was erased."""
    audit.record(
        actor=actor,
        action="ml_models.predictions.erased",
        object_type=object_type,
        object_id=str(key),
        before={"predictions": predictions, "truths": truths},
        after=None,
        reason=reason,
    )
