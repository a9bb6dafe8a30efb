"""One JSON object a line: who, what, which request; never a secret, never a second line."""

from __future__ import annotations

import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from core.observability.request_id import current

TEXT_MAX: Final = 8_000  # characters of one message or traceback
REDACTED: Final = "[redacted]"

# Credentials wherever they turn up in a message or a traceback: bearer headers, JWTs, prefixed
# tokens, passwords in URLs, and values after a telling name.
SECRETS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{4,}"), r"\1 " + REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?"), REDACTED),
    (re.compile(r"\b(?:sk|oat|dev|pat|whsec)_[A-Za-z0-9_-]{6,}"), REDACTED),
    (re.compile(r"(?i)(://[^\s:/@]*:)[^\s@/]+@"), r"\1" + REDACTED + "@"),
    (
        re.compile(
            r"(?i)((?:password|passwd|secret|token|api[_-]?key|authorization|refresh|cookie)"
            r"[\w-]{0,30}[\"']?\s{0,3}[=:]\s{0,3})(\"[^\"]*\"?|'[^']*'?|[^\s,;&})\]]+)"
        ),
        r"\1" + REDACTED,
    ),
)
TELLING: Final = re.compile(
    r"(?i)password|passwd|secret|token|api_?key|authorization|refresh|cookie"
)


# Nothing here says thread or process by name, and finding out costs more than writing the line
# (Python's logging HOWTO, "Optimization").
logging.logThreads = False
logging.logProcesses = False
logging.logMultiprocessing = False


def redact(text: str) -> str:
    """The text without what looks like a credential."""
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Turns a record into one line of JSON; control characters are escaped by JSON itself.

    A record may bring `fields` in `extra`: a dict of further members. They are the caller's own,
    under names that do not tell of secrets, and are redacted where they are text.
    """

    def format(self, record: logging.LogRecord) -> str:
        context = current()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(_printable(record.getMessage())),
        }
        if context.request_id:
            line["request_id"] = context.request_id
        if context.traceparent:
            line["trace_id"] = context.traceparent.split("-")[1]
        if context.task_id:
            line["task_id"] = context.task_id
        if context.principal is not None:
            line["user_id"] = context.principal.user_id
        fields: dict[str, Any] = getattr(record, "fields", {})
        line.update((name, _field(name, value)) for name, value in fields.items())
        if record.exc_info:
            line["exception"] = redact(
                _printable("".join(traceback.format_exception(*record.exc_info)))
            )
        if record.stack_info:
            line["stack"] = redact(_printable(record.stack_info))
        return orjson.dumps(line, default=str).decode()


def _printable(text: str) -> str:
    """Bounded, and without what a terminal would obey; JSON escapes the rest of the controls."""
    shown = text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"
    return shown if shown.isprintable() else UNPRINTABLE.sub(_escape, shown)


# C1 controls and bidirectional marks pass JSON unescaped; a lone surrogate does not pass at all.
UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _field(name: str, value: object) -> object:
    if isinstance(value, str):
        return REDACTED if TELLING.search(name) else redact(_printable(value))
    return value
