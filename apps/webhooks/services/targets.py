"""Which URLs and event types an endpoint may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.webhooks.errors import InvalidEndpointError
from apps.webhooks.selectors.deliveries import ALL, FAMILY
from core.errors import FieldError
from core.outbound import check_target
from core.outbound.errors import UrlNotAllowedError
from core.outbox.catalogue import event_types

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_event_types(patterns: Iterable[str]) -> None:
    """Each is a type, a family of types, or `*`. Raises InvalidEndpointError, naming the others."""
    known = event_types()
    families = {f"{each.family}{FAMILY}" for each in known.values()}
    faults = tuple(
        FieldError(
            "unknown_event_type",
            f"There is no event type {pattern!r}.",
            pointer=f"#/event_types/{place}",
        )
        for place, pattern in enumerate(patterns)
        if pattern not in known and pattern not in families and pattern != ALL
    )
    if faults:
        raise InvalidEndpointError(faults[0].detail, errors=faults)


def check_url(url: str) -> None:
    """Raises UrlNotAllowedError, which says where in the body the URL stands."""
    try:
        check_target(url)
    except UrlNotAllowedError as error:
        fault = FieldError(error.code, error.detail, pointer="#/url")
        raise UrlNotAllowedError(error.detail, errors=(fault,)) from error
