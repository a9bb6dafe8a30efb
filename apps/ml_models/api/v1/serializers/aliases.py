"""Aliases, in and out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api.serializers import InputSerializer, OutputSerializer
from core.audit import REASON_MAX


class AliasIn(InputSerializer[None]):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for the audit trail.",
    )
    override_reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why checks of the gate that fail do not count; at least 10 characters.",
    )


class AliasOut(OutputSerializer[Any]):
    alias = serializers.CharField()
    version = serializers.IntegerField(source="version.number")
    generation = serializers.IntegerField(
        help_text="The routing generation since which it points there."
    )
    updated_at = serializers.DateTimeField()
