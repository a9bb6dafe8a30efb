"""What a version knows of itself beside its artefact: card, origin, tags, descendants, moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce, JSONObject

from apps.ml_models.models import ModelVersion, RegistryTag, VersionCard, VersionTransition
from apps.ml_models.selectors.registry import version_by_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from apps.ml_models.models import RegisteredModel

EMPTY = VersionCard()
COLUMNS = (
    "description",
    "text",
    "training_data_digest",
    "training",
    "frameworks",
    "run_id",
    "source",
    "parent__number",
    "parent__model__name",
)
SHOWN = tuple(f"card__{column}" for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a version.

    Attributes:
        card: description, card and origin; empty for a version from before there were cards.
        parent: the version that it was made from, with its model.
        children: how many versions were made from it.
        tags: values by key, in order.
    """

    card: VersionCard
    parent: ModelVersion | None = None
    children: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


def about(version: ModelVersion) -> About:
    """Read in one statement, once for each row that was read."""
    found: About | None = version.__dict__.get("about")
    if found is None:
        found = version.__dict__["about"] = _read(version)
    return found


def _read(version: ModelVersion) -> About:
    tags = RegistryTag.objects.filter(version=OuterRef("pk")).order_by("key")
    made_from = VersionCard.objects.filter(parent=OuterRef("pk")).values("parent")
    row: Any = (
        ModelVersion.objects.select_related("card__parent__model")
        .only("id", *SHOWN)
        .annotate(
            said=ArraySubquery(tags.values(pair=JSONObject(key="key", value="value"))),
            made=Coalesce(Subquery(made_from.annotate(made=Count("pk")).values("made")), 0),
        )
        .get(pk=version.pk)
    )
    card = getattr(row, "card", None) or EMPTY
    return About(card, card.parent, row.made, {pair["key"]: pair["value"] for pair in row.said})


def tags_of(model: RegisteredModel) -> dict[str, str]:
    """A model's own tags by key, in order; once for each row that was read."""
    found: dict[str, str] | None = model.__dict__.get("own_tags")
    if found is None:
        rows = RegistryTag.objects.filter(model=model, version=None).order_by("key")
        found = model.__dict__["own_tags"] = dict(rows.values_list("key", "value"))
    return found


def transitions_of(name: str, number: int) -> QuerySet[VersionTransition]:
    """The moves of a version that exists."""
    return VersionTransition.objects.filter(version=version_by_number(name, number))
