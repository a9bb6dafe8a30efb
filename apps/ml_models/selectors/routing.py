"""What the processes of the platform should serve now: names and aliases to model versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.ml_models.models import ModelAlias, ModelVersion, RegisteredModel, RoutingGeneration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as routing needs it.

    Attributes:
        manifest: the stored document; None until the version has been ready.
    """

    id: UUID
    model: str
    number: int
    state: str
    artefact_digest: str
    manifest: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All of routing at one generation.

    Attributes:
        default: name of the default model; None when there is none.
        versions: by model name, then number; every version there is.
        aliases: by model name, then alias: the number it points at.
    """

    generation: int
    default: str | None
    versions: Mapping[str, Mapping[int, VersionRow]]
    aliases: Mapping[str, Mapping[str, int]]


def routing_generation() -> int:
    """The number that moves with every change of routing; 0 before the first. One cheap query."""
    return RoutingGeneration.objects.values_list("generation", flat=True).first() or 0


def routing_table() -> RoutingTable:
    """Read everything; the generation first, so that a change meanwhile is seen the next time."""
    generation = routing_generation()
    models = RegisteredModel.objects.order_by("name").values_list("name", "is_default")
    versions: dict[str, dict[int, VersionRow]] = {name: {} for name, _ in models}
    aliases: dict[str, dict[str, int]] = {name: {} for name in versions}
    for row in ModelVersion.objects.values_list(
        "pk", "model__name", "number", "state", "artefact_digest", "manifest"
    ):
        versions.setdefault(row[1], {})[row[2]] = VersionRow(*row)
    for name, alias, number in ModelAlias.objects.values_list(
        "model__name", "alias", "version__number"
    ):
        aliases.setdefault(name, {})[alias] = number
    default = next((name for name, is_default in models if is_default), None)
    return RoutingTable(generation, default, versions, aliases)
