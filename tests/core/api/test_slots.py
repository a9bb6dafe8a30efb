"""docs/subsystems/throttling.md, "Calls at once", against a real Redis."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings

from core import plans
from core.api import slots as slots_module
from core.api.refusals import LimitsUnavailableError
from core.api.slots import spare_of
from core.api.throttling import Caller, Limiter
from core.plans import PlanBook, Policy, WorkLimits
from core.redis_client import Breaker, limits_client

WIDE = Policy("burst", 1_000, 1)
FREE_AGAIN = 1.0  # seconds in which a slot that was given back must be free


@pytest.fixture
def allow(monkeypatch):
    """`allow(n)`: the plan "plan" lets n ordinary calls run at once."""

    def use(concurrent, *policies):
        limits = WorkLimits(policies or (WIDE,), concurrent)
        book = PlanBook({"plan": {"default": limits, "predict": limits}}, "plan")
        monkeypatch.setattr(plans, "_book", book)

    return use


@pytest.fixture
def process():
    """`process()`: a limiter as another process has it."""
    made = []

    def make():
        made.append(Limiter(Breaker(1.0)))
        return made[-1]

    yield make
    for limiter in made:
        limiter.slots.clear()


def enter(limiter, identity="a", work="default"):
    return limiter.spend(Caller(identity, "plan"), work, takes_slot=True)


def in_redis(identity="a", work="default"):
    """Calls running at once that Redis counts, by process."""
    fields = limits_client().hgetall(slots_module.slots_key(work, identity))
    return sorted(int(value.split(b":")[0]) for value in fields.values())


def until(is_so, seconds=FREE_AGAIN):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


class TestSpareOf:
    @pytest.mark.parametrize(("limit", "spare"), [(1, 0), (199, 0), (200, 4), (500, 10)])
    def test_is_a_fiftieth_of_a_wide_limit(self, limit, spare):
        assert spare_of(limit) == spare


class TestCallsAtOnce:
    def test_as_many_as_the_plan_says_and_not_one_more(self, allow, process):
        allow(2)
        one = process()

        decisions = [enter(one) for _ in range(3)]

        assert [d.allowed for d in decisions] == [True, True, False]
        assert decisions[2].violated == ("concurrent",)
        assert decisions[2].retry_after == 1

    def test_an_ended_call_makes_room(self, allow, process):
        allow(1)
        one = process()
        first = enter(one)
        assert not enter(one).allowed

        one.release(first)

        assert enter(one).allowed

    def test_processes_count_together(self, allow, process):
        allow(3)
        one, two = process(), process()

        answers = [enter(limiter).allowed for limiter in (one, two, one, two)]

        assert answers == [True, True, True, False]

    def test_what_one_process_gives_back_another_may_take(self, allow, process):
        allow(1)
        one, two = process(), process()
        first = enter(one)
        assert not enter(two).allowed

        one.release(first)

        assert until(lambda: enter(two).allowed)

    def test_callers_and_classes_are_apart(self, allow, process):
        allow(1)
        one = process()

        answers = [enter(one, who, what).allowed for who in "ab" for what in ("default", "predict")]

        assert answers == [True] * 4

    def test_a_refused_call_spends_no_units(self, allow, process):
        allow(1, Policy("day", 10, 86_400, "day"))
        one = process()
        enter(one)

        refused = enter(one)

        assert not refused.allowed
        assert '"day";r=9;' in refused.headers["ratelimit"][1]

    def test_a_call_refused_by_a_rate_takes_no_slot(self, allow, process):
        allow(5, Policy("one", 1, 3_600))
        one = process()
        enter(one)
        assert enter(one).violated == ("one",)

        assert until(lambda: in_redis() == [1])

    def test_many_threads_of_many_processes_never_run_more_at_once(self, allow, process):
        allow(3)
        limiters = [process() for _ in range(3)]
        running, most = 0, 0
        lock = threading.Lock()

        def call(number):
            nonlocal running, most
            limiter = limiters[number % 3]
            try:  # of a class that is closed while a busy machine keeps Redis from answering
                decision = enter(limiter, work="predict")
            except LimitsUnavailableError:
                return
            if not decision.allowed:
                return
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.002)
            with lock:
                running -= 1
            limiter.release(decision)

        with ThreadPoolExecutor(24) as pool:
            list(pool.map(call, range(600)))

        assert 1 <= most <= 3
        assert until(lambda: in_redis(work="predict") == [])

    def test_wide_limits_never_run_more_at_once_either(self, allow, process):
        allow(200)
        limiters = [process() for _ in range(2)]
        decisions = [enter(limiters[n % 2]) for n in range(260)]

        assert sum(d.allowed for d in decisions) == 200


class TestOffThePath:
    def test_releasing_makes_no_round_trip_of_the_caller(self, allow, process, monkeypatch):
        allow(1)
        one = process()
        decision = enter(one)
        me = threading.get_ident()
        asked_by = []
        report = slots_module._report

        def noting(*arguments):
            asked_by.append(threading.get_ident())
            return report(*arguments)

        monkeypatch.setattr(slots_module, "_report", noting)

        one.release(decision)

        assert until(lambda: in_redis() == [])
        assert me not in asked_by

    def test_most_calls_under_a_wide_limit_ask_redis_nothing(self, allow, process, monkeypatch):
        allow(500, Policy("wide", 1_000_000, 60))
        one = process()
        trips = []
        ask = Limiter._ask
        monkeypatch.setattr(Limiter, "_ask", lambda *call: trips.append(1) or ask(*call))
        monkeypatch.setattr("core.api.leases.LEASE_SECONDS", 5.0)

        for _ in range(50):
            decision = enter(one)
            assert decision.allowed
            one.release(decision)

        assert len(trips) == 1

    def test_far_from_the_limit_a_slot_is_kept_for_the_next_call(self, allow, process, monkeypatch):
        allow(100)
        one = process()
        said = []
        report = slots_module._report
        monkeypatch.setattr(slots_module, "_report", lambda *a: said.append(1) or report(*a))

        for _ in range(20):
            one.release(enter(one))

        assert len(said) <= 2  # the thread's own looks, five a second
        assert until(lambda: in_redis() == [])

    def test_spare_slots_of_a_caller_who_stopped_go_back(self, allow, process):
        allow(500)
        one = process()
        one.release(enter(one))
        assert in_redis() == [11]

        assert until(lambda: in_redis() == [])

    def test_a_killed_process_loses_its_slots_by_itself(self, allow, process, monkeypatch):
        monkeypatch.setattr("core.api.limit_script.SLOT_SECONDS", 0.3)
        allow(1)
        dead = process()
        enter(dead)
        dead.slots.clear()  # as a process that is gone: nobody renews or gives back
        other = process()
        assert not enter(other).allowed

        assert until(lambda: enter(other).allowed, seconds=2.0)

    def test_a_long_call_keeps_its_slot(self, allow, process, monkeypatch):
        for module in ("core.api.limit_script", "core.api.slots"):
            monkeypatch.setattr(f"{module}.SLOT_SECONDS", 0.6)
        monkeypatch.setattr("core.api.slots.RENEW_SECONDS", 0.1)
        allow(1)
        one, two = process(), process()
        enter(one)

        time.sleep(1.2)

        assert not enter(two).allowed

    def test_an_older_word_never_overrules_a_newer_one(self, allow, process):
        allow(5)
        one = process()
        pool = enter(one).pool
        older = pool.number
        enter(one)

        slots_module._report([pool.key], [pool.field, older, "hold", 0, 15_000])

        assert in_redis() == [2]

    def test_a_word_that_was_lost_is_made_good(self, allow, process):
        """Redis forgets the caller while a call runs: soon it counts it again."""
        allow(5)
        one = process()
        pool = enter(one).pool
        limits_client().delete(pool.key)
        pool.doubtful = True

        assert until(lambda: in_redis() == [1])

    def test_without_redis_an_open_class_runs_on_and_counts_nothing(self, allow, process, settings):
        allow(1)
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"
        one = process()

        decisions = [enter(one) for _ in range(3)]

        assert [d.allowed for d in decisions] == [True] * 3
        for decision in decisions:
            one.release(decision)
        settings.REDIS_LIMITS_URL = django_settings.REDIS_LIMITS_URL


class TestThroughTheApi:
    def test_the_answer_names_the_limit_and_the_code(self, caller, allow, assert_problem):
        from core.api.throttling import limiter
        from tests.core.api.callers import ALICE

        allow(1)
        running = limiter.spend(Caller(f"user:{ALICE.hex}", "plan"), "default", takes_slot=True)
        client = caller()

        problem = assert_problem(client.get("/api/v1/who"), 429, "too_many_at_once")
        assert problem["violated_policies"] == ["concurrent"]
        limiter.release(running)

        response = client.get("/api/v1/who")
        assert response.status_code == 200
        assert '"concurrent";q=1;qu="concurrent-requests"' in response["RateLimit-Policy"]
        assert response["RateLimit"].endswith('"concurrent";r=0')

    def test_calls_one_after_the_other_always_pass(self, caller, allow):
        allow(1)
        client = caller()

        assert {client.get("/api/v1/who").status_code for _ in range(30)} == {200}

    @pytest.mark.django_db  # the end of a request looks at the connection
    def test_a_streamed_answer_holds_its_slot_until_it_is_closed(self, caller, allow):
        allow(1)
        client = caller()
        from tests.core.api import urls

        urls.CsvView.required_scopes = {"get": None}
        try:
            streamed = client.get("/api/v1/csv")
            assert client.get("/api/v1/who").status_code == 429
            assert b"".join(streamed.streaming_content) == b"a\n1\n"
            streamed.close()
            assert client.get("/api/v1/who").status_code == 200
        finally:
            urls.CsvView.required_scopes = {"get": urls.PUBLIC}

    @pytest.mark.parametrize("path", ["/api/v1/fail/invalid", "/api/v1/nothing-here"])
    def test_a_call_that_fails_gives_its_slot_back(self, caller, allow, path):
        allow(1)
        client = caller()

        statuses = {client.get(path).status_code for _ in range(3)}

        assert statuses <= {400, 404}
        assert client.get("/api/v1/who").status_code == 200
