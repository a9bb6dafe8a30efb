"""What somebody was seen doing, by Segment's names, as the doors hand it over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string
from prometheus_client import Counter

from core.facts.buffer import FactBuffer
from core.ids import uuid7
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from core.security.principal import Principal

Name = Literal[
    "Products Searched",
    "Product List Viewed",
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Cart Viewed",
    "Checkout Started",
    "Payment Info Entered",
    "Order Completed",
    "Order Refunded",
    "Order Cancelled",
    "Coupon Entered",
    "Coupon Applied",
    "Coupon Denied",
    "Product Reviewed",
]
"""https://segment.com/docs/connections/spec/ecommerce/v2/"""

LOST: Final = Counter(
    "agora_behaviour_lost",
    "Behaviour facts that were dropped: buffer full, not taken by the database, process ended.",
    ("reason",),
)


class BehaviourFact(NamedTuple):
    """One thing that somebody did, or saw.

    Attributes:
        id: UUIDv7; its time is the fact's.
        at: Unix seconds.
        name: one of Segment's.
        user_id: who; None: not known.
        anonymous_id: of somebody not known, e.g. their cart's id; None: nothing is known.
        application_id: through which application; None: a login, or nobody known.
        properties: flat JSON, as Segment's specification names it; money as text.
        request_id: of the call.
    """

    id: UUID
    at: float
    name: Name
    user_id: UUID | None
    anonymous_id: UUID | None
    application_id: UUID | None
    properties: Mapping[str, Any]
    request_id: str


def notice(
    name: Name,
    properties: Mapping[str, Any],
    *,
    by: Principal | None,
    anonymous_id: UUID | None = None,
) -> None:
    """Note what somebody did: a microsecond or two, never a query, a wait or an error.

    Args:
        name: one of Segment's.
        properties: flat JSON, a few hundred bytes.
        by: the caller; None: not known.
        anonymous_id: of somebody not known.
    """
    buffer.offer(
        BehaviourFact(
            id=uuid7(),
            at=time.time(),
            name=name,
            user_id=None if by is None else by.user_id,
            anonymous_id=anonymous_id,
            application_id=None if by is None else by.application_id,
            properties=properties,
            request_id=current().request_id,
        )
    )


def _write(facts: Sequence[BehaviourFact]) -> None:
    """Hand a batch to settings.BEHAVIOUR_SINK, which says where facts go: core knows no app."""
    if settings.BEHAVIOUR_SINK:
        sink: Callable[[Sequence[BehaviourFact]], Any] = import_string(settings.BEHAVIOUR_SINK)
        sink(facts)


def _in_background() -> bool:
    return bool(settings.BEHAVIOUR_IN_BACKGROUND)


buffer: Final = FactBuffer(
    "agora behaviour",
    write=_write,
    in_background=_in_background,
    lost=LOST,
    bound=settings.BEHAVIOUR_BUFFER,
)
