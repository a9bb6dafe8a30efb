"""Batch predictions in lists: `expand`, tags that hold, the second speed, an index an order."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.ml_models.api.v1.serializers.batches import BatchPredictionOut
from apps.ml_models.api.v1.views.batches import BatchPredictionViewSet
from apps.ml_models.models import BatchPrediction, ModelVersion, RegisteredModel
from apps.ml_models.selectors.batches import Progress
from core.api.expansion import WHOLE, Selection
from core.api.renderers import dump_json
from core.api.rows import row_shape
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.two_speeds import both_answers, both_walks

URL = "/api/v1/batch-predictions"
READY = {
    "state": "ready",
    "artefact_digest": "a" * 64,
    "manifest": {},
    "signature": {"features": [], "outputs": []},
    "engine": "litert",
}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MEMBERS = sorted(BatchPredictionOut().fields)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
COUNTS = st.integers(0, 2**62)
TIMES = st.datetimes(timezones=st.just(UTC))
VERSIONS = st.builds(
    ModelVersion,
    model=st.builds(RegisteredModel, name=TEXTS),
    number=st.integers(1, 2**31 - 1),
)
JOBS = st.builds(
    BatchPrediction,
    id=st.uuids(),
    application_id=st.none() | st.uuids(),
    version=VERSIONS,
    artefact_digest=TEXTS,
    alias=TEXTS,
    status=st.sampled_from(BatchPrediction.Status.values),
    detail_code=TEXTS,
    detail=TEXTS,
    input_format=st.sampled_from(BatchPrediction.InputFormat.values),
    input_sha256=TEXTS,
    input_bytes=COUNTS,
    output_format=st.sampled_from(BatchPrediction.OutputFormat.values),
    total_rows=st.none() | COUNTS,
    succeeded_rows=COUNTS,
    failed_rows=COUNTS,
    created_at=TIMES,
    updated_at=TIMES,
    started_at=st.none() | TIMES,
    cancelling_at=st.none() | TIMES,
    finished_at=st.none() | TIMES,
    expires_at=TIMES,
    expired_at=st.none() | TIMES,
)
SELECTIONS = st.just(WHOLE) | st.sets(st.sampled_from(MEMBERS), min_size=1).map(
    lambda names: Selection(frozenset(names))
)


def value_at(row, column):
    for step in column.split("__"):
        row = getattr(row, step)
    return row


def make_jobs(user, count, version=None, **fields):
    if version is None:
        model = RegisteredModel.objects.create(name=f"of-{user.username}")
        version = ModelVersion.objects.create(
            model=model,
            number=1,
            upload_digest="0" * 64,
            upload_bytes=1,
            validated_at=NOON,
            **READY,
        )
    return BatchPrediction.objects.bulk_create(
        BatchPrediction(
            user=user,
            version=version,
            artefact_digest="0" * 64,
            input_format="csv",
            input_name=f"batch/{number}",
            input_sha256="0" * 64,
            input_bytes=number,
            expires_at=NOON,
            **{"status": "queued", **fields},
        )
        for number in range(count)
    )


@pytest.fixture
def hers(client_of, alice):
    return client_of(alice)


class TestRowShape:
    @given(JOBS, SELECTIONS)
    @hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    def test_makes_the_bytes_that_the_serializer_makes(self, job, selection):
        shape = row_shape(BatchPredictionOut, selection, ["created_at", "id"])
        values = tuple(value_at(job, column) for column in shape.columns)

        slow = BatchPredictionOut(job, selection=selection).data

        assert dump_json(shape.make(values)) == dump_json(slow)


@pytest.mark.django_db
class TestList:
    @pytest.fixture(autouse=True)
    def _jobs(self, alice):
        jobs = make_jobs(alice, 4)
        version = jobs[0].version
        make_jobs(
            alice,
            3,
            version,
            status="running",
            total_rows=1_000,
            succeeded_rows=700,
            failed_rows=3,
            started_at=timezone.now() - timedelta(seconds=9),
        )
        end = timezone.now() + timedelta(seconds=1)
        make_jobs(
            alice,
            2,
            version,
            status="failed",
            detail_code="invalid_file",
            detail="Zeile 1: é",
            finished_at=end,
        )

    @pytest.mark.parametrize(
        "query",
        ["", "?fields=id,counts", "?fields=percent", "?status=running", "?model__contains=OF-",
         "?sort=-finished_at&include=total", "?finished_at__isnull=true", "?failed_rows__gt=2"],
    )  # fmt: skip
    def test_is_the_same_as_the_slow_one(self, hers, monkeypatch, query):
        quick, slow = both_answers(hers, BatchPredictionViewSet, URL + query, monkeypatch)

        assert quick == slow

    @pytest.mark.parametrize("sort", ["created_at", "-created_at", "status", "finished_at"])
    def test_is_the_same_on_every_page(self, hers, monkeypatch, sort):
        url = f"{URL}?limit=2&sort={sort}"
        pages = list(both_walks(hers, BatchPredictionViewSet, url, monkeypatch))

        assert len(pages) == 5
        assert all(quick == slow for quick, slow in pages)

    def test_reads_no_document_of_a_version(self, hers):
        with CaptureQueriesContext(connection) as captured:
            hers.get(URL)

        assert not any(
            name in each["sql"]
            for each in captured
            for name in ("manifest", "signature", "validation_report")
        )

    def test_may_hold_the_version_and_its_model(self, hers):
        job = hers.get(f"{URL}?expand=version.model&limit=1").json()["results"][0]

        assert (job["model"], job["version"]["version"], job["version"]["state"]) == (
            "of-alice",
            1,
            "ready",
        )
        assert job["version"]["model"]["name"] == "of-alice"
        assert job["version"]["model"]["aliases"] == []

    @pytest.mark.parametrize("expand", ["version", "version.model"])
    def test_costs_as_many_statements_for_one_as_for_fifty(self, hers, alice, expand):
        def statements(limit):
            with CaptureQueriesContext(connection) as captured:
                answer = hers.get(f"{URL}?expand={expand}&limit={limit}")
            assert len(answer.json()["results"]) == limit
            return len(captured)

        version = BatchPrediction.objects.first().version
        make_jobs(alice, 50, version)
        hers.get(URL)

        assert statements(1) == statements(50)

    def test_shows_a_version_to_those_who_may_read_models(self, alice, assert_problem):
        shop = make_application(alice)
        client = client_with(make_key(shop, scopes=["batch-predictions:read"]).key)

        problem = assert_problem(client.get(f"{URL}?expand=version"), 403, "insufficient_scope")

        assert problem["required_scope"] == "models:read"

    @pytest.mark.parametrize(
        ("sort", "index"),
        [
            ("-created_at", "batch_prediction_by_user"),
            ("created_at", "batch_prediction_by_user"),
            ("status", "batch_prediction_by_status"),
            ("-status", "batch_prediction_by_status"),
            ("finished_at", "batch_prediction_by_end"),
            ("-finished_at", "batch_prediction_by_end"),
        ],
    )
    def test_has_an_index_for_each_order(self, hers, alice, sort, index):
        """PostgreSQL takes it as soon as sorting is dear."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        with CaptureQueriesContext(connection) as captured:
            hers.get(f"{URL}?sort={sort}&limit=1")
        listing = next(e["sql"] for e in captured if "ml_models_batchprediction" in e["sql"])

        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {listing}")
            plan = "\n".join(row[0] for row in cursor.fetchall())

        assert index in plan
        assert "Sort" not in plan


@pytest.mark.django_db
class TestTag:
    def test_holds_while_the_clock_goes_on(self, hers, alice):
        [job] = make_jobs(
            alice,
            1,
            status="running",
            total_rows=1_000,
            succeeded_rows=700,
            started_at=timezone.now() - timedelta(seconds=9),
        )
        first = hers.get(f"{URL}/{job.pk}")

        second = hers.get(f"{URL}/{job.pk}")

        assert first.json()["rows_per_second"] > 0
        assert (first.content, first["ETag"]) == (second.content, second["ETag"])
        known = hers.get(f"{URL}/{job.pk}", HTTP_IF_NONE_MATCH=first["ETag"])
        assert (known.status_code, known.content) == (304, b"")

    def test_moves_with_each_chunk(self, hers, alice):
        [job] = make_jobs(alice, 1, status="running", total_rows=9, started_at=timezone.now())
        tag = hers.get(f"{URL}/{job.pk}")["ETag"]

        job.succeeded_rows = 3
        job.save(update_fields=["succeeded_rows"])

        again = hers.get(f"{URL}/{job.pk}", HTTP_IF_NONE_MATCH=tag)
        assert (again.status_code, again.json()["counts"]["succeeded"]) == (200, 3)

    def test_moves_with_an_alias_of_the_expanded_version(self, hers, alice):
        [job] = make_jobs(alice, 1)
        url = f"{URL}/{job.pk}?expand=version"
        tag = hers.get(url)["ETag"]
        assert hers.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304

        job.version.model.aliases.create(alias="canary", version=job.version, generation=1)

        again = hers.get(url, HTTP_IF_NONE_MATCH=tag)
        assert (again.status_code, again.json()["version"]["aliases"]) == (200, ["canary"])


class TestProgress:
    """As of the row's last write, whatever the clock says now."""

    def of(self, **changes):
        facts = {
            "status": "running",
            "total_rows": 1_000,
            "succeeded_rows": 390,
            "failed_rows": 10,
            "started_at": NOON,
            "updated_at": NOON + timedelta(seconds=10),
            "finished_at": None,
        }
        return Progress(**{**facts, **changes})

    def test_is_a_share_a_speed_and_a_time_left(self):
        progress = self.of()

        assert (progress.percent, progress.rows_per_second, progress.eta_seconds) == (
            40.0,
            40.0,
            15,
        )

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"total_rows": None}, (None, 40.0, None)),
            ({"started_at": None}, (40.0, None, None)),
            ({"succeeded_rows": 0, "failed_rows": 0}, (0.0, None, None)),
            ({"status": "cancelling"}, (40.0, 40.0, None)),
            ({"finished_at": NOON + timedelta(seconds=20), "status": "failed"}, (40.0, 20.0, None)),
            ({"updated_at": NOON}, (40.0, 400_000.0, 1)),
        ],
    )
    def test_is_unknown_where_it_is(self, changes, expected):
        progress = self.of(**changes)

        assert (progress.percent, progress.rows_per_second, progress.eta_seconds) == expected
