"""Batch predictions over HTTP."""

import csv
import io
import json
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from django.utils import timezone

from apps.ml_models.models import BatchPrediction
from apps.ml_models.services import retiring
from apps.ml_models.services.batch import leasing, reaping, running, splitting
from core.models import AuditEntry
from tests.factories.ml_models import (
    ROW,
    ROW_IN_ORDER,
    expected,
    make_ready_version,
    make_version,
    promote,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

URL = "/api/v1/batch-predictions"
CSV = b"member,amount,visits,colour\nTRUE,1.5,3,green\nFALSE,0,0,red\n"


@pytest.fixture
def hers(client_of, alice):
    return client_of(alice)


def submit(client, body=None, key=None, **headers):
    return client.post(
        URL,
        {"features": [ROW]} if body is None else body,
        format="json",
        headers={"Idempotency-Key": key or uuid4().hex, **headers},
    )


def upload(client, content=CSV, name="rows.csv", content_type="text/csv", **fields):
    file = SimpleUploadedFile(name, content, content_type=content_type)
    return client.post(
        URL,
        {"file": file, **fields},
        format="multipart",
        headers={"Idempotency-Key": uuid4().hex},
    )


def work(job_id):
    splitting.split_batch_prediction(job_id=job_id)
    while running.run_batch_chunk(job_id=job_id):
        pass


def finished(client, response):
    """The job's URL, once it has been worked off."""
    assert response.status_code == 202, response.content
    work(response.json()["id"])
    return f"{URL}/{response.json()['id']}"


def content_of(response):
    return b"".join(response.streaming_content)


def lines_of(response):
    return [json.loads(line) for line in content_of(response).splitlines()]


class TestSubmit:
    def test_answers_202_with_where_to_follow_it(self, hers, sent_tasks):
        response = submit(hers, {"model": "churn", "features": [ROW, ROW_IN_ORDER]})

        assert response.status_code == 202, response.content
        job = BatchPrediction.objects.get()
        answer = response.json()
        assert response["Location"] == f"{URL}/{job.pk}"
        assert (answer["id"], answer["status"], answer["model"], answer["version"]) == (
            str(job.pk),
            "queued",
            "churn",
            1,
        )
        assert answer["counts"] == {"total": None, "succeeded": 0, "failed": 0}
        assert (answer["percent"], answer["rows_per_second"], answer["eta_seconds"]) == (None,) * 3
        assert answer["input"]["format"] == "jsonl"
        assert job.request_id == response["X-Request-Id"]
        assert sent_tasks == [("ml_models.split_batch_prediction", {"job_id": str(job.pk)})]

    @pytest.mark.parametrize("features", [[ROW], [ROW_IN_ORDER], ROW, ROW_IN_ORDER])
    def test_takes_rows_in_every_form_that_predict_takes(self, hers, features):
        url = finished(hers, submit(hers, {"features": features}))

        assert lines_of(hers.get(f"{url}/results")) == [{"row": 0, "prediction": [expected(ROW)]}]

    @pytest.mark.parametrize(
        ("name", "content_type", "fields"),
        [
            ("rows.csv", "application/octet-stream", {}),
            ("rows.CSV", "", {}),
            ("rows", "text/csv", {}),
            ("rows.txt", "text/plain", {"input_format": "csv"}),
        ],
    )
    def test_takes_a_csv_file_by_its_name_type_or_word(self, hers, name, content_type, fields):
        response = upload(hers, name=name, content_type=content_type, **fields)

        url = finished(hers, response)
        assert [line["prediction"] for line in lines_of(hers.get(f"{url}/results"))] == [
            [expected(ROW)],
            [0.0],
        ]

    def test_takes_a_json_lines_file(self, hers):
        url = finished(hers, upload(hers, json.dumps(ROW).encode(), "rows.jsonl", model="churn"))

        assert lines_of(hers.get(f"{url}/results"))[0]["prediction"] == [expected(ROW)]

    def test_takes_a_version_or_an_alias(self, hers, artefacts):
        promote(make_ready_version(artefacts["steeper"]), "canary")

        by_number = submit(hers, {"model": "churn", "version": 2, "features": [ROW]}).json()
        by_alias = submit(hers, {"model": "churn", "alias": "canary", "features": [ROW]}).json()

        assert (by_number["version"], by_number["alias"]) == (2, "")
        assert (by_alias["version"], by_alias["alias"]) == (2, "canary")

    def test_needs_an_idempotency_key(self, hers, assert_problem):
        response = hers.post(URL, {"features": [ROW]}, format="json")

        assert_problem(response, 400, "idempotency_key_missing")
        assert not BatchPrediction.objects.exists()

    def test_makes_one_job_for_one_key(self, hers, assert_problem):
        first, again = submit(hers, key="once"), submit(hers, key="once")

        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json()["id"] == again.json()["id"]
        assert again["Idempotency-Replayed"] == "true"
        assert BatchPrediction.objects.count() == 1
        other = submit(hers, {"features": [ROW, ROW]}, key="once")
        assert_problem(other, 422, "idempotency_key_reused")

    @pytest.mark.parametrize(
        ("body", "pointer", "code"),
        [
            ({}, "#/features", "required"),
            ({"features": "rows"}, "#/features", "invalid_type"),
            ({"features": [ROW], "rows": 1}, "#/rows", "unknown_field"),
            ({"features": [ROW], "output_format": "xml"}, "#/output_format", "invalid_choice"),
            ({"features": [ROW], "version": 1}, "#/model", "required"),
            (
                {"features": [ROW], "model": "churn", "version": 1, "alias": "champion"},
                "#/alias",
                "conflict",
            ),
            ({"features": [ROW], "model": "churn", "version": "1"}, "#/version", "invalid_type"),
        ],
    )
    def test_says_which_member_is_wrong(self, hers, assert_problem, body, pointer, code):
        assert_problem(submit(hers, body), 400, "validation_failed", at=(pointer, code))
        assert not BatchPrediction.objects.exists()

    @pytest.mark.parametrize("features", [[], {}])
    def test_needs_rows(self, hers, assert_problem, features):
        response = submit(hers, {"features": features})

        assert_problem(response, 400, "invalid_features", at=("#/features", "empty"))

    def test_says_which_column_is_wrong(self, hers, assert_problem):
        response = upload(hers, b"amount,visits,color,member\n1,2,red,TRUE\n")

        problem = assert_problem(response, 400, "invalid_file", at=("#/file", "missing_column"))
        assert [error["detail"] for error in problem["errors"]] == [
            "Column 'colour' is missing.",
            "Column 'color' is no feature.",
        ]

    def test_does_not_guess_a_format(self, hers, assert_problem):
        response = upload(hers, name="rows.xlsx", content_type="application/x")

        assert_problem(response, 400, "invalid_file", at=("#/file", "unknown_format"))

    def test_refuses_more_in_json_than_one_call_may_have(self, hers, assert_problem):
        features = ["x" * 1_000] * (settings.PREDICT_MAX_BODY_BYTES // 1_000)

        assert_problem(submit(hers, {"features": features}), 413, "body_too_large")

    @pytest.mark.parametrize(
        ("target", "problem"),
        [
            ({"model": "nobody"}, (404, "model_not_found")),
            ({"model": "churn", "version": 9}, (404, "model_version_not_found")),
            ({"model": "churn", "alias": "canary"}, (404, "model_alias_not_found")),
            ({"model": "churn", "version": 2}, (409, "version_not_ready")),
            ({"model": "churn", "version": 3}, (410, "model_version_retired")),
        ],
    )
    def test_refuses_a_target_that_cannot_answer(
        self, hers, assert_problem, artefacts, target, problem
    ):
        make_version("churn")
        make_ready_version(artefacts["linear"])
        retiring.retire_version(model_name="churn", number=3, actor=None, now=timezone.now())

        assert_problem(submit(hers, {**target, "features": [ROW]}), *problem)

    def test_needs_a_credential(self, client_of, assert_problem):
        assert_problem(submit(client_of(None)), 401, "not_authenticated")


class TestVersionInAForm:
    def test_is_the_plain_decimal(self, hers):
        assert upload(hers, model="churn", version="1").json()["version"] == 1

    @pytest.mark.parametrize("text", ["1_0", "\u0661", " 1", "+1", "01", "1.0", "-1", "0", "one"])
    def test_is_no_other_spelling(self, hers, text, assert_problem):
        answer = upload(hers, model="churn", version=text)

        assert_problem(answer, 400, "validation_failed", at=("#/version", "invalid"))
        assert not BatchPrediction.objects.exists()


class TestRead:
    def test_shows_counts_speed_and_times(self, hers):
        url = finished(hers, upload(hers, CSV + b"x\n"))

        answer = hers.get(url).json()

        assert answer["status"] == "partially_succeeded"
        assert answer["counts"] == {"total": 3, "succeeded": 2, "failed": 1}
        assert (answer["percent"], answer["eta_seconds"], answer["detail"]) == (100.0, None, None)
        assert answer["rows_per_second"] > 0
        assert answer["created_at"] < answer["started_at"] < answer["finished_at"]
        assert answer["expires_at"] > answer["finished_at"]

    def test_shows_how_far_it_is(self, hers, settings):
        settings.BATCH_CHUNK_ROWS = 1
        job_id = submit(hers, {"features": [ROW] * 3}).json()["id"]
        splitting.split_batch_prediction(job_id=job_id)
        running.run_batch_chunk(job_id=job_id)

        answer = hers.get(f"{URL}/{job_id}").json()

        assert (answer["status"], answer["percent"]) == ("running", 33.3)
        assert answer["counts"] == {"total": 3, "succeeded": 1, "failed": 0}
        assert answer["eta_seconds"] >= 0

    def test_says_why_it_failed(self, hers, storage_of_its_own):
        response = submit(hers)
        (storage_of_its_own / BatchPrediction.objects.get().input_name).unlink()
        url = finished(hers, response)

        assert hers.get(url).json()["detail"] == {
            "code": "input_missing",
            "detail": "The input is no longer there.",
        }

    @pytest.mark.parametrize("path", ["", "/results", "/errors"])
    def test_does_not_show_another_user_s(self, hers, client_of, mallory, assert_problem, path):
        url = finished(hers, submit(hers))

        assert client_of(mallory).get(f"{url}{path}").status_code == 404

    def test_lists_ones_own_newest_first(self, hers, client_of, mallory):
        first, second = (submit(hers).json()["id"] for _ in range(2))
        submit(client_of(mallory))

        assert [job["id"] for job in hers.get(URL).json()["results"]] == [second, first]

    def test_can_be_filtered(self, hers):
        done = finished(hers, submit(hers)).rpartition("/")[2]
        submit(hers)

        assert [job["id"] for job in hers.get(f"{URL}?status=succeeded").json()["results"]] == [
            done
        ]
        assert len(hers.get(f"{URL}?status__in=queued,succeeded").json()["results"]) == 2
        assert hers.get(f"{URL}?model=other").json()["results"] == []
        assert hers.get(f"{URL}?status=unheard").status_code == 400

    def test_lists_many_in_as_many_queries_as_one(self, hers, django_assert_max_num_queries):
        for _ in range(5):
            submit(hers)

        with django_assert_max_num_queries(1):
            hers.get(URL)


class TestResults:
    def test_are_a_file_to_be_kept(self, hers):
        url = finished(hers, submit(hers))

        response = hers.get(f"{url}/results")

        assert response["Content-Type"] == "application/x-ndjson"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"].startswith('attachment; filename="results-')
        assert int(response["Content-Length"]) == len(content_of(response))

    def test_come_as_csv_when_asked_for(self, hers):
        url = finished(hers, upload(hers, CSV + b"=1,x,3,green\n", output_format="csv"))

        results = hers.get(f"{url}/results")
        errors = hers.get(f"{url}/errors")

        assert results["Content-Type"] == "text/csv; charset=utf-8"
        assert content_of(results) == b"row,score\r\n0,20.5\r\n1,0.0\r\n"
        rows = list(csv.reader(io.StringIO(content_of(errors).decode())))
        assert rows == [
            ["row", "line", "feature", "code", "detail"],
            ["2", "4", "amount", "wrong_type", "'amount' must be a number."],
            ["2", "4", "member", "wrong_type", "'member' must be a boolean."],
        ]

    @pytest.mark.parametrize(
        ("header", "status", "span"),
        [
            ("bytes=0-9", 206, (0, 9)),
            ("bytes=5-5", 206, (5, 5)),
            ("bytes=10-", 206, (10, None)),
            ("bytes=-7", 206, (-7, None)),
            ("bytes=0-999999", 206, (0, None)),
            ("bytes=-999999", 206, (0, None)),
            ("bytes=9-5", 200, (0, None)),
            ("bytes=0-1,3-4", 200, (0, None)),
            ("rows=0-1", 200, (0, None)),
        ],
    )
    def test_can_be_had_in_part(self, hers, settings, header, status, span):
        first, last = span
        settings.BATCH_CHUNK_ROWS = 2
        body = {"features": [{**ROW, "amount": i} for i in range(9)], "output_format": "csv"}
        url = finished(hers, submit(hers, body))
        whole = content_of(hers.get(f"{url}/results"))

        response = hers.get(f"{url}/results", headers={"Range": header})

        wanted = whole[first:] if last is None else whole[first : last + 1]
        assert (response.status_code, content_of(response)) == (status, wanted)
        assert int(response["Content-Length"]) == len(wanted)
        if status == 206:
            start = len(whole) + first if first < 0 else first
            assert response["Content-Range"] == (
                f"bytes {start}-{start + len(wanted) - 1}/{len(whole)}"
            )

    def test_every_range_is_that_piece_of_the_whole(self, hers, settings):
        settings.BATCH_CHUNK_ROWS = 1
        url = finished(hers, submit(hers, {"features": [ROW] * 4, "output_format": "csv"}))
        whole = content_of(hers.get(f"{url}/results"))

        for start in range(len(whole)):
            for stop in (start, len(whole) - 1):
                response = hers.get(f"{url}/results", headers={"Range": f"bytes={start}-{stop}"})
                assert content_of(response) == whole[start : stop + 1]

    @pytest.mark.parametrize("header", ["bytes=9999-", "bytes=-0"])
    def test_have_no_part_behind_their_end(self, hers, assert_problem, header):
        url = finished(hers, submit(hers))

        response = hers.get(f"{url}/results", headers={"Range": header})

        assert_problem(response, 416, "range_not_satisfiable")
        assert response["Content-Range"] == f"bytes */{len(content_of(hers.get(f'{url}/results')))}"

    def test_come_whole_when_they_are_not_the_ones_seen(self, hers):
        url = finished(hers, submit(hers))
        tag = hers.get(f"{url}/results")["ETag"]

        same = hers.get(f"{url}/results", headers={"Range": "bytes=0-3", "If-Range": tag})
        other = hers.get(f"{url}/results", headers={"Range": "bytes=0-3", "If-Range": '"x"'})

        assert (same.status_code, other.status_code) == (206, 200)

    @pytest.mark.parametrize("path", ["results", "errors"])
    @pytest.mark.parametrize("known", ["{tag}", "W/{tag}", "*", '"other", W/{tag}'])
    def test_are_not_sent_again_to_who_has_them(self, hers, path, known):
        url = f"{finished(hers, submit(hers))}/{path}"
        tag = hers.get(url)["ETag"]

        again = hers.get(
            url, headers={"If-None-Match": known.format(tag=tag), "Range": "bytes=0-3"}
        )

        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert hers.get(url, headers={"If-None-Match": '"other"'}).status_code == 200

    @pytest.mark.parametrize("header", ["bytes=0-3", "bytes=9999-"])
    def test_have_no_part_for_head(self, hers, header):
        url = finished(hers, submit(hers))
        size = len(content_of(hers.get(f"{url}/results")))

        response = hers.head(f"{url}/results", headers={"Range": header})

        assert (response.status_code, response["Content-Length"]) == (200, str(size))
        assert "Content-Range" not in response

    def test_are_not_there_before_the_end(self, hers, assert_problem):
        job_id = submit(hers).json()["id"]

        response = hers.get(f"{URL}/{job_id}/results")

        assert_problem(response, 409, "batch_prediction_not_finished")

    def test_are_gone_after_their_time(self, hers, assert_problem):
        url = finished(hers, submit(hers))
        BatchPrediction.objects.update(expires_at=Now())
        reaping.expire_batch_predictions()

        for path in ("results", "errors"):
            assert_problem(hers.get(f"{url}/{path}"), 410, "batch_prediction_expired")
        assert hers.get(url).json()["status"] == "expired"


class TestCancel:
    def test_takes_no_input(self, hers, assert_problem):
        job = submit(hers).json()

        answer = hers.post(f"{URL}/{job['id']}/cancel", {"reason": "x"}, format="json")

        assert_problem(answer, 400, "validation_failed", at=("#/reason", "unknown_field"))
        assert BatchPrediction.objects.get().status == "queued"

    def test_stops_it_and_is_the_same_twice(self, hers, alice):
        job_id = submit(hers).json()["id"]

        answers = [hers.post(f"{URL}/{job_id}/cancel") for _ in range(2)]

        assert [(a.status_code, a.json()["status"]) for a in answers] == [(200, "cancelled")] * 2
        entry = AuditEntry.objects.get(action="ml_models.batch_prediction.cancelled")
        assert (entry.actor_id, entry.object_id) == (alice.pk, job_id)

    def test_waits_for_the_chunk_in_work(self, hers):
        job_id = submit(hers).json()["id"]
        splitting.split_batch_prediction(job_id=job_id)
        leasing.claim_chunk(job_id)

        assert hers.post(f"{URL}/{job_id}/cancel").json()["status"] == "cancelling"

    def test_comes_too_late_for_a_finished_one(self, hers, assert_problem):
        url = finished(hers, submit(hers))

        assert_problem(hers.post(f"{url}/cancel"), 409, "batch_prediction_finished")

    def test_is_not_for_another_user(self, hers, client_of, mallory, assert_problem):
        job_id = submit(hers).json()["id"]

        response = client_of(mallory).post(f"{URL}/{job_id}/cancel")

        assert_problem(response, 404, "batch_prediction_not_found")
        assert BatchPrediction.objects.get().status == "queued"
