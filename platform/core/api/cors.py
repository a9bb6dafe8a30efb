"""Pages of other sites: the headers by which a browser lets them read our answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from corsheaders.middleware import CorsMiddleware

from core.observability.headers import API_HEADERS, add_missing

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class ApiCorsMiddleware(CorsMiddleware):
    """Steps aside for whoever sends no `Origin`: programs, and pages of our own that only read.

    A preflight is answered here: without session, query or Redis, and it is charged to nobody,
    since the browser sends it, not the page. What it costs is less than looking up whom to charge.
    """

    get_response: Any  # the middleware above keeps it

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "HTTP_ORIGIN" not in request.META:
            passed: HttpResponseBase = self.get_response(request)
            return passed
        return cast("HttpResponseBase", super().__call__(request))

    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        answer: HttpResponseBase | None = super().check_preflight(request)
        if answer is not None:
            add_missing(answer, API_HEADERS)
        return answer
