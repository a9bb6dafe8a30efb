"""A process killed before whichever statement of a submission: the same call then makes one job.

Which steps a running web server goes through is in tests/journeys/test_safe_calls.py; this is all
of them, also those that are new tomorrow, in a child of the test process each.
"""

import os
import signal
import time
from uuid import uuid4

import pytest
from django.db import connection

from apps.ml_models.models import BatchPrediction
from core.models import IdempotencyKey, OutboxEvent
from tests.factories.ml_models import ROW

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("churn"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

URL = "/api/v1/batch-predictions"
STATEMENTS_MIN = 10  # of one submission; fewer would mean that they are not all seen
NOTICED_WITHIN = 10  # seconds until PostgreSQL has given up the transaction of a dead process


@pytest.fixture
def hers(client_of, alice):
    return client_of(alice)


def submit(client, key):
    return client.post(URL, {"features": [ROW]}, format="json", headers={"Idempotency-Key": key})


def dies_before(number):
    """Ends the process instead of executing that statement of its connection, counted from 1."""
    seen = 0

    def count(execute, *statement):
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*statement)

    return count


def is_killed(client, key, statement):
    """Whether a child that submits is killed before that statement; else it had fewer of them."""
    connection.close()  # of the parent: a child must not share it
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            with connection.execute_wrapper(dies_before(statement)):
                submit(client, key)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def submit_until_answered(client, key):
    until = time.monotonic() + NOTICED_WITHIN
    while True:
        answer = submit(client, key)
        if answer.status_code != 409:
            return answer
        assert answer.json()["code"] == "idempotency_in_progress"
        assert time.monotonic() < until
        time.sleep(0.02)


class TestKilledBeforeAnyStatement:
    def test_leaves_nothing_and_the_next_try_makes_the_one_job(self, hers, storage_of_its_own):
        statement = 1
        while is_killed(hers, key := uuid4().hex, statement):
            assert IdempotencyKey.objects.filter(key=key).count() == 0
            answer = submit_until_answered(hers, key)
            assert (answer.status_code, "Idempotency-Replayed" in answer) == (202, False)
            assert BatchPrediction.objects.count() == statement
            statement += 1

        assert statement > STATEMENTS_MIN
        jobs = {str(job) for job in BatchPrediction.objects.values_list("pk", flat=True)}
        assert len(jobs) == statement  # the last was not killed
        assert IdempotencyKey.objects.count() == statement
        tasks = OutboxEvent.objects.filter(kind="task").values_list("payload__job_id", flat=True)
        events = OutboxEvent.objects.filter(object_type="batch_prediction")
        assert sorted(tasks) == sorted(jobs)
        assert sorted(events.values_list("object_id", flat=True)) == sorted(jobs)
        assert jobs <= {path.name for path in (storage_of_its_own / "batch-predictions").iterdir()}
