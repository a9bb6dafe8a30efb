"""How much a caller may do: policies by plan and class of work, as this process knows them.

Plans are rows of an app that core does not know. settings.PLAN_BOOK_READER names the function that
reads them; the thread that keeps revocations fresh calls it at each look, so that an edited plan is
live everywhere within seconds and no call needs a query.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from django.conf import settings
from django.db import Error, connection
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

DAY: Final = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Policy:
    """So much weight in so many seconds.

    Attributes:
        name: as the headers call it.
        quota: units.
        seconds: the period.
        kind: "bucket": units come back evenly, all of them may go at once; "day": all come back at
            midnight UTC.
    """

    name: str
    quota: int
    seconds: int
    kind: Literal["bucket", "day"] = "bucket"


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What holds for one class of work.

    Attributes:
        policies: all of them hold; at least one.
        concurrent: calls that may run at the same time; None: as many as come.
        smallest_quota: of the policies; worked out once, since each call asks.
    """

    policies: tuple[Policy, ...]
    concurrent: int | None = None
    smallest_quota: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        smallest = min(policy.quota for policy in self.policies)
        object.__setattr__(self, "smallest_quota", smallest)


@dataclass(frozen=True, slots=True)
class PlanBook:
    """All plans: by name, by class of work; and which one holds for whoever has none."""

    plans: Mapping[str, Mapping[str, WorkLimits]] = field(default_factory=dict)
    default: str = ""


_book = PlanBook()


def limits_of(plan: str | None, work: str) -> WorkLimits:
    """The limits of a class of work under a plan; of somebody unknown (None) those of the settings.

    A plan that is gone counts as the default one; what a plan says nothing about is as the settings
    say, and so is everything while no plan has been read.
    """
    if plan is not None:
        book = _book
        limits = (book.plans.get(plan) or book.plans.get(book.default) or {}).get(work)
        if limits is not None:
            return limits
    return _from_settings(tuple(settings.RATE_LIMITS[work]))


@cache
def _from_settings(entries: tuple[tuple[str, int, int], ...]) -> WorkLimits:
    return WorkLimits(tuple(Policy(*entry) for entry in entries))


def read_plan_book(database: BaseDatabaseWrapper) -> None:
    """Read all plans and make them known. When they cannot be read, what was known stays."""
    global _book  # noqa: PLW0603 - one book a process, replaced whole
    if not settings.PLAN_BOOK_READER:
        return
    try:
        _book = import_string(settings.PLAN_BOOK_READER)(database)
    except Error as error:
        logger.info("Plans cannot be read: %s", type(error).__name__)


def refresh() -> PlanBook:
    """Read now, on the caller's connection: for tests, whose transaction no thread can see."""
    read_plan_book(connection)
    return _book


def forget() -> None:
    """Know no plan, as a process does that has just started."""
    global _book  # noqa: PLW0603 - as above
    _book = PlanBook()
