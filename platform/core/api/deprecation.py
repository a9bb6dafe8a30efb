"""What is on its way out: announced by headers, marked in the schema, gone after its sunset.

A view says it in `deprecations`, by operation. What is not deprecated pays a look at an empty
mapping. Who still calls what is deprecated is in the request log, which counts by route.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote

from django.urls import URLPattern, get_resolver
from django.utils.http import http_date

from core.api.routes import route_of
from core.errors import GoneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from django.http.response import HttpResponseBase
    from django.urls import URLResolver

NOTICE_MIN: Final = timedelta(days=180)  # from the announcement to the sunset
GUIDE: Final = "/problems/endpoint_retired"  # a page that is there on every site
METHODS: Final = ("get", "post", "put", "patch", "delete")


class EndpointRetiredError(GoneError):
    """The operation was announced as deprecated, and its last day has passed.

    `successor`, where there is one, says what to call instead. Before that day its answers carried
    the headers Deprecation and Sunset.
    """

    code = "endpoint_retired"
    title = "This operation has been retired."


@dataclass(frozen=True, slots=True)
class Deprecation:
    """That something should not be used any more, and until when it can be.

    Attributes:
        since: the day (UTC) from which it is deprecated; it may lie ahead.
        sunset: the day at whose beginning (UTC) an operation turns into 410.
        successor: path to call instead, with the route's arguments in braces as the schema spells
            them, e.g. "/api/v1/models/{name}"; of a parameter or member, its name.
        guide: path or URL of what to read about it.

    Raises:
        ValueError: the notice is shorter than NOTICE_MIN.
    """

    since: date
    sunset: date
    successor: str | None = None
    guide: str = GUIDE

    def __post_init__(self) -> None:
        if self.sunset - self.since < NOTICE_MIN:
            days = NOTICE_MIN.days
            raise ValueError(f"There are less than {days} days from {self.since} to {self.sunset}.")

    def has_ended(self, now: datetime) -> bool:
        return now >= _midnight(self.sunset)

    def headers(self) -> dict[str, str]:
        """Deprecation by RFC 9745, section 2; Sunset by RFC 8594, section 3."""
        return {
            "Deprecation": f"@{int(_midnight(self.since).timestamp())}",
            "Sunset": http_date(_midnight(self.sunset).timestamp()),
        }

    def links(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        """Of the header Link: RFC 9745, section 3, and RFC 5829, section 3.4."""
        yield f'<{self.guide}>; rel="deprecation"; type="text/html"'
        if self.successor is not None:
            yield f'<{self.successor_of(arguments)}>; rel="successor-version"'

    def successor_of(self, arguments: Mapping[str, Any]) -> str | None:
        """The path to call instead of a route with these arguments."""
        if self.successor is None:
            return None
        quoted = {name: quote(str(value), safe="") for name, value in arguments.items()}
        if "pk" in quoted:
            quoted.setdefault("id", quoted["pk"])
        return self.successor.format_map(quoted)

    @property
    def sentence(self) -> str:
        """For people who read the schema."""
        instead = f" Use `{self.successor}` instead." if self.successor else ""
        return f"Deprecated since {self.since}, gone on {self.sunset}.{instead}"


def refuse_retired(view: Any, *, now: datetime) -> None:  # noqa: ANN401 - any view of the API
    """Refuse the running operation once its sunset has passed.

    Raises:
        EndpointRetiredError: 410, with the successor.
    """
    deprecation = view.deprecations.get(view.operation)
    if deprecation is not None and deprecation.has_ended(now):
        raise _retired(deprecation, view.kwargs)


def gone(view: Any, *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401 - a handler of any view
    """A handler for an operation past its sunset whose code has been taken out.

    Raises:
        EndpointRetiredError: 410, with the successor.
    """
    raise _retired(view.deprecations[view.operation], view.kwargs)


def _retired(deprecation: Deprecation, arguments: Mapping[str, Any]) -> EndpointRetiredError:
    successor = deprecation.successor_of(arguments)
    extra: dict[str, Any] = {} if successor is None else {"successor": successor}
    instead = "" if successor is None else f" Call {successor} instead."
    return EndpointRetiredError(f"It was to be used until {deprecation.sunset}.{instead}", **extra)


def announce(view: Any, response: HttpResponseBase) -> None:  # noqa: ANN401 - any view of the API
    """Put the headers of the running operation on an answer, beside the links that it has."""
    deprecation = view.deprecations.get(view.operation)
    if deprecation is None:
        return
    for name, value in deprecation.headers().items():
        response.headers[name] = value
    links = deprecation.links(view.kwargs)
    response.headers["Link"] = ", ".join(filter(None, [response.headers.get("Link"), *links]))


# -- What there is


@dataclass(frozen=True, slots=True)
class DeprecatedOperation:
    """An operation that is deprecated, or has been retired.

    Attributes:
        method: e.g. GET.
        route: as in the schema and in the request log, e.g. /api/v1/models/{name}.
        deprecation: since when, until when.
    """

    method: str
    route: str
    deprecation: Deprecation


@cache
def deprecated_operations(urlconf: str | None = None) -> tuple[DeprecatedOperation, ...]:
    """All of a URL configuration's, that of the settings without a name; the next to go first."""
    found = _operations(get_resolver(urlconf).url_patterns, "")
    return tuple(sorted(found, key=lambda o: (o.deprecation.sunset, o.route, o.method)))


def _operations(
    patterns: list[URLPattern | URLResolver], prefix: str
) -> Iterator[DeprecatedOperation]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield from _of_view(pattern.callback, route)
        else:
            yield from _operations(pattern.url_patterns, route)


def _of_view(callback: Any, route: str) -> Iterator[DeprecatedOperation]:  # noqa: ANN401 - any view
    """Of a viewset, `actions` says which operation a method is; of a view, it is the method."""
    deprecations = getattr(getattr(callback, "cls", None), "deprecations", {})
    actions = getattr(callback, "actions", None) or {method: method for method in METHODS}
    for method, operation in actions.items():
        if method in METHODS and operation in deprecations:  # HEAD is the same as GET
            yield DeprecatedOperation(method.upper(), route_of(route), deprecations[operation])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
