"""Shares of an alias's traffic that go to a candidate: to answer (canary) or to be compared."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.ml_models.models.registry import ModelVersion, RegisteredModel
from core.db.models import BaseModel

BASIS_POINTS = 10_000  # the whole


class TrafficSplit(BaseModel):
    """A canary or a shadow of one alias; at most one of each is active.

    A canary answers the callers whose stable hash falls into its share; a shadow answers nobody:
    a share of the calls is also run through it, off the hot path.
    """

    class Kind(models.TextChoices):
        CANARY = "canary", "Canary"
        SHADOW = "shadow", "Shadow"

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        ENDED = "ended", "Ended"
        ROLLED_BACK = "rolled_back", "Rolled back"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="splits")
    alias = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="splits")
    base = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The alias's own version; a move of the alias ends the split.",
    )
    share = models.PositiveSmallIntegerField(help_text="Basis points: 10000 is all of the traffic.")
    salt = models.CharField(
        max_length=32, help_text="Mixed into the callers' hash; a new one draws other callers."
    )
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)

    max_error_share = models.FloatField(
        null=True, blank=True, help_text="Share of failed calls (0 to 1) that ends it; empty: any."
    )
    max_latency_ratio = models.FloatField(
        null=True,
        blank=True,
        help_text="Its p95 to the alias's own that ends it, e.g. 2.0; empty: any.",
    )
    max_score_psi = models.FloatField(
        null=True,
        blank=True,
        help_text="Population stability index of its scores against the alias's own that ends it.",
    )
    min_calls = models.PositiveIntegerField(
        default=100, help_text="Calls that it must have answered before it is judged."
    )
    observed = models.JSONField(
        default=dict, blank=True, help_text="What the guard saw at its last look."
    )
    observed_at = models.DateTimeField(null=True, blank=True)

    reason = models.CharField(max_length=500, blank=True, help_text="In the actor's words.")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty, when it has ended: the guard, or the platform.",
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    end_code = models.CharField(max_length=64, blank=True, help_text="Why it ended, stable.")
    end_detail = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "alias", "kind"],
                condition=Q(state="active"),
                name="traffic_split_one_active",
            ),
            models.CheckConstraint(
                name="traffic_split_kind_known", condition=Q(kind__in=["canary", "shadow"])
            ),
            models.CheckConstraint(
                name="traffic_split_state_known",
                condition=Q(state__in=["active", "ended", "rolled_back"]),
            ),
            models.CheckConstraint(
                name="traffic_split_share",
                condition=Q(share__gte=0) & Q(share__lte=BASIS_POINTS),
            ),
            models.CheckConstraint(
                name="traffic_split_two_versions", condition=~Q(version=F("base"))
            ),
            models.CheckConstraint(
                name="traffic_split_ended_at",
                condition=Q(state="active", ended_at__isnull=True, end_code="")
                | (~Q(state="active") & Q(ended_at__isnull=False) & ~Q(end_code="")),
            ),
        ]
        indexes = [models.Index(fields=["model", "alias", "-id"], name="traffic_split_by_alias")]

    def __str__(self) -> str:
        return f"{self.kind} {self.share / 100:g} % of {self.alias}"
