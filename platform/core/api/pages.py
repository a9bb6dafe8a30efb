"""Answers for URLs without a view, and a public page for each problem code."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.vary import vary_on_headers

from core.api.advice import ADVICE
from core.api.errors import answer_error, status_of
from core.api.explanations import explain
from core.api.permissions import PUBLIC
from core.api.problems import known_errors
from core.api.viewsets import ApiView
from core.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http.response import HttpResponseBase


class UnknownRouteView(ApiView):
    """Whatever no route under /api/v1 takes: 404 for any method, counted like every call."""

    required_scopes: ClassVar[Mapping[str, str | None]] = dict.fromkeys(
        ("get", "post", "put", "patch", "delete", "options"), PUBLIC
    )
    authentication_classes = ()
    schema = None

    def _find_handler(self, method: str) -> Callable[..., HttpResponseBase]:  # noqa: ARG002 - any method
        raise NotFoundError("There is no such route. Paths have no trailing slash.")


@method_decorator(vary_on_headers("Accept"), name="dispatch")
class ProblemIndexPage(View):
    """GET /problems: what may be sent again, and every code with its status and title."""

    http_method_names = ("get", "head")

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = [
            {"code": code, "status": status_of(error), "title": error.title}
            for code, error in known_errors().items()
        ]
        if wants_json(request):
            return JsonResponse({"results": rows})
        return page("core/problems.html", rows=rows, advice=sorted(ADVICE.items()))


@method_decorator(vary_on_headers("Accept"), name="dispatch")
class ProblemPage(View):
    """GET /problems/{code}: what a problem's `type` points to (RFC 9457 section 3.1.1)."""

    http_method_names = ("get", "head")

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        told = explain(code)
        if told is None:
            detail = "There is no problem of this code. /problems lists all."
            return answer_error(request, NotFoundError(detail))
        if wants_json(request):
            return JsonResponse(asdict(told))
        example = json.dumps(told.example, indent=2, ensure_ascii=False)
        return page("core/problem.html", told=told, example=example)


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller names JSON and no page: who names neither gets the page."""
    asked = request.headers.get("Accept", "")
    return "json" in asked and "text/html" not in asked


def page(template: str, **content: object) -> HttpResponse:
    """Without the request: who is logged in is nobody's business here, nor the database's."""
    return HttpResponse(render_to_string(template, content))
