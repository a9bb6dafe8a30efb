"""Small pieces of HTML that admin pages share; the classes are those of the site's style sheet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import format_html

if TYPE_CHECKING:
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
