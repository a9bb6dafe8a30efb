"""Who gets which delivery: leases, order, lanes, fairness; alone and several at once."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.webhooks.models import Delivery, EndpointHealth, WebhookEndpoint
from apps.webhooks.services import claiming
from apps.webhooks.services.finishing import finish
from tests.apps.webhooks.engine.conftest import FREE, fresh, tried
from tests.factories.developers import make_application
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db


def claim(**options):
    return claiming.claim_deliveries(free={**FREE, **options.pop("free", {})}, **options).deliveries


def later(row, seconds):
    """As if so much time had passed for a lease."""
    past = timezone.now() - timedelta(seconds=seconds)
    Delivery.objects.filter(pk=row.pk).update(lease_until=past, next_attempt_at=past)


class TestLeases:
    def test_a_claimed_delivery_is_nobody_else_s_until_its_lease_has_run_out(self, make, wait_for):
        (delivery,) = wait_for(make())
        (first,) = claim()
        assert (first.pk, first.lease_token is not None) == (delivery.pk, True)
        assert claim() == []

        later(first, seconds=1)

        (second,) = claim()
        assert second.pk == delivery.pk
        assert second.lease_token != first.lease_token

    def test_a_lease_outlasts_every_try(self, make, wait_for, settings):
        wait_for(make())
        (row,) = claim()
        left = (row.lease_until - timezone.now()).total_seconds()
        assert left > 2 * settings.WEBHOOK_TOTAL_SECONDS

    def test_what_is_not_due_waits(self, make, wait_for):
        wait_for(make(), next_attempt_at=timezone.now() + timedelta(seconds=30))
        assert claim() == []

    def test_what_has_ended_is_left_alone(self, make, wait_for):
        endpoint = make()
        for state in ("succeeded", "failed", "cancelled"):
            wait_for(endpoint, state=state, start=hash(state) % 1000)
        assert claim() == []

    def test_a_claim_moves_the_row_s_version(self, make, wait_for):
        (delivery,) = wait_for(make())
        claim()
        assert fresh(delivery).row_version == delivery.row_version + 1


class TestWhoIsLeftOut:
    @pytest.mark.parametrize(
        "change",
        [
            {"status": "disabled", "disabled_at": timezone.now(), "disabled_reason": "owner"},
            {"deleted_at": timezone.now()},
        ],
    )
    def test_an_endpoint_that_is_off_or_deleted(self, make, wait_for, change):
        endpoint = make()
        wait_for(endpoint)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**change)
        assert claim() == []

    def test_one_that_rests(self, make, wait_for):
        soon = timezone.now() + timedelta(seconds=5)
        wait_for(make(paused_until=soon))
        rested = make(paused_until=timezone.now() - timedelta(seconds=1))
        (delivery,) = wait_for(rested)
        assert [row.pk for row in claim()] == [delivery.pk]

    def test_one_that_the_caller_passes_over(self, make, wait_for):
        endpoint = make()
        wait_for(endpoint)
        assert claim(passed_over={endpoint.pk}) == []

    def test_those_of_an_application_that_rests(self, make, wait_for, alice, shop):
        wait_for(make())
        other = make(application=make_application(alice, "Other"))
        (delivery,) = wait_for(other)
        assert [row.pk for row in claim(resting={shop.pk})] == [delivery.pk]

    @pytest.mark.parametrize("what", ["suspended", "closed", "owner"])
    def test_an_application_rests_when_it_may_not_be_called(self, make, shop, alice, what):
        make()
        assert claiming.resting_applications() == set()
        if what == "owner":
            alice.is_active = False
            alice.save()
        else:
            shop.status = what
            setattr(shop, f"{what}_at", timezone.now())
            shop.save()
        assert claiming.resting_applications() == {shop.pk}


class TestOrder:
    def test_of_one_object_the_next_waits_for_the_one_before(self, make, wait_for):
        rows = wait_for(make(trusted=True), 3, key="thing:1")
        for row in rows:
            (claimed,) = claim()
            assert claimed.pk == row.pk
            assert claim() == []
            finish([tried(claimed)])

    @pytest.mark.parametrize("is_late", [False, True])
    def test_it_waits_while_the_one_before_is_to_be_tried_again(self, make, wait_for, is_late):
        first, second = wait_for(make(), 2, key="thing:1")
        (claimed,) = claim()
        if is_late:
            claim()  # looks at the second one, and puts it off
        finish([tried(claimed, status=500)])
        EndpointHealth.objects.update(paused_until=None)
        assert claim() == []
        assert fresh(first).next_attempt_at > timezone.now()
        assert fresh(second).state == "pending"

    def test_it_goes_when_the_one_before_has_failed_for_good(self, make, wait_for, settings):
        settings.WEBHOOK_RETRY_SECONDS = ()
        _, second = wait_for(make(), 2, key="thing:1")
        (claimed,) = claim()
        claim()
        finish([tried(claimed, status=500)])
        assert [row.pk for row in claim()] == [second.pk]

    def test_it_goes_when_the_one_before_was_cancelled(self, make, wait_for):
        first, second = wait_for(make(), 2, key="thing:1")
        now = timezone.now()
        Delivery.objects.filter(pk=first.pk).update(state="cancelled", finished_at=now)
        assert [row.pk for row in claim()] == [second.pk]

    def test_other_objects_go_on_meanwhile(self, make, wait_for):
        endpoint = make(trusted=True)
        wait_for(endpoint, 2, key="thing:1")
        (other,) = wait_for(endpoint, key="other:1", start=9)
        assert len(claim()) == 2
        assert fresh(other).lease_token is not None

    def test_the_same_object_goes_to_another_endpoint_all_the_same(self, make, wait_for):
        for endpoint in make(2):
            wait_for(endpoint, key="thing:1")
        assert len(claim()) == 2

    def test_a_redelivery_waits_for_nobody_and_holds_up_nobody(self, make, wait_for):
        endpoint = make(trusted=True)
        first, second = wait_for(endpoint, 2, key="thing:1")
        (again,) = wait_for(endpoint, key="thing:1", is_ordered=False, redelivers=first, start=1)
        assert {row.pk for row in claim()} == {first.pk, again.pk}
        assert fresh(second).lease_token is None

    def test_many_that_wait_do_not_keep_a_free_one_from_being_found(self, make, wait_for):
        endpoint = make(trusted=True)
        wait_for(endpoint, 3 * claiming.LOOKED_AT, key="thing:1")
        (free,) = wait_for(endpoint, key="other:1", start=99)
        for _ in range(5):
            claim()
        assert fresh(free).lease_token is not None

    def test_one_that_was_put_off_is_looked_at_again_though_nobody_wakes_it(self, make, wait_for):
        _, second = wait_for(make(trusted=True), 2, key="thing:1")
        claim()
        claim()
        put_off = (fresh(second).next_attempt_at - timezone.now()).total_seconds()
        assert put_off < claiming.PARKED_SECONDS


class TestFairness:
    def test_an_endpoint_on_trial_gets_one_at_a_time(self, make, wait_for):
        wait_for(make(), 3)
        assert len(claim()) == 1
        assert claim() == []

    def test_a_trusted_one_gets_some(self, make, wait_for, settings):
        wait_for(make(trusted=True), 9)
        assert len(claim()) == settings.WEBHOOK_PER_ENDPOINT
        assert claim() == []

    def test_one_that_has_just_failed_gets_one_though_it_was_trusted(self, make, wait_for):
        wait_for(make(trusted=True, failures_in_a_row=1), 3)
        assert len(claim()) == 1

    def test_a_lease_that_has_run_out_takes_no_place(self, make, wait_for):
        wait_for(make(), 2)
        (first,) = claim()
        later(first, seconds=1)
        assert len(claim()) == 1

    def test_each_endpoint_s_first_comes_before_any_second(self, make, wait_for):
        flooded, *others = make(4, trusted=True)
        wait_for(flooded, 50)
        for endpoint in others:
            wait_for(endpoint)
        claimed = claim(free={"trusted": 4})
        assert len({row.endpoint_id for row in claimed}) == 4

    def test_who_waits_longest_comes_first(self, make, wait_for):
        endpoints = make(3)
        now = timezone.now() - timedelta(hours=1)
        for age, endpoint in enumerate(endpoints):
            wait_for(endpoint, next_attempt_at=now - timedelta(seconds=age + 1))
        (claimed,) = claim(free={"trial": 1})
        assert claimed.endpoint_id == endpoints[2].pk

    def test_a_lane_without_a_place_leaves_the_others_theirs(self, make, wait_for):
        kinds = {
            "trusted": make(trusted=True),
            "trial": make(),
            "failing": make(failures_in_a_row=3),
        }
        for endpoint in kinds.values():
            wait_for(endpoint)
        full = {"trial": 0, "failing": 0}
        assert [claiming.lane_of(row) for row in claim(free=full)] == ["trusted"]
        assert {claiming.lane_of(row) for row in claim()} == {"trial", "failing"}


@pytest.mark.django_db(transaction=True)
class TestSeveralAtOnce:
    def test_no_delivery_has_two_and_no_endpoint_more_than_its_share(
        self, make, wait_for, settings
    ):
        trusted, trial = make(trusted=True), make()
        for endpoint in (trusted, trial):
            wait_for(endpoint, 40)

        answers = in_parallel(lambda _number: claim(), count=8)

        claimed = [row.pk for rows in answers for row in rows]
        assert len(claimed) == len(set(claimed))
        held = Delivery.objects.exclude(lease_token=None)
        assert held.filter(endpoint=trusted).count() == settings.WEBHOOK_PER_ENDPOINT
        assert held.filter(endpoint=trial).count() == 1

    def test_many_couriers_deliver_everything_once_and_in_order(self, make, wait_for):
        endpoints = make(5, trusted=True)
        for endpoint in endpoints:
            wait_for(endpoint, 12, key="thing:1")
            wait_for(endpoint, 12, key="other:1", start=100)
        order = []

        def work(_number):
            until = time.monotonic() + 20
            while Delivery.objects.filter(state="pending").exists() and time.monotonic() < until:
                rows = claim()
                order.extend((row.endpoint_id, row.object_key, row.event_position) for row in rows)
                finish([tried(row) for row in rows]) if rows else time.sleep(0.005)

        assert in_parallel(work, count=4) == [None] * 4

        assert not Delivery.objects.exclude(state="succeeded").exists()
        assert len(order) == len(set(order)) == 120
        by_object = {}
        for endpoint_id, key, position in order:
            by_object.setdefault((endpoint_id, key), []).append(position)
        assert all(positions == sorted(positions) for positions in by_object.values())


class TestHowItScales:
    def test_a_claim_asks_an_index_for_each_endpoint_however_much_waits(self, make):
        endpoints = make(1_000)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(FLOOD, [endpoints[0].pk, [str(row.pk) for row in endpoints[1:]]])
            cursor.execute("ANALYZE webhooks_delivery, webhooks_endpointhealth")
        claim()  # plans and caches

        begun = time.perf_counter()
        assert len(claim()) == FREE["trial"]
        assert time.perf_counter() - begun < 0.5  # 0.03 on a machine that has nothing else to do

        nobody = {"per_endpoint": 4, "resting": [], "passed_over": []}
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + claiming.FIND, {**FREE, **nobody})
            plan = cursor.fetchone()[0][0]
        nodes = [node for node in nodes_of(plan["Plan"]) if reads_deliveries(node)]
        assert {node["Node Type"] for node in nodes} <= {"Index Only Scan", "Index Scan"}
        assert max(node["Actual Rows"] for node in nodes) <= 2
        assert sum(node["Actual Loops"] for node in nodes) < 2_100


# Far more than anything else waits for the first endpoint, and one delivery for each other one.
FLOOD = """
    INSERT INTO webhooks_delivery (id, endpoint_id, event_id, event_position, event_type,
        object_key, body, request_id, is_test, is_ordered, state, attempts,
        next_attempt_at, last_error, row_version)
    SELECT gen_random_uuid(), target, gen_random_uuid(), number, 'thing.done',
        'thing:' || number, '{}', '', false, true, 'pending', 0,
        now() - interval '1 minute', '', 1
    FROM (SELECT %s::uuid AS target, number FROM generate_series(1, 20000) AS number
          UNION ALL SELECT unnest(%s::uuid[]), 1) AS wanted
"""


def nodes_of(node):
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes_of(inner)


def reads_deliveries(node):
    return node.get("Relation Name") == "webhooks_delivery"
