"""Words that cross each other, tell of a part, or cannot be true: no money is lost by them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.orders.models import PaymentIntent, ProviderCall, ProviderNotice
from apps.orders.services.payments import intents
from apps.orders.services.payments.finishing import finish_payment
from apps.orders.services.providers.sandbox import SandboxProvider
from apps.orders.services.reconciling import check_orders
from apps.orders.services.refunds import refund_order
from core.money import Money
from tests.factories.developers import login_of
from tests.factories.orders import buyer_of, make_order
from tests.factories.payments import (
    call_back,
    charges,
    event,
    intent_of,
    paid,
    reap,
    run_tasks,
    states,
    types,
    use,
)
from tests.factories.products import make_product
from tests.factories.providers import Away, Overtaken, Partial, Untrue

pytestmark = pytest.mark.django_db
WHOLE = [("succeeded", "10.000", "0.000")]


@pytest.fixture
def order(alice):
    """Of 10.00."""
    return make_order(alice, ((make_product(price="10.00").only, 1),))


@pytest.fixture
def tells(client_of):
    """The bank says something about a charge, and it is heeded at once."""

    def tell(*args, **more):
        call_back(client_of(None), event(*args, **more))
        run_tasks("orders.process_provider_notice")
        return ProviderNotice.objects.latest("id").outcome

    return tell


def who(order):
    return {
        "order_id": order.pk,
        "payment_id": intent_of(order).pk,
        "actor": buyer_of(order.user),
        "now": timezone.now(),
    }


def confirm(order, method="sandbox_success"):
    step = intents.confirm_intent(**who(order), payment_method=method, by_caller=True)
    return finish_payment(step, now=timezone.now())


def capture(order, amount):
    wanted = Money(Decimal(amount), "EUR")
    step = intents.capture_intent(**who(order), amount=wanted, by_caller=True)
    return finish_payment(step, now=timezone.now())


def drift():
    run = check_orders(actor=None, now=timezone.now())
    return [finding["kind"] for finding in run.findings]


class TestWhoComesFirst:
    def test_a_word_without_key_about_an_earlier_try_does_not_settle_the_present_one(
        self, order, settings, tells
    ):
        use(settings, Overtaken)
        reference = paid(order, "sandbox_declined").payment.provider_reference
        heard = []
        Overtaken.meanwhile[:] = [lambda: heard.append(tells("", "declined", reference=reference))]

        assert confirm(order).status == "succeeded"

        assert heard == ["left_to_call"]
        assert (states(order), charges()) == (("confirmed", "paid"), WHOLE)

    def test_an_answer_that_comes_second_and_tells_of_money_is_heeded(self, order, settings, tells):
        use(settings, Overtaken)
        paid(order, "sandbox_declined")
        Overtaken.meanwhile[:] = [
            lambda: tells(ProviderCall.objects.latest("id").key, "declined", code="late")
        ]

        assert confirm(order).status == "succeeded"

        assert (states(order), charges()) == (("confirmed", "paid"), WHOLE)
        assert types(order)[-2:] == ["payment.failed", "payment.succeeded"]

    def test_a_late_word_does_not_end_a_capture_that_is_under_way(self, order, settings, tells):
        use(settings, Overtaken)
        reference = paid(order, capture_method="manual").payment.provider_reference
        heard = []
        Overtaken.meanwhile[:] = [
            lambda: heard.append(tells("", "requires_capture", reference=reference))
        ]

        assert capture(order, "10.00").status == "succeeded"

        assert (heard, states(order)) == (["left_to_call"], ("confirmed", "paid"))

    def test_an_order_that_was_cancelled_meanwhile_gives_the_money_back(
        self, order, settings, tells
    ):
        """Closed as declined by a late word, the payment is not given up without the bank."""
        paid(order, "sandbox_declined")
        confirm(order, "sandbox_timeout")  # taken, and not heard
        tells(ProviderCall.objects.latest("id").key, "declined")
        assert intent_of(order).status == "requires_payment_method"

        intents.cancel_intent(**who(order))
        run_tasks()

        assert (states(order), charges()) == (("confirmed", "paid"), WHOLE)


class TestPart:
    def test_a_callback_about_a_charge_says_how_much_was_taken(self, order):
        """Whoever has asked for the capture dies with the bank's answer in their hands."""
        payment = paid(order, "sandbox_twice", capture_method="manual").payment
        part = Money(Decimal("1.00"), "EUR")
        intents.capture_intent(**who(order), amount=part, by_caller=True)
        key = ProviderCall.objects.get(kind="capture").key
        SandboxProvider().capture(reference=payment.provider_reference, amount=part, key=key)

        run_tasks("orders.send_sandbox_notice")
        run_tasks("orders.process_provider_notice")

        notices = list(ProviderNotice.objects.values_list("outcome", "payload__captured"))
        assert notices == [("left_to_call", "1.000")] * 2
        reap(later=timedelta(minutes=1))
        assert (intent_of(order).captured, states(order)[1]) == (part.amount, "partially_paid")

    @pytest.mark.parametrize("said", [None, Decimal("1.00")], ids=["no sum", "the sum"])
    def test_that_a_charge_has_succeeded_is_left_to_the_capture_under_way(
        self, order, settings, tells, said
    ):
        use(settings, Away)
        Away.is_away = False
        paid(order, capture_method="manual")
        Away.is_away = True
        capture(order, "1.00")
        key = ProviderCall.objects.get(kind="pay").key

        assert tells(key, "succeeded", captured=said) == "left_to_call"

        assert states(order) == ("confirmed", "authorized")
        Away.is_away = False
        reap(later=timedelta(minutes=1))
        assert intent_of(order).captured == Decimal("1.00")

    def test_without_a_sum_a_capture_has_taken_what_it_was_to(self, order, settings, tells):
        use(settings, Away)
        Away.is_away = False
        paid(order, capture_method="manual")
        Away.is_away = True
        capture(order, "1.00")

        assert tells(ProviderCall.objects.get(kind="capture").key, "succeeded") == "settled"

        assert intent_of(order).captured == Decimal("1.00")

    def test_another_sum_than_is_booked_is_a_conflict(self, order, tells):
        paid(order)
        key = ProviderCall.objects.get().key

        assert tells(key, "succeeded", captured=Decimal("9.00")) == "conflict"

        assert order.events.latest("id").data["captured"] == "9.00"
        assert intent_of(order).captured == Decimal("10.00")


class TestTheRest:
    def test_of_a_partly_paid_order_is_what_a_second_payment_is_for(self, order, settings):
        use(settings, Partial)
        paid(order)
        assert states(order) == ("pending", "partially_paid")

        second = paid(order, "sandbox_twice").payment

        assert (second.amount, second.captured) == (Decimal("5.00"), Decimal("5.00"))
        assert states(order) == ("confirmed", "paid")

    def test_each_payment_gives_back_its_own(self, order, settings, bob):
        use(settings, Partial)
        paid(order)
        paid(order, "sandbox_twice")
        for _ in range(2):
            refund_order(
                order_id=order.pk,
                amount=Money(Decimal("5.00"), "EUR"),
                lines=[],
                reason="customer",
                actor=login_of(bob),
                now=timezone.now(),
            )
        run_tasks()

        refunded = PaymentIntent.objects.order_by("id").values_list("refunded", flat=True)
        assert list(refunded) == [Decimal("5.00")] * 2
        assert states(order) == ("confirmed", "refunded")


class TestWhatCannotBeTrue:
    @pytest.mark.parametrize("sum_", ["0", "-1.00", "10.01", "5.001"])
    def test_is_for_staff_to_see_and_not_tried_for_ever(self, order, settings, sum_):
        use(settings, Untrue)
        Untrue.captured = Decimal(sum_)

        payment = paid(order).payment

        assert (payment.status, payment.captured) == ("processing", 0)
        assert payment.provider_reference != ""
        noted = order.events.latest("id")
        assert (noted.type, noted.is_internal) == ("payment.conflict", True)
        assert noted.data["captured"] == sum_
        assert reap(later=timedelta(hours=1)) == (0, 0)
        assert drift() == ["payment_asked"]

    def test_is_put_right_by_a_later_word(self, order, settings, tells):
        use(settings, Untrue)
        Untrue.captured = Decimal(0)
        paid(order)

        heard = tells(ProviderCall.objects.get().key, "succeeded", captured=Decimal("10.00"))

        assert (heard, states(order)) == ("applied", ("confirmed", "paid"))
