"""How a process follows routing."""

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from apps.ml_models import runtime
from apps.ml_models.errors import ModelNotReadyError, RuntimeUnavailableError
from apps.ml_models.models import ServedVersion, ServingProcess
from apps.ml_models.runtime.heartbeat import purge_dead_processes
from apps.ml_models.runtime.pulse import Pulse
from apps.ml_models.services import aliasing, predicting
from tests.factories.ml_models import ANSWERS, ROW, make_ready_version, promote

pytestmark = pytest.mark.django_db


def predict(**target):
    return predicting.predict(features=[ROW], **target).result


@pytest.mark.usefixtures("churn")
class TestRefresh:
    def test_serves_what_the_champion_points_at(self):
        result = predict()

        assert (result.servable_id, result.engine) == (("churn", 1), "litert")
        assert result.to_lists() == [[ANSWERS["linear"]]]

    def test_follows_an_alias_that_moves_and_back(self, artefacts):
        promote(make_ready_version(artefacts["steeper"]))
        assert predict().to_lists() == [[ANSWERS["linear"]]], "not before the runtime looks"

        runtime.refresh()
        assert predict().to_lists() == [[ANSWERS["steeper"]]]

        aliasing.set_alias(model_name="churn", alias="champion", number=1, actor=None)
        runtime.refresh()
        assert predict().to_lists() == [[ANSWERS["linear"]]]

    def test_keeps_the_old_version_answering_when_the_new_one_cannot_be_loaded(
        self, artefacts, storage_of_its_own
    ):
        broken = make_ready_version(artefacts["steeper"])
        digest = broken.manifest["files"]["litert"]["sha256"]
        (storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}").write_bytes(b"other")
        promote(broken)

        process = runtime.refresh()
        process.beat()

        assert predict().to_lists() == [[ANSWERS["linear"]]]
        told = ServedVersion.objects.get(version=broken)
        assert (told.state, told.detail.split(":")[0]) == ("end", "artefact_digest_mismatch")
        assert ServedVersion.objects.get(version__number=1).state == "available"

    def test_says_503_for_a_version_that_never_could_be_loaded(self, artefacts, storage_of_its_own):
        version = make_ready_version(artefacts["linear"], "fresh")
        digest = version.manifest["files"]["golden"]["sha256"]
        (storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}").unlink()
        promote(version)
        runtime.refresh()

        with pytest.raises(ModelNotReadyError) as caught:
            predict(model_name="fresh")
        assert caught.value.retry_after == 1

    def test_reads_only_the_generation_when_nothing_has_changed(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            runtime.refresh()

    def test_loads_a_version_without_alias_when_it_is_asked_for(self, artefacts):
        make_ready_version(artefacts["steeper"])
        runtime.refresh()

        with pytest.raises(ModelNotReadyError, match="churn:2 is being loaded"):
            predict(model_name="churn", number=2)
        runtime.refresh()

        assert predict(model_name="churn", number=2).to_lists() == [[ANSWERS["steeper"]]]

    def test_never_tries_what_it_may_not_run(self, artefacts, monkeypatch):
        # As if calls came so far apart that a failed load would be tried again.
        monkeypatch.setattr("apps.ml_models.runtime.on_demand.FAILURE_SECONDS", 0.0)
        make_ready_version(artefacts["steeper"], without_litert=True)
        process = runtime.refresh()
        for _ in range(3):
            with pytest.raises(RuntimeUnavailableError, match="needs TensorFlow"):
                predict(model_name="churn", number=2)
            runtime.refresh()

        assert [status.servable_id.version for status in process.manager.states()] == [1]

    def test_says_so_too_of_an_alias_set_when_it_might_be_run(self, artefacts, settings):
        settings.SERVING_ALLOW_TENSORFLOW = True
        promote(make_ready_version(artefacts["steeper"], "heavy", without_litert=True))
        runtime.refresh()

        with pytest.raises(RuntimeUnavailableError, match="needs TensorFlow"):
            predict(model_name="heavy")

    def test_unloads_what_no_alias_points_at_any_more(self, artefacts, settings):
        settings.SERVING_BAKE_SECONDS = 0
        process = runtime.current()
        process.manager._linger_seconds = 0.0
        promote(make_ready_version(artefacts["steeper"]))
        runtime.refresh()
        runtime.refresh()

        assert [status.servable_id.version for status in process.manager.states()] == [2]


class TestReadiness:
    @pytest.mark.usefixtures("churn")
    def test_is_there_once_the_default_model_is_loaded(self):
        assert (runtime.is_ready(), runtime.why_not_ready()) == (True, None)

    def test_names_the_reason_otherwise(self):
        assert runtime.why_not_ready() == "the model runtime has not started"
        process = runtime.start(in_background=False)
        assert runtime.why_not_ready() == "the routing has not been read yet"
        process.refresh()
        assert runtime.why_not_ready() == "no default model"


@pytest.mark.usefixtures("churn")
class TestHeartbeat:
    def test_tells_what_the_process_serves(self):
        runtime.current().beat()

        process = ServingProcess.objects.get()
        assert (process.role, process.generation) == ("web", runtime.current().routes.generation)
        assert process.rss_bytes > 10_000_000
        served = process.versions.get()
        assert (served.version.number, served.state, served.engine) == (1, "available", "litert")

    def test_purges_processes_that_have_not_been_heard_of(self):
        runtime.current().beat()
        dead = ServingProcess.objects.create(
            id="0198f2c5-1b2c-7d3e-8f90-a1b2c3d4e5f6", role="web", host="gone", pid=1
        )
        ServingProcess.objects.filter(pk=dead.pk).update(heartbeat_at="2020-01-01T00:00:00Z")

        runtime.current().beat()

        assert [process.host == "gone" for process in ServingProcess.objects.all()] == [False]

    def test_believes_only_what_is_committed(self, artefacts):
        """A purge that fails takes back nothing, and what was rolled back is told again."""
        process = runtime.current()
        process.beat()
        process.handle_of(make_ready_version(artefacts["steeper"])).release()
        with (
            connection.execute_wrapper(_fails_at('"heartbeat_at" < ')),
            pytest.raises(OperationalError),
        ):
            process.beat()

        process._heartbeat.beat_when_due(process.manager.states(), process.routes.generation)

        rows = ServedVersion.objects.values_list("version__number", "state")
        assert set(rows) == {(1, "available"), (2, "available")}

    def test_leaves_no_row_behind_when_it_stops_in_order(self):
        runtime.current().beat()

        runtime.current()._heartbeat.leave()

        assert not ServingProcess.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestPurge:
    def test_waits_for_nobody_who_holds_the_row_of_a_dead_process(self):
        dead = ServingProcess.objects.create(
            id="0198f2c5-1b2c-7d3e-8f90-a1b2c3d4e5f6",
            role="web",
            host="gone",
            pid=1,
            heartbeat_at="2020-01-01T00:00:00Z",
        )
        held, done = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                ServingProcess.objects.select_for_update().get(pk=dead.pk)
                held.set()
                done.wait(20)
            connection.close()

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            assert held.wait(20)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            assert purge_dead_processes() == 0
        finally:
            done.set()
            thread.join()
            connection.close()
        assert purge_dead_processes() == 1


class TestPulse:
    def test_goes_on_after_what_nobody_foresaw(self, settings):
        settings.SERVING_HEARTBEAT_SECONDS = 0.02
        beaten = threading.Event()

        class Weak:
            beats = 0

            def pulse(self, database):
                self.beats += 1
                if self.beats == 1:
                    raise LookupError(self.beats)
                beaten.set()
                return True

        pulse = Pulse(Weak(), threading.Event())
        thread = threading.Thread(target=pulse.run, daemon=True)
        thread.start()
        try:
            assert beaten.wait(10)
        finally:
            pulse.stop()
            thread.join()


@pytest.mark.usefixtures("churn")
class TestPredict:
    def test_takes_no_query(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            predict()


@pytest.mark.django_db(transaction=True)
class TestSwapUnderLoad:
    MOVES = 20
    CALLERS = 8

    def test_refuses_no_call_while_an_alias_moves(self, artefacts):
        promote(make_ready_version(artefacts["linear"], "churn"), default=True)
        make_ready_version(artefacts["steeper"], "churn")
        process = runtime.refresh()
        process.manager._linger_seconds = 0.05  # far below the default, so that versions really go
        done, wrong, answered = threading.Event(), [], [0] * self.CALLERS

        def call(place):
            while not done.is_set():
                try:
                    result = predict()
                    version = result.servable_id.version
                    if result.to_lists() != [[ANSWERS[("linear", "steeper")[version - 1]]]]:
                        wrong.append(result)
                except Exception as error:  # noqa: BLE001 - any failure is what we look for
                    wrong.append(error)
                answered[place] += 1
                time.sleep(0.001)  # lets the mover have the interpreter lock now and then

        callers = [threading.Thread(target=call, args=(place,)) for place in range(self.CALLERS)]
        for caller in callers:
            caller.start()
        for move in range(self.MOVES):
            number = 2 - move % 2
            aliasing.set_alias(model_name="churn", alias="champion", number=number, actor=None)
            while process.routes.by_alias("churn").servable_id.version != number:
                process.refresh()
            done.wait(0.06)
            process.refresh()
        done.set()
        for caller in callers:
            caller.join()

        assert wrong == []
        assert min(answered) > self.MOVES


def _fails_at(part):
    """A database that goes away at a statement with these words in it."""

    def execute_unless(execute, sql, *rest):
        if part in sql:
            raise OperationalError(part)
        return execute(sql, *rest)

    return execute_unless
