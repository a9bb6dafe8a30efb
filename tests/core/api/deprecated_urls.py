"""Views of which some operations are on their way out, and some are gone."""

from __future__ import annotations

from datetime import date

from django.urls import include, path
from rest_framework.response import Response

from core.api.deprecation import Deprecation, gone
from core.api.viewsets import PUBLIC, ApiView
from tests.core.api.urls import EntryOut, EntryViewSet

CALLS: list[str] = []  # what handlers were called

ENDING = Deprecation(
    since=date(2021, 3, 1),
    sunset=date(2099, 12, 31),
    successor="/api/v1/notes/{id}",
    guide="/docs/moving",
)
ENDING_LIST = Deprecation(date(2021, 3, 1), date(2099, 12, 31), "/api/v1/notes", "/docs/moving")
OVER = Deprecation(since=date(2020, 1, 1), sunset=date(2021, 1, 1), successor="/api/v1/new")
OVER_FOR_GOOD = Deprecation(since=date(2020, 1, 1), sunset=date(2021, 1, 1))


class OldEntryOut(EntryOut):
    deprecated_members = {"name": Deprecation(date(2021, 3, 1), date(2099, 12, 31), "action")}


class OldEntryViewSet(EntryViewSet):
    serializer_class = OldEntryOut
    deprecations = {"list": ENDING_LIST, "retrieve": ENDING}
    deprecated_parameters = {"object_type": ENDING}


class OldView(ApiView):
    """`get` is fine, `post` is over, `delete` is over and has lost its code."""

    required_scopes = {"get": PUBLIC, "post": "profile:write", "delete": None, "put": PUBLIC}
    deprecations = {"post": OVER, "delete": OVER_FOR_GOOD, "put": ENDING}

    def get(self, request, **_):
        CALLS.append("get")
        return Response({})

    def post(self, request, **_):
        CALLS.append("post")
        return Response({})

    def put(self, request, pk):
        CALLS.append("put")
        return Response({"pk": pk}, status=201)

    delete = gone


api = [
    path("old/<str:pk>", OldView.as_view(), name="old"),
    path("entries", OldEntryViewSet.as_view({"get": "list"}), name="entries"),
    path("entries/<uuid:id>", OldEntryViewSet.as_view({"get": "retrieve"}), name="entry"),
]
urlpatterns = [path("api/v1/", include((api, "v1"), namespace="v1"))]
