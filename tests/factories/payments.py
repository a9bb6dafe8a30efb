"""Paying for tests: calls of the API, the tasks that they leave, providers that misbehave."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from apps.orders import tasks
from apps.orders.models import Order, PaymentIntent, ProviderCall, SandboxCharge
from apps.orders.services.payments import intents
from apps.orders.services.payments.finishing import finish_payment, finish_refund
from apps.orders.services.payments.reaping import send_due
from apps.orders.services.providers.protocol import Outcome, ProviderTimeoutError, Said
from apps.orders.services.providers.sandbox import SandboxProvider
from apps.orders.services.providers.sandbox.callbacks import body_of
from apps.orders.services.providers.signatures import HEADER, sign
from apps.orders.services.refunds import RefundedLine, refund_order
from core.ids import uuid7
from core.models import OutboxEvent
from tests.factories.developers import login_of
from tests.factories.orders import buyer_of

if TYPE_CHECKING:
    from collections.abc import Callable

# -- By the API


def post(client, url, body=None, *, key=None, **headers):
    """A POST with an Idempotency-Key, a new one unless told otherwise."""
    headers["Idempotency-Key"] = uuid7().hex if key is None else key
    return client.post(url, body or {}, format="json", headers=headers)


def payments_url(order, payment=None, tail=""):
    listing = f"/api/v1/orders/{order.pk}/payments"
    if payment is None:
        return listing
    return f"{listing}/{payment['id'] if isinstance(payment, dict) else payment.pk}{tail}"


def pay(client, order, method="sandbox_success", *, key=None, **more):
    """The answer to POST /orders/{id}/payments; method=None sends none."""
    body = {**({} if method is None else {"payment_method": method}), **more}
    return post(client, payments_url(order), body, key=key)


def confirm(client, order, payment, method="sandbox_success", *, key=None):
    url = payments_url(order, payment, "/confirm")
    return post(client, url, {"payment_method": method}, key=key)


def refund(client, order, *, key=None, reason="customer", **body):
    """The answer to POST /orders/{id}/refunds."""
    return post(client, f"/api/v1/orders/{order.pk}/refunds", {**body, "reason": reason}, key=key)


def call_back(client, body, *, header=None, provider="sandbox"):
    """A callback over HTTP, signed unless told otherwise."""
    header = sign(body, provider=provider, now=timezone.now()) if header is None else header
    url = f"/api/v1/payment-providers/{provider}/callback"
    return client.post(
        url, body, content_type="application/json", headers={HEADER: header} if header else {}
    )


def event(key, said, *, event_id=None, reference="", kind="charge", **outcome):
    """The body of a callback of the sandbox."""
    found = Outcome(Said(said), reference, **outcome)
    return body_of(event_id or f"evt_{uuid7().hex}", key, found, timezone.now(), kind)


# -- By services


def paid(order, method="sandbox_success", *, now=None, **more):
    """The order after its buyer has paid it; its payment as `.payment`."""
    now = now or timezone.now()
    intent = intents.create_intent(
        order_id=order.pk,
        payment_method=method,
        actor=buyer_of(order.user),
        now=now,
        by_caller=True,
        **more,
    )
    payment = finish_payment(intent, now=now)
    order = Order.objects.get(pk=order.pk)
    order.payment = payment
    return order


def refunded(order, staff, pieces=1, *, now=None):
    """A refund of pieces of the order's first line, as it came out."""
    now = now or timezone.now()
    line = order.lines.order_by("position").first()
    begun = refund_order(
        order_id=order.pk,
        amount=None,
        lines=[RefundedLine(line.pk, pieces)],
        reason="customer",
        actor=login_of(staff),
        now=now,
        by_caller=True,
    )
    return finish_refund(begun.pk, now=now)


# -- In the background


def run_tasks(*names):
    """Run the tasks of orders that were sent, and those that these send; how many there were."""
    done = 0
    while True:
        rows = OutboxEvent.objects.filter(kind=OutboxEvent.Kind.TASK, type__startswith="orders.")
        rows = rows.filter(type__in=names) if names else rows
        waiting = list(rows.order_by("position"))
        if not waiting:
            return done
        for row in waiting:
            OutboxEvent.objects.filter(pk=row.pk).delete()
            getattr(tasks, row.type.removeprefix("orders."))(**row.payload)
            done += 1


def reap(later=timedelta()):
    """What beat does, so much later, and what it leads to."""
    due(later)
    return send_due(now=timezone.now()), run_tasks()


def due(later):
    """Let so much time pass for the calls that are owed."""
    for call in ProviderCall.objects.filter(state="pending"):
        lease = call.lease_until and call.lease_until - later
        sent = call.sent_at and call.sent_at - later
        rows = ProviderCall.objects.filter(pk=call.pk)
        rows.update(next_try_at=call.next_try_at - later, lease_until=lease, sent_at=sent)


def in_another_process(call):
    """The signal that ends a process of its own in which something is done; 0: it ends well."""
    connections.close_all()  # else both would talk on one
    child = os.fork()
    if child == 0:
        try:
            call()
        finally:
            os._exit(1)  # nothing of the test's own is torn down here
    return os.WTERMSIG(os.waitpid(child, 0)[1])


# -- What there is now


def states(order):
    """How an order stands: its status and how far it is paid."""
    return Order.objects.values_list("status", "payment_status").get(pk=order.pk)


def types(order):
    """What its timeline says of payments and refunds, in order."""
    rows = order.events.order_by("id").values_list("type", flat=True)
    return [name for name in rows if name.partition(".")[0] in {"payment", "refund"}]


def charges():
    """What the bank has taken and given back, by charge."""
    rows = SandboxCharge.objects.order_by("id")
    return [(row.status, str(row.captured), str(row.refunded)) for row in rows]


def intent_of(order):
    return PaymentIntent.objects.filter(order=order).order_by("-id").first()


# -- Providers that misbehave: named in PAYMENT_PROVIDERS by tests


class ProcessDied(BaseException):
    """As if the process had been killed between the bank's answer and our commit."""


class DyingProvider(SandboxProvider):
    """Takes the money; whoever has asked dies with the answer in their hands."""

    deaths = 1

    def pay(self, charge):
        outcome = super().pay(charge)
        if type(self).deaths:
            type(self).deaths -= 1
            raise ProcessDied
        return outcome


class KilledProvider(SandboxProvider):
    """Takes the money; the process that has asked is killed before it can say so."""

    def pay(self, charge):
        super().pay(charge)
        os.kill(os.getpid(), signal.SIGKILL)


class DeafProvider(SandboxProvider):
    """Answers nothing, takes nothing, until `is_there`."""

    is_there = False

    def pay(self, charge):
        if not type(self).is_there:
            raise ProviderTimeoutError("Nobody answers.")
        return super().pay(charge)


class SlowToRefund(SandboxProvider):
    """Says nothing about refunds for as long as anybody asks."""

    def refund(self, *, reference, amount, key):
        raise ProviderTimeoutError("Nobody answers.")


class StubbornProvider(SandboxProvider):
    """Lets nothing go that was allowed, as long as it `refuses`."""

    refuses = False

    def cancel(self, *, reference, key):
        if type(self).refuses:
            return Outcome(Said.FAILED, reference, code="not_now")
        return super().cancel(reference=reference, key=key)


class WatchingProvider(SandboxProvider):
    """While it is called, looks from a second connection at what is locked."""

    seen: ClassVar[list] = []

    def pay(self, charge):
        in_transaction = connection.in_atomic_block
        found = {}

        def look():
            found["order"] = _is_free("orders_order", charge.metadata["order_id"])
            found["payment"] = _is_free("orders_paymentintent", charge.metadata["payment_id"])
            found["stock"] = _is_free("products_stock")
            connections.close_all()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join(timeout=20)
        self.seen.append({"in_transaction": in_transaction, **found})
        return super().pay(charge)


class MeanwhileProvider(SandboxProvider):
    """While it is called, somebody does something else, on a connection of their own."""

    do: Callable[[], object] = staticmethod(lambda: None)
    answers: ClassVar[list] = []

    def pay(self, charge):
        def run():
            self.answers.append(type(self).do())
            connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(timeout=20)
        return super().pay(charge)


def _is_free(table, row_id=None):
    """Whether somebody else can lock a row, or all of them, at once."""
    condition, values = ("WHERE id = %s", [row_id]) if row_id else ("", [])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} {condition} FOR UPDATE NOWAIT", values)
        return len(cursor.fetchall()) > 0


def name_of(provider):
    """Its dotted path."""
    return f"{provider.__module__}.{provider.__qualname__}"


def use(django_settings, provider):
    """Let the sandbox be this one, as a setting says it."""
    django_settings.PAYMENT_PROVIDERS = {"sandbox": name_of(provider)}
    assert settings.PAYMENT_PROVIDERS == django_settings.PAYMENT_PROVIDERS


def money(amount, currency="EUR"):
    return {"amount": amount, "currency": currency}
