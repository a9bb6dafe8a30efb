"""Telling the manager what to keep in memory, and the library which manifests to hold for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.runtime.wishes import rows_of
from serving.ids import ServableId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from apps.ml_models.runtime.manifests import Library
    from apps.ml_models.runtime.routes import Routes
    from apps.ml_models.runtime.wishes import Wishes
    from apps.ml_models.selectors.routing import RoutingTable, VersionRow
    from serving.manager import ServableManager


def rows_to_hold(
    table: RoutingTable, wishes: dict[str, Wishes], asked: Iterable[ServableId]
) -> Iterator[VersionRow]:
    """What routing wishes for, and what callers have asked for by its number."""
    yield from rows_of(table, wishes)
    for servable_id in asked:
        row = table.versions.get(servable_id.name, {}).get(servable_id.version)
        if row is not None:
            yield row


def aspire(
    manager: ServableManager,
    library: Library,
    table: RoutingTable,
    wishes: dict[str, Wishes],
    routes: Routes,
) -> None:
    """Want what is wished for, and what the aliases of a process still lead to."""
    for name in {*routes.aliases, *wishes}:
        wish = wishes.get(name)
        required = set() if wish is None else {*wish.required, *_still_led_to(table, routes, name)}
        spare = set() if wish is None else wish.spare - required
        loaders = {
            number: library.loader_of(ServableId(name, number))
            for number in required | spare
            if library.has(ServableId(name, number))
        }
        manager.aspire(name, loaders, spare=spare)


def _still_led_to(table: RoutingTable, routes: Routes, name: str) -> Iterator[int]:
    aliases = table.aliases.get(name, {})
    for alias, target in routes.aliases.get(name, {}).items():
        if alias in aliases:
            yield target.servable_id.version
