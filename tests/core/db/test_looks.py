"""A request looks at its thread's connection once, and closes what Django would have closed."""

import time

import pytest
from django.core import signals
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, connection, connections, reset_queries
from django.db.backends.signals import connection_created

from core.db import looks
from core.db.looks import close_worn_out, look_once_a_request


@pytest.fixture
def _as_in_a_web_process():
    """Django's receivers are put back afterwards, in their order."""
    started, finished = (
        list(signals.request_started.receivers),
        list(signals.request_finished.receivers),
    )
    look_once_a_request()
    yield
    connection_created.disconnect(looks._remember)
    for signal, receivers in (
        (signals.request_started, started),
        (signals.request_finished, finished),
    ):
        with signal.lock:
            signal.receivers = receivers
            signal.sender_receivers_cache.clear()


def receivers(signal):
    return [entry[1]() for entry in signal.receivers]


@pytest.mark.usefixtures("_as_in_a_web_process")
class TestLookOnceARequest:
    def test_leaves_one_receiver_of_those_that_walk_over_connections(self):
        assert close_worn_out in receivers(signals.request_started)
        walkers = {reset_queries, close_old_connections, close_caches, reset_urlconf}
        assert walkers & {*receivers(signals.request_started)} == set()
        assert walkers & {*receivers(signals.request_finished)} == set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_as_in_a_web_process")
class TestCloseWornOut:
    @pytest.fixture(autouse=True)
    def _opened_by_a_request(self, _as_in_a_web_process):
        connection.close()  # the next one is opened as in a web process

    def begin(self):
        signals.request_started.send(sender=None, environ={})

    def session(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]

    def test_an_old_connection_is_closed(self):
        before = self.session()
        connection.close_at = time.monotonic() - 1

        self.begin()

        assert connection.connection is None
        assert self.session() != before

    def test_one_that_has_failed_is_closed(self):
        connection.ensure_connection()
        connection.connection.close()
        connection.errors_occurred = True

        self.begin()

        assert self.session()

    def test_a_good_one_is_kept_and_checked_before_its_next_use(self):
        before = self.session()
        connection.health_check_done = True

        self.begin()

        assert connection.health_check_done is False
        assert self.session() == before

    def test_a_thread_without_a_connection_makes_none(self):
        import threading

        made = []

        def elsewhere():
            self.begin()
            made.append(hasattr(connections._connections, "default"))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

        assert made == [False]
