"""A Celery app of the tests' own on the real broker, so that no other worker takes its messages."""

import base64
import json
import uuid

import kombu
import pytest
from celery import Celery
from django.conf import settings
from redis import Redis

from tests.factories.events import allow_events


class Queue:
    """What lies in one queue of the real broker, without a worker."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.redis = redis
        self.name = name

    def messages(self) -> list[dict]:
        """Oldest first."""
        return [json.loads(raw) for raw in reversed(self.redis.lrange(self.name, 0, -1))]

    def kwargs(self) -> list[dict]:
        return [json.loads(_body(message))[1] for message in self.messages()]

    def headers(self) -> list[dict]:
        return [message["headers"] for message in self.messages()]


def _body(message: dict) -> bytes:
    return base64.b64decode(message["body"])


@pytest.fixture(autouse=True)
def _events(monkeypatch):
    """What these tests announce is no app's."""
    allow_events(monkeypatch, "thing.moved", "model.renamed")


@pytest.fixture
def queue():
    redis = Redis.from_url(settings.CELERY_BROKER_URL)
    queue = Queue(redis, f"outbox-test-{uuid.uuid4().hex}")
    yield queue
    redis.delete(queue.name)
    redis.close()


@pytest.fixture
def celery_app(queue):
    """Knows one task, `test.note`, and one queue, the fixture's."""
    app = Celery("outbox-test", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.task_queues = [kombu.Queue(queue.name)]
    app.conf.task_default_queue = queue.name
    app.conf.task_routes = None

    @app.task(name="test.note", shared=False)
    def note(**_: object) -> None:
        """Never run: the tests look at messages."""

    return app
