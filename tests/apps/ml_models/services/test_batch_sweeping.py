"""Files of batch predictions without a job: swept when they are old; all others stay."""

import os
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from apps.ml_models.models import BatchPrediction
from apps.ml_models.selectors.blobs import artefact_storage
from apps.ml_models.services.batch import reaping, sweeping
from apps.ml_models.services.batch.limits import ORPHAN_SECONDS
from apps.ml_models.tasks import purge_orphaned_files
from core.ids import uuid7
from tests.factories.ml_models import ROW, run, submit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

AGE = timedelta(seconds=ORPHAN_SECONDS)


@pytest.fixture
def batches(storage_of_its_own):
    folder = storage_of_its_own / "batch-predictions"
    folder.mkdir()
    return folder


def leave_input(batches, name=None):
    """An input as a killed submission leaves it; the name of its directory."""
    folder = batches / str(name or uuid7())
    folder.mkdir()
    (folder / "input.jsonl").write_bytes(b"{}\n")
    return folder.name


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def sweep(later=AGE + timedelta(minutes=1)):
    return sweeping.purge_orphaned_files(now=timezone.now() + later)


class TestSweep:
    def test_deletes_the_input_of_a_job_that_was_never_committed(self, alice, batches, log_lines):
        kept = submit(alice, [ROW])
        leave_input(batches)

        assert sweep() == 1

        assert names_in(batches) == {str(kept.pk)}
        assert (batches / str(kept.pk) / "input.jsonl").exists()
        (line,) = [line for line in log_lines() if "Deleted the files" in line["message"]]
        assert line["level"] == "warning"
        assert "of 1 batch predictions without a job, and 0 unfinished files" in line["message"]

    def test_leaves_what_is_younger_than_an_hour(self, batches):
        young = leave_input(batches)

        assert sweep(AGE - timedelta(minutes=1)) == 0
        assert names_in(batches) == {young}

    @pytest.mark.parametrize(
        "name",
        [str(uuid4()), "notes", str(UUID(int=0)), f"{{{uuid7()}}}", uuid7().hex],
        ids=["random", "a word", "all noughts", "in braces", "without hyphens"],
    )
    def test_leaves_what_is_not_named_like_a_job(self, batches, name):
        leave_input(batches, name)

        assert sweep() == 0
        assert names_in(batches) == {name}

    def test_deletes_what_an_expiry_could_not_before_its_process_died(self, alice, batches):
        job = run(submit(alice, [ROW]))
        BatchPrediction.objects.filter(pk=job.pk).update(expires_at=timezone.now())
        assert reaping.expire_batch_predictions() == 1  # in a test nothing runs "on commit"
        assert names_in(batches) == {str(job.pk)}

        assert sweep() == 1
        assert names_in(batches) == set()

    def test_goes_on_where_it_left_off(self, batches, monkeypatch):
        monkeypatch.setattr(sweeping, "ORPHANS_AT_ONCE", 3)
        monkeypatch.setattr(sweeping, "ASKED_AT_ONCE", 2)
        for _ in range(5):
            leave_input(batches)

        assert [sweep(), sweep(), sweep()] == [3, 2, 0]

    def test_goes_on_after_one_that_cannot_be_deleted(self, batches, log_lines):
        stuck, other = leave_input(batches), leave_input(batches)
        (batches / stuck / "a folder").mkdir()  # which has no file's place here

        assert sweep() == 1

        assert names_in(batches) == {stuck}
        assert other not in names_in(batches)
        assert [stuck in line["message"] for line in log_lines() if line["level"] == "error"] == [
            True
        ]

    def test_deletes_what_was_being_written_when_its_process_died(self, storage_of_its_own):
        incoming = storage_of_its_own / "incoming"
        incoming.mkdir(exist_ok=True)
        (incoming / "old").write_bytes(b"half a fi")
        (incoming / "new").write_bytes(b"half a fi")
        old = datetime.now().timestamp() - ORPHAN_SECONDS - 60  # noqa: DTZ005 - for os.utime
        os.utime(incoming / "old", (old, old))

        assert sweep(timedelta()) == 1
        assert names_in(incoming) == {"new"}

    @pytest.mark.usefixtures("storage_of_its_own")
    def test_finds_nothing_where_nothing_was_ever_stored(self):
        assert sweep() == 0

    def test_is_a_task_of_the_clock(self, batches):
        old = leave_input(batches, UUID(int=uuid7().int - (7_200_000 << 80)))
        young = leave_input(batches)

        purge_orphaned_files()

        assert names_in(batches) == {young}
        assert old != young


class TestObjectStore:
    def test_is_asked_for_batches_alone_since_it_has_no_unfinished_files(self, settings):
        memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = {**settings.STORAGES, "artefacts": memory}
        storage = artefact_storage()
        orphan = storage.save(f"batch-predictions/{uuid7()}/input.jsonl", ContentFile(b"{}\n"))
        other = storage.save("incoming/other", ContentFile(b"whole"))

        assert sweep() == 1
        assert (storage.exists(orphan), storage.exists(other)) == (False, True)
