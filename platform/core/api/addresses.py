"""Where a call comes from, as far as our own proxies vouch for it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from django.http import HttpRequest

IPV6_PREFIX: Final = 64  # bits; one subscriber has them all


def address_of(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """The caller's whole address; None when what is said to be one is none.

    With settings.NUM_PROXIES = n the n-th entry of X-Forwarded-For from the right is believed,
    since our own proxies wrote the last n; with 0 the header is ignored.
    """
    try:
        address = ipaddress.ip_address(_written(request).partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def client_ip(request: HttpRequest) -> str:
    """The caller's address as it is counted; of an IPv6 address the first 64 bits."""
    written = _written(request)
    if ":" not in written:  # IPv4, the most frequent case, is taken as it stands
        return written if len(written) <= len("255.255.255.255") else "unknown"
    address = address_of(request)
    if address is None:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((address, IPV6_PREFIX), strict=False).network_address)


def _written(request: HttpRequest) -> str:
    address: str = request.META.get("REMOTE_ADDR", "")
    hops = settings.NUM_PROXIES
    if hops:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        address = forwarded[-min(hops, len(forwarded))].strip() or address
    return address
