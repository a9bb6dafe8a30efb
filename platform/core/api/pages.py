"""Answers for URLs without a view, and a public page for each problem code."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.views import View

from core.api.errors import status_of
from core.api.permissions import PUBLIC
from core.api.problems import known_errors
from core.api.viewsets import ApiView
from core.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http.response import HttpResponseBase

HEAD = mark_safe(
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width'><style>"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;"
    "color:#1b1b1f;background:#fff}code{background:#f1f1f4;padding:.1em .3em;border-radius:3px}"
    "td{padding:.2rem 1rem .2rem 0;vertical-align:top}a{color:#0b57d0}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}"
    "code{background:#2a2a31}a{color:#8ab4f8}}</style>"
)


class UnknownRouteView(ApiView):
    """Whatever no route under /api/v1 takes: 404 for any method, counted like every call."""

    required_scopes: ClassVar[Mapping[str, str | None]] = dict.fromkeys(
        ("get", "post", "put", "patch", "delete", "options"), PUBLIC
    )
    authentication_classes = ()
    schema = None

    def _find_handler(self, method: str) -> Callable[..., HttpResponseBase]:  # noqa: ARG002 - any method
        raise NotFoundError("There is no such route. Paths have no trailing slash.")


class ProblemIndexPage(View):
    """GET /problems: every code, with its status and title."""

    http_method_names = ("get", "head")

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        rows = format_html_join(
            "",
            "<tr><td>{}<td><a href='/problems/{}'><code>{}</code></a><td>{}",
            ((status_of(e), code, code, e.title) for code, e in known_errors().items()),
        )
        return HttpResponse(
            format_html("{}<title>Problems</title><h1>Problems</h1><table>{}</table>", HEAD, rows)
        )


class ProblemPage(View):
    """GET /problems/{code}: what a problem's `type` points to (RFC 9457 section 3.1.1)."""

    http_method_names = ("get", "head")

    def get(self, request: HttpRequest, code: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        error = known_errors().get(code)
        if error is None:
            raise Http404
        return HttpResponse(
            format_html(
                "{}<title>{code}</title><p><a href='/problems'>Problems</a></p>"
                "<h1>{title}</h1><p><code>{code}</code>, answered with status "
                "{status}.</p><p>{text}</p>",
                HEAD,
                code=code,
                title=error.title,
                status=status_of(error),
                text=explanation(error),
            )
        )


def explanation(error: type[Exception]) -> str:
    """The first paragraph of a class's own docstring; empty when it has none."""
    own = vars(error).get("__doc__") or ""
    return " ".join(inspect.cleandoc(own).partition("\n\n")[0].split())
