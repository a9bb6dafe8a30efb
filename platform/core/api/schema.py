"""What every operation of the OpenAPI document has in common, so that no view repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from drf_spectacular.openapi import AutoSchema

from core.api.filters import SEARCH, is_list
from core.api.ordering import SORT
from core.api.permissions import MISSING, PUBLIC
from core.api.problems import known_errors
from core.api.selection import FIELDS, can_select
from core.limits import IDEMPOTENCY_KEY_MAX, SEARCH_MAX
from core.security.principal import Principal
from core.security.scopes import GRANTABLE_SCOPES, SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drf_spectacular.plumbing import ComponentRegistry

    Document = dict[str, Any]

BEARER: Final = "bearer"
OAUTH2: Final = "oauth2"
ANY_SCOPE: Final = "any"  # x-required-scope of an operation that asks for a credential and no scope
PROBLEM: Final = "application/problem+json"

# Which problems an operation may answer, by the question that brings them.
ALWAYS: Final = {
    "400": ("validation_failed", "The request is not valid."),
    "406": ("not_acceptable", "The answer does not come in the form that Accept asks for."),
    "429": ("rate_limited", "Too many calls; Retry-After says when to try again."),
    "500": ("internal_error", "Something went wrong on our side."),
    "503": ("database_unavailable", "A part is away or full; try again after Retry-After."),
}
WITH_CREDENTIAL: Final = {
    "401": ("invalid_token", "No credential, or one that is not valid."),
    "403": ("insufficient_scope", "The credential lacks the scope."),
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
WITH_CONDITION: Final = {"412": ("precondition_failed", "If-Match names an older version.")}


NOBODY: Final = Principal(
    user_id=UUID(int=0),
    username="",
    application_id=None,
    scopes=frozenset(),
    plan="",
    is_staff=False,
    credential="",
    credential_id="",
    family_id=None,
    issued_at=datetime(1970, 1, 1, tzinfo=UTC),
    expires_at=datetime(1970, 1, 1, tzinfo=UTC),
)


class ApiSchema(AutoSchema):
    """Reads scopes, limits, parameters and idempotency off the view's class attributes."""

    view: Any  # an ApiView or ApiViewSet; views of others pass through unchanged

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Document | None:
        self.operation_name = getattr(self.view, "action", None) or method.lower()
        self.view.operation = self.operation_name
        if self.view.request is not None:  # querysets ask whose rows to show; none are read
            self.view.request.auth = NOBODY
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None or not hasattr(self.view, "required_scopes"):
            return operation
        self._add_access(operation)
        self._add_problems(operation)
        self._add_headers(operation)
        return operation

    # -- Who may

    @property
    def _scope(self) -> Any:  # noqa: ANN401 - a scope, None, PUBLIC or MISSING
        return self.view.required_scopes.get(self.operation_name, MISSING)

    def get_auth(self) -> list[Document]:
        return []  # `_add_access` says it

    def _add_access(self, operation: Document) -> None:
        scope = self._scope
        limit = self.view.limit_scope
        operation["x-rate-limit"] = (
            limit.get(self.operation_name, "default") if isinstance(limit, Mapping) else limit
        )
        if scope is PUBLIC:
            operation["security"] = []
            return
        named = scope if isinstance(scope, str) else ANY_SCOPE
        needed = [named] if isinstance(scope, str) else []
        operation["security"] = [{BEARER: needed}]
        if scope is None or scope in GRANTABLE_SCOPES:  # the others are for people's own logins
            operation["security"].append({OAUTH2: needed})
        operation["x-required-scope"] = named

    # -- What may be sent

    def _get_parameters(self) -> list[Document]:
        parameters: list[Document] = super()._get_parameters()
        named = {parameter["name"] for parameter in parameters}
        return parameters + [p for p in self._common_parameters() if p["name"] not in named]

    def _common_parameters(self) -> Iterator[Document]:
        view = self.view
        if not hasattr(view, "required_scopes"):
            return
        mode = self._idempotency()
        if mode != "ignored":
            yield _header(
                "Idempotency-Key",
                "Makes a repeated call have one effect and one answer; 24 hours.",
                required=mode == "required",
                maxLength=IDEMPOTENCY_KEY_MAX,
            )
        if self._is_detail_read():
            yield _header("If-None-Match", "An ETag; 304 when the object still has it.")
        if self._takes_if_match():
            yield _header("If-Match", "An ETag; 412 when the object has changed since.")
        yield from self._query_parameters()

    def _query_parameters(self) -> Iterator[Document]:
        view = self.view
        if is_list(view):
            if getattr(view, "search_fields", ()):
                yield _query(SEARCH, "Words that must all occur.", maxLength=SEARCH_MAX)
            names = sorted(getattr(view, "sort_fields", {}))
            if names:
                yield _query(SORT, f"By {', '.join(names)}; a leading - reverses.")
        if can_select(view):
            yield _query(FIELDS, "Names of the members to answer, with commas between.")
        own = view.query_parameters
        names = own.get(self.operation_name, ()) if isinstance(own, Mapping) else own
        for name in sorted(names):
            yield _query(name, "")

    def _idempotency(self) -> str:
        mode: str = self.view.idempotency_of(self.operation_name, self.method.lower())
        return mode

    def _is_detail_read(self) -> bool:
        has_etag = self.operation_name == "retrieve" or self.view.has_etag
        return self.method == "GET" and has_etag

    def _takes_if_match(self) -> bool:
        return self.method == "PATCH" or self.operation_name in self.view.takes_if_match

    # -- What may be answered

    def _add_problems(self, operation: Document) -> None:
        answers: Document = operation["responses"]
        for status, (code, description) in self._problems(operation).items():
            answers.setdefault(status, _problem(int(status), code, description))
        for status, answer in answers.items():
            answer["description"] = answer["description"] or HTTPStatus(int(status)).phrase
        operation["responses"] = dict(sorted(answers.items()))

    def _problems(self, operation: Document) -> dict[str, tuple[str, str]]:
        found = dict(ALWAYS)
        if self._scope is not PUBLIC:
            found |= WITH_CREDENTIAL
        if "requestBody" in operation:
            found |= WITH_BODY
        if "{" in self.path:
            found |= WITH_PATH
        if self._idempotency() != "ignored":
            found |= WITH_KEY
        if self._takes_if_match():
            found |= WITH_CONDITION
        return found

    def _add_headers(self, operation: Document) -> None:
        for status, answer in operation["responses"].items():
            names = ["X-Request-Id", "RateLimit-Policy", "RateLimit"]
            if status.startswith("2"):
                names += self._headers_of_success()
            if status in {"429", "503"}:
                names.append("Retry-After")
            listed = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
            answer["headers"] = {**listed, **answer.get("headers", {})}

    def _headers_of_success(self) -> list[str]:
        names: list[str] = []
        if self._is_detail_read():
            names.append("ETag")
        if is_list(self.view):
            names.append("Link")
        if self._idempotency() != "ignored":
            names.append("Idempotency-Replayed")
        return names


def _header(name: str, description: str, *, required: bool = False, **schema: object) -> Document:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _query(name: str, description: str, **schema: object) -> Document:
    described = {"description": description} if description else {}
    return {"name": name, "in": "query", **described, "schema": {"type": "string", **schema}}


def _problem(status: int, code: str, description: str) -> Document:
    example = {
        "type": f"/problems/{code}",
        "title": known_errors()[code].title,
        "status": status,
        "detail": description,
        "instance": "/api/v1/…",
        "code": code,
        "request_id": "req_0198c0ffee7a7000a0000123456789ab",
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    body = {"schema": schema, "examples": {code: {"value": example}}}
    return {"description": description, "content": {PROBLEM: body}}


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
    "RateLimit-Policy": ("Each limit's name, quota and seconds.", "string"),
    "RateLimit": ("What is left of each limit, and seconds until it is whole.", "string"),
    "Retry-After": ("Seconds.", "integer"),
    "ETag": ("Strong; moves with every change of the object.", "string"),
    "Link": ('The neighbouring pages, rel="next" and rel="prev" (RFC 8288).', "string"),
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
