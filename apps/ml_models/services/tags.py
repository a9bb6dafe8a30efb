"""Keys and values on models and versions, with MLflow's limits; a key that is there is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from apps.ml_models.models import ModelVersion, RegisteredModel, RegistryTag
from apps.ml_models.selectors.registry import model_by_name, version_by_number
from apps.ml_models.services.knowledge import check_tags, refuse_faults
from core import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.audit import Actor


@transaction.atomic
def set_tag(
    *, model_name: str, number: int | None, key: str, value: str, actor: Actor
) -> RegistryTag:
    """Set a tag of a model, or with a number of one of its versions. A second time changes nothing.

    Raises:
        ModelNotFoundError, ModelVersionNotFoundError.
        InvalidVersionFactsError: a key over 250 or a value over 5,000 characters, or one tag more
            than 100.
    """
    model, version = lock_tagged(model_name, number)
    if change_tags(model, version, {key: value}, actor=actor):
        touch_tagged(model, version)
    return RegistryTag.objects.get(model=model, version=version, key=key)


@transaction.atomic
def delete_tag(*, model_name: str, number: int | None, key: str, actor: Actor) -> bool:
    """Delete a tag; one that is not there is as good. Whether there was one."""
    model, version = lock_tagged(model_name, number)
    changed = change_tags(model, version, {key: None}, actor=actor)
    if changed:
        touch_tagged(model, version)
    return changed


def lock_tagged(model_name: str, number: int | None) -> tuple[RegisteredModel, ModelVersion | None]:
    """The model and perhaps its version, under their row locks, in the order of everybody."""
    model = model_by_name(model_name).reload_for_update()
    if number is None:
        return model, None
    return model, version_by_number(model.name, number).reload_for_update()


def change_tags(
    model: RegisteredModel,
    version: ModelVersion | None,
    changes: Mapping[str, str | None],
    *,
    actor: Actor,
    reason: str = "",
) -> bool:
    """Set what has a value, delete what has None, leave the rest (RFC 7396); whether any differed.

    Caller holds the locks of `lock_tagged` and touches the row.

    Raises:
        InvalidVersionFactsError: with a pointer to the tag.
    """
    before = tags_of(model, version)
    after = {key: value for key, value in {**before, **changes}.items() if value is not None}
    refuse_faults({"tags": (check_tags, after)})
    if after == before:
        return False
    _write(model, version, before, after)
    _record(model, version, before, after, actor, reason)
    return True


def tags_of(model: RegisteredModel, version: ModelVersion | None) -> dict[str, str]:
    """By key, in order."""
    rows = RegistryTag.objects.filter(model=model, version=version).order_by("key")
    return dict(rows.values_list("key", "value"))


def _write(
    model: RegisteredModel,
    version: ModelVersion | None,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    RegistryTag.objects.filter(
        model=model, version=version, key__in=before.keys() - after.keys()
    ).delete()
    for key, value in after.items():
        if before.get(key) != value:
            RegistryTag.objects.update_or_create(
                model=model,
                version=version,
                key=key,
                defaults={"value": value, "updated_at": Now()},
            )


def _record(  # noqa: PLR0913, PLR0917 - one fact with six parts
    model: RegisteredModel,
    version: ModelVersion | None,
    before: Mapping[str, str],
    after: Mapping[str, str],
    actor: Actor,
    reason: str,
) -> None:
    """One entry with the tags that differ."""
    keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    audit.record(
        actor=actor,
        action="ml_models.tags.changed",
        object_type="model" if version is None else "model_version",
        object_id=str(model.pk if version is None else version.pk),
        before={"tags": {key: before.get(key) for key in keys}},
        after={"tags": {key: after.get(key) for key in keys}},
        reason=reason,
    )


def touch_tagged(model: RegisteredModel, version: ModelVersion | None) -> None:
    """Tags are shown with their owner, so its ETag moves with them."""
    if version is None:
        RegisteredModel.objects.filter(pk=model.pk).update()
    else:
        ModelVersion.objects.filter(pk=version.pk).update()
