"""The immutable answer to "which version is meant": made by one thread, read by all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.ml_models.errors import (
    ModelAliasNotFoundError,
    ModelNotFoundError,
    ModelVersionNotFoundError,
    ModelVersionNotReadyError,
    ModelVersionRetiredError,
    NoDefaultModelError,
)
from apps.ml_models.models import CHAMPION, LoggedPrediction, ModelVersion
from apps.ml_models.runtime.choices import Choice, Target, forks_of
from apps.ml_models.runtime.prediction_log import rule_of
from apps.ml_models.runtime.wishes import leads_to
from apps.ml_models.selectors.routing import DEFAULT_POLICY
from serving.errors import ServableNotFoundError
from serving.ids import ServableId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from apps.ml_models.runtime.choices import Fork
    from apps.ml_models.selectors.routing import RoutingTable
    from serving.signature import Signature


@dataclass(frozen=True, slots=True)
class Routes:
    """Routing as this process answers by it.

    Attributes:
        generation: the routing generation it was read at.
        default: name of the default model.
        aliases: by model, then alias. While a new target is being loaded this is the old one.
        versions: by model, then number: every version that is wanted or was asked for.
        unread: ready versions that are not: the first call of one has it read and loaded.
        refused: state of each version that is not ready.
        splits: by model, then alias: those with a canary or a shadow.
    """

    generation: int = -1
    default: str | None = None
    aliases: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    versions: Mapping[str, Mapping[int, Target]] = field(default_factory=dict)
    unread: frozenset[ServableId] = frozenset()
    refused: Mapping[ServableId, str] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, Fork]] = field(default_factory=dict)

    def by_alias(self, name: str | None, alias: str = CHAMPION) -> Target:
        """The version an alias leads to.

        Args:
            name: of a model; None is the default one.
            alias: of it.

        Raises:
            NoDefaultModelError, ModelNotFoundError, ModelAliasNotFoundError: as named.
        """
        if name is None:
            name = self.default
            if name is None:
                raise NoDefaultModelError("Name a model: none is marked as the default.")
        try:
            return self.aliases[name][alias]
        except KeyError:
            raise self._unknown(name, ModelAliasNotFoundError, f"alias {alias[:80]!r}") from None

    def choose(self, name: str | None, alias: str, caller: str) -> Choice:
        """Who answers a caller that asks by an alias.

        Args:
            name: of a model; None is the default one.
            alias: of it.
            caller: a stable name of who calls; the same one always gets the same arm, and only
                while the alias has a canary is it looked at.

        Raises:
            NoDefaultModelError, ModelNotFoundError, ModelAliasNotFoundError: as named.
        """
        asked = self.default if name is None else name
        forks = self.splits.get(asked) if asked is not None else None
        fork = None if forks is None else forks.get(alias)
        if fork is not None:
            return fork.choose(caller)
        return Choice(self.by_alias(name, alias), alias, LoggedPrediction.Arm.MAIN)

    def by_number(self, name: str, number: int) -> Target:
        """One version.

        Raises:
            ModelNotFoundError, ModelVersionNotFoundError: as named.
            ModelVersionNotReadyError: it is uploaded, validating or rejected.
            ModelVersionRetiredError: it was.
            ServableNotFoundError: it is ready, and nobody has asked for it in this process yet.
        """
        try:
            return self.versions[name][number]
        except KeyError:
            raise self._refusal(ServableId(name, number)) from None

    def _refusal(self, servable_id: ServableId) -> Exception:
        if servable_id in self.unread:
            return ServableNotFoundError(servable_id)
        state = self.refused.get(servable_id)
        if state is None:
            what = f"version {servable_id.version}"
            return self._unknown(servable_id.name, ModelVersionNotFoundError, what)
        if state == ModelVersion.State.RETIRED:
            return ModelVersionRetiredError(f"{servable_id} has been retired.")
        return ModelVersionNotReadyError(f"{servable_id} is {state}.", state=state)

    def _unknown(self, name: str, error: type[Exception], what: str) -> Exception:
        if name not in self.aliases:
            return ModelNotFoundError(f"There is no model {name[:80]!r}.")
        return error(f"{name} has no {what}.")


def targets_of(
    table: RoutingTable, signature_of: Callable[[ServableId], Signature | None]
) -> dict[ServableId, Target]:
    """Every ready version whose manifest is held."""
    targets = {}
    for name, versions in table.versions.items():
        for number, row in versions.items():
            servable_id = ServableId(name, number)
            signature = signature_of(servable_id)
            if signature is not None:
                rule = rule_of(table.policies.get(name, DEFAULT_POLICY), signature)
                targets[servable_id] = Target(servable_id, signature, row.id, row.model_id, rule)
    return targets


def wanted_targets(
    table: RoutingTable, targets: Mapping[ServableId, Target]
) -> dict[str, dict[str, Target]]:
    """Where each alias should lead, loaded or not; while a rollout loads, to the version before."""
    wanted: dict[str, dict[str, Target]] = {}
    for name, aliases in table.aliases.items():
        wanted[name] = {
            alias: targets[servable_id]
            for alias in aliases
            if (servable_id := ServableId(name, leads_to(table, name, alias))) in targets
        }
    return wanted


def next_routes(
    table: RoutingTable,
    targets: Mapping[ServableId, Target],
    *,
    old: Routes,
    is_available: Callable[[ServableId], bool],
) -> Routes:
    """Routes for a table: an alias moves once its new version can answer, and not before.

    Until then, also for ever when the load fails, its old version goes on answering.

    Args:
        table: what the database says.
        targets: the ready versions.
        old: the routes so far.
        is_available: whether a version is loaded and warm.
    """
    aliases: dict[str, dict[str, Target]] = {}
    for name, wanted in wanted_targets(table, targets).items():
        before = old.aliases.get(name, {})
        aliases[name] = {
            alias: _choose(target, _as_now(before.get(alias), targets), is_available)
            for alias, target in wanted.items()
        }
    versions: dict[str, dict[int, Target]] = {name: {} for name in table.versions}
    for servable_id, target in targets.items():
        versions[servable_id.name][servable_id.version] = target
    ready = {ServableId(name, number) for name, rows in table.versions.items() for number in rows}
    return Routes(
        generation=table.generation,
        default=table.default,
        aliases=aliases,
        versions=versions,
        unread=frozenset(ready - targets.keys()),
        refused=table.refused,
        splits=forks_of(table, targets, aliases, is_available),
    )


def swapped(before: Routes, after: Routes) -> Iterator[str]:
    """The name of a model for each alias that leads to another version."""
    for name, aliases in after.aliases.items():
        old = before.aliases.get(name, {})
        for alias, target in aliases.items():
            if alias in old and old[alias].servable_id != target.servable_id:
                yield name


def _choose(
    target: Target, before: Target | None, is_available: Callable[[ServableId], bool]
) -> Target:
    if before is None or is_available(target.servable_id):
        return target
    return before if is_available(before.servable_id) else target


def _as_now(before: Target | None, targets: Mapping[ServableId, Target]) -> Target | None:
    """The same version with what its policy says by now."""
    return None if before is None else targets.get(before.servable_id, before)
