"""The life of a servable version, in TensorFlow Serving's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.ids import ServableId


class ServableState(StrEnum):
    """START, LOADING, AVAILABLE, UNLOADING, END; only ever forward, save that END may START again.

    (tensorflow_serving/core/servable_state.h)
    """

    START = "start"
    LOADING = "loading"
    AVAILABLE = "available"
    UNLOADING = "unloading"
    END = "end"


@dataclass(frozen=True, slots=True)
class ServableStatus:
    """What is known of one version at one moment.

    Attributes:
        aspired: a source wants it; otherwise it was asked for on demand, or is on its way out.
        pinned: loaded on demand and not to be evicted.
        spare: wanted only while there is room, so that going back to it takes no time.
        bytes: what counts against the budget, measured or estimated; 0 when it holds no memory.
        measured_bytes: what loading it took; 0 until that is known.
        handles: calls that hold it now.
        engine: "" until it is loaded.
        error_code, reason: why it failed; "" when it has not.
        resting: its load failed and is not tried again soon.
        load_ms: reading, opening and warming up; 0 until it is loaded.
    """

    servable_id: ServableId
    state: ServableState
    aspired: bool
    pinned: bool = False
    spare: bool = False
    bytes: int = 0
    measured_bytes: int = 0
    handles: int = 0
    engine: str = ""
    error_code: str = ""
    reason: str = ""
    resting: bool = False
    load_ms: float = 0.0
