"""What must be true of all that a receiver got, whatever died meanwhile.

At least once, none invented, signatures good, order kept of each object: reliability's checks of
webhooks, over two records that the platform cannot touch or has long committed: the receiver's
journal and the outbox.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tests.harness.cluster import Platform
    from tests.harness.receiver import Received

TOLERANCE_SECONDS = 300  # between the signature and its arrival, as receivers allow
OUTBOX = """
    SELECT id::text, type, object_type, object_id, sequence, application_id::text,
           is_public, created_at
    FROM core_outboxevent WHERE kind = 'event' ORDER BY position
"""


@dataclass(frozen=True)
class Published:
    """An event as the outbox has it."""

    id: str
    type: str
    object_type: str
    object_id: str
    sequence: int
    application_id: str | None
    is_public: bool
    created_at: datetime

    def is_for(self, application_id: str, event_types: Collection[str]) -> bool:
        """Whether an endpoint of that application with those filters is to hear of it."""
        concerned = self.is_public or self.application_id == application_id
        return concerned and any(fnmatchcase(self.type, pattern) for pattern in event_types)


def published(platform: Platform) -> list[Published]:
    """Every event of the outbox, in the order of insertion."""
    return [Published(*row) for row in platform.sql(OUTBOX)]


def assert_signed(received: Iterable[Received], secrets: Sequence[str]) -> None:
    """Each by one of the secrets, as the public `standardwebhooks` package signs, and lately."""
    for each in received:
        assert _is_signed(each, secrets), f"no good signature: {each} {dict(each.headers)}"


def _is_signed(each: Received, secrets: Sequence[str]) -> bool:
    """Judged by when it arrived: the package's own `verify` asks what time it is now."""
    headers = dict(each.headers)
    stamp = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    if abs(each.at - stamp.timestamp()) > TOLERANCE_SECONDS:
        return False
    given = headers["webhook-signature"].split(" ")
    return any(Webhook(key).sign(each.webhook_id, stamp, each.body) in given for key in secrets)


def assert_none_invented(received: Iterable[Received], events: Iterable[Published]) -> None:
    """Each is an event of the outbox, and says of it what the outbox says."""
    known = {event.id: event for event in events}
    for each in received:
        assert each.webhook_id in known, f"nobody published it: {each}"
        event, body = known[each.webhook_id], json.loads(each.body)
        said = (body["type"], body["object"]["type"], body["object"]["id"])
        assert said == (event.type, event.object_type, event.object_id), each
        assert body["object"]["sequence"] == event.sequence, each


def missing(received: Iterable[Received], events: Iterable[Published]) -> list[Published]:
    """The events that have not been taken (answered 2xx) once."""
    taken = {each.webhook_id for each in received if each.is_thanked}
    return [event for event in events if event.id not in taken]


def assert_in_order(received: Iterable[Received]) -> None:
    """Of each object, what arrived for the first time is later in its sequence than all before."""
    seen: set[str] = set()
    latest: dict[tuple[str, str], tuple[int, Received]] = {}
    for each in received:
        if each.webhook_id in seen:
            continue
        seen.add(each.webhook_id)
        key, sequence = _place(each)
        before = latest.get(key)
        assert before is None or before[0] < sequence, f"{each} came after {before}"
        latest[key] = (sequence, each)


def _place(each: Received) -> tuple[tuple[str, str], int]:
    about: dict[str, Any] = json.loads(each.body)["object"]
    return (about["type"], about["id"]), about["sequence"]


def assert_taken_before_the_next(received: Iterable[Received]) -> None:
    """Of each object, nothing is sent before what came before it has been answered 2xx."""
    open_ones: dict[tuple[str, str], set[int]] = defaultdict(set)
    for each in received:
        key, sequence = _place(each)
        earlier = {number for number in open_ones[key] if number < sequence}
        assert not earlier, f"{each} was sent while {sorted(earlier)} had not arrived"
        if each.is_thanked:
            open_ones[key].discard(sequence)
        else:
            open_ones[key].add(sequence)


def delays(received: Iterable[Received], events: Iterable[Published]) -> list[float]:
    """Seconds from the publication of each event to its first arrival."""
    made = {event.id: event.created_at.timestamp() for event in events}
    first: dict[str, float] = {}
    for each in received:
        first.setdefault(each.webhook_id, each.at)
    return [at - made[webhook_id] for webhook_id, at in first.items() if webhook_id in made]


def assert_nothing_told(texts: Iterable[tuple[str, str]], secrets: Iterable[str]) -> None:
    """No secret stands in any of the texts, given as (name, text)."""
    wanted = [secret for secret in secrets if secret]
    for name, text in texts:
        told = [secret[:12] for secret in wanted if secret in text]
        assert not told, f"{name} tells secrets that begin with {told}"
