"""One run over recent and open orders, and over coupons: what disagrees is kept and told."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Count, F, Q

from apps.orders.models import Coupon, Order, OrderCheck
from apps.orders.services.machine import OPEN
from apps.orders.services.reconciling.comparing import findings_of
from apps.orders.services.reconciling.facts import facts_of
from core import audit
from core.observability.metrics import gauge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.orders.services.reconciling.comparing import Finding
    from core.audit import Actor

logger = logging.getLogger(__name__)

BATCH: Final = 200  # orders read at once
RECENT_DAYS: Final = 30  # an ended order placed before then is looked at no more
FINDINGS_MAX: Final = 100  # kept of one run; all are counted

DRIFT = gauge("agora_order_drift", "Disagreements found by the last check.", mode="mostrecent")


def check_orders(*, actor: Actor, now: datetime) -> OrderCheck:
    """Compare orders with their lines, parcels, payments, refunds, stock and coupons.

    Orders of the last RECENT_DAYS are looked at, and older ones that have not ended. Each is read
    without a lock, beside everybody who is buying; what disagrees is read once more under the
    order's lock, which all who change it take first, so that a finding is one.

    Args:
        actor: who asked for it; None: the schedule.
        now: aware, UTC.

    Returns:
        The run, with at most FINDINGS_MAX findings. Drift is logged as an error and measured.
    """
    checked, findings = 0, _coupon_findings()
    for orders in _batches(now):
        checked += len(orders)
        suspects = [f.order.pk for f in facts_of(orders) if findings_of(f, now=now)]
        for order_id in suspects:
            findings += _confirmed(order_id, now)
    return _keep(checked, findings, actor)


def _batches(now: datetime) -> Iterator[Sequence[Order]]:
    """Newest first: all down to the horizon, then the open ones beyond it."""
    horizon = now - timedelta(days=RECENT_DAYS)
    last: UUID | None = None
    is_recent = True
    while True:
        rows: QuerySet[Order] = Order.objects.order_by("-pk")
        rows = rows if is_recent else rows.filter(status__in=OPEN)
        orders = list((rows if last is None else rows.filter(pk__lt=last))[:BATCH])
        if not orders:
            return
        yield orders
        last = orders[-1].pk
        is_recent = is_recent and orders[-1].placed_at >= horizon


@transaction.atomic
def _confirmed(order_id: UUID, now: datetime) -> list[Finding]:
    """An order that somebody is changing this moment is left to the next run."""
    rows = Order.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=order_id)
    return [finding for facts in facts_of(list(rows)) for finding in findings_of(facts, now=now)]


def _coupon_findings() -> list[Finding]:
    """Coupons whose count is not that of their uses; those are looked at again, locked."""
    drifted = _counted().exclude(used=F("counted")).values_list("pk", flat=True)
    return [finding for coupon_id in list(drifted) for finding in _confirmed_coupon(coupon_id)]


def _counted() -> Any:  # noqa: ANN401 - coupons with a column more
    open_uses = Count("uses", filter=Q(uses__returned_at__isnull=True))
    return Coupon.objects.annotate(counted=open_uses)


@transaction.atomic
def _confirmed_coupon(coupon_id: UUID) -> list[Finding]:
    rows = Coupon.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=coupon_id)
    if not rows:  # somebody is using it this moment
        return []
    coupons = _counted().exclude(used=F("counted")).filter(pk=coupon_id)
    return [
        {
            "kind": "coupon_used",
            "coupon_id": str(coupon_id),
            "code": code,
            "is": str(used),
            "should_be": str(counted),
        }
        for code, used, counted in coupons.values_list("code", "used", "counted")
    ]


@transaction.atomic
def _keep(checked: int, findings: list[Finding], actor: Actor) -> OrderCheck:
    DRIFT.set(len(findings))
    run: OrderCheck = OrderCheck.objects.create(
        checked=checked,
        drifted=len(findings),
        findings=findings[:FINDINGS_MAX],
        run_by_id=None if actor is None else actor.user_id,
    )
    audit.record(
        actor=actor,
        action="orders.order_check.run",
        object_type="order_check",
        object_id=str(run.pk),
        before=None,
        after={"checked": checked, "drifted": len(findings)},
    )
    if findings:
        logger.error("%s disagreements about orders, e.g. %s.", len(findings), findings[0])
    return run
