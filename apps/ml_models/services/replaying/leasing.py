"""Who runs a replay: claimed, renewed, given back, ended by its holder alone.

Leases go by the database's clock.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models.errors import LeaseLostError
from apps.ml_models.models import Replay
from apps.ml_models.services.replaying.forgetting import without_gone_rows
from apps.ml_models.services.replaying.limits import (
    ATTEMPTS_MAX,
    LEASE_SECONDS,
    LOADING_SECONDS,
)
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

State = Replay.State
LEASE = timedelta(seconds=LEASE_SECONDS)
LOADING = timedelta(seconds=LOADING_SECONDS)


def claim(replay_id: UUID) -> Replay | None:
    """Lease a replay that nobody runs, for its first load; None: there is nothing to do for it."""
    free = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now())
    token = uuid4()
    claimed = Replay.objects.filter(free, pk=replay_id, attempts__lt=ATTEMPTS_MAX).update(
        state=State.RUNNING,
        lease_token=token,
        lease_until=Now() + LOADING,
        attempts=F("attempts") + 1,
        calls=0,
    )
    if not claimed:
        return None
    names = ("model", "candidate__model", "baseline__model")
    return Replay.objects.select_related(*names).filter(pk=replay_id, lease_token=token).first()


def _held(replay: Replay) -> QuerySet[Replay]:
    return Replay.objects.filter(pk=replay.pk, lease_token=replay.lease_token, state=State.RUNNING)


def renew(replay: Replay, *, calls: int = 0, lease: timedelta = LEASE) -> None:
    """Say that it is still in work, and how far. Raises LeaseLostError: it is no longer ours."""
    if not _held(replay).update(lease_until=Now() + lease, calls=calls):
        raise LeaseLostError


@transaction.atomic
def finish(replay: Replay, *, result: Mapping[str, Any], **outcome: object) -> None:
    """Store what came of it. Raises LeaseLostError: somebody else has begun it anew."""
    kept = without_gone_rows(result)
    if not _end(replay, state=State.SUCCEEDED, result=kept, **outcome):
        raise LeaseLostError


def fail(replay: Replay, code: str, detail: str) -> None:
    """End it without a result, if it is still ours."""
    logger.warning("Replay %s failed: %s %s", replay.pk, code, detail)
    _end(replay, state=State.FAILED, reason_code=code[:64], detail=detail[:500])


def _end(replay: Replay, **fields: object) -> int:
    return _held(replay).update(lease_token=None, lease_until=None, finished_at=Now(), **fields)


@transaction.atomic
def release(replay: Replay, error: BaseException) -> None:
    """Give it back after an unforeseen error; the attempt counts, so this has an end."""
    logger.error("Replay %s broke in attempt %s: %r", replay.pk, replay.attempts, error)
    if replay.attempts >= ATTEMPTS_MAX:
        fail(replay, "internal_error", "The platform failed at it repeatedly.")
    elif _held(replay).update(state=State.QUEUED, lease_token=None, lease_until=None):
        enqueue("ml_models.run_replay", replay_id=str(replay.pk))
