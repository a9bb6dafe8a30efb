"""What replays keep of single calls goes when these go from the prediction log.

Of the rows that differ most a replay keeps scores: as personal as those in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from apps.ml_models.selectors.predictions import ERASING, first_id_of
from apps.ml_models.selectors.replays import with_features
from core.db.locks import share_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from uuid import UUID

# `{which}` and `{gone}` are conditions of ours: on a replay, and on a row that it names.
FORGET: Final = """
    UPDATE ml_models_replay AS replay
    SET result = jsonb_set(result, '{{most_different}}', coalesce((
            SELECT jsonb_agg(named ORDER BY place)
            FROM jsonb_array_elements(result -> 'most_different')
                WITH ORDINALITY AS one(named, place)
            WHERE NOT (named ->> 'prediction_id')::uuid {gone}
        ), '[]')),
        row_version = row_version + 1, updated_at = statement_timestamp()
    WHERE {which} AND EXISTS (
        SELECT FROM jsonb_array_elements(result -> 'most_different') AS named
        WHERE (named ->> 'prediction_id')::uuid {gone}
    )
"""
FORGET_CALLS: Final = FORGET.format(which="model_id = ANY(%(models)s)", gone="= ANY(%(ids)s)")
FORGET_BEFORE: Final = FORGET.format(which="model_id = ANY(%(models)s)", gone="< %(first)s")
FORGET_ALL_BEFORE: Final = FORGET.format(which="true", gone="< %(first)s")


def without_gone_rows(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result that may be stored: no row in it that the log has lost since it was read.

    The transaction is the caller's; an erasure that begins before its end waits for it.
    """
    share_name(ERASING)
    named = result.get("most_different", ())
    logged = {(row["prediction_id"], row["row"]) for row in with_features(named)}
    kept = [row for row in named if (row["prediction_id"], row["row"]) in logged]
    return {**result, "most_different": kept}


def forget_calls(ids: Iterable[UUID], *, models: Iterable[UUID]) -> None:
    """Take calls of these models out of every replay that names them."""
    _forget(FORGET_CALLS, ids=list(ids), models=list(models))


def forget_before(day: date, *, models: Iterable[UUID] | None = None) -> None:
    """Take calls of earlier days (UTC) out of the replays of these models; None: of all."""
    first = first_id_of(day)
    if models is None:
        _forget(FORGET_ALL_BEFORE, first=first)
    else:
        _forget(FORGET_BEFORE, first=first, models=list(models))


def _forget(statement: str, **values: UUID | list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
