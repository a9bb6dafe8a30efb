"""What the processes of the platform should serve now: names and aliases to model versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from apps.ml_models.models import (
    ModelAlias,
    ModelPolicy,
    ModelVersion,
    RegisteredModel,
    Rollout,
    RoutingGeneration,
    TrafficSplit,
)
from serving.ids import ServableId

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

READY = ModelVersion.State.READY
MOST_READINGS = 5  # of all of routing in a row, while it goes on moving


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A ready version as routing needs it; its manifest is read when it is to be loaded."""

    id: UUID
    model_id: UUID
    model: str
    number: int
    artefact_digest: str
    engine: str


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A move of an alias that has not ended: callers get `previous` until it is live.

    Attributes:
        previous: None: the alias is new, and nothing answers by it yet.
    """

    id: UUID
    number: int
    previous: int | None


@dataclass(frozen=True, slots=True)
class SplitRow:
    """An active canary or shadow of one alias.

    Attributes:
        kind: canary or shadow.
        share: in basis points, 0 to 10000.
    """

    id: UUID
    kind: str
    number: int
    share: int
    salt: str


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """What the calls of one model need of its policy."""

    log_share: float
    decision_threshold: float
    score_output: str
    score_index: int | None


def _default_policy() -> PolicyRow:
    policy = ModelPolicy()
    return PolicyRow(
        policy.log_share, policy.decision_threshold, policy.score_output, policy.score_index
    )


DEFAULT_POLICY = _default_policy()


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All of routing at one generation.

    Attributes:
        default: name of the default model; None when there is none.
        versions: by model name, then number; the ready ones.
        aliases: by model name, then alias: the number it points at.
        rollouts: by model name, then alias: the moves that have not ended.
        warm: by model name: numbers that stay in memory so that a rollback is instant.
        splits: by model name, then alias: what is active.
        policies: by model name; a model left out has DEFAULT_POLICY.
        refused: the state of each version that is not ready.
    """

    generation: int
    default: str | None
    versions: Mapping[str, Mapping[int, VersionRow]]
    aliases: Mapping[str, Mapping[str, int]]
    rollouts: Mapping[str, Mapping[str, RolloutRow]] = field(default_factory=dict)
    warm: Mapping[str, frozenset[int]] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, tuple[SplitRow, ...]]] = field(default_factory=dict)
    policies: Mapping[str, PolicyRow] = field(default_factory=dict)
    refused: Mapping[ServableId, str] = field(default_factory=dict)


def routing_generation() -> int:
    """The number that moves with every change of routing; 0 before the first. One cheap query."""
    return RoutingGeneration.objects.values_list("generation", flat=True).first() or 0


def routing_table() -> RoutingTable:
    """Read everything, again when routing has moved meanwhile: half of a move is no table.

    The generation is read first, so that what still moves after some readings is seen the next
    time.
    """
    table = _read(routing_generation())
    for _ in range(MOST_READINGS - 1):
        generation = routing_generation()
        if generation == table.generation:
            break
        table = _read(generation)
    return table


def _read(generation: int) -> RoutingTable:
    models = RegisteredModel.objects.order_by("name").values_list("name", "is_default")
    versions: dict[str, dict[int, VersionRow]] = {name: {} for name, _ in models}
    aliases: dict[str, dict[str, int]] = {name: {} for name in versions}
    for row in ModelVersion.objects.filter(state=READY).values_list(
        "pk", "model_id", "model__name", "number", "artefact_digest", "engine"
    ):
        versions.setdefault(row[2], {})[row[3]] = VersionRow(*row)
    for name, alias, number in ModelAlias.objects.values_list(
        "model__name", "alias", "version__number"
    ):
        aliases.setdefault(name, {})[alias] = number
    default = next((name for name, is_default in models if is_default), None)
    return RoutingTable(
        generation,
        default,
        versions,
        aliases,
        rollouts=_rollouts(),
        warm=_warm(),
        splits=_splits(),
        policies=_policies(),
        refused=_refused(),
    )


def manifests_of(version_ids: Collection[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """The stored manifests of versions that have one."""
    rows = ModelVersion.objects.filter(pk__in=version_ids, manifest__isnull=False)
    return {pk: manifest or {} for pk, manifest in rows.values_list("pk", "manifest")}


def _refused() -> dict[ServableId, str]:
    rows = ModelVersion.objects.exclude(state=READY)
    return {
        ServableId(name, number): state
        for name, number, state in rows.values_list("model__name", "number", "state")
    }


def _rollouts() -> dict[str, dict[str, RolloutRow]]:
    rollouts: dict[str, dict[str, RolloutRow]] = {}
    rows = Rollout.objects.filter(state=Rollout.State.LOADING).values_list(
        "model__name", "alias", "pk", "version__number", "previous__number"
    )
    for name, alias, pk, number, previous in rows:
        rollouts.setdefault(name, {})[alias] = RolloutRow(pk, number, previous)
    return rollouts


def _warm() -> dict[str, frozenset[int]]:
    """Ready versions that a rollback would lead to."""
    warm: dict[str, set[int]] = {}
    rows = Rollout.objects.filter(previous__state=READY, warm_until__gt=Now()).values_list(
        "model__name", "previous__number"
    )
    for name, number in rows:
        warm.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in warm.items()}


def _splits() -> dict[str, dict[str, tuple[SplitRow, ...]]]:
    splits: dict[str, dict[str, tuple[SplitRow, ...]]] = {}
    rows = TrafficSplit.objects.filter(state=TrafficSplit.State.ACTIVE).values_list(
        "model__name", "alias", "pk", "kind", "version__number", "share", "salt"
    )
    for name, alias, pk, kind, number, share, salt in rows:
        of_model = splits.setdefault(name, {})
        split = SplitRow(pk, kind, number, share, salt)
        of_model[alias] = (*of_model.get(alias, ()), split)
    return splits


def _policies() -> dict[str, PolicyRow]:
    rows = ModelPolicy.objects.values_list("model__name", *PolicyRow.__slots__)
    return {name: PolicyRow(*row) for name, *row in rows}
