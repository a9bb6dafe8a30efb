"""What the gate asks of a version, check by check."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from apps.ml_models.errors import (
    InvalidNameError,
    ModelVersionNotReadyError,
    ModelVersionRetiredError,
    PromotionRefusedError,
)
from apps.ml_models.models import ModelVersion, Replay, ServedVersion, ServingProcess
from apps.ml_models.selectors.registry import find_alias
from apps.ml_models.selectors.replays import wilson
from apps.ml_models.services import aliasing, gating
from core.ids import uuid7
from tests.factories.ml_models import make_ready_version, make_version, promote
from tests.factories.promotions import set_policy

pytestmark = pytest.mark.django_db

CODES = ["runnable", "golden", "signature", "memory", "latency", "metric", "replay"]


@pytest.fixture
def champion(artefacts):
    version = make_ready_version(artefacts["linear"], metrics={"auc": 0.9, "error": 0.3})
    promote(version)
    return version


def report(latency=None, **more):
    """A validation report of LiteRT."""
    latencies = {} if latency is None else {"1": latency, "8": 9.0}
    return {"engines": {"litert": {"ok": True, "latency_us": latencies, **more}}}


def judged(version, alias="champion"):
    current = find_alias(version.model.name, alias)
    found = gating.judge(model=version.model, alias=alias, version=version, current=current)
    return {check.code: check for check in found.checks}


def verdict(version, code):
    check = judged(version)[code]
    return check.passed, check.wanted, check.found


class TestReport:
    def test_asks_everything_in_one_order_and_passes_without_a_policy(self, champion, artefacts):
        found = gating.report_of(
            model_name="churn",
            number=make_ready_version(artefacts["steeper"]).number,
            alias="champion",
        )

        assert [check.code for check in found.checks] == CODES
        assert (found.passed, found.failed, found.against) == (True, (), 1)

    def test_compares_a_first_champion_with_nothing(self, artefacts):
        version = make_ready_version(artefacts["linear"])
        set_policy(version.model, gate_metric="auc", gate_max_flips=0.0)

        found = gating.report_of(model_name="churn", number=1, alias="champion")

        assert (found.passed, found.against) == (True, None)

    def test_of_an_alias_that_was_deleted_is_against_what_answered_last(self, champion, artefacts):
        set_policy(champion.model, gate_metric="auc")
        worse = make_ready_version(artefacts["pair"], metrics={"auc": 0.5})
        aliasing.delete_alias(model_name="churn", alias="champion", actor=None)

        found = gating.report_of(model_name="churn", number=worse.number, alias="champion")

        assert found.against == 1
        assert [check.code for check in found.failed] == ["signature", "metric"]
        with pytest.raises(PromotionRefusedError):
            promote(worse)
        promote(champion)

    def test_compares_with_the_alias_that_is_asked_about(self, champion, artefacts):
        promote(make_ready_version(artefacts["steeper"]), "challenger")

        found = gating.report_of(model_name="churn", number=1, alias="challenger")

        assert (found.alias, found.against) == ("challenger", 2)

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"state": "uploaded"}, ModelVersionNotReadyError),
            ({"state": "rejected", "reason_code": "x"}, ModelVersionNotReadyError),
        ],
        ids=["uploaded", "rejected"],
    )
    def test_has_nothing_to_say_of_what_is_not_ready(self, champion, fields, error):
        make_version("churn", **fields)

        with pytest.raises(error):
            gating.report_of(model_name="churn", number=2, alias="champion")

    def test_has_nothing_to_say_of_what_is_retired(self, champion, artefacts):
        version = make_ready_version(artefacts["steeper"])
        ModelVersion.objects.filter(pk=version.pk).update(
            state="retired", retired_at=version.validated_at
        )

        with pytest.raises(ModelVersionRetiredError):
            gating.report_of(model_name="churn", number=2, alias="champion")

    def test_knows_no_alias_of_an_impossible_name(self, champion):
        with pytest.raises(InvalidNameError):
            gating.report_of(model_name="churn", number=1, alias="No such")


class TestRunnable:
    def test_fails_what_web_processes_may_not_run(self, champion, artefacts, settings):
        version = make_ready_version(artefacts["steeper"], without_litert=True)

        assert verdict(version, "runnable") == (False, None, None)

        settings.SERVING_ALLOW_TENSORFLOW = True
        assert verdict(version, "runnable") == (True, None, None)


class TestGolden:
    def test_takes_the_manifest_as_proof(self, champion, artefacts):
        version = make_ready_version(
            artefacts["steeper"], validation_report=report(largest_difference=2e-6)
        )

        assert verdict(version, "golden") == (True, None, 2e-6)

    def test_fails_an_engine_that_the_manifest_has_no_file_for(self, champion, artefacts):
        version = make_ready_version(artefacts["steeper"], without_litert=True)
        version.engine = "litert"

        assert verdict(version, "golden") == (False, None, None)

    def test_fails_an_engine_that_validation_found_wanting(self, champion, artefacts):
        bad = {"engines": {"litert": {"ok": False, "reason_code": "parity"}}}
        version = make_ready_version(artefacts["steeper"], validation_report=bad)

        assert verdict(version, "golden") == (False, None, None)


class TestSignature:
    def test_fails_a_version_that_callers_would_stumble_over(self, champion, artefacts):
        version = make_ready_version(artefacts["pair"])

        check = judged(version)["signature"]

        assert (check.passed, check.detail) == (
            False,
            "Feature 'amount' has a narrower range.",
        )


class TestMemory:
    def test_wants_room_for_both_by_their_files_where_nobody_has_measured(
        self, champion, artefacts, settings
    ):
        version = make_ready_version(artefacts["steeper"])
        files = [
            row.manifest["files"]["litert"]["bytes"] for row in ModelVersion.objects.order_by("pk")
        ]
        needed = float(gating.COPIES * sum(files))

        settings.SERVING_BUDGET_BYTES = int(needed)
        assert verdict(version, "memory") == (True, needed, needed)

        settings.SERVING_BUDGET_BYTES -= 1
        assert verdict(version, "memory") == (False, needed - 1, needed)

    def test_is_told_in_mebibytes(self, champion, artefacts, settings):
        settings.SERVING_BUDGET_BYTES = 512 * 2**20
        measured = report(loaded_bytes=3 * 2**19)
        for version in (champion, make_ready_version(artefacts["steeper"])):
            ModelVersion.objects.filter(pk=version.pk).update(validation_report=measured)
        version.refresh_from_db()

        detail = judged(version)["memory"].detail

        assert detail == "3.0 of 512.0 MiB in each process, version 1 beside it."

    def test_goes_by_what_was_measured(self, champion, artefacts, settings):
        settings.SERVING_BUDGET_BYTES = 1000
        version = make_ready_version(
            artefacts["steeper"], validation_report=report(loaded_bytes=400)
        )
        process = ServingProcess.objects.create(id=uuid7(), role="web", host="here", pid=1)
        for row, measured in ((champion, 500), (version, 450)):
            ServedVersion.objects.create(
                process=process, version=row, state="available", measured_bytes=measured
            )

        assert verdict(version, "memory") == (True, 1000.0, 950.0)

        ServedVersion.objects.filter(version=version).update(measured_bytes=501)
        assert verdict(version, "memory") == (False, 1000.0, 1001.0)


class TestLatency:
    @pytest.mark.parametrize(
        ("budget", "measured", "expected"),
        [
            (None, 80.0, (True, None, 80.0)),
            (80, 80.0, (True, 80, 80.0)),
            (79, 80.0, (False, 79, 80.0)),
            (80, None, (False, 80, None)),
        ],
        ids=["no budget", "within", "beyond", "not measured"],
    )
    def test_is_of_one_row_in_the_engine_that_serves(
        self, champion, artefacts, budget, measured, expected
    ):
        set_policy(champion.model, gate_latency_us=budget)
        version = make_ready_version(artefacts["steeper"], validation_report=report(measured))

        assert verdict(version, "latency") == expected


class TestMetric:
    @pytest.mark.parametrize(
        ("policy", "metrics", "expected"),
        [
            ({"gate_metric": "auc"}, {"auc": 0.9}, (True, 0.9, 0.9)),
            ({"gate_metric": "auc"}, {"auc": 0.89}, (False, 0.9, 0.89)),
            ({"gate_metric": "auc", "gate_tolerance": 0.25}, {"auc": 0.65}, (True, 0.65, 0.65)),
            ({"gate_metric": "auc", "gate_tolerance": 0.25}, {"auc": 0.64}, (False, 0.65, 0.64)),
            (
                {"gate_metric": "error", "gate_lower_is_better": True},
                {"error": 0.31},
                (False, 0.3, 0.31),
            ),
            (
                {"gate_metric": "error", "gate_lower_is_better": True, "gate_tolerance": 0.5},
                {"error": 0.8},
                (True, 0.8, 0.8),
            ),
            ({"gate_metric": "auc"}, {}, (False, None, None)),
            ({"gate_metric": "auc"}, {"auc": True}, (False, None, None)),
            ({"gate_metric": "auc"}, {"auc": "0.99"}, (False, None, None)),
            ({"gate_metric": "f1"}, {"f1": 0.1}, (True, None, 0.1)),
            ({"gate_metric": ""}, {}, (True, None, None)),
        ],
        ids=[
            "the same",
            "worse",
            "worse within the tolerance",
            "worse beyond it",
            "a larger error",
            "a larger error within the tolerance",
            "none",
            "a boolean",
            "text",
            "one that the champion lacks",
            "not asked for",
        ],
    )
    def test_is_held_against_the_champions(self, champion, artefacts, policy, metrics, expected):
        set_policy(champion.model, **policy)
        version = make_ready_version(artefacts["steeper"], metrics=metrics)

        assert verdict(version, "metric") == pytest.approx(expected)


class TestReplay:
    SCORING = {"output": "", "index": None, "threshold": 0.5}

    def replayed(self, version, against, *, state="succeeded", scoring=SCORING, **counts):
        return Replay.objects.create(
            model=version.model,
            candidate=version,
            baseline=against,
            requested=10,
            state=state,
            reason_code="" if state == "succeeded" else "x",
            result={"scoring": scoring},
            finished_at=version.validated_at,
            **counts,
        )

    @pytest.fixture
    def version(self, champion, artefacts):
        set_policy(champion.model, gate_max_flips=0.1)
        return make_ready_version(artefacts["steeper"])

    def test_is_needed_where_the_policy_sets_a_bound(self, version):
        assert verdict(version, "replay") == (False, 0.1, None)

        set_policy(version.model, gate_max_flips=None)
        assert verdict(version, "replay") == (True, None, None)

    def test_counts_rows_that_failed_like_rows_that_flip(self, version, champion):
        self.replayed(version, champion, rows=100, flips=2, failed_rows=2)
        assert verdict(version, "replay") == (True, 0.1, wilson(4, 100).high)

        self.replayed(version, champion, rows=100, flips=2, failed_rows=3)
        assert verdict(version, "replay") == (False, 0.1, wilson(5, 100).high)

    @pytest.mark.parametrize(
        ("rows", "flips", "passed"),
        [(1, 0, False), (34, 0, False), (35, 0, True), (35, 1, False), (10_000, 900, True)],
        ids=["one row", "too few", "just enough", "one of them", "many"],
    )
    def test_needs_rows_enough_to_prove_it(self, version, champion, rows, flips, passed):
        self.replayed(version, champion, rows=rows, flips=flips)

        assert judged(version)["replay"].passed is passed

    @pytest.mark.parametrize(
        ("rows", "flips", "passed"),
        [(999, 0, False), (1_000, 0, True), (100_000, 1, False)],
        ids=["too few", "enough", "one that flips"],
    )
    def test_a_bound_of_none_is_met_by_many_rows_of_which_none_flips(
        self, version, champion, rows, flips, passed
    ):
        set_policy(version.model, gate_max_flips=0.0)
        self.replayed(version, champion, rows=rows, flips=flips)

        assert judged(version)["replay"].passed is passed

    def test_must_be_of_late(self, version, champion):
        replay = self.replayed(version, champion, rows=1_000)
        Replay.objects.filter(pk=replay.pk).update(
            finished_at=Now() - gating.REPLAY_AGE_MAX - timedelta(seconds=1)
        )

        check = judged(version)["replay"]

        assert (check.passed, check.found) == (False, None)
        assert check.detail == "No replay against version 1 within 7 days."

    def test_is_the_newest_that_succeeded(self, version, champion):
        self.replayed(version, champion, rows=100, flips=50)
        self.replayed(version, champion, rows=100, flips=1)
        self.replayed(version, champion, state="failed")

        assert verdict(version, "replay") == (True, 0.1, wilson(1, 100).high)

    def test_is_against_the_present_champion(self, version, champion, artefacts):
        other = make_ready_version(artefacts["linear"])
        self.replayed(version, other, rows=100, flips=1)

        assert verdict(version, "replay") == (False, 0.1, None)

    def test_says_nothing_where_no_row_was_compared(self, version, champion):
        self.replayed(version, champion, rows=0)

        assert verdict(version, "replay") == (False, 0.1, None)

    def test_must_have_decided_as_the_policy_does_now(self, version, champion):
        self.replayed(version, champion, rows=100, flips=1)
        set_policy(version.model, decision_threshold=0.7)

        check = judged(version)["replay"]

        assert (check.passed, check.found) == (False, wilson(1, 100).high)
        assert check.detail.startswith("The newest replay decided by another threshold")
