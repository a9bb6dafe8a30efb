"""Which sides a run of the bench has, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sides
from agora_side import Agora
from credentials import by_api_key, by_oauth_token
from results import BEFORE, KINDS, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sides import Side

NAMES = (*KINDS, "flask", "fastapi", "fastapi-litert")


def make_sides(folder: Path, names: Sequence[str], *, before: Path | None = None) -> list[Side]:
    """In the order of the names; `before`, a checkout of an earlier commit, comes after ours.

    Raises:
        SideError: that is no checkout.
    """
    platform = Agora(
        folder,
        name=OURS,
        what="this platform: POST /api/v1/predict with JWT, limits, validation and access log",
    )
    makers: dict[str, Callable[[], Side]] = {
        OURS: lambda: platform,
        "agora-key": lambda: by_api_key(platform),
        "agora-oauth": lambda: by_oauth_token(platform),
        "flask": lambda: sides.flask(folder),
        "fastapi": lambda: sides.fastapi(folder),
        "fastapi-litert": lambda: sides.fastapi(folder, engine="litert"),
    }
    made = [makers[name]() for name in names]
    return made if before is None else [*made, earlier(folder, before.resolve())]


def earlier(folder: Path, checkout: Path) -> Agora:
    """The platform as another checkout has it, on this one's Python and packages."""
    if not (checkout / "platform" / "embedded").is_dir():
        raise sides.SideError(f"{checkout} is no checkout of this platform.")
    return Agora(folder, name=BEFORE, what=f"{checkout}, asked with JWT", checkout=checkout)
