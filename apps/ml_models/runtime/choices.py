"""Who answers one call: a version, and while its alias has a split, the candidates beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.ml_models.models import LoggedPrediction, TrafficSplit
from apps.ml_models.runtime.prediction_log import UNLOGGED
from apps.ml_models.runtime.splitting import Draw
from serving.ids import ServableId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from apps.ml_models.runtime.prediction_log import LogRule
    from apps.ml_models.selectors.routing import RoutingTable, SplitRow
    from serving.signature import Signature

    Targets = Mapping[ServableId, "Target"]
    Forks = dict[str, dict[str, "Fork"]]


@dataclass(frozen=True, slots=True)
class Target:
    """A ready version: what the engine is asked for and what its rows must look like.

    Attributes:
        id: of the ModelVersion's row.
        model_id: of the RegisteredModel's row.
        log: which of its calls are logged, and how much of them.
    """

    servable_id: ServableId
    signature: Signature
    id: UUID
    model_id: UUID
    log: LogRule = UNLOGGED


@dataclass(frozen=True, slots=True)
class Shadow:
    """A candidate that is asked the same, after the caller has been answered.

    Attributes:
        draw: of the calls, by the id of the prediction.
    """

    split_id: UUID
    target: Target
    draw: Draw

    def takes(self, prediction_id: UUID) -> bool:
        return self.draw.takes(prediction_id.bytes)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers one call, and why.

    Attributes:
        alias: by which it was asked for; empty: by number.
        arm: main, canary or direct, as LoggedPrediction.Arm.
        shadow: who is asked the same, of the calls that it takes; None: nobody.
        instead: who answers when the target cannot: of a canary, the alias's own version.
    """

    target: Target
    alias: str
    arm: str
    shadow: Shadow | None = None
    instead: Choice | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """An alias with an active split; made once a snapshot, so that a call makes nothing.

    Attributes:
        canary: None: there is none, or it is not loaded here (yet).
        draw: of the callers that the canary answers.
    """

    main: Choice
    canary: Choice | None = None
    draw: Draw | None = None

    def choose(self, caller: str) -> Choice:
        """The same for the same caller, as long as the salt is the same; the nameless get main."""
        if self.canary is None or self.draw is None or not caller:
            return self.main
        return self.canary if self.draw.takes(caller.encode()) else self.main


def forks_of(
    table: RoutingTable,
    targets: Targets,
    aliases: Mapping[str, Mapping[str, Target]],
    is_available: Callable[[ServableId], bool],
) -> Forks:
    """What the active splits make of the aliases: a candidate takes part once it is loaded here.

    Args:
        table: what the database says.
        targets: the ready versions.
        aliases: where each alias leads in this process, by model.
        is_available: whether a version is loaded and warm.
    """
    forks: Forks = {}
    for name, of_model in table.splits.items():
        for alias, splits in of_model.items():
            main = aliases.get(name, {}).get(alias)
            if main is not None:
                loaded = {
                    split.kind: (split, targets[servable_id])
                    for split in splits
                    if (servable_id := ServableId(name, split.number)) in targets
                    and is_available(servable_id)
                }
                forks.setdefault(name, {})[alias] = _fork(alias, main, loaded)
    return forks


def _fork(alias: str, main: Target, loaded: Mapping[str, tuple[SplitRow, Target]]) -> Fork:
    shadow = None
    if TrafficSplit.Kind.SHADOW in loaded:
        row, target = loaded[TrafficSplit.Kind.SHADOW]
        shadow = Shadow(row.id, target, Draw(row.salt, row.share))
    ours = Choice(main, alias, LoggedPrediction.Arm.MAIN, shadow)
    if TrafficSplit.Kind.CANARY not in loaded:
        return Fork(ours)
    row, target = loaded[TrafficSplit.Kind.CANARY]
    canary = Choice(target, alias, LoggedPrediction.Arm.CANARY, shadow, ours)
    return Fork(ours, canary, Draw(row.salt, row.share))


def has_all(table: RoutingTable, is_available: Callable[[ServableId], bool]) -> bool:
    """Whether every candidate of an active split is loaded here."""
    return all(
        is_available(ServableId(name, split.number))
        for name, splits in _splits_by_model(table)
        for split in splits
    )


def _splits_by_model(table: RoutingTable) -> Iterable[tuple[str, list[SplitRow]]]:
    for name, of_model in table.splits.items():
        yield name, [split for splits in of_model.values() for split in splits]
