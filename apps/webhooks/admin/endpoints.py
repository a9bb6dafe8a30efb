"""Webhook endpoints: where they lead and how they do; off, on, and what they missed again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.webhooks.admin.display import endpoint_health, endpoint_state, link_to, moment
from apps.webhooks.models import Delivery, WebhookEndpoint
from apps.webhooks.selectors.deliveries import Stretch
from apps.webhooks.services import switching
from apps.webhooks.services.redelivering import RANGE_MAX, redeliver_range_for_staff
from core.admin import AuditedModelAdmin, actor_of, reasoned_action
from core.admin.actions import ReasonForm

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

DAY: Final = timedelta(days=1)
URL_SHOWN: Final = 80  # characters, in the list
MOMENT: Final = "%Y-%m-%dT%H:%M"  # as browsers fill in a datetime-local


def _moment(label: str, help_text: str, *, required: bool) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
    return forms.DateTimeField(label=label, help_text=help_text, required=required, widget=widget)


class RangeForm(ReasonForm):
    """Which time, and what of it."""

    from_at = _moment("From", "UTC; of deliveries that were made then or later.", required=True)
    to_at = _moment("To", "UTC; empty: until now.", required=False)
    only_failed = forms.BooleanField(
        label="Only what has not arrived", initial=True, required=False
    )

    field_order = ("from_at", "to_at", "only_failed", "reason")

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        first, last = said.get("from_at"), said.get("to_at")
        if first and last and last <= first:
            self.add_error("to_at", "This must be later than where it begins.")
        return said


class OffFilter(admin.SimpleListFilter):
    """On, off by whom or what, deleted. Without a choice, deleted ones are left out."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        reasons = [(f"off-{value}", f"Off: {label}") for value, label in REASONS]
        return [("on", "On"), *reasons, ("failing", "Failing"), ("deleted", "Deleted")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]
    ) -> QuerySet[WebhookEndpoint]:
        chosen = self.value() or ""
        if chosen == "deleted":
            return queryset.exclude(deleted_at=None)
        rows = queryset.filter(deleted_at=None)
        if chosen == "on":
            return rows.filter(status=WebhookEndpoint.Status.ENABLED)
        if chosen == "failing":
            return rows.filter(health__failing_since__isnull=False)
        if chosen.startswith("off-"):
            return rows.filter(disabled_reason=chosen.removeprefix("off-"))
        return rows if self._is_list(request) else queryset

    @staticmethod
    def _is_list(request: HttpRequest) -> bool:
        """A search looks at deleted ones too: whoever knows an id wants to see it."""
        return not request.GET.get("q")


REASONS: Final = WebhookEndpoint.DisabledReason.choices


def _counted(**which: Any) -> Coalesce:  # noqa: ANN401 - conditions of any column
    """How many deliveries of an endpoint are such."""
    rows = Delivery.objects.filter(endpoint=OuterRef("pk"), **which).order_by()
    count = rows.values("endpoint").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(count), 0)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(AuditedModelAdmin[WebhookEndpoint]):
    audit_object_type = "webhook_endpoint"
    list_display = (
        "address",
        "state",
        "health_shown",
        "waiting",
        "failed_lately",
        "application_link",
        "owner",
    )
    list_filter = (OffFilter,)
    list_select_related = ("application__owner", "health")
    search_fields = (
        "id__exact",
        "url__icontains",
        "application__name__icontains",
        "application__id__exact",
        "application__owner__username__istartswith",
    )
    search_help_text = "An id, part of a URL or application's name, how a username begins."
    ordering = ("-created_at", "-id")
    actions = ("disable", "enable", "redeliver")
    fieldsets = (
        (None, {"fields": ("id", "url", "description", "event_types")}),
        ("Whose", {"fields": ("application_link", "owner")}),
        ("State", {"fields": ("state", "disabled_at", "deleted_at", "previous_secret_until")}),
        (
            "Health",
            {
                "fields": (
                    "health_shown",
                    "failing_since",
                    "last_failure",
                    "last_success",
                    "paused_until",
                    "lane",
                )
            },
        ),
        ("Deliveries", {"fields": ("waiting", "failed_lately", "log")}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )
    readonly_fields = (
        "id",
        "url",
        "description",
        "event_types",
        "application_link",
        "owner",
        "state",
        "disabled_at",
        "deleted_at",
        "previous_secret_until",
        "health_shown",
        "failing_since",
        "last_failure",
        "last_success",
        "paused_until",
        "lane",
        "waiting",
        "failed_lately",
        "log",
        "created_at",
        "updated_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        lately = timezone.now() - DAY
        rows = super().get_queryset(request).defer("secret", "previous_secret")
        return rows.annotate(
            waiting_count=_counted(state=Delivery.State.PENDING),
            failed_count=_counted(state=Delivery.State.FAILED, finished_at__gte=lately),
        )

    @admin.display(description="URL", ordering="url")
    def address(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.url[:URL_SHOWN]

    @admin.display(description="Application", ordering="application__name")
    def application_link(self, endpoint: WebhookEndpoint) -> SafeString | str:
        application = endpoint.application
        return link_to("developers_application_change", application.pk, application.name)

    @admin.display(description="Owner", ordering="application__owner__username")
    def owner(self, endpoint: WebhookEndpoint) -> str:
        return str(endpoint.application.owner)

    @admin.display(description="State", ordering="status")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        return endpoint_state(endpoint)

    @admin.display(description="Health", ordering="health__failing_since")
    def health_shown(self, endpoint: WebhookEndpoint) -> SafeString:
        return endpoint_health(endpoint)

    @admin.display(description="Waiting", ordering="waiting_count")
    def waiting(self, endpoint: Any) -> int:  # noqa: ANN401 - a row with its annotation
        return int(endpoint.waiting_count)

    @admin.display(description="Failed in 24 h", ordering="failed_count")
    def failed_lately(self, endpoint: Any) -> int:  # noqa: ANN401 - as above
        return int(endpoint.failed_count)

    @admin.display(description="Failing since (UTC)")
    def failing_since(self, endpoint: WebhookEndpoint) -> str:
        return moment(endpoint.health.failing_since)

    @admin.display(description="Last failure (UTC)")
    def last_failure(self, endpoint: WebhookEndpoint) -> str:
        return moment(endpoint.health.last_failure_at)

    @admin.display(description="Last success (UTC)")
    def last_success(self, endpoint: WebhookEndpoint) -> str:
        return moment(endpoint.health.last_success_at)

    @admin.display(description="Paused until (UTC)")
    def paused_until(self, endpoint: WebhookEndpoint) -> str:
        return moment(endpoint.health.paused_until)

    @admin.display(description="Lane")
    def lane(self, endpoint: WebhookEndpoint) -> str:
        return str(endpoint.health)

    @admin.display(description="Log")
    def log(self, endpoint: WebhookEndpoint) -> SafeString:
        page = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?endpoint={}">its deliveries</a>', page, endpoint.pk)

    @reasoned_action(
        description="Switch selected endpoints off",
        explanation="Nothing is sent there, and their owners, who get a mail, cannot switch them"
        " on. The reason stays with staff.",
    )
    def disable(self, request: HttpRequest, row: WebhookEndpoint, reason: str) -> None:
        switching.disable_endpoint(
            endpoint_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )

    @reasoned_action(
        description="Switch selected endpoints on",
        explanation="What has waited for less than four days is sent; older ones are cancelled.",
    )
    def enable(self, request: HttpRequest, row: WebhookEndpoint, reason: str) -> None:
        switching.enable_endpoint(
            endpoint_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )

    @reasoned_action(
        description="Send deliveries of a time again",
        explanation="Under the same webhook-ids, out of turn; what waits already is not doubled."
        f" At most {RANGE_MAX:,} of each endpoint.",
        form_class=RangeForm,
    )
    def redeliver(  # noqa: PLR0913 - what the form asks for
        self,
        request: HttpRequest,
        row: WebhookEndpoint,
        *,
        reason: str,
        from_at: datetime,
        to_at: datetime | None,
        only_failed: bool,
    ) -> None:
        now = timezone.now()
        redeliver_range_for_staff(
            endpoint_id=row.pk,
            stretch=Stretch(from_at=from_at, to_at=to_at or now, only_failed=only_failed),
            actor=actor_of(request),
            reason=reason,
            now=now,
        )
