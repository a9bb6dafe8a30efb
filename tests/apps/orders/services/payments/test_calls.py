"""Calls to providers: leases, tries, deaths, and that nothing is locked while they are made."""

import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.orders.models import Order, ProviderCall
from apps.orders.services.payments import calls, intents
from apps.orders.services.payments.finishing import finish_payment
from apps.orders.services.payments.outcomes import settle_call
from apps.orders.services.payments.reaping import send_due
from apps.orders.services.providers.protocol import Outcome, Said
from core.models import OutboxEvent
from tests.factories.orders import buyer_of, make_order
from tests.factories.parallel import in_parallel
from tests.factories.payments import (
    DeafProvider,
    DyingProvider,
    KilledProvider,
    MeanwhileProvider,
    ProcessDied,
    WatchingProvider,
    charges,
    confirm,
    in_another_process,
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

MINUTE = timedelta(minutes=1)


@pytest.fixture
def order(alice):
    return make_order(alice)


def begun(order, *, by_caller=True, method="sandbox_success", now=None):
    return intents.create_intent(
        order_id=order.pk,
        payment_method=method,
        actor=buyer_of(order.user),
        now=now or timezone.now(),
        by_caller=by_caller,
    )


def whole(order):
    return f"{order.total:.3f}"


@pytest.mark.django_db
class TestLease:
    def test_what_somebody_is_making_nobody_else_makes(self, order):
        begun(order)

        calls.make_call(ProviderCall.objects.get().pk, now=timezone.now())

        assert charges() == []
        assert reap() == (0, 0)

    def test_runs_out(self, order):
        begun(order)

        assert reap(later=MINUTE) == (1, 1)

        assert (charges(), states(order)) == (
            [("succeeded", whole(order), "0.000")],
            ("confirmed", "paid"),
        )

    def test_nobody_has_it_where_a_task_is_to_make_it(self, order):
        begun(order, by_caller=False)

        assert run_tasks() == 1
        assert states(order) == ("confirmed", "paid")

    def test_a_call_whose_outcome_is_known_is_not_made_again(self, order):
        paid(order)
        call = ProviderCall.objects.get()

        calls.carry_out(call.pk, now=timezone.now())
        calls.make_call(call.pk, now=timezone.now() + MINUTE)

        assert charges() == [("succeeded", whole(order), "0.000")]

    def test_the_second_step_makes_its_own_call_and_no_other(self, order, alice):
        first = begun(order, method="")
        who = {"order_id": order.pk, "payment_id": first.pk, "actor": buyer_of(alice)}
        intents.confirm_intent(
            **who, payment_method="sandbox_success", now=timezone.now(), by_caller=True
        )

        shown = finish_payment(first, now=timezone.now())

        assert (shown.status, charges()) == ("processing", [])
        assert ProviderCall.objects.get().tries == 1

    def test_a_second_settling_writes_nothing(self, order):
        paid(order)
        call = ProviderCall.objects.get()

        was_first = settle_call(call.pk, Outcome(Said.DECLINED), now=timezone.now())

        assert was_first is False
        assert (intent_of(order).status, ProviderCall.objects.get().outcome) == (
            "succeeded",
            "succeeded",
        )


@pytest.mark.django_db
class TestDeath:
    def test_between_the_banks_answer_and_our_commit_is_one_charge(self, order, settings):
        use(settings, DyingProvider)
        DyingProvider.deaths = 1
        intent = begun(order)

        with pytest.raises(ProcessDied):
            finish_payment(intent, now=timezone.now())

        assert charges() == [("succeeded", whole(order), "0.000")]
        assert (intent_of(order).status, states(order)) == ("processing", ("pending", "pending"))

        assert reap(later=MINUTE) == (1, 1)

        assert charges() == [("succeeded", whole(order), "0.000")]
        assert states(order) == ("confirmed", "paid")
        assert types(order) == ["payment.created", "payment.succeeded"]


@pytest.mark.django_db
class TestUnknown:
    def test_is_tried_until_it_is_known_with_longer_and_longer_pauses(self, order, settings):
        use(settings, DeafProvider)
        DeafProvider.is_there = False
        now = timezone.now()
        intent = begun(order, now=now)
        finish_payment(intent, now=now)

        call = ProviderCall.objects.get()
        assert (call.state, call.tries, call.lease_until) == ("pending", 1, None)
        assert call.next_try_at - now >= timedelta(seconds=5)
        assert call.last_error == "ProviderTimeoutError: Nobody answers."

        for tries in range(2, 5):
            assert reap(later=timedelta(minutes=15)) == (1, 1)
            assert ProviderCall.objects.get().tries == tries
        assert intent_of(order).status == "processing"

        DeafProvider.is_there = True
        reap(later=timedelta(minutes=15))
        DeafProvider.is_there = False

        assert states(order) == ("confirmed", "paid")
        assert charges() == [("succeeded", whole(order), "0.000")]

    @pytest.mark.parametrize(
        ("tries", "seconds"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 600), (5_000, 600)]
    )
    def test_pauses_double_up_to_ten_minutes(self, tries, seconds):
        assert calls.backoff(tries) == timedelta(seconds=seconds)

    def test_is_sent_once_a_minute_while_nobody_makes_it(self, order):
        begun(order, by_caller=False)
        OutboxEvent.objects.all().delete()
        now = timezone.now()

        sent = [send_due(now=now + timedelta(seconds=later)) for later in (5, 10, 60, 65, 66)]

        assert sent == [1, 0, 0, 1, 0]
        assert OutboxEvent.objects.filter(type="orders.make_provider_call").count() == 2

    def test_is_sent_at_once_when_whoever_made_it_has_died(self, order):
        begun(order, by_caller=False)
        now = timezone.now()
        send_due(now=now)
        ProviderCall.objects.update(lease_until=now + timedelta(seconds=30))

        assert [send_due(now=now + timedelta(seconds=later)) for later in (29, 30)] == [0, 1]

    def test_is_measured_after_ten_minutes(self, order, settings):
        use(settings, DeafProvider)
        begun(order)
        reap(later=MINUTE)
        calls.due_calls(now=timezone.now())
        assert calls.UNKNOWN._value.get() == 0

        calls.due_calls(now=timezone.now() + timedelta(minutes=11))

        assert calls.UNKNOWN._value.get() == 1

    def test_a_provider_that_was_taken_away_is_waited_for(self, order, settings):
        intent = begun(order)
        there = settings.PAYMENT_PROVIDERS
        settings.PAYMENT_PROVIDERS = {}
        finish_payment(intent, now=timezone.now())
        assert "ProviderNotFoundError" in ProviderCall.objects.get().last_error

        settings.PAYMENT_PROVIDERS = there
        reap(later=MINUTE)

        assert states(order) == ("confirmed", "paid")


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Real commits, real threads."""

    def test_nothing_is_locked_while_the_provider_is_called(self, order, client_of, settings):
        use(settings, WatchingProvider)
        WatchingProvider.seen.clear()

        assert pay(client_of(order.user), order).json()["status"] == "succeeded"

        assert WatchingProvider.seen == [
            {"in_transaction": False, "order": True, "payment": True, "stock": True}
        ]

    def test_a_repetition_meanwhile_is_told_to_wait(
        self, order, client_of, settings, assert_problem
    ):
        use(settings, MeanwhileProvider)
        MeanwhileProvider.answers.clear()
        MeanwhileProvider.do = staticmethod(lambda: pay(client_of(order.user), order, key="k1"))

        first = pay(client_of(order.user), order, key="k1")

        assert_problem(MeanwhileProvider.answers[0], 409, "idempotency_in_progress")
        again = pay(client_of(order.user), order, key="k1")
        assert (first.status_code, again.content) == (201, first.content)
        assert charges() == [("succeeded", whole(order), "0.000")]

    def test_two_who_pay_at_once_pay_once(self, order, client_of):
        clients = [client_of(order.user) for _ in range(4)]

        answers = in_parallel(lambda n: pay(clients[n], order), count=4)

        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201, 409, 409, 409]
        assert charges() == [("succeeded", whole(order), "0.000")]

    def test_two_who_confirm_at_once_are_charged_once(self, order, client_of):
        clients = [client_of(order.user) for _ in range(4)]
        payment = pay(clients[0], order, "sandbox_declined").json()

        answers = in_parallel(lambda n: confirm(clients[n], order, payment), count=4)

        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert charges() == [("succeeded", whole(order), "0.000")]
        assert ProviderCall.objects.count() == 2

    def test_twenty_who_give_all_of_it_back_give_it_once(self, order, bob, client_of):
        order = paid(order)
        clients = [client_of(bob) for _ in range(20)]

        answers = in_parallel(lambda n: refund(clients[n], order), count=20)

        codes = [answer.status_code for answer in answers]
        assert (codes.count(201), codes.count(409)) == (1, 19)
        assert charges() == [("succeeded", whole(order), whole(order))]
        assert Order.objects.get(pk=order.pk).refunded == order.total

    def test_two_makers_of_one_call_settle_it_once(self, order):
        begun(order, by_caller=False)
        call = ProviderCall.objects.get()

        in_parallel(lambda _: calls.carry_out(call.pk, now=timezone.now()), count=4)

        assert charges() == [("succeeded", whole(order), "0.000")]
        assert types(order) == ["payment.created", "payment.succeeded"]

    @pytest.mark.faults
    def test_a_process_killed_behind_the_banks_answer_leaves_one_charge(self, order, settings):
        """By a real SIGKILL; in the suite a death is an exception that nobody catches."""
        there = settings.PAYMENT_PROVIDERS
        use(settings, KilledProvider)
        intent = begun(order)

        ended_by = in_another_process(lambda: finish_payment(intent, now=timezone.now()))

        assert ended_by == signal.SIGKILL
        assert (charges(), states(order)) == (
            [("succeeded", whole(order), "0.000")],
            ("pending", "pending"),
        )
        settings.PAYMENT_PROVIDERS = there
        assert reap(later=MINUTE) == (1, 1)
        assert charges() == [("succeeded", whole(order), "0.000")]
        assert states(order) == ("confirmed", "paid")
