"""The audit trail: who did what to which object, what was there before and after, and why."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from core.models import AuditEntry
from core.observability.request_id import current
from core.security.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

REASON_MAX = 500  # characters
HIDDEN = "[hidden]"
SECRET_WORDS = ("password", "secret", "token", "pepper")  # in the name of a field


@dataclass(frozen=True, slots=True)
class AdminActor:
    """Somebody known by a session: staff in the admin, a person on a page of their account.

    Also whoever asked for work that a task goes on with later, then with `application_id` when it
    was an application that asked.
    """

    user_id: UUID
    username: str
    application_id: UUID | None = None


Actor: TypeAlias = Principal | AdminActor | None
"""Who acts: a caller of the API, somebody on a page, or the platform itself (None)."""


class EntryCount:
    """How many entries a piece of work has written."""

    def __init__(self) -> None:
        self.entries = 0


_counting: ContextVar[EntryCount | None] = ContextVar("agora_audit_count", default=None)


def record(  # noqa: PLR0913 - an entry has that many parts
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    reason: str = "",
) -> AuditEntry:
    """Write an entry in the caller's transaction: it stands if and only if the change does.

    The request id is that of the running request or task. Members whose names say that they are
    secret are hidden, whatever the caller thought.

    Args:
        actor: None is the platform itself.
        action: name for life, e.g. "accounts.user.deactivated".
        object_type: e.g. "user".
        object_id: its id as text.
        before: the fields in question as they were; None: there was nothing.
        after: the same as they are; None: it is gone.
        reason: in the actor's words; cut at 500 characters.
    """
    counted = _counting.get()
    if counted is not None:
        counted.entries += 1
    return AuditEntry.objects.create(
        actor_id=None if actor is None else actor.user_id,
        actor_name="" if actor is None else actor.username,
        application_id=None if actor is None else actor.application_id,
        action=action,
        object_type=object_type,
        object_id=object_id,
        before=_without_secrets(before),
        after=_without_secrets(after),
        reason=reason[:REASON_MAX],
        request_id=current().request_id,
    )


@contextmanager
def count_entries() -> Iterator[EntryCount]:
    """Counts what `record` writes inside; for those who must see that something was written."""
    count = EntryCount()
    token = _counting.set(count)
    try:
        yield count
    finally:
        _counting.reset(token)


def _without_secrets(facts: Mapping[str, object] | None) -> dict[str, object] | None:
    if facts is None:
        return None
    return {
        name: HIDDEN if value and any(word in name.lower() for word in SECRET_WORDS) else value
        for name, value in facts.items()
    }
