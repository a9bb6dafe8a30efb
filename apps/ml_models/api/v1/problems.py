"""What the schema says of refusals that are an operation's own; the common ones it knows itself."""

from __future__ import annotations

from typing import Any, TypeAlias

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

Answers: TypeAlias = dict[Any, Any]
"""As `responses` of extend_schema takes them: by status, or by status and media type."""
MEDIA_TYPE = "application/problem+json"
REFERENCE = {"$ref": "#/components/schemas/Problem"}
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="An ETag of the alias; 412 when it has moved since.",
)


def problem(status: int, *codes: str) -> Answers:
    """One status of an operation, with the codes it may have."""
    return {(status, MEDIA_TYPE): OpenApiResponse(REFERENCE, f"Codes: {', '.join(codes)}.")}
