"""How a caller stands with the limits of its plan."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api.serializers import OutputSerializer


class PolicyOut(OutputSerializer[Any]):
    name = serializers.CharField(help_text="burst, sustained, daily or concurrent.")
    quota = serializers.IntegerField(help_text="Units, or calls at the same time.")
    window_seconds = serializers.IntegerField(
        source="seconds", allow_null=True, help_text="Null: of calls at the same time."
    )
    remaining = serializers.IntegerField()
    reset_seconds = serializers.IntegerField(
        allow_null=True, help_text="Until all of it is back; null: when calls have ended."
    )


class WorkLimitsOut(OutputSerializer[Any]):
    work = serializers.CharField(help_text="Class of work: default, predict, batch or upload.")
    title = serializers.CharField()
    policies = PolicyOut(many=True)


class PlanOut(OutputSerializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()


class LimitsOut(OutputSerializer[Any]):
    plan = PlanOut(allow_null=True, help_text="Null: none; then the platform's own limits hold.")
    limits = WorkLimitsOut(many=True)
