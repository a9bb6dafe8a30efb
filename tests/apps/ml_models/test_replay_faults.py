"""A real worker dies in the middle of a replay; another one begins it anew and ends it."""

import json
import time

import pytest

from apps.ml_models.selectors.predictions import day_of_id
from core.ids import uuid7

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.faults,
    pytest.mark.long,
]

CALLS, ROWS = 1_000, 80  # of each call
RECOVERY_SECONDS = 75.0  # a lease of 30 s while it loads, a reaper each 10 s, and the run itself
MODEL = "/api/v1/models/purchase-intent"

SECOND_VERSION = """
    INSERT INTO ml_models_modelversion SELECT (row).* FROM (
        SELECT jsonb_populate_record(
            version, jsonb_build_object('id', %s::text, 'number', 2)
        ) AS row
        FROM ml_models_modelversion AS version
    ) AS copies
"""
LOG = """
    INSERT INTO ml_models_loggedprediction
        (id, day, at, model_id, version_id, alias, arm, caller, request_id, rows, features, scores,
         outcome, latency_us)
    SELECT unnest(%s::uuid[]), %s, now(), model_id, id, 'champion', 'main', '', '', %s,
        %s::jsonb, array_fill(0.5::float8, ARRAY[%s]), 'ok', 20
    FROM ml_models_modelversion WHERE number = 1
"""
STATE = "SELECT state, attempts, rows, flips, failed_rows FROM ml_models_replay"


def fill_log(platform):
    samples = json.loads((platform.state.root / "demo" / "sample_rows.json").read_text())
    rows = json.dumps([list(samples[n % len(samples)].values()) for n in range(ROWS)])
    ids = [str(uuid7()) for _ in range(CALLS)]
    day = day_of_id(uuid7())
    table = "ml_models_loggedprediction"
    platform.sql("SELECT core_ensure_day_partitions(%s, %s, 1)", (table, day))
    platform.sql(LOG, (ids, day, ROWS, rows, ROWS))
    platform.sql(SECOND_VERSION, (str(uuid7()),))


class TestWorkerKilled:
    def test_the_replay_is_run_anew_and_counts_each_row_once(self, platform):
        platform.start("web", "relay", "worker", "beat")
        platform.wait_ready()
        fill_log(platform)
        staff = platform.client("admin", "admin")

        started = staff.post(f"{MODEL}/replays", {"version": 2, "calls": CALLS})

        assert started.status == 202, started.text
        assert platform.wait_until(
            lambda: platform.sql(STATE)[0][:2] == ("running", 1), seconds=60
        ), platform.log("worker")[-3000:]
        platform.kill("worker")
        assert platform.sql(STATE)[0][0] == "running", "it was killed too late to say anything"
        platform.start("worker")
        back = time.monotonic()

        ended = platform.wait_until(
            lambda: platform.sql(STATE)[0][0] == "succeeded", seconds=RECOVERY_SECONDS
        )

        assert ended, f"{platform.sql(STATE)}\n{platform.log('worker')[-3000:]}"
        assert time.monotonic() - back < RECOVERY_SECONDS
        assert platform.sql(STATE) == [("succeeded", 2, CALLS * ROWS, 0, 0)]
        shown = staff.get(f"{MODEL}/replays/{started.json()['id']}").json()
        assert (shown["largest_difference"], shown["changed"]["share"]) == (0.0, 0.0)
        assert shown["ended_by"] == "calls"
