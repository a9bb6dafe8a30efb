"""model-versions and their files: from an upload in quarantine to READY or FAILED_REGISTRATION."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.ml_models.models import ModelVersion, UploadedArtefact
from apps.ml_models.services.deposits import UPLOADS_MAX, keep_upload, purge_uploads
from apps.ml_models.services.validating import validate_version
from serving.artefact import FileRole
from tests.apps.ml_models.api.mlflow.conftest import FILES
from tests.factories.ml_models import (
    make_model,
    make_ready_version,
    make_version,
    principal_of,
    promote,
)


def refused(response, status, code):
    assert (response.status_code, response.json()["error_code"]) == (status, code), response.content
    return response.json()["message"]


@pytest.fixture
def uploaded(facade, artefacts):
    """A model without versions; the file and its signature lie under runs/1."""
    make_model("prices")
    artefact = artefacts["linear"]
    assert facade.put_file("runs/1/model.keras", artefact.upload).status_code == 200
    document = json.dumps(artefact.signature).encode()
    assert facade.put_file("runs/1/signature.json", document).status_code == 200
    return artefact


class TestUpload:
    def test_is_kept_in_quarantine_and_listed(self, facade, uploaded, storage_of_its_own):
        listed = facade.client.get(FILES, {"path": "runs/1"}).json()["files"]

        assert listed[0] == {
            "path": "model.keras",
            "is_dir": False,
            "file_size": len(uploaded.upload),
        }
        assert listed[1]["path"] == "signature.json"
        assert not list(storage_of_its_own.glob("models/**/*.keras"))
        assert not list(storage_of_its_own.glob("models/sha256/*/*"))

    def test_the_same_path_again_replaces(self, facade, uploaded, artefacts):
        facade.put_file("runs/1/model.keras", artefacts["steeper"].upload)

        kept = UploadedArtefact.objects.get(path="runs/1/model.keras")
        assert kept.bytes == len(artefacts["steeper"].upload)

    @pytest.mark.parametrize(
        "path", ["a/../b.keras", "..", "a//b.keras", "a b.keras", "x" * 200, "%2e%2e/x", "a/b/" * 9]
    )
    def test_a_path_is_a_name_and_no_place(self, facade, artefacts, path):
        answer = facade.put_file(path, artefacts["linear"].upload)

        assert answer.status_code in {400, 404}, answer.content
        assert not UploadedArtefact.objects.exists()

    @pytest.mark.parametrize(
        "content", [b"\x80\x04pickle", b"\x89HDF\r\n\x1a\n"], ids=["pickle", "hdf5"]
    )
    def test_takes_keras_files_only(self, facade, content):
        refused(facade.put_file("m.keras", content), 400, "INVALID_PARAMETER_VALUE")

    def test_above_the_cap_is_refused_before_it_is_read(self, facade, settings, artefacts):
        settings.ARTEFACT_MAX_BYTES = 100

        refused(
            facade.put_file("m.keras", artefacts["linear"].upload), 400, "INVALID_PARAMETER_VALUE"
        )

    def test_others_neither_see_nor_use_it(self, facade, uploaded, client_of, mallory):
        mallory.is_staff = True
        mallory.save()
        other = type(facade)(client_of(mallory))

        assert other.client.get(FILES).json() == {"files": []}
        answer = other.post(
            "model-versions/create", name="prices", source="mlflow-artifacts:/runs/1"
        )
        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST")

    def test_is_for_staff(self, reader, artefacts):
        refused(reader.put_file("m.keras", artefacts["linear"].upload), 403, "PERMISSION_DENIED")

    def test_a_file_without_its_length_is_refused(self, facade):
        assert facade.put_file("m.keras", b"").status_code == 411

    def test_the_oldest_give_way(self, bob):
        for number in range(UPLOADS_MAX + 1):
            keep_upload(
                path=f"{number:03}/signature.json",
                chunks=[b"{}"],
                actor=principal_of(bob),
                now=timezone.now(),
            )

        paths = set(UploadedArtefact.objects.values_list("path", flat=True))
        assert len(paths) == UPLOADS_MAX
        assert "000/signature.json" not in paths

    def test_is_forgotten_after_its_time(self, facade, uploaded):
        assert purge_uploads(now=timezone.now() + timedelta(hours=23)) == 0
        assert purge_uploads(now=timezone.now() + timedelta(hours=25)) == 2


class TestCreate:
    def test_from_an_upload_is_pending_until_it_is_validated(self, facade, uploaded, sent_tasks):
        answer = facade.post(
            "model-versions/create",
            name="prices",
            source="mlflow-artifacts:/runs/1",
            run_id="run7",
            description="The first.",
            tags=[{"key": "stage", "value": "try"}],
        )

        assert answer.status_code == 200, answer.content
        document = answer.json()["model_version"]
        assert (document["version"], document["status"]) == ("1", "PENDING_REGISTRATION")
        assert document["source"] == "mlflow-artifacts:/runs/1"
        assert (document["run_id"], document["description"]) == ("run7", "The first.")
        assert document["tags"] == [{"key": "stage", "value": "try"}]
        version = ModelVersion.objects.get()
        assert version.declared_signature == uploaded.signature
        assert sent_tasks == [("ml_models.validate_model_version", {"version_id": str(version.pk)})]

    def test_is_ready_after_its_validation(self, facade, uploaded):
        facade.post("model-versions/create", name="prices", source="mlflow-artifacts:/runs/1")

        validate_version(version_id=ModelVersion.objects.get().pk)

        document = facade.get("model-versions/get", name="prices", version="1").json()
        assert document["model_version"]["status"] == "READY"
        assert document["model_version"]["status_message"] == ""

    def test_a_rejected_one_says_why(self, facade, artefacts):
        make_model("prices")
        facade.put_file("m.keras", artefacts["linear"].upload[:-40])
        facade.post("model-versions/create", name="prices", source="mlflow-artifacts:/m.keras")

        validate_version(version_id=ModelVersion.objects.get().pk)

        document = facade.get("model-versions/get", name="prices", version=1).json()
        version = ModelVersion.objects.get()
        assert document["model_version"]["status"] == "FAILED_REGISTRATION"
        assert document["model_version"]["status_message"].startswith(f"{version.reason_code}: ")

    def test_from_another_version_is_validated_anew(self, facade, artefacts):
        original = make_ready_version(artefacts["linear"], "prices")
        make_model("copies")

        answer = facade.post("model-versions/create", name="copies", source="models:/prices/1")

        assert answer.json()["model_version"]["status"] == "PENDING_REGISTRATION"
        copy = ModelVersion.objects.get(model__name="copies")
        assert copy.upload_digest == original.manifest["files"]["keras"]["sha256"]
        assert copy.declared_signature == original.signature

    def test_not_from_a_version_that_was_never_validated(self, facade):
        make_version("prices")

        answer = facade.post("model-versions/create", name="prices", source="models:/prices/1")

        refused(answer, 400, "INVALID_PARAMETER_VALUE")

    @pytest.mark.parametrize(
        "source",
        [
            "/etc/passwd",
            "file:///etc/passwd",
            "http://169.254.169.254/latest",
            "s3://bucket/model",
            "runs:/1/model",
            "../../x",
            "dbfs:/x",
            "models:/prices/Production",
            "x",
        ],
    )
    def test_a_source_is_never_opened_as_a_path_or_an_address(self, facade, uploaded, source):
        answer = facade.post("model-versions/create", name="prices", source=source)

        refused(answer, 400, "INVALID_PARAMETER_VALUE")
        assert not ModelVersion.objects.exists()

    def test_of_an_upload_that_is_not_there(self, facade, uploaded):
        answer = facade.post(
            "model-versions/create", name="prices", source="mlflow-artifacts:/runs/2"
        )

        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST")

    def test_of_a_folder_with_two_models_must_say_which(self, facade, uploaded):
        facade.put_file("runs/1/other.keras", uploaded.upload)

        answer = facade.post(
            "model-versions/create", name="prices", source="mlflow-artifacts:/runs/1"
        )

        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST")

    def test_a_signature_that_is_wrong_is_refused_at_once(self, facade, uploaded):
        facade.put_file("runs/1/signature.json", b'{"features": [1]}')

        answer = facade.post(
            "model-versions/create", name="prices", source="mlflow-artifacts:/runs/1"
        )

        refused(answer, 400, "INVALID_PARAMETER_VALUE")
        assert not ModelVersion.objects.exists()


class TestVersions:
    def test_a_deleted_one_is_retired_and_shown_no_more(self, facade, artefacts):
        make_ready_version(artefacts["linear"], "prices")

        assert (
            facade.call("DELETE", "model-versions/delete", name="prices", version="1").json() == {}
        )

        assert ModelVersion.objects.get().state == "retired"
        answer = facade.get("model-versions/get", name="prices", version="1")
        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST")

    def test_one_in_use_is_not_deleted(self, facade, artefacts):
        promote(make_ready_version(artefacts["linear"], "prices"))

        answer = facade.call("DELETE", "model-versions/delete", name="prices", version="1")

        refused(answer, 409, "RESOURCE_CONFLICT")

    @pytest.mark.parametrize("version", ["0x1", "-1", "latest", "", "1" * 12])
    def test_a_version_is_a_number(self, facade, version):
        answer = facade.get("model-versions/get", name="prices", version=version)

        refused(answer, 400, "INVALID_PARAMETER_VALUE")

    def test_description_and_tags_change(self, facade, artefacts):
        make_ready_version(artefacts["linear"], "prices")
        call = {"name": "prices", "version": "1"}

        facade.call("PATCH", "model-versions/update", description="Better.", **call)
        facade.post("model-versions/set-tag", key="seen", value="yes", **call)

        document = facade.get("model-versions/get", **call).json()["model_version"]
        assert document["description"] == "Better."
        assert document["tags"] == [{"key": "seen", "value": "yes"}]
        facade.call("DELETE", "model-versions/delete-tag", key="seen", **call)
        assert facade.get("model-versions/get", **call).json()["model_version"]["tags"] == []

    def test_search_and_latest(self, facade, artefacts):
        for _ in range(3):
            make_ready_version(artefacts["linear"], "prices")
        make_version("churn")

        found = facade.get("model-versions/search", filter="name='prices'").json()
        assert [v["version"] for v in found["model_versions"]] == ["3", "2", "1"]
        newer = facade.get(
            "model-versions/search", filter="name = 'prices' AND version_number > 1"
        ).json()
        assert [v["version"] for v in newer["model_versions"]] == ["3", "2"]
        latest = facade.post("registered-models/get-latest-versions", name="prices").json()
        assert [v["version"] for v in latest["model_versions"]] == ["3"]
        assert latest["model_versions"][0]["current_stage"] == "None"


class TestDownload:
    def test_gives_the_validated_model_to_staff_alone(self, facade, reader, artefacts):
        make_ready_version(artefacts["linear"], "prices")
        uri = facade.get("model-versions/get-download-uri", name="prices", version="1").json()
        assert uri == {"artifact_uri": "mlflow-artifacts:/models/prices/1/model.keras"}

        answer = facade.client.get(f"{FILES}/models/prices/1/model.keras")

        assert answer.status_code == 200
        assert b"".join(answer.streaming_content) == artefacts["linear"].content(FileRole.KERAS)
        refused(reader.client.get(f"{FILES}/models/prices/1/model.keras"), 403, "PERMISSION_DENIED")

    def test_never_gives_an_upload_out(self, facade, uploaded):
        answer = facade.client.get(f"{FILES}/runs/1/model.keras")

        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST")
