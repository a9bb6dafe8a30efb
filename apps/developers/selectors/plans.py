"""Which plans there are, and whose is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Case, Exists, OuterRef, Q, When

from apps.developers.models import Plan, UserPlan
from core.plans import DAY, PlanBook, Policy, WorkLimits

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.backends.base.base import BaseDatabaseWrapper

MINUTE = 60  # seconds

READ_BOOK = """
    SELECT plan.name, plan.is_default, limits.work, limits.burst, limits.sustained, limits.daily,
           limits.concurrent
    FROM developers_plan AS plan
    LEFT JOIN developers_planlimit AS limits ON limits.plan_id = plan.id
"""


def read_plan_book(database: BaseDatabaseWrapper) -> PlanBook:
    """For settings.PLAN_BOOK_READER: all plans, by one statement on the given connection."""
    plans: dict[str, dict[str, WorkLimits]] = {}
    default = ""
    with database.cursor() as cursor:
        cursor.execute(READ_BOOK)
        for name, is_default, work, burst, sustained, daily, concurrent in cursor.fetchall():
            default = name if is_default else default
            limits = plans.setdefault(name, {})
            if work is not None:
                limits[work] = WorkLimits(_policies(burst, sustained, daily), concurrent)
    return PlanBook(plans, default)


def _policies(burst: int, sustained: int, daily: int | None) -> tuple[Policy, ...]:
    rates = (Policy("burst", burst, 1), Policy("sustained", sustained, MINUTE))
    return rates if daily is None else (*rates, Policy("daily", daily, DAY, "day"))


def plan_of_user(user_id: UUID) -> str:
    """For settings.PLAN_OF_USER: the name of a user's own plan, else of the default one."""
    own = Exists(UserPlan.objects.filter(user_id=user_id, plan=OuterRef("pk")))
    rows = Plan.objects.annotate(own=own).filter(Q(own=True) | Q(is_default=True))
    return rows.order_by("-own").values_list("name", flat=True).first() or ""


def default_plan_name() -> str:
    """Empty when staff have left no default: then the settings' limits hold."""
    return Plan.objects.filter(is_default=True).values_list("name", flat=True).first() or ""


def plan_shown(name: str) -> Plan | None:
    """The plan that holds for a credential that says `name`: one that is gone is the default one.

    None when there is no default either: then the settings' limits hold.
    """
    rows = Plan.objects.filter(Q(name=name) | Q(is_default=True))
    return rows.order_by(Case(When(name=name, then=0), default=1)).first()
