"""Calls that nobody wants any more: the provider is asked, and told nothing anew."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.orders.errors.payments import PaymentStateError
from apps.orders.models import Order, ProviderCall
from apps.orders.services.machine import move
from apps.orders.services.payments.giving_up import give_up_call
from apps.orders.services.payments.intents import cancel_intent, capture_intent, confirm_intent
from core.audit import AdminActor
from core.models import AuditEntry
from tests.factories.orders import buyer_of, make_order
from tests.factories.payments import (
    charges,
    intent_of,
    paid,
    reap,
    run_tasks,
    states,
    use,
)
from tests.factories.providers import Away

pytestmark = pytest.mark.django_db
LONG = timedelta(minutes=15)  # more than any pause between two tries


@pytest.fixture
def order(alice):
    return make_order(alice)


@pytest.fixture(autouse=True)
def bank(settings):
    use(settings, Away)
    Away.is_away = True
    Away.told.clear()


def expire(order):
    move(order_id=order.pk, to=Order.Status.EXPIRED, actor=None, now=timezone.now())


def again(times):
    for _ in range(times):
        assert reap(later=LONG) == (1, 1)


def give_up(order, reason="Nobody knows."):
    call = ProviderCall.objects.get(state="pending")
    actor = AdminActor(order.user_id, "root")
    give_up_call(call_id=call.pk, reason=reason, actor=actor, now=timezone.now())
    return call


def outcome_of(call):
    return ProviderCall.objects.values_list("state", "outcome").get(pk=call.pk)


class TestOrdersThatHaveEnded:
    def test_are_not_charged_when_the_bank_is_back(self, order):
        paid(order)
        again(4)
        expire(order)
        Away.is_away = False

        again(1)

        assert (Away.told, charges()) == (["find"], [])
        assert (states(order), intent_of(order).last_error["code"]) == (
            ("expired", "voided"),
            "order_ended",
        )

    def test_wait_until_no_try_can_be_on_its_way(self, order):
        paid(order)
        expire(order)
        Away.is_away = False

        again(3)  # after 5, 10 and 20 s: a lease is 30 s
        assert (states(order)[1], Away.told) == ("pending", ["find"] * 3)
        again(1)

        assert (states(order)[1], charges()) == ("voided", [])

    def test_are_not_charged_by_a_call_that_was_never_made(self, order):
        Away.is_away = False
        paid(order, capture_method="manual")
        who = {"actor": buyer_of(order.user), "now": timezone.now()}
        capture_intent(order_id=order.pk, payment_id=intent_of(order).pk, amount=None, **who)
        Order.objects.filter(pk=order.pk).update(status="cancelled", cancel_reason="staff")

        run_tasks()

        assert charges() == [("cancelled", "0.000", "0.000")]
        assert Away.told == ["pay", "cancel"]  # and no capture

    def test_hear_of_what_the_bank_has_done_all_the_same(self, order):
        Away.is_away = False
        paid(order, "sandbox_timeout")
        expire(order)

        reap(later=LONG)

        assert states(order) == ("expired", "refunded")


class TestByStaff:
    def test_closes_what_the_provider_knows_nothing_of(self, order):
        paid(order)
        again(4)
        call = give_up(order)
        Away.is_away = False

        again(1)

        assert outcome_of(call) == ("done", "failed")
        assert (charges(), intent_of(order).status) == ([], "requires_payment_method")
        who = {"order_id": order.pk, "payment_id": intent_of(order).pk, "now": timezone.now()}
        confirm_intent(**who, payment_method="sandbox_success", actor=buyer_of(order.user))
        run_tasks()
        assert states(order) == ("confirmed", "paid")

    def test_waits_for_a_provider_that_does_not_answer(self, order):
        paid(order)
        call = give_up(order)

        again(6)

        assert outcome_of(call) == ("pending", "")

    def test_takes_what_the_provider_has_done(self, order):
        Away.is_away = False
        paid(order, "sandbox_timeout")
        give_up(order)

        again(1)

        assert states(order) == ("confirmed", "paid")

    def test_closes_what_a_provider_that_is_gone_was_asked(self, order, settings):
        paid(order)
        call = give_up(order)
        settings.PAYMENT_PROVIDERS = {}

        again(1)

        assert outcome_of(call) == ("done", "failed")

    def test_what_was_allowed_at_a_provider_that_is_gone_is_let_go(self, order, settings):
        Away.is_away = False
        payment = paid(order, "sandbox_needs_action").payment
        settings.PAYMENT_PROVIDERS = {}
        who = {"actor": buyer_of(order.user), "now": timezone.now()}
        cancel_intent(order_id=order.pk, payment_id=payment.pk, **who)
        give_up(order)

        run_tasks()

        assert states(order) == ("pending", "voided")

    def test_is_on_the_timeline_and_in_the_audit_trail(self, order):
        paid(order)
        call = give_up(order, reason="The bank has closed.")

        noted = order.events.latest("id")
        assert (noted.type, noted.is_internal) == ("payment.call_given_up", True)
        entry = AuditEntry.objects.get(action="orders.provider_call.given_up")
        assert (entry.object_id, entry.reason, entry.actor_name) == (
            str(call.pk),
            "The bank has closed.",
            "root",
        )

    def test_twice_is_refused(self, order):
        paid(order)
        give_up(order)

        with pytest.raises(PaymentStateError):
            give_up(order)

    def test_has_a_button_on_the_page_of_a_call_that_is_owed(self, order):
        paid(order)
        call = ProviderCall.objects.get()
        client = Client()
        client.force_login(User.objects.create_superuser("root", password="x" * 20))
        act = f"/admin/orders/providercall/{call.pk}/act/give_up/"
        page = f"/admin/orders/providercall/{call.pk}/change/"
        assert act in client.get(page).content.decode()

        client.get(act)
        client.post(act, {"reason": "The bank has closed."})

        call.refresh_from_db()
        assert call.given_up_at is not None
        assert act not in client.get(page).content.decode()
