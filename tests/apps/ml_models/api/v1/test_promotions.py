"""The gate and promotions over HTTP."""

from uuid import uuid4

import pytest

from apps.ml_models.models import ModelAlias, Promotion
from tests.factories.ml_models import make_ready_version, make_version
from tests.factories.promotions import make_staff, set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

MODEL = "/api/v1/models/churn"
URL = f"{MODEL}/promotions"
GATE = f"{MODEL}/versions/2/gate"
WHY = "The metric was taken on other data."


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def second(client_of, db):
    return client_of(make_staff("carol"))


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


@pytest.fixture(autouse=True)
def candidate(churn, artefacts):
    return make_ready_version(artefacts["steeper"])


def post(client, path="", body=None, **headers):
    return client.post(f"{URL}{path}", body or {}, format="json", **headers)


def proposed(client, **fields):
    response = post(client, body={"version": 2, "reason": "Better.", **fields})
    assert response.status_code == 201, response.content
    return response


def points_at():
    return ModelAlias.objects.get(alias="champion").version.number


class TestGate:
    def test_shows_each_check_and_changes_nothing(self, reader, churn):
        set_policy(churn, gate_metric="auc", gate_tolerance=0.25)
        before = Promotion.objects.count()

        response = reader.get(GATE)

        assert response.status_code == 200, response.content
        shown = response.json()
        assert (shown["alias"], shown["against"], shown["passed"]) == ("champion", 1, True)
        checks = {check["code"]: check for check in shown["checks"]}
        assert checks["metric"] == {
            "code": "metric",
            "passed": True,
            "wanted": 0.65,
            "found": 0.9,
            "detail": "auc must be at least 0.65; the present version has 0.9.",
        }
        assert (Promotion.objects.count(), points_at()) == (before, 1)

    def test_says_what_fails(self, reader, churn):
        set_policy(churn, gate_latency_us=5)

        shown = reader.get(GATE).json()

        assert shown["passed"] is False
        assert [c["code"] for c in shown["checks"] if not c["passed"]] == ["latency"]

    def test_compares_with_the_alias_that_is_named(self, reader):
        shown = reader.get(GATE, {"alias": "challenger"}).json()

        assert (shown["alias"], shown["against"]) == ("challenger", None)

    def test_refuses_what_cannot_be_judged(self, reader, assert_problem):
        make_version("churn", state="uploaded")

        assert_problem(reader.get(f"{MODEL}/versions/3/gate"), 409, "version_not_ready")
        assert_problem(reader.get(f"{MODEL}/versions/9/gate"), 404, "model_version_not_found")
        assert_problem(
            reader.get(GATE, {"alias": "A b"}), 400, "invalid_name", at=("alias", "invalid_name")
        )


class TestPropose:
    def test_answers_what_waits_for_a_second_person(self, staff, bob):
        response = proposed(staff)

        shown = response.json()
        assert response["Location"] == f"{URL}/{shown['id']}"
        assert (shown["state"], shown["four_eyes"], shown["version"]) == ("proposed", True, 2)
        assert (shown["proposed_by"], shown["decided_by"]) == (str(bob.pk), None)
        assert (shown["reason"], shown["gate"]["passed"]) == ("Better.", True)
        assert points_at() == 1

    def test_is_refused_where_the_gate_says_no(self, staff, churn, assert_problem):
        set_policy(churn, gate_latency_us=5)

        problem = post(staff, body={"version": 2})

        assert_problem(problem, 409, "promotion_refused", at=("#/version", "latency"))
        assert proposed(staff, override_reason=WHY).json()["override_reason"] == WHY

    def test_is_one_at_a_time(self, staff, assert_problem):
        proposed(staff)

        assert_problem(post(staff, body={"version": 2}), 409, "promotion_open")

    def test_of_the_present_version_is_none(self, staff, assert_problem):
        assert_problem(post(staff, body={"version": 1}), 409, "same_version")

    def test_is_for_gated_aliases(self, staff, assert_problem):
        body = {"version": 2, "alias": "challenger"}

        assert_problem(
            post(staff, body=body), 400, "alias_not_gated", at=("#/alias", "alias_not_gated")
        )

    @pytest.mark.parametrize(
        "body", [{}, {"version": "2"}, {"version": 0}], ids=["none", "text", "zero"]
    )
    def test_needs_the_number_of_a_version(self, staff, assert_problem, body):
        assert_problem(post(staff, body=body), 400, "validation_failed")

    def test_has_one_effect_by_its_key(self, staff):
        key = {"HTTP_IDEMPOTENCY_KEY": "one"}

        answers = [post(staff, body={"version": 2}, **key).json()["id"] for _ in range(2)]

        assert answers[0] == answers[1]
        assert Promotion.objects.filter(state="proposed").count() == 1

    def test_is_for_staff(self, reader, assert_problem):
        assert_problem(post(reader, body={"version": 2}), 403, "insufficient_scope")


class TestDecide:
    def test_a_second_person_approves(self, staff, second):
        id_ = proposed(staff).json()["id"]

        response = post(second, f"/{id_}/approve", {"reason": "Yes."})

        assert response.status_code == 200, response.content
        shown = response.json()
        assert (shown["state"], shown["decision_reason"], points_at()) == ("approved", "Yes.", 2)
        assert shown["rollout_id"] is not None
        assert response["ETag"] == staff.get(f"{URL}/{id_}")["ETag"]

    def test_the_proposer_does_not(self, staff, assert_problem):
        id_ = proposed(staff).json()["id"]

        for verb in ("approve", "reject"):
            assert_problem(post(staff, f"/{id_}/{verb}"), 409, "self_approval")
        assert points_at() == 1

    def test_a_second_person_rejects_or_the_proposer_withdraws(self, staff, second):
        rejected = proposed(staff).json()["id"]
        assert post(second, f"/{rejected}/reject").json()["state"] == "rejected"

        withdrawn = proposed(staff).json()["id"]
        assert post(staff, f"/{withdrawn}/withdraw").json()["state"] == "withdrawn"
        assert points_at() == 1

    def test_it_is_decided_once(self, staff, second, assert_problem):
        id_ = proposed(staff).json()["id"]
        post(second, f"/{id_}/reject")

        for verb in ("approve", "reject", "withdraw"):
            assert_problem(post(second, f"/{id_}/{verb}"), 409, "promotion_decided")

    def test_it_is_decided_as_it_was_seen(self, staff, second, assert_problem):
        response = proposed(staff)
        path = f"/{response.json()['id']}/approve"
        stale = {"HTTP_IF_MATCH": '"v9"'}

        assert_problem(post(second, path, **stale), 412, "precondition_failed")
        assert post(second, path, HTTP_IF_MATCH=response["ETag"]).status_code == 200

    def test_the_gate_is_asked_again(self, staff, second, churn, assert_problem):
        id_ = proposed(staff).json()["id"]
        set_policy(churn, gate_latency_us=5)

        problem = post(second, f"/{id_}/approve")

        assert_problem(problem, 409, "promotion_refused", at=("#/version", "latency"))

    @pytest.mark.parametrize("verb", ["approve", "reject", "withdraw"])
    def test_is_for_staff(self, staff, reader, assert_problem, verb):
        id_ = proposed(staff).json()["id"]

        assert_problem(post(reader, f"/{id_}/{verb}"), 403, "insufficient_scope")


class TestRead:
    def test_lists_moves_and_wishes_newest_first(self, staff, reader):
        proposed(staff)

        rows = reader.get(URL).json()["results"]

        assert [(row["version"], row["state"]) for row in rows] == [
            (2, "proposed"),
            (1, "approved"),
        ]

    @pytest.mark.parametrize(
        ("query", "versions"),
        [
            ({"state": "proposed"}, [2]),
            ({"version": "1"}, [1]),
            ({"four_eyes": "true"}, [2]),
            ({"alias": "challenger"}, []),
            ({"decided_at__isnull": "false"}, [1]),
        ],
        ids=["state", "version", "four eyes", "alias", "decided"],
    )
    def test_filters_them(self, staff, query, versions):
        proposed(staff)

        rows = staff.get(URL, query).json()["results"]

        assert [row["version"] for row in rows] == versions

    def test_knows_those_of_this_model_alone(self, staff, assert_problem, artefacts):
        id_ = proposed(staff).json()["id"]
        make_ready_version(artefacts["linear"], "other")

        for path in (f"{URL}/{uuid4()}", f"/api/v1/models/other/promotions/{id_}"):
            assert_problem(staff.get(path), 404, "promotion_not_found")
        assert staff.get("/api/v1/models/other/promotions").json()["results"] == []

    def test_is_known_by_its_etag(self, staff):
        response = proposed(staff)
        path = response["Location"]

        assert staff.get(path, HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
