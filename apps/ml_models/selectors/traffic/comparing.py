"""The arms of an alias side by side, with intervals, and what they prove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from apps.ml_models.errors import TrafficSplitNotFoundError
from apps.ml_models.models import LoggedPrediction, TrafficSplit
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.quality import are_classes
from apps.ml_models.selectors.registry import alias_by_name
from apps.ml_models.selectors.traffic.arms import ArmQuery, judged_of, sums_of
from apps.ml_models.selectors.traffic.shadows import shadow_comparison
from apps.ml_models.selectors.traffic.splits import newest_split
from serving import intervals
from serving.intervals import Interval, Moments

if TYPE_CHECKING:
    from datetime import datetime

    from apps.ml_models.models import ModelPolicy, ModelVersion
    from apps.ml_models.selectors.traffic.arms import ArmSums, Judged
    from apps.ml_models.selectors.traffic.shadows import ShadowComparison
    from serving.intervals import Auc

MOMENTS_LEAST: Final = 2  # observations that a variance needs
WORDS: Final = {  # what a difference above zero means, and one below
    "error_share": ("fails more often", "fails less often"),
    "positive_share": ("decides positively more often", "decides positively less often"),
    "mean_score": ("scores higher", "scores lower"),
    "accuracy": ("is right more often", "is right less often"),
    "auc": ("orders better", "orders worse"),
    "brier": ("is further from the truth", "is nearer to the truth"),
}


@dataclass(frozen=True, slots=True)
class Truths:
    """What is known of rows whose truth is 0 or 1, with a score from 0 to 1.

    Attributes:
        correct: rows decided as the truth turned out.
        squared_errors: of the scores; their mean is the Brier score.
        auc: None: too few of one class.
    """

    count: int
    positives: int
    correct: int
    squared_errors: Moments
    auc: Auc | None
    calibration_error: float


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One arm: what it answered, and how well as far as the truth is known."""

    arm: str
    version: int
    sums: ArmSums
    truths: Truths | None

    @property
    def error_share(self) -> Interval | None:
        calls = self.sums.calls
        return intervals.wilson(self.sums.failures, calls) if calls else None

    @property
    def positive_share(self) -> Interval | None:
        scores = self.sums.scores
        return intervals.wilson(self.sums.positives, scores) if scores else None

    @property
    def score_moments(self) -> Moments | None:
        mean, variance = self.sums.mean_score, self.sums.score_variance
        if mean is None or variance is None:
            return None
        return Moments(self.sums.scores, mean, variance)

    @property
    def mean_score(self) -> Interval | None:
        return None if self.score_moments is None else intervals.mean_interval(self.score_moments)

    @property
    def known(self) -> int:
        """Rows whose truth is known to be 0 or 1."""
        return 0 if self.truths is None else self.truths.count

    @property
    def positives(self) -> int:
        return 0 if self.truths is None else self.truths.positives

    @property
    def calibration_error(self) -> float | None:
        return None if self.truths is None else self.truths.calibration_error

    @property
    def accuracy(self) -> Interval | None:
        truths = self.truths
        return None if truths is None else intervals.wilson(truths.correct, truths.count)

    @property
    def brier(self) -> Interval | None:
        truths = self.truths
        if truths is None or truths.count == 1:
            return None
        return intervals.mean_interval(truths.squared_errors)

    @property
    def auc(self) -> Interval | None:
        found = None if self.truths is None else self.truths.auc
        return None if found is None else found.interval


@dataclass(frozen=True, slots=True)
class Difference:
    """The canary's figure less the alias's own.

    Attributes:
        verdict: a sentence; empty while the interval holds 0.
    """

    measure: str
    interval: Interval
    verdict: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an alias's splits have shown.

    Attributes:
        since, until: of the calls; until None: it goes on.
        arms: the alias's own and, if there is or was one, its canary.
        differences: what can be compared; empty without a canary.
        shadow: None: there never was one.
    """

    model: str
    alias: str
    since: datetime
    until: datetime | None
    arms: tuple[ArmReport, ...]
    differences: tuple[Difference, ...]
    shadow: ShadowComparison | None


def comparison(*, model_name: str, alias: str) -> Comparison:
    """The newest canary and the newest shadow of an alias, active or ended.

    Raises:
        ModelNotFoundError, ModelAliasNotFoundError: as named.
        TrafficSplitNotFoundError: the alias never had either.
    """
    found = alias_by_name(model_name, alias)
    canary = newest_split(found.model, alias, TrafficSplit.Kind.CANARY)
    shadow = newest_split(found.model, alias, TrafficSplit.Kind.SHADOW)
    first = canary or shadow
    if first is None:
        raise TrafficSplitNotFoundError(f"{model_name}'s {alias!r} never had a canary or a shadow.")
    policy = policy_of(found.model)
    arms = tuple(_report(first, arm, version, policy) for arm, version in _arms(first, canary))
    return Comparison(
        model=model_name,
        alias=alias,
        since=first.created_at,
        until=first.ended_at,
        arms=arms,
        differences=_differences(*arms),
        shadow=None if shadow is None else shadow_comparison(shadow, policy),
    )


def _arms(first: TrafficSplit, canary: TrafficSplit | None) -> list[tuple[str, ModelVersion]]:
    arms = [(LoggedPrediction.Arm.MAIN.value, first.base)]
    return arms if canary is None else [*arms, (LoggedPrediction.Arm.CANARY.value, canary.version)]


def _report(split: TrafficSplit, arm: str, version: ModelVersion, policy: ModelPolicy) -> ArmReport:
    query = ArmQuery(
        version.pk,
        split.alias,
        arm,
        split.created_at,
        split.ended_at,
        policy.decision_threshold,
    )
    return ArmReport(arm, version.number, sums_of(query), _truths(judged_of(query), policy))


def _truths(judged: Judged, policy: ModelPolicy) -> Truths | None:
    """None where nothing is known, or most of what is known is no yes or no to a probability.

    Of rows whose truth is 0 or 1 alone: one told otherwise does not take the others away.
    Of several classes the likeliest is the decision; its score is taken as the probability that
    it is right.
    """
    is_binary = np.isin(judged.hits, (0.0, 1.0))
    are_probabilities = ((judged.scores >= 0.0) & (judged.scores <= 1.0)).all()
    if not are_probabilities or not are_classes(int(is_binary.sum()), len(is_binary)):
        return None
    scores, hits = judged.scores[is_binary], judged.hits[is_binary]
    positive = hits == 1.0
    picked = judged.has_class[is_binary] & (policy.score_index is None)
    decided = picked | (scores >= policy.decision_threshold)
    errors = (scores - hits) ** 2
    variance = float(errors.var(ddof=1)) if len(errors) > 1 else 0.0
    return Truths(
        count=len(scores),
        positives=int(positive.sum()),
        correct=int((decided == positive).sum()),
        squared_errors=Moments(len(errors), float(errors.mean()), variance),
        auc=intervals.auc(scores, positive),
        calibration_error=intervals.calibration_error(scores, positive),
    )


# -- Differences


def _differences(own: ArmReport, canary: ArmReport | None = None) -> tuple[Difference, ...]:
    """Of whatever both arms have."""
    if canary is None:
        return ()
    found = {**_of_answers(own, canary), **_of_truths(own, canary)}
    return tuple(
        Difference(measure, interval, _verdict(measure, interval))
        for measure, interval in found.items()
        if interval is not None
    )


def _of_answers(own: ArmReport, canary: ArmReport) -> dict[str, Interval | None]:
    ours, theirs = own.sums, canary.sums
    return {
        "error_share": _shares((theirs.failures, theirs.calls), (ours.failures, ours.calls)),
        "positive_share": _shares((theirs.positives, theirs.scores), (ours.positives, ours.scores)),
        "mean_score": _means(canary.score_moments, own.score_moments),
    }


def _of_truths(own: ArmReport, canary: ArmReport) -> dict[str, Interval | None]:
    ours, theirs = own.truths, canary.truths
    if ours is None or theirs is None:
        return {}
    return {
        "accuracy": _shares((theirs.correct, theirs.count), (ours.correct, ours.count)),
        "auc": _aucs(theirs.auc, ours.auc),
        "brier": _means(theirs.squared_errors, ours.squared_errors),
    }


def _shares(first: tuple[int, int], second: tuple[int, int]) -> Interval | None:
    return intervals.newcombe(first, second) if first[1] and second[1] else None


def _means(first: Moments | None, second: Moments | None) -> Interval | None:
    if first is None or second is None or min(first.size, second.size) < MOMENTS_LEAST:
        return None
    return intervals.welch(first, second)


def _aucs(first: Auc | None, second: Auc | None) -> Interval | None:
    return None if first is None or second is None else intervals.auc_difference(first, second)


def _verdict(measure: str, interval: Interval) -> str:
    if not interval.excludes_zero:
        return ""
    more, less = WORDS[measure]
    return f"The canary {more if interval.value > 0.0 else less}."
