"""Which version to load or unload next: pure functions of what is wanted and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from serving.state import ServableState

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verb(StrEnum):
    LOAD = "load"
    UNLOAD = "unload"


@dataclass(frozen=True, slots=True)
class Action:
    """One step for one version of the stream."""

    verb: Verb
    version: int


@dataclass(frozen=True, slots=True)
class VersionView:
    """What a policy may know of one version.

    Attributes:
        state: START waits to be loaded; END failed or has gone.
        aspired: a source wants it.
        lingering: no longer wanted, but so recently that a caller who has already chosen it
            may still be on the way.
    """

    version: int
    state: ServableState
    aspired: bool
    lingering: bool = False


class Policy(Protocol):
    def next_action(self, versions: Sequence[VersionView]) -> Action | None:
        """The next step for one stream, or None when there is nothing to do now."""


class AvailabilityPreserving:
    """Load first, then unload: somebody is always there to answer, at the price of memory.

    A version that is no longer wanted goes only when every wanted one is available, so that
    a failed load leaves the old version serving. (Stricter than
    tensorflow_serving/core/availability_preserving_policy.h, which is content with one.)
    """

    def next_action(self, versions: Sequence[VersionView]) -> Action | None:
        aspired = [view for view in versions if view.aspired]
        if all(view.state is ServableState.AVAILABLE for view in aspired):
            return _unload_oldest(versions)
        return _load_newest(aspired)


class ResourcePreserving:
    """Unload first, then load: never two versions where one fits, at the price of a gap.

    (tensorflow_serving/core/resource_preserving_policy.h)
    """

    def next_action(self, versions: Sequence[VersionView]) -> Action | None:
        unload = _unload_oldest(versions)
        if unload is not None:
            return unload
        if any(_takes_memory(view) and not view.aspired for view in versions):
            return None  # until it has gone
        return _load_newest([view for view in versions if view.aspired])


def _takes_memory(view: VersionView) -> bool:
    return view.state not in {ServableState.START, ServableState.END}


def _unload_oldest(versions: Sequence[VersionView]) -> Action | None:
    unwanted = [
        view.version
        for view in versions
        if view.state is ServableState.AVAILABLE and not view.aspired and not view.lingering
    ]
    return Action(Verb.UNLOAD, min(unwanted)) if unwanted else None


def _load_newest(aspired: Sequence[VersionView]) -> Action | None:
    waiting = [view.version for view in aspired if view.state is ServableState.START]
    return Action(Verb.LOAD, max(waiting)) if waiting else None
