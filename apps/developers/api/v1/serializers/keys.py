"""API keys, in and out; the key itself goes out once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from rest_framework import serializers

from apps.developers.api.v1.serializers.applications import ApplicationOut, check_printable
from apps.developers.models.applications import NAME_MAX, SCOPE_MAX
from apps.developers.selectors.applications import EXPIRED, LIVE, REVOKED, state_at
from apps.developers.services.granting import NETWORKS_MAX, read_network
from apps.developers.services.keys import OVERLAP_DEFAULT, OVERLAP_MAX, IssuedKey
from core.api.expansion import Expansion
from core.api.serializers import ComputedField, InputSerializer, InstantField, OutputSerializer

if TYPE_CHECKING:
    from datetime import datetime

NETWORK_TEXT_MAX: Final = 64  # characters; the longest spelling of an IPv6 network has 49
SCOPES_MAX: Final = 50  # more than there are


class NetworkField(serializers.CharField):
    """An address or a network in CIDR notation, IPv4 or IPv6, in its one spelling."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the field's own
        super().__init__(max_length=NETWORK_TEXT_MAX, **options)

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 - DRF's signature
        text = super().to_internal_value(data)
        try:
            return read_network(text)
        except ValueError:
            raise serializers.ValidationError(
                "An address or network, e.g. 203.0.113.0/24 or 2001:db8::/32.",
                code="invalid_network",
            ) from None


class NetworksField(serializers.ListField):
    """Networks; one that is said twice counts once."""

    child = NetworkField()

    def to_internal_value(self, data: Any) -> list[Any]:  # noqa: ANN401 - DRF's signature
        """Counted before it is read: DRF would read a hundred thousand first."""
        if isinstance(data, list) and len(data) > NETWORKS_MAX:
            raise serializers.ValidationError(f"At most {NETWORKS_MAX}.", code="max_length")
        return list(dict.fromkeys(super().to_internal_value(data)))


def scopes_field(*, required: bool) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=SCOPE_MAX),
        required=required,
        allow_empty=False,
        max_length=SCOPES_MAX,
        help_text="What it may do; some of what you may hand on yourself.",
    )


def networks_field(**options: Any) -> NetworksField:  # noqa: ANN401 - the field's own
    return NetworksField(
        required=False,
        max_length=NETWORKS_MAX,
        help_text=f"Where it may be used from, at most {NETWORKS_MAX}; empty: anywhere.",
        **options,
    )


class KeyIn(InputSerializer[None]):
    name = serializers.CharField(
        max_length=NAME_MAX,
        validators=[check_printable],
        help_text="What it is for, e.g. nightly import.",
    )
    scopes = scopes_field(required=True)
    read_only = serializers.BooleanField(  # type: ignore[assignment] # DRF takes fields off the class
        required=False, default=False, help_text="Only GET and HEAD, whatever the scopes."
    )
    networks = networks_field(default=list)
    expires_at = InstantField(
        required=False,
        allow_null=True,
        default=None,
        help_text="From a minute to 366 days ahead; null: never.",
    )

    def validate_scopes(self, value: list[str]) -> list[str]:
        return _refuse_repeated(value)


class KeyPatchIn(InputSerializer[None]):
    name = serializers.CharField(max_length=NAME_MAX, required=False, validators=[check_printable])
    scopes = scopes_field(required=False)
    read_only = serializers.BooleanField(required=False)  # type: ignore[assignment] # DRF takes fields off the class
    networks = networks_field()
    expires_at = InstantField(
        required=False,
        allow_null=True,
        help_text="From a minute to 366 days ahead; null: never. Of a rotated key it is fixed.",
    )

    def validate_scopes(self, value: list[str]) -> list[str]:
        return _refuse_repeated(value)


def _refuse_repeated(scopes: list[str]) -> list[str]:
    if len(set(scopes)) != len(scopes):
        raise serializers.ValidationError("Each scope once.", code="duplicate")
    return sorted(scopes)


class RotationIn(InputSerializer[None]):
    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=OVERLAP_MAX,
        required=False,
        default=OVERLAP_DEFAULT,
        help_text="How long the old key works on, seconds; 0: it is revoked at once.",
    )


def _state(revoked_at: datetime | None, expires_at: datetime | None) -> str:
    return state_at(revoked_at, expires_at, now=timezone.now())


class KeyOut(OutputSerializer[Any]):
    """What is known of a key. Its text is not."""

    expandable = {"application": Expansion(ApplicationOut, "applications:read")}
    beside = {  # time ends a key, and calls move its last use
        "status": lambda key: _state(key.revoked_at, key.expires_at),
        "last_used_at": lambda key: key.last_used_at,
    }

    id = serializers.UUIDField()
    application_id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="How the key begins.")
    status = ComputedField(
        _state,
        of=("revoked_at", "expires_at"),
        shape=serializers.CharField(),
        help_text=f"{LIVE}, {EXPIRED} or {REVOKED}; the application may be suspended besides.",
    )
    scopes = serializers.ListField(child=serializers.CharField())
    read_only = serializers.BooleanField()  # type: ignore[assignment] # DRF takes fields off the class
    networks = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Null: never.")
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="To the minute; null: not yet."
    )
    revoked_at = serializers.DateTimeField(allow_null=True)
    replaced_by_id = serializers.UUIDField(
        allow_null=True, help_text="The key that a rotation made; null: it was not rotated."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class IssuedKeyOut(KeyOut):
    """A key just made: the only answer that ever holds its text."""

    expandable = {}

    key = serializers.CharField(help_text="For `Authorization: Bearer …`. Shown this once.")

    def to_representation(self, instance: IssuedKey) -> dict[str, object]:
        instance.row.key = instance.key  # type: ignore[attr-defined] # for this answer alone
        document: dict[str, object] = super().to_representation(instance.row)
        return document
