"""Rollouts: each move of an alias, from the first load in the first process to its end."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.ml_models.models.registry import ModelVersion, RegisteredModel
from core.db.models import BaseModel


class Rollout(BaseModel):
    """One move of an alias to a version, in all web processes together.

    loading -> live | failed | superseded. While it is loading, callers get `previous`; it goes
    live in all processes at once when every one of them has the version warm. A failed one leaves
    the alias where it was. After a live one `previous` stays warm until `warm_until`.
    """

    class State(models.TextChoices):
        LOADING = "loading", "Loading"
        LIVE = "live", "Live"
        FAILED = "failed", "Failed"
        SUPERSEDED = "superseded", "Superseded"

    class Kind(models.TextChoices):
        PROMOTION = "promotion", "Promotion"
        ROLLBACK = "rollback", "Rollback"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="rollouts")
    alias = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PROMOTION)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="rollouts")
    previous = models.ForeignKey(
        ModelVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Where the alias pointed before; empty: it is new.",
    )
    state = models.CharField(max_length=16, choices=State, default=State.LOADING)
    generation = models.PositiveBigIntegerField(help_text="The routing generation it began in.")
    live_generation = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The routing generation in which callers got it."
    )
    required = models.PositiveIntegerField(
        default=0, help_text="Web processes that had to have it warm, at the last look."
    )
    warm = models.PositiveIntegerField(default=0, help_text="Those that had, at the last look.")
    reason_code = models.CharField(max_length=64, blank=True, help_text="Why it failed, stable.")
    detail = models.CharField(max_length=500, blank=True, help_text="The same in a sentence.")
    reason = models.CharField(max_length=500, blank=True, help_text="In the actor's words.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who moved the alias; empty: the platform itself.",
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    warm_until = models.DateTimeField(
        null=True, blank=True, help_text="`previous` is kept in memory until then."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "alias"],
                condition=Q(state="loading"),
                name="rollout_one_loading",
            ),
            models.CheckConstraint(
                name="rollout_state_known",
                condition=Q(state__in=["loading", "live", "failed", "superseded"]),
            ),
            models.CheckConstraint(
                name="rollout_ended_at",
                condition=Q(state="loading", ended_at__isnull=True)
                | (~Q(state="loading") & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="rollout_reason_when_failed",
                condition=Q(state="failed") ^ Q(reason_code=""),
            ),
            models.CheckConstraint(
                name="rollout_live_generation",
                condition=Q(state="live", live_generation__isnull=False)
                | (~Q(state="live") & Q(live_generation__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["model", "alias", "-id"], name="rollout_by_alias"),
            models.Index(
                fields=["warm_until"], name="rollout_warm", condition=Q(warm_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alias} to {self.version_id} ({self.state})"
