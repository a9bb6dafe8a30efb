"""Storing behaviour facts, in batches, off the path of the calls."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Final

import orjson
from django.db import connection, transaction

from apps.behaviour.models import BehaviourEvent
from core.db.partitions import ensure_day_partitions
from core.facts.storing import store_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from core.behaviour import BehaviourFact

TABLE: Final = BehaviourEvent._meta.db_table  # noqa: SLF001 - Django's documented model API
COLUMNS: Final = (
    *("id", "day", "at", "name", "user_id", "anonymous_id", "application_id", "session_id"),
    *("properties", "context", "request_id"),
)
COPY: Final = f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN"
NULL: Final = "\\N"
ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def record_behaviour(facts: Sequence[BehaviourFact]) -> None:
    """Store a batch in one transaction; for settings.BEHAVIOUR_SINK.

    A day without a partition gets one. What is stored already, since a commit was not heard of, is
    not stored again.

    Args:
        facts: a few thousand at most.

    Raises:
        Error: nothing of the batch is stored.
    """
    store_once(
        facts,
        store=_store,
        not_yet_stored=_not_yet_stored,
        make_partitions=lambda: [
            ensure_day_partitions(TABLE, first=day, days=1) for day in sorted(set(map(_day, facts)))
        ],
    )


@transaction.atomic
def _store(facts: Sequence[BehaviourFact]) -> None:
    if not facts:
        return
    lines = "".join(map(_line, facts))
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(COPY, StringIO(lines))


def _not_yet_stored(facts: Sequence[BehaviourFact]) -> list[BehaviourFact]:
    stored = BehaviourEvent.objects.filter(
        day__in=set(map(_day, facts)), id__in=[fact.id for fact in facts]
    )
    known = set(stored.values_list("id", flat=True))
    return [fact for fact in facts if fact.id not in known]


# -- A fact as a line of COPY's text format


def _at(fact: BehaviourFact) -> datetime:
    return datetime.fromtimestamp(fact.at, UTC)


def _day(fact: BehaviourFact) -> date:
    """In UTC: the partition."""
    return _at(fact).date()


def _line(fact: BehaviourFact) -> str:
    """Its columns those of COLUMNS. Raises for what cannot be a row."""
    columns = (
        fact.id.hex,
        _day(fact).isoformat(),
        _at(fact).isoformat(),
        _text(fact.name),
        _id(fact.user_id),
        _id(fact.anonymous_id),
        _id(fact.application_id),
        "",  # sessions are not known yet
        _text(orjson.dumps(dict(fact.properties), default=str).decode()),
        "{}",
        _text(fact.request_id),
    )
    return "\t".join(columns) + "\n"


def _id(value: UUID | None) -> str:
    return NULL if value is None else value.hex


def _text(value: str) -> str:
    return value.translate(ESCAPES)
