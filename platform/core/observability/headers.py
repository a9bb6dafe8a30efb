"""Headers that tell a browser what it may do with an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    HeaderStore = dict[str, tuple[str, str]]

COMMON: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# An answer of the API is data: nothing in it may be loaded, framed or run.
API: Final = {
    **COMMON,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Authorization, Origin",
}
# With an ETag the caller may keep what was read, and asks before each use; what a write answers may
# hold a secret.
REVALIDATED: Final = "private, no-cache"
READS: Final = frozenset({"GET", "HEAD"})
# The admin and the documentation load their own files alone. Swagger UI and ReDoc put styles into
# the page and ReDoc searches in a worker made from a blob.
PAGES: Final = {
    **COMMON,
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Passwords and consents are given here: no script at all, and nothing stays in a cache.
PRIVATE_PAGES: Final = {
    **PAGES,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}

API_PREFIXES: Final = ("/api/v1", *settings.PROTOCOL_PREFIXES)
# JSON beside the API: OAuth 2.0 for programs, and what it says of itself (RFC 8414).
DOCUMENTS: Final = ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/.well-known/")
PRIVATE: Final = ("/account/", "/oauth/")


class SecurityHeadersMiddleware:
    """Adds what an answer does not say itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        path = request.path_info
        if not path.startswith(API_PREFIXES):
            add_missing(response, _headers_beside_the_api(path))
        elif "etag" in response.headers and request.method in READS:
            add_missing(response, REVALIDATED_HEADERS)
        else:
            add_missing(response, API_HEADERS)
        return response


def _headers_beside_the_api(path: str) -> HeaderStore:
    if path.startswith(DOCUMENTS):
        return API_HEADERS
    return PRIVATE_HEADERS if path.startswith(PRIVATE) else PAGES_HEADERS


def prepare(headers: Mapping[str, str]) -> HeaderStore:
    """Headers in the form that Django keeps them in, for `add_missing`."""
    return {name.lower(): (name, value) for name, value in headers.items()}


def add_missing(response: HttpResponseBase, headers: HeaderStore) -> None:
    """Add prepared headers that the answer does not have.

    One merge of two dicts instead of a check and a conversion a header: ten microseconds of every
    request. The values must be ASCII without line breaks, since nothing checks them here.
    """
    kept = response.headers
    kept._store = {**headers, **kept._store}  # noqa: SLF001 - Django offers no way to add several


API_HEADERS: Final = prepare(API)
REVALIDATED_HEADERS: Final = prepare({**API, "Cache-Control": REVALIDATED})
PAGES_HEADERS: Final = prepare(PAGES)
PRIVATE_HEADERS: Final = prepare(PRIVATE_PAGES)
