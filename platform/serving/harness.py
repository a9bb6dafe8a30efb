"""One version under the manager's care: its state, its loader, its holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.errors import ArtefactError
from serving.state import ServableState, ServableStatus

if TYPE_CHECKING:
    from serving.errors import ServingError
    from serving.handle import CountedServable
    from serving.ids import ServableId
    from serving.loader import Loader

IN_MEMORY = frozenset({ServableState.LOADING, ServableState.AVAILABLE, ServableState.UNLOADING})


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How a failed load is tried again, for as long as its version is wanted.

    Attributes:
        attempts: in a row, wait_seconds apart.
        rest_seconds: before the next row of attempts.
    """

    attempts: int = 3
    wait_seconds: float = 1.0
    rest_seconds: float = 60.0


@dataclass(slots=True, eq=False)
class Entry:
    """One version and all that is known of it; changed under the manager's lock."""

    servable_id: ServableId
    loader: Loader
    aspired: bool = False
    on_demand: bool = False
    pinned: bool = False
    spare: bool = False  # aspired, but only while there is room
    state: ServableState = ServableState.START
    bytes: int = 0  # counts against the budget while it is in memory
    measured_bytes: int = 0  # what its last load took; 0: not known
    counted: CountedServable | None = None
    error: ServingError | None = None
    failures: int = 0
    resting: bool = False  # after a failure that an attempt soon would not mend
    retry_at: float | None = None
    dropped_at: float = 0.0  # when it was wanted last
    load_ms: float = 0.0

    @property
    def handles(self) -> int:
        return 0 if self.counted is None else self.counted.count

    @property
    def wanted(self) -> bool:
        return self.aspired or self.on_demand

    @property
    def in_memory(self) -> bool:
        return self.state in IN_MEMORY

    @property
    def evictable(self) -> bool:
        """Whether it may go at once: also what lingers, whose late callers choose again."""
        return self.state is ServableState.AVAILABLE and not (
            self.required or self.pinned or self.handles
        )

    @property
    def required(self) -> bool:
        """A source wants it, room or no room."""
        return self.aspired and not self.spare

    def status(self) -> ServableStatus:
        return ServableStatus(
            servable_id=self.servable_id,
            state=self.state,
            aspired=self.aspired,
            pinned=self.pinned,
            spare=self.spare,
            bytes=self.bytes if self.in_memory else 0,
            measured_bytes=self.measured_bytes,
            handles=self.handles,
            engine="" if self.counted is None else self.counted.servable.engine,
            error_code=_code_of(self.error),
            reason="" if self.error is None else self.error.detail,
            resting=self.resting,
            load_ms=self.load_ms,
        )


def _code_of(error: ServingError | None) -> str:
    """The most telling one: why an artefact was refused rather than that it was."""
    if error is None:
        return ""
    return error.reason_code if type(error) is ArtefactError else error.code
