"""Rollouts and aliases with theirs, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.api.v1.serializers.aliases import AliasOut
from apps.ml_models.models import Rollout
from apps.ml_models.selectors.rollouts import newest_rollout
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer
from core.audit import REASON_MAX

if TYPE_CHECKING:
    from apps.ml_models.models import ModelAlias


class RolloutFailureOut(OutputSerializer[Any]):
    code = serializers.CharField(help_text="Stable, e.g. artefact_digest_mismatch.")
    detail = serializers.CharField()


def _failure(code: str, detail: str) -> dict[str, str] | None:
    return {"code": code, "detail": detail} if code else None


class RolloutOut(OutputSerializer[Any]):
    id = serializers.UUIDField()
    model = serializers.CharField(source="model.name")
    alias = serializers.CharField()
    kind = serializers.ChoiceField(choices=Rollout.Kind.choices)
    version = serializers.IntegerField(source="version.number")
    previous = serializers.IntegerField(
        source="previous.number",
        allow_null=True,
        default=None,
        help_text="The version that callers get while it loads; null: the alias is new.",
    )
    state = serializers.ChoiceField(choices=Rollout.State.choices)
    required = serializers.IntegerField(  # type: ignore[assignment] # DRF takes it off the class
        help_text="Web processes that had to have the version warm, at the last look."
    )
    warm = serializers.IntegerField(help_text="Those of them that had.")
    failure = ComputedField(
        _failure,
        of=("reason_code", "detail"),
        shape=RolloutFailureOut(allow_null=True),
        help_text="Why it failed; the alias then leads to `previous` again.",
    )
    reason = serializers.CharField(help_text="In the words of whoever moved the alias.")
    moved_by = serializers.UUIDField(
        source="actor_id", allow_null=True, help_text="A user; null: the platform itself."
    )
    generation = serializers.IntegerField(help_text="The routing generation in which it began.")
    live_generation = serializers.IntegerField(
        allow_null=True, help_text="The one in which callers got it; null: not yet, or never."
    )
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null while it loads.")
    warm_until = serializers.DateTimeField(
        allow_null=True, help_text="A rollback takes no time until then; null: it may."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AliasDetailOut(AliasOut):
    rollout = serializers.SerializerMethodField(
        help_text="The last move of the alias; callers get `version` once its state is `live`."
    )

    @extend_schema_field(RolloutOut(allow_null=True))
    def get_rollout(self, alias: ModelAlias) -> dict[str, Any] | None:
        rollout = newest_rollout(alias)
        return None if rollout is None else RolloutOut(rollout).data


class RollbackIn(InputSerializer[None]):
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for the audit trail.",
    )
