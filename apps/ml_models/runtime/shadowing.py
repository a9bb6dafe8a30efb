"""Shadows: calls run once more through a candidate, by one thread, when nobody waits for it."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from apps.ml_models import runtime
from apps.ml_models.errors import InvalidFeaturesError, ModelOutputInvalidError
from apps.ml_models.models import OK, ShadowPrediction
from apps.ml_models.runtime.prediction_log import first_rows, may_join
from apps.ml_models.selectors.predictions import ERASING, erased_among
from core.db.locks import share_name
from core.db.partitions import ensure_day_partitions
from core.facts.buffer import FactBuffer
from core.observability.metrics import counter
from serving.encoding import encode_rows
from serving.errors import ModelOutputInvalidError as OutputInvalidError
from serving.errors import ServingError
from serving.predictor import finite_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    import numpy.typing as npt

    from apps.ml_models.runtime.choices import Shadow, Target
    from serving.manager import ServableManager

    Scores = npt.NDArray[np.float64]

STACK_ROWS: Final = 256  # rows that the candidate is given at once
TABLE: Final = "ml_models_shadowprediction"
CHECK_VIOLATION: Final = "23514"  # SQLSTATE; PostgreSQL, appendix A: no partition for the row
MICROSECONDS: Final = 1_000_000  # of a second

LOST: Final = counter(
    "agora_shadow_lost",
    "Calls that a shadow was not asked: buffer full, too heavy, version not loaded, not taken by "
    "the database, process ended.",
    ("reason",),
)


class ShadowFact(NamedTuple):
    """One call, to be run through a shadow.

    Attributes:
        id: of the prediction.
        rows: the first ones, as the caller sent them.
    """

    id: UUID
    shadow: Shadow
    rows: Sequence[Any]


class Scored(NamedTuple):
    """What a candidate made of rows.

    Attributes:
        scores: (rows,). NaN where a row cannot be taken, infinity where the answer is none.
        classes: (rows,), which class each is of; None: the output is one number.
    """

    scores: Scores
    classes: npt.NDArray[np.int64] | None

    def part(self, start: int, end: int) -> Scored:
        classes = None if self.classes is None else self.classes[start:end]
        return Scored(self.scores[start:end], classes)


def offer(shadow: Shadow, prediction_id: UUID, features: object) -> None:
    """Have a shadow asked what a caller was answered to; about 2 microseconds, never waits.

    Rows that the prediction log would not keep, since they are too wide, are not run; of large
    calls fewer may wait, as in the log.
    """
    rule = shadow.target.log
    rows = first_rows(features, rule)
    if rows is None:
        return
    if not may_join(rule, len(rows), rows, len(buffer)):
        LOST.labels("heavy").inc()
        return
    buffer.offer(ShadowFact(prediction_id, shadow, rows))


def _write(facts: Sequence[ShadowFact]) -> None:
    """Run and store a batch. One that was committed unseen changes nothing: ids are the calls'."""
    connection.ensure_connection()  # before the work, which would be lost
    rows = [row for shadow, of_shadow in _by_shadow(facts) for row in _answers(shadow, of_shadow)]
    try:
        _store(rows)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", None) != CHECK_VIOLATION:
            raise
        for day in sorted({row.day for row in rows}):
            ensure_day_partitions(TABLE, first=day, days=1)
        _store(rows)


@transaction.atomic
def _store(rows: Sequence[ShadowPrediction]) -> None:
    """Insert rows, but those of calls that were erased meanwhile: their callers are not here."""
    share_name(ERASING)
    erased = erased_among({row.prediction_id for row in rows})
    left = [row for row in rows if row.prediction_id not in erased]
    ShadowPrediction.objects.bulk_create(left, ignore_conflicts=True)


def _in_background() -> bool:
    return bool(settings.SHADOW_IN_BACKGROUND)


buffer: Final[FactBuffer[ShadowFact]] = FactBuffer(
    "agora shadows",
    write=_write,
    in_background=_in_background,
    lost=LOST,
    bound=settings.SHADOW_BUFFER,
)


# -- Running


def _by_shadow(facts: Iterable[ShadowFact]) -> Iterable[tuple[Shadow, list[ShadowFact]]]:
    groups: defaultdict[UUID, list[ShadowFact]] = defaultdict(list)
    for fact in facts:
        groups[fact.shadow.split_id].append(fact)
    return [(group[0].shadow, group) for group in groups.values()]


def _answers(shadow: Shadow, facts: Sequence[ShadowFact]) -> Iterator[ShadowPrediction]:
    process = runtime.current()
    if process is None:
        LOST.labels("not_loaded").inc(len(facts))
        return
    for stack in _stacks(facts):
        try:
            yield from _ask(process.manager, shadow, stack)
        except ServingError:  # unloaded: its split has just ended
            LOST.labels("not_loaded").inc(len(stack))


def _stacks(facts: Sequence[ShadowFact]) -> Iterator[list[ShadowFact]]:
    """Facts of STACK_ROWS rows together, or one alone that has more."""
    stack: list[ShadowFact] = []
    rows = 0
    for fact in facts:
        if stack and rows + len(fact.rows) > STACK_ROWS:
            yield stack
            stack, rows = [], 0
        stack.append(fact)
        rows += len(fact.rows)
    if stack:
        yield stack


def _ask(
    manager: ServableManager, shadow: Shadow, facts: Sequence[ShadowFact]
) -> list[ShadowPrediction]:
    """Run facts as one stack; when the candidate fails on it, each alone, to see on which.

    Raises:
        ServingError: the candidate is not loaded here.
    """
    started = time.perf_counter()
    try:
        scored = _score(manager, shadow.target, [row for fact in facts for row in fact.rows])
    except OutputInvalidError:
        if len(facts) > 1:
            return [row for fact in facts for row in _ask(manager, shadow, [fact])]
        scored = Scored(np.full(len(facts[0].rows), np.inf), None)
    share = (time.perf_counter() - started) / max(len(scored.scores), 1)
    starts = np.cumsum([0, *(len(fact.rows) for fact in facts)])
    return [
        _row(fact, shadow, scored.part(start, start + len(fact.rows)), share)
        for fact, start in zip(facts, starts.tolist(), strict=False)
    ]


def _score(manager: ServableManager, target: Target, rows: Sequence[Any]) -> Scored:
    """Score rows, those that cannot be taken or answered marked as such.

    Raises:
        OutputInvalidError: the candidate broke, or answered in another shape.
        ServingError: it is not loaded here.
    """
    tensors, good, _ = encode_rows(target.signature, rows)
    scores = np.full(len(rows), np.nan)
    if not good:
        return Scored(scores, None)
    with manager.handle(target.servable_id) as handle:
        try:
            outputs = handle.predict(tensors)
            finite = finite_rows(outputs, len(good))
            scores[good] = np.where(finite, target.log.scoring.scores(outputs), np.inf)
            found = target.log.scoring.classes(outputs)
        except Exception as error:  # an engine may raise anything, or answer without the score
            raise OutputInvalidError("The shadow could not answer these rows.") from error
    if found is None:
        return Scored(scores, None)
    classes = np.zeros(len(rows), dtype=np.int64)
    classes[good] = found
    return Scored(scores, classes)


def _row(fact: ShadowFact, shadow: Shadow, scored: Scored, seconds: float) -> ShadowPrediction:
    """What is stored of one call; a call with one bad row has failed, as a caller's would."""
    outcome = _outcome(scored.scores)
    classes = scored.classes if outcome == OK else None
    return ShadowPrediction(
        id=fact.id,
        day=day_of(fact.id),
        prediction_id=fact.id,
        split_id=shadow.split_id,
        version_id=shadow.target.id,
        scores=scored.scores.tolist() if outcome == OK else None,
        classes=None if classes is None else classes.tolist(),
        outcome=outcome,
        latency_us=round(seconds * len(scored.scores) * MICROSECONDS),
    )


def _outcome(scores: Scores) -> str:
    if np.isnan(scores).any():
        return InvalidFeaturesError.code
    return ModelOutputInvalidError.code if np.isinf(scores).any() else OK


def day_of(prediction_id: UUID) -> date:
    """The UTC day in a UUIDv7's first 48 bits, which are Unix milliseconds."""
    return datetime.fromtimestamp((prediction_id.int >> 80) / 1_000, UTC).date()
