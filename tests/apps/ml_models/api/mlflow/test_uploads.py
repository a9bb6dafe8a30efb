"""mlflow-artifacts: broken off, replaced, given way, gone before a version took them."""

import io

import pytest
from django.utils import timezone

from apps.ml_models.models import ModelVersion, UploadedArtefact
from apps.ml_models.services import deposits
from tests.apps.ml_models.api.mlflow.conftest import FILES
from tests.factories.ml_models import make_model, principal_of

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO, THREE = (b"PK\x03\x04" + bytes([number]) * 996 for number in (1, 2, 3))


def keep(user, path, content):
    return deposits.keep_upload(
        path=path, chunks=[content], actor=principal_of(user), now=timezone.now()
    )


def contents(storage):
    """Of everything in quarantine."""
    return {path.read_bytes() for path in storage.glob("quarantine/*/*")}


class TestCutShort:
    def test_is_refused_and_replaces_nothing(self, facade, storage_of_its_own):
        assert facade.put_file("m.keras", ONE).status_code == 200

        answer = facade.client.generic(
            "PUT",
            f"{FILES}/m.keras",
            TWO,
            content_type="application/octet-stream",
            **{"wsgi.input": io.BytesIO(TWO[:500])},
        )

        assert answer.status_code == 400, answer.content
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
        assert answer.json()["message"] == "The body ended after 500 of 1000 bytes."
        assert contents(storage_of_its_own) == {ONE}
        with deposits.open_upload(UploadedArtefact.objects.get().sha256) as file:
            assert file.read() == ONE


class TestRoom:
    def test_what_is_replaced_takes_its_content_along(self, facade, storage_of_its_own):
        for content in (ONE, TWO, THREE):
            assert facade.put_file("m.keras", content).status_code == 200

        assert contents(storage_of_its_own) == {THREE}

    def test_the_oldest_give_way_with_their_content_beyond_the_bytes_of_one_user(
        self, alice, bob, storage_of_its_own, monkeypatch
    ):
        monkeypatch.setattr(deposits, "UPLOADS_BYTES_MAX", 2_500)
        keep(alice, "theirs.keras", ONE + b"theirs")
        for number, content in enumerate((ONE, TWO, THREE)):
            keep(bob, f"{number}.keras", content)

        kept = UploadedArtefact.objects.filter(created_by=bob)
        assert set(kept.values_list("path", flat=True)) == {"1.keras", "2.keras"}
        assert contents(storage_of_its_own) == {ONE + b"theirs", TWO, THREE}

    def test_the_newest_stays_however_large(self, bob, monkeypatch):
        monkeypatch.setattr(deposits, "UPLOADS_BYTES_MAX", 10)

        keep(bob, "m.keras", ONE)

        assert UploadedArtefact.objects.get().path == "m.keras"

    def test_content_that_others_need_stays(self, facade, bob, alice, storage_of_its_own):
        make_model("churn")
        keep(bob, "m.keras", ONE)
        facade.post("model-versions/create", name="churn", source="mlflow-artifacts:/m.keras")
        keep(bob, "m.keras", TWO)
        keep(alice, "m.keras", TWO)
        keep(bob, "m.keras", THREE)

        assert contents(storage_of_its_own) == {ONE, TWO, THREE}, "a version's, hers, his"

    def test_the_same_content_again_stays(self, bob, storage_of_its_own):
        keep(bob, "m.keras", ONE)
        keep(bob, "m.keras", ONE)

        assert contents(storage_of_its_own) == {ONE}


class TestGone:
    def test_no_version_is_made_of_content_that_was_deleted(self, facade, storage_of_its_own):
        make_model("churn")
        facade.put_file("m.keras", ONE)
        (path,) = storage_of_its_own.glob("quarantine/*/*")
        path.unlink()

        answer = facade.post(
            "model-versions/create", name="churn", source="mlflow-artifacts:/m.keras"
        )

        assert answer.status_code == 404, answer.content
        assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        assert not ModelVersion.objects.exists()
