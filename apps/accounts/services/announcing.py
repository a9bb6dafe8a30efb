"""Publishing what happened to a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.outbox import Event, publish

if TYPE_CHECKING:
    from apps.accounts.models import User
    from core.audit import Actor


def announce(event: str, user: User, *, actor: Actor, **data: object) -> None:
    """An outbox row in the caller's transaction. Without an actor, the user acted."""
    publish(
        Event(
            type=event,
            object_type="user",
            object_id=str(user.pk),
            data={"username": user.username, **data},
            actor_id=user.pk if actor is None else actor.user_id,
        )
    )
