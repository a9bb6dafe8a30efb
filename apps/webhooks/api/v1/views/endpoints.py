"""Webhook endpoints: where an application hears of events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.webhooks.api.v1 import examples
from apps.webhooks.api.v1.filters import EndpointFilter
from apps.webhooks.api.v1.serializers.deliveries import DeliveryOut, RangeIn, RangeOut
from apps.webhooks.api.v1.serializers.endpoints import (
    EndpointIn,
    EndpointOut,
    EndpointPatchIn,
    IssuedEndpointOut,
    SecretRotationIn,
)
from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.selectors import endpoints as selectors
from apps.webhooks.selectors.deliveries import Stretch
from apps.webhooks.services import endpoints as services
from apps.webhooks.services.redelivering import redeliver_range
from apps.webhooks.services.secrets import rotate_secret
from apps.webhooks.services.testing import send_test
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.webhooks.services.secrets import IssuedEndpoint
    from core.api.viewsets import ApiRequest

TAGS = ["webhooks"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_webhook_endpoints",
        summary="List your webhook endpoints",
        examples=examples.LIST_ENDPOINTS,
        tags=TAGS,
    ),
)
class EndpointViewSet(mixins.ListModelMixin, ApiViewSet[WebhookEndpoint]):
    """Webhook endpoints of your applications, newest first; an application sees its own.

    An answer with a secret is never kept, so an `Idempotency-Key` means nothing where one is made:
    when such an answer is lost, rotate the secret with `expire_previous_now`, or delete the
    endpoint and make another.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "webhooks:read",
        "retrieve": "webhooks:read",
        "create": "webhooks:write",
        "partial_update": "webhooks:write",
        "destroy": "webhooks:write",
        "rotate_secret": "webhooks:write",
        "test": "webhooks:write",
        "redeliver": "webhooks:write",
    }
    idempotency: ClassVar = {"create": "ignored", "rotate_secret": "ignored"}
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy", "rotate_secret"})
    requires_if_match: ClassVar[frozenset[str]] = frozenset({"partial_update", "destroy"})
    serializer_class = EndpointOut
    filterset_class = EndpointFilter
    search_fields = ("url", "description")
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return selectors.endpoints_visible_to(self.request.auth)

    @extend_schema(
        operation_id="get_webhook_endpoint",
        summary="Read a webhook endpoint",
        examples=examples.SHOW_ENDPOINT,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, endpoint_id: UUID) -> Response:
        """Where it leads, what goes there, and how well that works."""
        return self._answer(selectors.endpoint_for(request.auth, endpoint_id))

    @extend_schema(
        operation_id="create_webhook_endpoint",
        summary="Make a webhook endpoint",
        request=EndpointIn,
        responses={
            201: IssuedEndpointOut,
            **examples.problem(400, "validation_failed", "url_not_allowed"),
            **examples.problem(404, "application_not_found"),
            **examples.problem(409, "too_many_webhook_endpoints"),
        },
        examples=examples.CREATE_ENDPOINT,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """Say where an application hears of which events. `secret` is in this answer alone.

        At most 20 for each application; two may have the same URL. It is looked up at once whether
        the URL may be called, not whether anybody answers there: send a test event for that.
        """
        data = validated(EndpointIn, request)
        issued = services.create_endpoint(
            application_id=data.pop("application_id", None),
            rules=data,
            actor=request.auth,
        )
        location = reverse("v1:webhook-endpoint-detail", kwargs={"endpoint_id": issued.row.pk})
        return self._issued(issued, status.HTTP_201_CREATED, location)

    @extend_schema(
        operation_id="change_webhook_endpoint",
        summary="Change a webhook endpoint, or switch it off or on",
        request=EndpointPatchIn,
        responses={
            200: EndpointOut,
            **examples.problem(400, "validation_failed", "url_not_allowed"),
            **examples.problem(409, "webhook_endpoint_held"),
        },
        examples=examples.CHANGE_ENDPOINT,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, endpoint_id: UUID) -> Response:
        """Fields that are not sent stay as they are. Takes effect with the next try.

        While it is off, nothing is sent and nothing new is kept for it; what waited already goes on
        waiting, and is sent when it is on again, unless it has waited for more than four days.
        """
        endpoint = services.change_endpoint(
            endpoint_id=endpoint_id,
            changes=validated(EndpointPatchIn, request),
            check=self._check(request, endpoint_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self._answer(endpoint)

    @extend_schema(
        operation_id="delete_webhook_endpoint",
        summary="Delete a webhook endpoint",
        responses={204: None},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, endpoint_id: UUID) -> Response:
        """Delete it for good; what waits for it is cancelled."""
        services.delete_endpoint(
            endpoint_id=endpoint_id,
            check=self._check(request, endpoint_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="Make a new secret",
        request=SecretRotationIn,
        responses={200: IssuedEndpointOut, **examples.problem(409, "secret_rotation_running")},
        examples=examples.ROTATE_SECRET,
        tags=TAGS,
    )
    def rotate_secret(self, request: ApiRequest, endpoint_id: UUID) -> Response:
        """Make a new secret; `secret` is in this answer alone.

        For 24 hours each delivery has two signatures, by the new secret and by the old one; with
        `expire_previous_now` the old one signs no more. Within those 24 hours it is 409 without
        `expire_previous_now`: the receiver may have only the old secret.
        """
        issued = rotate_secret(
            endpoint_id=endpoint_id,
            **validated(SecretRotationIn, request),
            check=self._check(request, endpoint_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self._issued(issued, status.HTTP_200_OK)

    @extend_schema(
        operation_id="send_test_event",
        summary="Send a test event",
        request=NothingIn,
        responses={
            202: DeliveryOut,
            **examples.problem(409, "webhook_endpoint_disabled", "too_many_test_events"),
        },
        examples=examples.SEND_TEST,
        tags=TAGS,
    )
    def test(self, request: ApiRequest, endpoint_id: UUID) -> Response:
        """Send `webhook_endpoint.test` there, whatever its event types; see its delivery."""
        validated(NothingIn, request)
        delivery = send_test(endpoint_id=endpoint_id, actor=request.auth, now=timezone.now())
        return Response(DeliveryOut(delivery).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="redeliver_webhook_range",
        summary="Send the deliveries of a time again",
        request=RangeIn,
        responses={
            202: RangeOut,
            **examples.problem(400, "validation_failed"),
            **examples.problem(409, "webhook_endpoint_disabled", "too_many_deliveries"),
        },
        examples=examples.REDELIVER_RANGE,
        tags=TAGS,
    )
    def redeliver(self, request: ApiRequest, endpoint_id: UUID) -> Response:
        """Send again what failed in a time, or all of it, under the same webhook-ids.

        `event_types` may name types, families such as `batch_prediction.*`, or `*`. At most 10,000
        deliveries at once. What waits to be sent again already is not doubled.
        """
        now = timezone.now()
        data = validated(RangeIn, request)
        count = redeliver_range(
            endpoint_id=endpoint_id,
            stretch=Stretch(**{**data, "to_at": data["to_at"] or now}),
            actor=request.auth,
            now=now,
        )
        return Response({"count": count}, status=status.HTTP_202_ACCEPTED)

    def _check(self, request: ApiRequest, endpoint_id: UUID) -> Callable[..., None]:
        return self.precondition(partial(selectors.endpoint_for, request.auth, endpoint_id))

    def _answer(self, endpoint: WebhookEndpoint) -> Response:
        return Response(self.get_serializer(self.conditional(endpoint)).data)

    def _issued(self, issued: IssuedEndpoint, code: int, location: str = "") -> Response:
        self.conditional(issued.row)
        headers = {"Cache-Control": "no-store"} | ({"Location": location} if location else {})
        return Response(IssuedEndpointOut(issued).data, status=code, headers=headers)
