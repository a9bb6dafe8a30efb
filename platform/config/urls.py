"""Every URL of the platform: API, admin, documentation, probes, metrics."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from config import api_v1, docs
from core.api.pages import ProblemIndexPage, ProblemPage
from core.observability.health import livez, readyz
from core.observability.metrics import metrics

urlpatterns = [
    path("api/v1/", include((api_v1.urlpatterns, "v1"), namespace="v1")),
    path("mlflow/", include("apps.ml_models.api.mlflow.urls")),
    path("api/", include(docs.urlpatterns)),
    path("problems", ProblemIndexPage.as_view(), name="problems"),
    path("problems/<slug:code>", ProblemPage.as_view(), name="problem"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("account/", include("apps.accounts.web.urls")),
    path("", include("apps.developers.web.urls")),
    path("admin/", admin.site.urls),
    path("", docs.HomePage.as_view(), name="home"),
]

handler400 = "core.api.errors.bad_request"
handler403 = "core.api.errors.permission_denied"
handler404 = "core.api.errors.page_not_found"
handler500 = "core.api.errors.server_error"
