"""Strict JSON of a stranger: no key twice, no NaN, neither deep nor huge, all of it text."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NoReturn

from serving.documents import pointer_to
from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CONFIG_BYTES = 2 * 1_024 * 1_024
MAX_DEPTH = 64  # of config.json; Keras' own nested models of models reach about 20
MAX_VALUES = 200_000  # in config.json; the 157 layers of MobileNetV2 have 9,000

JsonObject = dict[str, object]


def read_json(data: bytes) -> JsonObject:
    """An object: strict UTF-8, no key twice, every number finite, neither deep nor huge.

    Raises:
        ArtefactError: config_invalid, config_too_deep, config_too_large or value_out_of_range.
    """
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        refuse(ReasonCode.CONFIG_TOO_DEEP, "", f"Nested deeper than {MAX_DEPTH}.")
    except ValueError:
        refuse(ReasonCode.CONFIG_INVALID, "", "The configuration is not JSON.")
    if not isinstance(document, dict):
        refuse(ReasonCode.CONFIG_INVALID, "", "The configuration is not an object.")
    for count, (pointer, value) in enumerate(walk(document)):
        if count > MAX_VALUES:
            refuse(ReasonCode.CONFIG_TOO_LARGE, "", f"More than {MAX_VALUES} values.")
        _check_scalar(pointer, value)
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A key is given twice.")
    if not all(_is_text(name) for name in members):
        raise ValueError("A key is not text.")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


def _check_scalar(pointer: str, value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):  # 1e400 is valid JSON
        refuse(ReasonCode.VALUE_OUT_OF_RANGE, pointer, "The number is too large for a float.")
    if isinstance(value, str) and not _is_text(value):
        refuse(ReasonCode.CONFIG_INVALID, pointer, "A string has a lone surrogate or a NUL.")


def _is_text(value: str) -> bool:
    """Whether it can be stored: JSON's escapes can spell half of a surrogate pair."""
    return "\0" not in value and (
        value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    )


def walk(document: object) -> Iterator[tuple[str, object]]:
    """Each value with its pointer, parents first. Raises ArtefactError beyond MAX_DEPTH."""
    waiting: list[tuple[str, object, int]] = [("", document, 0)]
    while waiting:
        pointer, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            refuse(ReasonCode.CONFIG_TOO_DEEP, "", f"Nested deeper than {MAX_DEPTH}.")
        yield pointer, value
        if isinstance(value, dict):
            waiting.extend(
                (pointer_to(pointer, name), value[name], depth + 1) for name in reversed(value)
            )
        elif isinstance(value, list):
            waiting.extend(
                (f"{pointer}/{index}", value[index], depth + 1)
                for index in reversed(range(len(value)))
            )
