"""What stands in a cell of a CSV file, and what it means: the same for the export and the import.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a
formula. The export writes an apostrophe before such a text and the import takes it off again; what
begins with apostrophes and then one of these gets one more, so that nothing is lost on the way.
"""

from __future__ import annotations

import json
import re
from typing import Final

FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
ESCAPED: Final = re.compile(r"'+[=+\-@\t\r]")
NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,3})?")
LITERALS: Final = {"true": True, "false": False}

Scalar = str | int | float | bool


def escaped(text: str) -> str:
    """As it is written into a file that somebody may open in a spreadsheet."""
    return f"'{text}" if FORMULA.match(text) else text


def unescaped(cell: str) -> str:
    """What `escaped` was given."""
    return cell[1:] if ESCAPED.match(cell) else cell


def scalar_of(text: str) -> Scalar:
    """An attribute's value: true, false, a number, text in JSON's quotes, or else the text."""
    if text in LITERALS:
        return LITERALS[text]
    if NUMBER.fullmatch(text) is not None:
        number = json.loads(text)
        return number if isinstance(number, int) or abs(number) < float("inf") else text
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _quoted(text)
    return text


def _quoted(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def text_of(value: Scalar) -> str:
    """The text that `scalar_of` makes the value of; quoted where it would be something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = value != "" and scalar_of(value) == value and value[0] != '"'
    return value if is_plain else json.dumps(value, ensure_ascii=False)
