"""What people say of a version: its origin stays as it came in, card and description are edited."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from django.db import transaction

from apps.ml_models.errors import (
    InvalidVersionFactsError,
    ModelNotFoundError,
    ModelVersionNotFoundError,
)
from apps.ml_models.models import VersionCard
from apps.ml_models.selectors.registry import version_by_number
from apps.ml_models.services import tags
from apps.ml_models.services.knowledge import (
    Knowledge,
    check_card,
    check_description,
    refuse_faults,
)
from apps.ml_models.services.references import is_stored, store_reference
from core import audit
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.ml_models.models import ModelVersion, RegisteredModel
    from core.audit import Actor

__all__ = ["Knowledge", "edit_card", "make_card", "says_the_same"]

EDITABLE = {"description": "description", "model_card": "text"}
"""What may be edited, and the column that holds it."""
CHECKS = {"description": check_description, "model_card": check_card}


@transaction.atomic
def edit_card(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    number: int,
    changes: Mapping[str, object],
    actor: Actor,
    reason: str = "",
    check: Callable[[ModelVersion], None] | None = None,
) -> VersionCard:
    """Change what is said of a version. The version's row version moves when anything differs.

    Args:
        model_name: of a registered model.
        number: of the version, in any state.
        changes: of "description", "model_card" and "tags"; a tag that is null is deleted, tags
            that are not named stay (RFC 7396).
        actor: for the audit trail.
        reason: in the actor's words.
        check: a precondition (If-Match), asked under the lock; raises when it fails.

    Raises:
        ModelNotFoundError, ModelVersionNotFoundError.
        InvalidVersionFactsError: too long, or characters that no text has.
    """
    model, version = tags.lock_tagged(model_name, number)
    assert version is not None  # noqa: S101 - for mypy: a number was given
    if check is not None:
        check(version)
    refuse_faults({name: (CHECKS[name], changes[name]) for name in EDITABLE if name in changes})
    card = card_of(version)
    changed = _edit(card, changes, actor, reason)
    wanted = cast("Mapping[str, str | None]", changes.get("tags") or {})
    if tags.change_tags(model, version, wanted, actor=actor, reason=reason) or changed:
        tags.touch_tagged(model, version)
    return card


def card_of(version: ModelVersion) -> VersionCard:
    """A version's card; versions from before there were cards get one when it is asked for."""
    return VersionCard.objects.get_or_create(version=version)[0]


def _edit(card: VersionCard, changes: Mapping[str, object], actor: Actor, reason: str) -> bool:
    columns = {EDITABLE[name]: value for name, value in changes.items() if name in EDITABLE}
    before = {name: getattr(card, name) for name in columns}
    if columns == before:
        return False
    for name, value in columns.items():
        setattr(card, name, value)
    card.save(update_fields=columns)
    audit.record(
        actor=actor,
        action="ml_models.version.card_changed",
        object_type="model_version",
        object_id=str(card.version_id),
        before=_shown(before),
        after=_shown(columns),
        reason=reason,
    )
    return True


def _shown(columns: Mapping[str, object]) -> dict[str, object]:
    """For the audit trail: of a card, which may have 64 kB, its length and SHA-256."""
    shown = dict(columns)
    if "text" in shown:
        text = str(shown.pop("text")).encode()
        shown["model_card"] = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    return shown


def make_card(version: ModelVersion, knowledge: Knowledge, *, actor: Actor) -> VersionCard:
    """Keep what was said at upload. Caller has checked it and holds the model's lock.

    Raises:
        InvalidVersionFactsError: there is no such parent.
    """
    card = VersionCard.objects.create(
        version=version,
        description=knowledge.description,
        text=knowledge.model_card,
        parent=parent_of(version.model, knowledge),
        **origin_of(knowledge),
    )
    store_reference(version, knowledge.reference)
    tags.change_tags(version.model, version, knowledge.tags, actor=actor)
    return card


def origin_of(knowledge: Knowledge) -> dict[str, object]:
    """The columns of a card that are never edited, but the parent."""
    return {
        "training_data_digest": knowledge.training_data_digest,
        "training": dict(knowledge.training),
        "frameworks": dict(knowledge.frameworks),
        "run_id": knowledge.run_id,
        "source": knowledge.source,
    }


def parent_of(model: RegisteredModel, knowledge: Knowledge) -> ModelVersion | None:
    """The version that it was made from. Raises InvalidVersionFactsError when there is none."""
    parent = knowledge.parent
    if parent is None:
        return None
    named = parent if isinstance(parent, dict) else {"model": model.name, "version": parent}
    try:
        return version_by_number(str(named["model"]), cast("int", named["version"]))
    except (ModelNotFoundError, ModelVersionNotFoundError) as error:
        fault = FieldError("not_found", error.detail, pointer="#/parent")
        raise InvalidVersionFactsError(error.detail, errors=(fault,)) from None


def says_the_same(version: ModelVersion, knowledge: Knowledge) -> bool:
    """Whether a version is described by this already: its origin equal, its words not contradicted.

    What can be edited afterwards (description, card, tags) counts only where something is said.
    """
    card = card_of(version)
    words = {"description": knowledge.description, "text": knowledge.model_card}
    return (
        dict(version.metrics) == dict(knowledge.metrics)
        and all(getattr(card, name) == value for name, value in origin_of(knowledge).items())
        and card.parent_id == getattr(parent_of(version.model, knowledge), "pk", None)
        and all(getattr(card, name) == value for name, value in words.items() if value)
        and knowledge.tags.items() <= tags.tags_of(version.model, version).items()
        and is_stored(version, knowledge.reference)
    )
