"""GET /requests and /requests/{request_id}: one's own calls, and nobody else's."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.developers.selectors.requests import only_request, requests_visible_to
from apps.developers.services.keeping import make_request_partitions
from apps.developers.services.recording import record_requests
from core.facts.requests import buffer
from core.ids import uuid7
from tests.factories import oauth
from tests.factories.developers import client_with, login_of, make_application, make_key
from tests.factories.requests import make_fact, make_principal, request_id_at

pytestmark = pytest.mark.django_db

URL = "/api/v1/requests"


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def shop_client(shop):
    return client_with(make_key(shop, scopes=["usage:read", "profile:read"]).key)


@pytest.fixture
def of_alice(alice):
    """What a call of alice's own login is made by."""
    return login_of(alice)


def of_shop(shop, user_id=None):
    return make_principal(
        user_id=user_id or shop.owner_id,
        owner_id=shop.owner_id,
        application_id=shop.pk,
        credential="api_key" if user_id is None else "oauth",
        credential_id=str(uuid7()),
    )


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["request_id"] for row in answer.json()["results"]]


def store(*facts):
    record_requests(facts)
    return [fact.request_id for fact in facts]


class TestList:
    def test_shows_a_call_as_it_was(self, alice, client_of):
        client = client_of(alice)
        called = client.patch("/api/v1/me", {"bio": "x" * 2_000}, format="json")
        assert called.status_code == 400
        buffer.flush()

        (row,) = client.get(URL).json()["results"]

        assert abs(datetime.fromisoformat(row.pop("at")) - timezone.now()) < timedelta(seconds=30)
        assert row.pop("latency_ms") > 0
        assert len(row.pop("credential_id")) > 10
        assert row == {
            "request_id": called["X-Request-Id"],
            "method": "PATCH",
            "route": "/api/v1/me",
            "status": 400,
            "error_code": "validation_failed",
            "request_bytes": len('{"bio":""}') + 2_000,
            "response_bytes": len(called.content),
            "work": "default",
            "units": 1,
            "credential": "jwt",
            "application_id": None,
            "user_id": str(alice.pk),
        }

    def test_is_newest_first_and_pages_without_a_gap(self, alice, client_of, of_alice):
        now = timezone.now()
        stored = store(*(make_fact(of_alice, at=now - timedelta(days=n % 3)) for n in range(25)))
        client = client_of(alice)

        found, url = [], f"{URL}?limit=10"
        while url:
            answer = client.get(url)
            found += ids(answer)
            url = answer.json()["next"]

        assert found == sorted(stored, reverse=True)

    def test_of_a_person_has_all_of_their_account(self, alice, client_of, of_alice, shop, mallory):
        now = timezone.now()
        own = make_fact(of_alice, at=now)
        by_key = make_fact(of_shop(shop), at=now)
        for_mallory = make_fact(of_shop(shop, user_id=mallory.pk), at=now)
        store(own, by_key, for_mallory, make_fact(login_of(mallory), at=now))

        found = ids(client_of(alice).get(URL))

        assert found == [for_mallory.request_id, by_key.request_id, own.request_id]

    def test_of_an_application_has_its_own_alone(self, alice, shop, shop_client, of_alice):
        now = timezone.now()
        other = make_application(alice, name="Other")
        mine = make_fact(of_shop(shop), at=now)
        store(mine, make_fact(of_alice, at=now), make_fact(of_shop(other), at=now))

        assert ids(shop_client.get(URL)) == [mine.request_id]
        assert ids(shop_client.get(f"{URL}?application_id={other.pk}")) == []

    def test_of_a_lent_token_has_those_for_its_lender_alone(self, mallory, shop):
        now = timezone.now()
        lent = oauth.tokens_of(mallory, oauth.make_client(shop, scopes=["usage:read"]), scope=None)
        own = make_fact(of_shop(shop, user_id=mallory.pk), at=now)
        others = [of_shop(shop), of_shop(shop, user_id=uuid7())]
        store(own, *(make_fact(who, at=now) for who in others), make_fact(login_of(mallory)))

        assert ids(client_with(lent["access_token"]).get(URL)) == [own.request_id]

    def test_shows_nobody_elses(self, mallory, client_of, of_alice, shop):
        now = timezone.now()
        fact = make_fact(of_shop(shop, user_id=mallory.pk), at=now)  # the application is alice's
        store(make_fact(of_alice, at=now), fact)

        assert ids(client_of(mallory).get(URL)) == []

    def test_reaches_back_as_long_as_calls_are_kept(self, alice, client_of, of_alice, settings):
        settings.REQUEST_LOG_DAYS = 5
        now = timezone.now()
        kept, _old = store(
            make_fact(of_alice, at=now - timedelta(days=5)),
            make_fact(of_alice, at=now - timedelta(days=6)),
        )

        assert ids(client_of(alice).get(URL)) == [kept]

    def test_needs_the_scope(self, shop, assert_problem):
        client = client_with(make_key(shop, scopes=["profile:read"]).key)

        assert_problem(client.get(URL), 403, "insufficient_scope")

    def test_is_for_somebody_known(self, client_of, assert_problem):
        assert_problem(client_of(None).get(URL), 401, "not_authenticated")


class TestFilters:
    @pytest.fixture
    def calls(self, of_alice, shop):
        now = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
        facts = {
            "good": make_fact(of_alice, at=now - timedelta(days=3)),
            "shop": make_fact(of_shop(shop), at=now - timedelta(days=2)),
            "refused": make_fact(
                of_alice,
                at=now - timedelta(days=1),
                status=429,
                error_code="rate_limited",
                method="POST",
                route="api/v1/models/<str:name>/predict",
            ),
            "failed": make_fact(of_alice, at=now - timedelta(hours=1), status=500),
        }
        store(*facts.values())
        self.now, self.facts, self.shop = now, facts, shop
        return facts

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("status=429", ["refused"]),
            ("status__in=429,500", ["failed", "refused"]),
            ("status__in=500", ["failed"]),
            ("status__gte=400", ["failed", "refused"]),
            ("status__gte=400&status__lt=500", ["refused"]),
            ("method=POST", ["refused"]),
            ("route=/api/v1/me", ["failed", "shop", "good"]),
            ("route=/api/v1/models/{name}/predict", ["refused"]),
            ("error_code=rate_limited", ["refused"]),
            ("application_id={shop}", ["shop"]),
            ("credential_id={credential}", ["shop"]),
            ("request_id={id}", ["good"]),
            ("request_id=req_of-nobody", []),
            ("request_id=req_" + "f" * 32, []),
            ("at__gte={day_1}", ["failed", "refused"]),
            ("at__lt={day_1}", ["shop", "good"]),
            ("at__gte={day_2}&at__lt={day_1}", ["shop"]),
        ],
    )
    def test_narrow_the_list(self, alice, client_of, calls, query, names):
        values = {
            "{shop}": str(self.shop.pk),
            "{credential}": calls["shop"].principal.credential_id,
            "{id}": calls["good"].request_id,
            "{day_1}": f"{self.now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "{day_2}": f"{self.now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
        }
        for name, value in values.items():
            query = query.replace(name, value)

        found = ids(client_of(alice).get(f"{URL}?{query}"))

        assert found == [calls[name].request_id for name in names]

    @pytest.mark.parametrize(
        "query",
        [
            "status=abc",
            "status=99",
            "status__lt=1e3",
            "method=get",
            "application_id=1",
            "status__in=429,abc",
            "status__in=429,99",
            "status__in=429,",
            "status__in=,",
            "at__gte=yesterday",
            "at__gte=2026-03-02",
            "at__gte=2026-03-02T08:00:00",
            "at__lt=2026-03-02T08:00:00+01:00",
        ],
    )
    def test_refuse_what_cannot_be(self, alice, client_of, assert_problem, query):
        assert_problem(client_of(alice).get(f"{URL}?{query}"), 400, "invalid_parameter")

    @pytest.mark.parametrize(
        "query", ["at__gte=0001-01-01T00:00:00%2B23:00", "at__lt=9999-12-31T23:59:59-23:00"]
    )
    def test_refuse_times_beyond_the_calendar(self, alice, client_of, assert_problem, query):
        at = (query.partition("=")[0], "invalid")

        assert_problem(client_of(alice).get(f"{URL}?{query}"), 400, "invalid_parameter", at=at)

    def test_that_are_unknown_are_refused(self, alice, client_of, assert_problem):
        assert_problem(client_of(alice).get(f"{URL}?state=500"), 400, "unknown_parameter")


class TestDetail:
    def test_is_found_by_the_request_id_of_the_answer(self, alice, client_of):
        client = client_of(alice)
        called = client.get("/api/v1/me")
        buffer.flush()

        answer = client.get(f"{URL}/{called['X-Request-Id']}")

        assert answer.status_code == 200
        assert answer.json()["request_id"] == called["X-Request-Id"]
        assert answer["ETag"] == '"v1"'

    def test_never_changes(self, alice, client_of, of_alice):
        (request_id,) = store(make_fact(of_alice, at=timezone.now()))

        answer = client_of(alice).get(f"{URL}/{request_id}", headers={"if-none-match": '"v1"'})

        assert (answer.status_code, answer.content) == (304, b"")

    def test_shows_some_fields(self, alice, client_of, of_alice):
        (request_id,) = store(make_fact(of_alice, at=timezone.now(), status=404))

        answer = client_of(alice).get(f"{URL}/{request_id}?fields=status,method")

        assert answer.json() == {"method": "GET", "status": 404}

    def test_of_a_call_that_ended_after_midnight_is_found(self, alice, client_of):
        now = timezone.now()
        began = request_id_at(now - timedelta(days=1))
        store(make_fact(login_of(alice), at=now, request_id=began))

        assert client_of(alice).get(f"{URL}/{began}").status_code == 200

    def test_of_somebody_else_is_unknown(self, mallory, client_of, of_alice, assert_problem):
        (request_id,) = store(make_fact(of_alice, at=timezone.now()))

        assert_problem(client_of(mallory).get(f"{URL}/{request_id}"), 404, "request_not_found")

    def test_of_a_neighbour_is_unknown_to_an_application(
        self, shop_client, of_alice, assert_problem
    ):
        (request_id,) = store(make_fact(of_alice, at=timezone.now()))

        assert_problem(shop_client.get(f"{URL}/{request_id}"), 404, "request_not_found")

    @pytest.mark.parametrize(
        "request_id",
        ["x", "req_", "req_" + "0" * 32, "req_" + "f" * 32, "req_" + "F" * 32, "0" * 32],
    )
    def test_of_what_is_no_id_is_unknown(self, alice, client_of, assert_problem, request_id):
        assert_problem(client_of(alice).get(f"{URL}/{request_id}"), 404, "request_not_found")


class TestPlan:
    """No page searches a day row by row, and days outside the window are not touched."""

    @pytest.fixture
    def many(self, of_alice, shop):
        now = timezone.now()
        make_request_partitions(now=now)
        others = [make_principal() for _ in range(20)]
        callers = [of_alice, of_shop(shop), *others]
        for days in range(3):
            at = now - timedelta(days=days)
            record_requests([make_fact(callers[n % 22], at=at) for n in range(3_000)])
        record_requests([make_fact(of_alice, at=datetime(2001, 1, 1, tzinfo=UTC))])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE developers_requestrecord")
        return now

    def explain(self, rows):
        return rows.order_by("-id")[:21].explain()

    @pytest.mark.parametrize("who", ["person", "application"])
    def test_of_a_page(self, many, of_alice, shop, who):
        principal = of_alice if who == "person" else of_shop(shop)

        plan = self.explain(requests_visible_to(principal, now=many))

        assert "Seq Scan" not in plan
        assert "Index Scan" in plan
        assert "Sort  (" not in plan
        assert "p20010101" not in plan

    def test_of_one_call_looks_into_two_days(self, many, of_alice):
        (request_id,) = store(make_fact(of_alice, at=many - timedelta(days=2)))

        plan = only_request(requests_visible_to(of_alice, now=many), request_id).explain()

        assert "Seq Scan" not in plan
        assert plan.count("Index Scan") == 2
