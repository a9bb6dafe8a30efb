"""Applications: looked at, suspended, given another plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, Q
from django.utils import timezone

from apps.developers.admin.charts import calls_chart
from apps.developers.admin.plans import PlanChoiceForm
from apps.developers.models import ApiKey, Application
from apps.developers.selectors.applications import LIVE, state_of
from apps.developers.selectors.daily_calls import daily_calls_of
from apps.developers.services import applications as services
from apps.developers.services.plans import assign_plan_to_application
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action
from core.admin.display import BLANK

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from apps.developers.models import Plan
    from core.admin.display import Mood

MOODS: dict[str, Mood] = {
    Application.Status.ACTIVE: "good",
    Application.Status.SUSPENDED: "bad",
    Application.Status.CLOSED: "",
}


class KeyInline(admin.TabularInline):  # type: ignore[type-arg] # Django's class takes none
    """By how they begin; revoked on their own page."""

    model = ApiKey
    verbose_name_plural = "API keys"
    fields = ("prefix", "name", "state", "scopes", "read_only", "expires_at", "last_used_at")
    readonly_fields = fields
    ordering = ("-created_at", "-id")
    extra = max_num = 0
    can_delete = False
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).defer("digest")

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        return key_pill(key)


def key_pill(key: ApiKey) -> SafeString:
    state = state_of(key, now=timezone.now())
    if state != LIVE:
        return pill(state, "bad" if key.revoked_at is not None else "")
    return pill("live, rotated", "busy") if key.replaced_by_id else pill(state, "good")


@admin.register(Application)
class ApplicationAdmin(AuditedModelAdmin[Application]):
    list_display = ("name", "owner", "state", "plan_shown", "live_keys", "created_at")
    list_filter = ("status", "plan")
    list_select_related = ("owner", "plan")
    search_fields = (
        "name__icontains",
        "owner__username__istartswith",
        "id__exact",
        "owner__id__exact",
    )
    search_help_text = "Part of the name, how the owner's username begins, an id of either."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    inlines = (KeyInline,)
    actions = ("suspend", "resume", "change_plan")
    fields = (
        "id",
        "name",
        "owner",
        "state",
        "plan_shown",
        "live_keys",
        "description",
        "website",
        "created_at",
        "updated_at",
        "suspended_at",
        "closed_at",
        "calls_by_day",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        now = timezone.now()
        live = Q(keys__isnull=False, keys__revoked_at=None)
        live &= Q(keys__expires_at=None) | Q(keys__expires_at__gt=now)
        return super().get_queryset(request).annotate(live_key_count=Count("keys", filter=live))

    @admin.display(description="State", ordering="status")
    def state(self, application: Application) -> SafeString:
        return pill(application.get_status_display().lower(), MOODS[application.status])

    @admin.display(description="Plan", ordering="plan__name")
    def plan_shown(self, application: Application) -> str:
        return BLANK if application.plan is None else str(application.plan)

    @admin.display(description="Calls in 30 days")
    def calls_by_day(self, application: Application) -> SafeString | str:
        return calls_chart(daily_calls_of(application.pk, today=timezone.now().date()))

    @admin.display(description="Live keys", ordering="live_key_count")
    def live_keys(self, application: Any) -> int:  # noqa: ANN401 - a row with its annotation
        return int(application.live_key_count)

    @reasoned_action(
        description="Suspend selected applications",
        explanation="Within seconds every credential of theirs answers that they are suspended.",
    )
    def suspend(self, request: HttpRequest, row: Application, reason: str) -> None:
        services.suspend_application(
            application_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )

    @reasoned_action(
        description="Resume selected applications",
        explanation="Their credentials work again, as they did.",
    )
    def resume(self, request: HttpRequest, row: Application, reason: str) -> None:
        services.resume_application(
            application_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )

    @reasoned_action(
        description="Change the plan of selected applications",
        explanation="Their calls are counted under it within seconds.",
        form_class=PlanChoiceForm,
    )
    def change_plan(
        self, request: HttpRequest, row: Application, reason: str, plan: Plan | None
    ) -> None:
        assign_plan_to_application(
            application_id=row.pk,
            plan_id=None if plan is None else plan.pk,
            actor=actor_of(request),
            reason=reason,
            now=timezone.now(),
        )
