"""The rows in which a process tells, every few seconds, that it lives and what it serves."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.ml_models.models import ModelVersion, ServedVersion, ServingProcess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serving.ids import ServableId
    from serving.state import ServableStatus

STALE_AFTER = 6  # missed heartbeats, after which a process counts as dead


class Heartbeat:
    """Writes the rows of one process; used by one thread."""

    def __init__(self, role: str) -> None:
        self._id = uuid4()
        self._role = role
        self._due_at = 0.0
        self._told: dict[ServableId, tuple[object, ...]] = {}

    def beat_when_due(self, statuses: Iterable[ServableStatus], generation: int) -> None:
        """Write when a state has changed or the last heartbeat is old enough."""
        now = {status.servable_id: _told(status) for status in statuses}
        if now != self._told or time.monotonic() >= self._due_at:
            self.beat(statuses, generation)

    @transaction.atomic
    def beat(self, statuses: Iterable[ServableStatus], generation: int) -> None:
        """Write the process's row, one row a version, and purge processes that are dead."""
        ServingProcess.objects.update_or_create(
            id=self._id,
            defaults={
                "heartbeat_at": Now(),
                "generation": max(generation, 0),
                "rss_bytes": resident_bytes(),
            },
            create_defaults={
                "role": self._role,
                "host": socket.gethostname()[:255],
                "pid": os.getpid(),
                "generation": max(generation, 0),
                "rss_bytes": resident_bytes(),
            },
        )
        self._write_versions(list(statuses))
        purge_dead_processes()
        self._due_at = time.monotonic() + settings.SERVING_HEARTBEAT_SECONDS

    def _write_versions(self, statuses: list[ServableStatus]) -> None:
        ids = _version_ids(status.servable_id for status in statuses)
        rows = ServedVersion.objects.filter(process_id=self._id)
        rows.exclude(version_id__in=ids.values()).delete()
        for status in statuses:
            version_id = ids.get(status.servable_id)
            if version_id is None or self._told.get(status.servable_id) == _told(status):
                continue
            rows.update_or_create(
                process_id=self._id,
                version_id=version_id,
                defaults={
                    "state": status.state.value,
                    "detail": _detail(status),
                    "engine": status.engine[:16],
                    "bytes": status.bytes,
                    "warm_up_ms": status.load_ms,
                    "since": Now(),
                },
            )
        self._told = {status.servable_id: _told(status) for status in statuses}

    def leave(self) -> None:
        """Delete the process's rows: it ends in order."""
        ServingProcess.objects.filter(id=self._id).delete()


def _told(status: ServableStatus) -> tuple[object, ...]:
    return (status.state, status.error_code, status.engine)


def _detail(status: ServableStatus) -> str:
    return f"{status.error_code}: {status.reason}"[:500] if status.error_code else ""


def _version_ids(servable_ids: Iterable[ServableId]) -> dict[ServableId, UUID]:
    wanted = set(servable_ids)
    rows = ModelVersion.objects.filter(
        model__name__in={servable_id.name for servable_id in wanted},
        number__in={servable_id.version for servable_id in wanted},
    ).values_list("pk", "model__name", "number")
    found = {(name, number): pk for pk, name, number in rows}
    return {servable_id: found[servable_id] for servable_id in wanted if servable_id in found}


def purge_dead_processes() -> int:
    """Delete the rows of processes that have not been heard of; their number."""
    age = timedelta(seconds=STALE_AFTER * settings.SERVING_HEARTBEAT_SECONDS)
    deleted, _ = ServingProcess.objects.filter(heartbeat_at__lt=Now() - age).delete()
    return deleted


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
