"""Whether a version does so badly beside another that it is taken away: figures in, a word out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from serving.clustering import Sample, compare, effective, worst_group
from serving.drift import PSI_FLOOR
from serving.intervals import newcombe, wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from apps.ml_models.selectors.traffic import Window
    from apps.ml_models.services.traffic import Guard

    Flags = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.float64]

ERROR_SHARE, LATENCY_RATIO, SCORE_PSI = "error_share", "latency_ratio", "score_psi"

SURE: Final = 3.0  # standard deviations: one look in 740 is wrong, and many are taken
QUANTILE: Final = 0.95  # of the latency that is compared
LEAST_US: Final = 1_000  # microseconds; whatever the ratio, nobody waits for less
LEAST_CALLERS: Final = 10  # of each arm; whole callers are drawn, and two may just differ
LEAST_OF_A_SIZE: Final = 20  # own calls of about as many rows: 1 in 20 is above the quantile


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen, and what is wrong with it.

    Attributes:
        code: which limit it is beyond; empty: none.
        detail: the same in a sentence.
        observed: the figures, for whoever asks.
    """

    code: str = ""
    detail: str = ""
    observed: dict[str, object] = field(default_factory=dict)


def calls_of_a_caller(limit: int, limits: Guard) -> int:
    """Calls of one caller that a window of so many has at most: enough for itself to be judged."""
    return max(limit // LEAST_CALLERS, limits.min_calls)


def judge(limits: Guard, tried: Window, own: Window) -> Verdict:
    """Compare a version on trial with the one that it stands beside, or has followed.

    Nothing is judged below `limits.min_calls`, and nothing on a hair: a limit must be exceeded by
    more than chance, at SURE standard deviations, callers and not calls being what chance draws.
    No caller decides alone: the one that does worst is left out. Where the other version does as
    badly there is nothing to go back to, so its own failures, latency and scores are what counts.

    Args:
        limits: a None is no limit.
        tried: calls of the version on trial.
        own: of the other one, of the same time as far as they go.
    """
    observed: dict[str, object] = {
        "calls": tried.calls,
        "failures": tried.failures,
        "callers": tried.callers,
        "own_calls": own.calls,
        "own_failures": own.failures,
        "own_callers": own.callers,
    }
    if tried.calls < limits.min_calls:
        return Verdict(observed=observed)
    found = [fault for fault in _faults(limits, tried, own, observed) if fault.code]
    return Verdict(found[0].code, found[0].detail, observed) if found else Verdict("", "", observed)


def _faults(
    limits: Guard, tried: Window, own: Window, observed: dict[str, object]
) -> Iterator[Verdict]:
    """A verdict for each limit that can be looked at; its figures go into `observed`."""
    yield _error_share(limits, tried, own, observed)
    if own.calls >= limits.min_calls:
        can_be_told = min(tried.callers, own.callers) >= LEAST_CALLERS
        latency = _latency_ratio(limits, tried, own, observed)
        yield latency if can_be_told else Verdict()
        yield _score_psi(limits, tried, own, observed) if can_be_told else Verdict()


def _without_worst(hits: Flags, calls: Window) -> tuple[Flags, Window]:
    """The calls of all callers but the one with most hits; of an only one, its calls."""
    others = calls.who != worst_group(hits, calls.who)
    return (hits[others], calls.only(others)) if others.any() else (hits, calls)


def _error_share(limits: Guard, tried: Window, own: Window, observed: dict[str, object]) -> Verdict:
    share, limit = tried.failures / tried.calls, limits.max_error_share
    observed[ERROR_SHARE] = share
    failed, others = _without_worst(tried.failed, tried)
    if limit is None or 2 * others.calls < limits.min_calls:
        return Verdict()
    found = effective(failed, others.who)
    if wilson(*found, SURE).low <= limit:
        return Verdict()
    if own.calls and own.failures / own.calls > limit:  # as bad: is this one any worse?
        worse = newcombe(found, effective(own.failed, own.who), SURE)
        if worse.low <= 0.0:
            return Verdict()
    return Verdict(
        ERROR_SHARE,
        f"{tried.failures} of {tried.calls} calls failed, {_percent(share)}; "
        f"{_percent(limit)} are allowed.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _latency_ratio(
    limits: Guard, tried: Window, own: Window, observed: dict[str, object]
) -> Verdict:
    """Whether too many of the calls are slower than the other's of as many rows, times the limit.

    If the quantile were just at the limit, 1 call in 20 would be slower.
    """
    usual = _usual_us(tried, own)
    calls, usual = tried.only(known := ~np.isnan(usual)), usual[known]
    if calls.calls < limits.min_calls:
        return Verdict()
    ratios = calls.latency_us / np.maximum(usual, 1.0)
    found = float(np.quantile(ratios, QUANTILE))
    observed["latency_p95_us"] = float(np.quantile(calls.latency_us, QUANTILE))
    observed["own_latency_p95_us"] = float(np.quantile(own.latency_us, QUANTILE))
    observed[LATENCY_RATIO] = found
    limit = limits.max_latency_ratio
    if limit is None or calls.callers < LEAST_CALLERS:
        return Verdict()
    is_slow = calls.latency_us > np.maximum(usual * limit, float(LEAST_US))
    slow, others = _without_worst(is_slow, calls)
    if 2 * others.calls < limits.min_calls:
        return Verdict()
    if wilson(*effective(slow, others.who), SURE).low <= 1 - QUANTILE:
        return Verdict()
    return Verdict(
        LATENCY_RATIO,
        f"1 call in 20 takes more than {found:.3g} times as long as 19 of 20 of the other "
        f"version's of about as many rows; {limit:g} times is allowed.",
    )


def _usual_us(tried: Window, own: Window) -> Numbers:
    """(calls,), the other version's quantile of calls of about as many rows: up to twice as many.

    NaN where it has answered fewer than LEAST_OF_A_SIZE of these.
    """
    sizes, own_sizes = _size(tried.rows), _size(own.rows)
    usual = np.full(tried.calls, np.nan)
    for size in np.unique(sizes):
        alike = own.latency_us[own_sizes == size]
        if len(alike) >= LEAST_OF_A_SIZE:
            usual[sizes == size] = np.quantile(alike, QUANTILE)
    return usual


def _size(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1 row is 1, 2 and 3 are 2, 4 to 7 are 3, and so on."""
    return np.frexp(np.maximum(rows, 1))[1].astype(np.int64)


def _score_psi(limits: Guard, tried: Window, own: Window, observed: dict[str, object]) -> Verdict:
    tried, own = (calls.only(~np.isnan(calls.scores)) for calls in (tried, own))
    if min(tried.calls, own.calls) < limits.min_calls:
        return Verdict()
    if min(tried.callers, own.callers) < LEAST_CALLERS:
        return Verdict()
    limit = limits.max_score_psi
    spread = compare(
        Sample(tried.scores, tried.who),
        Sample(own.scores, own.who),
        limit=float("inf") if limit is None else max(limit, PSI_FLOOR),
    )
    observed[SCORE_PSI] = spread.psi
    if limit is None or spread.is_chance:
        return Verdict()
    return Verdict(SCORE_PSI, f"The scores' PSI is {spread.psi:.3g}; {limit:g} is allowed.")
