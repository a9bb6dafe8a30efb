"""docs/subsystems/throttling.md, case by case, against a real Redis."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Connection, Redis

from core import plans
from core.api.addresses import client_ip
from core.api.refusals import LimitsUnavailableError
from core.api.throttling import Caller, Limiter, identity_of, limiter
from core.plans import DAY, PlanBook, Policy, WorkLimits
from core.redis_client import Breaker, limits_client
from tests.core.api import callers
from tests.core.api.callers import ALICE, SHOP, SpelledScheme

REAL = settings.REDIS_LIMITS_URL
AWAY = "redis://127.0.0.1:1/1"


@pytest.fixture
def limits(settings):
    """`limits(scope=[(name, quota, seconds), ...])`"""

    def use(**scopes):
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, **scopes}

    return use


def own_key(name):
    """A key of this test process: others count in the same Redis at the same time."""
    return f"{settings.REDIS_KEY_PREFIX}{name}"


def headers(decision):
    return dict(decision.headers.values())


class TestSpend:
    def test_allows_the_quota_and_not_one_more(self, limits):
        limits(default=[("five", 5, 60)])

        answers = [limiter.spend(Caller("a"), "default").allowed for _ in range(7)]

        assert answers == [True] * 5 + [False] * 2

    def test_sixty_threads_at_once_get_exactly_the_quota(self, limits):
        limits(default=[("five", 5, 60)])
        start = threading.Barrier(60)

        def call(_):
            start.wait()
            return limiter.spend(Caller("crowd"), "default").allowed

        with ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(call, range(60)))

        assert answers.count(True) == 5

    def test_says_what_is_left_of_each_policy(self, limits):
        limits(default=[("burst", 3, 1), ("day", 1_000, 86_400)])

        decision = limiter.spend(Caller("a"), "default", weight=2)

        assert headers(decision) == {
            "RateLimit-Policy": '"burst";q=3;w=1, "day";q=1000;w=86400',
            "RateLimit": '"burst";r=1;t=1, "day";r=998;t=173',
        }

    def test_a_refusal_by_one_policy_costs_the_others_nothing(self, limits):
        limits(default=[("narrow", 2, 60), ("wide", 100, 60)])
        for _ in range(10):
            decision = limiter.spend(Caller("a"), "default")

        assert not decision.allowed
        assert '"wide";r=98;' in headers(decision)["RateLimit"]

    def test_a_refusal_says_when_the_weight_would_pass(self, limits):
        limits(default=[("ten", 10, 10)])
        limiter.spend(Caller("a"), "default", weight=10)

        assert limiter.spend(Caller("a"), "default", weight=1).retry_after == 1
        assert limiter.spend(Caller("a"), "default", weight=4).retry_after == 4

    def test_what_was_spent_comes_back_with_time(self, limits):
        limits(default=[("ten", 10, 1)])
        limiter.spend(Caller("a"), "default", weight=10)
        assert not limiter.spend(Caller("a"), "default", weight=2).allowed

        time.sleep(0.25)  # 2.5 units of the policy

        assert limiter.spend(Caller("a"), "default", weight=2).allowed
        assert not limiter.spend(Caller("a"), "default", weight=2).allowed

    def test_more_than_the_quota_counts_as_the_quota(self, limits):
        limits(default=[("ten", 10, 60)])

        assert limiter.spend(Caller("a"), "default", weight=1_000).allowed
        assert not limiter.spend(Caller("a"), "default", weight=1).allowed

    def test_callers_and_scopes_are_apart(self, limits):
        limits(default=[("one", 1, 60)], batch=[("one", 1, 60)])

        answers = [
            limiter.spend(Caller(who), what).allowed
            for what in ("default", "batch")
            for who in "ab"
        ]

        assert answers == [True] * 4

    def test_keys_expire_when_the_bucket_is_whole(self, limits):
        limits(default=[("hundred", 100, 10)])

        limiter.spend(Caller("a"), "default", weight=10)

        assert 900 < limits_client().pttl(own_key("rate:default:a")) <= 1_001

    @hypothesis_settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        quotas=st.lists(st.integers(1, 20), min_size=1, max_size=3),
        weights=st.lists(st.integers(1, 7), min_size=1, max_size=20),
    )
    def test_is_a_bucket_for_each_policy(self, settings, quotas, weights):
        """Against a model in Python; the periods are so long that nothing comes back meanwhile."""
        settings.RATE_LIMITS = {"default": [(f"p{i}", q, 10**6) for i, q in enumerate(quotas)]}
        identity, left = f"model-{time.perf_counter_ns()}", list(quotas)

        for weight in weights:
            costs = [min(weight, quota) for quota in quotas]
            fits = all(cost <= rest for cost, rest in zip(costs, left, strict=True))
            if fits:
                left = [rest - cost for cost, rest in zip(costs, left, strict=True)]
            decision = limiter.spend(Caller(identity), "default", weight)

            shown = [part.split(";")[1] for part in headers(decision)["RateLimit"].split(", ")]
            assert (decision.allowed, shown) == (fits, [f"r={rest}" for rest in left])


class TestDay:
    """A quota of a UTC day: what is spent is gone until midnight, by Redis's clock."""

    @pytest.fixture
    def quota(self, monkeypatch):
        def use(units):
            limits = WorkLimits((Policy("daily", units, DAY, "day"),))
            monkeypatch.setattr(plans, "_book", PlanBook({"plan": {"default": limits}}, "plan"))

        return use

    @staticmethod
    def seconds_to_midnight():
        seconds, _ = limits_client().time()
        return DAY - seconds % DAY

    def test_allows_the_quota_and_not_one_more_until_midnight(self, quota):
        quota(3)
        who = Caller("a", "plan")

        decisions = [limiter.spend(who, "default") for _ in range(4)]

        assert [d.allowed for d in decisions] == [True, True, True, False]
        assert decisions[3].violated == ("daily",)
        assert abs(decisions[3].retry_after - self.seconds_to_midnight()) <= 1

    def test_nothing_comes_back_before_midnight(self, quota):
        quota(DAY * 10)  # as a bucket, ten units would come back in a second
        who = Caller("a", "plan")
        limiter.spend(who, "default", weight=DAY * 10)

        time.sleep(0.3)

        assert not limiter.spend(who, "default").allowed

    def test_yesterdays_count_is_over(self, quota):
        quota(3)
        who = Caller("a", "plan")
        limiter.spend(who, "default", weight=3)
        key = own_key("rate:default:a")
        count, day = limits_client().get(key).decode().removeprefix("daily=").split("@")
        limits_client().set(key, f"daily={count}@{int(day) - 1}")

        decision = limiter.spend(who, "default")

        assert decision.allowed
        assert headers(decision)["RateLimit"].startswith('"daily";r=2;')

    def test_the_counter_is_gone_after_midnight(self, quota):
        quota(3)
        limiter.spend(Caller("a", "plan"), "default")

        key = own_key("rate:default:a")

        assert abs(limits_client().ttl(key) - self.seconds_to_midnight()) <= 1

    def test_is_named_in_the_refusal(self, quota, caller, assert_problem):
        quota(1)
        client = caller()
        client.get("/api/v1/who")

        problem = assert_problem(client.get("/api/v1/who"), 429, "quota_exhausted")

        assert problem["violated_policies"] == ["daily"]


class TestLooking:
    def test_costs_nothing_and_shows_every_policy(self, monkeypatch):
        limits = WorkLimits(
            (Policy("burst", 10, 1), Policy("daily", 100, DAY, "day")), concurrent=5
        )
        monkeypatch.setattr(plans, "_book", PlanBook({"plan": {"default": limits}}, "plan"))
        who = Caller("a", "plan")
        decision = limiter.spend(who, "default", weight=4, takes_slot=True)

        looks = [
            [(s.name, s.quota, s.seconds, s.remaining) for s in limiter.look(who, "default")]
            for _ in range(3)
        ]

        assert (
            looks[1][1:]
            == looks[2][1:]
            == [
                ("daily", 100, DAY, 96),
                ("concurrent", 5, None, 4),
            ]
        )
        assert looks[0][0][:3] == ("burst", 10, 1)
        assert 6 <= looks[0][0][3] <= 10
        limiter.release(decision)

    def test_without_redis_is_unavailable(self, settings):
        settings.REDIS_LIMITS_URL = AWAY

        with pytest.raises(LimitsUnavailableError):
            limiter.look(Caller("a"), "default")


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _redis_is_away(self, settings):
        settings.REDIS_LIMITS_URL = AWAY

    def test_reads_stay_open_and_are_counted(self, anyone):
        from core.observability.metrics import LIMITS_OPEN

        before = LIMITS_OPEN.labels("default")._value.get()

        response = anyone.get("/api/v1/echo")

        assert response.status_code == 200
        assert "RateLimit-Policy" in response
        assert "RateLimit" not in response
        assert LIMITS_OPEN.labels("default")._value.get() == before + 1

    def test_predictions_answer_503(self, caller, assert_problem):
        response = caller("predictions:create").post(
            "/api/v1/predict", {"features": [[1]]}, content_type="application/json"
        )

        assert_problem(response, 503, "limits_unavailable")

    def test_a_refusal_before_any_view_keeps_its_own_reason(self, anyone, assert_problem, settings):
        settings.RATE_LIMITS_FAIL_CLOSED = ["default"]

        response = anyone.get("/api/v1/echo", headers={"content-encoding": "br"})

        assert_problem(response, 415, "unsupported_content_encoding")

    def test_a_refusal_keeps_its_own_reason(self, anyone, assert_problem):
        assert_problem(anyone.post("/api/v1/predict"), 401, "not_authenticated")

    def test_the_breaker_spares_the_next_callers_the_wait(self, monkeypatch):
        own = Limiter(Breaker(seconds=60))
        own.spend(Caller("a"), "default")
        monkeypatch.setattr("core.api.limit_script._decide", None)  # would fail if asked

        assert own.spend(Caller("a"), "default").allowed
        with pytest.raises(LimitsUnavailableError) as refusal:
            own.spend(Caller("a"), "predict")
        assert 59 <= refusal.value.retry_after <= 60

    def test_it_is_asked_again_after_the_pause(self, settings):
        own = Limiter(Breaker(seconds=0.05))
        own.spend(Caller("a"), "default")
        settings.REDIS_LIMITS_URL = REAL
        time.sleep(0.06)

        assert "ratelimit" in own.spend(Caller("a"), "default").headers

    def test_a_hung_redis_costs_no_more_than_the_timeout(self, settings):
        import socket

        with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
            settings.REDIS_LIMITS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/1"
            started = time.perf_counter()

            assert Limiter(Breaker(1)).spend(Caller("a"), "default").allowed

            assert time.perf_counter() - started < 3 * settings.REDIS_TIMEOUT


class TestScript:
    def test_survives_a_restart_of_redis(self, limits):
        """Connections closed and scripts forgotten, as after a restart."""
        limiter.spend(Caller("a"), "default")
        admin = Redis.from_url(REAL)
        admin.script_flush()
        admin.client_kill_filter(_type="normal", skipme=True)
        admin.close()

        assert "ratelimit" in limiter.spend(Caller("a"), "default").headers

    def test_is_one_round_trip(self, monkeypatch):
        limiter.spend(Caller("a"), "default")
        sent, send = [], Connection.send_packed_command

        def noting(self, command, **options):
            sent.append(b"".join(command))
            return send(self, command, **options)

        monkeypatch.setattr(Connection, "send_packed_command", noting)

        limiter.spend(Caller("a"), "default")

        assert len(sent) == 1
        assert b"EVALSHA" in sent[0]

    def test_is_one_round_trip_with_a_slot_and_a_plan(self, monkeypatch):
        """The call's own thread; giving back is another's, later."""
        policies = (Policy("burst", 100, 1), Policy("daily", 1_000, DAY, "day"))
        book = PlanBook({"plan": {"default": WorkLimits(policies, 5)}}, "plan")
        monkeypatch.setattr(plans, "_book", book)
        who = Caller("a", "plan")
        limiter.release(limiter.spend(who, "default", takes_slot=True))
        me, sent, send = threading.get_ident(), [], Connection.send_packed_command

        def noting(self, command, **options):
            if threading.get_ident() == me:
                sent.append(b"".join(command))
            return send(self, command, **options)

        monkeypatch.setattr(Connection, "send_packed_command", noting)

        limiter.release(limiter.spend(who, "default", takes_slot=True))

        assert len(sent) == 1
        assert b"EVALSHA" in sent[0]


class TestIdentity:
    def principal(self, **more):
        return SpelledScheme().authenticate(callers.token_of(**more))

    def test_is_the_application_then_the_user_then_the_address(self, rf):
        request = rf.get("/", REMOTE_ADDR="192.0.2.7")

        assert identity_of(request, self.principal(application_id=SHOP)) == f"app:{SHOP.hex}"
        assert identity_of(request, self.principal()) == f"user:{ALICE.hex}"
        assert identity_of(request, None) == "ip:192.0.2.7"

    def test_two_applications_of_one_user_have_limits_of_their_own(self, caller, limits):
        limits(default=[("one", 1, 60)])
        other = UUID(int=SHOP.int + 1)

        answers = [
            caller(application_id=a).get("/api/v1/who").status_code for a in (SHOP, other, SHOP)
        ]

        assert answers == [200, 200, 429]

    def test_a_forwarded_address_is_ignored_without_proxies(self, rf):
        request = rf.get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="198.51.100.1")

        assert client_ip(request) == "192.0.2.7"

    @pytest.mark.parametrize(
        ("proxies", "header", "address"),
        [
            (1, "198.51.100.1", "198.51.100.1"),
            (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
            (2, "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
            (2, "198.51.100.1", "198.51.100.1"),
            (1, "", "192.0.2.7"),
            (1, "x" * 500, "unknown"),
        ],
    )
    def test_our_proxies_entries_are_believed(self, rf, settings, proxies, header, address):
        settings.NUM_PROXIES = proxies
        request = rf.get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=header)

        assert client_ip(request) == address

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("fe80::1%eth0", "fe80::"),
            (":::", "unknown"),
        ],
    )
    def test_an_ipv6_subscriber_is_one_caller(self, rf, address, network):
        assert client_ip(rf.get("/", REMOTE_ADDR=address)) == network


class TestThroughTheApi:
    def test_a_call_too_many_is_429_with_the_wait(self, caller, assert_problem, limits):
        limits(default=[("two", 2, 60)])
        client = caller()
        statuses = [client.get("/api/v1/who").status_code for _ in range(2)]

        response = client.get("/api/v1/who")

        assert statuses == [200, 200]
        assert_problem(response, 429, "rate_limited")
        assert 29 <= int(response["Retry-After"]) <= 30
        assert response["RateLimit"].startswith('"two";r=0;')

    def test_a_call_too_heavy_never_reaches_the_work(self, caller, limits, assert_problem):
        limits(predict=[("three", 3, 60)])
        client = caller("predictions:create")

        def predict(rows):
            return client.post(
                "/api/v1/predict", {"features": [[1]] * rows}, content_type="application/json"
            )

        assert predict(2).status_code == 200
        assert_problem(predict(2), 429, "rate_limited")
        assert predict(1).status_code == 200

    def test_guessing_tokens_is_limited_by_address(self, anyone, limits, assert_problem):
        limits(default=[("two", 2, 60)])

        answers = [
            anyone.get("/api/v1/who", headers={"authorization": f"Bearer test_{n}"})
            for n in range(3)
        ]

        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert_problem(answers[-1], 429, "rate_limited")

    def test_every_call_counts_once(self, caller, limits):
        limits(default=[("many", 100, 60)])
        client = caller()

        left = [client.get("/api/v1/who")["RateLimit"] for _ in range(3)]

        assert [text.split(";")[1] for text in left] == ["r=99", "r=98", "r=97"]
