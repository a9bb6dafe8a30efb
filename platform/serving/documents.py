"""Strict reading of small JSON documents: every refusal says where, as an RFC 6901 pointer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection
    from enum import StrEnum

    E = TypeVar("E", bound=StrEnum)


class DocumentError(ValueError):
    """A document of the wrong shape; pointer is RFC 6901."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


def pointer_to(parent: str, step: str | int) -> str:
    """One step further down; RFC 6901 section 3 escapes ~ and /."""
    return f"{parent}/{str(step).replace('~', '~0').replace('/', '~1')}"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands. Each reader raises DocumentError for another type."""

    value: object
    pointer: str = ""

    def refuse(self, detail: str) -> NoReturn:
        raise DocumentError(self.pointer, detail)

    def members(
        self, *, required: Collection[str] = (), optional: Collection[str] = ()
    ) -> dict[str, Node]:
        """The members of an object: all that are required and none that is unknown."""
        if not isinstance(self.value, dict):
            self.refuse("An object is expected here.")
        for name in self.value:
            if name not in required and name not in optional:
                raise DocumentError(pointer_to(self.pointer, name), "This member is unknown.")
        for name in required:
            if name not in self.value:
                raise DocumentError(pointer_to(self.pointer, name), "This member is required.")
        return self._children()

    def entries(self) -> dict[str, Node]:
        """The members of an object whose names are data."""
        if not isinstance(self.value, dict):
            self.refuse("An object is expected here.")
        return self._children()

    def _children(self) -> dict[str, Node]:
        assert isinstance(self.value, dict)  # noqa: S101 - for mypy; both callers looked
        return {
            str(name): Node(value, pointer_to(self.pointer, name))
            for name, value in self.value.items()
        }

    def elements(self, *, at_most: int) -> list[Node]:
        if not isinstance(self.value, list | tuple):
            self.refuse("A list is expected here.")
        if len(self.value) > at_most:
            self.refuse(f"At most {at_most} elements are allowed.")
        return [Node(value, pointer_to(self.pointer, i)) for i, value in enumerate(self.value)]

    def text(self, *, at_most: int, at_least: int = 0) -> str:
        """Printable text: no control characters, no lone surrogates."""
        if not isinstance(self.value, str):
            self.refuse("A string is expected here.")
        if not at_least <= len(self.value) <= at_most:
            self.refuse(f"Between {at_least} and {at_most} characters are expected.")
        if not self.value.isprintable():
            self.refuse("Only printable characters are allowed.")
        return self.value

    def integer(self, *, at_least: int, at_most: int) -> int:
        if type(self.value) is not int:
            self.refuse("An integer is expected here.")
        if not at_least <= self.value <= at_most:
            self.refuse(f"Between {at_least} and {at_most} is expected.")
        return self.value

    def finite(self) -> float:
        """A number that a float holds; an integer stays one only up to 2^53."""
        if type(self.value) not in {int, float}:
            self.refuse("A number is expected here.")
        assert isinstance(self.value, int | float)  # noqa: S101 - for mypy; the line above looked
        try:
            number = float(self.value)
        except OverflowError:
            self.refuse("The number is too large.")
        if not math.isfinite(number):
            self.refuse("A finite number is expected here.")
        return number

    def boolean(self) -> bool:
        if type(self.value) is not bool:
            self.refuse("A boolean is expected here.")
        assert isinstance(self.value, bool)  # noqa: S101 - for mypy; the line above looked
        return self.value

    def choice(self, of: type[E]) -> E:
        members = {member.value: member for member in of}
        if not isinstance(self.value, str) or self.value not in members:
            self.refuse(f"One of {', '.join(members)} is expected.")
        return members[self.value]
