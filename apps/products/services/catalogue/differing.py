"""Whether a value is another one, as JSON tells them apart."""

from __future__ import annotations


def differs(old: object, new: object) -> bool:
    """True is not 1, as it is in Python; of flat JSON the values are compared so too."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() != new.keys() or any(differs(old[name], new[name]) for name in new)
    return old != new or isinstance(old, bool) is not isinstance(new, bool)
