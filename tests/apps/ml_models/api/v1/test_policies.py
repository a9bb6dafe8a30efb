"""A model's policy over HTTP."""

import pytest

from apps.ml_models.models import ModelPolicy
from core.models import AuditEntry
from tests.factories.promotions import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

URL = "/api/v1/models/churn/policy"
DEFAULTS = {
    "model": "churn",
    "four_eyes": False,
    "four_eyes_off_by": None,
    "gate_metric": "",
    "gate_lower_is_better": False,
    "gate_tolerance": 0.0,
    "gate_latency_us": None,
    "gate_max_flips": None,
    "decision_threshold": 0.5,
    "score_output": "",
    "score_index": None,
    "log_share": 0.1,
    "log_days": 30,
    "updated_at": None,
}


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


def patch(client, body, **headers):
    return client.patch(URL, body, format="json", **headers)


class TestRead:
    def test_shows_the_defaults_where_nobody_has_said_anything(self, reader):
        response = reader.get(URL)

        assert (response.status_code, response.json()) == (200, DEFAULTS)

    def test_has_an_etag_that_moves_with_the_first_change(self, staff):
        before = staff.get(URL)["ETag"]
        assert staff.get(URL, HTTP_IF_NONE_MATCH=before).status_code == 304

        changed = patch(staff, {"log_days": 7})

        assert changed["ETag"] == staff.get(URL)["ETag"] != before
        assert staff.get(URL, HTTP_IF_NONE_MATCH=before).status_code == 200

    def test_needs_a_model(self, reader, assert_problem):
        assert_problem(reader.get("/api/v1/models/none/policy"), 404, "model_not_found")


class TestChange:
    def test_changes_what_is_sent_and_writes_down_who_and_why(self, staff, bob):
        body = {
            "gate_metric": "auc",
            "gate_tolerance": 0.005,
            "gate_latency_us": 20_000,
            "gate_max_flips": 0.02,
            "score_index": 0,
            "log_share": 1,
            "reason": "As agreed.",
        }

        response = patch(staff, body)

        assert response.status_code == 200, response.content
        shown, reason = response.json(), body.pop("reason")
        assert shown["updated_at"] is not None
        assert {**shown, "updated_at": None} == {**DEFAULTS, **body}
        entry = AuditEntry.objects.get(action="ml_models.policy.changed")
        assert (entry.actor_id, entry.reason) == (bob.pk, reason)

    def test_takes_a_bound_back_with_null(self, staff):
        patch(staff, {"gate_latency_us": 5, "gate_max_flips": 0.5, "score_index": 1})

        response = patch(
            staff, {"gate_latency_us": None, "gate_max_flips": None, "score_index": None}
        )

        policy = ModelPolicy.objects.get()
        assert response.status_code == 200
        assert (policy.gate_latency_us, policy.gate_max_flips, policy.score_index) == (
            None,
            None,
            None,
        )

    def test_needs_two_people_to_switch_the_second_person_off(self, staff, bob, client_of):
        assert patch(staff, {"four_eyes": True}).json()["four_eyes"] is True

        asked = patch(staff, {"four_eyes": False}).json()
        assert (asked["four_eyes"], asked["four_eyes_off_by"]) == (True, str(bob.pk))

        ended = patch(client_of(make_staff("carol")), {"four_eyes": False}).json()
        assert (ended["four_eyes"], ended["four_eyes_off_by"]) == (False, None)

    def test_changes_only_what_was_seen(self, staff, assert_problem):
        tag = staff.get(URL)["ETag"]
        assert patch(staff, {"log_days": 7}, HTTP_IF_MATCH=tag).status_code == 200

        response = patch(staff, {"log_days": 8}, HTTP_IF_MATCH=tag)

        assert_problem(response, 412, "precondition_failed")
        assert ModelPolicy.objects.get().log_days == 7

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"log_days": 0}, "min_value"),
            ({"log_days": 367}, "max_value"),
            ({"log_days": 1.5}, "invalid_type"),
            ({"log_share": 1.1}, "max_value"),
            ({"log_share": "0.5"}, "invalid_type"),
            ({"gate_max_flips": -0.1}, "min_value"),
            ({"gate_tolerance": -1}, "min_value"),
            ({"gate_tolerance": None}, "null"),
            ({"gate_latency_us": 0}, "min_value"),
            ({"decision_threshold": 1e10}, "max_value"),
            ({"score_index": 32_768}, "max_value"),
            ({"gate_metric": "x" * 65}, "max_length"),
            ({"four_eyes": "yes"}, "invalid_type"),
            ({"four_eyes_off_by": None}, "unknown_field"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_names_the_field_that_is_wrong(self, staff, assert_problem, body, code):
        (name,) = body

        assert_problem(patch(staff, body), 400, "validation_failed", at=(f"#/{name}", code))
        assert not ModelPolicy.objects.exists()

    def test_is_for_staff(self, reader, assert_problem):
        assert_problem(patch(reader, {"log_days": 7}), 403, "insufficient_scope")
