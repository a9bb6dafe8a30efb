"""Log lines as a person at a terminal wants them: requests and trouble; files keep the rest."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCESS = "agora.access"
PROBES = frozenset({"livez", "readyz", "metrics"})
OK = 200
QUIET = frozenset({"debug", "info"})
USUAL = frozenset({"time", "level", "logger", "message", "exception", "stack"})
LINE_LENGTH = 2_000  # characters of one line that are shown

# What libraries print about themselves at every start.
CHATTER = re.compile(
    r"^\s*$|XNNPACK delegate|SecurityWarning|superuser privileges|absolutely not recommended"
    r"|--uid option|User information: uid=|_warn_or_raise_security_error|^celery beat v"
    r"|Warm shutdown|^\[INFO\]|absl::InitializeLog|^[IW]\d{4} \d\d:|cuInit"
)
# A server that starts refuses those who come too early: us, asking whether it is there.
POSTGRES_TROUBLE = re.compile(r"\b(WARNING|ERROR|FATAL|PANIC):(?!  the database system is )")
REDIS_TROUBLE = re.compile(r"(?i)\b(errors?|failed|failure|fatal|can't|cannot|OOM|MISCONF)\b")


def platform_lines(line: str) -> Iterator[str]:
    """Of our own processes: JSON is put in words, libraries' chatter is left out."""
    record = _record(line)
    if record is None:
        if not CHATTER.search(line):
            yield line[:LINE_LENGTH]
    elif record["logger"] == ACCESS:
        yield from _request(record)
    elif record["level"] not in QUIET:
        yield from _event(record)


def every_line(line: str) -> Iterator[str]:
    yield line[:LINE_LENGTH]


def postgres_lines(line: str) -> Iterator[str]:
    if POSTGRES_TROUBLE.search(line):
        yield line[:LINE_LENGTH]


def redis_lines(line: str) -> Iterator[str]:
    if REDIS_TROUBLE.search(line):
        yield line[:LINE_LENGTH]


def _record(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    is_ours = isinstance(record, dict) and {"level", "logger", "message"} <= record.keys()
    return record if is_ours else None


def _request(record: dict[str, Any]) -> Iterator[str]:
    """One answered request; probes that went well are not worth a line."""
    route, status = record.get("route"), record.get("status")
    if route in PROBES and status == OK:
        return
    milliseconds = record.get("ms")
    taken = f"{milliseconds:.0f} ms" if isinstance(milliseconds, (int, float)) else ""
    yield f"{record.get('method')} /{route} {status} {taken}  {record.get('request_id', '')}"


def _event(record: dict[str, Any]) -> Iterator[str]:
    fields = " ".join(f"{key}={value}" for key, value in record.items() if key not in USUAL)
    yield f"{record['level'].upper()} {record['message']} {fields}".rstrip()[:LINE_LENGTH]
    yield from str(record.get("exception", "")).splitlines()
