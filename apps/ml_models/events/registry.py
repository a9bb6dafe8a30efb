"""Events of models, their versions and aliases: for everybody who may call them."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from core.outbox import Audience, EventType, declare

MODEL_PATH: Final = "/api/v1/models/{model}"
VERSION_PATH: Final = "/api/v1/models/{model}/versions/{version}"


class AliasMovedData(TypedDict):
    model: Annotated[str, "Name of the model."]
    alias: Annotated[str, "Name of the alias, e.g. champion."]
    version: Annotated[int | None, "What it points at now; null: the alias is gone."]
    previous_version: Annotated[int | None, "What it pointed at; null: the alias is new."]
    generation: Annotated[int, "Counts all changes of what is served; a larger one is newer."]


class DefaultMovedData(TypedDict):
    model: Annotated[str, "The model that POST /predict asks now."]
    previous_model: Annotated[str | None, "The one that it asked; null: there was none."]
    generation: Annotated[int, "Counts all changes of what is served; a larger one is newer."]


class VersionData(TypedDict):
    model: Annotated[str, "Name of the model."]
    version: Annotated[int, "Number of the version."]
    state: Annotated[str, "What became of it: ready, rejected or retired."]


class RejectedVersionData(VersionData):
    reason_code: Annotated[str, "Why, stable, e.g. class_not_allowed."]


ALIAS_MOVED: Final = declare(
    EventType(
        name="model.alias_moved",
        object_type="model",
        summary="An alias of a model points at another version, is new, or is gone.",
        audience=Audience.EVERYBODY,
        data=AliasMovedData,
        example={
            "model": "purchase-intent",
            "alias": "champion",
            "version": 8,
            "previous_version": 7,
            "generation": 41,
        },
        path=MODEL_PATH,
    )
)

DEFAULT_MOVED: Final = declare(
    EventType(
        name="model.default_moved",
        object_type="model",
        summary="Another model answers where none is named.",
        audience=Audience.EVERYBODY,
        data=DefaultMovedData,
        example={"model": "purchase-intent", "previous_model": "churn", "generation": 42},
        path=MODEL_PATH,
    )
)


def _version(verb: str, summary: str) -> EventType[VersionData]:
    return declare(
        EventType(
            name=f"model_version.{verb}",
            object_type="model_version",
            summary=summary,
            audience=Audience.EVERYBODY,
            data=VersionData,
            example={"model": "purchase-intent", "version": 8, "state": verb},
            path=VERSION_PATH,
        )
    )


VERSION_READY = _version("ready", "A version has been validated and may be called.")
VERSION_RETIRED = _version("retired", "A version was taken out of use for good.")
VERSION_REJECTED: Final = declare(
    EventType(
        name="model_version.rejected",
        object_type="model_version",
        summary="An upload was looked into and refused.",
        audience=Audience.MAKER_IF_KNOWN,
        data=RejectedVersionData,
        example={
            "model": "purchase-intent",
            "version": 9,
            "state": "rejected",
            "reason_code": "class_not_allowed",
        },
        path=VERSION_PATH,
    )
)
