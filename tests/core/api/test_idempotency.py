"""The Idempotency-Key header over HTTP: the nine cases of docs/subsystems/idempotency.md."""

import threading
from contextlib import contextmanager

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.utils import timezone

from core.ids import uuid7
from core.limits import IDEMPOTENCY_KEY_MAX
from core.models import AuditEntry, IdempotencyKey
from tests.core.api import urls
from tests.core.api.callers import ALICE, BOB, SHOP

pytestmark = pytest.mark.django_db

URL = "/api/v1/jobs"
LONGEST = "k" * IDEMPOTENCY_KEY_MAX
WAIT = 10  # seconds a test waits for another thread


@pytest.fixture(autouse=True)
def _no_fault_left():
    yield
    urls.FAULTS.clear()


def send(client, key="k1", method="post", url=URL, **body):
    headers = {} if key is None else {"idempotency-key": key}
    return getattr(client, method)(url, body, content_type="application/json", headers=headers)


def effects():
    return AuditEntry.objects.filter(action="job").count()


def kept():
    return IdempotencyKey.objects.count()


def is_replay(response):
    return response.headers.get("Idempotency-Replayed") == "true"


class TestTheNineCases:
    def test_1_a_first_call_has_its_effect_and_its_answer_is_kept(self, caller):
        response = send(caller(), job="a")

        assert (response.status_code, is_replay(response), effects()) == (201, False, 1)
        row = IdempotencyKey.objects.get()
        assert (row.user_id, row.application_id) == (ALICE, None)
        assert (row.method, row.route, row.key) == ("POST", "api/v1/jobs", "k1")
        assert (row.response_status, bytes(row.response_body)) == (201, response.content)
        assert row.response_headers["Location"] == response["Location"]

    def test_2_the_same_call_again_has_the_same_answer_and_no_second_effect(self, caller):
        client = caller()

        first, second = send(client, job="a"), send(client, job="a")

        assert effects() == 1
        assert (second.status_code, second.content) == (201, first.content)
        assert second["Location"] == first["Location"]
        assert second["Content-Type"] == "application/json"
        assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")

    def test_3_another_body_under_the_key_is_refused(self, caller, assert_problem):
        client = caller()
        first = send(client, job="a")

        assert_problem(send(client, job="b"), 422, "idempotency_key_reused")
        assert effects() == 1
        again = send(client, job="a")
        assert (is_replay(again), again.content) == (True, first.content)

    @pytest.mark.parametrize(
        ("whose", "how"),
        [
            ({"user_id": BOB}, {}),
            ({"application_id": SHOP}, {}),
            ({}, {"method": "patch"}),
            ({}, {"url": f"{URL}/a"}),
        ],
        ids=["user", "application", "method", "route"],
    )
    def test_4_another_principal_or_route_has_a_key_of_its_own(self, caller, whose, how):
        first = send(caller(), job="a")

        elsewhere = send(caller(**whose), **{"job": "b", **how})

        assert (elsewhere.status_code, is_replay(elsewhere)) == (201, False)
        assert elsewhere.content != first.content
        assert effects() == 2

    @pytest.mark.django_db(transaction=True)
    def test_5_while_the_first_call_runs_the_second_is_told_to_wait(self, caller, assert_problem):
        first, second = Calling(caller()), Calling(caller())
        with effects_held_up():
            first.start()
            wait_for_waiting()
            second.start()
            refused = second.answer()
        answered = first.answer()
        third = send(caller(), job="a")

        assert assert_problem(refused, 409, "idempotency_in_progress")
        assert refused["Retry-After"] == "1"
        assert (answered.status_code, is_replay(answered)) == (201, False)
        assert (third.content, is_replay(third)) == (answered.content, True)
        assert effects() == 1

    def test_6_a_refusal_of_what_was_sent_is_not_kept_so_it_may_be_mended(
        self, caller, assert_problem
    ):
        client = caller()

        assert_problem(send(client, job="a", outcome="invalid"), 400, "validation_failed")
        assert (effects(), kept()) == (0, 0)
        mended = send(client, job="a")

        assert (mended.status_code, is_replay(mended), effects()) == (201, False, 1)

    @pytest.mark.parametrize(
        ("fault", "status"),
        [(urls.Secret("broken"), 500), (OperationalError("the connection is lost"), 503)],
        ids=["500", "503"],
    )
    def test_7_an_error_of_the_server_leaves_nothing_so_the_same_call_may_succeed(
        self, caller, fault, status
    ):
        client = caller()
        urls.FAULTS.append(fault)

        failed = send(client, job="a")
        assert (failed.status_code, effects(), kept()) == (status, 0, 0)
        again = send(client, job="a")

        assert (again.status_code, is_replay(again), effects()) == (201, False, 1)

    def test_8_after_its_time_a_key_is_new(self, caller):
        client = caller()
        send(client, job="a")
        IdempotencyKey.objects.update(expires_at=timezone.now())

        response = send(client, job="b")

        assert (response.status_code, is_replay(response)) == (201, False)
        assert (effects(), kept()) == (2, 1)
        assert is_replay(send(client, job="b"))

    @pytest.mark.parametrize(
        "key",
        [
            *("", " ", '""', '"', '"abc', 'abc"', 'a"b'),
            *("a b", "a\tb", "a\x00b", "a\x7fb", "a\r\nb", "é", "ключ"),
            *(f"{LONGEST}k", f'"{LONGEST}k"'),
            # How two headers reach the application: joined with a comma (RFC 9110 section 5.3).
            *("k1,k1", "k1, k2", '"k1","k2"', '"k1",k2'),
            '"abc";a=1',  # a structured field's parameter, which has no meaning here
        ],
    )
    def test_9_a_malformed_key_is_refused_before_anything_is_done(
        self, caller, assert_problem, key
    ):
        response = send(caller(), key=key, job="a")

        assert_problem(response, 400, "idempotency_key_invalid", at=("Idempotency-Key", "invalid"))
        assert (effects(), kept()) == (0, 0)


class Calling:
    """A call in a thread of its own, with a connection of its own."""

    def __init__(self, client):
        self._client = client
        self._thread = threading.Thread(target=self._run)
        self._answer = None

    def start(self):
        self._thread.start()

    def answer(self):
        self._thread.join(WAIT)
        return self._answer

    def _run(self):
        try:
            self._answer = send(self._client, job="a")
        finally:
            connection.close()


@contextmanager
def effects_held_up():
    """Whoever writes an audit entry waits until this ends."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE core_auditentry IN SHARE MODE")
        yield
    finally:
        other.rollback()
        other.close()


def wait_for_waiting():
    """Until somebody waits for the audit trail."""
    asked = "SELECT count(*) FROM pg_locks WHERE relation = 'core_auditentry'::regclass"
    for _ in range(WAIT * 100):
        with connection.cursor() as cursor:
            cursor.execute(f"{asked} AND NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    pytest.fail("Nobody came to write an audit entry.")


class TestKey:
    def test_missing_where_required_is_400(self, caller, assert_problem):
        response = send(caller(), key=None)

        assert_problem(response, 400, "idempotency_key_missing", at=("Idempotency-Key", "required"))
        assert effects() == 0

    def test_missing_where_accepted_is_fine(self, caller):
        assert send(caller(), key=None, method="patch").status_code == 201
        assert kept() == 0

    def test_is_asked_after_the_credential(self, anyone, assert_problem):
        assert_problem(send(anyone, key=None), 401, "not_authenticated")

    @pytest.mark.parametrize("key", ["k", LONGEST, "a'b;c!~", "{5f9c}"])
    def test_is_the_same_bare_and_in_quotes(self, caller, key):
        client = caller()

        first, again = send(client, key=f'"{key}"', job="a"), send(client, key=key, job="a")

        assert (first.status_code, is_replay(again), effects()) == (201, True, 1)
        assert IdempotencyKey.objects.get().key == key

    def test_may_have_a_comma_within_quotes(self, caller):
        assert send(caller(), key='"a,b"').status_code == 201
        assert IdempotencyKey.objects.get().key == "a,b"

    def test_is_the_same_with_blanks_around_it(self, caller):
        client = caller()
        send(client, key="k1")

        assert is_replay(send(client, key="  k1\t"))

    def test_is_another_in_capitals(self, caller):
        client = caller()

        first, other = send(client, key="order-a"), send(client, key="ORDER-A")

        assert (first.status_code, other.status_code, effects()) == (201, 201, 2)
        assert not is_replay(other)

    def test_is_another_in_each_of_two_applications_of_one_person(self, caller):
        of_shop, of_other = caller(application_id=SHOP), caller(application_id=uuid7())

        answers = [send(client, job="a") for client in (of_shop, of_other, of_shop, of_other)]

        assert [is_replay(answer) for answer in answers] == [False, False, True, True]
        assert [answer.content for answer in answers[2:]] == [a.content for a in answers[:2]]
        assert effects() == 2

    def test_of_one_path_does_not_stand_for_another_path_of_its_route(self, caller, assert_problem):
        client = caller()
        send(client, url=f"{URL}/one", job="a")

        refused = send(client, url=f"{URL}/two", job="a")

        assert_problem(refused, 422, "idempotency_key_reused")
        assert effects() == 1


class TestReplay:
    def test_has_a_request_id_and_limits_of_its_own(self, caller, settings):
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "default": [("many", 100, 3_600)]}
        client = caller()

        first, second = send(client), send(client)

        assert first["X-Request-Id"] != second["X-Request-Id"]
        assert first["RateLimit"] != second["RateLimit"]

    def test_is_of_the_same_request_however_it_is_written(self, caller):
        client = caller()
        send(client, job="a", note="b")

        again = client.post(
            URL,
            b'{ "note" : "b",\n"job": "\\u0061" }',
            content_type="application/json",
            headers={"idempotency-key": "k1"},
        )

        assert is_replay(again)

    def test_of_a_conflict_repeats_the_conflict(self, caller, assert_problem):
        client = caller()

        first, second = send(client, outcome="conflict"), send(client, outcome="conflict")

        assert_problem(first, 409, "conflict")
        assert (second.status_code, second.content) == (409, first.content)
        assert second["Idempotency-Replayed"] == "true"
        assert effects() == 0

    def test_of_an_upload_compares_the_files(self, caller, assert_problem):
        client = caller()

        def upload(content):
            return client.post(
                URL,
                {"job": "a", "file": SimpleUploadedFile("x.csv", content)},
                headers={"idempotency-key": "k1"},
            )

        first, again, other = upload(b"1"), upload(b"1"), upload(b"2")

        assert (first.status_code, again.content) == (201, first.content)
        assert_problem(other, 422, "idempotency_key_reused")
        assert effects() == 1
