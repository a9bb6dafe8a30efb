"""Where payment providers call us back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.orders.api.v1 import examples_payments as examples
from apps.orders.services.payments.notices import receive_notice
from apps.orders.services.providers.signatures import HEADER
from core.api.parsers import StrictJSONParser, parse_json
from core.api.schema import problem
from core.api.viewsets import PUBLIC, ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from django.http import HttpRequest

    from core.api.viewsets import ApiRequest

BODY_MAX: Final = 262_144  # bytes; providers send a few thousand


class ReceivedOut(serializers.Serializer[Any]):
    """That a callback was taken, whether or not it was news."""

    received = serializers.BooleanField()


class KeptJSONParser(StrictJSONParser):
    """JSON whose bytes stay readable as the request's `body`: a signature is over them."""

    def parse(
        self,
        stream: IO[bytes] | HttpRequest,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON is any of its types
        return parse_json(stream.body)  # type: ignore[union-attr] # ApiRequest hands over Django's request


class ProviderCallbackView(ApiView):
    """For payment providers alone; they show who they are by a signature over the body."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": PUBLIC}
    parser_classes = (KeptJSONParser,)
    max_body = BODY_MAX

    @extend_schema(
        operation_id="receive_provider_callback",
        summary="Take what a payment provider says",
        parameters=[
            OpenApiParameter(
                HEADER,
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="t=seconds since 1970, v1=HMAC-SHA256 in hex over `t.body`.",
            )
        ],
        request=OpenApiTypes.OBJECT,
        responses={
            200: ReceivedOut,
            **problem(400, "bad_signature"),
            **problem(404, "payment_provider_not_found"),
        },
        examples=examples.CALL_BACK,
        tags=["payments"],
    )
    def post(self, request: ApiRequest, provider: str) -> Response:
        """Answer at once; what it means is worked out in the background.

        An event that comes twice is heeded once, and in whatever order events come, the payment
        ends where the provider says it is. A time more than 300 s off is refused.
        """
        receive_notice(
            provider=provider,
            headers=request.headers,
            body=request._request.body,  # noqa: SLF001 - DRF's name for Django's request
            now=timezone.now(),
        )
        return Response({"received": True})
