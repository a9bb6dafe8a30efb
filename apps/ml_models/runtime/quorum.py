"""When a rollout is live: every web process that lives has its version warm.

There is no controller. Each process looks while a rollout is under way, and whichever sees that all
are ready, or that one cannot be, decides: once, under the lock of the model's row. A process that
is only slow and not counted answers by the version before until it has caught up, so no limit here
can lose a call.
"""

from __future__ import annotations

import logging
import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.ml_models.models import (
    ModelAlias,
    RegisteredModel,
    Rollout,
    ServedVersion,
    ServingProcess,
)
from apps.ml_models.runtime import moves
from apps.ml_models.runtime.generation import move_generation
from serving.state import ServableState

if TYPE_CHECKING:
    from uuid import UUID

    from serving.errors import ArtefactError
    from serving.state import ServableStatus

LIVE_BEATS = 3  # heartbeats without which a process is not waited for; one may come late
STALE_AFTER = 30  # without which it is taken for dead, and its rows are deleted
TIMEOUT_CODE = "rollout_timeout"

logger = logging.getLogger(__name__)


class Census(NamedTuple):
    """How far the web processes are with one version.

    Attributes:
        required: processes that live.
        warm: those of them that can answer by it at once.
        silent: whether there are others, not heard of lately and not long gone either.
    """

    required: int
    warm: int
    silent: bool = False

    @property
    def is_complete(self) -> bool:
        """All are warm. Where all are silent, as after a restart of the database, nobody is."""
        if not self.required:
            return not self.silent
        return self.warm >= self.required


def live_processes() -> list[UUID]:
    """The web processes that live: heard of lately, and of this host there is still the process."""
    return _heard_of(LIVE_BEATS)


def _heard_of(beats: int) -> list[UUID]:
    """Web processes that have said so within so many heartbeats, but for those that are gone."""
    age = timedelta(seconds=beats * settings.SERVING_HEARTBEAT_SECONDS)
    here = socket.gethostname()[:255]
    rows = ServingProcess.objects.filter(
        role=ServingProcess.Role.WEB, heartbeat_at__gt=Now() - age
    ).values_list("pk", "host", "pid")
    return [key for key, host, pid in rows if host != here or _exists(pid)]


def _exists(pid: int) -> bool:
    """Whether there is such a process here. A number that is used again only delays, by 3 s."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def take_census(version_id: UUID) -> Census:
    """Ask the rows in which the processes tell what they serve."""
    alive = live_processes()
    warm = ServedVersion.objects.filter(
        version_id=version_id, process_id__in=alive, state=ServedVersion.State.AVAILABLE
    )
    return Census(len(alive), warm.count(), silent=not alive and bool(_heard_of(STALE_AFTER)))


def advance(rollout_id: UUID) -> bool:
    """Let a rollout go live if all are ready, or fail if it took too long; whether it ended."""
    rollout = Rollout.objects.filter(pk=rollout_id, state=Rollout.State.LOADING).first()
    if rollout is None:
        return True
    if not ModelAlias.objects.filter(model_id=rollout.model_id, alias=rollout.alias).exists():
        return _end(rollout_id, "", "")
    census = take_census(rollout.version_id)
    if (rollout.required, rollout.warm) != (census.required, census.warm):
        Rollout.objects.filter(pk=rollout_id).update(required=census.required, warm=census.warm)
    if census.is_complete:
        return _end(rollout_id, "", "")
    if _is_stuck(rollout):
        detail = f"{census.warm} of {census.required} web processes had it warm in time."
        return _end(rollout_id, TIMEOUT_CODE, detail)
    return False


def _is_stuck(rollout: Rollout) -> bool:
    """Whether no process has got it warm for too long. They load in turn, so each has its time."""
    allowed = timedelta(seconds=settings.SERVING_ROLLOUT_SECONDS)
    warmed_lately = ServedVersion.objects.filter(
        version_id=rollout.version_id,
        process_id__in=live_processes(),
        state=ServedVersion.State.AVAILABLE,
        since__gte=Now() - allowed,
    )
    is_old = Rollout.objects.filter(pk=rollout.pk, created_at__lt=Now() - allowed).exists()
    return is_old and not warmed_lately.exists()


def judge(rollout_id: UUID, fault: ArtefactError | None, status: ServableStatus | None) -> bool:
    """End a rollout if it can be, as this process sees it; whether it has ended.

    Args:
        rollout_id: of one that loads.
        fault: why the manifest of its version cannot be used.
        status: of its version in this process. A load that failed and is not tried again soon ends
            the rollout for all: what one process cannot serve is not served.
    """
    if fault is not None:
        return _end(rollout_id, fault.reason_code, fault.detail)
    if status is not None and status.resting and status.state is ServableState.END:
        return _end(rollout_id, status.error_code, status.reason)
    return advance(rollout_id)


@transaction.atomic
def _end(rollout_id: UUID, code: str, detail: str) -> bool:
    """Decide under the lock that every change of the alias takes; True unless it has to wait."""
    model_id = Rollout.objects.values_list("model_id", flat=True).get(pk=rollout_id)
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=model_id)
    loading = Rollout.objects.select_related("model", "version", "previous")
    rollout = loading.filter(pk=rollout_id, state=Rollout.State.LOADING).first()
    if rollout is None:
        return True
    alias = ModelAlias.objects.filter(model_id=model_id, alias=rollout.alias).first()
    if alias is None or alias.version_id != rollout.version_id:
        moves.supersede(rollout)
        move_generation()
        return True
    if code:
        _take_back(rollout, alias, code, detail)
        return True
    if not take_census(rollout.version_id).is_complete:
        return False
    moves.go_live(rollout, move_generation())
    return True


def _take_back(rollout: Rollout, alias: ModelAlias, code: str, detail: str) -> None:
    """The alias leads to the version before again. A new alias has none: it stays, and waits."""
    moves.fail(rollout, code, detail)
    generation = move_generation()
    if rollout.previous is None:
        return
    alias.version, alias.generation = rollout.previous, generation
    alias.save()
    moves.tell_alias_moved(
        rollout.model,
        rollout.alias,
        rollout.version.number,
        rollout.previous.number,
        generation,
        None,
        f"The rollout of version {rollout.version.number} failed: {code}.",
    )
    logger.warning("Rollout of %s to %s failed: %s", rollout.version, rollout.alias, code)
