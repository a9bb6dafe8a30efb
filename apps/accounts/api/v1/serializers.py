"""Shapes of version 1: what clients send about themselves, and what they get back."""

from __future__ import annotations

from collections.abc import Mapping

from rest_framework import serializers

from apps.accounts.models import User
from apps.accounts.models.naming import EMAIL_MAX, USERNAME_MAX, USERNAME_RULE
from apps.accounts.models.user import BIO_MAX, DISPLAY_NAME_MAX
from apps.accounts.services import LoginTokens, Registration
from core.api.serializers import InputSerializer, OutputSerializer
from core.limits import PASSWORD_MAX
from core.security.principal import Principal

TOKEN_MAX = 4_096  # characters
CONFIRMATION_MAX = 1_024  # characters


def password_field(help_text: str) -> serializers.CharField:
    """A password is taken to the letter: spaces around it are part of it."""
    return serializers.CharField(
        max_length=PASSWORD_MAX,
        trim_whitespace=False,
        write_only=True,
        help_text=help_text,
        style={"input_type": "password"},
    )


class RegistrationIn(InputSerializer[None]):
    username = serializers.CharField(max_length=USERNAME_MAX, help_text=USERNAME_RULE)
    email = serializers.CharField(
        max_length=EMAIL_MAX,
        required=False,
        allow_blank=True,
        default="",
        help_text="Optional. Yours, and a name to log in with, once it is confirmed.",
    )
    password = password_field(
        "At least 8 characters, not a common password, without the username or the name in the "
        "address."
    )
    display_name = serializers.CharField(
        max_length=DISPLAY_NAME_MAX,
        required=False,
        allow_blank=True,
        default="",
        help_text="Public; any script.",
    )


class RegistrationOut(OutputSerializer[Registration]):
    """What was asked for. It has no id: `GET /me` does, for whoever has logged in."""

    username = serializers.CharField(help_text="As it is stored.")
    email = serializers.CharField(
        help_text="Waits to be confirmed as `pending_email` of `GET /me`; empty: none was given."
    )
    display_name = serializers.CharField()


class LoginIn(InputSerializer[None]):
    username = serializers.CharField(
        max_length=EMAIL_MAX, help_text="A username, or an e-mail address that was confirmed."
    )
    password = password_field("The account's password.")


class LoginOut(OutputSerializer[LoginTokens]):
    access = serializers.CharField(help_text="For `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Works once, at `POST /token/refresh`; 14 days.")
    token_type = serializers.CharField(help_text="Always Bearer.")
    expires_in = serializers.IntegerField(help_text="Seconds until the access token runs out.")


class RefreshIn(InputSerializer[None]):
    refresh = serializers.CharField(
        max_length=TOKEN_MAX, help_text="The newest refresh token of the login."
    )


class PasswordIn(InputSerializer[None]):
    current_password = password_field("The password that works now.")
    new_password = password_field("The one that shall work from now on.")


class EmailIn(InputSerializer[None]):
    email = serializers.CharField(max_length=EMAIL_MAX, help_text="The address you want.")
    current_password = password_field("The account's password.")


class EmailOut(OutputSerializer[User]):
    pending_email = serializers.CharField(help_text="Becomes `email` when it is confirmed.")


class ConfirmationIn(InputSerializer[None]):
    confirmation = serializers.CharField(
        max_length=CONFIRMATION_MAX, help_text="The text from the mail."
    )


class ResetRequestIn(InputSerializer[None]):
    email = serializers.CharField(
        max_length=EMAIL_MAX, help_text="The confirmed address of your account."
    )


class ResetRequestOut(OutputSerializer[Mapping[str, str]]):
    """What was asked for, and no word on whether anybody has this address."""

    email = serializers.CharField(help_text="As it was sent.")


class ResetIn(InputSerializer[None]):
    token = serializers.CharField(max_length=CONFIRMATION_MAX, help_text="The text from the mail.")
    password = password_field("The one that shall work from now on.")


class MeIn(InputSerializer[None]):
    display_name = serializers.CharField(
        max_length=DISPLAY_NAME_MAX, required=False, allow_blank=True, help_text="Public."
    )
    bio = serializers.CharField(
        max_length=BIO_MAX, required=False, allow_blank=True, help_text="Public; a few words."
    )


class ProfileOut(OutputSerializer[User]):
    """What everybody may know about somebody."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    bio = serializers.CharField()
    created_at = serializers.DateTimeField(help_text="When the account was made.")


class MeOut(ProfileOut):
    """What only the user themself sees, beside their profile."""

    email = serializers.CharField(help_text="The confirmed address; empty while there is none.")
    email_verified_at = serializers.DateTimeField(
        allow_null=True, help_text="When `email` was confirmed; null while there is none."
    )
    pending_email = serializers.CharField(help_text="Waits to be confirmed; usually empty.")
    is_staff = serializers.BooleanField(help_text="Whether staff-only operations are open.")
    updated_at = serializers.DateTimeField()


class TokenOut(OutputSerializer[Principal]):
    """What the credential of this very call is and may do."""

    credential = serializers.CharField(help_text="jwt, api_key, oauth or device.")
    user_id = serializers.UUIDField()
    username = serializers.CharField()
    application_id = serializers.UUIDField(
        allow_null=True, help_text="Null for a person's own login."
    )
    application_name = serializers.CharField(help_text="Empty for a person's own login.")
    scopes = serializers.ListField(child=serializers.CharField(), help_text="In order of name.")
    plan = serializers.CharField(help_text="Whose limits apply.")
    is_staff = serializers.BooleanField()
    read_only = serializers.BooleanField(  # type: ignore[assignment] # DRF takes fields off the class
        help_text="Only GET and HEAD, whatever the scopes."
    )
    networks = serializers.ListField(
        child=serializers.CharField(), help_text="Where it may be used from; empty: anywhere."
    )
    issued_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Null: never.")

    def to_representation(self, instance: Principal) -> dict[str, object]:
        document: dict[str, object] = super().to_representation(instance)
        return {**document, "scopes": sorted(instance.scopes)}
