"""How features and score were spread in training: the bins that later traffic is held against.

The form is the one that the registry takes in as a version's `reference`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from serving.signature import FeatureKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from serving.signature import Feature, Signature
    from training.dataset import Dataset

    Column = npt.NDArray[np.floating[Any]]

BINS = 10  # of a number; fewer where values repeat, as most counts do
BOOLEANS = ("false", "true")


def reference_of(dataset: Dataset, scores: Column, signature: Signature) -> dict[str, Any]:
    """The distribution of each feature, and of the score.

    Args:
        dataset: training rows, encoded by the signature; each feature has one column.
        scores: the model's answers to rows that it did not learn from: to those that it did it
            answers more surely than it ever will again.
        signature: says what each column is.
    """
    columns = zip(signature.features, dataset.features.T, strict=True)
    features = {feature.name: _bins_of(feature, column) for feature, column in columns}
    return {"features": features, "score": quantile_bins(scores)}


def _bins_of(feature: Feature, column: Column) -> dict[str, Any]:
    match feature.kind:
        case FeatureKind.CATEGORY:
            return _value_counts(feature.vocabulary, column)
        case FeatureKind.BOOLEAN:
            return _value_counts(BOOLEANS, column)
        case _:
            return quantile_bins(column)


def _value_counts(values: tuple[str, ...], column: Column) -> dict[str, Any]:
    """Rows with each value, by its code, and with any other one."""
    codes = np.clip(column.astype(np.int64), 0, len(values))
    counts = np.bincount(codes, minlength=len(values) + 1)
    return {"values": list(values), "counts": counts.tolist()}


def quantile_bins(column: Column, bins: int = BINS) -> dict[str, Any]:
    """Inner edges at the deciles, each value once, and the rows in each bin.

    Bin i holds edges[i-1] <= x < edges[i]. A value that fills several deciles (most sessions see no
    informational page) is an edge once, so that no bin is empty by construction. At the least value
    there is no edge: nothing would lie below it.
    """
    numbers = column.astype(np.float64)
    quantiles = np.quantile(numbers, np.arange(1, bins) / bins, method="inverted_cdf")
    edges = np.unique(quantiles)
    edges = edges[edges > numbers.min()]
    places = np.searchsorted(edges, numbers, side="right")
    counts = np.bincount(places, minlength=len(edges) + 1)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
