"""What keeps replays moving when messages are lost and workers die."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.ml_models.models import Replay
from apps.ml_models.services.replaying.leasing import fail
from apps.ml_models.services.replaying.limits import ATTEMPTS_MAX, OFFER_SECONDS
from core.tasks import enqueue

State = Replay.State


def reap_replays() -> None:
    """Offer replays again that nobody runs; give up those that killed every worker."""
    left = Q(state=State.QUEUED, updated_at__lt=Now() - timedelta(seconds=OFFER_SECONDS)) | Q(
        state=State.RUNNING, lease_until__lt=Now()
    )
    for replay in Replay.objects.filter(left).order_by("id"):
        if replay.state == State.RUNNING and replay.attempts >= ATTEMPTS_MAX:
            fail(replay, "worker_lost", "Workers died while they ran it.")
        else:
            with transaction.atomic():
                enqueue("ml_models.run_replay", replay_id=str(replay.pk))
