"""Plans, which staff edit, and who has which. A user's own plan stands on the user's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.forms.models import ModelChoiceIterator
from django.utils import timezone

from apps.developers.models import Application, Plan, PlanLimit, UserPlan
from apps.developers.services import plans as services
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action
from core.admin.actions import ReasonForm, record_change
from core.admin.display import BLANK
from core.audit import REASON_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

NO_PLAN = "default-plan"  # no plan's key


class PlanChoices(ModelChoiceIterator):  # type: ignore[type-arg] # Django's class takes none
    """The plans, and having none of one's own; what is not chosen is not changed."""

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        yield "", "Choose a plan"
        yield NO_PLAN, "None of their own: the default plan"
        for plan in self.queryset:
            yield self.choice(plan)


class PlanChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg] # likewise
    """A plan, or None for the default one."""

    iterator = PlanChoices

    def clean(self, value: Any) -> Plan | None:  # noqa: ANN401 - Django's signature
        return None if value == NO_PLAN else super().clean(value)


class PlanChoiceForm(ReasonForm):
    """Which plan from now on."""

    plan = PlanChoiceField(queryset=Plan.objects.order_by("name"))
    field_order = ("plan", "reason")


class PlanForm(forms.ModelForm):  # type: ignore[type-arg] # Django's class takes none
    """A plan's own fields, with the reason for changing it."""

    reason = forms.CharField(max_length=REASON_MAX, help_text="Kept in the audit trail.")

    class Meta:
        model = Plan
        fields = ("name", "title", "description")


class LimitInline(admin.TabularInline):  # type: ignore[type-arg] # Django's class takes none
    model = PlanLimit
    fields = ("work", "burst", "sustained", "daily", "concurrent")
    extra = 0
    max_num = len(PlanLimit.Work)


@admin.register(Plan)
class PlanAdmin(AuditedModelAdmin[Plan]):
    """Edited here, with a reason; every process follows within seconds."""

    form = PlanForm
    list_display = ("name", "title", "default", "applications", "users", "updated_at")
    search_fields = ("name__icontains", "title__icontains", "id__exact")
    search_help_text = "Part of the name or the title, or an id."
    ordering = ("name",)
    inlines = (LimitInline,)
    actions = ("make_default", "remove")
    fields = (
        "name",
        "title",
        "description",
        "default",
        "applications",
        "users",
        "created_at",
        "updated_at",
        "reason",
    )
    readonly_fields = ("default", "applications", "users", "created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        applications = Application.objects.open().filter(plan=OuterRef("pk"))
        users = UserPlan.objects.filter(plan=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(application_count=_count(applications), user_count=_count(users))
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("developers.add_plan")

    def has_change_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return request.user.has_perm("developers.change_plan")

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> tuple[str, ...]:
        """Credentials carry a plan's name, so it stays what it is."""
        return self.readonly_fields if obj is None else ("name", *self.readonly_fields)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: ANN401, FBT001 - Django's signature
        """The limits, with what they were and are now in the audit trail."""
        plan = form.instance
        before = services.limits_of_plan(plan)
        super().save_related(request, form, formsets, change)
        after = services.limits_of_plan(plan)
        if before != after:
            reason = form.cleaned_data["reason"]
            record_change(
                self,
                request,
                key=plan.pk,
                verb="limits_changed",
                before=before,
                after=after,
                reason=reason,
            )

    @admin.display(description="Default", ordering="is_default")
    def default(self, plan: Plan) -> SafeString | str:
        return pill("default", "good") if plan.is_default else BLANK

    @admin.display(description="Applications", ordering="application_count")
    def applications(self, plan: Any) -> int:  # noqa: ANN401 - a row with its annotation
        return int(getattr(plan, "application_count", 0))

    @admin.display(description="Users", ordering="user_count")
    def users(self, plan: Any) -> int:  # noqa: ANN401 - a row with its annotation
        return int(getattr(plan, "user_count", 0))

    @reasoned_action(
        description="Make the selected plan the default",
        explanation="It holds for everybody who has no plan of their own, within a quarter of an"
        " hour at the latest. The present default becomes an ordinary plan.",
    )
    def make_default(self, request: HttpRequest, row: Plan, reason: str) -> None:
        services.make_plan_default(plan_id=row.pk, actor=actor_of(request), reason=reason)

    @reasoned_action(
        description="Delete selected plans",
        explanation="Only plans that nobody has, and never the default one.",
        permission="remove",
    )
    def remove(self, request: HttpRequest, row: Plan, reason: str) -> None:
        services.delete_plan(plan_id=row.pk, actor=actor_of(request), reason=reason)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("developers.delete_plan")


@admin.register(UserPlan)
class UserPlanAdmin(AuditedModelAdmin[UserPlan]):
    """The users with a plan of their own. Others get one on the page of users."""

    list_display = ("user", "plan", "updated_at")
    list_filter = ("plan",)
    list_select_related = ("user", "plan")
    search_fields = ("user__username__istartswith", "user__id__exact")
    search_help_text = "How the username begins, or the user's id."
    ordering = ("-updated_at", "-id")
    actions = ("change_plan",)

    @reasoned_action(
        description="Change the plan of selected users",
        explanation="Their access tokens die within seconds; refreshed ones carry the new plan.",
        form_class=PlanChoiceForm,
    )
    def change_plan(
        self, request: HttpRequest, row: UserPlan, reason: str, plan: Plan | None
    ) -> None:
        _assign(request, row.user_id, reason, plan)


def _count(rows: QuerySet[Any]) -> Any:  # noqa: ANN401 - an expression
    """How many rows a subquery has: two joins would multiply each other."""
    counted = rows.order_by().values("plan").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


def _assign(request: HttpRequest, user_id: Any, reason: str, plan: Plan | None) -> None:  # noqa: ANN401 - a key
    services.assign_plan_to_user(
        user_id=user_id,
        plan_id=None if plan is None else plan.pk,
        actor=actor_of(request),
        reason=reason,
        now=timezone.now(),
    )


# -- What is added to the page of users, whose app knows no plans


@admin.display(description="Plan", ordering="plan_name")
def plan_of_user(user: Any) -> str:  # noqa: ANN401 - a user with its annotation
    return getattr(user, "plan_name", None) or BLANK


@reasoned_action(
    description="Change the plan of selected users",
    explanation="For calls that no application makes. Their access tokens die within seconds;"
    " refreshed ones carry the new plan.",
    form_class=PlanChoiceForm,
)
def change_plan(
    _: AuditedModelAdmin[Any],
    request: HttpRequest,
    row: Any,  # noqa: ANN401 - a user
    reason: str,
    plan: Plan | None,
) -> None:
    _assign(request, row.pk, reason, plan)


users: Any = admin.site.get_model_admin(get_user_model())
users.extend(
    actions=[change_plan],
    columns=[plan_of_user],
    annotations={
        "plan_name": Subquery(UserPlan.objects.filter(user=OuterRef("pk")).values("plan__name")[:1])
    },
)
