"""How long the content of an upload is kept, and that nothing is served from where it lies."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.ml_models.errors import ArtefactMissingError
from apps.ml_models.models import UploadedArtefact
from apps.ml_models.selectors import blobs
from apps.ml_models.services import deposits, quarantine, uploading, validating
from apps.ml_models.services.blobs import store_artefact, store_upload
from serving.errors import ArtefactError
from tests.factories.ml_models import make_model, principal_of
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def upload(content=b"PK\x03\x04one"):
    make_model("churn")
    return uploading.upload_version(model_name="churn", chunks=[content])


def written(storage, digest, at):
    path = storage / f"quarantine/{digest[:2]}/{digest}"
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


class TestPlace:
    def test_is_no_place_that_artefacts_are_read_from(self):
        blob = store_upload([b"PK\x03\x04one"])

        with pytest.raises(ArtefactMissingError):
            blobs.read_artefact(blob.sha256)
        assert blobs.read_upload(blob.sha256) == b"PK\x03\x04one"

    def test_still_finds_uploads_from_before_there_was_a_quarantine(self):
        blob = store_artefact([b"PK\x03\x04old"])

        assert blobs.read_upload(blob.sha256) == b"PK\x03\x04old"

    def test_is_for_its_owner_alone(self, storage_of_its_own):
        blob = store_upload([b"PK\x03\x04one"])
        path = storage_of_its_own / blob.name

        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


class TestObjectStore:
    def test_counts_content_that_is_stored_again_as_written_now(self, settings):
        memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = {**settings.STORAGES, "artefacts": memory}
        storage = blobs.artefact_storage()
        name = store_upload([b"PK\x03\x04one"]).name
        first = storage.get_modified_time(name)

        again = store_upload([b"PK\x03\x04one"])

        assert storage.get_modified_time(name) > first
        assert (again.name, blobs.read_upload(again.sha256)) == (name, b"PK\x03\x04one")
        assert len(list(blobs.uploads_in_quarantine())) == 1


@pytest.mark.django_db(transaction=True)
class TestPurgeAmidst:
    def test_leaves_content_that_a_version_is_being_made_of(self, bob, storage_of_its_own):
        """A deposit that runs out just while a version takes it."""
        make_model("churn")
        actor = principal_of(bob)
        kept = deposits.keep_upload(
            path="m.keras", chunks=[b"PK\x03\x04one"], actor=actor, now=timezone.now()
        )
        path = written(storage_of_its_own, kept.sha256, NOW - timedelta(days=9))
        taken, purged = threading.Event(), threading.Event()

        def run(number):
            if number == 0:
                with transaction.atomic():
                    version = deposits.create_version_from(
                        model_name="churn",
                        source="mlflow-artifacts:/m.keras",
                        knowledge=uploading.NOTHING,
                        actor=actor,
                    )
                    taken.set()
                    purged.wait(10)
                    return version
            assert taken.wait(10)
            try:
                return quarantine.purge_quarantine(now=timezone.now() + timedelta(days=2))
            finally:
                purged.set()

        version, count = in_parallel(run, count=2)

        assert (version.upload_digest, count) == (kept.sha256, 0)
        assert path.exists()


class TestPurge:
    def test_keeps_what_waits_whatever_its_age(self, storage_of_its_own):
        version = upload()
        path = written(storage_of_its_own, version.upload_digest, NOW - timedelta(days=400))

        assert quarantine.purge_quarantine(now=NOW + timedelta(days=400)) == 0
        assert path.exists()

    def test_deletes_content_30_days_after_the_verdict_and_keeps_the_row(self, storage_of_its_own):
        version = upload()
        validating._reject(validating._claim(version.pk), ArtefactError("parity", "", "Off."))
        version.refresh_from_db()
        verdict = version.validated_at
        path = written(storage_of_its_own, version.upload_digest, verdict)

        assert quarantine.purge_quarantine(now=verdict + timedelta(days=30) - HOUR) == 0
        assert path.exists()

        assert quarantine.purge_quarantine(now=verdict + timedelta(days=30) + HOUR) == 1
        assert not path.exists()
        version.refresh_from_db()
        assert (version.state, version.reason_code) == ("rejected", "parity")

    def test_keeps_content_that_another_version_waits_with(self, storage_of_its_own):
        rejected = upload()
        validating._reject(validating._claim(rejected.pk), ArtefactError("parity", "", "Off."))
        rejected.refresh_from_db()
        again = upload()
        assert again.upload_digest == rejected.upload_digest
        path = written(storage_of_its_own, again.upload_digest, rejected.validated_at)

        assert quarantine.purge_quarantine(now=rejected.validated_at + timedelta(days=99)) == 0
        assert path.exists()

    def test_deletes_what_no_row_names_after_an_hour(self, storage_of_its_own):
        blob = store_upload([b"PK\x03\x04lost"])
        path = written(storage_of_its_own, blob.sha256, NOW)

        assert quarantine.purge_quarantine(now=NOW + HOUR - timedelta(seconds=1)) == 0
        assert quarantine.purge_quarantine(now=NOW + HOUR + timedelta(seconds=1)) == 1
        assert not path.exists()

    def test_keeps_what_was_uploaded_ahead_of_its_version(self, alice, storage_of_its_own):
        blob = store_upload([b"PK\x03\x04ahead"])
        UploadedArtefact.objects.create(
            path="a/model.keras",
            sha256=blob.sha256,
            bytes=blob.bytes,
            created_by=alice,
            expires_at=NOW + timedelta(days=1),
        )
        path = written(storage_of_its_own, blob.sha256, NOW - timedelta(days=9))

        assert quarantine.purge_quarantine(now=NOW) == 0
        assert quarantine.purge_quarantine(now=NOW + timedelta(days=2)) == 1
        assert not path.exists()

    def test_touches_nothing_that_is_served(self, storage_of_its_own):
        blob = store_artefact([b"content"])
        os.utime(storage_of_its_own / blob.name, (0, 0))

        quarantine.purge_quarantine(now=timezone.now())

        assert (storage_of_its_own / blob.name).exists()

    def test_looks_at_nothing_that_has_another_name(self, storage_of_its_own):
        folder = storage_of_its_own / "quarantine/ab"
        folder.mkdir(parents=True)
        for name in ("README", "ab" * 31, "cd" * 32):
            (folder / name).write_text("not ours")
            os.utime(folder / name, (0, 0))

        assert quarantine.purge_quarantine(now=NOW) == 0
        assert len(list(folder.iterdir())) == 3

    def test_asks_again_right_before_it_deletes(self, storage_of_its_own):
        version = upload()
        path = written(storage_of_its_own, version.upload_digest, NOW - timedelta(days=9))

        assert not quarantine.discard_upload(version.upload_digest, before=NOW, now=NOW)
        assert path.exists()

    def test_is_done_when_there_has_never_been_an_upload(self):
        assert quarantine.purge_quarantine(now=NOW) == 0
