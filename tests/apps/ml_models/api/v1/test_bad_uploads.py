"""Every upload that must not get in, by name: who sends it, what it is, how it comes."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.developers.models import PlanLimit
from apps.ml_models.models import ModelVersion, RegisteredModel, VersionTransition
from apps.ml_models.services import validating
from core import plans
from core.models import OutboxEvent
from tests.factories.ml_models import make_model

pytestmark = pytest.mark.django_db

VERSIONS = "/api/v1/models/churn/versions"
HDF5 = b"\x89HDF\r\n\x1a\n" + b"\x00" * 100
PICKLE = b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix"


@pytest.fixture
def staff(client_of, bob):
    make_model("churn")
    return client_of(bob)


def file(content, name="model.keras"):
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


def files(storage):
    return [path for path in storage.rglob("*") if path.is_file()]


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
    return buffer.getvalue()


NO_FILE = (400, "validation_failed", ("#/artefact", "invalid"))
NOT_KERAS = (400, "artefact_not_accepted", ("#/artefact", "not_a_keras_file"))


@pytest.fixture
def small_cap(settings):
    settings.ARTEFACT_MAX_BYTES = 1_024


class TestRefusedAtOnce:
    """No row, no number, no task, no file."""

    @pytest.mark.parametrize(
        ("form", "answer"),
        [
            ({"artefact": "https://example.org/model.keras"}, NO_FILE),
            ({"artefact": "/etc/passwd"}, NO_FILE),
            ({"artefact": "../../m.keras"}, NO_FILE),
            ({}, (400, "validation_failed", ("#/artefact", "required"))),
            (
                {"artefact": b"PK\x03\x04x", "sha256": "0" * 64},
                (400, "artefact_not_accepted", ("#/sha256", "digest_mismatch")),
            ),
            ({"artefact": b""}, (400, "validation_failed", ("#/artefact", "empty"))),
            ({"artefact": HDF5}, NOT_KERAS),
            ({"artefact": PICKLE}, NOT_KERAS),
            ({"artefact": b"102 bytes in front" + archive(a="b")}, NOT_KERAS),
            ({"artefact": b"PK\x03\x04" + b"x" * 2_000}, (413, "artefact_too_large", None)),
            (
                {"artefact": b"PK\x03\x04x", "url": "https://example.org/m.keras"},
                (400, "validation_failed", ("#/url", "unknown_field")),
            ),
        ],
        ids=[
            "an_address",
            "a_path",
            "a_climbing_path",
            "no_file",
            "another_digest",
            "empty",
            "h5",
            "pickle",
            "something_in_front",
            "over_the_cap",
            "an_address_beside",
        ],
    )
    @pytest.mark.usefixtures("small_cap")
    def test_says_why(self, staff, storage_of_its_own, assert_problem, form, answer):
        status, code, at = answer
        fields = {
            name: file(value) if isinstance(value, bytes) else value for name, value in form.items()
        }

        response = staff.post(VERSIONS, fields, format="multipart")

        assert_problem(response, status, code, at=at)
        assert not ModelVersion.objects.exists()
        assert not VersionTransition.objects.exists()
        assert not OutboxEvent.objects.filter(kind="task").exists()
        assert files(storage_of_its_own) == []

    def test_people_who_are_no_staff(
        self, staff, client_of, alice, storage_of_its_own, assert_problem
    ):
        response = client_of(alice).post(
            VERSIONS, {"artefact": file(b"PK\x03\x04x")}, format="multipart"
        )

        assert_problem(response, 403, "insufficient_scope")
        assert files(storage_of_its_own) == []

    def test_a_body_of_unknown_length(self, staff, assert_problem):
        response = staff.generic("POST", VERSIONS, b"x", HTTP_TRANSFER_ENCODING="chunked")

        assert_problem(response, 411, "length_required")

    def test_a_json_body(self, staff, assert_problem):
        response = staff.post(VERSIONS, {"artefact": "x"}, format="json")

        assert_problem(response, 415, "unsupported_media_type")

    def test_a_name_of_a_file_is_no_matter(self, staff, storage_of_its_own):
        response = staff.post(
            VERSIONS,
            {"artefact": file(b"PK\x03\x04x", "../../../etc/cron.d/evil.keras")},
            format="multipart",
        )

        assert response.status_code == 202, response.content
        (stored,) = files(storage_of_its_own)
        assert stored.parent.parent == storage_of_its_own / "quarantine"

    def test_the_101st_upload_and_all_others_that_wait(self, staff, settings, assert_problem):
        PlanLimit.objects.filter(work="upload").update(burst=1_000, sustained=1_000, daily=10_000)
        plans.refresh()
        settings.VALIDATION_MAX_WAITING = 20

        answers = [
            staff.post(VERSIONS, {"artefact": file(b"PK\x03\x04%d" % n)}, format="multipart")
            for n in range(100)
        ]

        assert [answer.status_code for answer in answers] == [202] * 20 + [429] * 80
        assert_problem(answers[-1], 429, "too_many_uploads")
        assert ModelVersion.objects.count() == 20


# In transactions of their own: the test's would sit idle for longer than the database allows.
@pytest.mark.django_db(transaction=True)
class TestRejectedInside:
    """What begins like an archive is looked into where it can do no harm."""

    @pytest.mark.parametrize(
        "content",
        [
            b"PK\x03\x04" + b"\x00" * 100,
            archive(**{"model.h5": HDF5}),
            archive(**{"model.pkl": PICKLE}),
            archive(**{"config.json": "{}", "metadata.json": "{}", "../evil": "x"}),
        ],
        ids=["no_archive", "h5_in_a_zip", "pickle_in_a_zip", "a_member_that_climbs"],
    )
    def test_a_renamed_file_is_rejected_with_a_code(self, staff, content):
        response = staff.post(VERSIONS, {"artefact": file(content)}, format="multipart")
        assert response.status_code == 202, response.content

        version = validating.validate_version(version_id=ModelVersion.objects.get().pk)

        shown = staff.get(f"{VERSIONS}/1").json()
        assert (version.state, shown["state"]) == ("rejected", "rejected")
        assert shown["reason"]["explanation"]
        assert shown["files"] == []


class TestNames:
    """A version's number is the only name that it has in a path."""

    @pytest.mark.parametrize("number", ["0", "9", "-1", "1.0", "01x", "1%2f2", "%2e%2e"])
    def test_no_other_number_leads_anywhere(self, staff, number):
        for tail in ("", "/golden", "/transitions"):
            response = staff.get(f"{VERSIONS}/{number}{tail}")
            assert response.status_code == 404, response.content
            assert response["Content-Type"] == "application/problem+json"

    def test_a_model_with_a_bad_name_is_not_made(self, staff):
        before = RegisteredModel.objects.count()

        for name in ("../x", "a\x00", "stats", "CHURN"):
            fields = {"name": name, "artefact": file(b"PK\x03\x04x")}
            response = staff.post("/api/v1/models", fields, format="multipart")
            assert response.status_code in {400, 409}, response.content
            assert json.loads(response.content)["code"]

        assert RegisteredModel.objects.count() == before
