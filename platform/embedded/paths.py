"""The two source roots, as every child must find them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.state import checkout

if TYPE_CHECKING:
    from collections.abc import Mapping


def source_roots(environment: Mapping[str, str]) -> dict[str, str]:
    """PYTHONPATH with the two source roots in front, absolute, whatever directory a child is in."""
    roots = [str(checkout() / "platform"), str(checkout())]
    given = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    others = [part for part in given if str(Path(part).resolve()) not in roots]
    return {"PYTHONPATH": os.pathsep.join([*roots, *others])}
