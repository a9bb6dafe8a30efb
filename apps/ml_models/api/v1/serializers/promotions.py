"""The gate and promotions, in and out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.ml_models.models import CHAMPION, Promotion
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer
from core.audit import REASON_MAX

NUMBER_MAX = 2**31 - 1  # of a version


class GateCheckOut(OutputSerializer[Any]):
    code = serializers.CharField(
        help_text="runnable, golden, signature, memory, latency, metric or replay."
    )
    passed = serializers.BooleanField()
    wanted = serializers.FloatField(
        allow_null=True, help_text="The bound; null where there is no number to compare with."
    )
    found = serializers.FloatField(allow_null=True, help_text="What the version has; null: none.")
    detail = serializers.CharField()


class PromotionGateOut(OutputSerializer[Any]):
    alias = serializers.CharField(help_text="Whose gate it is.")
    passed = serializers.BooleanField(help_text="Whether every check has passed.")
    against = serializers.IntegerField(
        allow_null=True,
        help_text="The version that it was compared with: the alias's own, or of an alias that was "
        "deleted the last that answered; null: there was none.",
    )
    checks = GateCheckOut(many=True)


class PromotionOut(OutputSerializer[Any]):
    id = serializers.UUIDField()
    model = serializers.CharField(source="model.name")
    alias = serializers.CharField()
    version = serializers.IntegerField(source="version.number")
    state = serializers.ChoiceField(choices=Promotion.State.choices)
    gate = ComputedField(
        lambda gate: gate,
        of=("gate",),
        shape=PromotionGateOut(),
        help_text="What the gate said last: when it was proposed, or when it was approved.",
    )
    four_eyes = serializers.BooleanField(
        help_text="Whether a second person decides, or has decided."
    )
    reason = serializers.CharField(help_text="In the proposer's words.")
    override_reason = serializers.CharField(
        help_text="Why checks that failed do not count; empty: none failed."
    )
    proposed_by = serializers.UUIDField(
        source="proposed_by_id", allow_null=True, help_text="A user; null: the platform itself."
    )
    decided_by = serializers.UUIDField(
        source="decided_by_id", allow_null=True, help_text="A user; null: nobody yet, or as above."
    )
    decision_reason = serializers.CharField(help_text="In the words of whoever decided.")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="Null until then.")
    rollout_id = serializers.UUIDField(
        allow_null=True, help_text="The move of the alias that the approval began."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PromotionIn(InputSerializer[None]):
    alias = serializers.CharField(
        required=False, default=CHAMPION, max_length=64, help_text="A gated alias: champion."
    )
    version = serializers.IntegerField(min_value=1, max_value=NUMBER_MAX)
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for whoever decides.",
    )
    override_reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why checks that fail do not count; at least 10 characters.",
    )


class DecisionIn(InputSerializer[None]):
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for the proposer and the audit trail.",
    )
