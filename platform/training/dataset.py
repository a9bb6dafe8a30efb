"""Encoded rows with their labels, in memory: 17 columns of a million sessions take 70 MB."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.encoding import encode
from serving.signature import FeatureKind
from training.errors import TooFewRowsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from serving.signature import Signature

    Instance = Mapping[str, Any]
    Matrix = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.int8]
    Indices = npt.NDArray[np.intp]

CHUNK_ROWS = 4_096  # rows held as Python objects at a time


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows and what became of them.

    Attributes:
        features: [n, columns], encoded by the signature, not yet scaled.
        labels: [n], 1 where the session ended in a purchase, else 0.
    """

    features: Matrix
    labels: Labels

    @classmethod
    def from_blocks(cls, blocks: Iterable[Dataset]) -> Dataset:
        """Put chunks together, in order. Raises TooFewRowsError when there are none."""
        parts = list(blocks)
        if not parts:
            raise TooFewRowsError("There are no rows to train on.")
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.labels for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positives(self) -> int:
        return int(self.labels.sum())

    def take(self, indices: Indices) -> Dataset:
        return Dataset(self.features[indices], self.labels[indices])


def encode_chunk(signature: Signature, instances: list[Instance], labels: Sequence[int]) -> Dataset:
    """Encode one chunk as serving encodes a call, so that training and serving cannot drift apart.

    Raises:
        serving.errors.InvalidInstancesError: names rows of the chunk and their features.
    """
    (features,) = encode(signature, instances, max_instances=CHUNK_ROWS).values()
    return Dataset(features.astype(np.float32), np.asarray(labels, dtype=np.int8))


def from_instances(
    instances: Iterable[Instance], labels: Labels, *, signature: Signature
) -> Dataset:
    """Encode rows that are already Python values, in chunks.

    Raises:
        TooFewRowsError: there are no instances.
        serving.errors.InvalidInstancesError: an instance does not fit the signature.
    """
    return Dataset.from_blocks(
        encode_chunk(signature, chunk, labels[start : start + len(chunk)].tolist())
        for start, chunk in _chunks(iter(instances))
    )


def count_unknown(dataset: Dataset, signature: Signature) -> dict[str, int]:
    """How many cells of each category were encoded as `other`; only categories that had any."""
    counts = {
        feature.name: int((dataset.features[:, column] == len(feature.vocabulary)).sum())
        for column, feature in enumerate(signature.features)
        if feature.kind is FeatureKind.CATEGORY
    }
    return {name: count for name, count in counts.items() if count}


def decode_row(row: npt.NDArray[np.float32], signature: Signature) -> dict[str, Any]:
    """Turn one encoded row back into what a caller would send, to nine significant digits."""
    return {
        feature.name: _decode(feature.kind, float(str(cell)), feature.vocabulary)
        for feature, cell in zip(signature.features, row, strict=True)
    }


def _decode(kind: FeatureKind, cell: float, vocabulary: tuple[str, ...]) -> Any:  # noqa: ANN401 - a JSON value
    match kind:
        case FeatureKind.CATEGORY:
            return vocabulary[int(cell)] if cell < len(vocabulary) else "unknown"
        case FeatureKind.BOOLEAN:
            return bool(cell)
        case FeatureKind.INTEGER:
            return int(cell)
        case FeatureKind.NUMBER:
            return cell


def _chunks(source: Iterator[Instance]) -> Iterator[tuple[int, list[Instance]]]:
    start = 0
    while chunk := list(islice(source, CHUNK_ROWS)):
        yield start, chunk
        start += len(chunk)
