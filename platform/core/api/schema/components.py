"""What operations refer to: the problem, headers, and how a caller says who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.security.scopes import GRANTABLE_SCOPES, SCOPES

if TYPE_CHECKING:
    Document = dict[str, Any]

BEARER: Final = "bearer"
OAUTH2: Final = "oauth2"
NO_VALUE: Final = "Null"  # as the hook for enumerations calls null beside their values

FIELD_ERROR: Final = {
    "type": "object",
    "required": ["code", "detail"],
    "description": "One fault; pointer, parameter or header says where.",
    "properties": {
        "pointer": {"type": "string", "description": "JSON Pointer fragment, e.g. #/items/0/name."},
        "parameter": {"type": "string", "description": "Name of a query parameter."},
        "header": {"type": "string", "description": "Name of a request header."},
        "code": {"type": "string", "description": "Stable, snake_case."},
        "detail": {"type": "string", "description": "A sentence for people."},
    },
}
PROBLEM_SCHEMA: Final = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; clients must tolerate further members.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "/problems/{code}."},
        "title": {"type": "string", "description": "The same for every occurrence."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "About this occurrence."},
        "instance": {"type": "string", "description": "The path that was called."},
        "code": {"type": "string", "description": "Stable, snake_case."},
        "request_id": {"type": "string", "description": "As in X-Request-Id."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
    "additionalProperties": True,
}
HEADERS: Final = {
    "X-Request-Id": ("Made by the server for each request.", "string"),
    "RateLimit-Policy": (
        "Each limit's name, quota and seconds; not on what caches may share.",
        "string",
    ),
    "RateLimit": (
        "What is left of each limit, and seconds until it is whole; not on what caches may share.",
        "string",
    ),
    "Retry-After": ("Seconds to wait before the next try.", "integer"),
    "WWW-Authenticate": ("What a credential lacks (RFC 6750, section 3).", "string"),
    "Location": ("Where what was made is read; of a 202, how far it is.", "string"),
    "Accept-Ranges": ("`bytes`: parts may be asked for by `Range`.", "string"),
    "Content-Disposition": ("The name of the file (RFC 6266).", "string"),
    "Content-Range": ("Which bytes these are, of how many (RFC 9110, section 14.4).", "string"),
    "ETag": ("Strong; moves with every change of the object.", "string"),
    "Link": ('The neighbouring pages, rel="next" and rel="prev" (RFC 8288).', "string"),
    "Deprecation": ("When it was deprecated, @ and Unix seconds (RFC 9745).", "string"),
    "Sunset": ("When it will be gone, an HTTP date (RFC 8594).", "string"),
    "Idempotency-Replayed": ("`true` on an answer that is repeated.", "string"),
}


def add_common_parts(
    result: Document,
    generator: object,  # noqa: ARG001 - drf-spectacular's signature
    request: object,  # noqa: ARG001 - likewise
    public: bool,  # noqa: ARG001, FBT001 - likewise
) -> Document:
    """drf-spectacular's post-processing hook: the components that operations refer to."""
    components: Document = result.setdefault("components", {})
    schemas: Document = components.setdefault("schemas", {})
    schemas.update(Problem=PROBLEM_SCHEMA, FieldError=FIELD_ERROR)
    if schemas.pop(NO_VALUE, None) is not None:
        components = result["components"] = inline_null(components)
        schemas = components["schemas"]
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = {
        name: {"description": text, "schema": {"type": kind}}
        for name, (text, kind) in HEADERS.items()
    }
    components["securitySchemes"] = {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": (
                "`Authorization: Bearer <token>`: an access token that POST /login gives to a"
                " person, or an application's API key."
            ),
        },
        OAUTH2: _oauth2_scheme(),
    }
    return result


def inline_null(part: Any) -> Any:  # noqa: ANN401 - JSON
    """The same with null itself in place of drf-spectacular's enumeration of it."""
    if part == {"$ref": f"#/components/schemas/{NO_VALUE}"}:
        return {"type": "null"}
    if isinstance(part, dict):
        return {name: inline_null(value) for name, value in part.items()}
    return [inline_null(value) for value in part] if isinstance(part, list) else part


def _oauth2_scheme() -> Document:
    """OpenAPI 3.1, section 4.8.27; the addresses are relative to the document's own."""
    scopes = {name: SCOPES[name] for name in sorted(GRANTABLE_SCOPES)}
    token = {"tokenUrl": "/oauth/token", "scopes": scopes}
    return {
        "type": "oauth2",
        "description": (
            "What a person has let an application do, by authorization code with PKCE (S256); or"
            " an application for its owner, by client credentials."
        ),
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/oauth/authorize",
                "refreshUrl": "/oauth/token",
                **token,
            },
            "clientCredentials": token,
        },
    }
