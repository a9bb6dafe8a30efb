"""What was asked of a version and what it answered, out of the log: a column a feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.db import connection

from apps.ml_models.models import SCORE
from serving.drift import as_category

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from uuid import UUID

    from serving.features import Feature
    from serving.signature import Signature

    Watched = list[tuple[int, Feature]]

ROWS_MAX: Final = 50_000  # of a sample; PSI is then known to about (1/50000) times 10
CELLS_MAX: Final = 4_000_000  # numbers and categories of a sample that are fetched, read or not
TEXT_MAX: Final = 1 << 28  # characters that a sample is fetched as: callers send texts of any kind
ROWS_MIN: Final = 1_000  # below so many a reading says more of chance than of drift
FEATURES_MAX: Final = 500  # of one version that are read, the first ones
REFERENCE_ROWS: Final = 10_000  # the first logged rows that a reference is fixed by, at most
REFERENCE_CELLS: Final = 1_000_000  # values of these, which are held at once; 200 MiB of long texts
CHUNK: Final = 1_000  # rows of a day that are held at once
FETCHED: Final = 16  # calls at a time; of 2,048 cells each at most (runtime.prediction_log)
SPAN: Final = 1 << 32  # of the last 32 bits of an id, all random

ROWS_OF_DAY: Final = """
    SELECT coalesce(sum(cardinality(scores)), 0) FROM ml_models_loggedprediction
    WHERE version_id = %(version)s AND day = %(day)s AND sampled
        AND features IS NOT NULL AND scores IS NOT NULL
"""
# A sample that is spread evenly over the day: by bits of the id that are random. So is each
# beginning of it.
SAMPLE_OF_DAY: Final = """
    SELECT at, features, scores FROM ml_models_loggedprediction
    WHERE version_id = %(version)s AND day = %(day)s AND sampled
        AND features IS NOT NULL AND scores IS NOT NULL
        AND ('x' || right(id::text, 8))::bit(32)::bigint < %(below)s
    ORDER BY right(id::text, 8)
"""
FIRST_CALLS: Final = """
    SELECT at, features, scores FROM ml_models_loggedprediction
    WHERE version_id = %(version)s AND sampled AND features IS NOT NULL AND scores IS NOT NULL
    ORDER BY id LIMIT %(calls)s
"""


@dataclass(slots=True)
class Sample:
    """Logged rows of one version.

    Attributes:
        calls: when each call was answered.
        times: the same of each row's call.
        columns: by feature, the score under SCORE: a value a row, texts as serving.drift has them.
    """

    calls: list[datetime] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.times)

    def column(self, feature: str, *, since: datetime | None) -> list[Any]:
        """A feature's values, of calls answered after a moment; None: of all."""
        values = self.columns[feature]
        if since is None:
            return values
        return [value for value, at in zip(values, self.times, strict=True) if at > since]

    def calls_since(self, since: datetime | None) -> int:
        """How many calls were answered after a moment; None: all."""
        return sum(since is None or at > since for at in self.calls)

    def add(self, at: datetime, rows: list[list[Any]], scores: list[Any], watched: Watched) -> None:
        """One call."""
        self.calls.append(at)
        self.times += [at] * len(rows)
        self.columns[SCORE] += scores
        for place, each in watched:
            self.columns[each.name] += [_held(row[place]) for row in rows]


def watched_features(signature: Signature) -> Watched:
    """Features of one value, each with its place in a row; images and series are not read."""
    plain = [(place, each) for place, each in enumerate(signature.features) if not each.shape]
    return plain[:FEATURES_MAX]


def rows_of_day(version_id: UUID, day: date) -> int:
    """Rows that a sample of the day can be drawn from."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS_OF_DAY, {"version": version_id, "day": day})
        return int(cursor.fetchone()[0])


def samples_of_day(
    version_id: UUID, day: date, signature: Signature, *, rows: int
) -> Iterator[Sample]:
    """A sample of a day of so many rows, of ROWS_MAX or so at most, CHUNK of them at a time.

    Caller has opened a transaction.
    """
    most = max(ROWS_MIN, min(ROWS_MAX, CELLS_MAX // max(1, signature.cells)))
    below = int(SPAN * min(1.0, most / rows))
    calls = _calls(SAMPLE_OF_DAY, {"version": version_id, "day": day, "below": below})
    yield from _samples(calls, signature, CHUNK)


def first_rows(version_id: UUID, signature: Signature) -> Sample:
    """The first rows that were ever logged of a version, as far as they are kept.

    Caller has opened a transaction.
    """
    fitting = REFERENCE_CELLS // max(1, len(watched_features(signature)))
    most = max(ROWS_MIN, min(REFERENCE_ROWS, fitting))
    calls = _calls(FIRST_CALLS, {"version": version_id, "calls": most})
    return next(_samples(calls, signature, most), _empty(signature))


def _calls(
    statement: str, parameters: dict[str, UUID | date | int]
) -> Iterator[tuple[datetime, str, list[Any]]]:
    """(time, features as JSON, scores) of a few calls at a time, up to TEXT_MAX characters."""
    characters = 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, parameters)
        while characters < TEXT_MAX and (calls := cursor.fetchmany(FETCHED)):
            characters += sum(len(features) for _, features, _ in calls)
            yield from calls


def _samples(
    calls: Iterator[tuple[datetime, str, list[Any]]], signature: Signature, size: int
) -> Iterator[Sample]:
    """Samples of `size` rows, or a few more: a call is in one of them. The last may have fewer."""
    watched, sample = watched_features(signature), _empty(signature)
    for at, features, scores in calls:
        rows = orjson.loads(features)  # Django has psycopg2 hand over JSON as text
        if len(rows) == len(scores):
            sample.add(at, rows, scores, watched)
        if sample.rows >= size:
            yield sample
            sample = _empty(signature)
    if sample.rows:
        yield sample


def _empty(signature: Signature) -> Sample:
    names = (each.name for _, each in watched_features(signature))
    return Sample(columns={name: [] for name in (*names, SCORE)})


def _held(value: Any) -> Any:  # noqa: ANN401 - a number, a text, a boolean or None
    return as_category(value) if type(value) is str else value
