"""The demo world: accounts, whose passwords everybody knows who can read this, and plans."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from apps.accounts import selectors
from core.checks import is_production

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    username: str
    password: str
    is_staff: bool  # and superuser


DEMO_ACCOUNTS = (
    DemoAccount("admin", "admin", is_staff=True),
    DemoAccount("demo", "demo", is_staff=False),
)


def open_doors() -> str:
    """A sentence about active demo accounts that kept their passwords; empty: there are none."""
    known = {account.username: account.password for account in DEMO_ACCOUNTS}
    kept = selectors.accounts_that_keep(known)
    if not kept:
        return ""
    listed = " and ".join(f"{name!r}" for name in kept)
    return (
        f"{listed} still {'has' if len(kept) == 1 else 'have'} the demo password: change it or "
        "deactivate the account (manage.py changepassword NAME) before others can reach this "
        "platform."
    )


def refuse_open_doors_in_production() -> None:
    """Called by a web process before it takes requests; without a database there is nobody to be.

    Raises ImproperlyConfigured: somebody could log in with what everybody knows.
    """
    if not is_production():
        return
    try:
        sentence = open_doors()
    except DatabaseError as error:
        logger.warning("Demo passwords were not looked for: %s", type(error).__name__)
        return
    if sentence:
        raise ImproperlyConfigured(sentence)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan to try assigning.

    Attributes:
        limits: burst, sustained, daily, concurrent by class of work.
    """

    name: str
    title: str
    description: str
    limits: dict[str, tuple[int, int, int | None, int | None]]


DEMO_PLANS = (
    DemoPlan(
        "starter",
        "Starter",
        "To try things out.",
        {
            "default": (10, 300, 20_000, 5),
            "predict": (1_000, 30_000, 1_000_000, 10),
            "batch": (2, 10, 100, 2),
            "upload": (1, 5, 50, 1),
        },
    ),
    DemoPlan(
        "scale",
        "Scale",
        "For programs with many users.",
        {
            "default": (500, 30_000, None, 200),
            "predict": (100_000, 3_000_000, None, 2_000),
            "batch": (50, 300, 50_000, 50),
            "upload": (10, 60, 2_000, 8),
        },
    ),
)
