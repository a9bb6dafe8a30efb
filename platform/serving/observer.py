"""Who is told what the runtime does: metrics and logs live outside and come in through this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from serving.errors import ServingError
    from serving.ids import ServableId
    from serving.state import ServableStatus


class Observer(Protocol):
    """Called in the thread where it happens; must be quick and must not raise."""

    def state_changed(self, status: ServableStatus) -> None:
        """A version moved to another state; the status holds the reason when it failed."""

    def predicted(self, servable_id: ServableId, *, rows: int, seconds: float) -> None:
        """A call was answered; seconds from its features to its outputs."""

    def refused(self, servable_id: ServableId, error: ServingError) -> None:
        """A call was not answered."""

    def source_failed(self, error: Exception) -> None:
        """A source could not say what it wants; the last answer stands."""


class NullObserver:
    """Nobody."""

    def state_changed(self, status: ServableStatus) -> None: ...

    def predicted(self, servable_id: ServableId, *, rows: int, seconds: float) -> None: ...

    def refused(self, servable_id: ServableId, error: ServingError) -> None: ...

    def source_failed(self, error: Exception) -> None: ...
