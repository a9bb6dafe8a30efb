"""The figures on the first page of the admin: what is served, what is at work, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F, Min, Sum
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.timesince import timesince

from apps.developers.models import Application, UsageDay
from apps.ml_models.models import (
    BatchPrediction,
    DriftReading,
    ModelVersion,
    Promotion,
    ServingProcess,
    TrafficSplit,
)
from apps.orders.models import Order, OrderCheck, ProviderCall
from apps.products.models import StockCheck
from apps.webhooks.models import Delivery, WebhookEndpoint
from core.outbox.claims import count_published, read_backlog

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

ALIVE = timedelta(seconds=30)  # a process whose heartbeat is older is not counted
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
UNKNOWN_AFTER = timedelta(minutes=10)  # a provider has been asked several times by then


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    figure: str
    url: str


def tiles_for(request: HttpRequest, *, now: datetime) -> list[Tile]:
    """The tiles whose pages this member of staff may open. Some small queries."""
    makers = {
        "orders.view_order": _orders,
        "orders.view_providercall": _payments,
        "products.view_stockcheck": _checks,
        "ml_models.view_modelversion": _versions,
        "ml_models.view_servingprocess": _processes,
        "ml_models.view_promotion": _promotions,
        "ml_models.view_trafficsplit": _canaries,
        "ml_models.view_driftreading": _drift,
        "ml_models.view_batchprediction": _jobs,
        "developers.view_application": _applications,
        "developers.view_usageday": _usage,
        "webhooks.view_delivery": _deliveries,
        "webhooks.view_webhookendpoint": _endpoints,
        "core.view_outboxevent": _outbox,
    }
    may = request.user.has_perm
    return [tile for name, make in makers.items() if may(name) for tile in make(now)]


def _page(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + query


def _orders(now: datetime) -> list[Tile]:
    orders, page = Order.objects.order_by(), _page("orders_order")
    placed = orders.filter(placed_at__gte=now - DAY).count()
    to_send = orders.filter(status__in=[Order.Status.CONFIRMED, Order.Status.PROCESSING]).count()
    return [
        Tile("orders in 24 h", f"{placed:,}", page),
        Tile("orders to send", f"{to_send:,}", page + "?status__exact=confirmed"),
    ]


def _payments(now: datetime) -> list[Tile]:
    """Calls to providers whose outcome should have been known by now."""
    owed = ProviderCall.objects.filter(
        state=ProviderCall.State.PENDING, created_at__lt=now - UNKNOWN_AFTER
    ).count()
    page = _page("orders_providercall", "?state__exact=pending")
    return [Tile("payment calls unanswered", f"{owed:,}", page)]


def _checks(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    """What the newest reconciliations have found, which must be nothing."""
    stock = StockCheck.objects.order_by("-id").values_list("drifted", flat=True).first()
    orders = OrderCheck.objects.order_by("-id").values_list("drifted", flat=True).first()
    return [
        Tile("stock drifted", _drifted(stock), _page("products_stockcheck")),
        Tile("orders drifted", _drifted(orders), _page("orders_ordercheck")),
    ]


def _drifted(count: int | None) -> str:
    return "not checked" if count is None else f"{count:,}"


def _versions(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    ready = ModelVersion.objects.filter(state=ModelVersion.State.READY).count()
    return [Tile("model versions ready", f"{ready:,}", _page("ml_models_modelversion"))]


def _processes(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    alive = ServingProcess.objects.filter(heartbeat_at__gte=Now() - ALIVE).count()
    return [Tile("processes serving", f"{alive:,}", _page("ml_models_servingprocess"))]


def _promotions(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    waiting = Promotion.objects.filter(state=Promotion.State.PROPOSED).count()
    page = _page("ml_models_promotion", "?state__exact=proposed")
    return [Tile("promotions to decide", f"{waiting:,}", page)]


def _canaries(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    active = TrafficSplit.objects.filter(state=TrafficSplit.State.ACTIVE).count()
    page = _page("ml_models_trafficsplit", "?state__exact=active")
    return [Tile("canaries and shadows", f"{active:,}", page)]


def _drift(now: datetime) -> list[Tile]:
    """Of the last whole day, which is the newest that is measured."""
    day = (now - DAY).date()
    drifted = DriftReading.objects.filter(day=day, drifted=True).count()
    page = _page("ml_models_driftreading", f"?drifted__exact=1&day={day}")
    return [Tile("features drifted yesterday", f"{drifted:,}", page)]


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


def _deliveries(now: datetime) -> list[Tile]:
    """What waits at endpoints that are on; also what waits for its next try."""
    page = _page("webhooks_delivery", "?state__exact=pending")
    on = {"endpoint__status": WebhookEndpoint.Status.ENABLED, "endpoint__deleted_at": None}
    waiting = Delivery.objects.filter(state=Delivery.State.PENDING, **on)
    found = waiting.aggregate(count=Count("pk"), oldest=Min("created_at"))
    return [
        Tile("deliveries waiting", f"{found['count']:,}", page),
        Tile("oldest of them", _age(found["oldest"], now), page),
    ]


def _age(since: datetime | None, now: datetime) -> str:
    if since is None:
        return "none"
    return "just made" if now - since < MINUTE else timesince(since, now, depth=1)


def _endpoints(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    on = WebhookEndpoint.objects.filter(status=WebhookEndpoint.Status.ENABLED, deleted_at=None)
    failing = on.filter(health__failing_since__isnull=False).count()
    page = _page("webhooks_webhookendpoint", "?state=failing")
    return [Tile("endpoints failing", f"{failing:,}", page)]


def _outbox(now: datetime) -> list[Tile]:  # noqa: ARG001 - one shape for all makers
    """What waits, since when, and what one relay has done in the last minute."""
    backlog, page = read_backlog(), _page("core_outboxevent")
    return [
        Tile("outbox lag", f"{backlog.lag_seconds:,.1f} s", page),
        Tile("outbox waiting", f"{backlog.waiting - backlog.failing:,}", f"{page}?state=waiting"),
        Tile("outbox failing", f"{backlog.failing:,}", f"{page}?state=failing"),
        Tile("handed on in a minute", f"{count_published():,}", f"{page}?state=published"),
    ]
