"""What a version knows of itself: said at upload, shown, described later."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.ml_models.models import (
    DriftReference,
    ModelVersion,
    VersionCard,
    VersionTransition,
)
from core.models import AuditEntry
from tests.factories.ml_models import make_version

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


@pytest.mark.usefixtures("churn")
class TestSaidAtUpload:
    def test_is_kept_and_shown(self, staff, reader, artefacts, bob):
        response = upload(
            staff, artefacts["steeper"], signature=artefacts["steeper"].signature, parent=1, **SAID
        )

        assert response.status_code == 202, response.content
        document = reader.get(response["Location"]).json()
        assert {name: document[name] for name in SAID if name != "frameworks"} == {
            name: value for name, value in SAID.items() if name != "frameworks"
        }
        assert document["frameworks"] == {
            "trained_with": {"keras": "3.15.1"},
            "validated_with": {},
        }
        assert document["parent"] == {"model": "churn", "version": 1}
        assert (document["children"], document["files"], document["golden_rows"]) == (0, [], 0)
        assert reader.get(f"{VERSIONS}/1").json()["children"] == 1

    def test_may_have_a_parent_of_another_model(self, staff, reader, artefacts):
        make_version("other")

        response = upload(staff, artefacts["steeper"], parent={"model": "other", "version": 1})

        shown = reader.get(response["Location"]).json()
        assert shown["parent"] == {"model": "other", "version": 1}

    def test_fixes_what_drift_is_measured_against(self, staff, artefacts):
        reference = {
            "features": {
                "amount": {"edges": [0.0, 1.0], "counts": [1, 2, 3]},
                "colour": {"values": ["red", "green"], "counts": [4, 5, 6]},
            },
            "score": {"edges": [0.5], "counts": [7, 8], "rows": 20},
        }

        upload(
            staff,
            artefacts["steeper"],
            signature=artefacts["steeper"].signature,
            reference=reference,
        )

        rows = DriftReference.objects.order_by("feature").values_list(
            "feature", "edges", "counts", "rows", "source"
        )
        assert list(rows) == [
            ("", [0.5], [7, 8], 20, "training"),
            ("amount", [0.0, 1.0], [1, 2, 3], 6, "training"),
            ("colour", ["red", "green"], [4, 5, 6], 15, "training"),
        ]

    @pytest.mark.parametrize(
        ("fields", "at"),
        [
            ({"metrics": {"n": 2**60}}, ("#/metrics/n", "invalid")),
            ({"training_data_digest": "AB"}, ("#/training_data_digest", "invalid")),
            ({"parent": 9}, ("#/parent", "not_found")),
            ({"parent": {"model": "nobody", "version": 1}}, ("#/parent", "not_found")),
            ({"tags": {"k": 1}}, ("#/tags/k", "invalid")),
            (
                {"reference": {"features": {"nobody": {"edges": [], "counts": [1]}}}},
                ("#/reference/features/nobody", "invalid"),
            ),
        ],
        ids=["metric", "digest", "parent", "parents_model", "tag", "feature"],
    )
    def test_is_refused_with_a_pointer_and_leaves_nothing(
        self, staff, artefacts, assert_problem, fields, at
    ):
        artefact = artefacts["steeper"]

        response = upload(staff, artefact, signature=artefact.signature, **fields)

        assert_problem(response, 400, "invalid_version_facts", at=at)
        assert ModelVersion.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "at"),
        [
            ({"metrics": "[]"}, ("#/metrics", "invalid")),
            ({"parent": "true"}, ("#/parent", "invalid")),
            ({"parent": '"1"'}, ("#/parent", "invalid")),
            ({"description": "x" * 2_001}, ("#/description", "max_length")),
            ({"model_card": "x" * 65_537}, ("#/model_card", "max_length")),
            ({"stage": "Production"}, ("#/stage", "unknown_field")),
        ],
        ids=["list", "boolean", "text", "description", "card", "unknown"],
    )
    def test_has_the_types_and_lengths_of_the_form(
        self, staff, artefacts, assert_problem, fields, at
    ):
        response = upload(staff, artefacts["steeper"], **fields)

        assert_problem(response, 400, "validation_failed", at=at)

    def test_takes_a_card_of_64_kilobytes(self, staff, reader, artefacts):
        card = "é\n" * 32_768

        response = upload(staff, artefacts["steeper"], model_card=card)

        assert reader.get(response["Location"]).json()["model_card"] == card

    def test_origin_cannot_be_edited_by_anybody(self, staff, artefacts):
        from django.db import IntegrityError, transaction

        upload(staff, artefacts["steeper"], **SAID)
        for changes in (
            {"run_id": "another"},
            {"source": "elsewhere"},
            {"training": {}},
            {"training_data_digest": ""},
            {"frameworks": {}},
            {"parent": ModelVersion.objects.get(number=1)},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                VersionCard.objects.filter(version__number=2).update(**changes)


@pytest.mark.usefixtures("churn")
class TestShown:
    def test_has_engines_files_frameworks_and_sandbox(self, reader, churn):
        version = churn.versions.get()
        report = {
            "engines": {
                "litert": {
                    "ok": True,
                    "latency_us": {"1": 9.5, "128": 200.0},
                    "memory_bytes": {"1": 4096},
                    "loaded_bytes": 70000,
                    "largest_difference": 1e-7,
                },
                "tensorflow": {"ok": False, "reason_code": "not_convertible"},
            },
            "sandbox": {"rlimits": True, "landlock": True, "seccomp": False},
        }
        ModelVersion.objects.filter(pk=version.pk).update(validation_report=report)

        document = reader.get(f"{VERSIONS}/1").json()

        assert document["engines"] == [
            {
                "engine": "litert",
                "runs": True,
                "reason": "",
                "latency_us": {"1": 9.5, "128": 200.0},
                "memory_bytes": {"1": 4096},
                "loaded_bytes": 70000,
                "largest_difference": 1e-7,
            },
            {
                "engine": "tensorflow",
                "runs": False,
                "reason": "not_convertible",
                "latency_us": {},
                "memory_bytes": {},
                "loaded_bytes": None,
                "largest_difference": None,
            },
        ]
        assert document["sandbox"] == ["landlock", "rlimits"]
        assert [file["role"] for file in document["files"]] == ["golden", "keras", "litert"]
        assert {file["role"]: (file["sha256"], file["bytes"]) for file in document["files"]} == {
            role: (entry["sha256"], entry["bytes"])
            for role, entry in version.manifest["files"].items()
        }
        assert document["frameworks"]["validated_with"] == version.manifest["versions"]
        assert document["golden_rows"] == version.manifest["golden_rows"]

    def test_has_a_reason_with_what_it_means(self, reader):
        make_version(
            "churn",
            state="rejected",
            reason_code="class_not_allowed",
            reason_pointer="/config/layers/3",
            reason_detail="Lambda",
        )

        assert reader.get(f"{VERSIONS}/2").json()["reason"] == {
            "code": "class_not_allowed",
            "pointer": "/config/layers/3",
            "detail": "Lambda",
            "explanation": "A class or function is named that is not on the list of what may be "
            "loaded.",
        }

    def test_has_an_etag_that_moves_with_a_descendant(self, reader, artefacts, staff):
        first = reader.get(f"{VERSIONS}/1")

        upload(staff, artefacts["steeper"], parent=1)

        again = reader.get(f"{VERSIONS}/1", HTTP_IF_NONE_MATCH=first["ETag"])
        assert (again.status_code, again.json()["children"]) == (200, 1)

    def test_takes_one_statement_for_all_that_is_said(
        self, reader, artefacts, staff, django_assert_num_queries
    ):
        upload(staff, artefacts["steeper"], parent=1, **SAID)
        reader.get(f"{VERSIONS}/1")  # whoever calls is known from here on

        with django_assert_num_queries(5):  # the model, its version, aliases, who serves, the rest
            reader.get(f"{VERSIONS}/2")


@pytest.mark.usefixtures("churn")
class TestChangeVersion:
    def test_changes_what_is_said_and_leaves_a_trail(self, staff, reader):
        before = reader.get(f"{VERSIONS}/1")

        response = staff.patch(
            f"{VERSIONS}/1",
            {
                "description": "The first.",
                "model_card": "# Churn\n",
                "tags": {"team": "shop", "gone": None},
                "reason": "For the review.",
            },
            format="json",
            HTTP_IF_MATCH=before["ETag"],
        )

        assert response.status_code == 200, response.content
        document = response.json()
        assert (document["description"], document["model_card"], document["tags"]) == (
            "The first.",
            "# Churn\n",
            {"team": "shop"},
        )
        assert response["ETag"] == reader.get(f"{VERSIONS}/1")["ETag"] != before["ETag"]
        entries = AuditEntry.objects.order_by("created_at").values_list("action", "reason")
        assert list(entries)[-2:] == [
            ("ml_models.version.card_changed", "For the review."),
            ("ml_models.tags.changed", "For the review."),
        ]

    def test_merges_tags_and_deletes_those_that_are_null(self, staff):
        staff.patch(f"{VERSIONS}/1", {"tags": {"a": "1", "b": "2"}}, format="json")

        answer = staff.patch(f"{VERSIONS}/1", {"tags": {"a": None, "c": "3"}}, format="json")

        assert answer.json()["tags"] == {"b": "2", "c": "3"}

    def test_says_nothing_new_and_keeps_its_tag(self, staff):
        first = staff.patch(f"{VERSIONS}/1", {"description": "Same."}, format="json")
        entries = AuditEntry.objects.count()

        second = staff.patch(f"{VERSIONS}/1", {"description": "Same."}, format="json")

        assert second["ETag"] == first["ETag"]
        assert AuditEntry.objects.count() == entries

    def test_is_refused_from_a_stale_page(self, staff, assert_problem):
        stale = staff.get(f"{VERSIONS}/1")["ETag"]
        staff.patch(f"{VERSIONS}/1", {"description": "One."}, format="json")

        response = staff.patch(
            f"{VERSIONS}/1", {"description": "Two."}, format="json", HTTP_IF_MATCH=stale
        )

        assert_problem(response, 412, "precondition_failed")
        assert VersionCard.objects.get().description == "One."

    @pytest.mark.parametrize("state", ["uploaded", "rejected"])
    def test_is_possible_in_any_state(self, staff, state):
        fields = {"reason_code": "parity"} if state == "rejected" else {}
        make_version("churn", state=state, **fields)

        response = staff.patch(f"{VERSIONS}/2", {"description": "Why it failed."}, format="json")

        assert response.json()["description"] == "Why it failed."

    @pytest.mark.parametrize(
        ("body", "code", "at"),
        [
            ({"metrics": {}}, "validation_failed", ("#/metrics", "unknown_field")),
            ({"parent": 1}, "validation_failed", ("#/parent", "unknown_field")),
            ({"description": 1}, "validation_failed", ("#/description", "invalid_type")),
            ({"tags": []}, "validation_failed", ("#/tags", "invalid_type")),
            ({"tags": {"k": 1}}, "invalid_version_facts", ("#/tags/k", "invalid")),
            ({"model_card": "\x1b"}, "invalid_version_facts", ("#/model_card", "invalid")),
        ],
        ids=["metrics", "parent", "number", "list", "tag", "control"],
    )
    def test_says_what_cannot_be_changed(self, staff, assert_problem, body, code, at):
        assert_problem(staff.patch(f"{VERSIONS}/1", body, format="json"), 400, code, at=at)

    def test_is_for_staff(self, reader, assert_problem):
        response = reader.patch(f"{VERSIONS}/1", {"description": "Mine."}, format="json")

        assert_problem(response, 403, "insufficient_scope")


@pytest.mark.usefixtures("churn")
class TestChangeModel:
    def test_changes_description_and_tags(self, staff, reader):
        before = reader.get(URL)

        response = staff.patch(
            URL,
            {"description": "Who leaves.", "tags": {"team": "shop"}, "reason": "Named."},
            format="json",
            HTTP_IF_MATCH=before["ETag"],
        )

        assert response.status_code == 200, response.content
        document = reader.get(URL).json()
        assert (document["description"], document["tags"]) == ("Who leaves.", {"team": "shop"})
        assert response["ETag"] == reader.get(URL)["ETag"] != before["ETag"]
        assert response.json() == document

    def test_moves_its_tag_with_a_tag_alone(self, staff):
        before = staff.get(URL)["ETag"]

        after = staff.patch(URL, {"tags": {"k": "v"}}, format="json")["ETag"]

        assert staff.get(URL)["ETag"] == after != before

    def test_is_refused_from_a_stale_page(self, staff, assert_problem):
        stale = staff.get(URL)["ETag"]
        staff.patch(URL, {"description": "One."}, format="json")

        response = staff.patch(URL, {"description": "Two."}, format="json", HTTP_IF_MATCH=stale)

        assert_problem(response, 412, "precondition_failed")

    def test_keeps_the_versions_own_tags_apart(self, staff):
        staff.patch(f"{VERSIONS}/1", {"tags": {"k": "version"}}, format="json")
        staff.patch(URL, {"tags": {"k": "model"}}, format="json")

        assert staff.get(URL).json()["tags"] == {"k": "model"}
        assert staff.get(f"{VERSIONS}/1").json()["tags"] == {"k": "version"}

    def test_cannot_change_its_name(self, staff, assert_problem):
        response = staff.patch(URL, {"name": "another"}, format="json")

        assert_problem(response, 400, "validation_failed", at=("#/name", "unknown_field"))

    def test_has_tags_from_the_start(self, staff):
        response = staff.post("/api/v1/models", {"name": "new", "tags": {"k": "v"}}, format="json")

        assert response.status_code == 201, response.content
        assert staff.get("/api/v1/models/new").json()["tags"] == {"k": "v"}

    def test_is_for_staff(self, reader, assert_problem):
        response = reader.patch(URL, {"description": "Mine."}, format="json")

        assert_problem(response, 403, "insufficient_scope")
