"""E-mail addresses: proving one, asking for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api.v1 import examples
from apps.accounts.api.v1.serializers import ConfirmationIn, EmailIn, EmailOut
from apps.accounts.api.v1.views.common import CredentialsView
from core.api.serializers import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.viewsets import ApiRequest


class EmailConfirmationView(CredentialsView):
    @extend_schema(
        operation_id="confirm_email",
        summary="Confirm an e-mail address",
        request=ConfirmationIn,
        responses={204: None},
        examples=examples.CONFIRM_EMAIL,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Prove that an address is yours with the text mailed to it; it works for three days."""
        data = validated(ConfirmationIn, request)
        services.confirm_email(confirmation=data["confirmation"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeEmailView(CredentialsView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "profile:write"}

    @extend_schema(
        operation_id="change_email",
        summary="Ask for another e-mail address",
        request=EmailIn,
        responses={202: EmailOut},
        examples=examples.CHANGE_EMAIL,
        tags=["accounts"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Have a confirmation sent to an address; it becomes yours when it is confirmed."""
        data = validated(EmailIn, request)
        user = services.request_email_change(
            user_id=request.auth.user_id,
            address=data["email"],
            current_password=data["current_password"],
        )
        return Response(EmailOut(user).data, status=status.HTTP_202_ACCEPTED)
