"""A call as its caller may look it up."""

from __future__ import annotations

from rest_framework import serializers

from apps.developers.api.v1.serializers.applications import ApplicationOut
from apps.developers.models import RequestRecord
from apps.developers.selectors.applications import applications_by_id
from core.api.expansion import Expansion
from core.api.serializers import OutputSerializer


class RequestOut(OutputSerializer[RequestRecord]):
    expandable = {
        "application": Expansion(
            ApplicationOut, "applications:read", key="application_id", find=applications_by_id
        )
    }

    request_id = serializers.CharField(help_text="X-Request-Id of the answer.")
    at = serializers.DateTimeField(help_text="When the answer was ready.")
    method = serializers.CharField()
    route = serializers.CharField(help_text="As in this schema, without the path's values.")
    status = serializers.IntegerField(help_text="HTTP status.")
    error_code = serializers.CharField(help_text="Of the problem; empty when there was none.")
    latency_ms = serializers.FloatField(help_text="Until the answer was ready; not its transport.")
    request_bytes = serializers.IntegerField(help_text="Of the body, as announced.")
    response_bytes = serializers.IntegerField(
        allow_null=True, help_text="Of the body; null when it was streamed."
    )
    work = serializers.CharField(help_text="Class of work whose limit it was counted in.")
    units = serializers.IntegerField(help_text="What it cost of that limit.")
    credential = serializers.CharField(help_text="jwt, api_key, oauth or device.")
    credential_id = serializers.CharField(help_text="Which one: of an API key, its id.")
    application_id = serializers.UUIDField(
        allow_null=True, help_text="The calling application; null for a person's own login."
    )
    user_id = serializers.UUIDField(help_text="On whose behalf.")
