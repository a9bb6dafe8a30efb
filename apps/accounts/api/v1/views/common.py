"""What views that take secrets share, and where a call comes from."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, ClassVar

from apps.accounts.services import Origin
from core.api.addresses import client_ip
from core.api.viewsets import PUBLIC, ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.viewsets import ApiRequest


def origin_of(request: ApiRequest) -> Origin:
    """Where a call comes from; without an address when what is said to be one is none."""
    address = client_ip(request._request)  # noqa: SLF001 - DRF's own way to Django's request
    try:
        ip = str(ipaddress.ip_address(address))
    except ValueError:
        ip = None
    agent = request.META.get("HTTP_USER_AGENT", "")
    return Origin(ip=ip, user_agent="".join(c for c in agent if c.isprintable()))


class CredentialsView(ApiView):
    """Takes secrets: few calls, and no answer is kept to be replayed."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": PUBLIC}
    limit_scope = "credentials"
    idempotency: ClassVar = {"post": "ignored"}
