"""Routes of webhooks in version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.urls import path

from apps.webhooks.api.v1.views.deliveries import DeliveriesViewSet, DeliveryViewSet
from apps.webhooks.api.v1.views.endpoints import EndpointViewSet
from apps.webhooks.api.v1.views.events import EventViewSet

if TYPE_CHECKING:
    from django.urls import URLPattern

Actions: TypeAlias = dict[str, Any]

LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
DETAIL: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
ENDPOINT = "webhook-endpoints/<uuid:endpoint_id>"
DELIVERY = f"{ENDPOINT}/deliveries/<uuid:delivery_id>"

urlpatterns: list[URLPattern] = [
    path("events", EventViewSet.as_view({"get": "list"}), name="event-list"),
    path("events/<uuid:event_id>", EventViewSet.as_view({"get": "retrieve"}), name="event-detail"),
    path(
        "webhook-endpoints",
        EndpointViewSet.as_view(LIST_AND_CREATE),
        name="webhook-endpoint-list",
    ),
    path(ENDPOINT, EndpointViewSet.as_view(DETAIL), name="webhook-endpoint-detail"),
    path(
        f"{ENDPOINT}/rotate-secret",
        EndpointViewSet.as_view({"post": "rotate_secret"}),
        name="webhook-endpoint-rotate-secret",
    ),
    path(
        f"{ENDPOINT}/test",
        EndpointViewSet.as_view({"post": "test"}),
        name="webhook-endpoint-test",
    ),
    path(
        f"{ENDPOINT}/redeliver",
        EndpointViewSet.as_view({"post": "redeliver"}),
        name="webhook-endpoint-redeliver",
    ),
    path(
        f"{ENDPOINT}/deliveries",
        DeliveriesViewSet.as_view({"get": "list"}),
        name="webhook-delivery-list",
    ),
    path(
        DELIVERY,
        DeliveryViewSet.as_view({"get": "retrieve"}),
        name="webhook-delivery-detail",
    ),
    path(
        f"{DELIVERY}/redeliver",
        DeliveryViewSet.as_view({"post": "redeliver"}),
        name="webhook-delivery-redeliver",
    ),
]
