"""Views that exercise the kernel and nothing else, over core's own tables."""

from __future__ import annotations

import django_filters
from django.db import DataError, InterfaceError, OperationalError, connection
from django.db.models import Value
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from core.api.money import MoneyIn
from core.api.pages import ProblemIndexPage, ProblemPage, UnknownRouteView
from core.api.parsers import StrictJSONParser, StrictMultiPartParser
from core.api.permissions import IsStaff
from core.api.serializers import InputSerializer, OutputSerializer, validated
from core.api.viewsets import PUBLIC, ApiView, ApiViewSet, OrAnonymous
from core.errors import ConflictError, InvalidError, UnavailableError
from core.models import AuditEntry, OutboxEvent
from core.observability.health import livez, readyz
from core.observability.metrics import metrics

CALLS: list[object] = []  # what handlers were called with
STEPS: list[object] = []  # what TwoStepView calls in its second step, last first
FAULTS: list[Exception] = []  # what the next calls of JobView fail with, last first


class EchoView(ApiView):
    """Answers what it was sent."""

    required_scopes = {
        "get": PUBLIC,
        "post": PUBLIC,
        "patch": PUBLIC,
        "put": PUBLIC,
        "delete": PUBLIC,
    }
    query_parameters = frozenset({"name"})

    def get(self, request):
        return Response({"name": request.query_params.get("name")})

    def post(self, request):
        CALLS.append(request.data)
        return Response({"data": request.data})

    patch = put = post

    def delete(self, request):
        return Response(status=204)


class PredictView(ApiView):
    """What a prediction costs without a model: a scope, a weight, rows of numbers."""

    required_scopes = {"post": "predictions:create"}
    limit_scope = "predict"
    spends_in_handler = True
    idempotency = {"post": "ignored"}

    def post(self, request):
        rows = request.data["features"]
        self.spend(request, len(rows))
        return Response({"prediction": [[sum(row)] for row in rows]})


class WhoView(ApiView):
    required_scopes = {"get": None, "post": "profile:write", "put": PUBLIC}

    def get(self, request):
        return Response({"user_id": request.auth.user_id, "user": str(request.user)})

    post = get

    def put(self, request):
        return Response({"anonymous": request.auth is None})

    def delete(self, request):
        return Response(status=204)  # required_scopes names no `delete`


class StaffView(ApiView):
    required_scopes = {"get": None}
    permission_classes = [IsStaff]

    def get(self, request):
        return Response({})


class SmallView(ApiView):
    required_scopes = {"post": PUBLIC}
    max_body = 100

    def post(self, request):
        return Response({})


class FormView(ApiView):
    required_scopes = {"post": PUBLIC}
    parser_classes = [StrictJSONParser, StrictMultiPartParser]

    def post(self, request):
        files = {name: part.read().decode() for name, part in request.FILES.items()}
        return Response(
            {"fields": {k: v for k, v in request.data.items() if k not in files}, "files": files}
        )


class CsvView(ApiView):
    required_scopes = {"get": PUBLIC}
    media_types = ("text/csv", "application/json")

    def get(self, request):
        return StreamingHttpResponse([b"a\n", b"1\n"], content_type=request.accepted_media_type)


class Secret(Exception):  # noqa: N818 - as foreign code might name it
    pass


class FailView(ApiView):
    """Raises what its URL names."""

    required_scopes = {"get": PUBLIC, "post": PUBLIC}

    def get(self, request, kind):
        failures = {
            "unforeseen": lambda: Secret("password=canary-in-exception"),
            "invalid": lambda: InvalidError("Wrong.", hint="look"),
            "conflict": ConflictError,
            "unavailable": lambda: UnavailableError(retry_after=7),
            "data": DataError,
            "operational": OperationalError,
            "interface": InterfaceError,
        }
        failure = failures[kind]
        raise failure()

    post = get


class ThingIn(InputSerializer):
    name = serializers.CharField(max_length=10)
    count = serializers.IntegerField(required=False, min_value=0)
    ratio = serializers.FloatField(required=False)
    flag = serializers.BooleanField(required=False, allow_null=True)
    price = serializers.DecimalField(max_digits=6, decimal_places=2, required=False)
    id = serializers.UUIDField(required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=5), required=False)
    sizes = serializers.DictField(child=serializers.IntegerField(), required=False)
    kind = serializers.ChoiceField(choices=["a", "b"], required=False)


class ThingsIn(InputSerializer):
    things = ThingIn(many=True)
    first = ThingIn(required=False)


class ThingView(ApiView):
    required_scopes = {"post": PUBLIC, "put": PUBLIC}

    def post(self, request):
        data = ThingIn(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(data.validated_data)

    def put(self, request):
        data = ThingsIn(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(data.validated_data)


class JobView(ApiView):
    """Writes an audit entry at each effect."""

    required_scopes = {"post": None, "patch": None}
    idempotency = {"post": "required"}
    parser_classes = [StrictJSONParser, StrictMultiPartParser]

    def post(self, request, **_):
        entry = AuditEntry.objects.create(
            action="job", object_type="job", object_id=str(request.data.get("job", "-"))[:60]
        )
        if FAULTS:
            raise FAULTS.pop()
        if request.data.get("outcome") == "conflict":
            raise ConflictError("Not now.")
        if request.data.get("outcome") == "fault":
            raise Secret
        if request.data.get("outcome") == "invalid":
            raise InvalidError
        return Response(
            {"id": entry.id}, status=201, headers={"Location": f"/api/v1/jobs/{entry.id}"}
        )

    patch = post


class TwoStepView(ApiView):
    """Writes an entry in its transaction, and does the rest of its work behind the commit."""

    required_scopes = {"post": None}

    def post(self, request):
        entry = AuditEntry.objects.create(action="job", object_type="job", object_id="first")
        self.finish_afterwards(lambda: self._finish_entry(entry))
        if request.data.get("outcome") == "conflict":
            raise ConflictError("Not now.")
        status = 200 if request.data.get("outcome") == "ok" else 201
        return Response({"id": entry.id, "step": 1}, status=status)

    def _finish_entry(self, entry):
        CALLS.append(connection.in_atomic_block)
        if STEPS:
            STEPS.pop()()
        return Response({"id": entry.id, "step": 2}, status=201)


class OpenView(ApiView):
    """For strangers, and for whoever carries the scope; what is read may be shared."""

    required_scopes = {"get": OrAnonymous("profile:read"), "post": OrAnonymous("profile:write")}
    public_max_age = {"get": 60}

    def get(self, request):
        if "fault" in request.query_params:
            raise ConflictError("Not now.")
        return Response({"anonymous": request.auth is None})

    query_parameters = frozenset({"fault"})

    def post(self, request):
        AuditEntry.objects.create(action="job", object_type="job", object_id="open")
        return Response({"anonymous": request.auth is None}, status=201)


class PriceIn(InputSerializer):
    price = MoneyIn()


class PriceView(ApiView):
    """Answers the money it was sent, as it understood it."""

    required_scopes = {"post": PUBLIC}

    def post(self, request):
        price = validated(PriceIn, request)["price"]
        return Response({"price": price.to_document(), "amount": str(price.amount)})


class EntryOut(OutputSerializer):
    id = serializers.UUIDField()
    action = serializers.CharField(source="type")
    name = serializers.CharField(source="last_error")


class EntryFilter(django_filters.FilterSet):
    is_sent = django_filters.BooleanFilter(
        field_name="published_at", lookup_expr="isnull", exclude=True
    )
    object_type = django_filters.ChoiceFilter(choices=[("a", "A"), ("b", "B")])
    action = django_filters.CharFilter(field_name="type")
    action__in = django_filters.BaseInFilter(field_name="type", lookup_expr="in")

    class Meta:
        model = OutboxEvent
        fields = {"created_at": ["gte", "lt"]}


class EntryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_scopes = {"list": PUBLIC, "retrieve": PUBLIC, "touch": PUBLIC}
    serializer_class = EntryOut
    filterset_class = EntryFilter
    search_fields = ("type", "last_error")
    ordering = ("-created_at", "-id")
    sort_fields = {
        "created_at": "created_at",
        "action": "type",
        "actor": "actor_id",
        "name": "last_error",
        "kind": "object_type",
    }
    query_parameters = {"retrieve": frozenset({"verbose"})}
    requires_if_match = frozenset({"touch"})
    lookup_field = "id"
    lookup_value_converter = "uuid"

    def get_queryset(self):
        return OutboxEvent.objects.annotate(row_version=Value(3))

    @action(detail=True, methods=["post"])
    def touch(self, request, **_):
        row = self.get_object()
        self.precondition(lambda: row)(row)
        return Response({"id": self.conditional(row).id})


router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("entries", EntryViewSet, basename="entry")

api = [
    path("echo", EchoView.as_view(), name="echo"),
    path("predict", PredictView.as_view(), name="predict"),
    path("who", WhoView.as_view(), name="who"),
    path("staff", StaffView.as_view(), name="staff"),
    path("small", SmallView.as_view(), name="small"),
    path("form", FormView.as_view(), name="form"),
    path("csv", CsvView.as_view(), name="csv"),
    path("fail/<slug:kind>", FailView.as_view(), name="fail"),
    path("things", ThingView.as_view(), name="things"),
    path("twosteps", TwoStepView.as_view(), name="twosteps"),
    path("open", OpenView.as_view(), name="open"),
    path("prices", PriceView.as_view(), name="prices"),
    path("jobs", JobView.as_view(), name="jobs"),
    path("jobs/<slug:name>", JobView.as_view(), name="named-jobs"),
    path("", include(router.urls)),
    re_path(r"^.*$", UnknownRouteView.as_view(), name="unknown-route"),
]


def page(request):
    return HttpResponse("<p>page")


def broken_page(request):
    raise Secret("password=canary-in-exception")


urlpatterns = [
    path("api/v1/", include((api, "v1"), namespace="v1")),
    path("problems", ProblemIndexPage.as_view(), name="problems"),
    path("problems/<slug:code>", ProblemPage.as_view(), name="problem"),
    path("livez", livez),
    path("readyz", readyz),
    path("metrics", metrics),
    path("page", page),
    path("broken", broken_page),
]

handler400 = "core.api.errors.bad_request"
handler403 = "core.api.errors.permission_denied"
handler404 = "core.api.errors.page_not_found"
handler500 = "core.api.errors.server_error"
