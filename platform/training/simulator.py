"""Shopping sessions made up by a seeded recipe whose true purchase probabilities are known.

The recipe, in the order in which values are drawn (the tables below hold its numbers):

1. Month, visitor type, weekend and the four codes are drawn independently from fixed shares;
   a special day can only be near in February and May.
2. Each visitor has an unseen interest z ~ N(0, 1). Product pages are 1 + a log-normal count that
   grows with z; account and shop pages are Poisson, often 0. Time is pages times a log-normal
   number of seconds per page.
3. Exit rates fall with the number of product pages; bounce rates are a part of them.
4. Page value is 0 for most. The chance of a positive one grows with z and product pages; its
   amount is log-normal.
5. The purchase probability is sigmoid of a score of what was drawn (`_score`). It depends on
   observed columns alone, so it is also the best probability that any model could answer, and no
   model can be ranked above it. Two parts are beyond a linear model: page value counts
   twice as much for a new visitor, and time on products helps up to a point, then harms.

The shares roughly follow the public file described in `purchase_intent`; no row of it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.baselines import sigmoid
from training.purchase_intent import FEATURES, MONTHS, VISITOR_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Columns = dict[str, npt.NDArray[Any]]

DEFAULT_ROWS = 20_000  # trains in about 15 seconds on two slow cores

MONTH_SHARES = {
    "Jan": 0.01, "Feb": 0.02, "Mar": 0.15, "Apr": 0.01, "May": 0.26, "June": 0.03,
    "Jul": 0.04, "Aug": 0.04, "Sep": 0.04, "Oct": 0.05, "Nov": 0.22, "Dec": 0.13,
}  # fmt: skip
VISITOR_SHARES = {"New_Visitor": 0.14, "Returning_Visitor": 0.85, "Other": 0.01}
WEEKEND_SHARE = 0.23
CODE_DECAY = 0.6  # each code is this much rarer than the one before
SPECIAL_MONTHS = ("Feb", "May")
SPECIAL_DAYS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SPECIAL_DAY_SHARES = (0.62, 0.06, 0.09, 0.11, 0.08, 0.04)

MONTH_EFFECTS = {"Feb": -0.8, "Mar": -0.3, "May": -0.3, "Oct": 0.3, "Nov": 0.7, "Dec": -0.2}
TRAFFIC_EFFECTS = {"2": 0.3, "3": -0.3, "8": 0.4}
BASE_SCORE = -1.75


@dataclass(frozen=True, slots=True)
class SimulatedSessions:
    """n sessions in raw values, their outcome, and the probability the outcome was drawn with."""

    columns: Mapping[str, Sequence[Any]]  # feature name -> n Python values
    labels: npt.NDArray[np.int8]
    probabilities: Floats

    def instances(self) -> Iterator[dict[str, Any]]:
        """Each session as {feature: value}, what a caller would send."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))


def simulate_sessions(*, rows: int, seed: int) -> SimulatedSessions:
    """Draw `rows` sessions; the same seed gives the same sessions."""
    rng = np.random.default_rng(seed)
    columns = _draw_context(rng, rows)
    _draw_browsing(rng, rows, columns)
    probabilities = sigmoid(_score(columns))
    return SimulatedSessions(
        columns={feature["name"]: columns[feature["name"]].tolist() for feature in FEATURES},
        labels=(rng.random(rows) < probabilities).astype(np.int8),
        probabilities=probabilities,
    )


def _draw_context(rng: np.random.Generator, rows: int) -> Columns:
    """Step 1 of the recipe."""
    columns: Columns = {
        "Month": rng.choice(MONTHS, rows, p=_as_shares(MONTH_SHARES[name] for name in MONTHS)),
        "VisitorType": rng.choice(
            VISITOR_TYPES, rows, p=_as_shares(VISITOR_SHARES[name] for name in VISITOR_TYPES)
        ),
        "Weekend": rng.random(rows) < WEEKEND_SHARE,
    }
    for name in ("OperatingSystems", "Browser", "Region", "TrafficType"):
        columns[name] = _draw_codes(rng, rows, _vocabulary(name))
    near = rng.choice(SPECIAL_DAYS, rows, p=SPECIAL_DAY_SHARES)
    columns["SpecialDay"] = np.where(np.isin(columns["Month"], SPECIAL_MONTHS), near, 0.0)
    return columns


def _draw_browsing(rng: np.random.Generator, rows: int, columns: Columns) -> None:
    """Steps 2 to 4 of the recipe."""
    interest = rng.normal(size=rows)
    products = 1 + np.floor(rng.lognormal(2.6 + 0.5 * interest, 0.9)).astype(np.int64)
    columns["ProductRelated"] = products
    columns["ProductRelated_Duration"] = _time_on(rng, products, log_seconds=3.4)
    for name, mean in (("Administrative", 2.3), ("Informational", 0.5)):
        pages = rng.poisson(mean * rng.exponential(size=rows))
        columns[name] = pages
        columns[f"{name}_Duration"] = _time_on(rng, pages, log_seconds=3.2)
    exits = np.clip(rng.lognormal(-1.9, 0.5, rows) / np.sqrt(products), 0.0, 0.2)
    columns["ExitRates"] = _rounded(exits)
    columns["BounceRates"] = _rounded(exits * rng.beta(1.0, 2.0, rows))
    valued = rng.random(rows) < sigmoid(-2.6 + 0.8 * interest + 0.4 * np.log1p(products))
    columns["PageValues"] = _rounded(np.where(valued, rng.lognormal(2.6, 1.0, rows), 0.0))


def _score(columns: Columns) -> Floats:
    """Step 5 of the recipe: log-odds of a purchase."""
    value = np.log1p(columns["PageValues"])
    time = np.log1p(columns["ProductRelated_Duration"])
    is_new = columns["VisitorType"] == "New_Visitor"
    score: Floats = (
        BASE_SCORE
        + value * np.where(is_new, 2.0, 1.0)
        - 0.5 * (time - 6.5) ** 2
        - 20.0 * columns["ExitRates"]
        - 0.5 * columns["SpecialDay"]
        + 0.15 * columns["Weekend"]
        + _effects(columns["Month"], MONTH_EFFECTS)
        + _effects(columns["TrafficType"], TRAFFIC_EFFECTS)
    )
    return score


def _effects(values: npt.NDArray[Any], effects: Mapping[str, float]) -> Floats:
    total = np.zeros(values.size)
    for name, amount in effects.items():
        total += amount * (values == name)
    return total


def _time_on(
    rng: np.random.Generator, pages: npt.NDArray[np.int64], *, log_seconds: float
) -> Floats:
    """Seconds on so many pages: pages times a log-normal time per page."""
    return _rounded(pages * rng.lognormal(log_seconds, 0.7, pages.size))


def _draw_codes(
    rng: np.random.Generator, rows: int, vocabulary: Sequence[str]
) -> npt.NDArray[np.str_]:
    """The second code is the commonest, as in the public file; the rest fall off evenly."""
    weights = CODE_DECAY ** np.arange(len(vocabulary), dtype=np.float64)
    weights[0], weights[1] = weights[1], weights[0]
    return rng.choice(vocabulary, rows, p=weights / weights.sum())


def _vocabulary(name: str) -> Sequence[str]:
    return next(feature["vocabulary"] for feature in FEATURES if feature["name"] == name)


def _as_shares(weights: Iterator[float]) -> Floats:
    shares: Floats = np.array(list(weights))
    total = float(shares.sum())
    return shares / total


def _rounded(values: npt.NDArray[np.float64]) -> Floats:
    """Nine decimals, as in the public file."""
    return values.round(9)
