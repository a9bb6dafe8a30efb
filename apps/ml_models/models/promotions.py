"""How versions come to be promoted: a model's policy, proposals, replays of logged requests."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.ml_models.models.registry import CHAMPION, ModelVersion, RegisteredModel
from core.db.models import BaseModel

GATED_ALIASES: Final = frozenset({CHAMPION})
"""Aliases that move to a version only past the gate: those that callers get without asking."""
SHARE: Final = (0.0, 1.0)
SCORE_MAX: Final = 1e9  # of thresholds and tolerances, either sign; beyond it a typing error
LOG_DAYS: Final = (1, 366)
LATENCY_US: Final = (1, 60_000_000)


class ModelPolicy(BaseModel):
    """How one model is promoted, logged and watched. A model without a row has the defaults."""

    model = models.OneToOneField(RegisteredModel, on_delete=models.PROTECT, related_name="policy")

    four_eyes = models.BooleanField(
        default=False, help_text="A gated alias moves only when a second person approves."
    )
    four_eyes_off_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who has asked for `four_eyes` to end; it does when a second person asks too.",
    )
    gate_metric = models.CharField(
        max_length=64, blank=True, help_text='Metric compared with the champion\'s, e.g. "auc".'
    )
    gate_lower_is_better = models.BooleanField(default=False)
    gate_tolerance = models.FloatField(
        default=0.0, help_text="How much worse than the champion's it may be, in the metric's unit."
    )
    gate_latency_us = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Microseconds one row may take at validation; empty: any.",
    )
    gate_max_flips = models.FloatField(
        null=True,
        blank=True,
        help_text="Share of decisions (0 to 1) that may flip in the newest replay; empty: any, "
        "and no replay is needed.",
    )

    decision_threshold = models.FloatField(
        default=0.5, help_text="A score at or above it is a positive decision."
    )
    score_output = models.CharField(
        max_length=64, blank=True, help_text="The output that holds the score; empty: the first."
    )
    score_index = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Position of the score in that output; empty: the only one, or of several the "
        "largest decides.",
    )

    log_share = models.FloatField(
        default=0.1, help_text="Share of calls (0 to 1) that are written to the prediction log."
    )
    log_days = models.PositiveSmallIntegerField(
        default=30, help_text="Days that logged predictions are kept."
    )

    class Meta:
        verbose_name_plural = "model policies"
        constraints = [
            models.CheckConstraint(
                name="model_policy_log_share",
                condition=Q(log_share__gte=0.0) & Q(log_share__lte=1.0),
            ),
            models.CheckConstraint(
                name="model_policy_log_days",
                condition=Q(log_days__gte=1) & Q(log_days__lte=366),
            ),
            models.CheckConstraint(
                name="model_policy_flips",
                condition=Q(gate_max_flips__isnull=True)
                | (Q(gate_max_flips__gte=0.0) & Q(gate_max_flips__lte=1.0)),
            ),
            models.CheckConstraint(
                name="model_policy_tolerance",
                condition=Q(gate_tolerance__gte=0.0) & Q(gate_tolerance__lte=SCORE_MAX),
            ),
            models.CheckConstraint(
                name="model_policy_four_eyes_off",
                condition=Q(four_eyes_off_by__isnull=True) | Q(four_eyes=True),
            ),
        ]

    def __str__(self) -> str:
        return f"policy of {self.model_id}"


class Replay(BaseModel):
    """Logged requests run through two versions, to see what a promotion would change.

    queued -> running -> succeeded | failed. Its task is a hint; the lease fences two workers.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="replays")
    candidate = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="replays")
    baseline = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    requested = models.PositiveIntegerField(help_text="Newest logged calls to run, at most.")
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    calls = models.PositiveIntegerField(default=0, help_text="Logged calls that were run.")
    rows = models.PositiveIntegerField(
        default=0, help_text="Rows in them that the baseline answered."
    )
    failed_rows = models.PositiveIntegerField(
        default=0, help_text="Of them, rows that the candidate could not take or answer."
    )
    flips = models.PositiveIntegerField(
        default=0, help_text="Of them, rows that both answered and decided differently."
    )
    mean_difference = models.FloatField(null=True, blank=True, help_text="Of scores, absolute.")
    largest_difference = models.FloatField(null=True, blank=True, help_text="Of scores, absolute.")
    result = models.JSONField(
        default=dict,
        blank=True,
        help_text="Histogram of differences, decisions by pair, the rows that differ most.",
    )
    reason_code = models.CharField(max_length=64, blank=True, help_text="Why it failed, stable.")
    detail = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="replay_state_known",
                condition=Q(state__in=["queued", "running", "succeeded", "failed"]),
            ),
            models.CheckConstraint(
                name="replay_two_versions", condition=~Q(candidate=F("baseline"))
            ),
            models.CheckConstraint(
                name="replay_flips", condition=Q(rows__gte=F("flips") + F("failed_rows"))
            ),
            models.CheckConstraint(
                name="replay_leased_while_running",
                condition=Q(state="running", lease_token__isnull=False)
                | (~Q(state="running") & Q(lease_token__isnull=True)),
            ),
            models.CheckConstraint(
                name="replay_reason_when_failed", condition=Q(state="failed") ^ Q(reason_code="")
            ),
            models.CheckConstraint(
                name="replay_finished_at",
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["succeeded", "failed"], finished_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["candidate", "-id"], name="replay_by_candidate"),
            models.Index(fields=["model", "-id"], name="replay_by_model"),
            models.Index(
                fields=["state"],
                name="replay_unfinished",
                condition=Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"replay {self.pk} ({self.state})"


class Promotion(BaseModel):
    """A wish to move an alias, with what the gate said and who decided.

    proposed -> approved | rejected | withdrawn; an approved one has moved the alias. Where no
    second person is needed, whoever moves the alias approves at once.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="promotions")
    alias = models.CharField(max_length=64)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions")
    state = models.CharField(max_length=16, choices=State, default=State.PROPOSED)
    gate = models.JSONField(
        default=dict, blank=True, help_text="Each check with what was wanted and found."
    )
    gate_passed = models.BooleanField(default=True)
    override_reason = models.CharField(
        max_length=500, blank=True, help_text="Why a gate that failed does not count."
    )
    reason = models.CharField(max_length=500, blank=True, help_text="In the proposer's words.")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    decision_reason = models.CharField(max_length=500, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    four_eyes = models.BooleanField(
        default=False, help_text="Whether a second person has, or had, to decide."
    )
    rollout_id = models.UUIDField(null=True, blank=True, help_text="What the approval started.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="promotion_state_known",
                condition=Q(state__in=["proposed", "approved", "rejected", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="promotion_decided_at",
                condition=Q(state="proposed", decided_at__isnull=True)
                | (~Q(state="proposed") & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="promotion_override_or_passed",
                condition=~Q(state="approved") | Q(gate_passed=True) | ~Q(override_reason=""),
            ),
            models.CheckConstraint(
                name="promotion_second_person",
                condition=~Q(state="approved", four_eyes=True)
                | (
                    Q(proposed_by__isnull=False)
                    & Q(decided_by__isnull=False)
                    & ~Q(proposed_by=F("decided_by"))
                ),
            ),
            models.UniqueConstraint(
                fields=["model", "alias"],
                condition=Q(state="proposed"),
                name="promotion_one_open",
            ),
        ]
        indexes = [models.Index(fields=["model", "-id"], name="promotion_by_model")]

    def __str__(self) -> str:
        return f"promotion {self.pk} ({self.state})"
