"""A replay, run: newest logged calls through both versions in this worker, then stored at once.

Both versions are computed anew, though the log has scores: these may be of any version, and of
another engine. Features are encoded by each version's own signature, from the names under which
the version that answered knew them, as callers of the candidate would send them.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from apps.ml_models import runtime
from apps.ml_models.errors import LeaseLostError
from apps.ml_models.selectors.predictions import made_at, recent_calls
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.replays import names_of
from apps.ml_models.services.gating import scoring_of
from apps.ml_models.services.replaying.comparing import Answers, Tally
from apps.ml_models.services.replaying.leasing import (
    LOADING,
    claim,
    fail,
    finish,
    release,
    renew,
)
from apps.ml_models.services.replaying.limits import (
    BATCH_SECONDS,
    ENGINE_ROWS,
    FIRST_ROWS,
    LEASE_SECONDS,
    PAGE_CALLS,
    ROWS_MAX,
    WORK_SECONDS,
)
from serving.encoding import encode_rows
from serving.errors import ArtefactError, InstanceError, ServingError
from serving.predictor import finite_rows
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from apps.ml_models.models import ModelVersion, Replay
    from apps.ml_models.selectors.predictions import LoggedCall
    from apps.ml_models.services.replaying.comparing import Place
    from serving.handle import ServableHandle
    from serving.scores import Scoring

logger = logging.getLogger(__name__)

NOBODY = np.empty(0, dtype=np.int64)
EXACT_INTEGER: Final = 2**53  # up to here a float holds every whole number


class ScoreMissingError(Exception):
    """A version has no such output, or no such position in it, as the policy scores by."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions, loaded."""

    handle: ServableHandle
    signature: Signature
    scoring: Scoring


def run_replay(*, replay_id: UUID) -> bool:
    """Claim a replay and run it; False when there is nothing to do for it."""
    started = time.monotonic()
    replay = claim(replay_id)
    if replay is None:
        return False
    try:
        _run(replay, started)
    except LeaseLostError:
        logger.warning("The lease on replay %s ran out; its result is discarded.", replay.pk)
    except ArtefactError as error:
        fail(replay, error.reason_code, error.detail)
    except ServingError as error:
        fail(replay, error.code, error.detail)
    except ScoreMissingError as error:
        fail(replay, "score_missing", str(error))
    except BaseException as error:
        release(replay, error)
        raise
    return True


def _run(replay: Replay, started: float) -> None:
    scoring = scoring_of(policy_of(replay.model))
    process = runtime.start("worker")
    with process.handle_of(replay.baseline) as baseline:
        renew(replay, lease=LOADING)
        with process.handle_of(replay.candidate) as candidate:
            renew(replay)
            run = _Run(
                replay,
                _side(replay.baseline, baseline, scoring),
                _side(replay.candidate, candidate, scoring),
                Tally(scoring),
                started,
            )
            run.work()
    finish(replay, result=run.result(), **run.tally.outcome())


def _side(version: ModelVersion, handle: ServableHandle, scoring: Scoring) -> Side:
    """An engine answers with outputs in an order of its own: the first is the signature's first."""
    signature = Signature.from_document(version.signature)
    return Side(
        handle, signature, replace(scoring, output=scoring.output or signature.outputs[0].name)
    )


class _Run:
    """One go through the log, from the newest call on, until calls, rows, log or time are used up.

    Time ends it early and not with an error: the newest calls are those that matter most. It is
    looked at between batches, so these begin small and grow while they are quick: a slow model is
    seen to be slow by its first row.
    """

    def __init__(
        self, replay: Replay, baseline: Side, candidate: Side, tally: Tally, started: float
    ) -> None:
        self.tally = tally
        self._replay, self._baseline, self._candidate = replay, baseline, candidate
        self._started, self._renewed = started, time.monotonic()
        self._size = FIRST_ROWS
        self._ended_by = "calls"
        self._newest: UUID | None = None
        self._oldest: UUID | None = None

    def work(self) -> None:
        for rows, places in self._batches():
            started = time.monotonic()
            self._compare(rows, places)
            self._fit(len(rows), time.monotonic() - started)
            if self._is_over():
                return

    def _fit(self, rows: int, seconds: float) -> None:
        """Twice as many rows next time where that is sure to be quick, half where it was not."""
        if seconds > BATCH_SECONDS:
            self._size = max(1, self._size // 2)
        elif rows == self._size and seconds < BATCH_SECONDS / 4:
            self._size = min(ENGINE_ROWS, self._size * 2)

    def result(self) -> dict[str, object]:
        return {
            **self.tally.result(),
            "ended_by": self._ended_by,
            "newest_at": _time_of(self._newest),
            "oldest_at": _time_of(self._oldest),
        }

    def _batches(self) -> Iterator[tuple[list[dict[str, object]], list[Place]]]:
        """As many rows as one engine call takes now, each with where it stands in the log."""
        for calls in self._pages():
            rows, places = _by_name(calls)
            start = 0
            while start < len(rows):
                end = start + self._size
                yield rows[start:end], places[start:end]
                start = end

    def _pages(self) -> Iterator[list[LoggedCall]]:
        left, before = self._replay.requested, None
        while left > 0:
            size = min(left, PAGE_CALLS)
            calls = recent_calls(model_id=self._replay.model_id, limit=size, before=before)
            if calls:
                yield calls
            if len(calls) < size:
                self._ended_by = "log"
                return
            left, before = left - size, calls[-1].id

    def _is_over(self) -> bool:
        now = time.monotonic()
        if self.tally.rows >= ROWS_MAX:
            self._ended_by = "rows"
            return True
        if now - self._started > WORK_SECONDS:
            self._ended_by = "time"
            return True
        if now - self._renewed > LEASE_SECONDS / 4:
            renew(self._replay, calls=self.tally.calls)
            self._renewed = now
        return False

    def _compare(self, rows: list[dict[str, object]], places: list[Place]) -> None:
        baseline = _answer(self._baseline, rows)
        candidate = _answer(self._candidate, [rows[place] for place in baseline.places])
        self.tally.add(places, baseline, candidate)
        self.tally.calls += len({id_ for id_, _ in places} - {self._oldest})
        self._newest, self._oldest = self._newest or places[0][0], places[-1][0]


def _time_of(call_id: UUID | None) -> str | None:
    return None if call_id is None else made_at(call_id).isoformat().replace("+00:00", "Z")


def _by_name(calls: Sequence[LoggedCall]) -> tuple[list[dict[str, object]], list[Place]]:
    """Each logged row by the names that the version which answered has for its values."""
    names = names_of({call.version_id for call in calls})
    rows: list[dict[str, object]] = []
    places: list[Place] = []
    for call in calls:
        known = names.get(call.version_id, [])
        for position, row in enumerate(call.features):
            if len(row) == len(known):
                rows.append(dict(zip(known, map(_as_sent, row), strict=True)))
                places.append((call.id, position))
    return rows, places


def _as_sent(value: object) -> object:
    """PostgreSQL gives 3e38 back as a whole number of 39 digits, which no integer feature takes."""
    return float(value) if type(value) is int and abs(value) > EXACT_INTEGER else value


def _answer(side: Side, rows: Sequence[dict[str, object]]) -> Answers:
    tensors, good, faults = encode_rows(side.signature, rows)
    if not good:
        return Answers(NOBODY, np.empty(0), NOBODY, faults, 0.0)
    started = time.perf_counter()
    try:
        outputs = side.handle.predict(tensors)
    except (ValueError, RuntimeError) as error:
        logger.warning("%s failed on valid rows: %r", side.handle.servable_id, error)
        broken = [InstanceError(row, None, "model_output_invalid", "") for row in good]
        return Answers(NOBODY, np.empty(0), NOBODY, [*faults, *broken], 0.0)
    seconds = time.perf_counter() - started
    finite = finite_rows(outputs, len(good))
    places = np.array(good, dtype=np.int64)
    broken = [
        InstanceError(row, None, "model_output_invalid", "") for row in places[~finite].tolist()
    ]
    try:
        scores, decisions = side.scoring.scores(outputs), side.scoring.decisions(outputs)
    except (KeyError, IndexError) as error:
        detail = f"{side.handle.servable_id} has no score where the policy looks for it: {error}."
        raise ScoreMissingError(detail) from error
    return Answers(places[finite], scores[finite], decisions[finite], [*faults, *broken], seconds)
