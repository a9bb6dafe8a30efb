"""The schema, Swagger UI, ReDoc and the front page, served by the platform itself."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from django.http import HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.http import condition
from django.views.generic import TemplateView, View
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from core.api.schema.index import document

if TYPE_CHECKING:
    from django.http import HttpRequest

JSON = "application/vnd.oai.openapi+json"
YAML = "application/vnd.oai.openapi"


@cache
def rendered_schema(media_type: str) -> bytes:
    """The schema as bytes. Made once a process: the running code does not change."""
    made = document()
    if media_type == YAML:
        text: bytes = OpenApiYamlRenderer().render(made, renderer_context={})
        return text
    return orjson.dumps(made, default=str, option=orjson.OPT_NON_STR_KEYS)


def media_type_for(request: HttpRequest) -> str:
    """JSON, unless the Accept header names YAML; JSON is what every tool reads, and is YAML too."""
    return YAML if "yaml" in request.headers.get("accept", "") else JSON


def etag_of(request: HttpRequest) -> str:
    digest = hashlib.sha256(rendered_schema(media_type_for(request))).hexdigest()
    return f'"{digest[:32]}"'


@method_decorator(condition(etag_func=etag_of), name="dispatch")
class SchemaPage(View):
    """OpenAPI 3.1, public, with an ETag."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        media_type = media_type_for(request)
        return HttpResponse(
            rendered_schema(media_type), content_type=media_type, headers={"Vary": "Accept"}
        )


class HomePage(TemplateView):
    """Where a newcomer lands: what this is and where to go."""

    template_name = "home.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:  # noqa: ANN401 - Django's signature
        return super().get_context_data(origin=self.request.build_absolute_uri("/")[:-1], **context)


class SwaggerPage(SpectacularSwaggerSplitView):
    """Swagger UI; its script comes by a request of its own, so the page needs no inline script."""

    url_name = "schema"
    title = "Agora API"


class RedocPage(SpectacularRedocView):
    """ReDoc, without the fonts it would fetch from elsewhere."""

    url_name = "schema"
    title = "Agora API"
    template_name = "redoc.html"


urlpatterns = [
    path("schema", SchemaPage.as_view(), name="schema"),
    path("docs", SwaggerPage.as_view(), name="docs"),
    path("redoc", RedocPage.as_view(), name="redoc"),
]
