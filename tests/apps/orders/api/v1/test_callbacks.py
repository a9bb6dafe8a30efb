"""What providers call us back with: who is believed, what is heeded, in whatever order it comes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.orders.models import PaymentIntent, ProviderCall, ProviderNotice, Refund
from apps.orders.services.payments import notices
from apps.orders.services.payments.reaping import send_due
from apps.orders.services.providers.signatures import sign
from core.models import OutboxEvent
from tests.factories.orders import make_order
from tests.factories.payments import (
    DeafProvider,
    call_back,
    confirm,
    event,
    intent_of,
    paid,
    pay,
    reap,
    refund,
    run_tasks,
    states,
    types,
    use,
)

pytestmark = pytest.mark.django_db
KEY = "agora_unknown"


@pytest.fixture
def order(alice):
    return make_order(alice)


@pytest.fixture
def provider(client_of):
    """Who calls us back, without any credential."""
    return client_of(None)


def key_of(kind="pay"):
    return ProviderCall.objects.filter(kind=kind).latest("id").key


def outcomes():
    return list(ProviderNotice.objects.order_by("id").values_list("outcome", flat=True))


class TestSignature:
    def test_a_signed_one_is_kept_and_heeded_later(self, provider):
        response = call_back(provider, event(KEY, "succeeded"))

        assert (response.status_code, response.json()) == (200, {"received": True})
        assert outcomes() == [""]
        assert OutboxEvent.objects.filter(type="orders.process_provider_notice").count() == 1

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "nonsense",
            "t=1,v1=" + "0" * 64,
            "v1=" + "0" * 64,
            "t=99999999999999,v1=" + "0" * 64,
            "t=1,t=2,v1=" + "0" * 64,
            "," * 2_000,
        ],
        ids=["none", "nonsense", "old", "no time", "long time", "two times", "long"],
    )
    def test_anything_else_is_refused(self, provider, header, assert_problem):
        refused = call_back(provider, event(KEY, "succeeded"), header=header)

        assert_problem(refused, 400, "bad_signature")
        assert not ProviderNotice.objects.exists()

    @pytest.mark.parametrize(
        ("seconds", "status"), [(-299, 200), (-302, 400), (290, 200), (310, 400)]
    )
    def test_a_time_may_be_five_minutes_off(self, provider, seconds, status):
        body = event(KEY, "succeeded")
        now = timezone.now() + timedelta(seconds=seconds)

        response = call_back(provider, body, header=sign(body, provider="sandbox", now=now))

        assert response.status_code == status

    def test_is_over_the_very_bytes(self, provider, assert_problem):
        body = event(KEY, "succeeded")
        header = sign(body, provider="sandbox", now=timezone.now())

        assert_problem(call_back(provider, body + b" ", header=header), 400, "bad_signature")
        assert call_back(provider, body, header=header).status_code == 200

    def test_is_the_providers_own(self, provider, assert_problem):
        body = event(KEY, "succeeded")
        header = sign(body, provider="bank", now=timezone.now())

        assert_problem(call_back(provider, body, header=header), 400, "bad_signature")

    def test_old_and_new_secrets_hold_while_they_change(self, provider, settings):
        body = event(KEY, "succeeded")
        old = sign(body, provider="sandbox", now=timezone.now())
        settings.PEPPERS = ["a-new-pepper-of-this-very-test-0123456789", *settings.PEPPERS]
        new = sign(body, provider="sandbox", now=timezone.now())
        both = f"{old},{new.partition(',')[2]}"

        answers = [call_back(provider, body, header=header) for header in (old, new, both)]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        settings.PEPPERS = settings.PEPPERS[:1]
        assert call_back(provider, body, header=old).status_code == 400

    def test_an_unknown_provider_is_not_there(self, provider, assert_problem):
        refused = call_back(provider, event(KEY, "succeeded"), provider="bank")

        assert_problem(refused, 404, "payment_provider_not_found")

    @pytest.mark.parametrize(
        "body", [b"{}", b'{"id": 1}', b"[]"], ids=["empty", "no event", "no object"]
    )
    def test_signed_nonsense_is_refused(self, provider, body):
        assert call_back(provider, body).status_code == 400

    def test_a_body_that_is_too_large_is_not_read(self, provider, assert_problem):
        assert_problem(call_back(provider, b"{" + b" " * 270_000), 413, "body_too_large")


class TestHeeding:
    def test_twice_is_once(self, provider, client_of, alice, order):
        pay(client_of(alice), order, "sandbox_needs_action")
        body = event(key_of(), "succeeded", event_id="evt_1")

        assert [call_back(provider, body).status_code for _ in range(2)] == [200, 200]

        assert run_tasks() == 1
        assert states(order) == ("confirmed", "paid")
        assert outcomes() == ["applied"]

    def test_the_payer_has_done_it_before_anybody_confirms(self, provider, client_of, alice, order):
        pay(client_of(alice), order, "sandbox_needs_action")

        call_back(provider, event(key_of(), "succeeded"))
        run_tasks()

        assert intent_of(order).status == "succeeded"
        assert types(order)[-1] == "payment.succeeded"

    def test_before_our_own_answer(self, provider, client_of, alice, order, settings):
        """The bank's word overtakes the answer to the call: it settles the call itself."""
        use(settings, DeafProvider)
        pay(client_of(alice), order)
        assert intent_of(order).provider_reference == ""

        call_back(provider, event(key_of(), "succeeded", reference="ch_1"))
        run_tasks()

        assert outcomes() == ["settled"]
        assert (intent_of(order).status, intent_of(order).provider_reference) == (
            "succeeded",
            "ch_1",
        )
        assert reap(later=timedelta(hours=1)) == (0, 0)

    def test_by_reference_where_no_key_is_said(self, provider, client_of, alice, order):
        pay(client_of(alice), order, "sandbox_needs_action")

        call_back(provider, event("", "succeeded", reference=intent_of(order).provider_reference))
        run_tasks()

        assert (outcomes(), states(order)) == (["applied"], ("confirmed", "paid"))

    @pytest.mark.parametrize("said", ["processing", "requires_action", "declined"])
    def test_what_comes_late_moves_nothing(self, provider, order, said):
        order = paid(order)

        call_back(provider, event(key_of(), said))
        run_tasks()

        assert outcomes() == ["outdated"]
        assert (intent_of(order).status, states(order)) == ("succeeded", ("confirmed", "paid"))

    def test_a_decline_of_an_earlier_try_does_not_stop_the_present_one(
        self, provider, client_of, alice, order
    ):
        client = client_of(alice)
        made = pay(client, order, "sandbox_needs_action").json()
        first = key_of()
        confirm(client, order, made, "sandbox_timeout")

        call_back(provider, event(first, "declined"))
        run_tasks("orders.process_provider_notice")

        assert (outcomes(), intent_of(order).status) == (["outdated"], "processing")

    def test_unknown_things_are_kept_and_marked(self, provider):
        call_back(provider, event(KEY, "succeeded"))
        call_back(provider, event("", "succeeded", reference="ch_unknown"))
        call_back(provider, event("", "succeeded", reference="re_unknown", kind="refund"))
        call_back(provider, event("", "succeeded"))
        run_tasks()

        assert outcomes() == ["unknown_reference"] * 4

    def test_a_contradiction_is_for_staff_to_see(self, provider, client_of, alice, order):
        client = client_of(alice)
        body = pay(client, order, "sandbox_needs_action").json()
        client.post(
            f"/api/v1/orders/{order.pk}/payments/{body['id']}/cancel",
            {},
            format="json",
            headers={"Idempotency-Key": "k1"},
        )

        call_back(provider, event(key_of(), "succeeded"))
        run_tasks()

        assert outcomes() == ["conflict"]
        noted = order.events.latest("id")
        assert (noted.type, noted.is_internal) == ("payment.conflict", True)
        assert intent_of(order).status == "cancelled"

    def test_a_notice_whose_task_was_lost_is_sent_again(self, provider):
        call_back(provider, event(KEY, "succeeded"))
        OutboxEvent.objects.all().delete()
        assert send_due(now=timezone.now()) == 0

        assert send_due(now=timezone.now() + timedelta(minutes=2)) == 1

        assert run_tasks() == 1
        assert outcomes() == ["unknown_reference"]

    def test_those_that_fail_wait_longer_and_hold_up_no_others(self, provider, monkeypatch):
        """Their tasks are lost, or fail, for ever."""
        monkeypatch.setattr(notices, "LEFT_AT_ONCE", 2)
        for number in range(3):
            call_back(provider, event(KEY, "succeeded", event_id=f"evt_{number}"))
        OutboxEvent.objects.all().delete()
        now = timezone.now() + timedelta(minutes=2)

        assert [send_due(now=now), send_due(now=now), send_due(now=now)] == [2, 1, 0]
        assert sorted(ProviderNotice.objects.values_list("tries", flat=True)) == [1, 1, 1]
        ProviderNotice.objects.update(tries=6)
        send_due(now=now + timedelta(minutes=1))
        waits = ProviderNotice.objects.filter(tries=7).values_list("next_try_at", flat=True)
        assert [wait - now for wait in waits] == [timedelta(seconds=60 + 320)] * 2


class TestRefunds:
    def test_before_our_own_answer(self, provider, client_of, bob, order, settings):
        order = paid(order)
        settings.PAYMENT_PROVIDERS = {"sandbox": "tests.factories.payments.SlowToRefund"}
        made = refund(client_of(bob), order).json()
        assert made["status"] == "pending"

        call_back(provider, event(key_of("refund"), "succeeded", reference="re_1", kind="refund"))
        run_tasks()

        assert (outcomes(), states(order)) == (["settled"], ("confirmed", "refunded"))
        assert Refund.objects.get().provider_reference == "re_1"
        assert PaymentIntent.objects.get().refunded == order.total

    def test_the_same_again_agrees(self, provider, client_of, bob, order):
        refund(client_of(bob), paid(order))

        call_back(provider, event(key_of("refund"), "succeeded", kind="refund"))
        run_tasks()

        assert outcomes() == ["agrees"]

    def test_one_that_failed_after_all_is_for_staff_to_see(self, provider, client_of, bob, order):
        refund(client_of(bob), paid(order))

        call_back(provider, event(key_of("refund"), "failed", kind="refund"))
        run_tasks()

        assert outcomes() == ["conflict"]
        assert Refund.objects.get().status == "succeeded"
