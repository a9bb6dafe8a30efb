"""Work behind the commit of a call with a key: docs/subsystems/idempotency.md."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import AuditEntry, IdempotencyKey
from tests.core.api import urls

URL = "/api/v1/twosteps"


@pytest.fixture(autouse=True)
def _no_step_left():
    yield
    urls.STEPS.clear()


def send(client, key="k1", **body):
    headers = {} if key is None else {"idempotency-key": key}
    return client.post(URL, body, content_type="application/json", headers=headers)


def effects():
    return AuditEntry.objects.filter(action="job").count()


def steps(response):
    return response.status_code, response.json().get("step"), "Idempotency-Replayed" in response


@pytest.mark.django_db
class TestFinishing:
    def test_answers_and_repeats_what_the_second_step_says(self, caller):
        first, second = send(caller()), send(caller())

        assert (steps(first), steps(second)) == ((201, 2, False), (201, 2, True))
        assert first.content == second.content
        assert effects() == 1
        assert len(urls.CALLS) == 1

    def test_happens_without_a_key_too(self, caller):
        assert steps(send(caller(), key=None)) == (201, 2, False)
        assert (effects(), IdempotencyKey.objects.count()) == (1, 0)

    def test_a_repetition_meanwhile_is_told_to_wait(self, caller, assert_problem):
        meanwhile = []
        urls.STEPS.append(lambda: meanwhile.append(send(caller())))

        first = send(caller())

        assert steps(first) == (201, 2, False)
        assert_problem(meanwhile[0], 409, "idempotency_in_progress")
        assert meanwhile[0]["Retry-After"] == "1"
        assert effects() == 1

    def test_a_process_that_died_before_the_step_leaves_the_first_answer(self, caller):
        send(caller())
        IdempotencyKey.objects.update(
            response_body=b'{"step":1}', unfinished_until=timezone.now() - timedelta(seconds=1)
        )

        assert steps(send(caller())) == (201, 1, True)
        assert effects() == 1

    def test_a_step_that_fails_is_told_and_leaves_the_first_answer(self, caller):
        def fail():
            raise urls.Secret("broken")

        urls.STEPS.append(fail)

        failed, again = send(caller()), send(caller())

        assert failed.status_code == 500
        assert steps(again) == (201, 1, True)
        assert effects() == 1

    def test_is_left_out_when_the_first_step_is_refused(self, caller, assert_problem):
        refused, again = send(caller(), outcome="conflict"), send(caller(), outcome="conflict")

        assert_problem(refused, 409, "conflict")
        assert again.content == refused.content
        assert (effects(), urls.CALLS) == (0, [])


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    def test_none_is_open_while_the_step_runs_and_the_first_step_has_been_committed(self, caller):
        seen = []
        urls.STEPS.append(lambda: seen.append((effects(), IdempotencyKey.objects.count())))

        assert steps(send(caller())) == (201, 2, False)

        assert urls.CALLS == [False]
        assert seen == [(1, 1)]
