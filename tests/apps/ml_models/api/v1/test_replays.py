"""Replays over HTTP."""

from uuid import uuid4

import pytest

from apps.ml_models.models import LoggedPrediction, Replay
from apps.ml_models.services import replaying
from tests.factories.ml_models import make_ready_version
from tests.factories.promotions import log_call, set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

URL = "/api/v1/models/churn/replays"


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


@pytest.fixture(autouse=True)
def candidate(churn, artefacts):
    return make_ready_version(artefacts["steeper"])


@pytest.fixture
def logged(churn):
    set_policy(churn, decision_threshold=25.0)
    return log_call(churn.versions.get(number=1), [[2.0, 0, "red", False], [1.0, 0, "red", False]])


def post(client, **fields):
    return client.post(URL, {"version": 2, **fields}, format="json")


@pytest.mark.usefixtures("logged")
class TestStart:
    def test_answers_where_to_look(self, staff, bob):
        response = post(staff)

        assert response.status_code == 202, response.content
        shown = response.json()
        assert response["Location"] == f"{URL}/{shown['id']}"
        assert (shown["state"], shown["version"], shown["against"]) == ("queued", 2, 1)
        assert (shown["requested"], shown["changed"]) == (1000, None)
        assert shown["created_by"] == str(bob.pk)

    def test_is_one_while_the_first_waits(self, staff):
        assert post(staff).json()["id"] == post(staff).json()["id"]

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ({"version": 0}, "#/version"),
            ({"calls": 0}, "#/calls"),
            ({"calls": 10_001}, "#/calls"),
            ({"against": "1"}, "#/against"),
            ({"against": 2}, "#/against"),
        ],
        ids=["no version", "no call", "too many calls", "text", "itself"],
    )
    def test_names_the_field_that_is_wrong(self, staff, assert_problem, body, place):
        problem = assert_problem(post(staff, **body), 400, "validation_failed")

        assert [fault["pointer"] for fault in problem["errors"]] == [place]
        assert not Replay.objects.exists()

    def test_needs_logged_calls(self, staff, assert_problem):
        LoggedPrediction.objects.all().delete()

        assert_problem(post(staff), 409, "nothing_to_replay")

    def test_needs_versions_that_exist(self, staff, assert_problem):
        assert_problem(post(staff, version=9), 404, "model_version_not_found")
        assert_problem(post(staff, against=9), 404, "model_version_not_found")

    def test_is_for_staff(self, reader, assert_problem):
        assert_problem(post(reader), 403, "insufficient_scope")


class TestRead:
    @pytest.fixture
    def url(self, staff, logged):
        replay = Replay.objects.get(pk=post(staff).json()["id"])
        assert replaying.run_replay(replay_id=replay.pk)
        return f"{URL}/{replay.pk}"

    def test_shows_what_would_change(self, staff, url):
        shown = staff.get(url).json()

        assert (shown["state"], shown["rows"], shown["flips"], shown["calls"]) == (
            "succeeded",
            2,
            1,
            1,
        )
        assert shown["changed"]["share"] == 0.5
        assert shown["changed"]["low"] < 0.5 < shown["changed"]["high"]
        assert (shown["mean_difference"], shown["largest_difference"]) == (15.0, 20.0)
        assert shown["scoring"]["threshold"] == 25.0
        assert shown["ended_by"] == "log"
        assert shown["newest_at"].endswith("Z")
        assert sum(shown["differences"]["counts"]) == 2
        assert {"baseline": 0, "candidate": 1, "rows": 1} in shown["decisions"]

    def test_shows_rows_to_those_who_may_change_models(self, staff, reader, url, logged):
        (first, second) = staff.get(url).json()["most_different"]

        assert (first["prediction_id"], first["row"], first["difference"]) == (
            str(logged.pk),
            0,
            20.0,
        )
        assert first["features"] == {
            "amount": 2.0,
            "visits": 0,
            "colour": "red",
            "member": False,
        }
        assert second["row"] == 1
        assert reader.get(url).json()["most_different"] == []

    def test_has_a_tag_for_each_way_of_seeing_it(self, staff, reader, url):
        whole, part = staff.get(url)["ETag"], reader.get(url)["ETag"]

        assert whole != part
        assert staff.get(url, HTTP_IF_NONE_MATCH=whole).status_code == 304
        LoggedPrediction.objects.update(features=None)
        erased = staff.get(url, HTTP_IF_NONE_MATCH=whole)
        assert erased.status_code == 200
        assert erased.json()["most_different"] == []

    def test_picks_fields(self, staff, url):
        shown = staff.get(url, {"fields": "state,flips"}).json()

        assert shown == {"state": "succeeded", "flips": 1}

    @pytest.mark.parametrize(
        ("query", "count"),
        [({"state": "succeeded"}, 1), ({"state": "failed"}, 0), ({"version": "2"}, 1)],
        ids=["succeeded", "failed", "version"],
    )
    def test_lists_them(self, reader, url, query, count):
        rows = reader.get(URL, query).json()["results"]

        assert len(rows) == count
        assert all("most_different" not in row for row in rows)

    def test_says_why_one_failed(self, staff, churn, logged):
        set_policy(churn, score_output="nonsense")
        url = post(staff)["Location"]
        replaying.run_replay(replay_id=Replay.objects.get().pk)

        shown = staff.get(url).json()

        assert (shown["state"], shown["reason"]["code"]) == ("failed", "score_missing")
        assert (shown["differences"], shown["decisions"], shown["most_different"]) == (None, [], [])

    def test_knows_those_of_this_model_alone(self, staff, assert_problem, url, artefacts):
        make_ready_version(artefacts["linear"], "other")

        assert_problem(staff.get(f"{URL}/{uuid4()}"), 404, "replay_not_found")
        other = url.replace("churn", "other")
        assert_problem(staff.get(other), 404, "replay_not_found")
