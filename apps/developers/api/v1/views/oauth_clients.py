"""OAuth clients of an application; and what somebody has authorised."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.developers.api.v1 import examples_oauth as examples
from apps.developers.api.v1.examples import problem
from apps.developers.api.v1.filters import OAuthClientFilter
from apps.developers.api.v1.serializers.oauth_clients import (
    AuthorizationsOut,
    ClientIn,
    ClientOut,
    ClientPatchIn,
    ClientWithSecretOut,
)
from apps.developers.models import OAuthClient
from apps.developers.selectors import oauth as selectors
from apps.developers.services import oauth as services
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiView, ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.conditional import Check
    from core.api.viewsets import ApiRequest

TAGS = ["OAuth clients"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_oauth_clients",
        summary="List an application's OAuth clients",
        examples=examples.LIST_CLIENTS,
        tags=TAGS,
    ),
)
class OAuthClientViewSet(mixins.ListModelMixin, ApiViewSet[OAuthClient]):
    """Live OAuth clients of an application of yours, newest first.

    An answer with a secret is never kept, so an `Idempotency-Key` means nothing here: when the
    answer to a POST is lost, end the client that the list shows and make another.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "applications:read",
        "retrieve": "applications:read",
        "create": "applications:write",
        "partial_update": "applications:write",
        "destroy": "applications:write",
        "rotate_secret": "applications:write",
    }
    idempotency: ClassVar = {"create": "ignored", "rotate_secret": "ignored"}
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy", "rotate_secret"})
    serializer_class = ClientOut
    filterset_class = OAuthClientFilter
    search_fields = ("name", "client_id")
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at", "name": "name"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[OAuthClient]:
        if getattr(self, "swagger_fake_view", False):
            return OAuthClient.objects.none()
        return selectors.clients_of(self.request.auth, self.kwargs["application_id"])

    @extend_schema(
        operation_id="get_oauth_client",
        summary="Read an OAuth client",
        responses={200: ClientOut},
        examples=examples.SHOW_CLIENT,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, application_id: UUID, client_id: UUID) -> Response:
        """What is known of a client; its secret was shown once."""
        return self.answer(
            selectors.client_of(request.auth, application_id, client_id, self.shaped)
        )

    @extend_schema(
        operation_id="create_oauth_client",
        summary="Make an OAuth client",
        request=ClientIn,
        responses={201: ClientWithSecretOut, **problem(409, "too_many_oauth_clients")},
        examples=examples.CREATE_CLIENT,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, application_id: UUID) -> Response:
        """Make a client. `client_secret` is in this answer and in no other.

        At most 20 live ones. A suspended application gets none: 403 `application_suspended`.
        """
        made = services.create_client(
            application_id=application_id, **validated(ClientIn, request), actor=request.auth
        )
        self.conditional(made.client)
        path = {"application_id": application_id, "client_id": made.client.pk}
        return Response(
            ClientWithSecretOut(made).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": reverse("v1:oauth-client-detail", kwargs=path)},
        )

    @extend_schema(
        operation_id="change_oauth_client",
        summary="Change an OAuth client",
        request=ClientPatchIn,
        responses={200: ClientOut},
        examples=examples.CHANGE_CLIENT,
        tags=TAGS,
    )
    def partial_update(
        self, request: ApiRequest, application_id: UUID, client_id: UUID
    ) -> Response:
        """Change its name, where people are sent back to, or the most its tokens may do.

        A scope that goes is gone from its tokens within 5 seconds; one that comes is in none
        until somebody consents anew.
        """
        client = services.change_client(
            client_id=client_id,
            application_id=application_id,
            changes=validated(ClientPatchIn, request),
            actor=request.auth,
            now=timezone.now(),
            check=self._precondition(request, application_id, client_id),
        )
        return self.answer(client)

    @extend_schema(
        operation_id="revoke_oauth_client",
        summary="End an OAuth client",
        responses={204: None},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, application_id: UUID, client_id: UUID) -> Response:
        """End it for good: it gets no tokens, and those it has die within 5 seconds."""
        services.revoke_own_client(
            client_id=client_id,
            application_id=application_id,
            check=self._precondition(request, application_id, client_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="rotate_oauth_client_secret",
        summary="Give an OAuth client another secret",
        request=None,
        responses={200: ClientWithSecretOut, **problem(409, "oauth_client_is_public")},
        examples=examples.ROTATE_SECRET,
        tags=TAGS,
    )
    def rotate_secret(self, request: ApiRequest, application_id: UUID, client_id: UUID) -> Response:
        """Make another secret, shown this once. The old one is dead at once; tokens live on."""
        validated(NothingIn, request)
        made = services.rotate_secret(
            client_id=client_id,
            application_id=application_id,
            check=self._precondition(request, application_id, client_id),
            actor=request.auth,
        )
        self.conditional(made.client)
        return Response(ClientWithSecretOut(made).data)

    def _precondition(self, request: ApiRequest, application_id: UUID, client_id: UUID) -> Check:
        return self.precondition(
            lambda: selectors.client_of(request.auth, application_id, client_id)
        )


class AuthorizationsView(ApiView):
    """What you have authorised."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": "authorizations:read"}

    @extend_schema(
        operation_id="list_authorizations",
        summary="List the applications that may act for you",
        responses={200: AuthorizationsOut},
        examples=examples.LIST_AUTHORIZATIONS,
        tags=TAGS,
    )
    def get(self, request: ApiRequest) -> Response:
        """Those you have allowed and not taken back, by name."""
        listed = selectors.authorizations_of(request.auth.user_id, now=timezone.now())
        return Response(AuthorizationsOut({"results": listed}).data)


class AuthorizationView(ApiView):
    """One application that may act for you."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"delete": "authorizations:write"}

    @extend_schema(
        operation_id="withdraw_authorization",
        summary="Take back what you allowed an application",
        responses={204: None},
        tags=TAGS,
    )
    def delete(self, request: ApiRequest, application_id: UUID) -> Response:
        """End all its tokens of yours within 5 seconds; it has to ask you again."""
        services.withdraw(
            user_id=request.auth.user_id,
            application_id=application_id,
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
