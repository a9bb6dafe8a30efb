"""An object of a route, and what kind of object that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.accounts.models import User
    from apps.developers.models import Application
    from tests.contracts.cast import Cast


@dataclass(frozen=True)
class Made:
    """An object that is there.

    Attributes:
        arguments: of its route.
        rows: what no refused call may change.
    """

    arguments: dict[str, Any]
    rows: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Thing:
    """A kind of object.

    Attributes:
        make: an object of a user, made by their application or, with None, by their login.
        is_owned: others get 404; else whoever has the scope is let in.
        by_application: whether an application may make one.
        seen_with: a scope; whoever carries it is let in as well, whosever the object is.
        free: arguments whose value a caller may choose, by method: a new name is no error there.
    """

    make: Callable[[Cast, User, Application | None], Made]
    is_owned: bool = True
    by_application: bool = False
    seen_with: str = ""
    free: Mapping[str, frozenset[str]] = field(default_factory=dict)
