"""Facts as rows: the lines of a COPY."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from apps.ml_models.runtime.prediction_log import is_sampled
from apps.ml_models.selectors.predictions import day_of_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from apps.ml_models.runtime.prediction_log import Outputs, PredictionFact
    from serving.scores import Scoring
    from serving.signature import Signature

COLUMNS: Final = (
    *("id", "day", "at", "model_id", "version_id", "alias", "arm", "user_id", "application_id"),
    *("caller", "request_id", "rows", "features", "scores", "classes", "outputs", "outcome"),
    *("latency_us", "sampled"),
)
NULL: Final = "\\N"
LATENCY_MAX: Final = 2**31 - 1  # microseconds, of an integer
ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def day_of(fact: PredictionFact) -> date:
    """The day (UTC) that the prediction's id says, which is where it is looked for."""
    return day_of_id(fact.id)


def copy_lines(facts: Iterable[PredictionFact]) -> str:
    """A line a fact, in the text format of COPY, its columns those of COLUMNS.

    Raises:
        Exception: a fact cannot be a row.
    """
    return "".join(map(_line, facts))


def _line(fact: PredictionFact) -> str:
    target, who = fact.target, fact.principal
    application_id = None if who is None else who.application_id
    columns = (
        fact.id.hex,
        day_of(fact).isoformat(),
        datetime.fromtimestamp(fact.at, UTC).isoformat(),
        target.model_id.hex,
        target.id.hex,
        _text(fact.alias),
        str(fact.arm),
        _id(None if who is None else who.user_id),
        _id(application_id),
        "" if who is None else str(application_id or who.user_id),
        _text(fact.request_id),
        str(fact.rows),
        _features(target.signature, fact.features),
        *_scores(target.log.scoring, fact.outputs),
        _outputs(target.log.keeps_features, fact.outputs),
        _text(fact.outcome),
        str(min(LATENCY_MAX, round(fact.seconds * 1e6))),
        "t" if is_sampled(fact.id, target.log) else "f",
    )
    return "\t".join(columns) + "\n"


def _id(value: UUID | None) -> str:
    return NULL if value is None else value.hex


def _text(value: str) -> str:
    return value.translate(ESCAPES)


def _json(value: object) -> str:
    try:
        text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    except TypeError:  # an integer beyond 64 bits, which a number may be
        text = json.dumps(value)
    return _text(text)


def _features(signature: Signature, rows: Sequence[Any] | None) -> str:
    """Rows in any form that serving takes, each as a list in the signature's order."""
    if rows is None:
        return NULL
    names = signature.feature_names
    return _json([[row[n] for n in names] if type(row) is dict else row for row in rows])


def _scores(scoring: Scoring, outputs: Outputs | None) -> tuple[str, str]:
    """The columns `scores` and `classes`: arrays, a value a row."""
    if outputs is None:
        return NULL, NULL
    try:
        scores = scoring.scores(outputs).tolist()
    except (KeyError, IndexError):  # the policy names an output that this version has not
        return NULL, NULL
    classes = scoring.classes(outputs)
    return _array(scores), NULL if classes is None else _array(classes.tolist())


def _array(values: list[Any]) -> str:
    return "{" + ",".join(map(repr, values)) + "}"


def _outputs(is_small: bool, outputs: Outputs | None) -> str:  # noqa: FBT001 - of one caller
    """Whole outputs where the score is not all of them, and they are not too large to keep."""
    if outputs is None or not is_small:
        return NULL
    if len(outputs) == 1:
        (array,) = outputs.values()
        if array.size == len(array):
            return NULL
    return _json({name: np.ascontiguousarray(array) for name, array in outputs.items()})
