"""A Python function as a servable: for baselines and for tests of everything around a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.golden import GoldenSet
    from serving.servable import Servable, Tensors


@dataclass(frozen=True, slots=True)
class FunctionServable:
    """Answers with whatever the function returns."""

    function: Callable[[Tensors], Tensors]
    engine: str = "function"

    def predict(self, tensors: Tensors) -> Tensors:
        return self.function(tensors)


@dataclass(slots=True)
class FunctionLoader:
    """Serves a function of tensors, e.g. lambda tensors: {"output": tensors["inputs"] * 2}.

    Attributes:
        estimated_bytes: what it claims to take.
        golden_set: its warm-up, if it is to have one.
    """

    function: Callable[[Tensors], Tensors]
    estimated_bytes: int = 0
    golden_set: GoldenSet | None = None

    def file_bytes(self) -> int:
        return 0

    def estimate_bytes(self) -> int:
        return self.estimated_bytes

    def open_engine(self) -> None:
        """Python is there."""

    def load(self) -> Servable:
        return FunctionServable(self.function)

    def golden(self) -> GoldenSet | None:
        return self.golden_set

    def unload(self) -> None:
        """Nothing was taken."""
