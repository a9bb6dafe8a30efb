"""What is told about a problem's code: why, what to do, how it looks, who answers it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.api.advice import advice_on
from core.api.errors import status_of
from core.api.problems import known_errors
from core.api.schema.index import answering
from core.api.schema.problems import example_of

if TYPE_CHECKING:
    from core.api.schema.index import Answering
    from core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Explanation:
    """A page's content; in its texts backticks stand around code.

    Attributes:
        code: stable, snake_case.
        status: HTTP status that it is answered with.
        title: one sentence, the same for every occurrence.
        text: what has happened.
        remedy: what to do about it.
        again: whether the same call may be sent again.
        example: a body.
        operations: those that may answer it; none: any may.
    """

    code: str
    status: int
    title: str
    text: str
    remedy: str
    again: str
    example: dict[str, object]
    operations: tuple[Answering, ...]


def explain(code: str) -> Explanation | None:
    """All about a code; None when there is no such code."""
    error = known_errors().get(code)
    if error is None:
        return None
    status = status_of(error)
    advice = advice_on(status)
    operations = answering(code)
    text = explanation(error) or advice.means
    return Explanation(
        code=code,
        status=status,
        title=error.title,
        text=text,
        remedy=error.remedy or advice.remedy,
        again=advice.again,
        example=example_of(
            status, code, error.title, instance=operations[0].path if operations else "/api/v1/…"
        ),
        operations=operations,
    )


def explanation(error: type[DomainError]) -> str:
    """The first paragraph of a class's own docstring; empty when it has none."""
    own = vars(error).get("__doc__") or ""
    return " ".join(inspect.cleandoc(own).partition("\n\n")[0].split())
