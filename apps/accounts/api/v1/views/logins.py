"""Becoming somebody, and staying so: registering, logging in, refreshing, logging out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api.v1 import examples
from apps.accounts.api.v1.serializers import (
    LoginIn,
    LoginOut,
    RefreshIn,
    RegistrationIn,
    RegistrationOut,
)
from apps.accounts.api.v1.views.common import CredentialsView, origin_of
from core.api.serializers import validated

if TYPE_CHECKING:
    from core.api.viewsets import ApiRequest


class RegisterView(CredentialsView):
    @extend_schema(
        operation_id="register",
        summary="Register",
        request=RegistrationIn,
        responses={201: RegistrationOut},
        examples=examples.REGISTER,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Make an account.

        A taken username is refused with `taken`. An e-mail address becomes the account's when it is
        confirmed with the text mailed to it; one that somebody has confirmed before gets the same
        answer, and its owner another mail. One IP address makes 20 accounts an hour, and one e-mail
        address is given five times.
        """
        data = validated(RegistrationIn, request)
        registration = services.register_user(
            username=data["username"],
            email=data["email"],
            password=data["password"],
            display_name=data["display_name"],
            ip=origin_of(request).ip,
            now=timezone.now(),
        )
        return Response(RegistrationOut(registration).data, status=status.HTTP_201_CREATED)


class LoginView(CredentialsView):
    @extend_schema(
        operation_id="log_in",
        summary="Log in",
        request=LoginIn,
        responses={200: LoginOut, **examples.WRONG_CREDENTIALS},
        examples=examples.LOGIN,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Start a login.

        After ten wrong passwords for one name, or a hundred from one address, even the right one
        answers 429 for 15 minutes. An unknown name answers as a wrong password does.
        """
        data = validated(LoginIn, request)
        tokens = services.log_in(
            identifier=data["username"],
            password=data["password"],
            origin=origin_of(request),
            now=timezone.now(),
        )
        return Response(LoginOut(tokens).data)


class RefreshView(CredentialsView):
    @extend_schema(
        operation_id="refresh_login",
        summary="Exchange a refresh token for the next pair",
        request=RefreshIn,
        responses={200: LoginOut, **examples.WRONG_TOKEN},
        examples=examples.REFRESH_LOGIN,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Stay logged in.

        A refresh token works once. Sent a second time it answers `token_reused` and ends its login,
        because one of the two senders is not its owner.
        """
        data = validated(RefreshIn, request)
        tokens = services.refresh_login(refresh=data["refresh"], now=timezone.now())
        return Response(LoginOut(tokens).data)


class LogoutView(CredentialsView):
    @extend_schema(
        operation_id="log_out",
        summary="Log out",
        request=RefreshIn,
        responses={204: None, **examples.WRONG_TOKEN},
        examples=examples.LOGOUT,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """End the login that a refresh token belongs to; its access tokens die within 5 seconds."""
        data = validated(RefreshIn, request)
        services.log_out(refresh=data["refresh"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
