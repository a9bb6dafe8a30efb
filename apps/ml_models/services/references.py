"""How features and score were spread in training: the bins that drift is measured against.

A document has the form

    {"features": {"PageValues": {"edges": [0.0, 5.5], "counts": [700, 200, 100]},
                  "Month": {"values": ["Feb", "Nov"], "counts": [40, 60, 3]}},
     "score": {"edges": [0.1, 0.5], "counts": [800, 150, 50]}}

k inner edges, ascending, make k + 1 bins: bin i holds edges[i-1] <= x < edges[i]. Values of a
category have a count each and one more for every other value. `rows` says how many rows there
were where some had no value; otherwise it is the sum of the counts.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from apps.ml_models.models import DriftReference
from serving.documents import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.models import ModelVersion

FEATURES_MAX = 1_000  # named in one document
EDGES_MAX = 100
VALUES_MAX = 1_000
VALUE_MAX = 500  # characters of a category's value
FEATURE_MAX = 128  # characters of a feature's name
ROWS_MAX = 2**53
SCORE = ""
"""The feature of a reference that is the score's."""


class Bins(NamedTuple):
    """Bins of one feature or of the score; `edges` are a category's values."""

    edges: list[object]
    counts: list[int]
    rows: int


def read_reference(node: Node, signature: Mapping[str, object] | None) -> dict[str, Bins]:
    """By feature, the score under "". Raises DocumentError with the place of the first fault."""
    members = node.members(optional=("features", "score"))
    features = members["features"].entries() if "features" in members else {}
    if len(features) > FEATURES_MAX:
        node.refuse(f"At most {FEATURES_MAX} features are allowed.")
    known = _names_of(signature)
    for name, feature in features.items():
        if not 0 < len(name) <= FEATURE_MAX or (known is not None and name not in known):
            feature.refuse("The signature has no such feature.")
    if "score" in members:
        features[SCORE] = members["score"]
    return {name: _read_bins(feature) for name, feature in features.items()}


def _names_of(signature: Mapping[str, object] | None) -> set[object] | None:
    features = None if signature is None else signature.get("features")
    if not isinstance(features, list):
        return None
    return {feature.get("name") for feature in features if isinstance(feature, dict)}


def _read_bins(node: Node) -> Bins:
    members = node.members(required=("counts",), optional=("edges", "values", "rows"))
    if ("edges" in members) == ("values" in members):
        node.refuse("Either edges or values are expected.")
    edges = _edges(members["edges"]) if "edges" in members else _values(members["values"])
    counts = [
        count.integer(at_least=0, at_most=ROWS_MAX)
        for count in members["counts"].elements(at_most=VALUES_MAX + 1)
    ]
    if len(counts) != len(edges) + 1:
        members["counts"].refuse(f"{len(edges) + 1} counts are expected.")
    total = sum(counts)
    if total == 0:
        members["counts"].refuse("Bins without a row say nothing.")
    if "rows" in members:
        return Bins(edges, counts, members["rows"].integer(at_least=total, at_most=ROWS_MAX))
    return Bins(edges, counts, total)


def _edges(node: Node) -> list[object]:
    edges = [edge.finite() for edge in node.elements(at_most=EDGES_MAX)]
    if any(low >= high for low, high in pairwise(edges)):
        node.refuse("Edges must ascend.")
    return list(edges)


def _values(node: Node) -> list[object]:
    values = [value.text(at_most=VALUE_MAX) for value in node.elements(at_most=VALUES_MAX)]
    if len(set(values)) != len(values):
        node.refuse("A value stands twice.")
    return list(values)


def store_reference(version: ModelVersion, document: Mapping[str, object] | None) -> None:
    """Keep what was said at upload; caller has checked it and is in the version's transaction."""
    DriftReference.objects.bulk_create(
        DriftReference(
            version=version,
            feature=feature,
            edges=bins.edges,
            counts=bins.counts,
            rows=bins.rows,
            source=DriftReference.Source.TRAINING,
        )
        for feature, bins in _bins_of(document).items()
    )


def is_stored(version: ModelVersion, document: Mapping[str, object] | None) -> bool:
    """Whether the version has these bins, or none were said."""
    wanted = _bins_of(document)
    rows = DriftReference.objects.filter(version=version, source=DriftReference.Source.TRAINING)
    stored = {row.feature: Bins(row.edges, row.counts, row.rows) for row in rows}
    return not wanted or wanted == stored


def _bins_of(document: Mapping[str, object] | None) -> dict[str, Bins]:
    return {} if document is None else read_reference(Node(document), None)
