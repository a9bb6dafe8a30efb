"""Deliveries: what became of each, try by try; and sending them again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin
from django.utils import timezone

from apps.webhooks.admin.display import (
    attempts_table,
    delivery_state,
    last_answer,
    link_to,
    moment,
)
from apps.webhooks.models import Delivery, WebhookEndpoint
from apps.webhooks.services import redelivering
from core.admin import AuditedModelAdmin, actor_of, pretty_json, reasoned_action
from core.admin.display import BLANK
from core.outbox import event_types

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

OFFERED_MAX: Final = 30  # endpoints offered as a filter; others are found by their id


class EndpointFilter(admin.SimpleListFilter):
    """Those that fail or are off, and whichever one a link asks for."""

    title = "endpoint"
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        rows = WebhookEndpoint.objects.filter(deleted_at=None).only("url")
        troubled = rows.filter(health__failing_since__isnull=False)
        offered = {row.pk: row for row in troubled.order_by("-id")[:OFFERED_MAX]}
        asked = _uuid_of(request.GET.get(self.parameter_name, ""))
        if asked is not None:
            offered |= {row.pk: row for row in WebhookEndpoint.objects.filter(pk=asked)}
        named = [(str(key), str(row)) for key, row in offered.items()]
        return named or [("none", "None is failing")]  # without a choice Django drops the filter

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        chosen = self.value()
        if chosen is None:
            return queryset
        key = _uuid_of(chosen)
        return queryset.none() if key is None else queryset.filter(endpoint_id=key)


class EventTypeFilter(admin.SimpleListFilter):
    """The types that there are; the table itself is too long to ask."""

    title = "event type"
    parameter_name = "event_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        return [(name, name) for name in event_types()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(event_type=self.value()) if self.value() else queryset


class MadeFilter(admin.SimpleListFilter):
    """When it was made."""

    title = "time"
    parameter_name = "made"
    periods: dict[str, tuple[str, timedelta]] = {
        "hour": ("Past hour", timedelta(hours=1)),
        "day": ("Past 24 hours", timedelta(days=1)),
        "week": ("Past week", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        return [(name, label) for name, (label, _) in self.periods.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        chosen = self.periods.get(self.value() or "")
        return (
            queryset
            if chosen is None
            else queryset.filter(created_at__gte=timezone.now() - chosen[1])
        )


@admin.register(Delivery)
class DeliveryAdmin(AuditedModelAdmin[Delivery]):
    audit_object_type = "delivery"
    list_display = (
        "made",
        "event_type",
        "shown_state",
        "answer",
        "attempts",
        "next_try",
        "endpoint_link",
    )
    list_filter = ("state", EndpointFilter, MadeFilter, EventTypeFilter)
    search_fields = (
        "id__exact",
        "event_id__exact",
        "request_id__exact",
        "endpoint__id__exact",
        "object_key__exact",
    )
    search_help_text = "An id of a delivery, event or endpoint, a request id, an object's type:id."
    ordering = ("-id",)
    actions = ("redeliver",)
    fieldsets = (
        (None, {"fields": ("id", "shown_state", "answer", "attempts", "next_try", "kind")}),
        ("Where to", {"fields": ("endpoint_link", "application_link")}),
        ("Event", {"fields": ("event_type", "event_id", "object_key", "request_id")}),
        ("Tries", {"fields": ("tries",), "classes": ("wide",)}),
        ("Sent", {"fields": ("pretty_body",)}),
        ("Times", {"fields": ("created_at", "finished_at", "lease_until")}),
    )
    readonly_fields = (
        "id",
        "shown_state",
        "answer",
        "attempts",
        "next_try",
        "kind",
        "endpoint_link",
        "application_link",
        "event_type",
        "event_id",
        "object_key",
        "request_id",
        "tries",
        "pretty_body",
        "created_at",
        "finished_at",
        "lease_until",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows = super().get_queryset(request).select_related("endpoint__application")
        return rows.defer("endpoint__secret", "endpoint__previous_secret")

    @admin.display(description="State", ordering="state")
    def shown_state(self, delivery: Delivery) -> SafeString:
        return delivery_state(delivery)

    @admin.display(description="Endpoint")
    def endpoint_link(self, delivery: Delivery) -> SafeString | str:
        page = "webhooks_webhookendpoint_change"
        host = urlsplit(delivery.endpoint.url).netloc
        return link_to(page, delivery.endpoint_id, host)

    @admin.display(description="Application")
    def application_link(self, delivery: Delivery) -> SafeString | str:
        application = delivery.endpoint.application
        return link_to("developers_application_change", application.pk, application.name)

    @admin.display(description="Last answer", ordering="last_status")
    def answer(self, delivery: Delivery) -> str:
        return last_answer(delivery.last_status, delivery.last_error)

    @admin.display(description="Made (UTC)", ordering="id")
    def made(self, delivery: Delivery) -> str:
        return moment(delivery.created_at)

    @admin.display(description="Next try (UTC)", ordering="next_attempt_at")
    def next_try(self, delivery: Delivery) -> str:
        waits = delivery.state == Delivery.State.PENDING
        return moment(delivery.next_attempt_at if waits else None)

    @admin.display(description="Kind")
    def kind(self, delivery: Delivery) -> SafeString | str:
        if delivery.redelivers_id is not None:
            return link_to("webhooks_delivery_change", delivery.redelivers_id, "sent again")
        return "test" if delivery.is_test else BLANK

    @admin.display(description="Tries")
    def tries(self, delivery: Delivery) -> SafeString | str:
        return attempts_table(delivery)

    @admin.display(description="Body")
    def pretty_body(self, delivery: Delivery) -> SafeString | str:
        return pretty_json(json.loads(delivery.body))

    @reasoned_action(
        description="Send selected deliveries again",
        explanation="The same bodies under the same webhook-ids, out of turn. What waits already"
        " is not doubled but tried at once.",
    )
    def redeliver(self, request: HttpRequest, row: Delivery, reason: str) -> None:
        redelivering.redeliver_for_staff(
            delivery_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )


def _uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
