"""Who is calling, as views, limits, logs and audit all see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from ipaddress import IPv4Network, IPv6Network
    from uuid import UUID

    Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credential was checked without a query.

    Attributes:
        user_id: whose data it is; for an application's own token, the application's owner.
        username: for logs and pages.
        application_id: the calling application; None for a person's own login.
        scopes: what this credential may do.
        plan: name of the plan that limits apply.
        is_staff: may see the admin and staff-only operations.
        credential: kind of credential: "jwt", "api_key", "oauth", "device".
        credential_id: id of the credential, e.g. a JWT's jti.
        family_id: the login a token descends from; None where there is none.
        issued_at: aware, UTC; compared with revocations.
        expires_at: aware, UTC; None: the credential does not run out by itself.
        owner_id: the application's owner, who is billed; None for a person's own login.
        application_name: for pages and logs; empty for a person's own login.
        read_only: may only read, whatever the scopes say.
        networks: where the credential may be used from; empty: anywhere.
    """

    user_id: UUID
    username: str
    application_id: UUID | None
    scopes: frozenset[str]
    plan: str
    is_staff: bool
    credential: str
    credential_id: str
    family_id: UUID | None
    issued_at: datetime
    expires_at: datetime | None
    owner_id: UUID | None = None
    application_name: str = ""
    read_only: bool = False
    networks: tuple[Network, ...] = ()

    @property
    def account_id(self) -> UUID:
        """Who is billed, and who may see what was called: the application's owner, or the user."""
        return self.owner_id or self.user_id


@dataclass(frozen=True, slots=True)
class PrincipalUser:
    """What DRF calls request.user: enough to be authenticated, no row behind it."""

    principal: Principal
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True

    @property
    def pk(self) -> UUID:
        return self.principal.user_id

    @property
    def is_staff(self) -> bool:
        return self.principal.is_staff

    def __str__(self) -> str:
        return self.principal.username
