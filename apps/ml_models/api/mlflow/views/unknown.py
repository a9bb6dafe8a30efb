"""What MLflow has and this registry has not: experiments, runs, prompts, webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from apps.ml_models.api.mlflow.base import MlflowView, answer
from core.api.permissions import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse

    from core.api.viewsets import ApiRequest

METHODS = ("get", "post", "put", "patch", "delete")


class UnknownEndpointView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = dict.fromkeys(METHODS, PUBLIC)

    def get(self, request: ApiRequest) -> HttpResponse:
        """404 in the client's words."""
        message = "This is a model registry: only registered-models and model-versions are here."
        return answer({"error_code": "ENDPOINT_NOT_FOUND", "message": message}, status=404)

    post = put = patch = delete = get
