"""What nobody is at, though its time has come: sent on its way again, every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.orders.services.payments.calls import due_calls
from apps.orders.services.payments.notices import send_left_notices
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime


def send_due(*, now: datetime) -> int:
    """Have calls made that are due, and notices looked at that were left; how many of both.

    A call that is sent twice is made once: `make_call` takes its lease first.
    """
    with transaction.atomic():
        found = due_calls(now=now)
        for call_id in found:
            enqueue("orders.make_provider_call", call_id=str(call_id))
    return len(found) + send_left_notices(now=now)
