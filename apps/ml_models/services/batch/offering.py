"""Hints to workers that a job has chunks to claim; losing or repeating one does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from core.tasks import enqueue

if TYPE_CHECKING:
    from uuid import UUID


def offer_chunks(job_id: UUID, number: int) -> None:
    """Send hints in the caller's transaction: each lets a worker claim one chunk, the next.

    A worker that finishes a chunk offers one more while any is left, so a few hints keep a job of
    any size going.
    """
    for _ in range(number):
        enqueue("ml_models.run_batch_chunk", job_id=str(job_id), hint=uuid4().hex)
