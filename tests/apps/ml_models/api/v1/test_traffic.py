"""Canaries, shadows and their comparison over HTTP."""

import pytest
from django.utils import timezone

from apps.ml_models import runtime
from apps.ml_models.models import TrafficSplit
from apps.ml_models.services import guarding
from core.models import AuditEntry
from tests.factories.ml_models import ROW, make_ready_version, make_version
from tests.factories.promotions import set_policy
from tests.factories.traffic import log_calls, make_day_partitions, start_split

pytestmark = pytest.mark.django_db

ALIAS = "/api/v1/models/churn/aliases/champion"
PATHS = {"canary": f"{ALIAS}/canary", "shadow": f"{ALIAS}/shadow"}
each_kind = pytest.mark.parametrize("kind", ["canary", "shadow"])


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


@pytest.fixture(autouse=True)
def candidate(churn, artefacts):
    return make_ready_version(artefacts["steeper"])


def put(client, kind="canary", *, path=None, **body):
    headers = body.pop("headers", {})
    body = {"version": 2, "percent": 20, **body}
    return client.put(path or PATHS[kind], body, format="json", headers=headers)


class TestSetSplit:
    @each_kind
    def test_starts_one(self, staff, bob, kind):
        response = put(staff, kind, percent=12.5, reason="Try it.")

        assert response.status_code == 200, response.content
        document = response.json()
        assert {name: document[name] for name in ("alias", "version", "base_version")} == {
            "alias": "champion",
            "version": 2,
            "base_version": 1,
        }
        assert (document["percent"], document["state"]) == (12.5, "active")
        assert (document["ended_at"], document["end_code"]) == (None, "")
        split = TrafficSplit.objects.get()
        assert (split.kind, split.share, split.started_by_id) == (kind, 1250, bob.pk)
        entry = AuditEntry.objects.get(action=f"ml_models.{kind}.started")
        assert (entry.actor_id, entry.reason) == (bob.pk, "Try it.")

    def test_its_callers_get_it(self, staff, reader):
        put(staff, percent=100)
        runtime.refresh()

        answer = reader.post("/api/v1/predict", {"features": ROW}, format="json")

        assert answer.json()["model"] == {"name": "churn", "version": 2}

    def test_most_callers_of_champion_take_the_gate_or_a_reason(self, staff, churn, assert_problem):
        set_policy(churn, gate_metric="f1")

        refused = put(staff, percent=51)
        assert_problem(refused, 409, "promotion_refused")
        assert [fault["code"] for fault in refused.json()["errors"]] == ["metric"]
        assert_problem(put(staff, percent=51, override_reason="ok"), 400, "validation_failed")

        assert put(staff, percent=51, override_reason="Measured next week.").status_code == 200

    def test_has_limits_by_default_and_keeps_those_that_are_set(self, staff):
        assert put(staff).json()["guard"] == {
            "max_error_share": 0.05,
            "max_latency_ratio": 3.0,
            "max_score_psi": 0.25,
            "min_calls": 100,
        }
        guard = {"max_error_share": 0.5, "max_score_psi": None, "min_calls": 7}
        assert put(staff, guard=guard).json()["guard"] == {**guard, "max_latency_ratio": 3.0}
        assert put(staff, percent=30).json()["guard"] == {**guard, "max_latency_ratio": 3.0}

    def test_changes_only_what_was_seen(self, staff, assert_problem):
        tag = put(staff)["ETag"]
        assert put(staff, percent=30, headers={"If-Match": tag}).status_code == 200

        response = put(staff, percent=40, headers={"If-Match": tag})

        assert_problem(response, 412, "precondition_failed")
        assert TrafficSplit.objects.get().share == 3000

    def test_a_tag_of_the_last_canary_never_matches_the_next(
        self, staff, artefacts, assert_problem
    ):
        tag = put(staff)["ETag"]
        make_ready_version(artefacts["linear"])
        put(staff, version=3)

        response = put(staff, version=3, percent=90, headers={"If-Match": tag})

        assert_problem(response, 412, "precondition_failed")

    @pytest.mark.parametrize("percent", [-0.01, 100.01, 12.345, "20", True, None])
    def test_takes_hundredths_of_a_percent(self, staff, assert_problem, percent):
        response = put(staff, percent=percent)

        assert_problem(response, 400, "validation_failed")
        assert not TrafficSplit.objects.exists()

    @pytest.mark.parametrize("percent", [0, 0.01, 0.07, 33.33, 100])
    def test_shows_the_percentage_that_it_was_given(self, staff, percent):
        assert put(staff, percent=percent).json()["percent"] == percent

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("max_error_share", 1.5),
            ("max_latency_ratio", 0.5),
            ("max_score_psi", -1.0),
            ("min_calls", 0),
            ("unknown", 1),
        ],
    )
    def test_refuses_limits_that_are_none(self, staff, assert_problem, member, value):
        response = put(staff, guard={member: value})

        code = assert_problem(response, 400, "validation_failed")["errors"][0]
        assert code["pointer"] == f"#/guard/{member}"

    def test_a_shadow_has_no_limits(self, staff, assert_problem):
        response = put(staff, "shadow", guard={})
        assert_problem(response, 400, "validation_failed", at=("#/guard", "unknown_field"))

    @each_kind
    def test_refuses_the_alias_s_own_version(self, staff, assert_problem, kind):
        assert_problem(put(staff, kind, version=1), 409, "same_version")

    @each_kind
    def test_refuses_a_version_that_answers_otherwise(self, staff, artefacts, assert_problem, kind):
        make_ready_version(artefacts["pair"])
        assert_problem(put(staff, kind, version=3), 409, "signature_differs")

    def test_refuses_a_version_that_is_not_ready(self, staff, assert_problem):
        make_version("churn")
        assert_problem(put(staff, version=3), 409, "version_not_ready")

    def test_refuses_what_does_not_exist(self, staff, assert_problem):
        assert_problem(put(staff, version=9), 404, "model_version_not_found")
        nobody = f"{ALIAS[:-8]}nobody/canary"
        assert_problem(put(staff, path=nobody), 404, "model_alias_not_found")
        assert_problem(
            put(staff, path="/api/v1/models/none/aliases/champion/canary"), 404, "model_not_found"
        )

    @each_kind
    def test_is_for_staff(self, reader, assert_problem, kind):
        assert_problem(put(reader, kind), 403, "insufficient_scope")


class TestReadSplit:
    @each_kind
    def test_there_is_none_at_first(self, reader, assert_problem, kind):
        assert_problem(reader.get(PATHS[kind]), 404, "split_not_found")

    @each_kind
    def test_shows_the_last_one_also_when_it_has_ended(self, staff, reader, kind):
        put(staff, kind)
        assert staff.delete(PATHS[kind]).status_code == 204

        document = reader.get(PATHS[kind]).json()

        assert (document["state"], document["end_code"]) == ("ended", "stopped")
        assert document["ended_at"] is not None

    def test_answers_304_until_something_changes(self, staff, reader, candidate):
        put(staff)
        tag = reader.get(PATHS["canary"])["ETag"]
        again = reader.get(PATHS["canary"], headers={"If-None-Match": tag})
        assert again.status_code == 304

    def test_a_look_of_the_guard_is_shown_and_spoils_no_if_match(self, staff, reader, candidate):
        tag = put(staff)["ETag"]
        log_calls(candidate, 3, arm="canary")
        guarding.guard_traffic(now=timezone.now())

        response = reader.get(PATHS["canary"], headers={"If-None-Match": tag})

        assert response.status_code == 200
        assert response.json()["observed"]["calls"] == 3
        assert response.json()["observed_at"] is not None
        assert put(staff, percent=30, headers={"If-Match": tag}).status_code == 200


class TestEndSplit:
    @each_kind
    def test_ends_it(self, staff, kind):
        put(staff, kind)
        assert staff.delete(PATHS[kind]).status_code == 204
        assert TrafficSplit.objects.get().state == "ended"

    @each_kind
    def test_finds_none_that_is_active(self, staff, assert_problem, kind):
        assert_problem(staff.delete(PATHS[kind]), 404, "split_not_found")
        put(staff, kind)
        staff.delete(PATHS[kind])
        assert_problem(staff.delete(PATHS[kind]), 404, "split_not_found")

    def test_ends_only_what_was_seen(self, staff, assert_problem):
        put(staff)
        response = staff.delete(PATHS["canary"], headers={"If-Match": '"v99"'})
        assert_problem(response, 412, "precondition_failed")
        assert TrafficSplit.objects.get().state == "active"

    @each_kind
    def test_is_for_staff(self, staff, reader, assert_problem, kind):
        put(staff, kind)
        assert_problem(reader.delete(PATHS[kind]), 403, "insufficient_scope")


class TestComparison:
    PATH = f"{ALIAS}/comparison"

    @pytest.fixture(autouse=True)
    def _partitions(self):
        make_day_partitions()

    def test_shows_the_arms_side_by_side(self, reader, churn, candidate):
        start_split()
        log_calls(churn.versions.get(number=1), 40, scores=[0.2, 0.7], latency_us=400)
        log_calls(candidate, 30, arm="canary", failed=30, callers=5)

        document = reader.get(self.PATH).json()

        own, canary = document["arms"]
        assert (own["arm"], own["version"], own["calls"], own["callers"]) == ("main", 1, 40, 20)
        assert own["mean_score"]["value"] == pytest.approx(0.45)
        assert own["positive_share"]["value"] == 0.5
        assert own["latency_p95_us"] == 400.0
        assert (canary["failures"], canary["error_share"]["value"]) == (30, 1.0)
        assert (canary["mean_score"], canary["auc"], canary["truths"]) == (None, None, 0)
        assert [found["verdict"] for found in document["differences"]] == [
            "The canary fails more often."
        ]
        assert document["shadow"] is None

    def test_there_is_none_without_a_canary_or_a_shadow(self, reader, assert_problem):
        assert_problem(reader.get(self.PATH), 404, "split_not_found")

    def test_a_shadow_alone_has_the_own_arm_beside_it(self, reader):
        start_split(kind="shadow")

        document = reader.get(self.PATH).json()

        assert [arm["arm"] for arm in document["arms"]] == ["main"]
        assert document["differences"] == []
        assert (document["shadow"]["version"], document["shadow"]["calls"]) == (2, 0)
        assert document["shadow"]["flip_share"] is None
