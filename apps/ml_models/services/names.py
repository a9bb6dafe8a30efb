"""Which names models and aliases may have."""

from __future__ import annotations

import re

from apps.ml_models.errors import InvalidNameError
from apps.ml_models.models.registry import ALIAS_PATTERN, NAME_PATTERN, RESERVED_NAMES
from core.errors import FieldError

_NAME = re.compile(NAME_PATTERN)
_ALIAS = re.compile(ALIAS_PATTERN)


def is_alias(text: str) -> bool:
    return _ALIAS.fullmatch(text) is not None


def check_alias(text: str) -> None:
    """Raise InvalidNameError for what cannot be an alias."""
    if not is_alias(text):
        detail = "An alias has 1 to 64 lower-case letters, digits, `_` and `-`."
        raise InvalidNameError(
            f"{text[:80]!r} cannot be an alias.",
            errors=(FieldError("invalid_name", detail, parameter="alias"),),
        )


def check_model_name(name: str) -> None:
    """Raise InvalidNameError for what cannot stand in a path or means something there."""
    if not _NAME.fullmatch(name) or name in {".", ".."}:
        raise _refusal(name, "A name has 1 to 64 letters, digits, `_`, `.` and `-`.")
    if name.lower() in RESERVED_NAMES:
        raise _refusal(name, f"{name!r} has a meaning of its own in paths.")


def _refusal(name: str, detail: str) -> InvalidNameError:
    return InvalidNameError(
        f"{name[:80]!r} cannot be the name of a model.",
        errors=(FieldError("invalid_name", detail, pointer="#/name"),),
    )
