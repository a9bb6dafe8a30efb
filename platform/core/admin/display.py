"""Small pieces of HTML that admin pages share; the classes are those of the site's style sheet."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Literal

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import format_html, format_html_join

from core.money import money_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from django.utils.safestring import SafeString

Mood = Literal["good", "busy", "bad", ""]
BLANK = "—"
UNITS = ("bytes", "KiB", "MiB", "GiB")
STEP = 1024  # between two units


def pill(text: str, mood: Mood = "") -> SafeString:
    """A state as a coloured word."""
    return format_html('<span class="pill {}">{}</span>', mood, text)


def pretty_json(value: object) -> SafeString | str:
    """A document, indented; nothing becomes a dash."""
    if value is None:
        return BLANK
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html("<pre>{}</pre>", text)


def size(count: int) -> str:
    """A number of bytes for people, e.g. 1.5 KiB."""
    amount = float(count)
    for unit in UNITS:
        if amount < STEP or unit == UNITS[-1]:
            break
        amount /= STEP
    return f"{int(amount)} {unit}" if unit == UNITS[0] else f"{amount:.1f} {unit}"


def together(text: str) -> str:
    """Words that stay on one line in a narrow table."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def moment(at: datetime | None) -> str:
    """A time in UTC, to the minute; a dash for None."""
    return BLANK if at is None else together(f"{at.astimezone(UTC):%d %b %Y, %H:%M} UTC")


def table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> SafeString:
    """A plain table; every cell is escaped."""
    head = format_html_join("", "<th>{}</th>", ((title,) for title in header))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((cell,) for cell in line)),) for line in lines),
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


def facts(header: Sequence[str], lines: Iterable[Sequence[object]]) -> SafeString:
    """A table in a panel, which scrolls sideways when there is no room; every cell is escaped."""
    return format_html('<div class="scroll facts">{}</div>', table(header, lines))


def money(amount: Decimal | None, currency: str) -> str:
    """e.g. 19.99 EUR; a dash where there is none."""
    if amount is None or not currency:
        return BLANK
    return together(f"{money_document(amount, currency)['amount']} {currency}")
