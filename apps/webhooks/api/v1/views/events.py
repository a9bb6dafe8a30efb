"""The log of events, to pull."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins

from apps.webhooks.api.v1 import event_examples as examples
from apps.webhooks.api.v1.event_filters import EventFilter
from apps.webhooks.api.v1.serializers.events import EventOut
from apps.webhooks.errors import EventNotFoundError
from apps.webhooks.models import EventRecord
from apps.webhooks.selectors.events import events_visible_to
from core.api.following import FollowedPagination
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

TAGS = ["events"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_events",
        summary="Pull events",
        examples=examples.EVENTS,
        tags=TAGS,
    ),
    retrieve=extend_schema(
        operation_id="get_event",
        summary="Read an event",
        examples=examples.EVENTS,
        tags=TAGS,
    ),
)
class EventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet[EventRecord]):
    """What has happened to what you have in the last 30 days, oldest first; a second behind.

    `next` is never null: keep it and ask it again, at once while pages are full, else after a
    pause; what commits late is not missed. `sort=-position` reads newest first, for people.
    A person sees events of their account and of all their applications, an application those it is
    concerned in; events of models are everybody's.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "events:read",
        "retrieve": "events:read",
    }
    serializer_class = EventOut
    filterset_class = EventFilter
    pagination_class = FollowedPagination
    sort_fields: ClassVar[Mapping[str, str]] = {"position": "pk"}
    ordering = ("pk",)
    lookup_field = "id"
    lookup_url_kwarg = "event_id"

    def get_queryset(self) -> QuerySet[EventRecord]:
        return events_visible_to(self.request.auth, now=timezone.now())

    def get_object(self) -> EventRecord:
        try:
            return super().get_object()
        except Http404:
            raise EventNotFoundError from None
