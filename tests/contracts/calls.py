"""One ordinary call of every operation: its objects, body and caller are those of the other files.

Nothing is listed here. OBJECTS says what a route is about, BODIES what is sent to it, and ROWS what
a list is filled with; an operation without what it needs fails with what to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.accounts.services.confirming import Confirmation, make_confirmation
from core.api.routes import route_of
from tests.contracts.bodies import body_of
from tests.contracts.calling import NOTHING, Form, perform
from tests.contracts.objects import stage, whoever_may
from tests.contracts.routes import BASE, OPERATIONS
from tests.contracts.rows import ROWS, rows_of
from tests.factories.ml_models import make_ready_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.contracts.cast import Cast
    from tests.contracts.routes import Operation

EXPAND = "expand"
PAGE = {"limit": "100"}  # a page that holds every row there is
STREAMS = frozenset({"application/x-ndjson", "text/csv"})

READS = tuple(operation for operation in OPERATIONS if operation.method == "GET")
WRITES = tuple(operation for operation in OPERATIONS if operation.method != "GET")


def name_of(operation: Operation) -> str:
    """As the schema spells it, e.g. "GET models/{name}"."""
    path = route_of(BASE.lstrip("/") + operation.route.text)
    return f"{operation.method} {path.removeprefix(BASE)}"


def parameters_of(operation: Operation) -> dict[str, Any]:
    """The query parameters that the schema shows, by name, with their schemas."""
    parameters = operation.schema.get("parameters", [])
    return {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}


def expansions_of(operation: Operation) -> list[str]:
    """What `expand` may name, then all of it at once; nothing where there is no `expand`."""
    schema = parameters_of(operation).get(EXPAND)
    if schema is None:
        return []
    named = schema.get("items", schema).get("enum")
    assert named, f"{name_of(operation)}: the schema of `expand` has no enum to read names from"
    return [*named, ",".join(named)] if len(named) > 1 else list(named)


def is_paged(operation: Operation) -> bool:
    return "limit" in parameters_of(operation)


def has_rows(operation: Operation) -> bool:
    """Whether what is answered grows with the rows that there are."""
    content = operation.schema["responses"].get("200", {}).get("content", {})
    return is_paged(operation) or operation.route.text in ROWS or not STREAMS.isdisjoint(content)


@dataclass(frozen=True)
class Call:
    """A call that can be made again and again, by somebody who is let in."""

    operation: Operation
    token: str | None
    arguments: Mapping[str, Any]
    body: Any = NOTHING

    def __call__(self, query: Mapping[str, str] | None = None) -> Any:
        """The answer, read to its end."""
        response = perform(
            self.token,
            self.operation,
            self.arguments,
            self.body,
            QUERY_STRING="&".join(f"{name}={value}" for name, value in (query or {}).items()),
        )
        if response.streaming:
            b"".join(response.streaming_content)
        return response


def _second_version(cast: Cast) -> dict[str, int]:
    make_ready_version(cast.fixture("artefacts")["steeper"], "churn")
    return {"version": 2}


# Bodies for what an ordinary one would leave as it is, and so cost less than it does.
EFFECTIVE: dict[str, Callable[[Cast], Any]] = {
    "PUT models/{name}/aliases/{alias}": _second_version,
    "POST models": lambda _: Form(
        {"name": "fresh"}, {"artefact": ("model.keras", b"PK\x03\x04" + b"0" * 64)}
    ),
    "POST email-confirmations": lambda cast: {
        "confirmation": make_confirmation(Confirmation(cast.mallory.pk, cast.mallory.email))
    },
    "PATCH applications/{application_id}/oauth-clients/{client_id}": lambda _: {
        "scopes": ["models:read"]
    },
}


def writing(cast: Cast, operation: Operation) -> Call:
    """With its object made and a body that has an effect."""
    arguments = stage(cast, operation.route)
    body = EFFECTIVE.get(name_of(operation), lambda cast: body_of(cast, operation))(cast)
    return Call(operation, whoever_may(cast, operation).token, arguments, body)


def reading(cast: Cast, operation: Operation, count: int) -> Call:
    """With `count` rows to list, or so many objects of the kind beside the one asked for."""
    route = operation.route.text
    if has_rows(operation):
        arguments = rows_of(route)(cast, count)
    else:
        arguments = stage(cast, operation.route)
        _add_others(cast, operation, count)
    return Call(operation, whoever_may(cast, operation).token, arguments)


def _add_others(cast: Cast, operation: Operation, count: int) -> None:
    """By the list that the object is in, which knows how to pass its limit, or one by one."""
    listing = operation.route.text.rpartition("/")[0]
    if listing in ROWS:
        ROWS[listing](cast, count)
        return
    for _ in range(count - 1):
        stage(cast, operation.route)
