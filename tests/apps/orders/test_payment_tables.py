"""What the database refuses of payments, whoever writes: each promise is broken once."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from apps.orders.models import (
    PaymentIntent,
    ProviderCall,
    ProviderNotice,
    Refund,
    RefundLine,
    SandboxCall,
    SandboxCharge,
)
from tests.factories.orders import make_order
from tests.factories.payments import paid, refund, run_tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(alice):
    return paid(make_order(alice))


@pytest.fixture
def refunded(order, client_of, bob):
    """One piece of it."""
    line = order.lines.get()
    refund(client_of(bob), order, lines=[{"line_id": str(line.pk), "quantity": 1}])
    return order


def refusal_of(write):
    """The constraint that refuses a write."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        write()
    return refused.value.__cause__.diag.constraint_name


def again(row, **values):
    """Another row like this one."""
    row.pk, row._state.adding = None, True
    for name, value in values.items():
        setattr(row, name, value)
    row.pk = type(row)._meta.pk.get_default()
    row.save(force_insert=True)


class TestIntents:
    def test_one_of_an_order_is_open(self, alice):
        order = make_order(alice)
        paid(order, "sandbox_declined")
        intent = PaymentIntent.objects.get()

        refused = refusal_of(lambda: again(intent, provider_reference=""))

        assert refused == "payment_intent_one_open"

    def test_a_reference_is_of_one(self, order):
        intent = PaymentIntent.objects.get()

        assert refusal_of(lambda: again(intent)) == "payment_intent_reference_once"

    @pytest.mark.parametrize(
        ("constraint", "values"),
        [
            ("payment_intent_amounts", {"captured": F("amount") + 1}),
            ("payment_intent_amounts", {"refunded": F("captured") + 1}),
            ("payment_intent_amounts", {"refunded": -1}),
            ("payment_intent_amounts", {"amount": 0, "captured": 0, "status": "cancelled"}),
            ("payment_intent_status_known", {"status": "lost", "captured": 0}),
            ("payment_intent_captured_succeeded", {"captured": 0}),
            ("payment_intent_captured_succeeded", {"status": "cancelled"}),
        ],
    )
    def test_is_refused(self, order, constraint, values):
        assert refusal_of(lambda: PaymentIntent.objects.update(**values)) == constraint


class TestRefunds:
    @pytest.mark.parametrize(
        ("constraint", "values"),
        [("refund_amount", {"amount": 0}), ("refund_status_known", {"status": "lost"})],
    )
    def test_is_refused(self, refunded, constraint, values):
        assert refusal_of(lambda: Refund.objects.update(**values)) == constraint

    def test_a_line_stands_in_it_once(self, refunded):
        line = RefundLine.objects.get()

        assert refusal_of(lambda: again(line)) == "refund_line_once"

    @pytest.mark.parametrize("values", [{"quantity": 0}, {"amount": -1}], ids=["none", "less"])
    def test_a_line_has_pieces_that_cost_nothing_at_least(self, refunded, values):
        assert refusal_of(lambda: RefundLine.objects.update(**values)) == "refund_line_quantity"


class TestCalls:
    @pytest.mark.parametrize(
        ("constraint", "values"),
        [
            ("provider_call_kind_known", {"kind": "steal"}),
            ("provider_call_done_has_outcome", {"state": "lost"}),
            ("provider_call_done_has_outcome", {"outcome": ""}),
            ("provider_call_done_has_outcome", {"state": "pending"}),
            ("provider_call_refund", {"kind": "refund"}),
        ],
    )
    def test_is_refused(self, order, constraint, values):
        assert refusal_of(lambda: ProviderCall.objects.update(**values)) == constraint

    def test_of_a_refund_is_one_and_is_called_so(self, refunded):
        rows = ProviderCall.objects.filter(kind="refund")
        call = rows.get()

        assert refusal_of(lambda: rows.update(kind="pay")) == "provider_call_refund"
        assert "refund_id" in refusal_of(lambda: again(call, key="k2"))

    def test_a_key_is_of_one(self, order):
        call = ProviderCall.objects.get()

        assert "key" in refusal_of(lambda: again(call))

    def test_one_about_a_payment_is_pending(self, alice):
        paid(make_order(alice), "sandbox_timeout")
        call = ProviderCall.objects.get()

        refused = refusal_of(lambda: again(call, key="k2", kind="cancel"))

        assert refused == "provider_call_one_pending"


class TestNotices:
    def test_an_event_is_kept_once(self, alice):
        paid(make_order(alice), "sandbox_twice")
        run_tasks()
        notice = ProviderNotice.objects.first()

        assert refusal_of(lambda: again(notice)) == "provider_notice_once"


class TestBank:
    @pytest.mark.parametrize(
        "values",
        [{"captured": F("amount") + 1}, {"refunded": F("captured") + 1}],
        ids=["takes", "gives"],
    )
    def test_takes_and_gives_no_more_than_there_is(self, order, values):
        refused = refusal_of(lambda: SandboxCharge.objects.update(**values))

        assert refused == "sandbox_charge_amounts"

    def test_has_each_charge_and_key_once(self, order):
        charge, call = SandboxCharge.objects.get(), SandboxCall.objects.get()

        assert "reference" in refusal_of(lambda: again(charge))
        assert "key" in refusal_of(lambda: again(call))
