"""A real worker dies in the middle of a batch prediction; every row still counts once."""

import json
import time

import numpy as np
import pytest

from serving.artefact import Manifest
from serving.encoding import encode_rows
from serving.loaders.litert import LiteRTLoader
from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ROWS = 30_000
BAD = {17: "nonsense", 14_999: "1,2,3", ROWS - 1: ""}
CHUNK_ROWS = 300
RECOVERY_SECONDS = 45.0  # promised, from the moment a worker is back
BOUNDARY = "----rows"


@pytest.fixture
def platform(prepared_state, tmp_path):
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder, settings={"BATCH_CHUNK_ROWS": str(CHUNK_ROWS)}) as running:
        yield running


@pytest.fixture
def rows(platform):
    """Rows that the demo model takes, no two alike."""
    samples = json.loads((platform.state.root / "demo" / "sample_rows.json").read_text())
    return [
        {**samples[i % len(samples)], "ProductRelated": i % 700, "PageValues": float(i % 311)}
        for i in range(ROWS)
    ]


def csv_of(rows):
    def cell(value):
        return str(value).upper() if isinstance(value, bool) else str(value)

    lines = [",".join(rows[0])]
    lines += [",".join(cell(value) for value in row.values()) for row in rows]
    for index in BAD.keys() & range(len(rows)):
        line = BAD[index]
        lines[1 + index] = line or ",".join([""] * len(rows[0]))
    return "\n".join(lines) + "\n"


def submit(client, rows):
    body = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename=rows.csv\r\n"
        f"Content-Type: text/csv\r\n\r\n{csv_of(rows)}\r\n--{BOUNDARY}--\r\n"
    )
    answer = client.call(
        "POST",
        "/api/v1/batch-predictions",
        raw=body.encode(),
        headers={
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Idempotency-Key": "faults",
        },
    )
    assert answer.status == 202, answer.text
    return f"/api/v1/batch-predictions/{answer.json()['id']}"


def offline(platform, rows):
    """What the model's own flatbuffer says to every good row, without platform or worker."""
    ((document,),) = platform.sql("SELECT manifest FROM ml_models_modelversion")
    manifest = Manifest.from_document(document)

    def read(entry):
        path = platform.state.root / "artefacts/models/sha256" / entry.sha256[:2] / entry.sha256
        return path.read_bytes()

    servable = LiteRTLoader(manifest, read).load()
    good = [row for index, row in enumerate(rows) if index not in BAD]
    tensors, kept, errors = encode_rows(manifest.signature, good)
    assert (len(kept), errors) == (ROWS - len(BAD), [])
    (output,) = servable.predict(tensors).values()
    return output[:, 0]


def lines(client, path):
    answer = client.get(path)
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.body.splitlines()]


class TestWorkerKilled:
    def test_every_row_is_stored_once_and_the_job_ends_in_time(self, platform, rows):
        platform.start("web", "relay", "worker", "beat")
        platform.wait_ready()
        client = platform.client("demo", "demo")
        url = submit(client, rows)

        def job():
            return client.get(url).json()

        assert platform.wait_until(lambda: job()["counts"]["succeeded"] > 3_000, seconds=60)
        platform.kill("worker")
        held = platform.sql("SELECT count(*) FROM ml_models_batchchunk WHERE state = 'running'")
        assert job()["status"] == "running", "it was killed too late to say anything"

        platform.start("worker")
        back = time.monotonic()
        ended = platform.wait_until(
            lambda: job()["finished_at"] is not None, seconds=RECOVERY_SECONDS
        )

        assert ended, f"{job()} {held}\n{platform.log('worker')[-3000:]}"
        assert time.monotonic() - back < RECOVERY_SECONDS
        self.check(platform, client, url, rows)

    def check(self, platform, client, url, rows):
        answer = client.get(url).json()
        assert answer["status"] == "partially_succeeded"
        assert answer["counts"] == {
            "total": ROWS,
            "succeeded": ROWS - len(BAD),
            "failed": len(BAD),
        }
        results, errors = lines(client, f"{url}/results"), lines(client, f"{url}/errors")
        good = [row for row in range(ROWS) if row not in BAD]
        assert [line["row"] for line in results] == good
        assert sorted({line["row"] for line in errors}) == sorted(BAD)
        got = np.array([line["prediction"][0] for line in results])
        assert np.allclose(got, offline(platform, rows), rtol=0, atol=1e-6)
        ((chunks, total, left),) = platform.sql(
            "SELECT count(*), sum(succeeded + failed), count(*) FILTER (WHERE state <> 'done')"
            " FROM ml_models_batchchunk"
        )
        assert (chunks, total, left) == (ROWS // CHUNK_ROWS, ROWS, 0)
        ((events,),) = platform.sql(
            "SELECT count(*) FROM core_outboxevent"
            " WHERE type = 'batch_prediction.partially_succeeded'"
        )
        assert events == 1


class TestBrokerEmptied:
    def test_a_job_whose_messages_are_lost_still_ends(self, platform, rows):
        platform.start("web", "relay")
        platform.wait_ready()
        client = platform.client("demo", "demo")
        url = submit(client, rows[:3_000])
        waiting = "SELECT count(*) FROM core_outboxevent WHERE published_at IS NULL"
        assert platform.wait_until(lambda: platform.sql(waiting) == [(0,)], seconds=20)
        with platform.redis.connect() as broker:
            broker.flushall()

        platform.start("worker", "beat")

        assert platform.wait_until(
            lambda: client.get(url).json()["finished_at"] is not None, seconds=90
        ), platform.log("worker")[-3000:]
