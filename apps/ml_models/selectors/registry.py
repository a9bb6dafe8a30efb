"""What may be seen of models, versions and aliases: by anyone who may call them, all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Max, Prefetch

from apps.ml_models.errors import (
    ModelAliasNotFoundError,
    ModelNotFoundError,
    ModelVersionNotFoundError,
    NoDefaultModelError,
)
from apps.ml_models.models import CHAMPION, ModelAlias, ModelVersion, RegisteredModel, ServedVersion

if TYPE_CHECKING:
    from django.db.models import QuerySet


def models_with_aliases() -> QuerySet[RegisteredModel]:
    """Registered models with their aliases and those aliases' versions: three queries in all."""
    aliases = ModelAlias.objects.select_related("version").order_by("alias")
    return RegisteredModel.objects.prefetch_related(Prefetch("aliases", queryset=aliases))


def model_by_name(name: str) -> RegisteredModel:
    """Names are told apart exactly, though two may not differ in case alone."""
    try:
        return RegisteredModel.objects.get(name=name)
    except RegisteredModel.DoesNotExist:
        raise ModelNotFoundError(f"There is no model {name!r}.") from None


def champion_of(model: RegisteredModel) -> ModelVersion | None:
    """What the alias `champion` of a model from `models_with_aliases` points at."""
    for alias in model.aliases.all():
        if alias.alias == CHAMPION:
            alias.version.model = model  # it is the same; nothing is read again
            return alias.version
    return None


def versions_of(name: str) -> QuerySet[ModelVersion]:
    """Versions of a model that exists, with the aliases that point at each."""
    model = model_by_name(name)
    return (
        ModelVersion.objects.filter(model=model).select_related("model").prefetch_related("aliases")
    )


def version_by_number(name: str, number: int) -> ModelVersion:
    try:
        return versions_of(name).get(number=number)
    except ModelVersion.DoesNotExist:
        raise ModelVersionNotFoundError(f"{name} has no version {number}.") from None


def version_asked_for(
    *, name: str | None, number: int | None, alias: str | None
) -> tuple[ModelVersion, str]:
    """The version that a caller means now, and the alias that led there ("" if none did).

    Args:
        name: a model; None is the default one.
        number: a version; excludes alias.
        alias: None, with no number, is `champion`.
    """
    model = default_model() if name is None else model_by_name(name)
    if number is not None:
        return version_by_number(model.name, number), ""
    wanted = CHAMPION if alias is None else alias
    found = (
        ModelAlias.objects.filter(model=model, alias=wanted)
        .select_related("version__model")
        .first()
    )
    if found is None:
        raise ModelAliasNotFoundError(f"{model.name} has no alias {wanted!r}.")
    return found.version, wanted


def default_model() -> RegisteredModel:
    model = RegisteredModel.objects.filter(is_default=True).first()
    if model is None:
        raise NoDefaultModelError("Name a model: none is marked as the default.")
    return model


def served_states(version: ModelVersion) -> list[dict[str, object]]:
    """In how many processes, by role, the version is in which state."""
    rows = (
        ServedVersion.objects.filter(version=version)
        .values("process__role", "state")
        .annotate(processes=Count("pk"), detail=Max("detail"))
        .order_by("process__role", "state")
    )
    return [
        {
            "role": row["process__role"],
            "state": row["state"],
            "processes": row["processes"],
            "detail": row["detail"],
        }
        for row in rows
    ]


def alias_by_name(name: str, alias: str) -> ModelAlias:
    model = model_by_name(name)
    found = ModelAlias.objects.filter(model=model, alias=alias).select_related("version").first()
    if found is None:
        raise ModelAliasNotFoundError(f"{name} has no alias {alias[:80]!r}.")
    return found


def has_champion(name: str) -> bool:
    return ModelAlias.objects.filter(model__name=name, alias=CHAMPION).exists()
