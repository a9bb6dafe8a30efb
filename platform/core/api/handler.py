"""The WSGI application, without what only a site below another path or with several hosts needs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings
from django.core import signals
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.middleware.security import SecurityMiddleware
from django.urls import clear_script_prefix, get_resolver
from django.utils.log import log_response
from django.utils.module_loading import import_string
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped] # it ships none

from core.api.middleware import ForPages
from core.api.problems import is_api_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    Answering = Callable[[HttpRequest], HttpResponseBase]

BELOW = "SCRIPT_NAME"  # in the WSGI environment: the path that the application is mounted at
BAD_REQUEST = 400  # the least status of a refusal
ROUTES_KEPT: Final = 512  # paths of the API whose route is remembered
FOR_PAGES: Final = (ForPages, WhiteNoiseMiddleware)  # pass a call of the API through unchanged


class LeanHandler(WSGIHandler):
    """Django's handler, less what it does for each request that a call of the API does not need.

    It notes down the script prefix, where there is none, and the URL configuration, which is that
    of the settings for every request. It leads every call through the middleware of pages, each
    wrapped in a guard of its own, and looks for the route anew. All that was a fifth of what a
    prediction costs.
    """

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Build the chain of settings.MIDDLEWARE, and of it the part that calls of the API need."""
        super().load_middleware(is_async)
        self._find_route = lru_cache(maxsize=ROUTES_KEPT)(get_resolver().resolve)
        answering: Answering = self._answer_api
        for name in reversed(settings.MIDDLEWARE):
            middleware = import_string(name)
            if not issubclass(middleware, FOR_PAGES):
                answering = _lean(middleware(answering))
        # ApiEnvelopeMiddleware answers what the view raises; this is for what lies outside it.
        self._api_chain = cast("Answering", convert_exception_to_response(answering))

    def _answer_api(self, request: HttpRequest) -> HttpResponseBase:
        """Call the view. ApiView renders its own answers; none is in a transaction as a whole."""
        match = self._find_route(request.path_info)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response

    def __call__(  # type: ignore[override] # typed there as what it is without a file wrapper
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ.get(BELOW):
            try:
                below: Iterable[bytes] = super().__call__(environ, start_response)
            finally:
                clear_script_prefix()  # the next call in this thread may be none from below
            return below
        signals.request_started.send(sender=self.__class__, environ=environ)
        response: Any = self.get_response(self.request_class(environ))
        response._handler_class = self.__class__  # noqa: SLF001 - what request_finished is sent by
        headers = list(response.headers._store.values())  # noqa: SLF001 - items() builds each pair anew
        headers += (("Set-Cookie", c.output(header="")) for c in response.cookies.values())
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper and getattr(response, "file_to_stream", None) is not None:
            # The server closes the wrapper alone; with it everything else is closed.
            response.file_to_stream.close = response.close
            wrapped: Iterable[bytes] = wrapper(response.file_to_stream, response.block_size)
            return wrapped
        answer: Iterable[bytes] = response
        return answer

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Run the middleware and the view; a refusal that nobody has logged is logged."""
        chain = self._api_chain if is_api_path(request.path_info) else self._middleware_chain  # type: ignore[attr-defined] # Django's own
        response: Any = chain(request)
        response._resource_closers.append(request.close)  # noqa: SLF001 - as Django's handler does
        if response.status_code >= BAD_REQUEST:
            log_response(
                "%s: %s", response.reason_phrase, request.path, response=response, request=request
            )
        found: HttpResponseBase = response
        return found


def _lean(middleware: Answering) -> Answering:
    """Of SecurityMiddleware its redirect and HSTS; core.observability.headers sets the rest."""
    if isinstance(middleware, SecurityMiddleware):
        vars(middleware).update(
            content_type_nosniff=False, referrer_policy=None, cross_origin_opener_policy=None
        )
    return middleware
