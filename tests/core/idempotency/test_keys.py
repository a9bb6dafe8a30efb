"""What becomes of a key without any HTTP, and what concurrency and crashes do to it."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core.errors import ConflictError, InvalidError
from core.idempotency import (
    InProgressError,
    InvalidKeyError,
    MissingKeyError,
    Outcome,
    ReusedKeyError,
    Scope,
    StoredAnswer,
    parse_key,
    run_once,
)
from core.idempotency.purge import purge_expired_keys
from core.models import AuditEntry, IdempotencyKey
from core.outbox import Event, publish
from tests.factories.events import allow_events
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db(transaction=True)

ALICE, MALLORY, SHOP = UUID(int=1), UUID(int=2), UUID(int=3)
SCOPE = Scope(None, ALICE, "POST", "api/v1/batch-predictions")
PRINT, OTHER_PRINT = b"a" * 32, b"b" * 32
CREATED = StoredAnswer(201, b'{"id":"1"}', {"Content-Type": "application/json", "Location": "/1"})


class OutOfStockError(ConflictError):
    """There is none left."""

    code = "out_of_stock"


@pytest.fixture(autouse=True)
def _events(monkeypatch):
    allow_events(monkeypatch, "thing.made")


def take_effect() -> None:
    AuditEntry.objects.create(action="effect", object_type="thing", object_id="1")
    publish(Event("thing.made", "thing", "1", {}))


def effects() -> int:
    return AuditEntry.objects.count()


def create() -> StoredAnswer:
    take_effect()
    return CREATED


def never() -> StoredAnswer:
    raise AssertionError("It must not be executed again.")


class TestRunOnce:
    def test_a_first_call_is_executed_and_kept_with_its_effect(self):
        outcome = run_once(SCOPE, "k1", PRINT, create)

        assert (outcome.answer, outcome.replayed) == (CREATED, False)
        row = IdempotencyKey.objects.get()
        assert (row.user_id, row.key, row.response_status) == (ALICE, "k1", 201)
        assert timedelta(hours=71) < row.expires_at - timezone.now() < timedelta(hours=73)
        assert effects() == 1

    def test_the_same_call_again_is_answered_from_what_was_kept(self):
        run_once(SCOPE, "k1", PRINT, create)

        outcome = run_once(SCOPE, "k1", PRINT, never)

        assert (outcome.answer, outcome.replayed) == (CREATED, True)
        assert effects() == 1

    def test_another_request_under_the_key_is_refused(self):
        run_once(SCOPE, "k1", PRINT, create)

        with pytest.raises(ReusedKeyError):
            run_once(SCOPE, "k1", OTHER_PRINT, never)

        assert effects() == 1

    def test_while_the_first_runs_the_second_is_told_to_wait(self):
        running, may_end = threading.Event(), threading.Event()

        def slowly() -> StoredAnswer:
            running.set()
            may_end.wait(10)
            return create()

        def first() -> None:
            run_once(SCOPE, "k1", PRINT, slowly)
            connection.close()

        thread = threading.Thread(target=first)
        thread.start()
        running.wait(10)
        with pytest.raises(InProgressError) as caught:
            run_once(SCOPE, "k1", PRINT, never)
        may_end.set()
        thread.join()

        assert caught.value.retry_after == 1
        assert run_once(SCOPE, "k1", PRINT, never).replayed
        assert effects() == 1

    def test_a_refusal_of_what_was_sent_is_not_kept(self):
        def refuse() -> StoredAnswer:
            take_effect()
            raise InvalidError("No.")

        with pytest.raises(InvalidError):
            run_once(SCOPE, "k1", PRINT, refuse)

        assert (effects(), IdempotencyKey.objects.count()) == (0, 0)
        assert not run_once(SCOPE, "k1", OTHER_PRINT, create).replayed

    @pytest.mark.parametrize("raised", [True, False])
    def test_a_conflict_is_kept_and_its_effect_undone(self, raised):
        refusal = StoredAnswer(409, b'{"code":"out_of_stock"}')
        sent = []

        def conflict() -> StoredAnswer:
            take_effect()
            transaction.on_commit(lambda: sent.append("mail"))
            if raised:
                raise OutOfStockError
            return refusal

        first = run_once(SCOPE, "k1", PRINT, conflict, refuse=lambda _error: refusal)
        second = run_once(SCOPE, "k1", PRINT, never)

        assert (first.answer, first.replayed) == (refusal, False)
        assert (second.answer.status, second.answer.body, second.replayed) == (
            409,
            refusal.body,
            True,
        )
        assert (effects(), sent) == (0, [])

    @pytest.mark.parametrize("status", [400, 404, 413, 429, 500, 503])
    def test_a_failure_leaves_nothing_and_the_key_may_be_tried_again(self, status):
        def fail() -> StoredAnswer:
            take_effect()
            return StoredAnswer(status, b"{}")

        outcome = run_once(SCOPE, "k1", PRINT, fail)

        assert (outcome.answer.status, outcome.replayed) == (status, False)
        assert (effects(), IdempotencyKey.objects.count()) == (0, 0)
        assert run_once(SCOPE, "k1", PRINT, create).answer == CREATED
        assert effects() == 1

    def test_after_its_time_a_key_is_new(self):
        run_once(SCOPE, "k1", PRINT, create)
        IdempotencyKey.objects.update(expires_at=timezone.now())

        outcome = run_once(SCOPE, "k1", OTHER_PRINT, create)

        assert not outcome.replayed
        assert effects() == 2
        assert bytes(IdempotencyKey.objects.get().fingerprint) == OTHER_PRINT

    @pytest.mark.parametrize(
        "elsewhere",
        [
            Scope(None, MALLORY, "POST", SCOPE.route),
            Scope(SHOP, ALICE, "POST", SCOPE.route),
            Scope(None, ALICE, "PATCH", SCOPE.route),
            Scope(None, ALICE, "POST", "api/v1/orders"),
        ],
        ids=["user", "application", "method", "route"],
    )
    def test_the_same_key_elsewhere_is_another(self, elsewhere):
        run_once(SCOPE, "k1", PRINT, create)

        assert not run_once(elsewhere, "k1", OTHER_PRINT, create).replayed
        assert effects() == 2


class TestConcurrency:
    def test_fifty_threads_with_one_key_have_one_effect(self):
        gate = threading.Barrier(50)

        def call(_: int) -> str:
            gate.wait(30)
            try:
                outcome = run_once(SCOPE, "k1", PRINT, slowly_create)
            except InProgressError:
                return "in progress"
            finally:
                connection.close()
            assert outcome.answer == CREATED
            return "replayed" if outcome.replayed else "executed"

        def slowly_create() -> StoredAnswer:
            time.sleep(0.05)
            return create()

        with ThreadPoolExecutor(50) as pool:
            results = list(pool.map(call, range(50)))

        assert results.count("executed") == 1
        assert set(results) <= {"executed", "replayed", "in progress"}
        assert effects() == 1
        assert run_once(SCOPE, "k1", PRINT, never).replayed

    def test_effects_and_conflicts_at_once_are_all_answered_with_the_one_that_was_kept(self):
        refusal = StoredAnswer(409, b'{"code":"out_of_stock"}')

        def conflict() -> StoredAnswer:
            take_effect()
            raise OutOfStockError

        def call(number: int) -> Outcome:
            what = create if number % 2 else conflict
            return run_once(SCOPE, "k1", PRINT, what, refuse=lambda _error: refusal)

        answers = in_parallel(call, count=40)

        answered = [answer for answer in answers if not isinstance(answer, InProgressError)]
        kept = run_once(SCOPE, "k1", PRINT, never)
        assert {outcome.answer.body for outcome in answered} == {kept.answer.body}
        assert [outcome.replayed for outcome in answered].count(False) == 1
        assert effects() == (1 if kept.answer == CREATED else 0)
        assert IdempotencyKey.objects.count() == 1

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_process_killed_in_the_middle_leaves_nothing_and_a_retry_works(self):
        reading, writing = os.pipe()
        connection.close()
        child = os.fork()
        if child == 0:  # pragma: no cover - another process

            def hang() -> StoredAnswer:
                take_effect()
                os.write(writing, b"x")
                time.sleep(60)
                return CREATED

            try:
                run_once(SCOPE, "k1", PRINT, hang)
            finally:
                os._exit(1)
        os.read(reading, 1)
        with pytest.raises(InProgressError):
            run_once(SCOPE, "k1", PRINT, never)

        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

        until = time.monotonic() + 10
        while True:
            try:
                outcome = run_once(SCOPE, "k1", PRINT, create)
                break
            except InProgressError:  # PostgreSQL has not noticed yet
                assert time.monotonic() < until
                time.sleep(0.05)
        assert not outcome.replayed
        assert effects() == 1

    def test_a_crash_of_the_code_leaves_nothing(self):
        def crash() -> StoredAnswer:
            take_effect()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            run_once(SCOPE, "k1", PRINT, crash)

        assert (effects(), IdempotencyKey.objects.count()) == (0, 0)
        assert not run_once(SCOPE, "k1", PRINT, create).replayed

    def test_inside_another_transaction_it_is_refused(self):
        with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            run_once(SCOPE, "k1", PRINT, never)


class TestParseKey:
    @pytest.mark.parametrize(
        ("header", "key"),
        [
            ("abc", "abc"),
            ('"abc"', "abc"),
            (" abc ", "abc"),
            ("k" * 255, "k" * 255),
            ("a'b;c", "a'b;c"),
        ],
    )
    def test_reads_bare_and_quoted_keys(self, header, key):
        assert parse_key(header) == key

    @pytest.mark.parametrize(
        "header",
        ["", '""', "k" * 256, "a b", "ä", "a\x00b", "a\nb", '"abc', 'a"b', f'"{"k" * 256}"'],
    )
    def test_refuses_what_is_no_key(self, header):
        with pytest.raises(InvalidKeyError) as caught:
            parse_key(header)

        assert caught.value.errors[0].header == "Idempotency-Key"

    def test_no_header_is_another_matter(self):
        with pytest.raises(MissingKeyError) as caught:
            parse_key(None)

        assert caught.value.code == "idempotency_key_missing"


class TestPurge:
    def test_deletes_the_expired_alone(self):
        run_once(SCOPE, "old", PRINT, create)
        IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        run_once(SCOPE, "new", PRINT, create)

        assert purge_expired_keys(now=timezone.now()) == 1
        assert IdempotencyKey.objects.get().key == "new"
