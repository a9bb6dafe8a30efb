"""A task knows the request that caused it; core's own tasks tidy up."""

from datetime import UTC, datetime

import pytest
from celery import Celery, current_app

from core import tasks
from core.idempotency import Scope, StoredAnswer, run_once
from core.ids import uuid7
from core.models import IdempotencyKey, Revocation
from core.observability.request_id import current

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def seen():
    return []


@pytest.fixture
def note(seen):
    app = Celery("tasks-test", set_as_current=False, broker="memory://")

    @app.task(name="test.context", shared=False)
    def note(fail: bool = False) -> None:
        context = current()
        seen.append((context.request_id, context.traceparent, context.task_id))
        if fail:
            raise ValueError("no")

    return note


class TestContext:
    @pytest.mark.parametrize("fail", [False, True])
    def test_a_running_task_has_its_cause_and_afterwards_nobody_has(self, note, seen, fail):
        note.apply(
            kwargs={"fail": fail},
            task_id="t-1",
            headers={"request_id": "req_1", "traceparent": TRACE},
        )

        assert seen == [("req_1", TRACE, "t-1")]
        assert current().request_id == ""
        assert tasks._bound == {}

    def test_one_without_a_cause_has_only_its_id(self, note, seen):
        note.apply(task_id="t-2")

        assert seen == [("", "", "t-2")]

    def test_a_trace_that_is_none_is_dropped(self, note, seen):
        note.apply(task_id="t-3", headers={"traceparent": "rubbish\n"})

        assert seen == [("", "", "t-3")]

    def test_every_thread_has_the_platforms_app(self):
        import threading

        apps = []
        thread = threading.Thread(target=lambda: apps.append(current_app.main))
        thread.start()
        thread.join()

        assert apps == ["agora"]


class TestCoresTasks:
    @pytest.mark.django_db(transaction=True)
    def test_expired_keys_are_purged(self):
        scope = Scope(None, uuid7(), "POST", "api/v1/orders")
        run_once(scope, "k", b"f" * 32, lambda: StoredAnswer(201, b""))
        IdempotencyKey.objects.update(expires_at=LONG_AGO)

        tasks.purge_idempotency_keys()

        assert not IdempotencyKey.objects.exists()

    @pytest.mark.django_db
    def test_expired_revocations_are_purged(self):
        Revocation.objects.create(
            kind="user", subject="1", not_before=LONG_AGO, expires_at=LONG_AGO, reason="r"
        )

        tasks.purge_revocations()

        assert not Revocation.objects.exists()
