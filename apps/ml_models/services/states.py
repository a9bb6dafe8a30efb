"""The states of versions: whether one may be used, and each move written down, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.errors import ModelVersionNotReadyError, ModelVersionRetiredError
from apps.ml_models.models import ModelVersion, VersionTransition
from core.observability.request_id import current
from core.security.principal import Principal

if TYPE_CHECKING:
    from uuid import UUID

    from apps.ml_models import events
    from core.audit import Actor

REASON_MAX = 500  # characters
LEASE_LOST = "lease_lost"
"""Reason code of the move from validating to validating: the worker before went away."""


def check_ready(version: ModelVersion) -> None:
    """Raise unless the version can be promoted and predicted with.

    Raises:
        ModelVersionRetiredError: it has been retired.
        ModelVersionNotReadyError: it is uploaded, validating or rejected.
    """
    if version.state == ModelVersion.State.RETIRED:
        raise ModelVersionRetiredError(f"{version} has been retired.")
    if version.state != ModelVersion.State.READY:
        raise ModelVersionNotReadyError(f"{version} is {version.state}.", state=version.state)


def move_state(
    version: ModelVersion,
    to_state: str,
    *,
    actor: Actor,
    reason: str = "",
    reason_code: str = "",
    **columns: object,
) -> VersionTransition:
    """Move a version and write the move down. Caller has locked its row, in a transaction.

    Args:
        version: locked; what the row forbids (a check, the trigger) is an IntegrityError.
        to_state: of ModelVersion.State.
        actor: None is the platform itself.
        reason: in the actor's words.
        reason_code: stable; a rejected version keeps it.
        columns: what moves with the state, e.g. retired_at.
    """
    before = version.state
    if to_state == ModelVersion.State.REJECTED:
        columns["reason_code"] = reason_code
    for name, value in {"state": to_state, **columns}.items():
        setattr(version, name, value)
    version.save(update_fields=["state", *columns])
    return note_transition(version, before, actor=actor, reason=reason, reason_code=reason_code)


def note_transition(
    version: ModelVersion,
    from_state: str,
    *,
    actor: Actor,
    reason: str = "",
    reason_code: str = "",
) -> VersionTransition:
    """Write down that a version came to the state it has, in the transaction that moved it.

    Args:
        version: as it is now; its digest is that of the artefact once it has one.
        from_state: "" when it was made.
        actor: None is the platform itself.
        reason: in the actor's words; cut at 500 characters.
        reason_code: stable.
    """
    return VersionTransition.objects.create(
        version=version,
        from_state=from_state,
        to_state=version.state,
        actor_id=id_of(actor),
        application_id=application_of(actor),
        reason=reason[:REASON_MAX],
        reason_code=reason_code,
        sha256=version.artefact_digest or version.upload_digest,
        request_id=current().request_id,
    )


def version_data(version: ModelVersion) -> events.VersionData:
    """The data of an event about a version."""
    return {"model": version.model.name, "version": version.number, "state": version.state}


def id_of(actor: Actor) -> UUID | None:
    """Of the user that acts; None: the platform itself."""
    return None if actor is None else actor.user_id


def application_of(actor: Actor) -> UUID | None:
    """The application that acts in the user's name, if one does."""
    return actor.application_id if isinstance(actor, Principal) else None
