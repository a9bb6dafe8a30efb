"""Which IP addresses belong to the public Internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    Address = IPv4Address | IPv6Address

# IANA's registries of special-purpose addresses (RFC 6890), as of 2026. `ipaddress.is_global` says
# nearly the same, but not the same in every release of Python, and no is never yes here.
REFUSED_4: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's metadata and agent, at a public address
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Whatever carries an IPv4 address inside (mapped, NAT64, 6to4, Teredo) lies outside of these or is
# refused below: a gateway would take it to where we refuse to go.
ALLOWED_6: Final = ip_network("2000::/3")
REFUSED_6: Final = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)


def is_public(text: str) -> bool:
    """Whether an address as text may be called; what is no address, or has a scope id, may not."""
    address = _parse(text)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in REFUSED_4)
    if isinstance(address, IPv6Address):
        return (
            address.is_global
            and address in ALLOWED_6
            and not any(address in network for network in REFUSED_6)
        )
    return False


def is_loopback(text: str) -> bool:
    """Whether an address as text is this machine's own: 127.0.0.0/8 or ::1."""
    address = _parse(text)
    return address is not None and address.is_loopback and _mapped(address) is None


def _parse(text: str) -> Address | None:
    try:
        return ip_address(text) if "%" not in text else None
    except ValueError:
        return None


def _mapped(address: Address) -> IPv4Address | None:
    return address.ipv4_mapped if isinstance(address, IPv6Address) else None
