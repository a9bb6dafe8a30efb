"""Behaviour facts of payments: told after the commit, about the order's buyer."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from core import behaviour
from core.ids import uuid7
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.orders.models import Order


def note_behaviour(
    name: behaviour.Name, order: Order, properties: Mapping[str, str] | None = None
) -> None:
    """Note that something came of an order, once the transaction has committed.

    By whom is read from the order: a provider's word comes without a caller.
    """
    fact = behaviour.BehaviourFact(
        id=uuid7(),
        at=time.time(),
        name=name,
        user_id=order.user_id,
        anonymous_id=None,
        application_id=order.application_id,
        properties={"order_id": str(order.pk), "currency": order.currency, **(properties or {})},
        request_id=current().request_id,
    )
    transaction.on_commit(partial(behaviour.buffer.offer, fact))
