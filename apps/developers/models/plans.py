"""Plans: how much a caller may do, by class of work; and which users have one of their own."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from core.db.models import BaseModel

PLAN_NAME_MAX = 40  # characters
PLAN_NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}\Z"
QUOTA_MAX = 1_000_000_000  # units of one policy
CONCURRENT_MAX = 100_000  # calls at once


def _quota(help_text: str, *, optional: bool = False) -> models.PositiveIntegerField[int, int]:
    return models.PositiveIntegerField(
        null=optional,
        blank=optional,
        validators=[MinValueValidator(1), MaxValueValidator(QUOTA_MAX)],
        help_text=help_text,
    )


class Plan(BaseModel):
    """A named set of limits that staff edit; live in every process within seconds.

    One plan is the default: it holds for whoever was given none.
    """

    name = models.CharField(
        max_length=PLAN_NAME_MAX,
        unique=True,
        validators=[RegexValidator(PLAN_NAME_PATTERN, "Lower-case letters, digits and hyphens.")],
        help_text="Stable name, e.g. partner; tokens carry it.",
    )
    title = models.CharField(max_length=80, help_text="What people read, e.g. Partner.")
    description = models.CharField(
        max_length=500, blank=True, help_text="For whom it is; developers read it."
    )
    is_default = models.BooleanField(
        default=False, help_text="Holds for users and applications that were given no plan."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="plan_one_default"
            ),
            models.CheckConstraint(
                name="plan_name_shape", condition=Q(name__regex=r"^[a-z][a-z0-9-]{0,39}$")
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.name


class PlanLimit(BaseModel):
    """What a plan allows in one class of work. A call costs its weight, usually 1 unit."""

    class Work(models.TextChoices):
        DEFAULT = "default", "Ordinary calls"
        PREDICT = "predict", "Predictions"
        BATCH = "batch", "Batch predictions submitted"
        UPLOAD = "upload", "Model uploads"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="limits")
    work = models.CharField(max_length=16, choices=Work, verbose_name="class of work")
    burst = _quota("Units in any second.")
    sustained = _quota("Units in any minute.")
    daily = _quota("Units in a day, from midnight UTC; empty: no daily quota.", optional=True)
    concurrent = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(CONCURRENT_MAX)],
        help_text="Calls running at the same time; empty: as many as come.",
    )

    class Meta:
        verbose_name = "limit"
        constraints = [
            models.UniqueConstraint(fields=["plan", "work"], name="plan_limit_once_per_work"),
            models.CheckConstraint(
                name="plan_limit_work_known",
                condition=Q(work__in=["default", "predict", "batch", "upload"]),
            ),
            models.CheckConstraint(
                name="plan_limit_positive",
                condition=Q(burst__gte=1, sustained__gte=1)
                & (Q(daily=None) | Q(daily__gte=1))
                & (Q(concurrent=None) | Q(concurrent__gte=1)),
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_work_display())


class UserPlan(BaseModel):
    """A user's own plan, for calls that no application makes. Without a row: the default plan."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", help_text="Whose."
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "user's plan"
        verbose_name_plural = "users' plans"

    def __str__(self) -> str:
        return f"{self.user_id}: {self.plan_id}"
