"""Every operation of version 1, and what its view says of it: read off the router, never listed."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.urls.converters import IntConverter, UUIDConverter

from config.api_v1 import urlpatterns
from core.api.parsers import StrictJSONParser
from core.api.permissions import MISSING, is_open
from core.api.viewsets import ApiBase

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
BASE = "/api/v1/"
CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """A path of version 1, e.g. `models/<str:name>`, with its view."""

    text: str
    callback: Any
    converters: dict[str, Any]

    @property
    def view(self) -> Any:
        return self.callback.cls

    @property
    def actions(self) -> dict[str, str]:
        """Method -> key of `required_scopes`, for the methods that the view takes."""
        named = getattr(self.callback, "actions", None)
        if named is not None:
            return {m: named[m.lower()] for m in METHODS if m.lower() in named}
        return {m: m.lower() for m in METHODS if hasattr(self.view, m.lower())}

    @property
    def operations(self) -> list[Operation]:
        return [Operation(method, self) for method in self.actions]

    @property
    def is_public(self) -> bool:
        """Whether there is anything here for somebody without a credential."""
        return any(map(is_open, self.view.required_scopes.values()))

    def path(self, arguments: dict[str, Any]) -> str:
        """The path with these arguments, given to the letter: quote what needs it."""
        return BASE + CONVERTER.sub(lambda match: str(arguments[match[2]]), self.text)

    @property
    def is_numbered(self) -> dict[str, bool]:
        """By argument, whether it is a number or an id, not a name that anybody may choose."""
        return {
            name: isinstance(converter, IntConverter | UUIDConverter)
            for name, converter in self.converters.items()
        }


@dataclass(frozen=True)
class Operation:
    """A method of a route. `str()` is its name, e.g. "POST applications/<uuid:pk>/keys"."""

    method: str
    route: Route

    def __str__(self) -> str:
        return f"{self.method} {self.route.text}"

    @property
    def key(self) -> str:
        return self.route.actions[self.method]

    @property
    def scope(self) -> Any:
        """A scope; None: any credential; PUBLIC; MISSING: nobody."""
        return self.route.view.required_scopes.get(self.key, MISSING)

    def _rule(self, name: str, default: Any) -> Any:
        rule = getattr(self.route.view, name)
        return rule.get(self.key, default) if hasattr(rule, "get") else rule

    @property
    def work(self) -> str:
        return self._rule("limit_scope", "default")

    @property
    def weight(self) -> str:
        """1; "by the view" where it weighs the call itself."""
        view = self.route.view
        weighs = view.spends_in_handler or view.limit_weight is not ApiBase.limit_weight
        return "by the view" if weighs else "1"

    @property
    def max_body(self) -> int:
        return self._rule("max_body", 1024 * 1024)

    @property
    def idempotency(self) -> str:
        view = self.route.view(**self.route.callback.initkwargs)
        return view.idempotency_of(self.key, self.method.lower())

    @property
    def requires_if_match(self) -> bool:
        return self.key in self.route.view.requires_if_match

    @property
    def is_retired(self) -> bool:
        """Whether it is past its sunset, and so answers 410 to everybody who may call it."""
        deprecation = self.route.view.deprecations.get(self.key)
        return deprecation is not None and deprecation.has_ended(datetime.now(UTC))

    @property
    def takes_json(self) -> bool:
        parsers = self.route.view.parser_classes
        reads_json = any(issubclass(parser, StrictJSONParser) for parser in parsers)
        return self.method in WITH_BODY and reads_json

    @property
    def members(self) -> dict[str, Any]:
        """What a JSON body may have, by name, as JSON Schema; of a form, the same of its fields."""
        content = self.schema.get("requestBody", {}).get("content", {})
        kind = "application/json" if self.takes_json else "multipart/form-data"
        return resolve(content[kind]["schema"]).get("properties", {}) if kind in content else {}

    @property
    def required(self) -> list[str]:
        """Those of `members` that must be there."""
        content = self.schema.get("requestBody", {}).get("content", {}).get("application/json")
        return [] if content is None else resolve(content["schema"]).get("required", [])

    @property
    def schema(self) -> dict[str, Any]:
        """What the OpenAPI document says of it."""
        return operations_of_schema()[shape(str(self))]

    @property
    def example(self) -> Any:
        """The first body that the schema shows; None where it shows none."""
        content = self.schema.get("requestBody", {}).get("content", {}).get("application/json", {})
        shown = [example["value"] for example in content.get("examples", {}).values()]
        return shown[0] if shown else None


def _leaves(patterns, prefix="", converters=()):
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        known = {**dict(converters), **pattern.pattern.converters}
        if hasattr(pattern, "url_patterns"):
            yield from _leaves(pattern.url_patterns, text, known)
        elif pattern.name != "unknown-route":
            yield Route(text, pattern.callback, known)


ROUTES = tuple(_leaves(urlpatterns))
OPERATIONS = tuple(o for route in ROUTES for o in route.operations if not o.is_retired)
DETAIL_ROUTES = tuple(route for route in ROUTES if route.converters)


def route_named(text: str) -> Route:
    return next(route for route in ROUTES if route.text == text)


def shape(name: str) -> str:
    """A route or path whose arguments have lost their names: the schema calls them otherwise."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "{}", name)


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI document; what its generator complains of is test_openapi's business."""
    from drf_spectacular.generators import SchemaGenerator

    with redirect_stderr(io.StringIO()):
        return SchemaGenerator().get_schema(request=None, public=True)


@cache
def operations_of_schema() -> dict[str, dict[str, Any]]:
    return {
        shape(f"{method.upper()} {path.removeprefix(BASE)}"): operation
        for path, item in schema()["paths"].items()
        for method, operation in item.items()
        if method.upper() in METHODS
    }


def resolve(document: dict[str, Any]) -> dict[str, Any]:
    """A schema without a reference at its top."""
    while "$ref" in document:
        document = schema()["components"]["schemas"][document["$ref"].rpartition("/")[2]]
    return document
