"""The life of two versions, written as rows: realistic enough to look at, always the same."""

from __future__ import annotations

from django.utils import timezone

from tests.factories.lifecycle.knowledge import stage_knowledge
from tests.factories.lifecycle.log import make_partitions, stage_call, stage_log
from tests.factories.lifecycle.monitoring import stage_monitoring
from tests.factories.lifecycle.moves import stage_promotions, stage_rollouts, stage_traffic
from tests.factories.lifecycle.versions import make_pair, note_move, ready_row, rejected_row

__all__ = [
    "make_pair",
    "make_partitions",
    "note_move",
    "ready_row",
    "rejected_row",
    "stage_call",
    "stage_lifecycle",
]


def stage_lifecycle(champion, candidate, user, *, days: int = 21):
    """Everything there can be about two ready versions of one model.

    `candidate` is the champion's canary and shadow, has an open promotion, and was replayed.
    """
    now = timezone.now()
    make_partitions(now)
    stage_knowledge(champion, candidate, user)
    stage_rollouts(champion, candidate, user, now)
    stage_promotions(champion, candidate, user)
    stage_traffic(champion, candidate, user, now)
    stage_log(champion, candidate, user, now)
    for version, quality in ((champion, 0.86), (candidate, 0.89)):
        stage_monitoring(version, now.date(), days, quality)
