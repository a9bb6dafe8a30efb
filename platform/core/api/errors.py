"""The one table from error classes to HTTP, the one exception handler, and Django's error views."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf

from core.api import refusals
from core.api.flattening import field_errors
from core.api.problems import Problem, render_problem
from core.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    GoneError,
    InternalError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    QuotaExceededError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnprocessableError,
    UnsatisfiableRangeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("agora.errors")

STATUS_OF: Final[Mapping[type[DomainError], int]] = {
    InvalidError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    refusals.MethodNotAllowedError: 405,
    refusals.NotAcceptableError: 406,
    ConflictError: 409,
    GoneError: 410,
    refusals.LengthRequiredError: 411,
    PreconditionError: 412,
    TooLargeError: 413,
    refusals.UriTooLongError: 414,
    refusals.UnsupportedMediaTypeError: 415,
    refusals.UnsupportedContentEncodingError: 415,
    UnsatisfiableRangeError: 416,
    UnprocessableError: 422,
    refusals.PreconditionRequiredError: 428,
    QuotaExceededError: 429,
    InternalError: 500,
    UnavailableError: 503,
}
RETRY_AFTER_DEFAULT: Final = {429: 1, 503: 1}  # seconds, when the error itself does not know

# PostgreSQL's SQLSTATE (its manual, appendix A) to what the caller is told.
SQLSTATES: Final[Mapping[str, type[UnavailableError]]] = {
    "57014": refusals.StatementTimeoutError,  # query_canceled
    "55P03": refusals.LockTimeoutError,  # lock_not_available
    "40P01": refusals.LockTimeoutError,  # deadlock_detected
    "40001": refusals.LockTimeoutError,  # serialization_failure
}


def status_of(error: type[DomainError]) -> int:
    """The HTTP status of an error class: that of the nearest family in STATUS_OF."""
    return next((STATUS_OF[c] for c in error.__mro__ if c in STATUS_OF), 500)


def problem_of(error: Exception, *, token_sent: bool = False) -> Problem:
    """Translate any exception; one that nobody foresaw becomes a 500 that tells nothing.

    Args:
        error: what was raised.
        token_sent: whether the request carried a credential; a 401 then says that this one is bad
            (RFC 6750 section 3).
    """
    domain_error = error if isinstance(error, DomainError) else _as_domain_error(error)
    status = status_of(type(domain_error))
    return Problem(
        status=status,
        code=domain_error.code,
        title=domain_error.title,
        detail=domain_error.detail,
        errors=domain_error.errors,
        headers=_headers_of(domain_error, status, token_sent=token_sent),
        extra=domain_error.extra,
    )


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler. Foreseen failures are counted, unforeseen ones logged, once."""
    request = context["request"]
    return answer_error(getattr(request, "_request", request), exc)


def answer_error(request: HttpRequest, error: Exception) -> HttpResponse:
    """The problem for an exception, logged when it is ours to mend."""
    problem = problem_of(error, token_sent="HTTP_AUTHORIZATION" in request.META)
    if problem.status == 500:  # noqa: PLR2004 - the one status that is always a bug
        logger.error("unhandled error", exc_info=error)
    return render_problem(request, problem)


def _headers_of(error: DomainError, status: int, *, token_sent: bool) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2 asks for the header
        headers["WWW-Authenticate"] = (
            'Bearer realm="agora", error="invalid_token"' if token_sent else 'Bearer realm="agora"'
        )
    if isinstance(error, refusals.InsufficientScopeError):
        scope = error.extra.get("required_scope", "")
        headers["WWW-Authenticate"] = (
            f'Bearer realm="agora", error="insufficient_scope", scope="{scope}"'
        )
    if isinstance(error, PreconditionError) and "current_etag" in error.extra:
        headers["ETag"] = str(error.extra["current_etag"])
    if isinstance(error, UnsatisfiableRangeError):  # RFC 9110 section 14.4
        headers["Content-Range"] = f"bytes */{error.extra['size']}"
    if isinstance(error, refusals.MethodNotAllowedError):
        headers["Allow"] = ", ".join(cast("list[str]", error.extra.get("allowed", [])))
    wait = error.retry_after if error.retry_after is not None else RETRY_AFTER_DEFAULT.get(status)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return headers


def _as_domain_error(error: Exception) -> DomainError:
    for kinds, translate in TRANSLATIONS:
        if isinstance(error, kinds):
            return translate(error)
    return InternalError()


def _database_failure(error: Exception) -> DomainError:
    sqlstate = getattr(error.__cause__, "pgcode", None)
    return SQLSTATES.get(sqlstate or "", refusals.DatabaseUnavailableError)()


def _validation_failure(error: drf.ValidationError) -> DomainError:
    faults = field_errors(error.detail)
    count = "One field is" if len(faults) == 1 else f"{len(faults)} fields are"
    return InvalidError(f"{count} invalid.", errors=faults)


def _other_api_exception(error: drf.APIException) -> DomainError:
    family: dict[int, type[DomainError]] = {
        400: InvalidError,
        401: UnauthenticatedError,
        403: ForbiddenError,
        404: NotFoundError,
        406: refusals.NotAcceptableError,
        415: refusals.UnsupportedMediaTypeError,
        429: QuotaExceededError,
        503: UnavailableError,
    }
    return family.get(error.status_code, InternalError)(str(error.detail))


TRANSLATIONS: Final[tuple[tuple[Any, Callable[[Any], DomainError]], ...]] = (
    (drf.ValidationError, _validation_failure),
    (drf.ParseError, lambda error: refusals.MalformedBodyError(str(error.detail))),
    (drf.MethodNotAllowed, lambda _: refusals.MethodNotAllowedError()),
    (drf.APIException, _other_api_exception),
    (Http404, lambda _: NotFoundError()),
    (PermissionDenied, lambda _: ForbiddenError()),
    (DisallowedHost, lambda _: refusals.BadHostError()),
    (
        (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent),
        lambda _: refusals.BodyTooLargeError(),
    ),
    (SuspiciousOperation, lambda _: InvalidError()),
    ((MultiPartParserError, BadRequest), lambda _: refusals.MalformedBodyError()),
    (UnreadablePostError, lambda _: refusals.BodyUnreadableError()),
    (DataError, lambda _: refusals.UnstorableValueError()),
    ((OperationalError, InterfaceError), _database_failure),
)


# -- Django's error views: handler400 to handler500 and CSRF_FAILURE_VIEW


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer_error(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer_error(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature; its text names every route
    return answer_error(request, Http404())


def server_error(request: HttpRequest) -> HttpResponse:
    """Whatever a page raises; called while the exception is being handled."""
    logger.error("unhandled error", exc_info=sys.exc_info())
    return render_problem(request, problem_of(InternalError()))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For settings.CSRF_FAILURE_VIEW."""
    return answer_error(request, refusals.CsrfError(reason))
