"""Passwords: changing one's own, and getting back in without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api.v1 import examples
from apps.accounts.api.v1.serializers import (
    LoginOut,
    PasswordIn,
    ResetIn,
    ResetRequestIn,
    ResetRequestOut,
)
from apps.accounts.api.v1.views.common import CredentialsView, origin_of
from core.api.serializers import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.viewsets import ApiRequest


class MePasswordView(CredentialsView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "profile:write"}

    @extend_schema(
        operation_id="change_password",
        summary="Change your password",
        request=PasswordIn,
        responses={200: LoginOut},
        examples=examples.CHANGE_PASSWORD,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Set a new password.

        Every login ends, this one too, and its access tokens die within 5 seconds. The answer is a
        new login.
        """
        data = validated(PasswordIn, request)
        tokens = services.change_password(
            current_password=data["current_password"],
            new_password=data["new_password"],
            actor=request.auth,
            origin=origin_of(request),
            now=timezone.now(),
        )
        return Response(LoginOut(tokens).data)


class PasswordResetView(CredentialsView):
    @extend_schema(
        operation_id="request_password_reset",
        summary="Ask for a password reset",
        request=ResetRequestIn,
        responses={202: ResetRequestOut},
        examples=examples.REQUEST_RESET,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Have a link mailed to an address, if it is the confirmed address of an account.

        The answer is the same for every address. Five an hour for one address, 20 from one IP
        address; then 429.
        """
        data = validated(ResetRequestIn, request)
        services.request_password_reset(email=data["email"], ip=origin_of(request).ip)
        return Response(ResetRequestOut(data).data, status=status.HTTP_202_ACCEPTED)


class PasswordResetConfirmView(CredentialsView):
    @extend_schema(
        operation_id="reset_password",
        summary="Set a new password with the text from the mail",
        request=ResetIn,
        responses={204: None},
        examples=examples.RESET,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Choose a new password. The text works once, within an hour.

        Every login of the account ends, and its access tokens die within 5 seconds. API keys go on
        working, and applications that were given access keep it.
        """
        data = validated(ResetIn, request)
        services.reset_password(token=data["token"], password=data["password"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
