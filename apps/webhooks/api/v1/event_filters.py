"""Query parameters of the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.webhooks.selectors.events import of_types, patterns
from core.api.typed_filters import EXACT, ID, ONE_OF, RANGE, TEXT, TIME, Kind, Typed, TypedFilterSet

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apps.webhooks.models import EventRecord


def _parse_pattern(text: str) -> str:
    if text not in patterns():
        raise ValueError(text)
    return text


PATTERN: Final = Kind(
    _parse_pattern,
    "A type of event, or a family such as batch_prediction.*",
    {"type": "string"},
    "invalid_choice",
)


def _of_types(
    rows: QuerySet[EventRecord], operator: str, value: str | list[str]
) -> QuerySet[EventRecord]:
    return of_types(rows, value if operator == "in" else [str(value)])


class EventFilter(TypedFilterSet):
    typed = (
        Typed(
            "type",
            PATTERN,
            ONE_OF,
            apply=_of_types,
            about="A type, or a family such as batch_prediction.*",
        ),
        Typed("object_type", TEXT, EXACT, about="E.g. batch_prediction."),
        Typed("object_id", TEXT, EXACT, about="Best with object_type."),
        Typed("application_id", ID, EXACT, about="The application concerned."),
        Typed("occurred_at", TIME, RANGE),
    )
