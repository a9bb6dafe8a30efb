"""The buffer never makes a caller wait, writes all that fits, and counts what it drops."""

import os
import threading
import time

import pytest
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError, connection
from prometheus_client import CollectorRegistry, Counter

from core.facts import buffer as buffers
from core.facts.buffer import BATCH_ROWS, FactBuffer
from core.facts.failures import LONGEST_PAUSE, PATIENCE, may_pass, pause_after
from core.facts.salvage import TRIES_MAX
from tests.factories.parallel import in_parallel

BOUND = 5_000


class Table:
    """Where batches go; may be away, hang, or dislike a fact."""

    def __init__(self):
        self.batches = []
        self.error = None
        self.bad = frozenset()
        self.open = threading.Event()
        self.open.set()
        self.tries = 0

    def write(self, facts):
        self.tries += 1
        self.open.wait(20)
        if self.error is not None:
            raise self.error
        if self.bad & set(facts):
            raise DataError("no")
        self.batches.append(list(facts))

    @property
    def rows(self):
        return [fact for batch in self.batches for fact in batch]


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def make(table, registry, monkeypatch):
    """`make(in_background=True)`: a buffer over the table; its thread ends with the test."""
    monkeypatch.setattr(buffers, "WRITE_SECONDS", 0.05)
    monkeypatch.setattr(buffers, "CLOSE_SECONDS", 2.0)
    lost = Counter("lost", "Facts.", ("reason",), registry=registry)
    made = []

    def build(*, in_background=False, bound=BOUND):
        made.append(
            FactBuffer(
                "test",
                write=table.write,
                in_background=lambda: in_background,
                lost=lost,
                bound=bound,
            )
        )
        return made[-1]

    yield build
    table.error, table.bad = None, frozenset()
    table.open.set()
    for each in made:
        each.close()


@pytest.fixture
def lost(registry):
    return lambda reason: registry.get_sample_value("lost_total", {"reason": reason}) or 0


def wait_until(is_so, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


class TestOffer:
    def test_is_written_in_order_by_a_thread_that_starts_with_the_first(self, make, table):
        buffer = make(in_background=True)
        assert buffer._thread is None

        for number in range(3):
            buffer.offer(number)

        assert wait_until(lambda: len(table.rows) == 3)
        assert table.rows == [0, 1, 2]
        assert buffer._thread.daemon

    def test_does_not_wait_for_a_database_that_hangs(self, make, table):
        table.open.clear()
        buffer = make(in_background=True)
        buffer.offer("the first, in hand")
        wait_until(lambda: table.tries == 1)

        started = time.monotonic()
        for number in range(BOUND):
            buffer.offer(number)

        assert time.monotonic() - started < 1.0
        assert table.batches == []

    def test_of_many_threads_loses_nothing_that_fits(self, make, table, lost):
        buffer = make(in_background=True, bound=4_000)

        in_parallel(lambda _: [buffer.offer(number) for number in range(500)], count=8)

        assert wait_until(lambda: len(table.rows) == 4_000)
        assert lost("full") == 0

    def test_beyond_the_bound_drops_the_newest_and_counts_each(self, make, table, lost):
        buffer = make(bound=1_000)

        in_parallel(lambda _: [buffer.offer(number) for number in range(500)], count=4)
        for _ in range(10):
            buffer.offer("too late")
        kept = len(buffer)
        buffer.flush()

        assert 1_000 <= kept < 1_004  # one more for each thread that looks at the same moment
        assert lost("full") == 2_010 - kept
        assert "too late" not in table.rows

    def test_counts_the_batch_in_hand_among_what_waits(self, make, table, lost):
        buffer = make(bound=BATCH_ROWS + 5)
        table.error = OperationalError("away")
        for number in range(BATCH_ROWS):
            buffer.offer(number)
        with pytest.raises(OperationalError):
            buffer.flush()

        for number in range(10):
            buffer.offer(number)

        assert len(buffer) == BATCH_ROWS + 5
        assert lost("full") == 5

    def test_survives_that_no_thread_can_be_started(self, make, table, monkeypatch):
        buffer = make(in_background=True)
        with monkeypatch.context() as crowded:
            crowded.setattr(threading.Thread, "start", cannot_start)
            buffer.offer("first")

        buffer.offer("second")

        assert wait_until(lambda: table.rows == ["first", "second"])

    def test_many_first_ones_start_one_thread(self, make, table):
        buffer = make(in_background=True)
        before = threading.active_count()

        in_parallel(buffer.offer, count=20)

        assert wait_until(lambda: len(table.rows) == 20)
        assert threading.active_count() == before + 1


def cannot_start(_thread):
    raise RuntimeError("can't start new thread")


class TestDatabaseAway:
    def test_the_same_batch_is_tried_again_until_it_is_back(self, make, table, lost, monkeypatch):
        monkeypatch.setattr(buffers, "pause_after", lambda _failures: 0.02)
        table.error = OperationalError("away")
        buffer = make(in_background=True)
        for number in range(BATCH_ROWS + 10):
            buffer.offer(number)
        wait_until(lambda: table.tries >= 10)

        table.error = None

        assert wait_until(lambda: len(table.rows) == BATCH_ROWS + 10)
        assert table.rows == list(range(BATCH_ROWS + 10))
        assert (lost("full"), lost("database")) == (0, 0)

    def test_is_no_storm_of_tries(self, make, table):
        table.error = InterfaceError("away")
        buffer = make(in_background=True)
        buffer.offer("one")
        wait_until(lambda: table.tries == 1)

        for number in range(BATCH_ROWS // 2):
            buffer.offer(number)
        time.sleep(0.3)

        assert table.tries == 1

    def test_pauses_double_up_to_the_longest(self):
        assert [pause_after(failures) for failures in (1, 2, 3, 4, 5, 6, 1_000)] == [
            *(0.5, 1.0, 2.0, 4.0, 8.0),
            *(LONGEST_PAUSE, LONGEST_PAUSE),
        ]


class SqlError(Exception):
    """As psycopg2 hands it over."""

    def __init__(self, pgcode):
        self.pgcode = pgcode


def caused(error, pgcode):
    error.__cause__ = SqlError(pgcode)
    return error


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "failures", "passes"),
        [
            (OperationalError("server closed the connection"), 10_000, True),
            (caused(OperationalError("shutting down"), "57P01"), 10_000, True),
            (caused(OperationalError("too many connections"), "53300"), 10_000, True),
            (caused(OperationalError("lock timeout"), "55P03"), 0, True),
            (caused(OperationalError("lock timeout"), "55P03"), PATIENCE, False),
            (caused(ProgrammingError("no such table"), "42P01"), 0, True),
            (caused(ProgrammingError("no such table"), "42P01"), PATIENCE, False),
            (caused(DataError("too long"), "22001"), 0, False),
            (ValueError("a bug"), 0, False),
        ],
    )
    def test_of_the_server_pass_and_of_values_do_not(self, error, failures, passes):
        assert may_pass(error, failures=failures) is passes


class TestBadFacts:
    def test_alone_are_lost(self, make, table, lost):
        buffer = make()
        table.bad = {17, 400}
        for number in range(500):
            buffer.offer(number)

        buffer.flush()

        assert sorted(table.rows) == [n for n in range(500) if n not in {17, 400}]
        assert lost("database") == 2
        assert len(buffer) == 0

    def test_do_not_stop_the_thread(self, make, table, lost):
        table.bad = {"bad"}
        buffer = make(in_background=True)
        buffer.offer("bad")
        assert wait_until(lambda: lost("database") == 1)

        buffer.offer("good")

        assert wait_until(lambda: table.rows == ["good"])

    def test_without_end_are_given_up_after_some_tries(self, make, table, lost):
        buffer = make()
        table.bad = set(range(1_000))
        for number in range(1_000):
            buffer.offer(number)

        buffer.flush()

        assert table.tries <= 2 * TRIES_MAX
        assert lost("database") == 1_000

    def test_wait_when_the_database_goes_away_in_between(self, make, table, lost):
        buffer = make()
        table.bad = {0}
        for number in range(4):
            buffer.offer(number)
        write, table_error = table.write, OperationalError("away")

        def leave_after_three(facts):
            table.error = table_error if table.tries == 3 else table.error
            write(facts)

        buffer._write = leave_after_three
        with pytest.raises(OperationalError):
            buffer.flush()
        assert (lost("database"), len(buffer)) == (0, 4)
        table.error = None
        buffer._write = write
        buffer.flush()

        assert sorted(table.rows) == [1, 2, 3]
        assert lost("database") == 1


class TestClose:
    def test_writes_what_waits(self, make, table, lost):
        buffer = make(in_background=True)
        for number in range(2 * BATCH_ROWS + 1):
            buffer.offer(number)

        buffer.close()

        assert len(table.rows) == 2 * BATCH_ROWS + 1
        assert lost("shutdown") == 0
        assert not buffer._thread.is_alive()

    def test_takes_no_longer_than_it_may_and_counts_the_rest(self, make, table, lost, monkeypatch):
        monkeypatch.setattr(buffers, "CLOSE_SECONDS", 0.3)
        table.open.clear()
        buffer = make(in_background=True)
        for number in range(7):
            buffer.offer(number)
        wait_until(lambda: table.tries == 1)

        started = time.monotonic()
        buffer.close()

        assert time.monotonic() - started < 0.6
        assert lost("shutdown") == 7

    def test_tries_again_within_its_time(self, make, table, lost, monkeypatch):
        monkeypatch.setattr(buffers, "CLOSE_RETRY_SECONDS", 0.01)
        table.error = OperationalError("away")
        buffer = make(in_background=True)
        buffer.offer("one")
        threading.Timer(0.5, setattr, (table, "error", None)).start()

        buffer.close()

        assert table.rows == ["one"]
        assert lost("shutdown") == 0

    def test_takes_nothing_more(self, make, table, lost):
        buffer = make(in_background=True)
        buffer.offer("in time")
        buffer.close()

        buffer.offer("too late")

        assert table.rows == ["in time"]
        assert lost("shutdown") == 1


class TestFork:
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_child_has_its_own_facts_and_thread(self, make, table):
        buffer = make(in_background=True)
        table.open.clear()
        buffer.offer("the parent's")
        wait_until(lambda: table.tries == 1)
        reading, writing = os.pipe()
        connection.close()
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            try:
                table.open = threading.Event()
                table.open.set()
                before = len(buffer)
                buffer.offer("the child's")
                wait_until(lambda: table.rows)
                os.write(writing, repr([before, table.rows]).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 100) == b'[0, ["the child\'s"]]'
        table.open.set()

        assert wait_until(lambda: table.rows == ["the parent's"])
