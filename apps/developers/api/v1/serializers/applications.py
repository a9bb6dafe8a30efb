"""Applications, in and out."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.core.validators import URLValidator
from rest_framework import serializers

from apps.developers.api.v1.serializers.limits import PlanOut
from apps.developers.models import Application
from apps.developers.models.applications import DESCRIPTION_MAX, NAME_MAX, URL_MAX
from core.api.expansion import Expansion
from core.api.serializers import InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Callable


PLATFORM: Final = "agora"


def check_printable(text: str) -> None:
    """People read it when they are asked for consent: none may turn or hide what stands there.

    Refuses control and format characters (Unicode's C* and Z* but the space), such as U+202E.
    """
    if not text.isprintable():
        raise serializers.ValidationError(
            "One line of visible characters.", code="forbidden_character"
        )


def check_not_ours(name: str) -> None:
    """An application called "Agora Support" would ask for consent as if the platform did.

    However it is written: A.G.O.R.A, a-gora and full-width letters read the same.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    if PLATFORM in "".join(filter(str.isalnum, folded)):
        raise serializers.ValidationError(
            "Names with the platform's own in them are for the platform.", code="reserved_name"
        )


def check_website(url: str) -> None:
    """A page, and one whose address does not pretend: https://bank.example@evil.example does."""
    if "@" in urlsplit(url).netloc:
        raise serializers.ValidationError("No user names in the address.", code="invalid")


class WebsiteField(serializers.CharField):
    """An address of a page: http or https, nothing that a browser would run."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the field's own
        checks: list[Callable[[str], None]] = [
            URLValidator(
                schemes=["http", "https"], message="An http or https address.", code="invalid"
            ),
            check_website,
        ]
        super().__init__(max_length=URL_MAX, allow_blank=True, validators=checks, **options)


class ApplicationIn(InputSerializer[None]):
    name = serializers.CharField(
        max_length=NAME_MAX,
        validators=[check_printable, check_not_ours],
        help_text="People read it when asked for consent; once among your open applications.",
    )
    description = serializers.CharField(
        max_length=DESCRIPTION_MAX,
        required=False,
        allow_blank=True,
        default="",
        validators=[check_printable],
        help_text="What it does, in a sentence.",
    )
    website = WebsiteField(
        required=False, default="", help_text="Where to read about it; http or https."
    )


class ApplicationPatchIn(InputSerializer[None]):
    name = serializers.CharField(
        max_length=NAME_MAX,
        required=False,
        validators=[check_printable, check_not_ours],
        help_text="Once among your open applications.",
    )
    description = serializers.CharField(
        max_length=DESCRIPTION_MAX,
        required=False,
        allow_blank=True,
        validators=[check_printable],
    )
    website = WebsiteField(required=False, help_text="http or https; empty: none.")


class ApplicationOut(OutputSerializer[Application]):
    expandable = {"plan": Expansion(PlanOut, "applications:read")}
    beside = {"plan": lambda application: application.plan and application.plan.name}

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    website = serializers.CharField(help_text="Empty when there is none.")
    status = serializers.ChoiceField(
        choices=[Application.Status.ACTIVE.value, Application.Status.SUSPENDED.value],
        help_text="Of a suspended one no credential works.",
    )
    plan = serializers.CharField(
        source="plan.name",
        allow_null=True,
        help_text="Name of the plan that staff gave it; null: the default one.",
    )
    suspended_at = serializers.DateTimeField(allow_null=True, help_text="By staff.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
