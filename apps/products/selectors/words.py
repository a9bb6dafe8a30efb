"""Words that a product is found by: how they are written down, and how they are asked for."""

from __future__ import annotations

import unicodedata


def without_accents(text: str) -> str:
    """Letters alone: "Crème brûlée" as "Creme brulee" (NFKD without its combining marks)."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(each for each in parts if not unicodedata.combining(each))
