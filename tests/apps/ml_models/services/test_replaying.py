"""Logged calls run through two versions: what is counted, and that it comes to an end."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now

from apps.ml_models.errors import (
    ModelAliasNotFoundError,
    ModelVersionNotReadyError,
    NothingToReplayError,
)
from apps.ml_models.models import LoggedPrediction, ModelVersion, Replay
from apps.ml_models.runtime.process import Runtime
from apps.ml_models.selectors.predictions import day_of_id
from apps.ml_models.selectors.replays import most_different_of, share_of, wilson
from apps.ml_models.services import replaying
from apps.ml_models.services.predictions.erasing import erase_prediction, erase_predictions
from apps.ml_models.services.predictions.keeping import purge_predictions
from apps.ml_models.services.replaying import leasing, limits, running
from core.errors import InvalidError
from core.models import AuditEntry, OutboxEvent
from serving.signature import Signature
from tests.factories.ml_models import make_ready_version, make_version, principal_of, promote
from tests.factories.parallel import in_parallel
from tests.factories.predictions import log_calls
from tests.factories.promotions import actor_of, log_call, set_policy

pytestmark = pytest.mark.django_db

THRESHOLD = 25.0
RESULT = (
    *("scoring", "skipped_rows", "differences", "decisions", "failures", "most_different"),
    *("microseconds_per_row", "ended_by", "newest_at", "oldest_at"),
)


def row(amount, visits=0, colour="red", member=False):
    """By linear its score is 10 times the amount, by steeper 20 times."""
    return [amount, visits, colour, member]


@pytest.fixture
def champion(artefacts):
    version = make_ready_version(artefacts["linear"])
    promote(version)
    set_policy(version.model, decision_threshold=THRESHOLD)
    return version


@pytest.fixture
def candidate(champion, artefacts):
    return make_ready_version(artefacts["steeper"])


def start(**fields):
    known = {"model_name": "churn", "number": 2, "against": None, "calls": 1000, "actor": None}
    return replaying.start_replay(**{**known, **fields})


def replayed(**fields):
    replay = start(**fields)
    assert replaying.run_replay(replay_id=replay.pk)
    replay.refresh_from_db()
    return replay


def tasks():
    rows = OutboxEvent.objects.filter(type="ml_models.run_replay").order_by("position")
    return [payload["replay_id"] for payload in rows.values_list("payload", flat=True)]


class TestStart:
    def test_queues_one_for_the_champion_and_a_version(self, champion, candidate, bob):
        log_call(champion)

        replay = start(actor=actor_of(bob), calls=10, reason="Before Monday.")

        assert (replay.candidate, replay.baseline) == (candidate, champion)
        assert (replay.state, replay.requested, replay.created_by_id) == ("queued", 10, bob.pk)
        assert tasks() == [str(replay.pk)]
        entry = AuditEntry.objects.get(action="ml_models.replay.started")
        assert (entry.actor_id, entry.reason, entry.after) == (
            bob.pk,
            "Before Monday.",
            {"version": 2, "against": 1, "calls": 10},
        )

    def test_compares_with_the_version_that_is_named(self, champion, candidate, artefacts):
        log_call(champion)
        other = make_ready_version(artefacts["linear"])

        assert start(against=3).baseline == other

    def test_asked_for_twice_is_one(self, champion, candidate):
        log_call(champion)

        assert start() == start()
        assert len(tasks()) == 1

    def test_is_made_anew_once_the_first_has_finished(self, champion, candidate):
        log_call(champion)

        assert replayed() != start()

    def test_needs_calls_with_features(self, champion, candidate):
        log_call(champion, outcome="model_output_invalid")
        log_call(champion, features=None, scores=None)

        with pytest.raises(NothingToReplayError):
            start()

        assert not Replay.objects.exists()

    def test_needs_a_champion_or_a_name(self, artefacts):
        log_call(make_ready_version(artefacts["linear"]))
        make_ready_version(artefacts["steeper"])

        with pytest.raises(ModelAliasNotFoundError):
            start()
        assert start(against=1).baseline.number == 1

    def test_needs_two_versions_that_are_ready(self, champion, candidate):
        log_call(champion)
        make_version("churn", state="uploaded")

        for fields in ({"number": 3}, {"against": 3}):
            with pytest.raises(ModelVersionNotReadyError):
                start(**fields)

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"number": 1}, "#/against"),
            ({"against": 2}, "#/against"),
            ({"calls": 0}, "#/calls"),
            ({"calls": limits.CALLS_MAX + 1}, "#/calls"),
        ],
        ids=["the champion", "itself", "no call", "too many calls"],
    )
    def test_refuses_what_makes_no_sense(self, champion, candidate, fields, pointer):
        log_call(champion)

        with pytest.raises(InvalidError) as refused:
            start(**fields)

        assert [fault.pointer for fault in refused.value.errors] == [pointer]


class TestRun:
    def test_counts_decisions_that_flip_and_how_far_scores_are_apart(self, champion, candidate):
        log_call(champion, [row(1.0), row(2.0)])
        newest = log_call(champion, [row(3.0), row(0.5)])

        replay = replayed()

        assert (replay.state, replay.calls, replay.rows) == ("succeeded", 2, 4)
        assert (replay.flips, replay.failed_rows) == (1, 0)  # 20 and 40; else both on one side
        assert (replay.mean_difference, replay.largest_difference) == (16.25, 30.0)
        assert replay.lease_token is None
        assert replay.finished_at is not None
        result = replay.result
        assert result["scoring"] == {"output": "", "index": None, "threshold": THRESHOLD}
        assert result["decisions"] == [
            {"baseline": 0, "candidate": 0, "rows": 2},
            {"baseline": 1, "candidate": 1, "rows": 1},
            {"baseline": 0, "candidate": 1, "rows": 1},
        ]
        assert (result["ended_by"], result["skipped_rows"], result["failures"]) == ("log", 0, [])
        assert result["most_different"][0] == {
            "prediction_id": str(newest.pk),
            "row": 0,
            "difference": 30.0,
            "baseline": {"score": 30.0, "decision": 1},
            "candidate": {"score": 60.0, "decision": 1},
        }
        assert [row["difference"] for row in result["most_different"]] == [30.0, 20.0, 10.0, 5.0]
        assert result["newest_at"] >= result["oldest_at"]
        assert all(result["microseconds_per_row"][side] > 0 for side in ("baseline", "candidate"))

    def test_shows_how_the_differences_are_spread(self, champion, candidate):
        log_call(champion, [row(amount / 10) for amount in range(101)])

        spread = replayed().result["differences"]

        assert spread["p50"] == pytest.approx(50.0)
        assert spread["p95"] == pytest.approx(95.0)
        assert (len(spread["edges"]), len(spread["counts"])) == (limits.BINS + 1, limits.BINS)
        assert (spread["edges"][0], spread["edges"][-1]) == (0.0, pytest.approx(100.0))
        assert sum(spread["counts"]) == 101

    def test_of_versions_that_agree_has_no_difference(self, champion, artefacts):
        make_ready_version(artefacts["linear"])
        log_call(champion, [row(1.0), row(9.0)])

        replay = replayed()

        assert (replay.flips, replay.mean_difference, replay.largest_difference) == (0, 0.0, 0.0)
        assert replay.result["differences"]["counts"][0] == 2

    def test_takes_the_newest_calls_and_no_more_than_were_asked_for(self, champion, candidate):
        for amount in range(5):
            log_call(champion, [row(float(amount))])

        replay = replayed(calls=2)

        assert (replay.calls, replay.rows, replay.result["ended_by"]) == (2, 2, "calls")
        assert replay.largest_difference == 40.0
        assert replay.mean_difference == 35.0

    def test_reads_the_log_page_by_page(self, champion, candidate, monkeypatch):
        monkeypatch.setattr(running, "PAGE_CALLS", 2)
        for amount in range(5):
            log_call(champion, [row(float(amount))])

        replay = replayed()

        assert (replay.calls, replay.rows, replay.mean_difference) == (5, 5, 20.0)

    def test_cuts_long_calls_to_what_the_engine_takes_at_once(
        self, champion, candidate, monkeypatch
    ):
        monkeypatch.setattr(running, "ENGINE_ROWS", 3)
        log_call(champion, [row(float(amount)) for amount in range(7)])

        replay = replayed()

        assert (replay.calls, replay.rows, replay.mean_difference) == (1, 7, 30.0)

    def test_counts_rows_that_the_candidate_cannot_take_with_their_reasons(
        self, champion, artefacts
    ):
        make_ready_version(artefacts["steeper"], **self.narrowed(artefacts["steeper"], maximum=2.0))
        log_call(champion, [row(1.0), row(3.0), row(4.0)])

        replay = replayed()

        assert (replay.rows, replay.failed_rows, replay.flips) == (3, 2, 0)
        assert replay.result["failures"] == [
            {"code": "out_of_range", "feature": "amount", "rows": 2}
        ]
        assert share_of(replay).share == pytest.approx(2 / 3)

    def test_skips_rows_that_the_baseline_cannot_take(self, artefacts):
        narrow = make_ready_version(
            artefacts["linear"], **self.narrowed(artefacts["linear"], maximum=2.0)
        )
        promote(narrow)
        wide = make_ready_version(artefacts["steeper"])
        log_call(wide, [row(1.0), row(3.0)])

        replay = replayed()

        assert (replay.rows, replay.failed_rows, replay.result["skipped_rows"]) == (1, 0, 1)

    def test_knows_values_by_the_names_of_the_version_that_answered(self, champion, artefacts):
        log_call(champion, [row(2.0, 5)])
        swapped = self.narrowed(artefacts["steeper"])
        signature = swapped["signature"]
        amount, visits, *others = signature["features"]
        signature["features"] = [visits, amount, *others]
        tensors = {**signature["inputs"][0], "features": [f["name"] for f in signature["features"]]}
        signature["inputs"] = [tensors]
        make_ready_version(artefacts["steeper"], **self.signed(artefacts["steeper"], signature))

        named = replayed().result["most_different"]

        # 20 a visit and 1 an amount: 5 visits, then 2.0; by position it would have been 2, then 5.0
        assert named[0]["candidate"]["score"] == 102.0

    def test_decides_by_the_largest_of_several_outputs_of_the_policy(self, artefacts):
        pair = make_ready_version(artefacts["pair"])
        promote(pair)
        make_ready_version(artefacts["pair"])
        set_policy(pair.model, score_output="double", decision_threshold=30.0)
        log_call(pair, [row(1.0), row(2.0)])

        decisions = replayed().result["decisions"]

        assert decisions == [
            {"baseline": 0, "candidate": 0, "rows": 1},
            {"baseline": 1, "candidate": 1, "rows": 1},
        ]

    def test_scores_by_the_first_output_of_the_signature(self, artefacts):
        pair = make_ready_version(artefacts["pair"])
        promote(pair)
        make_ready_version(artefacts["pair"])
        log_call(pair, [row(1.0)])

        (named,) = replayed().result["most_different"]

        assert named["candidate"]["score"] == 10.0  # total, not double

    def test_takes_large_numbers_as_they_were_sent(self, champion, candidate):
        log_call(champion, [row(1e20)])

        replay = replayed()

        assert (replay.rows, replay.failed_rows) == (1, 0)

    def test_fails_where_a_version_has_no_such_score(self, champion, candidate):
        set_policy(champion.model, score_output="nonsense")
        log_call(champion)

        replay = replayed()

        assert (replay.state, replay.reason_code) == ("failed", "score_missing")
        assert replay.finished_at is not None

    def test_fails_where_a_version_cannot_be_loaded(self, champion, candidate, storage_of_its_own):
        log_call(champion)
        digest = candidate.manifest["files"]["litert"]["sha256"]
        (storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}").unlink()

        replay = replayed()

        assert (replay.state, replay.reason_code) == ("failed", "artefact_missing")

    def test_ends_with_what_it_has_when_its_time_is_over(self, champion, candidate, monkeypatch):
        monkeypatch.setattr(running, "WORK_SECONDS", -1.0)
        monkeypatch.setattr(running, "PAGE_CALLS", 1)
        for _ in range(3):
            log_call(champion)

        replay = replayed()

        assert (replay.state, replay.calls, replay.result["ended_by"]) == ("succeeded", 1, "time")

    def test_its_time_counts_from_the_claim(self, champion, candidate, monkeypatch):
        """Loads take a second each: of one there is none left for more than the first row."""
        monkeypatch.setattr(running, "WORK_SECONDS", 1.0)
        self.slow(monkeypatch, load_seconds=1.0)
        log_call(champion, [row(1.0)] * 4)

        replay = replayed()

        assert (replay.state, replay.rows, replay.result["ended_by"]) == ("succeeded", 1, "time")

    def test_a_slow_load_keeps_the_lease(self, champion, candidate, monkeypatch):
        """Each load takes longer than half of the lease, so both take longer than it."""
        monkeypatch.setattr(leasing, "LOADING", timedelta(seconds=3))
        monkeypatch.setattr(running, "LOADING", timedelta(seconds=3))
        self.slow(monkeypatch, load_seconds=1.8, after_each=replaying.reap_replays)
        log_call(champion)

        replay = replayed()

        assert (replay.state, replay.attempts, len(tasks())) == ("succeeded", 1, 1)

    def test_of_a_slow_model_takes_few_rows_at_once(self, champion, candidate, monkeypatch):
        """At 50 ms a row and 0.1 s a batch, never more than two rows are run between two looks."""
        monkeypatch.setattr(running, "BATCH_SECONDS", 0.1)
        monkeypatch.setattr(running, "WORK_SECONDS", 0.5)
        sizes = self.slow(monkeypatch, row_seconds=0.05)
        log_call(champion, [row(1.0)] * 200)

        replay = replayed()

        assert (replay.state, replay.result["ended_by"]) == ("succeeded", "time")
        assert max(sizes) <= 2

    def test_of_a_quick_model_takes_twice_as_many_rows_each_time(
        self, champion, candidate, monkeypatch
    ):
        sizes = self.slow(monkeypatch)
        log_call(champion, [row(1.0)] * 100)

        assert replayed().rows == 100
        assert sizes == [1, 2, 4, 8, 16, 32, 37]

    def slow(self, monkeypatch, *, load_seconds=0.0, row_seconds=0.0, after_each=lambda: None):
        """Have real loads, or real answers of rows, take that much longer; the batches' sizes."""
        load, answer, sizes = Runtime.handle_of, running._answer, []

        def handle_of(process, version):
            time.sleep(load_seconds)
            after_each()
            return load(process, version)

        def slowly(side, rows):
            if side.handle.servable_id.version == 1:
                sizes.append(len(rows))
                time.sleep(row_seconds * len(rows))
            return answer(side, rows)

        monkeypatch.setattr(Runtime, "handle_of", handle_of)
        monkeypatch.setattr(running, "_answer", slowly)
        return sizes

    def test_ends_when_it_has_seen_rows_enough(self, champion, candidate, monkeypatch):
        monkeypatch.setattr(running, "ROWS_MAX", 4)
        monkeypatch.setattr(running, "PAGE_CALLS", 1)
        for _ in range(5):
            log_call(champion, [row(1.0), row(2.0)])

        replay = replayed()

        assert (replay.rows, replay.result["ended_by"]) == (4, "rows")

    def narrowed(self, artefact, **bounds):
        document = artefact.manifest.signature.to_document()
        first, *others = document["features"]
        document["features"] = [{**first, **bounds}, *others]
        return self.signed(artefact, document)

    def signed(self, artefact, document):
        """Fields of a version of this network with another signature."""
        manifest = replace(artefact.manifest, signature=Signature.from_document(document))
        return {
            "manifest": manifest.to_document(),
            "artefact_digest": manifest.digest,
            "signature": manifest.signature.to_document(),
        }


class TestPersonalData:
    def test_no_feature_is_kept_in_a_replay(self, champion, candidate):
        log_call(champion, [row(1.25, 777)])

        replay = replayed()

        assert "777" not in str(replay.result)

    def test_features_are_read_from_the_log_for_those_who_may(self, champion, candidate):
        log_call(champion, [row(1.0), row(2.0, 7, "green", True)])

        rows = most_different_of(replayed(), may_see_rows=True)

        assert rows[0]["features"] == {
            "amount": 2.0,
            "visits": 7,
            "colour": "green",
            "member": True,
        }
        assert most_different_of(Replay.objects.get(), may_see_rows=False) == []

    def test_what_is_erased_from_the_log_is_gone_here(self, champion, candidate, alice, bob):
        log_call(champion, user_id=alice.pk, caller=str(alice.pk))
        left = log_call(champion, [row(3.0)], user_id=bob.pk, caller=str(bob.pk))
        replay, other = replayed(), replayed()
        assert len(replay.result["most_different"]) == 2

        erase_predictions(user_id=alice.pk, actor=None)

        for each, version in ((replay, replay.row_version), (other, other.row_version)):
            each.refresh_from_db()
            named = each.result.pop("most_different")
            assert [entry["prediction_id"] for entry in named] == [str(left.pk)]
            assert named[0]["baseline"] == {"score": 30.0, "decision": 1}
            assert set(each.result) == {*RESULT} - {"most_different"}
            assert each.row_version == version + 1

    def test_one_prediction_that_is_erased_is_gone_here(self, champion, candidate, alice):
        earlier = datetime.now(UTC) - timedelta(minutes=1)
        [logged] = log_calls(champion, [[0.5]], at=earlier, user_id=alice.pk)
        LoggedPrediction.objects.update(features=[row(1.0)])
        replay = replayed()
        assert len(replay.result["most_different"]) == 1

        erase_prediction(prediction_id=logged.pk, caller=principal_of(alice), now=datetime.now(UTC))

        replay.refresh_from_db()
        assert replay.result["most_different"] == []
        assert (replay.rows, replay.flips) == (1, 0)

    def test_what_the_log_drops_is_gone_here(self, champion, candidate):
        set_policy(champion.model, log_days=7)
        now = datetime.now(UTC)
        for back in (0, 7, 8, 40):
            log_calls(champion, [[0.5]], at=now - timedelta(days=back))
        LoggedPrediction.objects.update(features=[row(1.0)])
        replay = replayed()
        assert len(replay.result["most_different"]) == 4

        purge_predictions(now=now)

        replay.refresh_from_db()
        named = [UUID(entry["prediction_id"]) for entry in replay.result["most_different"]]
        assert sorted((now.date() - day_of_id(id_)).days for id_ in named) == [0, 7]

    def test_what_went_while_it_ran_is_not_stored(self, champion, candidate, alice):
        gone = log_call(champion, user_id=alice.pk, caller=str(alice.pk))
        left = log_call(champion)
        replay = leasing.claim(start().pk)
        erase_predictions(user_id=alice.pk, actor=None)
        named = [{"prediction_id": str(call.pk), "row": 0} for call in (gone, left)]

        leasing.finish(replay, result={"most_different": named})

        replay.refresh_from_db()
        assert replay.result == {"most_different": named[1:]}

    def test_scores_are_not_shown_of_what_the_log_has_no_more(self, champion, candidate):
        log_call(champion)
        replay = replayed()
        LoggedPrediction.objects.all().delete()

        assert most_different_of(replay, may_see_rows=True) == []


def let_the_lease_run_out(replay):
    Replay.objects.filter(pk=replay.pk).update(lease_until=Now() - timedelta(seconds=1))


class TestLease:
    @pytest.fixture
    def replay(self, champion, candidate):
        log_call(champion)
        return start()

    def test_is_for_one_worker_at_a_time(self, replay):
        assert leasing.claim(replay.pk) is not None

        assert replaying.run_replay(replay_id=replay.pk) is False

    def test_a_finished_one_is_not_run_again(self, replay):
        assert replaying.run_replay(replay_id=replay.pk) is True
        finished = Replay.objects.get()

        assert replaying.run_replay(replay_id=replay.pk) is False
        assert Replay.objects.get().row_version == finished.row_version

    def test_a_worker_that_lost_it_stores_nothing(self, replay):
        slow = leasing.claim(replay.pk)
        let_the_lease_run_out(replay)
        assert leasing.claim(replay.pk) is not None

        with pytest.raises(leasing.LeaseLostError):
            leasing.finish(slow, result={}, rows=5)
        with pytest.raises(leasing.LeaseLostError):
            leasing.renew(slow, calls=1)
        leasing.fail(slow, "late", "Late.")

        replay.refresh_from_db()
        assert (replay.state, replay.rows, replay.attempts) == ("running", 0, 2)

    def test_a_dead_workers_is_offered_again(self, replay):
        leasing.claim(replay.pk)
        replaying.reap_replays()
        assert len(tasks()) == 1, "it is alive"
        let_the_lease_run_out(replay)

        replaying.reap_replays()

        assert len(tasks()) == 2
        assert replaying.run_replay(replay_id=replay.pk) is True
        replay.refresh_from_db()
        assert (replay.state, replay.attempts) == ("succeeded", 2)

    def test_one_whose_message_was_lost_is_offered_again(self, replay):
        replaying.reap_replays()
        assert len(tasks()) == 1, "it is too young"
        Replay.objects.filter(pk=replay.pk).update(updated_at=Now() - timedelta(minutes=1))

        replaying.reap_replays()

        assert len(tasks()) == 2

    def test_one_that_kills_every_worker_is_given_up(self, replay):
        for _ in range(limits.ATTEMPTS_MAX):
            assert leasing.claim(replay.pk) is not None
            let_the_lease_run_out(replay)

        replaying.reap_replays()

        replay.refresh_from_db()
        assert (replay.state, replay.reason_code) == ("failed", "worker_lost")
        assert leasing.claim(replay.pk) is None

    def test_an_unforeseen_error_gives_it_back_and_has_an_end(self, replay, monkeypatch):
        def broken(*_):
            raise ZeroDivisionError

        monkeypatch.setattr(running, "_run", broken)
        for _ in range(limits.ATTEMPTS_MAX):
            with pytest.raises(ZeroDivisionError):
                replaying.run_replay(replay_id=replay.pk)

        replay.refresh_from_db()
        assert (replay.state, replay.reason_code) == ("failed", "internal_error")
        assert len(tasks()) == limits.ATTEMPTS_MAX

    @pytest.mark.django_db(transaction=True)
    def test_of_two_workers_at_once_one_runs_it(self, replay):
        answers = in_parallel(lambda _: leasing.claim(replay.pk), count=2)

        assert sum(answer is not None for answer in answers) == 1


class TestWilson:
    @pytest.mark.parametrize(
        ("hits", "trials", "low", "high"),
        [
            (0, 10, 0.0, 0.27753),
            (10, 10, 0.72247, 1.0),
            (81, 263, 0.25525, 0.36620),
            (15, 148, 0.06243, 0.16052),
        ],
        ids=["none", "all", "Newcombe's 81 of 263", "Newcombe's 15 of 148"],
    )
    def test_is_the_published_interval(self, hits, trials, low, high):
        """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
        share = wilson(hits, trials)

        assert share.share == hits / trials
        assert (share.low, share.high) == (
            pytest.approx(low, abs=1e-4),
            pytest.approx(high, abs=1e-4),
        )


class TestRetired:
    def test_a_version_that_was_retired_meanwhile_is_still_replayed(self, champion, candidate):
        log_call(champion)
        replay = start()
        ModelVersion.objects.filter(pk=candidate.pk).update(
            state="retired", retired_at=candidate.validated_at
        )

        assert replaying.run_replay(replay_id=replay.pk) is True
        assert Replay.objects.get().state == "succeeded"
