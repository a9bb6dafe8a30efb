"""Promotions on real web processes under load, and while parts of the platform fail.

Each platform takes seconds to start, so those marked `faults_alone` are run by make
test-faults; what they show of one process is shown in tests/apps/ml_models/test_rollouts.py too.
"""

import os
import time

import pytest

from embedded.processes import alive
from embedded.programs import Options
from tests.harness.cluster import Platform, copy_state
from tests.harness.swinging import (
    ALIAS_PATH,
    MODEL_PATH,
    Swing,
    callers_of,
    make_artefacts,
    prepare,
    processes_of,
)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def faults_alone(test):
    """Of the faults suite, and of no other run."""
    skipped = pytest.mark.skipif(not os.environ.get("FAULTS"), reason="run by make test-faults")
    return pytest.mark.faults(skipped(test))


PROMOTIONS = 6
WARM_PROMOTIONS = 2  # after which memory counts as settled
WEBS = ("web", "web:2")
GROWTH_MAX = 1.1  # of resident memory
LOADED = (
    "SELECT count(*) FROM ml_models_servedversion s"
    " JOIN ml_models_modelversion v ON v.id = s.version_id"
    " JOIN ml_models_registeredmodel m ON m.id = v.model_id"
    " WHERE s.state = 'available' AND m.name = 'swing'"
)
LOADS = "SELECT sum(loads) FROM ml_models_servingprocess WHERE role = 'web'"
DIGEST = (
    "SELECT manifest->'files'->'litert'->>'sha256' FROM ml_models_modelversion v"
    " JOIN ml_models_registeredmodel m ON m.id = v.model_id WHERE m.name = 'swing' AND number = 2"
)


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    return make_artefacts(tmp_path_factory.mktemp("swing"))


@pytest.fixture
def make_platform(prepared_state, tmp_path, artefacts):
    """A platform whose alias `live` leads to version 1 in every web process."""
    running = []

    def make(*webs, options=None, settings=None):
        copy_state(prepared_state, tmp_path / "a platform")
        platform = Platform(tmp_path / "a platform", options=options, settings=settings)
        running.append(platform.__enter__())
        prepare(platform, artefacts)
        platform.start(*webs)
        count = len(webs) * platform.options.web_workers
        is_loaded = platform.wait_until(lambda: platform.sql(LOADED)[0][0] == count, seconds=90)
        assert is_loaded, platform.log(webs[-1])[-3000:]
        return platform

    yield make
    for platform in running:
        platform.__exit__()


@pytest.fixture
def two_servers(make_platform):
    return make_platform(*WEBS)


def state_of(swing):
    return swing.newest()[1]


class TestUnderLoad:
    def test_promotions_that_load_anew_cost_no_call_and_no_memory(self, make_platform):
        """No version is kept warm, so each promotion loads it in both processes."""
        platform = make_platform(
            "web", options=Options(web_workers=2), settings={"SERVING_BAKE_SECONDS": "0"}
        )
        swing = Swing(platform)

        def promote(number):
            swing.promote(number)
            assert platform.wait_until(lambda: platform.sql(LOADED)[0][0] == 2, seconds=20)

        with callers_of(platform) as callers:
            for promotion in range(WARM_PROMOTIONS):
                promote(2 - promotion % 2)
            before, loads = processes_of(platform), platform.sql(LOADS)[0][0]
            for promotion in range(PROMOTIONS):
                promote(2 - promotion % 2)
            after, loads = processes_of(platform), platform.sql(LOADS)[0][0] - loads

        assert (callers.wrong, loads) == ([], 2 * PROMOTIONS)
        assert {call.version for call in callers.calls} == {1, 2}
        assert len(before) == 2
        assert {pid: after[pid] / before[pid] < GROWTH_MAX for pid in before} == dict.fromkeys(
            before, True
        )


class TestFailures:
    @faults_alone
    def test_a_corrupt_artefact_leaves_the_old_version_and_says_why(self, two_servers):
        ((digest,),) = two_servers.sql(DIGEST)
        path = two_servers.state.root / "artefacts/models/sha256" / digest[:2] / digest
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        swing = Swing(two_servers)
        with callers_of(two_servers) as callers:
            answer = swing.staff.put(ALIAS_PATH, {"version": 2})
            assert (answer.status, answer.json()["rollout"]["state"]) == (200, "loading")
            assert two_servers.wait_until(lambda: state_of(swing) == "failed", seconds=20)
            time.sleep(0.5)

        alias = swing.staff.get(ALIAS_PATH).json()
        assert (callers.wrong, {call.version for call in callers.calls}) == ([], {1})
        assert (alias["version"], alias["rollout"]["failure"]["code"]) == (
            1,
            "artefact_digest_mismatch",
        )

    def test_a_process_that_is_killed_meanwhile_holds_nothing_up(self, two_servers):
        swing = Swing(two_servers)
        two_servers.freeze("web:2")
        with callers_of(two_servers) as callers:
            answer = swing.staff.put(ALIAS_PATH, {"version": 2})
            assert answer.status == 200, answer.text
            time.sleep(0.5)
            assert state_of(swing) == "loading", "the frozen process is waited for"
            two_servers.kill("web:2")
            killed_at = time.monotonic()
            assert two_servers.wait_until(lambda: state_of(swing) == "live", seconds=10)
            took = time.monotonic() - killed_at
        assert callers.wrong == []
        assert took < 2.0

    @faults_alone
    def test_a_process_that_hangs_is_left_behind_and_catches_up(self, two_servers):
        swing = Swing(two_servers)
        second = two_servers.client("demo", "demo", web="web:2")
        two_servers.freeze("web:2")
        assert swing.staff.put(ALIAS_PATH, {"version": 2}).status == 200
        assert two_servers.wait_until(lambda: state_of(swing) == "live", seconds=10)
        two_servers.thaw("web:2")

        def version():
            row = {"amount": 1.5, "visits": 3, "colour": "green", "member": True}
            answer = second.post(f"{ALIAS_PATH}/predict", {"features": [row]})
            assert answer.status == 200, answer.text
            return answer.json()["model"]["version"]

        assert two_servers.wait_until(lambda: version() == 2, seconds=10)

    @faults_alone
    def test_without_redis_processes_follow_by_the_clock(self, two_servers):
        swing = Swing(two_servers)
        with callers_of(two_servers) as callers:
            two_servers.kill("redis")
            swing.promote(2)
            swing.promote(1)
            two_servers.start("redis")
        # Calls that cannot be counted are refused meanwhile: that is the limits' own rule.
        assert [wrong for wrong in callers.wrong if "limits_unavailable" not in wrong] == []

    @faults_alone
    def test_a_restart_of_the_database_only_delays(self, two_servers):
        swing = Swing(two_servers)
        with callers_of(two_servers) as callers:
            two_servers.freeze("web:2")
            assert swing.staff.put(ALIAS_PATH, {"version": 2}).status == 200
            two_servers.restart("postgres")
            two_servers.thaw("web:2")
            swing.wait_live(2)
        assert callers.wrong == []

    @faults_alone
    def test_rolling_back_is_instant(self, two_servers):
        swing = Swing(two_servers)
        swing.promote(2)
        with callers_of(two_servers) as callers:
            answer = swing.staff.post(f"{ALIAS_PATH}/rollback", {"reason": "More complaints."})
            document = answer.json()
            assert (answer.status, document["version"]) == (200, 1)
            assert document["rollout"]["state"] == "live"
            swing.wait_live(1)
        assert callers.wrong == []
        listed = swing.staff.get(f"{MODEL_PATH}/rollouts").json()
        assert [entry["kind"] for entry in listed["results"]][:1] == ["rollback"]


class TestMemory:
    @faults_alone
    def test_a_process_with_too_much_memory_is_replaced_and_no_call_is_lost(self, make_platform):
        """Of one worker: the next one starts first, so there is no gap."""
        options = Options(web_workers=1, web_rss_bytes=64 * 1024**2)
        platform = make_platform(
            "web", options=options, settings={"SERVING_RSS_BYTES": str(64 * 1024**2)}
        )
        (first,) = processes_of(platform)
        with callers_of(platform, keep_alive=False, count=4) as callers:
            assert platform.wait_until(
                lambda: platform.sql(
                    "SELECT count(*) FROM ml_models_servingprocess WHERE pid = %s AND retiring",
                    (first,),
                )[0][0],
                seconds=20,
            )
            assert platform.wait_until(lambda: not alive(first), seconds=60)
            time.sleep(1.0)
        assert callers.wrong == []
        assert len({*processes_of(platform)} - {first}) == 1
