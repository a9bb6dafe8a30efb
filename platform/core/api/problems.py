"""RFC 9457 problem details: the body of every answer that is not a success."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.utils.html import format_html

from core.errors import DomainError
from core.limits import FIELD_ERRORS_MAX
from core.observability.metrics import count_problem
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from core.errors import FieldError

CONTENT_TYPE = "application/problem+json"
API_PREFIX = "/api/v1"
FOR_PROGRAMS: Final = (f"{API_PREFIX}/", *settings.PROTOCOL_PREFIXES)
SHOWN_PATH_MAX = 500  # characters of a path repeated in an answer


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, before it is tied to a request.

    Attributes:
        status: HTTP status.
        code: stable, snake_case; the type is /problems/{code}.
        title: the same for every occurrence of the code.
        detail: about this occurrence.
        errors: faults in fields, parameters or headers.
        headers: headers that go with it, e.g. Allow.
        extra: further members.
    """

    status: int
    code: str
    title: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)

    def to_document(self, *, instance: str) -> dict[str, object]:
        document: dict[str, object] = {
            **self.extra,
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": current().request_id,
        }
        if self.errors:
            document["errors"] = [e.to_document() for e in self.errors[:FIELD_ERRORS_MAX]]
        return document


def is_api_path(path: str) -> bool:
    """Whether a path is for programs: version 1, or a protocol of others that we speak."""
    return path.startswith(FOR_PROGRAMS) or path == API_PREFIX


def render_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The answer for a problem: JSON, or a small page for a browser that is outside /api."""
    count_problem(problem.code)
    current().error_code = problem.code
    if _wants_page(request):
        response = HttpResponse(_page(problem), status=problem.status)
    else:
        document = problem.to_document(instance=request.path[:SHOWN_PATH_MAX])
        response = HttpResponse(_dump(document), status=problem.status, content_type=CONTENT_TYPE)
    for name, value in problem.headers.items():
        response.headers[name] = value
    response._has_been_logged = True  # type: ignore[attr-defined] # noqa: SLF001 - Django's own mark: the access line says it all, without the path
    return response


def problem_response(  # noqa: PLR0913 - one keyword a member of the problem
    request: HttpRequest,
    status: int,
    code: str,
    title: str,
    detail: str = "",
    *,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, object] | None = None,
) -> HttpResponse:
    """The same from its parts, for callers without an error class."""
    return render_problem(
        request,
        Problem(status, code, title, detail or title, errors, headers or {}, extra or {}),
    )


def known_errors() -> dict[str, type[DomainError]]:
    """Every error class that has been imported, by code; a code's first class speaks for it."""
    found: dict[str, type[DomainError]] = {}
    waiting = [DomainError]
    while waiting:
        error = waiting.pop(0)
        if error is not DomainError and "code" in vars(error):
            found.setdefault(error.code, error)
        waiting.extend(error.__subclasses__())
    return dict(sorted(found.items()))


def _dump(document: dict[str, object]) -> bytes:
    """JSON; text that is not UTF-8, such as half a surrogate pair, goes out escaped."""
    try:
        return orjson.dumps(document, default=str)
    except orjson.JSONEncodeError:
        return orjson.dumps(_without_surrogates(document), default=str)


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {str(_without_surrogates(k)): _without_surrogates(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value if isinstance(value, int | float | bool | None) else str(value)


def _wants_page(request: HttpRequest) -> bool:
    in_api = request.path.startswith("/api/") or request.path == "/api"
    return not in_api and "text/html" in request.META.get("HTTP_ACCEPT", "")


def _page(problem: Problem) -> str:
    return format_html(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{status} {title}</title>"
        "<meta name=viewport content='width=device-width'><meta name=color-scheme"
        " content='light dark'><body style='font:16px/1.5 system-ui;max-width:40rem;"
        "margin:4rem auto;padding:0 1rem'><h1>{title}</h1><p>{detail}</p>"
        "<p><small>{status} · {code} · {request_id}</small></p><p><a href=/>Home</a></p>",
        status=problem.status,
        title=problem.title,
        detail="" if problem.detail == problem.title else problem.detail,
        code=problem.code,
        request_id=current().request_id,
    )
