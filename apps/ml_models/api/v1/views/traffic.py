"""Canaries and shadows of an alias: everyone who may predict reads them, staff change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples_traffic as examples
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.traffic import (
    CanaryIn,
    CanaryOut,
    ComparisonOut,
    ShadowIn,
    ShadowOut,
    basis_points,
)
from apps.ml_models.models import TrafficSplit
from apps.ml_models.selectors import traffic as selectors
from apps.ml_models.services import traffic
from apps.ml_models.services.traffic import Guard
from core.api.serializers import validated
from core.api.viewsets import ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.serializers import InputSerializer, OutputSerializer
    from core.api.viewsets import ApiRequest


TAGS = ["traffic"]
MISSING = problem(404, "model_not_found", "model_alias_not_found", "split_not_found")
UNFIT_CODES = (
    "version_not_ready",
    "runtime_unavailable",
    "same_version",
    "signature_differs",
    "alias_moving",
)
UNFIT = {
    **problem(404, "model_not_found", "model_alias_not_found", "model_version_not_found"),
    **problem(409, *UNFIT_CODES),
    **problem(410, "model_version_retired"),
}


class SplitView(ApiView):
    """What canaries and shadows have in common."""

    kind: ClassVar[str]
    shape_in: ClassVar[type[InputSerializer[None]]]
    shape_out: ClassVar[type[OutputSerializer[Any]]]
    has_etag = True
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"put", "delete"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": "models:read",
        "put": "models:write",
        "delete": "models:write",
    }

    def variant_of(self, row: TrafficSplit) -> str:
        """The guard's looks change the document, and are nobody's change of the split."""
        seen = row.observed_at
        return "" if seen is None else f"{seen.timestamp():.0f}"

    def read(self, name: str, alias: str) -> Response:
        split = self.conditional(selectors.split_of(name, alias, self.kind))
        return Response(self.shape_out(split).data)

    def change(self, request: ApiRequest, name: str, alias: str) -> Response:
        data = validated(self.shape_in, request)
        guard = data.get("guard")
        split = traffic.set_split(
            model_name=name,
            alias=alias,
            kind=self.kind,
            number=data["version"],
            share=basis_points(data["percent"]),
            guard=None if guard is None else Guard(**guard),
            actor=request.auth,
            reason=data["reason"],
            override_reason=data.get("override_reason", ""),
            check=self.precondition(lambda: selectors.find_split(name, alias, self.kind)),
        )
        return Response(self.shape_out(self.conditional(split)).data)

    def end(self, request: ApiRequest, name: str, alias: str) -> HttpResponse:
        traffic.end_split(
            model_name=name,
            alias=alias,
            kind=self.kind,
            actor=request.auth,
            check=self.precondition(lambda: selectors.find_split(name, alias, self.kind)),
        )
        return HttpResponse(status=status.HTTP_204_NO_CONTENT)


class CanaryView(SplitView):
    """A version that answers a share of an alias's callers, each of them always the same."""

    kind = TrafficSplit.Kind.CANARY
    shape_in, shape_out = CanaryIn, CanaryOut

    @extend_schema(
        operation_id="get_model_canary",
        summary="Read a canary",
        responses={200: CanaryOut, **MISSING},
        examples=examples.CANARY,
        tags=TAGS,
    )
    def get(self, request: ApiRequest, name: str, alias: str) -> Response:
        """The canary of an alias; of one that has ended, the last and why it ended."""
        return self.read(name, alias)

    @extend_schema(
        operation_id="set_model_canary",
        summary="Start or change a canary",
        request=CanaryIn,
        responses={
            200: CanaryOut,
            **UNFIT,
            **problem(409, *UNFIT_CODES, "approval_required", "promotion_refused"),
        },
        examples=examples.SET_CANARY,
        tags=TAGS,
    )
    def put(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Have a version answer a share of an alias's callers, in every process within 2 s.

        Who calls decides, that is the application, or the person without one: the same caller
        always gets the same version, and stays in when the share grows. A canary that fails, is
        slow or answers otherwise beyond `guard` is taken away by itself. The version must take and
        answer the same as the alias's own (409 `signature_differs`). More than 50 % of `champion`
        is a promotion in all but name: it has to pass the same gate (409 `promotion_refused`).
        """
        return self.change(request, name, alias)

    @extend_schema(
        operation_id="end_model_canary",
        summary="End a canary",
        responses={204: None, **MISSING},
        tags=TAGS,
    )
    def delete(self, request: ApiRequest, name: str, alias: str) -> HttpResponse:
        """Have the alias's own version answer everybody again; 404 when no canary is active."""
        return self.end(request, name, alias)


class ShadowView(SplitView):
    """A version that is asked what callers ask, and answers nobody."""

    kind = TrafficSplit.Kind.SHADOW
    shape_in, shape_out = ShadowIn, ShadowOut

    @extend_schema(
        operation_id="get_model_shadow",
        summary="Read a shadow",
        responses={200: ShadowOut, **MISSING},
        examples=examples.SHADOW,
        tags=TAGS,
    )
    def get(self, request: ApiRequest, name: str, alias: str) -> Response:
        """The shadow of an alias; of one that has ended, the last and why it ended."""
        return self.read(name, alias)

    @extend_schema(
        operation_id="set_model_shadow",
        summary="Start or change a shadow",
        request=ShadowIn,
        responses={200: ShadowOut, **UNFIT},
        examples=examples.SET_SHADOW,
        tags=TAGS,
    )
    def put(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Have a version asked a share of an alias's calls once more, after they are answered.

        What it would have answered is kept beside the prediction log, and compared in
        `GET …/comparison`.
        """
        return self.change(request, name, alias)

    @extend_schema(
        operation_id="end_model_shadow",
        summary="End a shadow",
        responses={204: None, **MISSING},
        tags=TAGS,
    )
    def delete(self, request: ApiRequest, name: str, alias: str) -> HttpResponse:
        """Ask it nothing more; 404 when no shadow is active."""
        return self.end(request, name, alias)


class ComparisonView(ApiView):
    """An alias's version beside its canary and its shadow."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": "models:read"}

    @extend_schema(
        operation_id="compare_model_arms",
        summary="Compare an alias's arms",
        responses={200: ComparisonOut, **MISSING},
        examples=examples.COMPARISON,
        tags=TAGS,
    )
    def get(self, request: ApiRequest, name: str, alias: str) -> Response:
        """What each arm has answered since the newest canary began, and what the shadow would have.

        From the prediction log, with intervals of level 95 %; of accuracy, AUC and Brier score as
        far as the truth has been told. A difference has a verdict only when its interval excludes
        0.
        """
        found = selectors.comparison(model_name=name, alias=alias)
        return Response(ComparisonOut(found).data)
