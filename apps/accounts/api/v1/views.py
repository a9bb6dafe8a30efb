"""HTTP in, one call inward, HTTP out: registering, logins, oneself, others' profiles."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.accounts import selectors, services
from apps.accounts.api.v1 import examples
from apps.accounts.api.v1.serializers import (
    ConfirmationIn,
    EmailIn,
    EmailOut,
    LoginIn,
    LoginOut,
    MeIn,
    MeOut,
    PasswordIn,
    ProfileOut,
    RefreshIn,
    RegistrationIn,
    RegistrationOut,
    TokenOut,
)
from apps.accounts.services import Origin
from core.api.conditional import check_version, expected_versions
from core.api.serializers import validated
from core.api.addresses import client_ip
from core.api.viewsets import PUBLIC, ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

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
    """Takes secrets: few calls, small bodies, and no answer is kept to be replayed."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": PUBLIC}
    limit_scope = "credentials"
    idempotency: ClassVar = {"post": "ignored"}


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

        A taken username is refused with `taken`. An e-mail address that belongs to an account gets
        the same answer as any other, and its owner a mail; nothing else happens.
        """
        data = validated(RegistrationIn, request)
        registration = services.register_user(
            username=data["username"],
            email=data["email"],
            password=data["password"],
            display_name=data["display_name"],
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


class EmailConfirmationView(CredentialsView):
    @extend_schema(
        operation_id="confirm_email",
        summary="Confirm an e-mail address",
        request=ConfirmationIn,
        responses={204: None},
        examples=examples.CONFIRM_EMAIL,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Prove that an address is yours with the text mailed to it; it works for three days."""
        data = validated(ConfirmationIn, request)
        services.confirm_email(confirmation=data["confirmation"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


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
        check = partial(check_version, expected=expected_versions(request))
        user = services.update_profile(
            user_id=request.auth.user_id, changes=validated(MeIn, request), check=check
        )
        return Response(MeOut(self.conditional(user)).data)


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


class MeEmailView(CredentialsView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "profile:write"}

    @extend_schema(
        operation_id="change_email",
        summary="Ask for another e-mail address",
        request=EmailIn,
        responses={202: EmailOut},
        examples=examples.CHANGE_EMAIL,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Have a confirmation sent to an address; it becomes yours when it is confirmed."""
        data = validated(EmailIn, request)
        user = services.request_email_change(
            user_id=request.auth.user_id,
            address=data["email"],
            current_password=data["current_password"],
        )
        return Response(EmailOut(user).data, status=status.HTTP_202_ACCEPTED)


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
