"""The rows in which a process tells that it lives, and what it serves."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.ml_models.models import ModelVersion, ServedVersion, ServingProcess
from apps.ml_models.runtime.metrics import LOADED_BYTES, ROUTING_GENERATION
from apps.ml_models.runtime.quorum import STALE_AFTER
from serving.memory import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.backends.base.base import BaseDatabaseWrapper

    from serving.ids import ServableId
    from serving.manager import ServableManager
    from serving.state import ServableStatus

REPORT_SECONDS = 5.0  # at most, between two reports of what is served
RSS_SAMPLES = 3  # heartbeats in a row with too much memory, before a process says so

_PULSE = """
    UPDATE {table} SET heartbeat_at = statement_timestamp(), rss_bytes = %s, loaded_bytes = %s,
        loads = %s, retiring = %s
    WHERE id = %s
"""


class Heartbeat:
    """Writes the rows of one process.

    What is served is told by the thread that follows routing, when it changes; that the process
    lives, by a thread with nothing else to do, also while a model is loaded.
    """

    def __init__(self, role: str, manager: ServableManager) -> None:
        self._id = uuid4()
        self._role = role
        self._manager = manager
        self._due_at = 0.0
        self._heavy_beats = 0
        self._told: dict[ServableId, tuple[object, ...]] = {}
        self._told_generation = -1

    def beat_when_due(self, statuses: Iterable[ServableStatus], generation: int) -> bool:
        """Write what has changed, or when the last report is old enough; whether a state has."""
        statuses = list(statuses)
        has_changed = {status.servable_id: _told(status) for status in statuses} != self._told
        is_behind = generation != self._told_generation
        if has_changed or is_behind or time.monotonic() >= self._due_at:
            self.beat(statuses, generation)
        return has_changed

    def beat(self, statuses: Iterable[ServableStatus], generation: int) -> None:
        """Write the process's row, one row a version, and purge processes that are dead.

        What has been told is remembered once it is committed: rows that were rolled back are
        written again.
        """
        statuses = list(statuses)
        with transaction.atomic():
            self._write_process(generation)
            self._write_versions(statuses)
        self._told = {status.servable_id: _told(status) for status in statuses}
        self._told_generation = generation
        ROUTING_GENERATION.set(generation)
        self._due_at = time.monotonic() + REPORT_SECONDS
        purge_dead_processes()

    def _write_process(self, generation: int) -> None:
        values = {
            "heartbeat_at": Now(),
            "generation": max(generation, 0),
            "rss_bytes": resident_bytes(),
            "budget_bytes": self._manager.budget_bytes,
            "loaded_bytes": self._manager.loaded_bytes,
            "loads": self._manager.loads,
        }
        _, is_new = ServingProcess.objects.update_or_create(
            id=self._id,
            defaults=values,
            create_defaults={
                **values,
                "role": self._role,
                "host": socket.gethostname()[:255],
                "pid": os.getpid(),
            },
        )
        if is_new:  # or deleted by the others, who had not heard of it for long
            self._told = {}

    def pulse(self, database: BaseDatabaseWrapper) -> bool:
        """Write, on a connection of its own, that the process lives; False: it has no row (yet)."""
        rss, loaded = resident_bytes(), self._manager.loaded_bytes
        LOADED_BYTES.set(loaded)
        is_heavy = 0 < settings.SERVING_RSS_BYTES <= rss
        self._heavy_beats = self._heavy_beats + 1 if is_heavy else 0
        table = database.ops.quote_name(ServingProcess._meta.db_table)  # noqa: SLF001 - Django's documented accessor
        retiring = self._heavy_beats >= RSS_SAMPLES
        with database.cursor() as cursor:
            values = (rss, loaded, self._manager.loads, retiring, self._id)
            cursor.execute(_PULSE.format(table=table), values)
            return bool(cursor.rowcount)

    def report_soon(self) -> None:
        """Write all of it at the next look."""
        self._due_at = 0.0

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
                    "measured_bytes": status.measured_bytes,
                    "warm_up_ms": status.load_ms,
                    "since": Now(),
                },
            )

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


@transaction.atomic
def purge_dead_processes() -> int:
    """Delete the rows of processes that have not been heard of; their number.

    Those that another process is deleting are left to it, so nobody waits for anybody.
    """
    age = timedelta(seconds=STALE_AFTER * settings.SERVING_HEARTBEAT_SECONDS)
    stale = ServingProcess.objects.filter(heartbeat_at__lt=Now() - age)
    locked = stale.select_for_update(skip_locked=True, of=("self",))
    deleted, _ = ServingProcess.objects.filter(pk__in=[row.pk for row in locked]).delete()
    return deleted
