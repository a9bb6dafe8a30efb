"""What an owner may hand on to a credential: which scopes, and from where it may be used."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from core.errors import FieldError
from core.security.scopes import GRANTABLE_SCOPES, SCOPES, grantable_to

if TYPE_CHECKING:
    from collections.abc import Sequence

NETWORKS_MAX = 20  # of one key
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # IPv4 in IPv6's clothes (RFC 4291 2.5.5.2)


def scope_faults(
    scopes: Sequence[str], *, is_staff: bool, pointer: str = "#/scopes"
) -> list[FieldError]:
    """What is wrong with scopes asked for a credential of an owner; nothing: an empty list."""
    grantable = grantable_to(is_staff=is_staff)
    return [
        FieldError(*_fault(scope), pointer=f"{pointer}/{place}")
        for place, scope in enumerate(scopes)
        if scope not in grantable
    ]


def _fault(scope: str) -> tuple[str, str]:
    if scope not in SCOPES:
        return "unknown_scope", f"There is no scope {scope!r}."
    if scope not in GRANTABLE_SCOPES:
        return "scope_not_grantable", "Only a person's own login may do this."
    return "scope_not_grantable", "You may not do this yourself."


def read_network(text: str) -> str:
    """An address or network in its one spelling, e.g. 203.0.113.0/24, 2001:db8::1/128.

    Bits behind the prefix are dropped. A network of IPv4-mapped addresses becomes the IPv4 network,
    which is how callers' addresses are compared. Raises ValueError.
    """
    network = ipaddress.ip_network(text, strict=False)
    mask = text.partition("/")[2]
    if "." in mask and mask != str(network.netmask):
        raise ValueError("A host mask is the opposite of what most people would read.")
    if not isinstance(network, ipaddress.IPv6Network):
        return str(network)
    if network.network_address.scope_id is not None:
        raise ValueError("A zone means nothing outside one machine.")
    mapped = network.network_address.ipv4_mapped
    if mapped is not None and network.subnet_of(MAPPED):
        return f"{mapped}/{network.prefixlen - MAPPED.prefixlen}"
    return str(network)
