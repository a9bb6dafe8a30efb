"""What was sent to an endpoint, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.webhooks.api.v1 import examples
from apps.webhooks.api.v1.filters import DeliveryFilter
from apps.webhooks.api.v1.serializers.deliveries import DeliveryDetailOut, DeliveryOut
from apps.webhooks.models import Delivery
from apps.webhooks.selectors import deliveries as selectors
from apps.webhooks.services import redelivering
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["webhooks"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List an endpoint's deliveries",
        examples=examples.LIST_DELIVERIES,
        tags=TAGS,
    ),
)
class DeliveriesViewSet(mixins.ListModelMixin, ApiViewSet[Delivery]):
    """What an endpoint was sent, and is to be sent, newest first; kept for 30 days."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"list": "webhooks:read"}
    serializer_class = DeliveryOut
    filterset_class = DeliveryFilter
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Delivery]:
        if getattr(self, "swagger_fake_view", False):
            return Delivery.objects.none()
        return selectors.deliveries_of(self.request.auth, self.kwargs["endpoint_id"])


class DeliveryViewSet(ApiViewSet[Delivery]):
    """One delivery, with its tries."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "retrieve": "webhooks:read",
        "redeliver": "webhooks:write",
    }
    serializer_class = DeliveryDetailOut
    queryset = Delivery.objects.none()  # for the schema: the type of the path's ids

    @extend_schema(
        operation_id="get_webhook_delivery",
        summary="Read a delivery with its tries",
        examples=examples.SHOW_DELIVERY,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """What is sent, and of each try what was answered: status, headers, start of the body."""
        delivery = selectors.delivery_for(request.auth, endpoint_id, delivery_id)
        return Response(self.get_serializer(self.conditional(delivery)).data)

    @extend_schema(
        operation_id="redeliver_webhook",
        summary="Send a delivery again",
        request=NothingIn,
        responses={202: DeliveryOut, **examples.problem(409, "webhook_endpoint_disabled")},
        examples=examples.REDELIVER,
        tags=TAGS,
    )
    def redeliver(self, request: ApiRequest, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """Send the same body under the same webhook-id, out of turn, as a new delivery.

        What waits already, or waits to be sent again, is not doubled: it is tried at once, and its
        delivery answered.
        """
        validated(NothingIn, request)
        delivery = redelivering.redeliver(
            endpoint_id=endpoint_id,
            delivery_id=delivery_id,
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(DeliveryOut(delivery).data, status=status.HTTP_202_ACCEPTED)
