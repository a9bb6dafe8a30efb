"""The log of events: what others heard of, whose it was, where it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html

from apps.webhooks.admin.display import link_to, moment
from apps.webhooks.models import EventRecord
from apps.webhooks.selectors.events import PUBLIC, of_types, patterns
from core.admin import AuditedModelAdmin, pill, pretty_json

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class PatternFilter(admin.SimpleListFilter):
    """Types and families that there are; the table itself is too long to ask."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        return [(pattern, pattern) for pattern in sorted(patterns())]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[EventRecord]
    ) -> QuerySet[EventRecord]:
        chosen = self.value()
        return queryset if chosen is None else of_types(queryset, [chosen])


class AudienceFilter(admin.SimpleListFilter):
    """Everybody's, an application's, or a person's alone."""

    title = "who hears of it"
    parameter_name = "audience"
    conditions: ClassVar[dict[str, Q]] = {
        "everybody": PUBLIC,
        "an application": Q(application_id__isnull=False),
        "a person": Q(account_id__isnull=False, application_id=None),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        return [(name, name.capitalize()) for name in self.conditions]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[EventRecord]
    ) -> QuerySet[EventRecord]:
        return queryset.filter(self.conditions.get(self.value() or "", Q()))


@admin.register(EventRecord)
class EventRecordAdmin(AuditedModelAdmin[EventRecord]):
    list_display = ("position", "occurred", "type", "object_link", "sequence", "whose", "behind")
    list_filter = (PatternFilter, AudienceFilter)
    search_fields = (
        "id__exact",
        "object_id__exact",
        "request_id__exact",
        "application_id__exact",
        "account_id__exact",
    )
    search_help_text = "An id of an event, object, application or account, or a request id."
    ordering = ("-position",)
    fieldsets = (
        (None, {"fields": ("position", "id", "type", "schema_version", "deliveries")}),
        ("About", {"fields": ("object_link", "sequence", "whose", "account", "application")}),
        ("Data", {"fields": ("pretty_data",)}),
        ("Times", {"fields": ("occurred_at", "recorded_at", "behind", "request_id")}),
    )
    readonly_fields = (
        "position",
        "id",
        "type",
        "schema_version",
        "deliveries",
        "object_link",
        "sequence",
        "whose",
        "account",
        "application",
        "pretty_data",
        "occurred_at",
        "recorded_at",
        "behind",
        "request_id",
    )

    @admin.display(description="Happened (UTC)", ordering="occurred_at")
    def occurred(self, event: EventRecord) -> str:
        return moment(event.occurred_at)

    @admin.display(description="Object")
    def object_link(self, event: EventRecord) -> SafeString:
        """Leads to all events of the object."""
        query = urlencode({"q": event.object_id})
        page = reverse("admin:webhooks_eventrecord_changelist")
        text = f"{event.object_type} {event.object_id}"
        return format_html('<a href="{}?{}">{}</a>', page, query, text)

    @admin.display(description="Who hears of it")
    def whose(self, event: EventRecord) -> SafeString:
        if event.account_id is None:
            return pill("everybody", "good")
        return pill("an application" if event.application_id else "a person")

    @admin.display(description="Account")
    def account(self, event: EventRecord) -> SafeString | str:
        return link_to("accounts_user_change", event.account_id, str(event.account_id))

    @admin.display(description="Application")
    def application(self, event: EventRecord) -> SafeString | str:
        page = "developers_application_change"
        return link_to(page, event.application_id, str(event.application_id))

    @admin.display(description="Deliveries")
    def deliveries(self, event: EventRecord) -> SafeString:
        page = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?q={}">where it went</a>', page, event.id)

    @admin.display(description="Handed on after")
    def behind(self, event: EventRecord) -> str:
        """How long it lay in the outbox."""
        return f"{(event.recorded_at - event.occurred_at).total_seconds():,.1f} s"

    @admin.display(description="Data")
    def pretty_data(self, event: EventRecord) -> SafeString | str:
        return pretty_json(event.data)
