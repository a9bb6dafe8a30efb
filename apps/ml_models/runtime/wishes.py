"""Which versions a process needs in memory, and which it keeps only while there is room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.ids import ServableId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.ml_models.selectors.routing import RolloutRow, RoutingTable, VersionRow


@dataclass(frozen=True, slots=True)
class Wishes:
    """The numbers of one model.

    Attributes:
        required: where its aliases lead, where they are to lead, and what shares their calls.
        spare: the versions before, for a rollback at once.
    """

    required: frozenset[int]
    spare: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        return self.required | self.spare


def wishes_of(table: RoutingTable) -> dict[str, Wishes]:
    """By model; every model of the table has an entry."""
    return {name: _of_model(table, name) for name in table.versions}


def leads_to(table: RoutingTable, name: str, alias: str) -> int:
    """The number that callers of an alias get: while a rollout loads, the one before."""
    rollout = table.rollouts.get(name, {}).get(alias)
    if rollout is not None and rollout.previous is not None:
        return rollout.previous
    return table.aliases[name][alias]


def loading_in(table: RoutingTable) -> list[tuple[ServableId, RolloutRow]]:
    """The moves that have not ended, and the version that each of them is to."""
    return [
        (ServableId(name, row.number), row)
        for name, of_model in table.rollouts.items()
        for row in of_model.values()
    ]


def rows_of(table: RoutingTable, wishes: dict[str, Wishes]) -> Iterator[VersionRow]:
    """The rows of all wished-for versions."""
    for name, of_model in wishes.items():
        for number in of_model.all:
            yield table.versions[name][number]


def _of_model(table: RoutingTable, name: str) -> Wishes:
    aliases = table.aliases.get(name, {})
    splits = table.splits.get(name, {}).values()
    required = {
        *aliases.values(),
        *(leads_to(table, name, alias) for alias in aliases),
        *(split.number for of_alias in splits for split in of_alias),
    }
    ready = table.versions[name].keys()
    spare = table.warm.get(name, frozenset()) - required
    return Wishes(frozenset(required & ready), frozenset(spare & ready))
