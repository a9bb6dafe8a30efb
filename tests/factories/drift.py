"""The nightly check of orders, and hands in the database that give it something to find."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection
from django.utils import timezone

from apps.orders.services.reconciling import check_orders


def check(*, now=None):
    return check_orders(actor=None, now=now or timezone.now())


def found(**options):
    """Kind, what is there and what should be, of each finding."""
    run = check(**options)
    assert run.drifted == len(run.findings)
    return [(finding["kind"], finding["is"], finding["should_be"]) for finding in run.findings]


def kinds(**options):
    return [kind for kind, _, _ in found(**options)]


def money(amount):
    """As the column gives it back, with three digits."""
    return str(Decimal(amount).quantize(Decimal("0.001")))


def without_triggers(statement, *parameters):
    """What a hand in the database may do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the commit is looked at
        cursor.execute("ALTER TABLE orders_order DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        cursor.execute("ALTER TABLE orders_order ENABLE TRIGGER USER")
