"""Erasing what is known of what a person did.

The rows stay, with the name and the time of what happened, so that counts stay right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from apps.behaviour.models import BehaviourEvent
from core import audit

if TYPE_CHECKING:
    from uuid import UUID

    from core.audit import Actor

STATEMENT_TIMEOUT: Final = 45_000  # milliseconds; a request's would be too short for 90 days


@transaction.atomic
def erase_user(*, user_id: UUID, actor: Actor, reason: str = "") -> int:
    """Erase who it was and what it was about from all facts of a person; how many there were.

    What a process still has in hand, of the last second or two, is written afterwards: end the
    account's credentials first, or ask again.

    Args:
        user_id: whose; the user's row need not exist any more.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = %s", [STATEMENT_TIMEOUT])
    erased = BehaviourEvent.objects.filter(user_id=user_id).update(
        user_id=None,
        anonymous_id=None,
        application_id=None,
        session_id="",
        properties={},
        context={},
        request_id="",
    )
    audit.record(
        actor=actor,
        action="behaviour.user.erased",
        object_type="user",
        object_id=str(user_id),
        before={"facts": erased},  # a count alone: an entry outlives what was erased
        after=None,
        reason=reason,
    )
    return erased
