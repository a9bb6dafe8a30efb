"""Facts as rows: the lines of a COPY, and the sums of a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from core.api.routes import route_of
from core.facts.histogram import BUCKETS, bucket_of
from core.plans import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.facts import RequestFact
    from core.security.principal import Principal

COLUMNS: Final = (
    *("id", "request_id", "at", "day", "account_id", "user_id", "application_id"),
    *("credential", "credential_id", "method", "route", "status", "error_code", "latency_ms"),
    *("request_bytes", "response_bytes", "work", "units"),
)
NULL: Final = "\\N"
EPOCH: Final = date(1970, 1, 1)
BYTES_MAX: Final = 2**63 - 1  # of a bigint; a Content-Length may claim more
UNITS_MAX: Final = 2**31 - 1  # of an integer
ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
CLIENT_ERROR, SERVER_ERROR = 400, 500  # the least status of each


def id_of(fact: RequestFact) -> str:
    """The row's id is that of the request: a batch that comes again brings no second row."""
    return fact.request_id.removeprefix("req_")


def days_of(facts: Iterable[RequestFact]) -> set[date]:
    """The days (UTC) of facts, mostly one."""
    return {EPOCH + timedelta(days=number) for number in {int(fact.at // DAY) for fact in facts}}


def copy_lines(facts: Iterable[RequestFact]) -> str:
    """A line a fact, in the text format of COPY, its columns those of COLUMNS."""
    who: dict[int, str] = {}  # a caller's columns are the same in all their facts
    lines = []
    for fact in facts:
        key = id(fact.principal)
        if key not in who:
            who[key] = _columns_of(fact.principal)
        lines.append(_line(fact, who[key]))
    return "".join(lines)


def _columns_of(principal: Principal) -> str:
    application_id = principal.application_id
    columns = (
        principal.account_id.hex,
        principal.user_id.hex,
        NULL if application_id is None else application_id.hex,
        _text(principal.credential, 16),
        _text(principal.credential_id, 64),
    )
    return "\t".join(columns)


def _line(fact: RequestFact, who: str) -> str:
    second, fraction = divmod(fact.at, 1)
    day, clock = _second(int(second))
    return (
        f"{id_of(fact)}\t{fact.request_id}\t{clock}.{min(999_999, round(fraction * 1e6)):06d}+00\t"
        f"{day}\t{who}\t{fact.method}\t{_text(route_of(fact.route), 200)}\t{fact.status}\t"
        f"{_text(fact.error_code, 64)}\t{fact.seconds * 1000:.3f}\t"
        f"{_bytes_of(fact.request_length)}\t{_size_of(fact)}\t{_text(fact.work, 16)}\t"
        f"{_units_of(fact)}\n"
    )


@lru_cache(maxsize=64)
def _second(unix: int) -> tuple[str, str]:
    """Day and time of a second, as PostgreSQL reads them; many facts share one."""
    moment = datetime.fromtimestamp(unix, UTC)
    return moment.date().isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=1024)
def _text(value: str, longest: int) -> str:
    return value[:longest].translate(ESCAPES)


def _bytes_of(length: str | None) -> int:
    """What Content-Length says; 0 when it says nothing, or no number."""
    if not length or not (length.isascii() and length.isdecimal()):
        return 0
    return min(BYTES_MAX, int(length[:20]))


def _size_of(fact: RequestFact) -> int | str:
    """Bytes of the body that was sent: the server leaves it out where the method is HEAD."""
    if fact.response_bytes is None:
        return NULL
    return 0 if fact.method == "HEAD" else fact.response_bytes


def _units_of(fact: RequestFact) -> int:
    return min(UNITS_MAX, fact.units)


class UsageKey(NamedTuple):
    """Whose calls of what are added up. Text, so that keys sort alike in every process."""

    day: str
    account_id: str
    application_id: str
    method: str
    route: str
    work: str


@dataclass(slots=True)
class UsageSum:
    """What the calls of one key add up to; `histogram` by core.facts.histogram."""

    calls: int = 0
    client_errors: int = 0
    server_errors: int = 0
    units: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, fact: RequestFact) -> None:
        self.calls += 1
        self.client_errors += CLIENT_ERROR <= fact.status < SERVER_ERROR
        self.server_errors += fact.status >= SERVER_ERROR
        self.units += _units_of(fact)
        self.histogram[bucket_of(fact.seconds * 1000)] += 1


def sums_of(facts: Iterable[RequestFact]) -> list[tuple[UsageKey, UsageSum]]:
    """In order of their keys: two processes that write the same rows lock them in one order."""
    sums: dict[UsageKey, UsageSum] = {}
    of_likes: dict[tuple[object, ...], UsageSum] = {}  # spares making most keys
    for fact in facts:
        like = (fact.at // DAY, id(fact.principal), fact.method, fact.route, fact.work)
        if like not in of_likes:
            of_likes[like] = sums.setdefault(_usage_key(fact), UsageSum())
        of_likes[like].add(fact)
    return sorted(sums.items(), key=lambda pair: pair[0])


def _usage_key(fact: RequestFact) -> UsageKey:
    application_id = fact.principal.application_id
    return UsageKey(
        _second(int(fact.at))[0],
        fact.principal.account_id.hex,
        "" if application_id is None else application_id.hex,
        fact.method,
        route_of(fact.route)[:200],
        fact.work[:16],
    )


def keys_used(facts: Iterable[RequestFact]) -> dict[UUID, datetime]:
    """API keys that called, each with its last call."""
    used: dict[str, float] = {}
    for fact in facts:
        if fact.principal.credential == "api_key":
            key_id = fact.principal.credential_id
            used[key_id] = max(fact.at, used.get(key_id, fact.at))
    return {UUID(key_id): datetime.fromtimestamp(at, UTC) for key_id, at in used.items()}
