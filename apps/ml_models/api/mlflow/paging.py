"""Pages and orders of a search, as MLflow's client asks for them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from core.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django.db.models import Model, QuerySet

    from core.api.viewsets import ApiRequest

Row = TypeVar("Row", bound="Model")

RESULTS_DEFAULT: Final = 100
RESULTS_MAX: Final = 200  # of a page; MLflow's client asks for up to 10,000 and reads on
BYTES_MAX: Final = 4 * 1_024 * 1_024  # of a page's rows; a row's tags alone may be some hundred KB
READ_AT_ONCE: Final = 25  # rows
OFFSET_MAX: Final = 1_000_000


def page_of(
    request: ApiRequest,
    rows: QuerySet[Row],
    *,
    orders: Mapping[str, str],
    default: Sequence[str],
    shape: Callable[[Row], dict[str, object]],
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """One page of a search, and the member that leads to the next: {} on the last one.

    A page ends early where its rows, read a few at a time, have become BYTES_MAX.

    Args:
        request: with max_results, page_token and any number of order_by.
        rows: found; they get an order here.
        orders: columns by the names that order_by may use.
        default: columns that end every order.
        shape: of one row.
    """
    limit, offset = _limit(request), _offset(request)
    names = request.query_params.getlist("order_by")
    ordered = rows.order_by(*(_column(name, orders) for name in names), *default)
    page: list[dict[str, object]] = []
    size = 0
    for row in _read(ordered, offset, limit + 1):
        if len(page) == limit or size > BYTES_MAX:
            return page, {"next_page_token": _token(offset + len(page))}
        page.append(shape(row))
        size += len(orjson.dumps(page[-1]))
    return page, {}


def _read(rows: QuerySet[Row], offset: int, count: int) -> Iterator[Row]:
    """Up to that many, and no more of them in memory than READ_AT_ONCE."""
    for start in range(offset, offset + count, READ_AT_ONCE):
        some = list(rows[start : min(start + READ_AT_ONCE, offset + count)])
        yield from some
        if len(some) < READ_AT_ONCE:
            return


def _limit(request: ApiRequest) -> int:
    sent = request.query_params.get("max_results", str(RESULTS_DEFAULT))
    if not (sent.isascii() and sent.isdecimal() and len(sent) < 7 and int(sent)):  # noqa: PLR2004 - a million
        raise InvalidError("'max_results' must be a positive number.")
    return min(int(sent), RESULTS_MAX)


def _column(order: str, orders: Mapping[str, str]) -> str:
    name, _, direction = order.strip().partition(" ")
    column = orders.get(name.strip("`"))
    direction = direction.strip().upper() or "ASC"
    if column is None or direction not in {"ASC", "DESC"}:
        raise InvalidError(f"Invalid order_by clause '{order[:80]}'.")
    return f"-{column}" if direction == "DESC" else column


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(request: ApiRequest) -> int:
    sent: Any = request.query_params.get("page_token")
    if not sent:
        return 0
    try:
        offset = int(base64.urlsafe_b64decode(sent[:32]))
    except (ValueError, binascii.Error):
        offset = -1
    if not 0 <= offset <= OFFSET_MAX:
        raise InvalidError("'page_token' is not one of ours.")
    return offset
