"""The figures on the first page of the admin: what is served, what is at work, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.db.models.functions import Now
from django.urls import reverse

from apps.developers.models import Application, UsageDay
from apps.ml_models.models import BatchPrediction, ModelVersion, ServingProcess
from core.outbox.claims import read_backlog

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

ALIVE = timedelta(seconds=30)  # a process whose heartbeat is older is not counted
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    figure: str
    url: str


def tiles_for(request: HttpRequest, *, now: datetime) -> list[Tile]:
    """The tiles whose pages this member of staff may open. Six small queries."""
    makers = {
        "ml_models.view_modelversion": _versions,
        "ml_models.view_servingprocess": _processes,
        "ml_models.view_batchprediction": _jobs,
        "developers.view_application": _applications,
        "developers.view_usageday": _usage,
        "core.view_outboxevent": _outbox,
    }
    may = request.user.has_perm
    return [tile for name, make in makers.items() if may(name) for tile in make(now)]


def _page(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + query


def _versions(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    ready = ModelVersion.objects.filter(state=ModelVersion.State.READY).count()
    return [Tile("model versions ready", f"{ready:,}", _page("ml_models_modelversion"))]


def _processes(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    alive = ServingProcess.objects.filter(heartbeat_at__gte=Now() - ALIVE).count()
    return [Tile("processes serving", f"{alive:,}", _page("ml_models_servingprocess"))]


def _jobs(now: datetime) -> list[Tile]:
    page = _page("ml_models_batchprediction")
    unfinished = BatchPrediction.objects.filter(status__in=BatchPrediction.UNFINISHED).count()
    today = BatchPrediction.objects.filter(created_at__gte=now - DAY).count()
    return [
        Tile("batch predictions at work", f"{unfinished:,}", page),
        Tile("batch predictions in 24 h", f"{today:,}", page),
    ]


def _applications(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    live = Application.objects.filter(status=Application.Status.ACTIVE).count()
    page = _page("developers_application", "?status__exact=active")
    return [Tile("applications live", f"{live:,}", page)]


def _usage(now: datetime) -> list[Tile]:
    page = _page("developers_usageday", "?period=today")
    errors = Sum(F("client_errors") + F("server_errors"))
    today = UsageDay.objects.filter(day=now.date()).aggregate(calls=Sum("calls"), errors=errors)
    return [
        Tile("calls today", f"{today['calls'] or 0:,}", page),
        Tile("errors today", f"{today['errors'] or 0:,}", page),
    ]


def _outbox(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    lag = read_backlog().lag_seconds
    return [Tile("outbox lag", f"{lag:,.1f} s", _page("core_outboxevent"))]
