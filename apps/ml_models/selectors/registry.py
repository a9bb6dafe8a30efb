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
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from core.db.shaping import Shape


def all_models() -> QuerySet[RegisteredModel]:
    """Whoever may call one may see all."""
    return RegisteredModel.objects.all()


def with_aliases(path: str) -> Prefetch[str]:
    """A model's aliases by name, each with its version's number; `path` leads to the model."""
    shown = ("alias", "generation", "updated_at", "row_version", "model_id", "version__number")
    aliases = ModelAlias.objects.select_related("version").only(*shown).order_by("alias")
    return Prefetch(f"{path}aliases", queryset=aliases)


def with_aliases_and_versions(path: str) -> Prefetch[str]:
    """The same, with all that is known of their versions."""
    aliases = ModelAlias.objects.select_related("version").order_by("alias")
    return Prefetch(f"{path}aliases", queryset=aliases)


def with_champion(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """Models with all that a document of one shows."""
    return models.prefetch_related(with_aliases_and_versions(""))


def model_by_name(name: str, shape: Shape[RegisteredModel] = as_it_is) -> RegisteredModel:
    """Names are told apart exactly, though two may not differ in case alone."""
    try:
        return shape(all_models()).get(name=name)
    except RegisteredModel.DoesNotExist:
        raise ModelNotFoundError(f"There is no model {name!r}.") from None


def champion_of(model: RegisteredModel) -> ModelVersion | None:
    """What the alias `champion` points at, of a model read `with_aliases_and_versions`."""
    for alias in model.aliases.all():
        if alias.alias == CHAMPION:
            alias.version.model = model  # it is the same; nothing is read again
            return alias.version
    return None


def versions_of(name: str) -> QuerySet[ModelVersion]:
    """Versions of a model that exists."""
    return ModelVersion.objects.filter(model=model_by_name(name))


def _with_model(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    return versions.select_related("model")


def version_by_number(
    name: str, number: int, shape: Shape[ModelVersion] = _with_model
) -> ModelVersion:
    try:
        return shape(versions_of(name)).get(number=number)
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


def serving_of(version: ModelVersion) -> list[dict[str, object]]:
    """The same, read once for each row that was read: a document and its tag tell one story."""
    found: list[dict[str, object]] | None = version.__dict__.get("served_states")
    if found is None:
        found = version.__dict__["served_states"] = served_states(version)
    return found


def measured_bytes(version: ModelVersion) -> int:
    """What it takes in memory, by those who serve it, or else by its validation; 0: not known."""
    served = ServedVersion.objects.filter(version=version).aggregate(most=Max("measured_bytes"))
    if served["most"]:
        return int(served["most"])
    engines = (version.validation_report or {}).get("engines", {})
    report = engines.get(version.engine)
    loaded = report.get("loaded_bytes") if isinstance(report, dict) else None
    return loaded if isinstance(loaded, int) else 0


def find_alias(name: str, alias: str) -> ModelAlias | None:
    """Of a model that exists; None: it has none of this name."""
    model = model_by_name(name)
    return ModelAlias.objects.filter(model=model, alias=alias).select_related("version").first()


def alias_by_name(name: str, alias: str) -> ModelAlias:
    found = find_alias(name, alias)
    if found is None:
        raise ModelAliasNotFoundError(f"{name} has no alias {alias[:80]!r}.")
    return found


def has_champion(name: str) -> bool:
    return ModelAlias.objects.filter(model__name=name, alias=CHAMPION).exists()
