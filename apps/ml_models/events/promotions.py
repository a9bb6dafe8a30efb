"""Events of promotions that a second person decides on: for everybody who may read models.

The staff who decide cannot be named as an audience, and whoever may read a model may read its
promotions. Words of people are not in the data.
"""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from core.outbox import Audience, EventType, declare

PROMOTION_PATH: Final = "/api/v1/models/{model}/promotions/{promotion}"


class ProposedData(TypedDict):
    promotion: Annotated[str, "Id of the promotion."]
    model: Annotated[str, "Name of the model."]
    alias: Annotated[str, "The alias that is to move, e.g. champion."]
    version: Annotated[int, "Number of the version that it is to lead to."]
    gate_passed: Annotated[bool, "False: it was proposed although the gate does not let it pass."]


class DecidedData(TypedDict):
    promotion: Annotated[str, "Id of the promotion."]
    model: Annotated[str, "Name of the model."]
    alias: Annotated[str, "The alias that was to move, e.g. champion."]
    version: Annotated[int, "Number of the version that it was to lead to."]
    decision: Annotated[str, "What was decided: approved, rejected or withdrawn."]


PROMOTION_PROPOSED: Final = declare(
    EventType(
        name="model.promotion_proposed",
        object_type="model",
        summary="An alias is to lead to another version, once a second person approves.",
        audience=Audience.EVERYBODY,
        data=ProposedData,
        example={
            "promotion": "0198f2c6-0c4e-7b1d-9a77-5d3e2f1a0b9c",
            "model": "purchase-intent",
            "alias": "champion",
            "version": 8,
            "gate_passed": True,
        },
        path=PROMOTION_PATH,
    )
)

PROMOTION_DECIDED: Final = declare(
    EventType(
        name="model.promotion_decided",
        object_type="model",
        summary="A proposed promotion was approved, rejected or withdrawn.",
        audience=Audience.EVERYBODY,
        data=DecidedData,
        example={
            "promotion": "0198f2c6-0c4e-7b1d-9a77-5d3e2f1a0b9c",
            "model": "purchase-intent",
            "alias": "champion",
            "version": 8,
            "decision": "approved",
        },
        path=PROMOTION_PATH,
    )
)
