"""May this caller do this: scopes first, denied where a view names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from rest_framework.permissions import BasePermission

from core.api.refusals import InsufficientScopeError, ReadOnlyError, StaffOnlyError
from core.errors import ForbiddenError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request
    from rest_framework.views import APIView

    from core.security.principal import Principal

PUBLIC: Final = "public"  # in a view's required_scopes: anyone, with or without a credential


class OrAnonymous(str):
    """In a view's required_scopes: anyone without a credential, and whoever carries the scope."""

    __slots__ = ()


MISSING: Final = object()
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_open(scope: object) -> bool:
    """Whether somebody without a credential may call what needs this."""
    return scope is PUBLIC or isinstance(scope, OrAnonymous)


def principal_of(request: Request) -> Principal:
    """Who is calling. Raises UnauthenticatedError when nobody says so."""
    principal = request.auth
    if principal is None:
        raise UnauthenticatedError
    return cast("Principal", principal)


class HasRequiredScopes(BasePermission):
    """The view's `required_scopes` has an entry for what is asked, and the credential carries it.

    An entry of None means any credential; no entry means that nobody may.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        scopes: Mapping[str, str | None] = getattr(view, "required_scopes", {})
        scope: Any = scopes.get(getattr(view, "operation", ""), MISSING)
        if scope is PUBLIC:
            return True
        if isinstance(scope, OrAnonymous) and request.auth is None:
            return True
        principal = principal_of(request)
        if scope is MISSING:
            raise ForbiddenError("This operation is open to no credential.")
        if principal.read_only and request.method not in READING:
            raise ReadOnlyError
        if scope is not None and scope not in principal.scopes:
            raise InsufficientScopeError(
                f"This operation needs the scope {scope}.", required_scope=scope
            )
        return True


class IsStaff(BasePermission):
    """The caller belongs to the platform's staff, beside carrying the scope."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        if not principal_of(request).is_staff:
            raise StaffOnlyError
        return True
