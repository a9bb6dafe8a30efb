"""Why a URL that somebody named is not called."""

from __future__ import annotations

from core.errors import InvalidError


class UrlNotAllowedError(InvalidError):
    """The URL is not one that the platform will call.

    It must begin with `https://`, use port 443 or 8443, hold neither user name nor fragment, and
    its host must be a public one: every address that its name has now is looked at, and again
    before each call. Redirects are not followed.
    """

    code = "url_not_allowed"
    title = "The platform will not call this URL."
