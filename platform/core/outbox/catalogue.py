"""Which events there are: each declared once, in its app's events.py, with its data's shape."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote

from django.utils.module_loading import autodiscover_modules

from core.outbox.messages import Event
from core.outbox.shapes import fault_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

Data = TypeVar("Data", bound="Mapping[str, object]")


class Audience(Enum):
    """Who hears of an event; the value is for people."""

    EVERYBODY = "everybody"
    ACCOUNT = "the person it is about"
    APPLICATION = "the application concerned and its owner"
    MAKER = "whoever made the object, and the application that they made it with"
    MAKER_IF_KNOWN = "whoever made the object; nobody when the platform itself did"


# Of each audience, which of (account, application, public) an event of its may have.
OWNERS: Final[Mapping[Audience, frozenset[tuple[bool, bool, bool]]]] = {
    Audience.EVERYBODY: frozenset({(False, False, True)}),
    Audience.ACCOUNT: frozenset({(True, False, False)}),
    Audience.APPLICATION: frozenset({(True, True, False)}),
    Audience.MAKER: frozenset({(True, False, False), (True, True, False)}),
    Audience.MAKER_IF_KNOWN: frozenset(
        {(True, False, False), (True, True, False), (False, False, False)}
    ),
}


@dataclass(frozen=True)
class EventType(Generic[Data]):
    """One type of event, for life: what its data looks like, and who hears of it.

    Attributes:
        name: e.g. "batch_prediction.succeeded"; up to its last dot it is the name of a family.
        object_type: what it is about, e.g. "batch_prediction".
        summary: when it is announced, in one sentence for developers.
        audience: who hears of it.
        data: a TypedDict; its members are `Annotated` with their descriptions.
        example: data as it may be.
        path: where the object is found, e.g. "/api/v1/models/{model}": members of data and
            `object_id` stand in braces. Empty: nowhere.
        schema_version: of `data`; moves when a member changes its meaning or goes away. Members may
            come without that.
    """

    name: str
    object_type: str
    summary: str
    audience: Audience
    data: type[Data]
    example: Data
    path: str = ""
    schema_version: int = 1

    @property
    def family(self) -> str:
        """The part that `family.*` names in a filter."""
        return self.name.rpartition(".")[0]

    def about(
        self,
        object_id: object,
        data: Data,
        *,
        actor_id: UUID | None = None,
        account_id: UUID | None = None,
        application_id: UUID | None = None,
    ) -> Event:
        """An event of this type, to publish.

        Args:
            object_id: of the object it is about.
            data: of the declared shape.
            actor_id: the user who caused it; None: the platform.
            account_id: whose matter it is, unless everybody's.
            application_id: the application concerned; needs account_id.
        """
        return Event(
            type=self.name,
            object_type=self.object_type,
            object_id=str(object_id),
            data=data,
            actor_id=actor_id,
            account_id=account_id,
            application_id=application_id,
            is_public=self.audience is Audience.EVERYBODY,
            schema_version=self.schema_version,
        )

    def json_schema(self) -> dict[str, Any]:
        """Of `data`: JSON Schema 2020-12, as in OpenAPI 3.1."""
        return schema_of(self.data)

    def fault_in(self, event: Event) -> str:
        """Why an event is not of this type; empty when it is."""
        owners = (
            event.account_id is not None,
            event.application_id is not None,
            event.is_public,
        )
        if event.object_type != self.object_type:
            return f"it is about a {event.object_type}, not a {self.object_type}"
        if event.schema_version != self.schema_version:
            return f"its schema version is {event.schema_version}, not {self.schema_version}"
        if owners not in OWNERS[self.audience]:
            return f"it must be for {self.audience.value}"
        return fault_of(dict(event.data), self.data)

    def path_of(self, object_id: str, data: Mapping[str, object]) -> str | None:
        """Where the object of an event is found; None when nowhere, or the data is of old."""
        if not self.path:
            return None
        values = {name: quote(str(value), safe="") for name, value in data.items()}
        try:
            return self.path.format_map({**values, "object_id": quote(object_id, safe="")})
        except KeyError:
            return None


_declared: dict[str, EventType[Any]] = {}


def declare(event_type: EventType[Data]) -> EventType[Data]:
    """Enter a type into the catalogue. For events.py of an app, once a name.

    Raises:
        ValueError: there is one of that name.
    """
    if event_type.name in _declared:
        raise ValueError(f"{event_type.name} is declared twice.")
    _declared[event_type.name] = event_type
    return event_type


def event_types() -> Mapping[str, EventType[Any]]:
    """Every type that any app announces, by name, in the order of names."""
    _import_declarations()
    return MappingProxyType(dict(sorted(_declared.items())))


def event_type_called(name: str) -> EventType[Any] | None:
    """One of them; None when no app of this release announces it."""
    _import_declarations()
    return _declared.get(name)


@cache
def _import_declarations() -> None:
    autodiscover_modules("events")
