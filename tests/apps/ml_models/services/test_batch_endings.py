"""Batch predictions that are interrupted, repeated, given up, cancelled: each row counts once."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.ml_models.errors import (
    BatchPredictionExpiredError,
    BatchPredictionFinishedError,
    BatchPredictionNotFinishedError,
)
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors import downloads
from apps.ml_models.services.batch import (
    cancelling,
    leasing,
    reaping,
    running,
    splitting,
)
from tests.factories.batches import (
    counts,
    csv_of,
    errors,
    events,
    expire_leases,
    results,
    rows,
)
from tests.factories.ml_models import (
    ROW,
    principal_of,
    run,
    split,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]


class TestExactlyOnce:
    def test_hints_that_come_a_hundred_times_do_no_harm(self, alice, settings):
        settings.BATCH_CHUNK_ROWS = 10
        job = submit(alice, rows(30))
        for _ in range(100):
            split(job)
        for _ in range(100):
            running.run_batch_chunk(job_id=job.pk)

        job.refresh_from_db()
        assert (job.status, counts(job)) == ("succeeded", (30, 30, 0))
        assert [line["row"] for line in results(job)] == list(range(30))
        assert events().count("batch_prediction.succeeded") == 1

    def test_a_worker_that_lost_its_lease_stores_nothing(self, alice):
        job = submit(alice, [ROW])
        split(job)
        slow = leasing.claim_chunk(job.pk)
        result = running._work(slow)
        expire_leases()
        assert running.run_batch_chunk(job_id=job.pk) is True

        with pytest.raises(running.LeaseLostError):
            running._commit(slow, result)

        job.refresh_from_db()
        assert (job.status, counts(job)) == ("succeeded", (1, 1, 0))

    def test_nobody_claims_a_chunk_under_a_live_lease(self, alice):
        job = submit(alice, [ROW])
        split(job)

        assert leasing.claim_chunk(job.pk) is not None
        assert leasing.claim_chunk(job.pk) is None

    def test_a_lease_that_is_renewed_does_not_run_out(self, alice):
        job = submit(alice, [ROW])
        split(job)
        chunk = leasing.claim_chunk(job.pk)
        expire_leases()

        leasing.renew_lease(chunk)

        assert leasing.claim_chunk(job.pk) is None

    def test_a_lease_that_was_taken_over_cannot_be_renewed(self, alice):
        job = submit(alice, [ROW])
        split(job)
        chunk = leasing.claim_chunk(job.pk)
        expire_leases()
        leasing.claim_chunk(job.pk)

        with pytest.raises(leasing.LeaseLostError):
            leasing.renew_lease(chunk)

    def test_a_split_that_lost_its_lease_stores_no_chunk(self, alice):
        job = submit(alice, [ROW])
        slow = splitting._claim(job.pk)
        chunks = list(splitting._cut(slow))
        expire_leases()
        assert split(job) == 1

        assert splitting._commit(slow, chunks) == 0
        assert job.chunks.count() == 1

    def test_gives_an_unforeseen_failure_another_try_and_then_an_end(self, alice, monkeypatch):
        job = submit(alice, rows(2))
        split(job)

        def fail(_chunk):
            raise RuntimeError("broken")

        monkeypatch.setattr(running, "_work", fail)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                running.run_batch_chunk(job_id=job.pk)

        assert running.run_batch_chunk(job_id=job.pk) is False
        job.refresh_from_db()
        assert (job.status, counts(job)) == ("failed", (2, 0, 2))
        assert [(e["row"], e["code"]) for e in errors(job)] == [
            (0, "internal_error"),
            (1, "internal_error"),
        ]

    @hypothesis_settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        bad=st.sets(st.integers(0, 39), max_size=40),
        chunk_rows=st.integers(1, 45),
        form=st.sampled_from(["csv", "jsonl"]),
    )
    def test_every_row_is_a_result_or_an_error_once(self, alice, settings, bad, chunk_rows, form):
        settings.BATCH_CHUNK_ROWS = chunk_rows
        many = rows(40)
        if form == "csv":
            lines = csv_of(many).decode().splitlines()
            content = "\n".join(
                [lines[0], *("bad" if i in bad else line for i, line in enumerate(lines[1:]))]
            )
        else:
            content = "\n".join(
                "bad" if i in bad else json.dumps(row) for i, row in enumerate(many)
            )

        job = run(submit(alice, content.encode(), form))

        assert counts(job) == (40, 40 - len(bad), len(bad))
        assert [line["row"] for line in results(job)] == sorted(set(range(40)) - bad)
        assert [error["row"] for error in errors(job)] == sorted(bad)


class TestReap:
    def test_offers_an_unsplit_job_again(self, alice, sent_tasks):
        job = submit(alice, [ROW])
        reaping.reap_batch_predictions()
        assert len(sent_tasks) == 1, "not so soon"

        expire_leases()
        reaping.reap_batch_predictions()

        assert [args["job_id"] for _, args in sent_tasks] == [str(job.pk)] * 2

    def test_offers_chunks_again_whose_worker_died(self, alice, sent_tasks):
        job = submit(alice, [ROW])
        split(job)
        leasing.claim_chunk(job.pk)
        before = len(sent_tasks)
        BatchPrediction.objects.update(offered_at=Now() - timedelta(minutes=1))
        reaping.reap_batch_predictions()
        assert len(sent_tasks) == before, "its lease is alive"

        expire_leases()
        reaping.reap_batch_predictions()

        assert [name for name, _ in sent_tasks][before:] == ["ml_models.run_batch_chunk"]
        assert run(job).status == "succeeded"

    def test_gives_up_a_chunk_that_killed_every_worker(self, alice, settings):
        settings.BATCH_CHUNK_ROWS = 2
        job = submit(alice, rows(4))
        split(job)
        poison = job.chunks.get(index=0)
        BatchChunk.objects.filter(pk=poison.pk).update(
            state="running",
            attempt=settings.BATCH_MAX_ATTEMPTS,
            lease_token=uuid4(),
            lease_until=Now() - timedelta(seconds=1),
        )
        assert running.run_batch_chunk(job_id=job.pk)
        assert not running.run_batch_chunk(job_id=job.pk)

        reaping.reap_batch_predictions()

        job.refresh_from_db()
        assert (job.status, counts(job)) == ("partially_succeeded", (4, 2, 2))
        assert [(e["row"], e["code"]) for e in errors(job)] == [
            (0, "worker_lost"),
            (1, "worker_lost"),
        ]

    def test_fails_a_job_whose_split_killed_every_worker(self, alice, settings):
        job = submit(alice, [ROW])
        for _ in range(settings.BATCH_MAX_ATTEMPTS):
            splitting._claim(job.pk)
            expire_leases()
        assert splitting._claim(job.pk) is None

        reaping.reap_batch_predictions()

        job.refresh_from_db()
        assert (job.status, job.detail_code) == ("failed", "worker_lost")

    def test_deletes_what_has_expired_and_keeps_the_row(
        self, alice, storage_of_its_own, django_capture_on_commit_callbacks
    ):
        job = run(submit(alice, [ROW]))
        kept = run(submit(alice, [ROW]))
        BatchPrediction.objects.filter(pk=job.pk).update(expires_at=Now())

        with django_capture_on_commit_callbacks(execute=True):
            reaping.reap_batch_predictions()

        job.refresh_from_db()
        assert job.status == "expired"
        assert [path.name for path in (storage_of_its_own / "batch-predictions").iterdir()] == [
            str(kept.pk)
        ]
        with pytest.raises(BatchPredictionExpiredError):
            downloads.results_of(job)


class TestCancel:
    def cancel(self, job, user):
        return cancelling.cancel_batch_prediction(job_id=job.pk, actor=principal_of(user))

    def test_stops_a_job_that_nobody_works_on_at_once(self, alice):
        job = submit(alice, [ROW])

        assert self.cancel(job, alice).status == "cancelled"
        assert self.cancel(job, alice).status == "cancelled", "twice is the same"
        assert split(job) == 0

    def test_lets_the_chunk_in_work_end_and_keeps_what_is_done(self, alice, settings):
        settings.BATCH_CHUNK_ROWS = 1
        job = submit(alice, rows(3))
        split(job)
        chunk = leasing.claim_chunk(job.pk)

        assert self.cancel(job, alice).status == "cancelling"
        with pytest.raises(BatchPredictionNotFinishedError):
            downloads.results_of(BatchPrediction.objects.get())
        running._commit(chunk, running._work(chunk))

        job.refresh_from_db()
        assert (job.status, counts(job)) == ("cancelled", (3, 1, 0))
        assert [line["row"] for line in results(job)] == [0]

    def test_ends_by_the_reaper_when_the_worker_died(self, alice):
        job = submit(alice, [ROW])
        split(job)
        leasing.claim_chunk(job.pk)
        self.cancel(job, alice)
        expire_leases()

        reaping.reap_batch_predictions()

        job.refresh_from_db()
        assert job.status == "cancelled"

    def test_comes_too_late_for_a_finished_job(self, alice):
        job = run(submit(alice, [ROW]))

        with pytest.raises(BatchPredictionFinishedError):
            self.cancel(job, alice)
