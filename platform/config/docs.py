"""The schema, Swagger UI, ReDoc and the front page, served by the platform itself."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView


class HomePage(TemplateView):
    """Where a newcomer lands: what this is and where to go."""

    template_name = "home.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:  # noqa: ANN401 - Django's signature
        return super().get_context_data(origin=self.request.build_absolute_uri("/")[:-1], **context)


urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("redoc", SpectacularRedocView.as_view(url_name="schema"), name="redoc"),
]
