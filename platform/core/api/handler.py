"""The WSGI application, without what only a site below another path or with several hosts needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.utils.log import log_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

BELOW = "SCRIPT_NAME"  # in the WSGI environment: the path that the application is mounted at
BAD_REQUEST = 400  # the least status of a refusal


class LeanHandler(WSGIHandler):
    """Django's handler, less two things that it notes down in the thread for each request.

    They are the script prefix, where there is none, and the URL configuration, which is that of the
    settings for every request: a twentieth of what a prediction costs.
    """

    def __call__(  # type: ignore[override] # typed there as what it is without a file wrapper
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ.get(BELOW):
            below: Iterable[bytes] = super().__call__(environ, start_response)
            return below
        signals.request_started.send(sender=self.__class__, environ=environ)
        response: Any = self.get_response(self.request_class(environ))
        response._handler_class = self.__class__  # noqa: SLF001 - what request_finished is sent by
        cookies = (("Set-Cookie", c.output(header="")) for c in response.cookies.values())
        start_response(
            f"{response.status_code} {response.reason_phrase}", [*response.items(), *cookies]
        )
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
        response: Any = self._middleware_chain(request)  # type: ignore[attr-defined] # Django's own
        response._resource_closers.append(request.close)  # noqa: SLF001 - as Django's handler does
        if response.status_code >= BAD_REQUEST:
            log_response(
                "%s: %s", response.reason_phrase, request.path, response=response, request=request
            )
        found: HttpResponseBase = response
        return found
