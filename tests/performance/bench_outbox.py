"""`make bench-outbox`: events a second that one relay hands on, with and without the webhooks.

Each slice writes events about many objects, then times one relay until none is left. The database
is the tests' own, which does not wait for the disc: where it does, a commit costs a millisecond or
more, and one transaction an event is slower by that. See docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.db import connection, transaction  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.developers.models import Application  # noqa: E402
from apps.ml_models.events import BATCH_SUCCEEDED  # noqa: E402
from apps.webhooks.models import WebhookEndpoint  # noqa: E402
from apps.webhooks.services.receiving import receive_events  # noqa: E402
from core.ids import uuid7  # noqa: E402
from core.limits import OUTBOX_GROUP  # noqa: E402
from core.models import OutboxEvent  # noqa: E402
from core.outbox import publish  # noqa: E402
from core.outbox.relay import Relay  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.outbox.relay import Subscriber

EVENTS = 2_000  # of one slice
OBJECTS = 50  # that they are about
TABLES = "core_outboxevent, webhooks_eventrecord, webhooks_delivery"


@dataclass(frozen=True, slots=True)
class Subject:
    """One way to hand events on.

    Attributes:
        name: as the table calls it.
        group: events of one transaction.
        subscribers: what takes them.
        endpoints: of the application concerned, each of which wants to hear of all.
    """

    name: str
    group: int
    subscribers: tuple[Subscriber, ...]
    endpoints: int = 0


SUBJECTS = tuple(
    Subject(f"{name}, {group} of a transaction", group, subscribers, endpoints)
    for name, subscribers, endpoints in (
        ("nobody subscribes", (), 0),
        ("the log, no endpoint", (receive_events,), 0),
        ("the log and one endpoint", (receive_events,), 1),
        ("the log and ten endpoints", (receive_events,), 10),
    )
    for group in (1, OUTBOX_GROUP)
)


def make_application() -> Application:
    owner = User.objects.create_user(username=f"bench-{uuid7().hex[:12]}")
    return Application.objects.create(owner=owner, name="Bench")


def make_endpoints(application: Application, count: int) -> None:
    WebhookEndpoint.objects.bulk_create(
        WebhookEndpoint(
            application=application,
            url=f"https://receiver-{number}.example.org/",
            event_types=["*"],
            secret=b"never used",
        )
        for number in range(count)
    )


@transaction.atomic
def announce(application: Application) -> None:
    for number in range(EVENTS):
        data = {
            **BATCH_SUCCEEDED.example,
            "counts": {"total": number, "succeeded": number, "failed": 0},
        }
        event = BATCH_SUCCEEDED.about(
            f"{application.pk.hex[:20]}-{number % OBJECTS}",
            data,
            account_id=application.owner_id,
            application_id=application.pk,
        )
        publish(event)


def rate(subject: Subject) -> float:
    """Events a second of one slice."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} CASCADE")
    application = make_application()
    make_endpoints(application, subject.endpoints)
    announce(application)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLES}")
    relay = Relay(subscribers=subject.subscribers, group=subject.group)
    started = time.perf_counter()
    left = 0
    while published := relay.run_once():
        left += published
    seconds = time.perf_counter() - started
    if left != EVENTS:
        raise RuntimeError(f"{subject.name}: {left} of {EVENTS} events left.")
    return EVENTS / seconds


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-outbox", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="over all subjects (9)")
    parser.add_argument("--short", action="store_true", help="one round: does it work?")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    chosen = arguments(given)
    call_command("migrate", verbosity=0)
    if OutboxEvent.objects.exists():
        sys.exit("bench-outbox empties the outbox: it needs a database that nobody uses.")
    rounds = 1 if chosen.short else chosen.rounds
    rates: dict[str, list[float]] = {subject.name: [] for subject in SUBJECTS}
    for number in range(rounds):
        turn = number % len(SUBJECTS)
        for subject in (*SUBJECTS[turn:], *SUBJECTS[:turn]):
            rates[subject.name].append(rate(subject))
    sys.stdout.write(f"Events a second, {EVENTS} a slice; median and range of {rounds} rounds.\n")
    for name, found in rates.items():
        line = f"{median(found):8,.0f}   {min(found):,.0f} to {max(found):,.0f}"
        sys.stdout.write(f"{name:48}{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
