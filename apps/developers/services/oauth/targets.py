"""Where a client may have people sent back to: which redirect URIs may be registered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Sequence

REDIRECT_URIS_MAX: Final = 10
REDIRECT_URI_MAX: Final = 500  # characters

# Host and port as they may stand in a Content-Security-Policy: nothing to be decoded or escaped.
AUTHORITY: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII
)
VISIBLE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
OURS: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})


def redirect_uri_faults(uris: Sequence[str]) -> list[FieldError]:
    """What speaks against these redirect URIs, with a pointer to each.

    RFC 6749 section 3.1.2 (absolute, no fragment), RFC 9700 section 2.1 (compared as they stand, so
    no wildcard), RFC 8252 section 7.3 (plain HTTP to loopback alone, and here only where
    settings.ALLOW_LOOPBACK_TARGETS).
    """
    if len(uris) > REDIRECT_URIS_MAX:
        return [FieldError("too_many", f"At most {REDIRECT_URIS_MAX}.", "#/redirect_uris")]
    if len(set(uris)) < len(uris):
        return [FieldError("duplicate", "One URI stands here twice.", "#/redirect_uris")]
    faults = ((place, _fault_of(uri)) for place, uri in enumerate(uris))
    return [
        FieldError("invalid_redirect_uri", fault, f"#/redirect_uris/{place}")
        for place, fault in faults
        if fault
    ]


def _fault_of(uri: str) -> str:
    """A sentence; empty when there is nothing to say against it."""
    if len(uri) > REDIRECT_URI_MAX:
        return f"At most {REDIRECT_URI_MAX} characters."
    if not VISIBLE.fullmatch(uri) or "\\" in uri:
        return "Only visible ASCII characters, without backslashes; encode the others."
    try:
        parts = urlsplit(uri)
        is_port = parts.port != 0
    except ValueError:
        return "This is no URI."
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    rules = (
        ("#" not in uri, "No fragment."),
        ("@" not in parts.netloc, "No user name or password."),
        ("*" not in parts.netloc, "No wildcard."),
        (
            is_port and AUTHORITY.fullmatch(parts.netloc) is not None,
            "A host in small letters (punycode for other scripts), and a port at most.",
        ),
        (_has_scheme(uri, parts.hostname or ""), "It must begin with https://."),
        (not OURS & names, f"These parameters are ours to add: {', '.join(sorted(OURS))}."),
    )
    return next((words for holds, words in rules if not holds), "")


def _has_scheme(uri: str, host: str) -> bool:
    if uri.startswith("https://"):
        return True
    return settings.ALLOW_LOOPBACK_TARGETS and uri.startswith("http://") and host in LOOPBACK


def origin_of(uri: str) -> str:
    """Scheme, host and port, as a Content-Security-Policy names a place."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
