"""What becomes of a version: its moves, its golden set, and the end of its use."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.ml_models.models import (
    ModelVersion,
    Promotion,
    Rollout,
    TrafficSplit,
    VersionTransition,
)
from apps.ml_models.services import validating
from core.models import OutboxEvent
from serving.artefact import FileRole
from serving.encoding import encode
from serving.golden import GoldenSet
from serving.signature import Signature
from tests.factories.ml_models import make_ready_version, make_version, promote

pytestmark = pytest.mark.django_db

URL = "/api/v1/models/churn"
VERSIONS = f"{URL}/versions"
DIGEST = "ab" * 32
SAID = {
    "metrics": {"auc": 0.91},
    "description": "Retrained in March.",
    "model_card": "# Churn\n\nWho leaves.\n",
    "training": {"seed": 7},
    "training_data_digest": DIGEST,
    "frameworks": {"keras": "3.15.1"},
    "run_id": "run-1",
    "source": "https://example.org/never-fetched",
    "tags": {"team": "shop"},
}


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


def upload(client, artefact, **fields):
    form = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
    }
    file = SimpleUploadedFile("m.keras", artefact.upload, content_type="application/octet-stream")
    return client.post(VERSIONS, {"artefact": file, **form}, format="multipart")


def moves(version):
    rows = VersionTransition.objects.filter(version=version).order_by("id")
    return list(rows.values_list("from_state", "to_state", "reason_code"))


class TestRetire:
    def retire(self, client, number=1, **headers):
        return client.post(
            f"{VERSIONS}/{number}/retire", {"reason": "Old."}, format="json", **headers
        )

    def test_takes_a_version_out_of_use_for_good(self, staff, artefacts, bob, sent_tasks):
        version = make_ready_version(artefacts["linear"])

        response = self.retire(staff)

        assert response.status_code == 200, response.content
        assert response.json()["state"] == "retired"
        version.refresh_from_db()
        assert version.retired_at is not None
        transition = VersionTransition.objects.latest("id")
        assert (transition.from_state, transition.to_state) == ("ready", "retired")
        assert (transition.actor_id, transition.reason) == (bob.pk, "Old.")
        assert transition.sha256 == version.artefact_digest
        assert transition.request_id == response["X-Request-Id"]
        kinds = OutboxEvent.objects.filter(kind="event").values_list("type", flat=True)
        assert list(kinds) == ["model_version.retired"]

    def test_is_the_same_the_second_time(self, staff, artefacts):
        make_ready_version(artefacts["linear"])
        self.retire(staff)

        assert self.retire(staff).json()["state"] == "retired"
        assert VersionTransition.objects.filter(to_state="retired").count() == 1

    def test_answers_410_from_then_on(self, staff, churn, artefacts, assert_problem):
        make_ready_version(artefacts["steeper"])
        self.retire(staff, 2)
        from apps.ml_models import runtime

        runtime.refresh()

        assert_problem(
            staff.post(f"{VERSIONS}/2/predict", {"features": [1, 1, "red", True]}, format="json"),
            410,
            "model_version_retired",
        )

    def test_is_refused_while_an_alias_points_there(self, staff, churn, assert_problem):
        promote(churn.versions.get(), "blue")

        problem = assert_problem(self.retire(staff), 409, "version_in_use")

        assert problem["uses"] == ["the alias blue", "the alias champion"]

    def test_is_refused_while_a_rollout_loads_it_or_falls_back_on_it(
        self, artefacts, staff, assert_problem
    ):
        old, new = make_ready_version(artefacts["linear"]), make_ready_version(artefacts["steeper"])
        Rollout.objects.create(
            model=old.model, alias="blue", version=new, previous=old, generation=1
        )

        for number in (1, 2):
            problem = assert_problem(self.retire(staff, number), 409, "version_in_use")
            assert problem["uses"] == ["in a rollout of blue"]

    def test_is_possible_while_it_is_kept_warm(self, artefacts, staff):
        old, new = make_ready_version(artefacts["linear"]), make_ready_version(artefacts["steeper"])
        Rollout.objects.create(
            model=old.model,
            alias="blue",
            version=new,
            previous=old,
            generation=1,
            live_generation=2,
            state="live",
            ended_at=timezone.now(),
            warm_until=timezone.now() + timedelta(hours=1),
        )

        assert self.retire(staff).json()["state"] == "retired"

    @pytest.mark.parametrize("kind", ["canary", "shadow"])
    def test_is_refused_while_a_split_sends_it_traffic(
        self, churn, artefacts, staff, assert_problem, kind
    ):
        version = make_ready_version(artefacts["steeper"])
        TrafficSplit.objects.create(
            model=churn,
            alias="champion",
            kind=kind,
            version=version,
            base=churn.versions.get(number=1),
            share=500,
            salt="x",
        )

        problem = assert_problem(self.retire(staff, 2), 409, "version_in_use")

        assert problem["uses"] == [f"the {kind} of champion"]

    def test_is_refused_while_its_promotion_is_open(self, churn, artefacts, staff, assert_problem):
        version = make_ready_version(artefacts["steeper"])
        Promotion.objects.create(model=churn, alias="champion", version=version)

        problem = assert_problem(self.retire(staff, 2), 409, "version_in_use")

        assert problem["uses"] == ["proposed for champion"]

    @pytest.mark.parametrize("state", ["uploaded", "rejected"])
    def test_is_for_what_was_ready_once(self, staff, assert_problem, state):
        fields = {"reason_code": "parity"} if state == "rejected" else {}
        make_version("churn", state=state, **fields)

        assert_problem(self.retire(staff), 409, "version_not_ready")

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 501}])
    def test_needs_a_reason(self, staff, artefacts, body):
        make_ready_version(artefacts["linear"])

        response = staff.post(f"{VERSIONS}/1/retire", body, format="json")

        assert response.status_code == 400
        assert ModelVersion.objects.get().state == "ready"

    def test_is_refused_from_a_stale_page(self, staff, artefacts, assert_problem):
        make_ready_version(artefacts["linear"])
        stale = staff.get(f"{VERSIONS}/1")["ETag"]
        staff.patch(f"{VERSIONS}/1", {"description": "Keep it."}, format="json")

        assert_problem(self.retire(staff, HTTP_IF_MATCH=stale), 412, "precondition_failed")
        assert ModelVersion.objects.get().state == "ready"

    def test_is_for_staff(self, reader, artefacts, assert_problem):
        make_ready_version(artefacts["linear"])

        assert_problem(self.retire(reader), 403, "insufficient_scope")


@pytest.mark.usefixtures("churn")
class TestTransitions:
    def test_are_listed_oldest_first_with_who_and_why(self, staff, reader, artefacts, bob):
        location = upload(staff, artefacts["steeper"])["Location"]
        version = ModelVersion.objects.get(number=2)
        validating._reject(
            validating._claim(version.pk), validating.ArtefactError("parity", "", "Off by 0.7.")
        )

        results = reader.get(f"{location}/transitions").json()["results"]

        assert [(row["from_state"], row["to_state"], row["reason_code"]) for row in results] == [
            ("", "uploaded", ""),
            ("uploaded", "validating", ""),
            ("validating", "rejected", "parity"),
        ]
        assert [row["actor_id"] for row in results] == [str(bob.pk), None, None]
        assert {row["sha256"] for row in results} == {version.upload_digest}

    def test_tell_of_a_worker_that_was_lost(self, artefacts, staff):
        upload(staff, artefacts["steeper"])
        version = ModelVersion.objects.get(number=2)
        validating._claim(version.pk)
        ModelVersion.objects.filter(pk=version.pk).update(
            validation_lease_until=timezone.now() - timedelta(seconds=1)
        )

        validating._claim(version.pk)

        assert moves(version)[-1] == ("validating", "validating", "lease_lost")

    def test_can_be_paged(self, reader, churn):
        retiring_version = churn.versions.get()
        for number in range(3):
            VersionTransition.objects.create(
                version=retiring_version, from_state="x", to_state=f"s{number}"
            )

        page = reader.get(f"{VERSIONS}/1/transitions?limit=2").json()
        rest = reader.get(page["next"]).json()

        found = [row["to_state"] for row in page["results"] + rest["results"]]
        assert found == ["ready", "s0", "s1", "s2"]

    def test_are_never_rewritten(self, churn):
        from django.db import DatabaseError, transaction

        row = VersionTransition.objects.filter(version=churn.versions.get())
        with pytest.raises(DatabaseError), transaction.atomic():
            row.update(reason="It was not me.")
        with pytest.raises(DatabaseError), transaction.atomic():
            row.delete()

    @pytest.mark.parametrize("number", [9, 10**30])
    def test_answer_404_for_no_version(self, reader, assert_problem, number):
        response = reader.get(f"{VERSIONS}/{number}/transitions")

        assert_problem(response, 404, "model_version_not_found")


@pytest.mark.usefixtures("churn")
class TestGolden:
    def test_gives_rows_that_a_call_takes_and_what_it_answers(self, reader, artefacts):
        document = reader.get(f"{VERSIONS}/1/golden").json()

        assert (document["rows"], document["shown"]) == (32, 32)
        assert document["tolerance"] == {"relative": 1e-4, "absolute": 1e-5}
        golden = GoldenSet.from_bytes(artefacts["linear"].content(FileRole.GOLDEN))
        signature = Signature.from_document(artefacts["linear"].signature)
        (sent,) = encode(signature, document["instances"], 32).values()
        (wanted,) = golden.inputs.values()
        assert (sent == wanted).all()

        answer = reader.post(
            f"{VERSIONS}/1/predict", {"features": document["instances"]}, format="json"
        ).json()
        (outputs,) = document["outputs"].values()
        assert [row[0] for row in answer["prediction"]] == pytest.approx(
            [row[0] for row in outputs], rel=1e-4, abs=1e-5
        )

    def test_is_not_sent_twice(self, reader):
        first = reader.get(f"{VERSIONS}/1/golden")

        again = reader.get(f"{VERSIONS}/1/golden", HTTP_IF_NONE_MATCH=first["ETag"])

        assert again.status_code == 304

    def test_shows_as_many_rows_as_fit_into_an_answer(self, reader, monkeypatch):
        from apps.ml_models.selectors import golden

        monkeypatch.setattr(golden, "CELLS_MAX", 5 * 3)  # a row has four cells and one answer

        document = reader.get(f"{VERSIONS}/1/golden").json()

        assert (document["rows"], document["shown"], len(document["instances"])) == (32, 3, 3)

    def test_says_that_a_file_is_gone_or_another(
        self, reader, artefacts, storage_of_its_own, assert_problem
    ):
        sha256 = artefacts["linear"].manifest.files[FileRole.GOLDEN].sha256
        path = storage_of_its_own / f"models/sha256/{sha256[:2]}/{sha256}"
        path.write_bytes(path.read_bytes()[:-1])
        assert_problem(reader.get(f"{VERSIONS}/1/golden"), 503, "artefact_missing")

        path.unlink()
        assert_problem(reader.get(f"{VERSIONS}/1/golden"), 503, "artefact_missing")

    def test_needs_a_version_that_was_validated(self, reader, assert_problem):
        make_version("churn")

        assert_problem(reader.get(f"{VERSIONS}/2/golden"), 409, "version_not_ready")


@pytest.mark.django_db
def test_options_of_the_versions_says_what_may_be_called(alice, client_of, churn):
    answer = client_of(alice).options("/api/v1/models/churn/versions")

    assert (answer.status_code, answer["Allow"]) == (204, "GET, POST, HEAD, OPTIONS")
