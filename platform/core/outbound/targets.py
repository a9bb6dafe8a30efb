"""What a URL must be like to be called, and which of its addresses are dialled.

The rules are those of OWASP's SSRF prevention cheat sheet: the name is resolved once, every address
must be public, and the connection goes to an address that was looked at, never to the name again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings

from core.outbound.addresses import is_loopback, is_public
from core.outbound.errors import UrlNotAllowedError
from core.outbound.resolver import shared_lookups

if TYPE_CHECKING:
    from collections.abc import Sequence

URL_MAX: Final = 2_048  # characters
DIALLED_MAX: Final = 3  # addresses of one name that are tried
RESOLVE_SECONDS: Final = 5.0  # for a name, when a URL is saved

VISIBLE: Final = re.compile(r"[\x21-\x7e]*", re.ASCII)
HOST: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
# What a browser takes for an IPv4 address in one of its older spellings (WHATWG URL, "ends in a
# number"): 127.1, 0177.0.0.1, 0x7f.1, 2130706433.
NUMBER: Final = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.ASCII)
HOST_MAX: Final = 253  # characters of a name, RFC 1035 section 2.3.4
PORTS: Final = {"https": 443, "http": 80}

NOT_PUBLIC: Final = "Its host has no address, or not only public ones."


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart.

    Attributes:
        url: as it was given.
        scheme: https; http to loopback in development.
        host: as in SNI and Host: ASCII, small letters; an IPv6 address without its brackets.
        port: TCP.
        path: the request target with its query.
        addresses: what may be dialled, in this order; empty until a resolver has been asked.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...] = ()

    @property
    def authority(self) -> str:
        """The value of Host: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def check_target(url: str) -> Target:
    """Judge a URL that is to be saved. Asks a name server: not inside a transaction.

    Raises:
        UrlNotAllowedError: it may not be called, in words that tell nothing about addresses.
    """
    target = parse_url(url)
    if is_address(target.host):
        return admit(target, [target.host])
    try:
        addresses = shared_lookups().wait(target.host, seconds=RESOLVE_SECONDS)
    except OSError as error:
        raise UrlNotAllowedError(NOT_PUBLIC) from error
    return admit(target, addresses)


def parse_url(url: str) -> Target:
    """What can be said of a URL without asking anybody. Raises UrlNotAllowedError."""
    if len(url) > URL_MAX:
        raise UrlNotAllowedError(f"At most {URL_MAX} characters.")
    parts = _split(url)
    host = _host_of(parts)
    target = Target(url, parts.scheme, host, _port_of(parts), _path_of(parts))
    _refuse_ourselves(target)
    return target


def admit(target: Target, addresses: Sequence[str]) -> Target:
    """The target with the addresses that its name has. Raises UrlNotAllowedError for one bad one.

    Plain HTTP, and other ports, lead to loopback alone, and only where a developer has said so.
    """
    if not addresses:
        raise UrlNotAllowedError(NOT_PUBLIC)
    if settings.ALLOW_LOOPBACK_TARGETS and all(is_loopback(address) for address in addresses):
        return replace(target, addresses=tuple(addresses[:DIALLED_MAX]))
    if target.scheme != "https":
        raise UrlNotAllowedError("It must begin with https://.")
    if target.port not in settings.WEBHOOK_PORTS:
        ports = ", ".join(str(port) for port in settings.WEBHOOK_PORTS)
        raise UrlNotAllowedError(f"Its port must be one of {ports}.")
    if not all(is_public(address) for address in addresses):
        raise UrlNotAllowedError(NOT_PUBLIC)
    return replace(target, addresses=tuple(addresses[:DIALLED_MAX]))


def is_address(host: str) -> bool:
    """Whether a host of a Target is an IP address rather than a name."""
    return ":" in host or NUMBER.fullmatch(host) is not None


def _split(url: str) -> SplitResult:
    # Before urlsplit, which strips tabs and line ends without a word.
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise UrlNotAllowedError("No blanks, control characters or backslashes.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UrlNotAllowedError("This is no URL.") from error
    schemes = ("https", "http") if settings.ALLOW_LOOPBACK_TARGETS else ("https",)
    rules = (
        (url.startswith(tuple(f"{scheme}://" for scheme in schemes)), "It must begin https://."),
        ("#" not in url, "It may not have a fragment."),
        ("@" not in parts.netloc, "It may not have a user name or password."),
        (VISIBLE.fullmatch(parts.path + parts.query), "Percent-encode what is not ASCII."),
    )
    for holds, words in rules:
        if not holds:
            raise UrlNotAllowedError(words)
    return parts


def _host_of(parts: SplitResult) -> str:
    """Small letters, ASCII: a name, a dotted quad, or an IPv6 address without brackets."""
    if parts.netloc.startswith("["):
        return _address_6(parts.hostname or "")
    host = _in_ascii(parts.hostname or "")
    if NUMBER.fullmatch(host):
        return _address_4(host)
    if len(host) > HOST_MAX or not HOST.fullmatch(host):
        raise UrlNotAllowedError("Its host is no name that can be looked up.")
    if "." not in host and not (settings.ALLOW_LOOPBACK_TARGETS and host == "localhost"):
        raise UrlNotAllowedError("Its host must be a full name, with a dot.")
    return host


def _in_ascii(host: str) -> str:
    """IDNA 2008 with UTS 46, so that full-width digits become what they look like."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise UrlNotAllowedError("Its host is no international domain name.") from error


def _address_4(host: str) -> str:
    try:
        return str(IPv4Address(host))  # strict: four decimal numbers, no leading noughts
    except ValueError as error:
        raise UrlNotAllowedError("Write an IPv4 address as four decimal numbers.") from error


def _address_6(host: str) -> str:
    try:
        if "%" in host:
            raise UrlNotAllowedError("No scope in an IPv6 address.")
        return str(IPv6Address(host))
    except ValueError as error:
        raise UrlNotAllowedError("Its host is no IPv6 address.") from error


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise UrlNotAllowedError("Its port is no number from 1 to 65535.") from error
    if port == 0:
        raise UrlNotAllowedError("Its port is no number from 1 to 65535.")
    return PORTS[parts.scheme] if port is None else port


def _path_of(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _refuse_ourselves(target: Target) -> None:
    """The platform calling itself would go round in circles, with the caller's address lost."""
    ours = urlsplit(settings.PUBLIC_URL)
    here = is_loopback(target.host) or target.host == "localhost"
    if target.host == ours.hostname and not here:
        raise UrlNotAllowedError("That is this platform itself.")
    if here and target.port in {ours.port, settings.PORT}:
        raise UrlNotAllowedError("That is this platform itself.")
