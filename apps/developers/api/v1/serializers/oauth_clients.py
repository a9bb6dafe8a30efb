"""OAuth clients and what people have authorised, in and out; a secret goes out once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from apps.developers.api.v1.serializers.applications import ApplicationOut, check_printable
from apps.developers.models.applications import NAME_MAX, SCOPE_MAX
from apps.developers.selectors.oauth import Authorization
from apps.developers.services.oauth.clients import GRANTS
from apps.developers.services.oauth.targets import REDIRECT_URI_MAX, REDIRECT_URIS_MAX
from core.api.expansion import Expansion
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from apps.developers.services.oauth import ClientWithSecret

SCOPES_MAX = 50  # more than there are
NAME_OF_GRANT = {stored: name for name, stored in GRANTS.items()}


def _redirect_uris(**options: Any) -> serializers.ListField:  # noqa: ANN401 - the field's own
    return serializers.ListField(
        child=serializers.CharField(max_length=REDIRECT_URI_MAX, trim_whitespace=False),
        max_length=REDIRECT_URIS_MAX,
        help_text="Where people are sent back to: https, compared character by character.",
        **options,
    )


def _scopes(**options: Any) -> serializers.ListField:  # noqa: ANN401 - the field's own
    return serializers.ListField(
        child=serializers.CharField(max_length=SCOPE_MAX),
        allow_empty=False,
        max_length=SCOPES_MAX,
        help_text="The most its tokens may do; some of what you may hand on yourself.",
        **options,
    )


class ClientIn(InputSerializer[None]):
    name = serializers.CharField(
        max_length=NAME_MAX,
        validators=[check_printable],
        help_text="What it is for, e.g. web shop; you read it, people read the application's.",
    )
    grant = serializers.ChoiceField(
        choices=sorted(GRANTS),
        help_text="authorization_code: for people, who consent; client_credentials: for itself.",
    )
    client_type = serializers.ChoiceField(
        choices=["confidential", "public"],
        help_text="confidential: it can keep a secret; public: a program in people's hands.",
    )
    redirect_uris = _redirect_uris(required=False, default=list)
    scopes = _scopes()


class ClientPatchIn(InputSerializer[None]):
    name = serializers.CharField(max_length=NAME_MAX, required=False, validators=[check_printable])
    redirect_uris = _redirect_uris(required=False)
    scopes = _scopes(required=False)


class ClientOut(OutputSerializer[Any]):
    """What is known of a client. Its secret is not."""

    expandable = {
        "application": Expansion(ApplicationOut, "applications:read", source="belongs_to")
    }

    id = serializers.UUIDField()
    application_id = serializers.UUIDField(source="belongs_to_id")
    client_id = serializers.CharField(help_text="What it calls itself; no secret.")
    name = serializers.CharField()
    grant = ComputedField(
        NAME_OF_GRANT.__getitem__,
        of=("authorization_grant_type",),
        shape=serializers.CharField(),
        help_text=f"{' or '.join(sorted(GRANTS))}.",
    )
    client_type = serializers.CharField(help_text="confidential or public.")
    redirect_uris = ComputedField(
        str.split,
        of=("redirect_uris",),
        shape=serializers.ListField(child=serializers.CharField()),
    )
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ClientWithSecretOut(ClientOut):
    """A client just made, or one with another secret: the only answers that ever hold one."""

    expandable = {}

    client_secret = serializers.CharField(
        allow_null=True, help_text="Shown this once; null: a public client has none."
    )

    def to_representation(self, instance: ClientWithSecret) -> dict[str, object]:
        document = ClientOut(instance.client).data
        return {**document, "client_secret": instance.secret or None}


class AuthorizationOut(OutputSerializer[Authorization]):
    """An application that may act for you."""

    application_id = serializers.UUIDField()
    application_name = serializers.CharField()
    application_description = serializers.CharField()
    website = serializers.CharField(help_text="Empty when there is none.")
    owner_username = serializers.CharField(help_text="Who made it.")
    scopes = serializers.ListField(child=serializers.CharField(), help_text="What it may do.")
    given_at = serializers.DateTimeField(help_text="Since when, without a break.")
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="When it last got a token; null: never."
    )


class AuthorizationsOut(OutputSerializer[dict[str, list[Authorization]]]):
    """All of them: people allow few."""

    results = AuthorizationOut(many=True)
