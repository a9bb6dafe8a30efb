"""Which version callers get: aliases, the default model, and taking versions out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.ml_models import events
from apps.ml_models.errors import (
    DefaultModelNeedsChampionError,
    InvalidNameError,
    ModelAliasNotFoundError,
    ModelVersionInUseError,
    ModelVersionNotReadyError,
    RuntimeUnavailableError,
)
from apps.ml_models.models import CHAMPION, ModelAlias, ModelVersion, RegisteredModel
from apps.ml_models.selectors.registry import model_by_name, version_by_number
from apps.ml_models.services.names import is_alias
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import check_ready
from core import audit
from core.db.locks import lock_in_order, lock_name
from core.errors import FieldError
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor


@transaction.atomic
def set_alias(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    alias: str,
    number: int,
    actor: Actor,
    reason: str = "",
    check: Callable[[ModelAlias | None], None] | None = None,
) -> ModelAlias:
    """Point an alias at a version: promotes it, or rolls back. Callers follow within 2 s.

    The alias's row is locked, and the model's too while the alias does not exist yet, so of two
    concurrent moves one sees what the other did.

    Args:
        model_name: of an existing model.
        alias: made when it does not exist.
        number: of the version, which must be ready.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
        check: a precondition (If-Match), asked again under the lock; raises when it fails.

    Raises:
        ModelVersionNotReadyError: the version is uploaded, validating or rejected.
        ModelVersionRetiredError: it has been retired.
        RuntimeUnavailableError: only TensorFlow runs it and the web may not load TensorFlow.
    """
    if not is_alias(alias):
        raise _invalid_alias(alias)
    model = model_by_name(model_name).reload_for_update()
    version = version_by_number(model.name, number).reload_for_update()
    check_ready(version)
    _check_runnable(version)
    current = ModelAlias.objects.select_related("version").filter(model=model, alias=alias).first()
    if check is not None:
        check(current)
    if current is not None and current.version_id == version.pk:
        return current
    before = None if current is None else current.version.number
    generation = move_generation()
    if current is None:
        current = ModelAlias(model=model, alias=alias)
    current.version, current.generation = version, generation
    current.save()
    _tell_alias_moved(model, current.alias, before, number, generation, actor, reason)
    return current


def _check_runnable(version: ModelVersion) -> None:
    """Refuse what no web process could answer with."""
    if version.engine == ModelVersion.Engine.TENSORFLOW and not settings.SERVING_ALLOW_TENSORFLOW:
        raise RuntimeUnavailableError(
            f"{version} runs on TensorFlow alone, which the web processes may not load."
        )


def _invalid_alias(alias: str) -> InvalidNameError:
    detail = "An alias has 1 to 64 lower-case letters, digits, `_` and `-`."
    return InvalidNameError(
        f"{alias[:80]!r} cannot be an alias.",
        errors=(FieldError("invalid_name", detail, parameter="alias"),),
    )


@transaction.atomic
def delete_alias(
    *,
    model_name: str,
    alias: str,
    actor: Actor,
    reason: str = "",
    check: Callable[[ModelAlias], None] | None = None,
) -> None:
    """Remove an alias; calls by it answer 404 within 2 s.

    Raises:
        ModelAliasNotFoundError: there is none of that name.
        DefaultModelNeedsChampionError: it is the default model's `champion`.
    """
    model = model_by_name(model_name).reload_for_update()
    current = ModelAlias.objects.select_related("version").filter(model=model, alias=alias).first()
    if current is None:
        raise ModelAliasNotFoundError(f"{model.name} has no alias {alias[:80]!r}.")
    if check is not None:
        check(current)
    if model.is_default and alias == CHAMPION:
        raise DefaultModelNeedsChampionError(f"{model.name} is the default model.")
    before = current.version.number
    current.delete()
    _tell_alias_moved(model, alias, before, None, move_generation(), actor, reason)


def _tell_alias_moved(  # noqa: PLR0913, PLR0917 - one fact with seven parts
    model: RegisteredModel,
    alias: str,
    before: int | None,
    after: int | None,
    generation: int,
    actor: Actor,
    reason: str,
) -> None:
    audit.record(
        actor=actor,
        action="ml_models.alias.moved",
        object_type="model",
        object_id=str(model.pk),
        before={"alias": alias, "version": before},
        after={"alias": alias, "version": after},
        reason=reason,
    )
    _touch(model)
    data: events.AliasMovedData = {
        "model": model.name,
        "alias": alias,
        "version": after,
        "previous_version": before,
        "generation": generation,
    }
    publish(events.ALIAS_MOVED.about(model.pk, data, actor_id=_id_of(actor)))


def _id_of(actor: Actor) -> UUID | None:
    return None if actor is None else actor.user_id


def _touch(model: RegisteredModel) -> None:
    """A model is shown with its aliases, so its ETag moves with them."""
    RegisteredModel.objects.filter(pk=model.pk).update()


@transaction.atomic
def set_default(*, model_name: str, actor: Actor, reason: str = "") -> RegisteredModel:
    """Make a model the one that POST /predict asks when no model is named.

    Raises:
        DefaultModelNeedsChampionError: it has no alias `champion` to answer with.
    """
    lock_name("default_model")  # one change of the default at a time
    previous = RegisteredModel.objects.filter(is_default=True).first()
    wanted = model_by_name(model_name)
    both = RegisteredModel.objects.filter(
        pk__in={wanted.pk, previous.pk if previous else wanted.pk}
    )
    model = {row.pk: row for row in lock_in_order(both, no_key=True)}[wanted.pk]
    if model.is_default:
        return model
    if not model.aliases.filter(alias=CHAMPION).exists():
        raise DefaultModelNeedsChampionError(f"{model.name} has no alias {CHAMPION}.")
    generation = move_generation()
    if previous is not None:
        RegisteredModel.objects.filter(pk=previous.pk).update(is_default=False)
    model.is_default = True
    model.save(update_fields=["is_default"])
    before = None if previous is None else previous.name
    audit.record(
        actor=actor,
        action="ml_models.default.moved",
        object_type="model",
        object_id=str(model.pk),
        before={"default": before},
        after={"default": model.name},
        reason=reason,
    )
    data: events.DefaultMovedData = {
        "model": model.name,
        "previous_model": before,
        "generation": generation,
    }
    publish(events.DEFAULT_MOVED.about(model.pk, data, actor_id=_id_of(actor)))
    return model


@transaction.atomic
def retire_version(
    *, model_name: str, number: int, actor: Actor, now: datetime, reason: str = ""
) -> ModelVersion:
    """Take a ready version out of use for good; batch predictions pinned to it still finish.

    Raises:
        ModelVersionInUseError: an alias points at it.
        ModelVersionNotReadyError: it never was ready.
    """
    model = model_by_name(model_name).reload_for_update()
    version = version_by_number(model.name, number).reload_for_update()
    if version.state == ModelVersion.State.RETIRED:
        return version
    if version.state != ModelVersion.State.READY:
        raise ModelVersionNotReadyError(f"{model.name}:{number} is {version.state}.")
    used_by = list(version.aliases.values_list("alias", flat=True))
    if used_by:
        raise ModelVersionInUseError(f"{model.name}:{number} is {', '.join(used_by)}.")
    version.state, version.retired_at = ModelVersion.State.RETIRED, now
    version.save(update_fields=["state", "retired_at"])
    move_generation()
    audit.record(
        actor=actor,
        action="ml_models.version.retired",
        object_type="model_version",
        object_id=str(version.pk),
        before={"state": "ready"},
        after={"state": "retired"},
        reason=reason,
    )
    publish(events.VERSION_RETIRED.about(version.pk, version_data(version), actor_id=_id_of(actor)))
    return version


def version_data(version: ModelVersion) -> events.VersionData:
    """The data of an event about a version."""
    return {"model": version.model.name, "version": version.number, "state": version.state}
