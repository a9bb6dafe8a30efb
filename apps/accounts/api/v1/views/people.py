"""Oneself, one's credential, and others as everybody sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts import selectors, services
from apps.accounts.api.v1 import examples
from apps.accounts.api.v1.serializers import MeIn, MeOut, ProfileOut, TokenOut
from core.api.serializers import validated
from core.api.viewsets import PUBLIC, ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from core.api.viewsets import ApiRequest


class MeView(ApiView):
    """Oneself."""

    has_etag = True
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": "profile:read",
        "patch": "profile:write",
    }

    @extend_schema(
        operation_id="show_me",
        summary="Read your profile",
        responses={200: MeOut},
        examples=examples.SHOW_ME,
        tags=["accounts"],
    )
    def get(self, request: ApiRequest) -> Response:
        """Everything that you may know about yourself."""
        user = selectors.get_caller(request.auth.user_id)
        return Response(MeOut(self.conditional(user)).data)

    @extend_schema(
        operation_id="change_me",
        summary="Change your profile",
        request=MeIn,
        responses={200: MeOut},
        examples=examples.CHANGE_ME,
        tags=["accounts"],
    )
    def patch(self, request: ApiRequest) -> Response:
        """Change what everybody may know about you; fields that are not sent stay as they are.

        With `If-Match`, only if nobody has changed it since you read it.
        """
        user_id = request.auth.user_id
        user = services.update_profile(
            user_id=user_id,
            changes=validated(MeIn, request),
            check=self.precondition(lambda: selectors.get_caller(user_id)),
        )
        return Response(MeOut(self.conditional(user)).data)


class MeTokenView(ApiView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": None}

    @extend_schema(
        operation_id="show_token",
        summary="What this credential may do",
        responses={200: TokenOut},
        examples=examples.SHOW_TOKEN,
        tags=["accounts"],
    )
    def get(self, request: ApiRequest) -> Response:
        """Whose the credential of this call is, what it may do, and until when."""
        return Response(TokenOut(request.auth).data)


class UserView(ApiView):
    """Somebody, as everybody sees them."""

    has_etag = True
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": PUBLIC}

    @extend_schema(
        operation_id="show_user",
        summary="Read somebody's public profile",
        responses={200: ProfileOut},
        examples=examples.SHOW_PROFILE,
        tags=["accounts"],
    )
    def get(self, request: ApiRequest, user_id: UUID) -> Response:
        """A public profile. Somebody deactivated answers 404, as if they did not exist."""
        user = selectors.get_active_user(user_id)
        return Response(ProfileOut(self.conditional(user, variant="public")).data)
