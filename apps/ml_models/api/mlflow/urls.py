"""The facade's routes, below /mlflow as `tracking_uri` says, and its own 404."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path, re_path

from apps.ml_models.api.mlflow.views import files, models, versions
from apps.ml_models.api.mlflow.views.unknown import UnknownEndpointView

if TYPE_CHECKING:
    from django.urls import URLPattern

MODELS = "api/2.0/mlflow/registered-models"
VERSIONS = "api/2.0/mlflow/model-versions"
FILES = "api/2.0/mlflow-artifacts/artifacts"

urlpatterns: list[URLPattern] = [
    *(path(f"{MODELS}/{name}", view.as_view()) for name, view in models.VIEWS.items()),
    *(path(f"{VERSIONS}/{name}", view.as_view()) for name, view in versions.VIEWS.items()),
    path(FILES, files.ListFilesView.as_view()),
    path(f"{FILES}/<path:path>", files.FileView.as_view()),
    re_path(r"^.*$", UnknownEndpointView.as_view()),
]
