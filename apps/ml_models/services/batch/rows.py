"""From records of a file to rows for the encoder; what cannot be read costs only its own row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from apps.ml_models.services.batch.limits import JSON_MAX_DEPTH
from serving.encoding import parse_csv_cell
from serving.errors import InstanceError

if TYPE_CHECKING:
    from apps.ml_models.services.batch.records import Layout, Record
    from serving.signature import Signature

NUL = "\x00"


class UnreadableRowError(Exception):
    """A row that is not even the beginning of one; at least one error says why."""

    def __init__(self, errors: list[InstanceError]) -> None:
        super().__init__(errors[0].detail)
        self.errors = errors


def read_row(record: Record, index: int, signature: Signature, layout: Layout) -> object:
    """One row for the encoder: a list in the signature's order, or what a JSON line holds.

    Args:
        record: of the file.
        index: of the row in its chunk; errors carry it.
        signature: the order of the features.
        layout: of the file.

    Raises:
        UnreadableRowError: nothing the encoder could look at.
    """
    if layout.width:
        return _read_csv(record, index, signature, layout)
    return _read_json(record.text, index)


def _read_csv(record: Record, index: int, signature: Signature, layout: Layout) -> list[object]:
    cells = record.cells
    if cells is None:
        raise _fault(index, "malformed_csv", "The row's quotation marks do not match.")
    if len(cells) != layout.width:
        detail = f"{layout.width} cells are expected, {len(cells)} are there."
        raise _fault(index, "wrong_width", detail)
    text = "".join(cells)
    if not text.isascii() and not _is_utf8(text):
        raise _fault(index, "encoding", "The row is not UTF-8.")
    if NUL in text:
        raise _fault(index, "nul_character", "The row has a NUL character.")
    row: list[object] = []
    errors: list[InstanceError] = []
    for feature, column in zip(signature.features, layout.columns, strict=True):
        value = parse_csv_cell(feature, cells[column])
        if isinstance(value, InstanceError):
            errors.append(InstanceError(index, value.feature, value.code, value.detail))
        row.append(value)
    if errors:
        raise UnreadableRowError(errors)
    return row


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_json(text: bytes, index: int) -> object:
    try:
        row: object = json.loads(
            text.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise _fault(index, "encoding", "The line is not UTF-8.") from None
    except _RefusedError as error:
        raise _fault(index, "invalid_json", str(error)) from None
    except (ValueError, RecursionError):
        raise _fault(index, "invalid_json", "The line is not JSON.") from None
    if not _is_shallow(row, JSON_MAX_DEPTH):
        raise _fault(index, "too_deep", f"A row nests at most {JSON_MAX_DEPTH} levels.")
    return row


class _RefusedError(ValueError):
    """JSON by the grammar, refused all the same."""


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError("An object names a member twice.")
    return members


def _no_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not JSON.")


def _is_shallow(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return True
    return levels > 0 and all(_is_shallow(element, levels - 1) for element in value)


def _fault(index: int, code: str, detail: str) -> UnreadableRowError:
    return UnreadableRowError([InstanceError(index, None, code, detail)])
