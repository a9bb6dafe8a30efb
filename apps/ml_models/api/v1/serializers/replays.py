"""Replays, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.api.v1.serializers.promotions import NUMBER_MAX
from apps.ml_models.models import Replay
from apps.ml_models.selectors.replays import SHARE_COLUMNS, share_from
from apps.ml_models.services.replaying.limits import CALLS_MAX
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLS_DEFAULT = 1_000


class ReplayIn(InputSerializer[None]):
    version = serializers.IntegerField(
        min_value=1, max_value=NUMBER_MAX, help_text="The candidate."
    )
    against = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=NUMBER_MAX,
        help_text="The version it is compared with; null, or left out: the champion.",
    )
    calls = serializers.IntegerField(
        required=False,
        default=CALLS_DEFAULT,
        min_value=1,
        max_value=CALLS_MAX,
        help_text="Logged calls to run, from the newest on.",
    )


class ReplayReasonOut(OutputSerializer[Any]):
    code = serializers.CharField(help_text="Stable, e.g. score_missing.")
    detail = serializers.CharField()


class FlipShareOut(OutputSerializer[Any]):
    share = serializers.FloatField(help_text="0 to 1.")
    low = serializers.FloatField(help_text="Lower end of the 95 % confidence interval (Wilson).")
    high = serializers.FloatField(help_text="Upper end of it.")


def _reason(code: str, detail: str) -> dict[str, str] | None:
    return {"code": code, "detail": detail} if code else None


def _share(rows: int, failed_rows: int, flips: int) -> dict[str, float] | None:
    share = share_from(rows, failed_rows, flips)
    if share is None:
        return None
    return {"share": share.share, "low": share.low, "high": share.high}


class ReplayOut(OutputSerializer[Any]):
    id = serializers.UUIDField()
    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField(source="candidate.number", help_text="The candidate.")
    against = serializers.IntegerField(source="baseline.number", help_text="The baseline.")
    state = serializers.ChoiceField(choices=Replay.State.choices)
    reason = ComputedField(
        _reason,
        of=("reason_code", "detail"),
        shape=ReplayReasonOut(allow_null=True),
        help_text="Why it failed.",
    )
    requested = serializers.IntegerField(help_text="Calls that were asked for, at most.")
    calls = serializers.IntegerField(help_text="Calls that were run.")
    rows = serializers.IntegerField(help_text="Rows in them that the baseline answered.")
    failed_rows = serializers.IntegerField(
        help_text="Of them, rows that the candidate could not take or answer."
    )
    flips = serializers.IntegerField(
        help_text="Of them, rows that both answered and decided differently."
    )
    changed = ComputedField(
        _share,
        of=SHARE_COLUMNS,
        shape=FlipShareOut(allow_null=True),
        help_text="Share of the rows whose decision would change: flips and failed rows together.",
    )
    mean_difference = serializers.FloatField(
        allow_null=True, help_text="Of the scores of one row, absolute."
    )
    largest_difference = serializers.FloatField(allow_null=True, help_text="The same, at most.")
    created_by = serializers.UUIDField(
        source="created_by_id", allow_null=True, help_text="A user; null: the platform itself."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Null until then.")


class DifferencesOut(OutputSerializer[Any]):
    p50 = serializers.FloatField(help_text="Median of the absolute differences of scores.")
    p90 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()
    edges = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Of the bins of the histogram, one more than bins.",
    )
    counts = serializers.ListField(child=serializers.IntegerField(), help_text="Rows in each bin.")


class DecisionPairOut(OutputSerializer[Any]):
    baseline = serializers.IntegerField(help_text="0 or 1, or the position of a class.")
    candidate = serializers.IntegerField(help_text="The same.")
    rows = serializers.IntegerField()


class RowFailureOut(OutputSerializer[Any]):
    code = serializers.CharField(help_text="Stable, e.g. unknown_category.")
    feature = serializers.CharField(help_text="Empty: it is about the row.")
    rows = serializers.IntegerField()


class ScoringOut(OutputSerializer[Any]):
    output = serializers.CharField(help_text="Empty: the first.")
    index = serializers.IntegerField(allow_null=True)
    threshold = serializers.FloatField()


class ScoredOut(OutputSerializer[Any]):
    score = serializers.FloatField()
    decision = serializers.IntegerField()


class DifferentRowOut(OutputSerializer[Any]):
    prediction_id = serializers.UUIDField(help_text="The logged call.")
    row = serializers.IntegerField(help_text="Position in that call, from 0.")
    difference = serializers.FloatField(help_text="Of the scores, absolute.")
    baseline = ScoredOut()
    candidate = ScoredOut()
    features = serializers.DictField(help_text="By name, as they were sent.")


class PerRowOut(OutputSerializer[Any]):
    baseline = serializers.FloatField(allow_null=True)
    candidate = serializers.FloatField(allow_null=True)


def _part(name: str, shape: Any, help_text: str) -> ComputedField:  # noqa: ANN401 - a field
    return ComputedField(
        lambda result: result.get(name), of=("result",), shape=shape, help_text=help_text
    )


def _parts(name: str, shape: Any, help_text: str) -> ComputedField:  # noqa: ANN401 - a field
    return ComputedField(
        lambda result: result.get(name, []), of=("result",), shape=shape, help_text=help_text
    )


def _shown_rows(replay: Any) -> object:  # noqa: ANN401 - a replay with its rows
    """Which are there moves with the log, and with who asks."""
    return tuple((row["prediction_id"], row["row"]) for row in replay.most_different)


class ReplayDetailOut(ReplayOut):
    beside = {"most_different": _shown_rows}

    scoring = _part(
        "scoring", ScoringOut(allow_null=True), "How rows were decided, by the policy then."
    )
    ended_by = _part(
        "ended_by",
        serializers.ChoiceField(choices=["calls", "log", "rows", "time"], allow_null=True),
        "What was used up first: the calls asked for, the log, or the rows or time of a replay.",
    )
    newest_at = _part(
        "newest_at", serializers.DateTimeField(allow_null=True), "Of the newest call that was run."
    )
    oldest_at = _part(
        "oldest_at", serializers.DateTimeField(allow_null=True), "Of the oldest call that was run."
    )
    skipped_rows = _part(
        "skipped_rows",
        serializers.IntegerField(allow_null=True),
        "Rows that the baseline could not answer, which say nothing.",
    )
    differences = _part(
        "differences", DifferencesOut(allow_null=True), "How far the scores of a row are apart."
    )
    decisions = _parts("decisions", DecisionPairOut(many=True), "Rows by the pair of decisions.")
    failures = _parts(
        "failures", RowFailureOut(many=True), "Why rows failed, the most frequent reasons."
    )
    microseconds_per_row = _part(
        "microseconds_per_row", PerRowOut(allow_null=True), "Time in each engine, in the worker."
    )
    most_different = serializers.SerializerMethodField(
        help_text="The rows whose scores differ most, at most 20, as far as they are still in the "
        "prediction log, for those who may change models; for others empty."
    )

    @extend_schema_field(DifferentRowOut(many=True))
    def get_most_different(self, replay: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - a replay with its rows
        rows: list[Mapping[str, Any]] = replay.most_different
        return rows
