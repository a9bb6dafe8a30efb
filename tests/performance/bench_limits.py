"""`make bench-limits`: microseconds of the limiter and of the request log, beside a bare INCR.

The same connection carries the INCR and the limiter's script, so that what is left between them is
the script itself and the decision made of its answer: docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()

from django.conf import settings  # noqa: E402 - after the set-up
from timing import Subject, measure, timings  # noqa: E402

from core import facts, plans, redis_client  # noqa: E402
from core.api import throttling  # noqa: E402
from core.api.leases import lease_of  # noqa: E402
from core.api.throttling import Caller, limiter  # noqa: E402
from core.ids import uuid7  # noqa: E402
from core.plans import DAY, PlanBook, Policy, WorkLimits  # noqa: E402
from core.security.principal import Principal  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from timing import Call

WORK = "predict"
CALLS = 200  # of a slice, unless the subject says otherwise

# Below 5,000 there are no leases. More than a slice can spend, so that nothing is refused.
NARROW = (
    Policy("burst", 4_999, 1),
    Policy("sustained", 100_000, 60),
    Policy("daily", 1_000_000, DAY, "day"),
)
WIDE = (
    Policy("burst", 20_000, 1),
    Policy("sustained", 600_000, 60),
    Policy("daily", 50_000_000, DAY, "day"),
)
ENDLESS = (Policy("burst", 1_000_000_000, 1),)  # one lease outlasts many slices
BOOK = PlanBook(
    {
        "rates": {WORK: WorkLimits(NARROW)},
        "narrow": {WORK: WorkLimits(NARROW, concurrent=50)},
        "wide": {WORK: WorkLimits(WIDE, concurrent=500)},
        "endless": {WORK: WorkLimits(ENDLESS, concurrent=500)},
    }
)


def subjects() -> list[Subject]:
    leased = lease_of(WIDE[0].quota) + 1  # the call that charges a lease, and those that draw it
    return [
        Subject("a bare INCR", CALLS, bare_increment),
        Subject("one trip: three policies", CALLS, lambda _: spending("rates")),
        Subject("one trip: three policies and a slot", CALLS, lambda _: spending("narrow")),
        Subject(f"a wide limit: a trip and {leased - 1} draws", leased, lambda _: spending("wide")),
        Subject("a draw from a lease", CALLS, lambda _: spending("endless", whose="one")),
        Subject("a call handed to the request log", CALLS, lambda _: handing_over()),
    ]


def bare_increment(number: int) -> Call:
    connection, _is_new = throttling._decide._connection()
    key = f"{settings.REDIS_KEY_PREFIX}bench:{number}"

    def increment() -> object:
        return redis_client._ask(connection, "INCR", key)

    return increment


def spending(plan: str, *, whose: str = "") -> Call:
    """One call's way through the limiter: spent before it, its slot given back after it.

    Args:
        plan: of BOOK.
        whose: identity of the caller; empty: of a new one, whose buckets are whole.
    """
    caller = Caller(f"bench:{whose or uuid7().hex}", plan)

    def spend() -> None:
        decision = limiter.spend(caller, WORK, takes_slot=True)
        if not decision.allowed:
            raise RuntimeError(f"The limits of {plan} refuse a call: {decision.violated}")
        limiter.release(decision)

    return spend


def handing_over() -> Call:
    """One fact made and offered. No sink is set here: what writing costs is in `make bench`."""
    principal = Principal(
        user_id=uuid7(),
        username="bench",
        application_id=uuid7(),
        scopes=frozenset({"predictions:create"}),
        plan="narrow",
        is_staff=False,
        credential="api_key",
        credential_id=str(uuid7()),
        family_id=None,
        issued_at=datetime.now(UTC),
        expires_at=None,
        owner_id=uuid7(),
        application_name="Bench",
    )

    def offer() -> None:
        # By position, as the middleware does it: names would double the price.
        facts.offer(
            facts.RequestFact(
                time.time(),
                "req_bench",
                principal,
                "POST",
                "api/v1/predict",
                200,
                "",
                0.001,
                "300",
                120,
                WORK,
                1,
            )
        )

    return offer


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-limits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="over all subjects (200)")
    parser.add_argument("--short", action="store_true", help="five rounds: does it work?")
    parser.add_argument("--json", type=Path, help="also write every slice to this file")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    chosen = arguments(given)
    rounds = 5 if chosen.short else chosen.rounds
    plans._book = BOOK
    settings.REQUEST_SINK = ""
    measured = subjects()
    slices = measure(measured, rounds)
    sys.stdout.write(
        f"Medians of {rounds} interleaved rounds; CPU is of this process alone, all threads.\n"
        f"{timings(slices, measured)}\n"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(found) for found in slices], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
