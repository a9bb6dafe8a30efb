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
        spare: wanted only while there is room: what is required comes first, and its failure
            keeps nobody.
        lingering: no longer wanted, but so recently that a caller who has already chosen it
            may still be on the way.
    """

    version: int
    state: ServableState
    aspired: bool
    lingering: bool = False
    spare: bool = False


class Policy(Protocol):
    def next_action(self, versions: Sequence[VersionView]) -> Action | None:
        """The next step for one stream, or None when there is nothing to do now."""


class AvailabilityPreserving:
    """Load first, then unload: somebody is always there to answer, at the price of memory.

    A version that is no longer wanted goes only when no wanted one is on its way, and one at least
    is available, so that a failed load leaves the old version serving, and one that fails for ever
    keeps no others in memory. (As tensorflow_serving/core/availability_preserving_policy.h, which
    is content with one, but does not wait for the others.)
    """

    def next_action(self, versions: Sequence[VersionView]) -> Action | None:
        required = [view for view in versions if view.aspired and not view.spare]
        states = {view.state for view in required}
        if not states <= {ServableState.AVAILABLE, ServableState.END}:
            return _load_newest(required)
        if states == {ServableState.END}:
            return None
        spare = [view for view in versions if view.aspired and view.spare]
        return _unload_oldest(versions) or _load_newest(spare)


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
