"""Who has which plan, and which one holds for everybody else. Staff edit plans in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from apps.accounts.services import hold_user
from apps.developers.errors import (
    ApplicationNotFoundError,
    DefaultPlanError,
    PlanInUseError,
    PlanNotFoundError,
)
from apps.developers.models import Application, Plan, PlanLimit, UserPlan
from apps.developers.services.announcing import record_application
from core import audit
from core.db.locks import lock_in_order, lock_name
from core.models import Revocation
from core.security.revocation import announce_change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

    Limits = Mapping[str, tuple[int, int, int | None, int | None]]


@transaction.atomic
def assign_plan_to_application(
    *, application_id: UUID, plan_id: UUID | None, actor: Actor, reason: str, now: datetime
) -> None:
    """From within 5 s on, its calls are counted under another plan; None: the default one.

    Raises:
        PlanNotFoundError.
        ApplicationNotFoundError: none of that id, or it is closed.
    """
    plan = None if plan_id is None else _lock_plan(plan_id)
    rows = Application.objects.open().select_related("plan")
    rows = rows.select_for_update(of=("self",), no_key=True)
    application: Application | None = rows.filter(pk=application_id).first()
    if application is None:
        raise ApplicationNotFoundError
    before = {"plan": _name(application.plan)}
    if application.plan_id == plan_id:
        return
    application.plan = plan
    application.save(update_fields=["plan"])
    kind = Revocation.Kind.APPLICATION
    announce_change(kind, str(application.pk), now=now, reason="plan_changed")
    after = {"plan": _name(plan)}
    record_application(
        "plan_changed", application, actor, before=before, after=after, reason=reason
    )


@transaction.atomic
def assign_plan_to_user(
    *, user_id: UUID, plan_id: UUID | None, actor: Actor, reason: str, now: datetime
) -> None:
    """Give a user's own calls another plan; None: the default one. Applications have their own.

    Access tokens carry the plan, so those they have die within 5 s; whoever refreshes goes on.

    Raises:
        PlanNotFoundError.
        UserNotFoundError: unknown or deactivated.
    """
    plan = None if plan_id is None else _lock_plan(plan_id)
    held_at = hold_user(user_id)
    current = UserPlan.objects.select_related("plan").filter(user_id=user_id).first()
    before = {"plan": _name(None if current is None else current.plan)}
    if before == {"plan": _name(plan)}:
        return
    _store_user_plan(user_id, current, plan)
    since = max(now, held_at)
    announce_change(Revocation.Kind.USER, str(user_id), now=since, reason="plan_changed")
    audit.record(
        actor=actor,
        action="developers.user.plan_changed",
        object_type="user",
        object_id=str(user_id),
        before=before,
        after={"plan": _name(plan)},
        reason=reason,
    )


@transaction.atomic
def make_plan_default(*, plan_id: UUID, actor: Actor, reason: str) -> None:
    """Let a plan hold for whoever has none; the one that did so becomes an ordinary one.

    Credentials remember their plan's name: those of API and OAuth follow within five minutes, a
    person's login within fifteen. Raises PlanNotFoundError.
    """
    lock_name("developers.default_plan")
    wanted = Plan.objects.filter(Q(pk=plan_id) | Q(is_default=True))
    rows = {plan.pk: plan for plan in lock_in_order(wanted, no_key=True)}
    plan = rows.pop(plan_id, None)
    if plan is None:
        raise PlanNotFoundError
    if plan.is_default:
        return
    for former in rows.values():  # first, since there can be one alone
        _set_default(former, actor, reason, is_default=False)
    _set_default(plan, actor, reason, is_default=True)


@transaction.atomic
def delete_plan(*, plan_id: UUID, actor: Actor, reason: str) -> None:
    """Remove a plan that nobody has.

    Raises:
        PlanNotFoundError.
        DefaultPlanError: somebody would be without any.
        PlanInUseError: with how many have it.
    """
    plan = lock_in_order(Plan.objects.filter(pk=plan_id), no_key=False).first()
    if plan is None:
        raise PlanNotFoundError
    if plan.is_default:
        raise DefaultPlanError(f"{plan} is the default; make another one the default first.")
    applications = Application.objects.open().filter(plan=plan).count()
    users = UserPlan.objects.filter(plan=plan).count()
    if applications or users:
        raise PlanInUseError(
            f"{plan} is the plan of {applications} open applications and {users} users;"
            " give them another one first."
        )
    Application.objects.filter(plan=plan).update(plan=None)  # closed ones need none
    before = {"name": plan.name, "title": plan.title, "limits": limits_of_plan(plan)}
    plan.delete()
    _record_plan("deleted", plan_id, actor, reason, before=before, after=None)


def ensure_plan(*, name: str, title: str, description: str, limits: Limits) -> bool:
    """Make the plan; one of this name that exists is left as it is. Returns whether it was made.

    `limits` has burst, sustained, daily and concurrent by class of work.
    """
    with transaction.atomic():
        plan, made = Plan.objects.get_or_create(
            name=name, defaults={"title": title, "description": description}
        )
        if made:
            columns = ("burst", "sustained", "daily", "concurrent")
            for work, values in limits.items():
                PlanLimit.objects.create(
                    plan=plan, work=work, **dict(zip(columns, values, strict=True))
                )
    return made


def limits_of_plan(plan: Plan) -> dict[str, dict[str, int | None]]:
    """What an audit entry says of a plan's limits, by class of work."""
    columns = ("burst", "sustained", "daily", "concurrent")
    rows = PlanLimit.objects.filter(plan=plan).order_by("work")
    return {row.work: {column: getattr(row, column) for column in columns} for row in rows}


def _lock_plan(plan_id: UUID) -> Plan:
    """So that it cannot be deleted while it is being given to somebody."""
    plan = lock_in_order(Plan.objects.filter(pk=plan_id), no_key=True).first()
    if plan is None:
        raise PlanNotFoundError
    return plan


def _name(plan: Plan | None) -> str | None:
    return None if plan is None else plan.name


def _store_user_plan(user_id: UUID, current: UserPlan | None, plan: Plan | None) -> None:
    if plan is None:
        UserPlan.objects.filter(user_id=user_id).delete()
    elif current is None:
        UserPlan.objects.create(user_id=user_id, plan=plan)
    else:
        current.plan = plan
        current.save(update_fields=["plan"])


def _set_default(plan: Plan, actor: Actor, reason: str, *, is_default: bool) -> None:
    plan.is_default = is_default
    plan.save(update_fields=["is_default"])
    before, after = {"is_default": not is_default}, {"is_default": is_default}
    _record_plan("default_changed", plan.pk, actor, reason, before=before, after=after)


def _record_plan(  # noqa: PLR0913 - the columns of an audit entry
    what: str,
    plan_id: UUID,
    actor: Actor,
    reason: str,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    audit.record(
        actor=actor,
        action=f"developers.plan.{what}",
        object_type="plan",
        object_id=str(plan_id),
        before=before,
        after=after,
        reason=reason,
    )
