"""The fact that a model was asked, on its way to the prediction log: offered, never waited for."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from core.facts.buffer import FactBuffer
from core.observability.metrics import counter
from serving.encoding import normalise_instances
from serving.features import MAX_CATEGORY_LENGTH, FeatureKind, UnknownCategory
from serving.scores import Scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt

    from apps.ml_models.runtime.choices import Target
    from apps.ml_models.selectors.routing import PolicyRow
    from core.security.principal import Principal
    from serving.signature import Signature

    Outputs = Mapping[str, npt.NDArray[np.generic]]

LOST: Final = counter(
    "agora_prediction_log_lost",
    "Calls that the prediction log lacks: buffer full, too heavy, not taken by the database, "
    "process ended.",
    ("reason",),
)
RANDOM_BITS: Final = (1 << 62) - 1  # rand_b of a UUIDv7, all of it random (RFC 9562 section 5.7)
MAX_CELLS: Final = 2_048  # numbers and categories of one call that are kept, in and out
LIGHT_CELLS: Final = 256  # a fact of no more may wait with PREDICTION_LOG_BUFFER others
HEAVY_WAITING: Final = 256  # facts that may wait for a heavier one to join them; 16 MiB together
CELL_CHARACTERS: Final = 8  # of a text, at 4 bytes each (PEP 393) as large as a number


@dataclass(frozen=True, slots=True)
class LogRule:
    """What is logged of the calls of one version; made once, read at each call.

    Attributes:
        below: a call is sampled when the random bits of its id are less than this.
        rows: of a call that are kept, at most.
        keeps_features: whether a row is small enough to be kept at all.
        row_cells: numbers and categories of one row, in and out.
        has_open_text: whether a row may hold text of any length: a category that is not known.
        scoring: which number of the outputs is the score.
        has_text: whether a row holds any text, known category or not.
    """

    below: int
    rows: int
    keeps_features: bool
    row_cells: int
    has_open_text: bool
    scoring: Scoring
    has_text: bool = False


UNLOGGED: Final = LogRule(
    0, 1, keeps_features=False, row_cells=0, has_open_text=False, scoring=Scoring()
)


def rule_of(policy: PolicyRow, signature: Signature) -> LogRule:
    """The rule of a version under its model's policy."""
    cells = signature.cells + sum(prod(output.shape) for output in signature.outputs)
    fitting = MAX_CELLS // max(cells, 1)
    # An engine answers in an order of its own; the first output is the signature's first.
    output = policy.score_output or (signature.outputs[0].name if signature.outputs else "")
    return LogRule(
        below=int(policy.log_share * (RANDOM_BITS + 1)),
        rows=max(1, min(settings.PREDICTION_LOG_MAX_ROWS, fitting)),
        keeps_features=fitting > 0,
        row_cells=cells,
        has_open_text=any(f.unknown is UnknownCategory.OTHER for f in signature.features),
        scoring=Scoring(output, policy.score_index, policy.decision_threshold),
        has_text=any(f.kind is FeatureKind.CATEGORY for f in signature.features),
    )


def is_sampled(prediction_id: UUID, rule: LogRule) -> bool:
    """Whether a call is in its model's share: decided by its id alone, the same for ever."""
    return (prediction_id.int & RANDOM_BITS) < rule.below


class PredictionFact(NamedTuple):
    """One call of one version, answered or failed by the version's own fault.

    Attributes:
        id: the answer's prediction_id.
        at: Unix seconds; when the answer was ready.
        target: the version.
        alias: by which it was asked for; empty: by number.
        arm: of LoggedPrediction.Arm.
        principal: who asked; None: the platform itself.
        request_id: of the call.
        rows: of the call.
        features: the first `target.log.rows` rows as they were sent; None: not kept.
        outputs: of these rows; None: the version failed.
        outcome: ok, or the code of what went wrong.
        seconds: from features to outputs.
    """

    id: UUID
    at: float
    target: Target
    alias: str
    arm: str
    principal: Principal | None
    request_id: str
    rows: int
    features: Sequence[Any] | None
    outputs: Outputs | None
    outcome: str
    seconds: float


def first_rows(features: object, rule: LogRule) -> Sequence[Any] | None:
    """The rows that are kept of what a caller sent and serving took; None: they are too large."""
    if not rule.keeps_features:
        return None
    rows = normalise_instances(features)[: rule.rows]
    return [_with_short_text(row) for row in rows] if rule.has_open_text else rows


def _with_short_text(value: Any) -> Any:  # noqa: ANN401 - a row, or what is in one
    """The same, no text longer than a category can be: what is cut is as unknown as it was."""
    if type(value) is str:
        return value[: MAX_CATEGORY_LENGTH + 1]
    if type(value) is dict:
        return {name: _with_short_text(inner) for name, inner in value.items()}
    return [_with_short_text(inner) for inner in value] if type(value) is list else value


def first_outputs(outputs: Outputs, rows: int, count: int) -> Outputs:
    """The outputs of the first rows; of more than are kept a copy, which frees the rest."""
    if rows <= count:
        return outputs
    return {name: array[:count].copy() for name, array in outputs.items()}


def _write(facts: Sequence[PredictionFact]) -> None:
    """Hand a batch to settings.PREDICTION_SINK, since the runtime knows no service."""
    sink: Callable[[Sequence[PredictionFact]], Any] = import_string(settings.PREDICTION_SINK)
    sink(facts)


def _in_background() -> bool:
    return bool(settings.PREDICTION_LOG_IN_BACKGROUND)


buffer: Final[FactBuffer[PredictionFact]] = FactBuffer(
    "agora prediction log",
    write=_write,
    in_background=_in_background,
    lost=LOST,
    bound=settings.PREDICTION_LOG_BUFFER,
)


def may_join(rule: LogRule, rows: int, kept: Sequence[Any] | None, waiting: int) -> bool:
    """Whether there is room for a call of these rows beside so many that wait already.

    A call of many or wide rows or of long texts has fewer neighbours to wait with, so that what
    waits while the database is away is bounded in bytes and not in facts alone: HEAVY_WAITING of
    MAX_CELLS each, and fewer of larger ones. Calls of many sizes may come to 6 times as much at the
    worst (each as large as may just join: the sum of 1 / n).

    Args:
        rule: of the version.
        rows: that are kept in some way, their features or only their outputs.
        kept: the rows themselves; None: they are not.
        waiting: facts in the buffer.
    """
    cells = rule.row_cells * rows
    if rule.has_text and kept is not None:
        cells += _characters(kept) // CELL_CHARACTERS
    if cells <= LIGHT_CELLS:
        return True
    return waiting < min(HEAVY_WAITING, HEAVY_WAITING * MAX_CELLS // cells)


def _characters(value: Any) -> int:  # noqa: ANN401 - rows, a row, or what is in one
    """Of all texts in it."""
    if type(value) is str:
        return len(value)
    if type(value) is dict:
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if type(value) in {list, tuple} else 0


def offer(fact: PredictionFact) -> None:
    """Take a fact, or drop and count it: never waits, never raises."""
    rule = fact.target.log
    if not may_join(rule, min(fact.rows, rule.rows), fact.features, len(buffer)):
        LOST.labels("heavy").inc()
        return
    buffer.offer(fact)
