"""Whatever is done with orders, in whatever order: stock, money, coupons and states agree.

A machine of hypothesis does at random what buyers, staff, the worker and the clock do, with the
real services, the sandbox provider and the real database.
"""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.conf import settings as platform_settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apps.orders.models import (
    OPEN,
    Coupon,
    Order,
    OrderEvent,
    PaymentIntent,
    ProviderCall,
    Refund,
    SandboxCharge,
)
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.expiring import expire_orders
from apps.orders.services.fulfilling import (
    FulfilledLine,
    complete_order,
    fulfil_order,
    mark_delivered,
)
from apps.orders.services.machine import ENDED, TRANSITIONS
from apps.orders.services.payments import intents
from apps.orders.services.payments.finishing import finish_payment
from apps.orders.services.payments.notices import receive_notice
from apps.orders.services.payments.statuses import GIVEN_UP
from apps.orders.services.providers.signatures import HEADER, sign
from apps.orders.services.reconciling import check_orders
from apps.orders.services.refunds import RefundedLine, refund_order
from apps.products.models import Stock
from apps.products.services.stock.checking import check_stock
from core.errors import ConflictError, InvalidError
from core.money import Money
from tests.factories.accounts import UserFactory
from tests.factories.developers import login_of
from tests.factories.fulfilments import lines_of
from tests.factories.orders import make_coupon, make_order
from tests.factories.payments import StubbornProvider, event, name_of, reap, run_tasks
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

FEW = 3  # runs of the ordinary suite
NTH = st.integers(0, 3)  # of the orders there are, counted from the newest
PIECES = st.integers(0, 3)  # of each of an order's two lines
METHODS = (
    "sandbox_success",
    "sandbox_declined",
    "sandbox_needs_action",
    "sandbox_pending",
    "sandbox_timeout",
    "sandbox_refund_fails",
)
AMOUNTS = st.sampled_from((None, "0.02", "5.00")).map(
    lambda text: text and Money(Decimal(text), "EUR")
)
REFUSED = (ConflictError, InvalidError)


class ShopMachine(RuleBasedStateMachine):
    """One buyer, one of the staff, two products of which one is counted, three uses of a coupon."""

    def __init__(self):
        super().__init__()
        self.buyer = UserFactory()
        self.staff = UserFactory(staff=True)
        self.counted = make_product(stock=8).only
        self.uncounted = make_product(stock=None, track_inventory=False).only
        self.coupon = make_coupon(max_uses=3)
        self.clock = timezone.now()
        StubbornProvider.refuses = False
        self.orders, self.parcels = [], []
        self.tried = SimpleNamespace(done=0, refused=0)

    # -- What can be done

    @rule(pieces=st.integers(1, 4), with_coupon=st.booleans())
    def place(self, pieces, with_coupon):
        lines = ((self.counted, pieces), (self.uncounted, 1))
        coupon = {"coupon": self.coupon.code} if with_coupon else {}
        order = self._do(make_order, self.buyer, lines, now=self.clock, **coupon)
        if order is not None:
            self.orders.append(order.pk)

    @rule(nth=NTH, method=st.sampled_from(METHODS), manual=st.booleans())
    def pay(self, nth, method, manual):
        for order_id in self._nth(nth):
            intent = self._do(
                intents.create_intent,
                order_id=order_id,
                payment_method=method,
                capture_method="manual" if manual else "automatic",
                actor=login_of(self.buyer),
                now=self.clock,
                by_caller=True,
            )
            if intent is not None:
                finish_payment(intent, now=self.clock)

    @rule(nth=NTH, method=st.sampled_from(("sandbox_success", "sandbox_action_done")))
    def pay_again(self, nth, method):
        for intent in self._intents(nth):
            confirmed = self._do(
                intents.confirm_intent,
                order_id=intent.order_id,
                payment_id=intent.pk,
                payment_method=method,
                actor=login_of(self.buyer),
                now=self.clock,
                by_caller=True,
            )
            if confirmed is not None:
                finish_payment(intent, now=self.clock)

    @rule(nth=NTH, amount=AMOUNTS)
    def capture(self, nth, amount):
        for intent in self._intents(nth):
            self._do(
                intents.capture_intent,
                order_id=intent.order_id,
                payment_id=intent.pk,
                amount=amount,
                actor=login_of(self.staff),
                now=self.clock,
            )

    @rule(nth=NTH)
    def lapse(self, nth):
        """The bank lets go what the payer had allowed, and calls us back about it."""
        for intent in self._intents(nth):
            charges = SandboxCharge.objects.filter(reference=intent.provider_reference)
            if charges.filter(status="requires_capture").update(status="cancelled"):
                body = event("", "cancelled", reference=intent.provider_reference)
                signature = {HEADER: sign(body, provider="sandbox", now=self.clock)}
                receive_notice(provider="sandbox", headers=signature, body=body, now=self.clock)

    @rule()
    def let_the_worker_work(self):
        run_tasks()

    @rule()
    def let_time_come_for_what_is_owed(self):
        reap(later=self.clock - timezone.now() + timedelta(minutes=20))

    @rule(refuses=st.booleans())
    def the_bank_lets_nothing_go(self, refuses):
        StubbornProvider.refuses = refuses

    @rule(nth=NTH, pieces=st.none() | st.tuples(PIECES, PIECES).filter(any))
    def send(self, nth, pieces):
        for order_id in self._nth(nth):
            lines = None if pieces is None else self._lines(FulfilledLine, order_id, pieces)
            parcel = self._do(
                fulfil_order,
                order_id=order_id,
                lines=lines,
                actor=login_of(self.staff),
                now=self.clock,
            )
            if parcel is not None:
                self.parcels.append(parcel)
                assert PaymentIntent.objects.filter(order=order_id, captured__gt=F("refunded"))

    @rule(nth=NTH)
    def deliver(self, nth):
        for parcel in self.parcels[-1 - nth : len(self.parcels) - nth]:
            self._do(
                mark_delivered,
                order_id=parcel.order_id,
                fulfilment_id=parcel.pk,
                actor=login_of(self.staff),
                now=self.clock,
            )

    @rule(nth=NTH, pieces=st.tuples(PIECES, PIECES).filter(any), restock=st.booleans())
    def refund(self, nth, pieces, restock):
        for order_id in self._nth(nth):
            self._do(
                refund_order,
                order_id=order_id,
                amount=None,
                lines=self._lines(RefundedLine, order_id, pieces, restock=restock),
                reason="customer",
                actor=login_of(self.staff),
                now=self.clock,
            )

    @rule(nth=NTH, amount=AMOUNTS)
    def refund_money(self, nth, amount):
        """An amount, or all that is left."""
        for order_id in self._nth(nth):
            self._give_back(order_id, amount)

    @rule(nth=NTH)
    def close(self, nth):
        for order_id in self._nth(nth):
            self._do(complete_order, order_id=order_id, actor=login_of(self.staff), now=self.clock)

    @rule(nth=NTH, by_staff=st.booleans())
    def cancel(self, nth, by_staff):
        for order_id in self._nth(nth):
            actor = login_of(self.staff if by_staff else self.buyer)
            self._do(
                cancel_order, order_id=order_id, reason="customer", actor=actor, now=self.clock
            )

    @rule(minutes=st.sampled_from((1, 20, 90)))
    def time_passes(self, minutes):
        self.clock += timedelta(minutes=minutes)
        expire_orders(now=self.clock)

    # -- What holds whatever was done

    @invariant()
    def everything_agrees(self):
        """But for calls that wait as long as nobody lets the worker work."""
        findings = check_orders(actor=None, now=self.clock).findings
        refused = set(
            map(str, Refund.objects.filter(status="failed").values_list("order", flat=True))
        )
        assert [
            finding
            for finding in findings
            if finding["kind"] != "provider_call"
            # What a bank does not give back is for staff, who are shown it.
            and not (finding["kind"] == "money_kept" and finding["order_id"] in refused)
        ] == []
        assert check_stock(actor=None, now=self.clock).findings == []

    @invariant()
    def nothing_is_oversold(self):
        stock = Stock.objects.get(variant=self.counted)
        assert 0 <= stock.reserved <= stock.on_hand
        assert Coupon.objects.get(pk=self.coupon.pk).used <= 3

    @invariant()
    def what_was_sent_was_paid(self):
        sent = Order.objects.filter(lines__fulfilled_quantity__gt=0)
        assert list(sent.filter(captured__lt=F("total"))) == []

    @invariant()
    def what_has_come_to_nothing_keeps_no_money(self):
        """And nothing that may bring some: it is on its way back, or the bank has refused it."""
        intents = PaymentIntent.objects.filter(order__status__in=GIVEN_UP)
        open_ones = intents.filter(Q(status__in=OPEN) | Q(captured__gt=F("refunded")))
        under_way = ProviderCall.objects.filter(state="pending").values("intent")
        refused = Refund.objects.filter(status="failed").values("intent")
        assert list(open_ones.exclude(pk__in=under_way).exclude(pk__in=refused)) == []

    @invariant()
    def every_order_went_a_way_that_there_is(self):
        for order in Order.objects.filter(pk__in=self.orders):
            status = "pending"
            moves = OrderEvent.objects.filter(order=order, data__has_key="from").order_by("id")
            for moved in moves:
                to = moved.type.removeprefix("order.")
                assert moved.data["from"] == status
                assert to in TRANSITIONS[Order.Status(status)]
                status = to
            assert order.status == status

    @invariant()
    def the_bank_has_what_we_say(self):
        """Once what is owed to the bank has been done: nobody paid twice, or got too much back."""
        bank = SandboxCharge.objects.aggregate(captured=Sum("captured"), refunded=Sum("refunded"))
        taken, returned = (bank[name] or Decimal(0) for name in ("captured", "refunded"))
        ours = PaymentIntent.objects.aggregate(captured=Sum("captured"), refunded=Sum("refunded"))
        assert returned <= taken
        assert (ours["captured"] or 0) <= taken
        assert returned <= (ours["refunded"] or 0)

    def teardown(self):
        StubbornProvider.refuses = False
        self._settle()
        for order_id in self.orders:
            self._bring_to_an_end(order_id)
        self._settle()

    # -- How

    def _settle(self):
        """Nothing is owed any more: all books agree, charge by charge."""
        run_tasks()
        self.let_time_come_for_what_is_owed()
        self.everything_agrees()
        self.what_has_come_to_nothing_keeps_no_money()
        given_back = Sum("refunds__amount", filter=Q(refunds__status="succeeded"), default=0)
        ours = PaymentIntent.objects.exclude(provider_reference="").annotate(given_back=given_back)
        columns = ("provider_reference", "captured", "given_back")
        charges = SandboxCharge.objects.values_list("reference", "captured", "refunded")
        assert set(ours.values_list(*columns)) == set(charges)

    def _bring_to_an_end(self, order_id):
        """There is a way for every order: cancelled, closed with its money back, or sent."""
        ways = (
            lambda: self._do(
                cancel_order,
                order_id=order_id,
                reason="staff",
                actor=login_of(self.staff),
                now=self.clock,
            ),
            lambda: (self._give_back(order_id, None), self.let_time_come_for_what_is_owed()),
            lambda: self._do(
                complete_order, order_id=order_id, actor=login_of(self.staff), now=self.clock
            ),
            lambda: self._do(
                fulfil_order,
                order_id=order_id,
                lines=None,
                actor=login_of(self.staff),
                now=self.clock,
            ),
        )
        for way in ways:
            if Order.objects.get(pk=order_id).status not in ENDED:
                way()
        assert Order.objects.get(pk=order_id).status in ENDED

    def _give_back(self, order_id, amount):
        self._do(
            refund_order,
            order_id=order_id,
            amount=amount,
            lines=[],
            reason="customer",
            actor=login_of(self.staff),
            now=self.clock,
        )

    def _do(self, service, *arguments, **named):
        """What it answers; None: refused, which leaves everything as it was."""
        before = self._written()
        try:
            with transaction.atomic():
                answer = service(*arguments, **named)
        except REFUSED:
            self.tried.refused += 1
            assert self._written() == before
            return None
        self.tried.done += 1
        return answer

    def _written(self):
        rows = Stock.objects.order_by("pk").values_list("on_hand", "reserved")
        orders = Order.objects.order_by("pk").values_list("pk", "row_version")
        return (list(rows), list(orders), OrderEvent.objects.count())

    def _nth(self, nth):
        return self.orders[-1 - nth : len(self.orders) - nth]

    def _intents(self, nth):
        return PaymentIntent.objects.filter(order__in=self._nth(nth)).order_by("-id")[:1]

    def _lines(self, kind, order_id, pieces, **more):
        return [
            kind(line.pk, count, **more)
            for line, count in zip(lines_of(order_id), pieces, strict=True)
            if count
        ]


def _run(*, examples, steps):
    """Each example in a savepoint, so that they share one database and leave it as it was."""
    tried = []

    class InASavepoint(ShopMachine):
        def __init__(self):
            self.savepoint = transaction.savepoint()
            super().__init__()
            tried.append(self.tried)

        def teardown(self):
            try:
                super().teardown()
            finally:
                transaction.savepoint_rollback(self.savepoint)

    run_state_machine_as_test(
        InASavepoint,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=examples == FEW,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return tried


@pytest.mark.timeout(3_600)
class TestOrders:
    def test_keep_their_promises_whatever_happens_to_them(self, monkeypatch):
        """A few lives, always the same; `ORDER_EXAMPLES=100` makes as many others."""
        providers = {"sandbox": name_of(StubbornProvider)}
        monkeypatch.setattr(platform_settings, "PAYMENT_PROVIDERS", providers)
        examples = int(os.environ.get("ORDER_EXAMPLES", FEW))
        tried = _run(examples=examples, steps=25 if examples == FEW else 40)
        assert sum(each.done for each in tried) > 0
        assert sum(each.refused for each in tried) > 0
