"""Reading rollouts, and rolling back, through the API."""

import pytest

from apps.ml_models import runtime
from apps.ml_models.models import Rollout
from tests.factories.ml_models import make_ready_version, promote

pytestmark = pytest.mark.django_db

MODEL = "/api/v1/models/churn"
LIVE = f"{MODEL}/aliases/live"


@pytest.fixture
def moved(churn, artefacts):
    """`live` leads to version 2 and led to version 1 before."""
    promote(churn.versions.get(number=1), "live")
    promote(make_ready_version(artefacts["steeper"]), "live")
    runtime.refresh()
    return churn


@pytest.mark.usefixtures("moved")
class TestReading:
    def test_an_alias_shows_its_last_move(self, client_of, alice):
        document = client_of(alice).get(LIVE).json()

        rollout = document["rollout"]
        assert (document["version"], rollout["version"], rollout["previous"]) == (2, 2, 1)
        assert (rollout["state"], rollout["kind"], rollout["failure"]) == (
            "live",
            "promotion",
            None,
        )

    def test_the_tag_of_an_alias_moves_with_its_rollout_and_if_match_does_not_mind(
        self, client_of, alice, bob
    ):
        first = client_of(alice).get(LIVE)
        Rollout.objects.filter(alias="live").update(warm=1)
        second = client_of(alice).get(LIVE, HTTP_IF_NONE_MATCH=first["ETag"])
        assert second.status_code == 200
        moved = client_of(bob).put(LIVE, {"version": 1}, format="json", HTTP_IF_MATCH=first["ETag"])
        assert moved.status_code == 200

    def test_a_failed_one_says_why(self, client_of, alice):
        Rollout.objects.filter(version__number=2).update(
            state="failed", live_generation=None, reason_code="over_budget", detail="Too large."
        )
        document = client_of(alice).get(LIVE).json()
        assert document["rollout"]["failure"] == {"code": "over_budget", "detail": "Too large."}

    def test_lists_the_moves_newest_first(self, client_of, alice):
        answer = client_of(alice).get(f"{MODEL}/rollouts", {"alias": "live"})

        moves = [(row["version"], row["previous"]) for row in answer.json()["results"]]
        assert (answer.status_code, moves) == (200, [(2, 1), (1, None)])

    @pytest.mark.parametrize(
        ("filters", "count"),
        [({"state": "live"}, 3), ({"state": "failed"}, 0), ({"version": 2}, 1)],
        ids=["live", "failed", "version"],
    )
    def test_filters(self, client_of, alice, filters, count):
        answer = client_of(alice).get(f"{MODEL}/rollouts", filters)
        assert len(answer.json()["results"]) == count

    def test_reads_one(self, client_of, alice):
        rollout = Rollout.objects.get(version__number=2)
        document = client_of(alice).get(f"{MODEL}/rollouts/{rollout.pk}").json()
        assert (document["id"], document["alias"]) == (str(rollout.pk), "live")

    def test_does_not_know_that_of_another_model(self, client_of, alice, artefacts):
        promote(make_ready_version(artefacts["linear"], "other"), "live")
        rollout = Rollout.objects.get(model__name="other")
        answer = client_of(alice).get(f"{MODEL}/rollouts/{rollout.pk}")
        assert (answer.status_code, answer.json()["code"]) == (404, "rollout_not_found")


@pytest.mark.usefixtures("moved")
class TestRollBack:
    def test_leads_to_the_version_before(self, client_of, bob):
        answer = client_of(bob).post(
            f"{LIVE}/rollback", {"reason": "More complaints."}, format="json"
        )

        document = answer.json()
        assert (answer.status_code, document["version"]) == (200, 1)
        assert (document["rollout"]["kind"], document["rollout"]["reason"]) == (
            "rollback",
            "More complaints.",
        )
        assert document["rollout"]["moved_by"] == str(bob.pk)

    def test_only_from_where_it_was_seen(self, client_of, bob):
        seen = client_of(bob).get(LIVE)["ETag"]
        assert client_of(bob).put(LIVE, {"version": 1}, format="json").status_code == 200
        answer = client_of(bob).post(f"{LIVE}/rollback", {}, format="json", HTTP_IF_MATCH=seen)
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")

    def test_needs_a_version_before(self, client_of, bob):
        client_of(bob).post(f"{LIVE}/rollback", {}, format="json")
        answer = client_of(bob).post(f"{LIVE}/rollback", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "no_previous_version")

    def test_is_for_staff(self, client_of, alice):
        assert client_of(alice).post(f"{LIVE}/rollback", {}, format="json").status_code == 403
