"""What every operation of the OpenAPI document has in common, so that no view repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.api.filters import SEARCH, is_list
from core.api.ordering import SORT
from core.api.permissions import PUBLIC, OrAnonymous
from core.api.schema import deprecated, names
from core.api.schema.answers import Answers
from core.api.schema.components import BEARER, OAUTH2
from core.api.schema.parameters import header, query
from core.api.schema.selecting import expand_parameter, show_expanded
from core.api.selection import FIELDS, can_select, expandable_paths
from core.api.serializers import OutputSerializer
from core.limits import IDEMPOTENCY_KEY_MAX, SEARCH_MAX
from core.security.principal import Principal
from core.security.scopes import GRANTABLE_SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drf_spectacular.plumbing import ComponentRegistry

    Document = dict[str, Any]

ANY_SCOPE: Final = "any"  # x-required-scope of an operation that asks for a credential and no scope

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


class ApiSchema(Answers):
    """Reads scopes, limits, parameters and idempotency off the view's class attributes."""

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
        if len(operation.get("requestBody", {}).get("content", {})) > 1:
            # drf-spectacular says so of a body of one form alone.
            operation["requestBody"]["required"] = True
        self._add_access(operation)
        self._add_deprecation(operation)
        self._add_problems(operation)
        self._add_headers(operation)
        return operation

    # -- What things are called

    def _get_serializer_name(
        self,
        serializer: Any,  # noqa: ANN401 - drf-spectacular's signature
        direction: Any,  # noqa: ANN401 - likewise
        bypass_extensions: bool = False,  # noqa: FBT001, FBT002 - likewise
    ) -> str:
        name = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return names.readable(name)

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Document:  # noqa: ANN401 - drf-spectacular's signature
        schema: Document = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call] # theirs
        if isinstance(serializer, OutputSerializer):
            show_expanded(
                schema, serializer, lambda kind: self.resolve_serializer(kind, direction).ref
            )
        deprecated.mark_members(schema, serializer)
        return schema

    # -- Until when

    def _add_deprecation(self, operation: Document) -> None:
        if self._deprecation is not None:
            deprecated.mark_operation(operation, self._deprecation)
        ending = self.view.deprecated_parameters
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] in ending:
                deprecated.mark(parameter, ending[parameter["name"]])

    # -- Who may

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
        named = str(scope) if isinstance(scope, str) else ANY_SCOPE
        needed = [named] if isinstance(scope, str) else []
        operation["security"] = [{BEARER: needed}]
        if isinstance(scope, OrAnonymous):
            operation["security"].insert(0, {})
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
            yield header(
                "Idempotency-Key",
                "Makes a repeated call have one effect and one answer; 24 hours.",
                required=mode == "required",
                maxLength=IDEMPOTENCY_KEY_MAX,
            )
        if self._has_304():
            yield header("If-None-Match", "An ETag; 304 when the object still has it.")
        if self._takes_if_match():
            needed = self._requires_if_match()
            changed = "An ETag; 412 when the object has changed since."
            yield header("If-Match", changed, required=needed)
        yield from self._query_parameters()

    def _query_parameters(self) -> Iterator[Document]:
        view = self.view
        if is_list(view):
            if getattr(view, "search_fields", ()):
                yield query(SEARCH, "Words that must all occur.", maxLength=SEARCH_MAX)
            sortable = sorted(getattr(view, "sort_fields", {}))
            if sortable:
                yield query(SORT, f"By {', '.join(sortable)}; a leading - reverses.")
        if can_select(view):
            yield query(FIELDS, "Names of the members to answer, with commas between.")
        if paths := expandable_paths(view):
            yield expand_parameter(paths)
        own = view.query_parameters
        own_names = own.get(self.operation_name, ()) if isinstance(own, Mapping) else own
        for name in sorted(own_names):
            yield query(name, "")
