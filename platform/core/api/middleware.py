"""What is refused before a view is found, and the session machinery, which only pages have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponseNotAllowed
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware

from core.api import refusals
from core.api.errors import answer_error
from core.api.problems import is_api_path
from core.api.throttling import caller_of, limiter
from core.errors import FieldError
from core.limits import QUERY_STRING_MAX
from core.observability.headers import add_missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseForbidden
    from django.http.response import HttpResponseBase
    from django.views import View

PAGE_BODY_MAX: Final = 4 * 1024 * 1024  # bytes of a form of the admin
HOSTS_KEPT: Final = 256  # hosts that were found good; a wildcard in ALLOWED_HOSTS has no end
NAME_MAX: Final = 60  # characters of a caller's parameter name in a message
DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
SECRETS: Final = frozenset(
    {
        "access",
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "bearer",
        "client_secret",
        "jwt",
        "oauth_token",
        "passwd",
        "password",
        "refresh",
        "refresh_token",
        "secret",
        "token",
    }
)  # fmt: skip - read as a list
# Credentials by their shape (core.security.tokens; a JWT is three parts of base64url), as a whole
# value: cursors and prefixes of keys, which are no secrets, look like none of these.
SECRET_VALUE: Final = re.compile(
    rb"(?:bearer )?(?:(?:sk|oat|ort|ocs|dev)_[0-9a-z]{40,60}|eyj[\w-]+\.[\w-]+\.[\w-]+)",
    re.IGNORECASE,
)
LIMITS: Final = ("RateLimit", "RateLimit-Policy")
PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})

_good_hosts: set[tuple[str | None, ...]] = set()


class ApiEnvelopeMiddleware:
    """Refuses a malformed envelope, and answers with a problem whatever fails outside a view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_api = is_api_path(request.path_info)
        try:
            check_envelope(request, is_api=is_api)
            response = self.get_response(request)
        except Exception as error:  # noqa: BLE001 - the last resort
            response = answer_error(request, error)
        if isinstance(response, HttpResponseNotAllowed):  # of a plain page; it has no body
            allowed = response.headers["Allow"].split(", ")
            response = answer_error(request, refusals.MethodNotAllowedError(allowed=allowed))
        if is_api and "ratelimit-policy" not in response.headers:
            response = _charged(request, response)
        if response.headers.get("Cache-Control", "").startswith("public"):
            _take_off_limits(response)
        return response


def check_envelope(request: HttpRequest, *, is_api: bool) -> None:
    """Host, length, encoding, path and query: what can be judged without knowing the route.

    Raises:
        DomainError: of core.api.refusals; DisallowedHost for a host that is not ours.
    """
    meta = request.META
    _check_host(request)
    if "\x00" in request.path_info:  # bytes that are not UTF-8 lead nowhere, so they are 404
        raise refusals.MalformedPathError
    query = meta.get("QUERY_STRING")
    if query:
        _check_query(query, is_api=is_api)
    if "HTTP_TRANSFER_ENCODING" in meta:
        raise refusals.LengthRequiredError("Send Content-Length; chunked bodies are not read.")
    length = meta.get("CONTENT_LENGTH")
    if length:
        _check_length(length, is_api=is_api)
    elif meta.get("SERVER_PROTOCOL", "").startswith("HTTP/2") and meta["wsgi.input"].read(1):
        raise refusals.LengthRequiredError  # HTTP/2 frames need no header to carry a body
    if meta.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in {"identity", ""}:
        raise refusals.UnsupportedContentEncodingError


def _check_host(request: HttpRequest) -> None:
    """Raise DisallowedHost for a host that is not ours; one that was found good is remembered."""
    meta = request.META
    said = (meta.get("HTTP_HOST"), meta.get("HTTP_X_FORWARDED_HOST"), *settings.ALLOWED_HOSTS)
    if said in _good_hosts:
        return
    request.get_host()
    if said[0] is not None:  # without it the name and port of the server count
        if len(_good_hosts) >= HOSTS_KEPT:
            _good_hosts.clear()
        _good_hosts.add(said)


def _check_length(length: str, *, is_api: bool) -> None:
    if not DIGITS.fullmatch(length):
        raise refusals.MalformedHeaderError(
            errors=(FieldError("malformed", "A number of bytes.", header="Content-Length"),)
        )
    if not is_api and int(length) > PAGE_BODY_MAX:
        raise refusals.BodyTooLargeError(maximum_bytes=PAGE_BODY_MAX)


def _check_query(query: str, *, is_api: bool) -> None:
    if len(query) > QUERY_STRING_MAX:
        raise refusals.UriTooLongError(f"A query string may have {QUERY_STRING_MAX} characters.")
    if "%" in query or not query.isascii():
        _check_encoding(query)
    if is_api:
        named = sorted({name for part in query.split("&") for name in _secret_in(part)})
        if named:
            faults = tuple(
                FieldError("secret_in_query", "Send credentials in a header.", parameter=name)
                for name in named
            )
            raise refusals.SecretInQueryError(errors=faults)


def _secret_in(part: str) -> list[str]:
    """The parameter's name, if the name or the value is that of a credential; else nothing."""
    sent_name, _, value = part.partition("=")
    name = unquote_to_bytes(sent_name).lower().decode("ascii", "replace")
    is_secret = SECRET_VALUE.fullmatch(unquote_to_bytes(value.replace("+", " ")))
    return [name[:NAME_MAX]] if name in SECRETS or is_secret else []


def _check_encoding(query: str) -> None:
    try:
        text = unquote_to_bytes(query.encode("latin-1")).decode("utf-8")
    except UnicodeError as error:
        raise refusals.MalformedQueryError("The query string is not UTF-8.") from error
    if "\x00" in text:
        raise refusals.MalformedQueryError("The query string holds a NUL.")


def _charged(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Count an answer that no view counted against the address it goes to."""
    try:
        decision = limiter.spend(caller_of(request, None), "default")
    except refusals.LimitsUnavailableError:  # the answer that there is says more
        return response
    if not decision.allowed:
        response = answer_error(request, refusals.too_many(decision.retry_after, decision.violated))
    add_missing(response, decision.headers)
    return response


def _take_off_limits(response: HttpResponseBase) -> None:
    """A cache would tell strangers what is left to the one caller who filled it."""
    for name in LIMITS:
        if name in response.headers:
            del response.headers[name]


def has_session(path: str) -> bool:
    """Whether a path is a page, with session, CSRF and messages; API and probes have none."""
    return not (is_api_path(path) or path in PROBES)


class ForPages:
    """Makes one of Django's middlewares step aside for the API and the probes."""

    get_response: Any  # the middleware beside keeps it

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if has_session(request.path_info):
            answer: HttpResponseBase = super().__call__(request)  # type: ignore[misc] # of the middleware beside
            return answer
        passed: HttpResponseBase = self.get_response(request)
        return passed


class PagesSessionMiddleware(ForPages, SessionMiddleware):
    """Sessions, for pages."""


class PagesCsrfMiddleware(ForPages, CsrfViewMiddleware):
    """CSRF tokens, for pages; the API takes no cookie, so nobody can borrow one.

    A method that a page does not take is refused as that: no token would change it.
    """

    def process_view(  # type: ignore[override] # its stubs know no other refusal
        self,
        request: HttpRequest,
        callback: Callable[..., HttpResponseBase],
        callback_args: tuple[Any, ...],
        callback_kwargs: dict[str, Any],
    ) -> HttpResponseForbidden | HttpResponseNotAllowed | None:
        if not has_session(request.path_info):
            return None
        view = getattr(callback, "view_class", None)
        if view is not None and request.method not in (allowed := methods_of(view)):
            return HttpResponseNotAllowed(allowed)
        return super().process_view(request, callback, callback_args, callback_kwargs)


def methods_of(view: type[View]) -> list[str]:
    """What a page takes, as its Allow header says it; whoever has GET has HEAD."""
    has = {name for name in view.http_method_names if hasattr(view, name)}
    if "get" in has:
        has.add("head")
    return [name.upper() for name in view.http_method_names if name in has]


class PagesAuthenticationMiddleware(ForPages, AuthenticationMiddleware):
    """The admin's user, for pages."""


class PagesMessageMiddleware(ForPages, MessageMiddleware):
    """The admin's messages, for pages."""


class PagesFrameMiddleware(ForPages, XFrameOptionsMiddleware):
    """X-Frame-Options, for pages; every answer has it from SecurityHeadersMiddleware anyway."""
