"""What the manager needs to know about a version before it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from serving.golden import GoldenSet
    from serving.servable import Servable


class Loader(Protocol):
    """Brings one version into memory and lets go of it again.

    The manager calls load once before unload, both from one thread at a time.
    """

    def estimate_bytes(self) -> int:
        """Memory it will take, in bytes; asked before load, and cheap."""

    def file_bytes(self) -> int:
        """Size of what is read, in bytes: a loaded version takes no less."""

    def open_engine(self) -> None:
        """Import what runs the model: its memory is the process's, not this version's."""

    def load(self) -> Servable:
        """Read, check and open the model. Raises ServingError with the reason."""

    def golden(self) -> GoldenSet | None:
        """What to warm it up with and hold it against; None when there is nothing."""

    def unload(self) -> None:
        """Let go of what load took; called when no handle is left."""
