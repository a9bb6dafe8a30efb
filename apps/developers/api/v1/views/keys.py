"""API keys of an application."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.developers.api.v1 import examples
from apps.developers.api.v1.filters import ApiKeyFilter
from apps.developers.api.v1.serializers.keys import (
    IssuedKeyOut,
    KeyIn,
    KeyOut,
    KeyPatchIn,
    RotationIn,
)
from apps.developers.models import ApiKey
from apps.developers.selectors import applications as selectors
from apps.developers.services import keys as services
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.developers.services.keys import IssuedKey
    from core.api.conditional import Check
    from core.api.viewsets import ApiRequest

TAGS = ["API keys"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_api_keys",
        summary="List an application's keys",
        examples=examples.LIST_KEYS,
        tags=TAGS,
    ),
)
class ApiKeyViewSet(mixins.ListModelMixin, ApiViewSet[ApiKey]):
    """Keys of an application of yours, newest first, dead ones too.

    An answer with a key's text is never kept, so an `Idempotency-Key` means nothing here: when the
    answer to a POST is lost, revoke the key that the list shows and make another.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "applications:read",
        "retrieve": "applications:read",
        "create": "applications:write",
        "partial_update": "applications:write",
        "destroy": "applications:write",
        "rotate": "applications:write",
    }
    idempotency: ClassVar = {"create": "ignored", "rotate": "ignored"}
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy", "rotate"})
    serializer_class = KeyOut
    filterset_class = ApiKeyFilter
    search_fields = ("name", "prefix")
    sort_fields: ClassVar[Mapping[str, str]] = {
        "created_at": "created_at",
        "name": "name",
        "expires_at": "expires_at",
        "last_used_at": "last_used_at",
    }
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):
            return ApiKey.objects.none()
        return selectors.keys_of(self.request.auth, self.kwargs["application_id"])

    @extend_schema(
        operation_id="get_api_key",
        summary="Read a key",
        responses={200: KeyOut},
        examples=examples.SHOW_KEY,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, application_id: UUID, key_id: UUID) -> Response:
        """What is known of a key; its text was shown once."""
        key = selectors.key_of(request.auth, application_id, key_id, self.shaped)
        return self.answer(key)

    @extend_schema(
        operation_id="create_api_key",
        summary="Make a key",
        request=KeyIn,
        responses={201: IssuedKeyOut, **examples.problem(409, "too_many_api_keys")},
        examples=examples.CREATE_KEY,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, application_id: UUID) -> Response:
        """Make a key with just the scopes it needs. `key` is in this answer and in no other.

        At most 20 live ones. A suspended application gets none: 403 `application_suspended`.
        """
        issued = services.create_key(
            application_id=application_id,
            rules=validated(KeyIn, request),
            actor=request.auth,
            now=timezone.now(),
        )
        return self._issued(issued)

    @extend_schema(
        operation_id="change_api_key",
        summary="Change a key",
        request=KeyPatchIn,
        responses={200: KeyOut, **examples.problem(409, "api_key_not_live", "api_key_rotated")},
        examples=examples.CHANGE_KEY,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, application_id: UUID, key_id: UUID) -> Response:
        """Change what it may do, from where and how long; in force everywhere within 5 seconds."""
        key = services.change_key(
            application_id=application_id,
            key_id=key_id,
            changes=validated(KeyPatchIn, request),
            check=self._precondition(request, application_id, key_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(key)

    @extend_schema(
        operation_id="revoke_api_key",
        summary="Revoke a key",
        responses={204: None},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, application_id: UUID, key_id: UUID) -> Response:
        """Kill it for good, within 5 seconds everywhere. A second time answers the same."""
        services.revoke_own_key(
            application_id=application_id,
            key_id=key_id,
            check=self._precondition(request, application_id, key_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="rotate_api_key",
        summary="Rotate a key",
        request=RotationIn,
        responses={
            201: IssuedKeyOut,
            **examples.problem(409, "api_key_not_live", "api_key_rotated", "too_many_api_keys"),
        },
        examples=examples.ROTATE_KEY,
        tags=TAGS,
    )
    def rotate(self, request: ApiRequest, application_id: UUID, key_id: UUID) -> Response:
        """Make a successor with the same rules. The old key works on for the overlap, then no more.

        A key is rotated once; then its successor may be.
        """
        issued = services.rotate_key(
            application_id=application_id,
            key_id=key_id,
            overlap=timedelta(seconds=validated(RotationIn, request)["overlap_seconds"]),
            check=self._precondition(request, application_id, key_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self._issued(issued)

    def _precondition(self, request: ApiRequest, application_id: UUID, key_id: UUID) -> Check:
        return self.precondition(lambda: selectors.key_of(request.auth, application_id, key_id))

    def _issued(self, issued: IssuedKey) -> Response:
        row = self.conditional(issued.row)
        path = {"application_id": row.application_id, "key_id": row.pk}
        return Response(
            IssuedKeyOut(issued).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": reverse("v1:api-key-detail", kwargs=path)},
        )
