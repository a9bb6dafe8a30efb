"""Batch predictions through their services: submitted, split, worked off, guarded."""

import csv
import io
import json
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from apps.ml_models.errors import (
    FileTooLargeError,
    InvalidFileError,
    TooManyBatchPredictionsError,
)
from apps.ml_models.models import BatchPrediction
from apps.ml_models.selectors import downloads
from apps.ml_models.services.batch import (
    submitting,
)
from tests.factories.batches import (
    HEADER,
    NOON,
    counts,
    csv_of,
    errors,
    events,
    results,
    rows,
)
from tests.factories.ml_models import (
    ROW,
    expected,
    make_ready_version,
    promote,
    run,
    split,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]


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
