"""Rollouts: when a version is live in all processes, when it fails, and the way back."""

import hashlib
import json
import os
import socket
import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from apps.ml_models import runtime
from apps.ml_models.errors import (
    ModelAliasNotFoundError,
    NoPreviousVersionError,
    VersionOverBudgetError,
)
from apps.ml_models.models import ModelAlias, Rollout, ServedVersion, ServingProcess
from apps.ml_models.runtime import process as process_module
from apps.ml_models.runtime import quorum
from apps.ml_models.selectors import routing
from apps.ml_models.services import aliasing, predicting, retiring, rolling
from core.models import AuditEntry, OutboxEvent
from serving.harness import RetryOptions
from tests.factories.ml_models import ANSWERS, ROW, make_ready_version, make_version, promote
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db

ALIAS = "live"  # without a gate


@pytest.fixture
def swing(artefacts):
    """Version 1 (linear) is what `live` leads to in this process; 2 (steeper) is ready."""
    versions = [make_ready_version(artefacts[name]) for name in ("linear", "steeper")]
    promote(versions[0], ALIAS)
    runtime.refresh().beat()
    return versions


def another_process(*available, pid=None, host="elsewhere", age=0.0):
    """A web process that has told of these versions."""
    row = ServingProcess.objects.create(
        id=uuid4(), role="web", host=host, pid=pid or 1, budget_bytes=2**29
    )
    at = timezone.now() - timedelta(seconds=age)
    ServingProcess.objects.filter(pk=row.pk).update(heartbeat_at=at)
    for version in available:
        ServedVersion.objects.create(process=row, version=version, state="available")
    return row


def move(number, **fields):
    return aliasing.set_alias(model_name="churn", alias=ALIAS, number=number, actor=None, **fields)


def roll_back(**fields):
    return rolling.roll_back(model_name="churn", alias=ALIAS, actor=None, **fields)


def told_of(rollout):
    """Types of the events that name a rollout."""
    events = OutboxEvent.objects.filter(type__startswith="model.rollout_").order_by("position")
    return [event.type for event in events if str(rollout.pk) in json.dumps(event.payload)]


def newest():
    return Rollout.objects.order_by("-id").first()


def answered():
    return predicting.predict(features=[ROW], model_name="churn", alias=ALIAS).result.to_lists()


def break_file(version, storage, role="litert"):
    digest = version.manifest["files"][role]["sha256"]
    (storage / f"models/sha256/{digest[:2]}/{digest}").write_bytes(b"other")


OLD, NEW = [[ANSWERS["linear"]]], [[ANSWERS["steeper"]]]


class TestLive:
    def test_is_live_at_once_where_no_process_serves(self, artefacts):
        promote(make_ready_version(artefacts["linear"]), ALIAS)

        rollout = newest()
        assert (rollout.state, rollout.required, rollout.previous) == ("live", 0, None)
        assert rollout.live_generation == rollout.generation

    def test_waits_until_this_process_has_it_warm(self, swing):
        assert move(2).version.number == 2
        assert (newest().state, answered()) == ("loading", OLD)

        runtime.refresh()

        rollout = newest()
        assert (rollout.state, rollout.required, rollout.warm, answered()) == ("live", 1, 1, NEW)
        assert rollout.live_generation > rollout.generation
        assert told_of(rollout) == ["model.rollout_live"]

    def test_waits_for_the_others_and_nobody_answers_by_it_before(self, swing):
        other = another_process(swing[0])
        move(2)
        runtime.refresh()
        runtime.refresh()
        assert (newest().state, newest().required, newest().warm) == ("loading", 2, 1)
        assert answered() == OLD, "loaded here, and not live"

        ServedVersion.objects.create(process=other, version=swing[1], state="available")
        runtime.refresh()

        assert (newest().state, answered()) == ("live", NEW)

    def test_does_not_wait_for_a_process_that_is_silent(self, swing):
        another_process(swing[0], age=3.5)
        move(2)
        runtime.refresh()
        assert (newest().state, newest().required) == ("live", 1)

    def test_does_not_wait_for_a_process_of_this_host_that_is_gone(self, swing):
        gone = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(gone, 0)
        another_process(swing[0], pid=gone, host=socket.gethostname())
        move(2)
        runtime.refresh()
        assert (newest().state, newest().required) == ("live", 1)

    def test_a_worker_does_not_count(self, swing):
        row = another_process(swing[0])
        ServingProcess.objects.filter(pk=row.pk).update(role="worker")
        move(2)
        runtime.refresh()
        assert newest().state == "live"

    def test_is_live_in_the_same_transaction_where_all_have_it_warm(self, swing):
        another_process(*swing)
        ServedVersion.objects.create(
            process=ServingProcess.objects.get(host=socket.gethostname()),
            version=swing[1],
            state="available",
        )
        move(2)
        assert (newest().state, newest().required, newest().warm) == ("live", 2, 2)

    def test_a_newer_move_takes_the_place_of_one_that_loads(self, swing, artefacts):
        make_ready_version(artefacts["linear"])
        another_process(swing[0])
        move(2)
        move(3)
        states = list(Rollout.objects.order_by("id").values_list("version__number", "state"))
        assert states == [(1, "live"), (2, "superseded"), (3, "loading")]
        assert newest().previous.number == 1, "who answers, not who was on the way"

    def test_a_move_back_to_who_answers_is_live_at_once(self, swing):
        another_process(swing[0])
        move(2)
        move(1)
        assert (newest().version.number, newest().state, newest().previous) == (1, "live", None)

    def test_a_new_alias_answers_in_each_process_as_soon_as_it_can(self, swing):
        another_process()
        promote(swing[1], "fresh")
        runtime.refresh()
        result = predicting.predict(features=[ROW], model_name="churn", alias="fresh").result
        assert (newest().state, result.to_lists()) == ("loading", NEW)

    def test_an_alias_that_is_deleted_ends_its_rollout(self, swing):
        another_process(swing[0])
        move(2)
        aliasing.delete_alias(model_name="churn", alias=ALIAS, actor=None)
        runtime.refresh()
        assert newest().state == "superseded"

    def test_waits_where_all_are_silent_and_none_is_long_gone(self, swing):
        """As after a restart of the database: nobody has been able to say that he lives."""
        ServingProcess.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=10))
        move(2)
        assert (newest().state, newest().required) == ("loading", 0)

    def test_does_not_wait_where_all_are_long_gone(self, swing):
        ServingProcess.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=31))
        move(2)
        assert (newest().state, newest().required) == ("live", 0)


class TestFailure:
    def test_puts_the_alias_back_and_says_why(self, swing, storage_of_its_own):
        break_file(swing[1], storage_of_its_own)
        move(2, reason="Try it.")

        runtime.refresh()

        rollout, alias = newest(), ModelAlias.objects.get(alias=ALIAS)
        assert (rollout.state, rollout.reason_code) == ("failed", "artefact_digest_mismatch")
        digest = swing[1].manifest["files"]["litert"]["sha256"]
        found = hashlib.sha256(b"other").hexdigest()
        assert rollout.detail == f"The content has SHA-256 {found[:12]}…, not {digest[:12]}…."
        assert (alias.version.number, answered()) == (1, OLD)
        entry = AuditEntry.objects.filter(action="ml_models.alias.moved").latest("id")
        assert entry.reason == ("The rollout of version 2 failed: artefact_digest_mismatch.")
        assert told_of(rollout) == ["model.rollout_failed"]

    def test_a_file_that_is_gone_is_told(self, swing, storage_of_its_own):
        digest = swing[1].manifest["files"]["golden"]["sha256"]
        (storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}").unlink()
        move(2)
        runtime.refresh()
        assert (newest().state, newest().reason_code) == ("failed", "artefact_missing")

    def test_a_version_that_does_not_fit_is_told(self, swing, settings):
        runtime.current().manager.budget_bytes = 600_000
        move(2)
        runtime.refresh()
        assert (newest().state, newest().reason_code) == ("failed", "over_budget")
        assert answered() == OLD

    def test_too_long_is_a_failure(self, swing, settings):
        another_process(swing[0])
        move(2)
        settings.SERVING_ROLLOUT_SECONDS = 0
        runtime.refresh()
        rollout = newest()
        assert (rollout.state, rollout.reason_code) == ("failed", "rollout_timeout")
        assert rollout.detail == "1 of 2 web processes had it warm in time."
        assert ModelAlias.objects.get(alias=ALIAS).version.number == 1

    def test_takes_as_long_as_one_process_after_the_other_gets_it_warm(self, swing, settings):
        other = another_process(swing[0])
        move(2)
        Rollout.objects.filter(pk=newest().pk).update(
            created_at=timezone.now() - timedelta(seconds=settings.SERVING_ROLLOUT_SECONDS + 1)
        )
        runtime.refresh()
        assert (newest().state, newest().warm) == ("loading", 1), "warm here just now"

        ServedVersion.objects.exclude(process=other).update(since="2020-01-01T00:00:00Z")
        runtime.refresh()
        assert (newest().state, newest().reason_code) == ("failed", "rollout_timeout")

    def test_room_that_a_call_still_holds_is_waited_for(self, swing, artefacts):
        process = runtime.current()
        process.manager._retries = RetryOptions(wait_seconds=0.3)
        leaving = process.handle_of(make_ready_version(artefacts["linear"]))
        loader = process._library.loader_of(process._library.add(swing[1]))
        (first, _) = process.manager.states()
        process.manager.budget_bytes = first.bytes + loader.estimate_bytes()
        move(2)
        runtime.refresh()
        assert (newest().state, answered()) == ("loading", OLD)

        leaving.release()
        time.sleep(0.3)
        runtime.refresh()
        assert (newest().state, answered()) == ("live", NEW)

    def test_each_rollout_has_attempts_of_its_own(self, swing, storage_of_its_own):
        digest = swing[1].manifest["files"]["litert"]["sha256"]
        path = storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}"
        content = path.read_bytes()
        break_file(swing[1], storage_of_its_own)
        promote(swing[1], "fresh")
        runtime.refresh()
        assert newest().state == "failed"

        path.write_bytes(content)
        move(2)
        runtime.refresh()
        assert (newest().alias, newest().state, answered()) == (ALIAS, "live", NEW)

    def test_a_new_alias_stays_since_there_is_nowhere_to_go_back(self, swing, storage_of_its_own):
        break_file(swing[1], storage_of_its_own)
        promote(swing[1], "fresh")
        runtime.refresh()
        assert newest().state == "failed"
        assert ModelAlias.objects.get(alias="fresh").version.number == 2


def _raise_operational_error():
    raise OperationalError("gone")


class TestRollBack:
    def test_leads_to_the_version_before_in_the_same_transaction(self, swing):
        move(2)
        runtime.refresh()
        assert answered() == NEW

        alias = roll_back(reason="More complaints.")

        rollout = newest()
        assert (alias.version.number, rollout.state, rollout.kind) == (1, "live", "rollback")
        assert rollout.reason == "More complaints."
        runtime.refresh()
        assert answered() == OLD

    def test_needs_no_load_since_the_version_before_is_kept_warm(self, swing):
        move(2)
        process = runtime.refresh()
        process.manager._linger_seconds = 0.0
        runtime.refresh()
        loads = process.manager.loads
        roll_back()
        runtime.refresh()
        assert (answered(), process.manager.loads) == (OLD, loads)

    def test_calls_off_a_promotion_that_is_not_live_yet(self, swing):
        another_process(swing[0])
        move(2)
        roll_back()
        states = list(Rollout.objects.order_by("id").values_list("version__number", "state"))
        assert states == [(1, "live"), (2, "superseded"), (1, "live")]

    def test_calling_off_keeps_what_was_kept_warm(self, swing, artefacts):
        make_ready_version(artefacts["linear"])
        move(2)
        runtime.refresh()
        another_process(*swing)
        move(3)
        roll_back()
        assert ModelAlias.objects.get(alias=ALIAS).version.number == 2
        assert routing.routing_table().warm == {"churn": frozenset({1})}

    def test_leads_past_a_promotion_that_was_called_off_by_hand(self, swing, artefacts):
        make_ready_version(artefacts["linear"])
        move(2)
        runtime.refresh()
        another_process(*swing)
        move(3)
        move(2)
        assert roll_back().version.number == 1

    def test_leads_to_nothing_from_before_the_alias_was_deleted(self, swing):
        move(2)
        runtime.refresh()
        aliasing.delete_alias(model_name="churn", alias=ALIAS, actor=None)
        promote(swing[1], ALIAS)
        with pytest.raises(NoPreviousVersionError):
            roll_back()

    def test_never_leads_to_the_version_that_was_just_left(self, swing, artefacts):
        make_ready_version(artefacts["linear"])
        for number in (2, 3):
            move(number)
            runtime.refresh()
        assert [roll_back().version.number for _ in range(2)] == [2, 1]
        with pytest.raises(NoPreviousVersionError, match="has led to no other version"):
            roll_back()

    def test_steps_over_a_version_that_has_been_retired(self, swing, artefacts):
        make_ready_version(artefacts["linear"])
        for number in (2, 3):
            move(number)
            runtime.refresh()
        retiring.retire_version(
            model_name="churn", number=2, actor=None, now=timezone.now(), reason="Old."
        )
        assert roll_back().version.number == 1

    def test_again_while_the_first_one_is_under_way_changes_nothing(self, swing):
        move(2)
        runtime.refresh()
        another_process(swing[1])
        roll_back()
        count = Rollout.objects.count()
        assert (roll_back().version.number, Rollout.objects.count()) == (1, count)

    def test_needs_an_alias(self, swing):
        with pytest.raises(ModelAliasNotFoundError):
            rolling.roll_back(model_name="churn", alias="nobody", actor=None)

    def test_keeps_only_the_last_version_before_warm(self, swing, artefacts):
        make_ready_version(artefacts["linear"])
        for number in (2, 3):
            move(number)
            runtime.refresh()
        assert routing.routing_table().warm == {"churn": frozenset({2})}

    def test_keeps_it_no_longer_than_the_bake_time(self, swing, settings):
        settings.SERVING_BAKE_SECONDS = 0
        move(2)
        runtime.refresh()
        assert routing.routing_table().warm == {}


class TestBudget:
    def measured(self, version, size):
        ServedVersion.objects.filter(version=version).delete()
        row = ServingProcess.objects.first()
        ServedVersion.objects.create(
            process=row, version=version, state="available", measured_bytes=size
        )

    def test_refuses_at_once_what_can_never_fit_beside_the_present_version(self, swing):
        ServingProcess.objects.update(budget_bytes=1_000)
        self.measured(swing[0], 600)
        self.measured(swing[1], 500)
        with pytest.raises(VersionOverBudgetError, match="takes 500 bytes, and 600 of 1000"):
            move(2)
        assert Rollout.objects.count() == 1

    def test_takes_what_validation_has_measured(self, swing):
        ServingProcess.objects.update(budget_bytes=1_000)
        swing[1].validation_report = {"engines": {"litert": {"loaded_bytes": 1_001}}}
        swing[1].save(update_fields=["validation_report"])
        with pytest.raises(VersionOverBudgetError):
            move(2)

    def test_tells_what_a_version_takes_as_measured(self, swing):
        runtime.current().beat()
        served = ServedVersion.objects.get(version=swing[0])
        process = ServingProcess.objects.get()
        file_bytes = swing[0].manifest["files"]["litert"]["bytes"]
        assert served.measured_bytes >= file_bytes
        assert (process.loaded_bytes, process.loads) == (served.measured_bytes, 1)
        assert process.budget_bytes == 512 * 1024**2


class TestReadings:
    def test_reads_no_manifest_again_when_the_generation_moves(
        self, swing, django_assert_num_queries, monkeypatch
    ):
        make_version()  # moves the generation, and nothing that is served
        read = []
        monkeypatch.setattr(
            "apps.ml_models.runtime.manifests.manifests_of", lambda ids: read.append(ids) or {}
        )
        runtime.refresh()
        assert read == []

    def test_reads_routing_again_when_it_moves_meanwhile(self, swing):
        another_process(swing[0])
        numbers = iter([2])

        def move_after_the_aliases_are_read(execute, sql, *rest):
            answer = execute(sql, *rest)
            if sql.startswith("SELECT") and 'FROM "ml_models_modelalias"' in sql:
                for number in numbers:
                    move(number)
            return answer

        with connection.execute_wrapper(move_after_the_aliases_are_read):
            table = routing.routing_table()

        assert table.generation == routing.routing_generation()
        assert (table.aliases["churn"][ALIAS], table.rollouts["churn"][ALIAS].number) == (2, 2)

    def test_walks_through_no_version_that_is_not_ready(self, swing):
        rejected = make_version()
        table = routing.routing_table()
        assert set(table.versions["churn"]) == {1, 2}
        assert table.refused == {("churn", rejected.number): rejected.state}

    def test_reads_only_manifests_of_what_is_wanted(self, artefacts, monkeypatch):
        wanted = make_ready_version(artefacts["linear"])
        make_ready_version(artefacts["steeper"])
        promote(wanted, ALIAS)
        read = []

        def note(ids):
            read.extend(ids)
            return routing.manifests_of(ids)

        monkeypatch.setattr("apps.ml_models.runtime.manifests.manifests_of", note)
        runtime.refresh()
        assert read == [wanted.pk]


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_many_that_look_at_once_decide_once(self, artefacts):
        versions = [make_ready_version(artefacts[name]) for name in ("linear", "steeper")]
        promote(versions[0], ALIAS)
        another_process(*versions[:1])
        move(2)
        rollout = newest()
        row = ServingProcess.objects.get()
        ServedVersion.objects.create(process=row, version=versions[1], state="available")

        assert in_parallel(lambda _: quorum.advance(rollout.pk), count=6) == [True] * 6

        assert (newest().state, newest().pk) == ("live", rollout.pk)
        assert told_of(rollout) == ["model.rollout_live"]

    def test_a_process_that_has_lost_the_database_does_not_decide_at_once(
        self, artefacts, monkeypatch
    ):
        """After a restart of it all are silent for a moment, and one alone would see no other."""
        versions = [make_ready_version(artefacts[name]) for name in ("linear", "steeper")]
        promote(versions[0], ALIAS)
        process = runtime.refresh()
        process.beat()
        with monkeypatch.context() as away:
            away.setattr(process_module, "routing_generation", _raise_operational_error)
            process._tick()
        move(2)
        runtime.refresh()
        assert newest().state == "loading"

        process._decides_from = 0.0
        runtime.refresh()
        assert newest().state == "live"

    def test_the_thread_that_loads_goes_on_after_an_error(self, artefacts, monkeypatch):
        versions = [make_ready_version(artefacts[name]) for name in ("linear", "steeper")]
        promote(versions[0], ALIAS, default=False)
        process = runtime.start()
        try:
            _wait_for(lambda: process.routes.generation >= 0 and _leads_to(process) == 1)
            failed = threading.Event()

            def fail():
                failed.set()
                raise LookupError

            with monkeypatch.context() as broken:
                broken.setattr(process.manager, "reconcile", fail)
                process.manager.nudge()
                assert failed.wait(10)
            move(2)
            _wait_for(lambda: _leads_to(process) == 2)
        finally:
            runtime.stop()

    def test_the_threads_follow_a_nudge_long_before_the_next_poll(self, artefacts, settings):
        settings.SERVING_POLL_SECONDS = 30.0
        versions = [make_ready_version(artefacts[name]) for name in ("linear", "steeper")]
        promote(versions[0], ALIAS, default=False)
        process = runtime.start()
        try:
            _wait_for(lambda: process.routes.generation >= 0 and _leads_to(process) == 1)
            _wait_for(lambda: process._pulse.is_listening)
            move(2)
            _wait_for(lambda: _leads_to(process) == 2, seconds=5.0)
            assert newest().state == "live"
        finally:
            runtime.stop()
        assert not [t for t in threading.enumerate() if t.name.startswith("model-")]

    def test_without_redis_they_follow_by_the_clock(self, artefacts, settings):
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"
        versions = [make_ready_version(artefacts[name]) for name in ("linear", "steeper")]
        promote(versions[0], ALIAS)
        process = runtime.start()
        try:
            _wait_for(lambda: process.routes.generation >= 0 and _leads_to(process) == 1)
            move(2)
            _wait_for(lambda: _leads_to(process) == 2)
        finally:
            runtime.stop()


def _leads_to(process):
    target = process.routes.aliases.get("churn", {}).get(ALIAS)
    return None if target is None else target.servable_id.version


def _wait_for(is_so, seconds=15.0):
    until = timezone.now() + timedelta(seconds=seconds)
    pause = threading.Event()
    while not is_so():
        assert timezone.now() < until, "It did not happen in time."
        pause.wait(0.01)
