"""Batch predictions through their services: submitted, split, worked off, ended."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.ml_models.errors import (
    BatchPredictionExpiredError,
    BatchPredictionFinishedError,
    BatchPredictionNotFinishedError,
    FileTooLargeError,
    InvalidFileError,
    TooManyBatchPredictionsError,
)
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors import downloads
from apps.ml_models.services.batch import (
    cancelling,
    leasing,
    reaping,
    running,
    splitting,
    submitting,
)
from core.models import OutboxEvent
from tests.factories.ml_models import (
    ROW,
    expected,
    make_ready_version,
    principal_of,
    promote,
    run,
    split,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HEADER = "amount,visits,colour,member\n"


def rows(number):
    colours = ["red", "green", "=blue"]
    return [
        {"amount": i / 4, "visits": i % 1000, "colour": colours[i % 3], "member": i % 2 == 0}
        for i in range(number)
    ]


def csv_of(many):
    lines = [
        f"{row['amount']},{row['visits']},{row['colour']},{str(row['member']).upper()}\n"
        for row in many
    ]
    return (HEADER + "".join(lines)).encode()


def lines_of(download):
    content = b"".join(download.read(0, download.size))
    assert len(content) == download.size
    return [json.loads(line) for line in content.splitlines()]


def results(job):
    return lines_of(downloads.results_of(job))


def errors(job):
    return lines_of(downloads.errors_of(job))


def counts(job):
    return (job.total_rows, job.succeeded_rows, job.failed_rows)


def events():
    rows = OutboxEvent.objects.filter(kind="event", object_type="batch_prediction")
    return list(rows.order_by("position").values_list("type", flat=True))


def expire_leases():
    past = Now() - timedelta(seconds=1)
    BatchChunk.objects.filter(state="running").update(lease_until=past)
    BatchPrediction.objects.exclude(split_token=None).update(split_lease_until=past)
    BatchPrediction.objects.update(offered_at=Now() - timedelta(minutes=1))


class TestSubmit:
    def test_queues_a_job_with_its_version_pinned(self, alice, sent_tasks):
        job = submit(alice, [ROW])

        job.refresh_from_db()
        assert (job.status, job.alias, job.version.number) == ("queued", "champion", 1)
        assert (job.input_format, job.total_rows) == ("jsonl", None)
        assert job.artefact_digest == job.version.artefact_digest
        assert sent_tasks == [("ml_models.split_batch_prediction", {"job_id": str(job.pk)})]
        assert events() == ["batch_prediction.queued"]

    @pytest.mark.parametrize(
        ("content", "codes"),
        [
            (b"", ["no_header"]),
            (HEADER.encode(), ["no_rows"]),
            (b"amount,visits,colour\n1,2,red\n", ["missing_column"]),
            (b"amount,visits,colour,member,extra\n1,2,red,TRUE,9\n", ["unknown_column"]),
            (b"amount,visits,colour,member,amount\n1,2,red,TRUE,9\n", ["duplicate_column"]),
            (b"amount,visit,colour,member\n1,2,red,TRUE\n", ["missing_column", "unknown_column"]),
            ("amount,visits".encode("utf-16"), ["encoding"]),
            (b'amount,"vis"its,colour,member\n1,2,red,TRUE\n', ["malformed_csv"]),
        ],
    )
    def test_refuses_a_file_whose_beginning_shows_that_it_is_wrong(
        self, alice, sent_tasks, storage_of_its_own, content, codes
    ):
        with pytest.raises(InvalidFileError) as caught:
            submit(alice, content)

        assert [error.code for error in caught.value.errors] == codes
        assert not BatchPrediction.objects.exists()
        assert sent_tasks == []
        assert not list(storage_of_its_own.glob("batch-predictions/*/*"))

    def test_refuses_a_file_above_the_cap(self, alice, settings):
        settings.BATCH_MAX_BYTES = 100
        with pytest.raises(FileTooLargeError):
            submit(alice, csv_of(rows(10)))

    def test_refuses_one_job_too_many_of_a_user(self, alice, mallory, monkeypatch):
        monkeypatch.setattr(submitting, "UNFINISHED_MAX", 1)
        run(submit(alice, [ROW]))
        submit(alice, [ROW])

        with pytest.raises(TooManyBatchPredictionsError):
            submit(alice, [ROW])
        submit(mallory, [ROW])


class TestRun:
    def test_predicts_every_row_in_input_order(self, alice, settings):
        settings.BATCH_CHUNK_ROWS = 7
        many = rows(50)

        job = run(submit(alice, csv_of(many)))

        assert (job.status, counts(job)) == ("succeeded", (50, 50, 0))
        assert results(job) == [
            {"row": i, "prediction": [expected(row)]} for i, row in enumerate(many)
        ]
        assert errors(job) == []
        assert job.chunks.count() == 8
        assert events() == [
            "batch_prediction.queued",
            "batch_prediction.running",
            "batch_prediction.succeeded",
        ]

    def test_agrees_between_rows_csv_and_json_lines(self, alice):
        many = rows(20)
        text = "\n".join(json.dumps(list(row.values())) for row in many).encode()

        jobs = [
            run(submit(alice, many)),
            run(submit(alice, csv_of(many))),
            run(submit(alice, text, "jsonl")),
        ]

        assert results(jobs[0]) == results(jobs[1]) == results(jobs[2])

    def test_keeps_the_version_it_was_submitted_for(self, alice, artefacts):
        job = submit(alice, [ROW])
        promote(make_ready_version(artefacts["steeper"]))

        assert results(run(job)) == [{"row": 0, "prediction": [expected(ROW)]}]

    def test_costs_a_bad_row_only_itself(self, alice, settings):
        settings.BATCH_CHUNK_ROWS = 1_000
        lines = csv_of(rows(3_000)).splitlines(keepends=True)
        lines[18] = b"x,2,red,TRUE\n"
        lines[1501] = b"1,2,red\n"
        lines[2001] = b"1,2,\xff,TRUE\n"

        job = run(submit(alice, b"".join(lines)))

        assert (job.status, counts(job)) == ("partially_succeeded", (3_000, 2_997, 3))
        assert [(e["row"], e["line"], e["feature"], e["code"]) for e in errors(job)] == [
            (17, 19, "amount", "wrong_type"),
            (1500, 1502, None, "wrong_width"),
            (2000, 2002, None, "encoding"),
        ]
        assert [line["row"] for line in results(job)] == [
            row for row in range(3_000) if row not in {17, 1500, 2000}
        ]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("1,2,red,yes", "wrong_type"),
            ("1,2.5,red,TRUE", "wrong_type"),
            ("1,1001,red,TRUE", "out_of_range"),
            ("1,2,pink,TRUE", "unknown_category"),
            ("nan,2,red,TRUE", "wrong_type"),
            ("1e39,2,red,TRUE", "out_of_range"),
            ("1_000,2,red,TRUE", "wrong_type"),
            (",2,red,TRUE", "missing_feature"),
            ("1,2,red,TRUE,5", "wrong_width"),
            ('1,2,"red"x,TRUE', "malformed_csv"),
            ("1,2,re\x00d,TRUE", "nul_character"),
            ("3.4e38,2,red,TRUE", "model_output_invalid"),
        ],
    )
    def test_names_what_is_wrong_with_a_row_of_a_csv_file(self, alice, line, code):
        job = run(submit(alice, f"{HEADER}{line}\n1,2,red,TRUE\n".encode()))

        assert (job.status, counts(job)) == ("partially_succeeded", (2, 1, 1))
        assert [(e["row"], e["line"], e["code"]) for e in errors(job)] == [(0, 2, code)]
        assert results(job) == [{"row": 1, "prediction": [14.0]}]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("[1, 2", "invalid_json"),
            ('{"amount": 1, "amount": 2}', "invalid_json"),
            ("[NaN, 2, 3, 4]", "invalid_json"),
            ("[" * 10_000, "invalid_json"),
            ("7", "wrong_type"),
            ('[1, 2, "red", 1]', "wrong_type"),
            ("[" * 40 + "]" * 40, "too_deep"),
            ('{"amount": 1, "visits": 2, "colour": "red"}', "missing_feature"),
            ("[" + "9" * 5_000 + "]", "invalid_json"),
        ],
    )
    def test_names_what_is_wrong_with_a_line_of_json(self, alice, line, code):
        good = '[1, 2, "red", true]'
        job = run(submit(alice, f"{good}\n\n{line}\n".encode(), "jsonl"))

        assert [(e["row"], e["line"], e["code"]) for e in errors(job)] == [(1, 3, code)]
        assert len(results(job)) == 1

    def test_reads_a_file_as_spreadsheets_write_it(self, alice):
        text = (
            '\ufeff"colour","amount","member","visits"\r\n'
            '"=blue",1.5,TRUE,3\r\n\r\n"red","2",False,"4"'
        )

        job = run(submit(alice, text.encode()))

        assert results(job) == [
            {"row": 0, "prediction": [21.0]},
            {"row": 1, "prediction": [24.0]},
        ]

    def test_fails_when_no_row_is_good(self, alice):
        job = run(submit(alice, f"{HEADER}1\n2\n".encode()))

        assert (job.status, job.detail_code, counts(job)) == (
            "failed",
            "all_rows_failed",
            (2, 0, 2),
        )

    def test_stops_at_a_quotation_mark_that_is_never_closed(self, alice):
        bomb = (HEADER + "1,2,red,TRUE\n" + '1,2,"' + "x,y\n" * 400_000).encode()

        job = run(submit(alice, bomb))

        assert (job.status, job.detail_code) == ("failed", "invalid_file")
        assert "line 3" not in job.detail or "longer than 1048576 bytes" in job.detail
        assert not job.chunks.exists()

    def test_fails_without_a_storm_when_the_input_is_gone(
        self, alice, sent_tasks, storage_of_its_own
    ):
        job = submit(alice, [ROW])
        (storage_of_its_own / job.input_name).unlink()

        run(job)

        assert (job.status, job.detail_code) == ("failed", "input_missing")
        assert [name for name, _ in sent_tasks] == ["ml_models.split_batch_prediction"]

    def test_refuses_an_input_that_was_changed(self, alice, storage_of_its_own):
        job = submit(alice, [ROW])
        (storage_of_its_own / job.input_name).write_bytes(b"[2,3,4,5]\n")

        assert run(job).detail_code == "invalid_file"

    def test_answers_with_every_output_of_a_model(self, artefacts, alice):
        promote(make_ready_version(artefacts["pair"], "pair"))

        job = run(submit(alice, [ROW], model_name="pair"))
        in_csv = run(submit(alice, [ROW], model_name="pair", output_format="csv"))

        assert results(job) == [{"row": 0, "prediction": {"total": [20.5], "double": [41.0]}}]
        download = downloads.results_of(in_csv)
        text = b"".join(download.read(0, download.size)).decode()
        assert sorted(next(csv.DictReader(io.StringIO(text))).items()) == [
            ("double", "41.0"),
            ("row", "0"),
            ("total", "20.5"),
        ]


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


class TestGuards:
    """What the database itself refuses."""

    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "running"},
            {"status": "failed"},
            {"succeeded_rows": 0},
            {"failed_rows": F("failed_rows") + 1},
            {"finished_at": None},
            {"total_rows": None},
            {"total_rows": 2},
            {"status": "nonsense"},
            {"expired_at": NOON},
        ],
    )
    def test_a_finished_job_stays_as_it_is(self, alice, fields):
        job = run(submit(alice, [ROW]))

        with pytest.raises(IntegrityError), transaction.atomic():
            BatchPrediction.objects.filter(pk=job.pk).update(**fields)

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": "done"},
            {"state": "running"},
            {"lease_token": uuid4()},
            {"row_count": 0},
            {"succeeded": 1},
        ],
    )
    def test_a_chunk_is_whole(self, alice, fields):
        job = submit(alice, [ROW])
        split(job)

        with pytest.raises(IntegrityError), transaction.atomic():
            job.chunks.update(**fields)

    def test_rows_are_not_done_before_they_are_counted(self, alice):
        job = submit(alice, [ROW])

        with pytest.raises(IntegrityError), transaction.atomic():
            BatchPrediction.objects.filter(pk=job.pk).update(succeeded_rows=1)
