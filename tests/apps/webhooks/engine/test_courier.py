"""The loop that delivers, against a receiver that is a process of its own."""

import json
import threading
import time

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from apps.webhooks.models import Delivery, DeliveryAttempt, EndpointHealth, WebhookEndpoint
from apps.webhooks.services import courier
from apps.webhooks.services.courier import Courier
from apps.webhooks.services.endpoints import delete_endpoint
from apps.webhooks.services.lanes import Lanes
from core.ids import uuid7
from tests.apps.webhooks.engine.conftest import fresh
from tests.factories.developers import login_of
from tests.factories.webhooks import make_endpoint
from tests.harness.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("at_home")]


@pytest.fixture
def at_home(settings):
    settings.ALLOW_LOOPBACK_TARGETS = True


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with Receiver(tmp_path_factory.mktemp("receiver")) as running:
        yield running


@pytest.fixture
def path():
    """A path of this test's own: `path("ok")`."""
    name = uuid7().hex
    return lambda behaviour: f"{behaviour}/{name}"


class Running:
    """A courier in a thread, until it is stopped."""

    def __init__(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=Courier().run_forever, args=(self.stop,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def wait_until(condition, *, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "It did not happen in time."
        time.sleep(0.02)


class TestDelivering:
    def test_what_arrives_is_signed_and_byte_for_byte_what_is_kept(
        self, receiver, path, shop, wait_for
    ):
        issued = make_endpoint(shop, url=receiver.url(path("ok")))
        (delivery,) = wait_for(issued.row)

        Courier().run_until_idle()

        (request,) = receiver.received(path("ok"))
        assert request.body == delivery.body
        assert request.webhook_id == str(delivery.event_id)
        Webhook(issued.secret).verify(request.body, dict(request.headers))
        assert fresh(delivery).state == "succeeded"
        line = DeliveryAttempt.objects.get()
        assert line.request_headers["webhook-signature"] == request.headers["webhook-signature"]
        assert (line.response_status, line.address) == (200, "127.0.0.1")

    def test_one_object_s_come_one_after_the_other(self, receiver, path, make, wait_for):
        endpoint = make(url=receiver.url(path("ok")), trusted=True)
        rows = wait_for(endpoint, 20, key="thing:1")
        begun = time.monotonic()
        Courier().run_until_idle()
        ids = [request.webhook_id for request in receiver.received(path("ok"))]
        assert ids == [str(row.event_id) for row in rows]
        assert time.monotonic() - begun < 5  # each is followed at once, not at the next look

    @pytest.mark.parametrize(
        ("behaviour", "error"),
        [("status:500", "status"), ("redirect", "redirected"), ("close", "bad_response")],
    )
    def test_a_failure_is_kept_and_tried_again(  # noqa: PLR0913, PLR0917 - pytest's way of asking
        self, receiver, path, make, wait_for, behaviour, error
    ):
        (delivery,) = wait_for(make(url=receiver.url(path(behaviour))))
        Courier().run_until_idle()
        row = fresh(delivery)
        assert (row.state, row.attempts, row.last_error) == ("pending", 1, error)
        assert row.next_attempt_at > timezone.now()

    def test_a_receiver_that_is_well_again_gets_what_waited(
        self, receiver, path, make, wait_for, settings
    ):
        settings.WEBHOOK_RETRY_SECONDS = (0.1,) * 50
        settings.WEBHOOK_PAUSE_SECONDS = 0.1
        name = uuid7().hex
        receiver.become(name, "status:503")
        rows = wait_for(make(url=receiver.url(f"as/{name}")), 5)
        with Running():
            wait_until(lambda: DeliveryAttempt.objects.count() >= 3)
            receiver.become(name, "ok")
            wait_until(lambda: not Delivery.objects.filter(state="pending").exists())
        assert {fresh(row).state for row in rows} == {"succeeded"}

    def test_an_endpoint_that_is_gone_is_switched_off(self, receiver, path, make, wait_for):
        endpoint = make(url=receiver.url(path("status:410")))
        wait_for(endpoint, 3)
        Courier().run_until_idle()
        assert WebhookEndpoint.objects.get().disabled_reason == "gone"
        assert len(receiver.received(path("status:410"))) == 1

    def test_a_redirect_to_ourselves_is_seen_by_nobody(self, receiver, path, make, wait_for):
        wait_for(make(url=receiver.url(path("redirect"))))
        Courier().run_until_idle()
        assert len(receiver.received(path("redirect"))) == 1

    def test_a_suspended_application_hears_nothing(self, receiver, path, make, wait_for, shop):
        wait_for(make(url=receiver.url(path("ok"))))
        shop.status, shop.suspended_at = "suspended", timezone.now()
        shop.save()
        Courier().run_until_idle()
        assert receiver.received(path("ok")) == []
        assert Delivery.objects.get().state == "pending"

    def test_a_secret_that_cannot_be_read_costs_nobody_a_mark(
        self, receiver, path, make, wait_for, caplog
    ):
        endpoint = make(url=receiver.url(path("ok")))
        WebhookEndpoint.objects.update(secret=b"sealed under another key")
        (delivery,) = wait_for(endpoint)
        Courier().run_until_idle()
        assert (fresh(delivery).state, fresh(delivery).attempts) == ("pending", 0)
        assert EndpointHealth.objects.get().failures_in_a_row == 0
        assert f"Delivery {delivery.pk} could not be sent." in caplog.text

    def test_one_that_is_deleted_meanwhile_is_cancelled_and_stays_so(
        self, receiver, path, shop, wait_for
    ):
        issued = make_endpoint(shop, url=receiver.url(path("slow:1")))
        (delivery,) = wait_for(issued.row)
        with Running():
            wait_until(lambda: fresh(delivery).lease_token is not None)
            delete_endpoint(
                endpoint_id=issued.row.pk,
                check=lambda _row: None,
                actor=login_of(shop.owner),
                now=timezone.now(),
            )
        assert fresh(delivery).state == "cancelled"


class TestNobodyDelaysAnother:
    def test_fifty_that_hang_do_not_delay_a_new_one(self, receiver, path, make, wait_for):
        hanging = make(50, url=receiver.url(path("hang")))
        for endpoint in hanging:
            wait_for(endpoint, 4)
        good = make(url=receiver.url(path("ok")))
        with Running():
            wait_until(lambda: len(receiver.received(path("hang"))) >= 50)
            for number in range(1, 4):
                published = time.time()
                wait_for(good, start=number)
                wait_until(lambda n=number: len(receiver.received(path("ok"))) >= n)
                assert receiver.received(path("ok"))[-1].at - published < 2.0
        assert len(receiver.received(path("hang"))) == 50  # each has one at a time, then rests

    def test_fifty_trusted_ones_that_stop_answering_do_not_delay_a_trusted_one(
        self, receiver, path, make, wait_for
    ):
        hanging = make(50, url=receiver.url(path("hang")), trusted=True)
        for endpoint in hanging:
            wait_for(endpoint, 6)
        good = make(url=receiver.url(path("ok")), trusted=True)
        with Running():
            wait_until(lambda: len(receiver.received(path("hang"))) >= 50)
            published = time.time()
            wait_for(good, 8)
            wait_until(lambda: len(receiver.received(path("ok"))) >= 8)
            assert receiver.received(path("ok"))[-1].at - published < 2.0

    def test_a_flood_of_one_does_not_delay_another(self, receiver, path, make, wait_for):
        flooded = make(url=receiver.url(path("ok")), trusted=True)
        wait_for(flooded, 400)
        other = path("echo")
        with Running():
            wait_until(lambda: len(receiver.received(path("ok"))) >= 20)
            published = time.time()
            wait_for(make(url=receiver.url(other)))
            wait_until(lambda: receiver.received(other))
            assert receiver.received(other)[0].at - published < 2.0
            assert Delivery.objects.filter(endpoint=flooded, state="pending").exists()


class TestStopping:
    def test_lets_what_is_under_way_end_and_writes_it_down(self, receiver, path, make, wait_for):
        (delivery,) = wait_for(make(url=receiver.url(path("slow:1"))))
        with Running():
            wait_until(lambda: receiver.received(path("slow:1")))
        assert fresh(delivery).state == "succeeded"

    def test_takes_nothing_more(self, receiver, path, make, wait_for):
        endpoint = make(url=receiver.url(path("slow:1")))
        wait_for(endpoint, 3)
        with Running():
            wait_until(lambda: receiver.received(path("slow:1")))
        assert Delivery.objects.filter(state="pending", lease_token=None).count() == 2


class TestReport:
    def test_says_what_waits_and_for_how_long(self, make, wait_for, log_lines, monkeypatch):
        wait_for(make(paused_until=timezone.now() + timezone.timedelta(minutes=1)), 2)
        Courier().run_until_idle()
        (line,) = [each for each in log_lines() if each["message"] == "The webhooks' backlog."]
        assert line["waiting"] == 2
        assert line["oldest_seconds"] == 0  # the receiver asked for the pause
        assert set(line["under_way"]) == {"trusted", "trial", "failing", "slow"}
        assert courier.WAITING.collect()[0].samples[0].value == 2


class TestLanes:
    def test_who_outlasts_his_lane_gives_his_place_back(self, settings):
        settings.WEBHOOK_TRUSTED_AT_ONCE = 2
        lanes, endpoint_id = Lanes(), uuid7()
        lanes.enter("trusted")
        assert lanes.free()["trusted"] == 1
        assert lanes.grow_slow("trusted", endpoint_id) == "slow"
        assert (lanes.free()["trusted"], lanes.slow_endpoints()) == (2, {endpoint_id})
        lanes.leave("slow", endpoint_id)
        assert (lanes.used()["slow"], lanes.slow_endpoints()) == (0, set())

    def test_only_so_many_may_be_slow(self, settings):
        settings.WEBHOOK_SLOW_AT_ONCE = 0
        lanes = Lanes()
        lanes.enter("trial")
        assert lanes.grow_slow("trial", uuid7()) == "trial"
        assert lanes.used()["trial"] == 1


def test_the_body_is_json_that_a_receiver_can_read(receiver, path, make, wait_for):
    (delivery,) = wait_for(make(url=receiver.url(path("ok"))))
    Courier().run_until_idle()
    assert json.loads(receiver.received(path("ok"))[0].body)["type"] == delivery.event_type
