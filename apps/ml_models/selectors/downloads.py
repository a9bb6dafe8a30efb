"""Results and errors of a batch prediction as one file, though they lie in parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.ml_models.errors import BatchPredictionExpiredError, BatchPredictionNotFinishedError
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors.blobs import open_blob
from apps.ml_models.selectors.parts import errors_header, results_header
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

READ_BYTES = 256 * 1024
CONTENT_TYPES = {
    BatchPrediction.OutputFormat.JSONL: "application/x-ndjson",
    BatchPrediction.OutputFormat.CSV: "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One chunk's file, its length in bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file of which any range can be read without reading what is before it.

    Attributes:
        header: the bytes before the first part.
        parts: in input order.
        digest: changes when the content does; for the ETag.
    """

    file_name: str
    content_type: str
    header: bytes
    parts: tuple[Part, ...]
    digest: str

    @property
    def size(self) -> int:
        return len(self.header) + sum(part.size for part in self.parts)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from start up to stop, a few at a time."""
        if start < len(self.header):
            yield self.header[start:stop]
        position = len(self.header)
        for part in self.parts:
            first, last = max(start - position, 0), min(stop - position, part.size)
            if first < last:
                yield from _read(part.name, first, last)
            position += part.size


def _read(name: str, start: int, stop: int) -> Iterator[bytes]:
    with open_blob(name) as file:
        file.seek(start)
        left = stop - start
        while left and (chunk := file.read(min(left, READ_BYTES))):
            left -= len(chunk)
            yield chunk


def results_of(job: BatchPrediction) -> Download:
    """The predictions of a finished job.

    Raises:
        BatchPredictionNotFinishedError, BatchPredictionExpiredError: by its status.
    """
    _check_finished(job)
    signature = Signature.from_document(job.version.signature)
    rows = _chunks(job).values_list("result_name", "result_bytes", "result_sha256")
    return _download(job, "results", results_header(job.output_format, signature), rows)


def errors_of(job: BatchPrediction) -> Download:
    """The errors of a finished job; raises as results_of does."""
    _check_finished(job)
    rows = _chunks(job).values_list("errors_name", "errors_bytes", "errors_sha256")
    return _download(job, "errors", errors_header(job.output_format), rows)


def _chunks(job: BatchPrediction) -> QuerySet[BatchChunk]:
    ended = (BatchChunk.State.DONE, BatchChunk.State.GIVEN_UP)
    return BatchChunk.objects.filter(job=job, state__in=ended).order_by("index")


def _check_finished(job: BatchPrediction) -> None:
    if job.status == BatchPrediction.Status.EXPIRED:
        raise BatchPredictionExpiredError(f"They were deleted at {job.expired_at:%FT%TZ}.")
    if not job.is_finished:
        raise BatchPredictionNotFinishedError(f"It is {job.status}.", retry_after=1)


def _download(
    job: BatchPrediction, kind: str, header: bytes, rows: Iterable[tuple[str, int, str]]
) -> Download:
    parts = tuple(Part(*row) for row in rows if row[0])
    digest = hashlib.sha256(header)
    for part in parts:
        digest.update(part.sha256.encode())
    return Download(
        file_name=f"{kind}-{job.pk}.{job.output_format}",
        content_type=CONTENT_TYPES[BatchPrediction.OutputFormat(job.output_format)],
        header=header,
        parts=parts,
        digest=digest.hexdigest()[:32],
    )
