"""The payments of an order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins

from apps.orders.api.v1 import examples_payments as examples
from apps.orders.api.v1.filters_payments import PaymentFilter
from apps.orders.api.v1.serializers.payments import (
    PaymentCaptureIn,
    PaymentConfirmationIn,
    PaymentIn,
    PaymentOut,
)
from apps.orders.models import PaymentIntent
from apps.orders.selectors import payments as selectors
from apps.orders.services.payments import intents as services
from apps.orders.services.payments.finishing import finish_payment
from core.api.schema import problem
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["payments"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_payments",
        summary="List an order's payments",
        examples=examples.LIST,
        tags=TAGS,
    ),
)
class PaymentViewSet(mixins.ListModelMixin, ApiViewSet[PaymentIntent]):
    """How an order is paid, the last attempt first; at most one of them is open at a time.

    What a provider must do is asked after the effect of the call has been written. `processing`
    means that its answer is not known yet: it is asked again, under the same key, until it is.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "orders:read",
        "retrieve": "orders:read",
        "create": "payments:write",
        "confirm": "payments:write",
        "capture": "payments:write",
        "cancel": "payments:write",
    }
    idempotency: ClassVar = {
        "create": "required",
        "confirm": "required",
        "capture": "required",
        "cancel": "required",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"confirm", "capture", "cancel"})
    has_etag: ClassVar[frozenset[str]] = frozenset({"create", "confirm", "capture", "cancel"})
    serializer_class = PaymentOut
    filterset_class = PaymentFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")
    queryset = PaymentIntent.objects.none()  # for the schema: the type of the path's ids

    def get_queryset(self) -> QuerySet[PaymentIntent]:
        if getattr(self, "swagger_fake_view", False):
            return PaymentIntent.objects.none()
        return selectors.payments_of(self.request.auth, self.kwargs["order_id"])

    @extend_schema(
        operation_id="get_payment",
        summary="Read a payment of an order",
        examples=examples.SHOW,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, order_id: UUID, payment_id: UUID) -> Response:
        """How far it is, and what the payer has to do."""
        return self.answer(selectors.payment_for(request.auth, order_id, payment_id, self.shaped))

    @extend_schema(
        operation_id="pay_order",
        summary="Pay an order",
        request=PaymentIn,
        responses={
            201: PaymentOut,
            **problem(400, "validation_failed", "idempotency_key_missing"),
            **problem(404, "order_not_found"),
            **problem(409, "payment_open", "invalid_transition", "order_not_payable"),
            **problem(503, "no_payment_provider"),
        },
        examples=examples.CREATE,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, order_id: UUID) -> Response:
        """Pay all that is left to pay of a pending order, by its `expires_at`.

        The answer says in `status` what came of it: `succeeded`; `requires_capture`, with
        `capture_method` manual; `requires_action`, when the payer has to follow `next_action`;
        `requires_payment_method`, when it was declined (`last_error`) or none was sent; or
        `processing`. A decline is no error of the call: confirm the payment with another method.
        """
        intent = services.create_intent(
            order_id=order_id,
            **validated(PaymentIn, request),
            actor=request.auth,
            now=timezone.now(),
            by_caller=True,
        )
        location = reverse(
            "v1:payment-detail", kwargs={"order_id": order_id, "payment_id": intent.pk}
        )
        return self._answer(intent, status=201, location=location)

    @extend_schema(
        operation_id="confirm_payment",
        summary="Try an open payment with a method",
        request=PaymentConfirmationIn,
        responses={
            200: PaymentOut,
            **problem(400, "validation_failed", "idempotency_key_missing"),
            **problem(404, "order_not_found", "payment_not_found"),
            **problem(
                409,
                "payment_in_progress",
                "payment_state",
                "invalid_transition",
                "order_not_payable",
            ),
        },
        examples=examples.CONFIRM,
        tags=TAGS,
    )
    def confirm(self, request: ApiRequest, order_id: UUID, payment_id: UUID) -> Response:
        """Try again after a decline, or go on after the payer has done what was asked of them."""
        intent = services.confirm_intent(
            order_id=order_id,
            payment_id=payment_id,
            **validated(PaymentConfirmationIn, request),
            check=self._check(request, order_id, payment_id),
            actor=request.auth,
            now=timezone.now(),
            by_caller=True,
        )
        return self._answer(intent)

    @extend_schema(
        operation_id="capture_payment",
        summary="Take what was reserved",
        request=PaymentCaptureIn,
        responses={
            200: PaymentOut,
            **problem(400, "validation_failed", "idempotency_key_missing"),
            **problem(404, "order_not_found", "payment_not_found"),
            **problem(409, "payment_in_progress", "payment_state", "capture_exceeds_amount"),
        },
        examples=examples.CAPTURE,
        tags=TAGS,
    )
    def capture(self, request: ApiRequest, order_id: UUID, payment_id: UUID) -> Response:
        """Take all of a payment that `requires_capture`, or less; the rest is let go for good."""
        intent = services.capture_intent(
            order_id=order_id,
            payment_id=payment_id,
            **validated(PaymentCaptureIn, request),
            check=self._check(request, order_id, payment_id),
            actor=request.auth,
            now=timezone.now(),
            by_caller=True,
        )
        return self._answer(intent)

    @extend_schema(
        operation_id="cancel_payment",
        summary="Give up an open payment",
        request=NothingIn,
        responses={
            200: PaymentOut,
            **problem(400, "validation_failed", "idempotency_key_missing"),
            **problem(404, "order_not_found", "payment_not_found"),
            **problem(409, "payment_in_progress", "payment_state"),
        },
        examples=examples.CANCEL,
        tags=TAGS,
    )
    def cancel(self, request: ApiRequest, order_id: UUID, payment_id: UUID) -> Response:
        """Let go what was reserved, so that another payment may be begun.

        Of an order that is confirmed, cancel the order: its payment goes with it.
        """
        validated(NothingIn, request)
        intent = services.cancel_intent(
            order_id=order_id,
            payment_id=payment_id,
            check=self._check(request, order_id, payment_id),
            actor=request.auth,
            now=timezone.now(),
            by_caller=True,
        )
        return self._answer(intent)

    def _check(
        self, request: ApiRequest, order_id: UUID, payment_id: UUID
    ) -> Callable[[PaymentIntent], None]:
        return self.precondition(partial(selectors.payment_for, request.auth, order_id, payment_id))

    def _answer(
        self, intent: PaymentIntent, *, status: int = 200, location: str | None = None
    ) -> Response:
        """As it stands now, and again once the provider has been asked."""

        def finish() -> Response:
            paid = finish_payment(intent, now=timezone.now())
            return self.answer(paid, status=status, location=location)

        self.finish_afterwards(finish)
        return self.answer(intent, status=status, location=location)
