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
        bytes: estimate that counts against the budget; 0 when it holds no memory.
        handles: calls that hold it now.
        engine: "" until it is loaded.
        error_code, reason: why it failed; "" when it has not.
        load_ms: reading, opening and warming up; 0 until it is loaded.
    """

    servable_id: ServableId
    state: ServableState
    aspired: bool
    pinned: bool = False
    bytes: int = 0
    handles: int = 0
    engine: str = ""
    error_code: str = ""
    reason: str = ""
    load_ms: float = 0.0
