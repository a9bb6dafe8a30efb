"""Which problems an operation may answer, and how the document shows one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.utils import OpenApiResponse

from core.api.problems import known_errors

if TYPE_CHECKING:
    Document = dict[str, Any]

PROBLEM: Final = "application/problem+json"

# Which problems an operation may answer, by the question that brings them.
ALWAYS: Final = {
    "400": ("validation_failed", "The request is not valid."),
    "406": ("not_acceptable", "The answer does not come in the form that Accept asks for."),
    "414": ("uri_too_long", "The query string is too long."),
    "429": ("rate_limited", "Too many calls; Retry-After says when to try again."),
    "500": ("internal_error", "Something went wrong on our side."),
    "503": ("database_unavailable", "A part is away or full; try again after Retry-After."),
}
WITH_CREDENTIAL: Final = {
    "401": ("invalid_token", "No credential, or one that is not valid."),
    "403": ("insufficient_scope", "The credential lacks the scope."),
}
WITHOUT_CREDENTIAL: Final = {  # of an operation that needs none: a bad one is refused all the same
    "401": ("invalid_token", "A credential was sent, and it is not valid."),
    "403": ("address_not_allowed", "A credential was sent that is bound to other networks."),
}
WITH_BODY: Final = {
    "411": ("length_required", "The body has no Content-Length."),
    "413": ("body_too_large", "The body is larger than this operation takes."),
    "415": ("unsupported_media_type", "The body is in a form that is not read here."),
}
WITH_PATH: Final = {"404": ("not_found", "There is no such object, or not for this caller.")}
WITH_KEY: Final = {
    "409": ("idempotency_in_progress", "The present state does not allow this."),
    "422": ("idempotency_key_reused", "The Idempotency-Key was used with another request."),
}
WITHOUT_CONDITION: Final = {"428": ("precondition_required", "If-Match is missing.")}
WITH_CONDITION: Final = {"412": ("precondition_failed", "If-Match names an older version.")}


CODES: Final = re.compile(r"Codes: ([a-z_]+(?:, [a-z_]+)*)\.")
REQUEST_ID: Final = "req_0198c0ffee7a7000a0000123456789ab"


def problem(status: int, *codes: str) -> dict[Any, Any]:
    """For `responses` of extend_schema: one status of an operation, with the codes it may have.

    Each is shown by an example; see `show_codes`.
    """
    reference = {"$ref": "#/components/schemas/Problem"}
    return {(status, PROBLEM): OpenApiResponse(reference, f"Codes: {', '.join(codes)}.")}


def shown(status: int, code: str, description: str) -> Document:
    """An answer that any view may give, with the problem of its one code."""
    example = example_of(status, code, description)
    return {"description": description, "content": {PROBLEM: _content({code: example})}}


def show_codes(status: int, answer: Document) -> None:
    """Give an answer that a view describes an example for each code that it names."""
    content = answer.get("content", {})
    match = CODES.search(str(answer.get("description", "")))
    if PROBLEM in content and match is not None and "examples" not in content[PROBLEM]:
        errors = known_errors()
        examples = {
            code: example_of(status, code, errors[code].title) for code in match[1].split(", ")
        }
        content[PROBLEM] = _content(examples)


def example_of(
    status: int, code: str, detail: str, *, instance: str = "/api/v1/…"
) -> dict[str, object]:
    """How a problem looks."""
    return {
        "type": f"/problems/{code}",
        "title": known_errors()[code].title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": REQUEST_ID,
    }


def _content(examples: Document) -> Document:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "schema": schema,
        "examples": {code: {"value": example} for code, example in examples.items()},
    }
