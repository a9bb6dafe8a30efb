"""Publishing what happened to a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from apps.accounts.events import LOGINS_REVOKED
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.accounts.events import LoginsRevokedData, UserData
    from apps.accounts.models import User
    from core.audit import Actor
    from core.outbox import EventType


Data = TypeVar("Data", bound="Mapping[str, object]")


def announce(event_type: EventType[UserData], user: User, *, actor: Actor) -> None:
    """An outbox row in the caller's transaction. Without an actor, the user acted."""
    data: UserData = {"username": user.username}
    _publish(event_type, user, data, actor)


def announce_revoked_logins(user: User, *, logins: int, actor: Actor) -> None:
    """The same for logins that were ended; why is not told, since staff may have had a reason."""
    data: LoginsRevokedData = {"username": user.username, "logins": logins}
    _publish(LOGINS_REVOKED, user, data, actor)


def _publish(event_type: EventType[Data], user: User, data: Data, actor: Actor) -> None:
    actor_id = user.pk if actor is None else actor.user_id
    publish(event_type.about(user.pk, data, actor_id=actor_id, account_id=user.pk))
