"""What is revoked is refused: the rule, and the thread that knows or says that it does not."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections, transaction

from core.limits import CREDENTIAL_CACHE_SECONDS
from core.models import Revocation
from core.security import revocation, watcher
from core.security.errors import RevokedCredentialError, StaleSnapshotError
from core.security.principal import Principal
from core.security.snapshot import read_snapshot
from core.security.watcher import Watcher

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
USER, FAMILY, APPLICATION = UUID(int=1), UUID(int=2), UUID(int=3)


def principal(*, issued_at: datetime = NOON, **changes: object) -> Principal:
    facts = {
        "user_id": USER,
        "username": "alice",
        "application_id": APPLICATION,
        "scopes": frozenset(),
        "plan": "free",
        "is_staff": False,
        "credential": "jwt",
        "credential_id": "jti-1",
        "family_id": FAMILY,
        "issued_at": issued_at,
        "expires_at": LATER,
    }
    return Principal(**{**facts, **changes})


def revoke(kind: str, subject: str, *, not_before: datetime = NOON, expires_at=LATER) -> None:
    revocation.revoke(
        Revocation.Kind(kind), subject, not_before=not_before, expires_at=expires_at, reason="test"
    )


@pytest.mark.django_db
class TestTheRule:
    @pytest.mark.parametrize(
        ("kind", "subject"),
        [
            ("user", str(USER)),
            ("family", str(FAMILY)),
            ("credential", "jti-1"),
            ("application", str(APPLICATION)),
        ],
    )
    def test_each_kind_kills_its_subjects_credentials_alone(self, kind, subject):
        revoke(kind, subject)
        snapshot = revocation.refresh()
        others = principal(
            user_id=uuid4(), family_id=None, credential_id="jti-2", application_id=None
        )

        with pytest.raises(RevokedCredentialError) as caught:
            snapshot.check(principal())
        assert caught.value.code == "token_revoked"
        snapshot.check(others)

    def test_what_was_issued_afterwards_lives(self):
        revoke("user", str(USER))
        snapshot = revocation.refresh()

        snapshot.check(principal(issued_at=NOON + timedelta(microseconds=1)))
        with pytest.raises(RevokedCredentialError):
            snapshot.check(principal(issued_at=NOON))

    def test_a_second_revocation_only_reaches_further(self):
        revoke("user", str(USER), not_before=NOON, expires_at=LATER)
        revoke("user", str(USER), not_before=NOON - timedelta(hours=1), expires_at=NOON)

        row = Revocation.objects.get()
        assert (row.not_before, row.expires_at) == (NOON, LATER)

    def test_one_that_has_expired_is_left_out_and_purged(self):
        long_ago = datetime(2001, 1, 1, tzinfo=UTC)
        revoke("user", str(USER), expires_at=long_ago)
        revoke("credential", "jti-9")

        assert revocation.refresh().users == {}
        assert revocation.purge_expired_revocations(now=NOON) == 1
        assert Revocation.objects.get().subject == "jti-9"

    def test_check_makes_no_query(self, django_assert_num_queries):
        revoke("user", str(uuid4()))
        snapshot = revocation.refresh()

        with django_assert_num_queries(0):
            snapshot.check(principal())
            revocation.snapshot().check(principal())

    def test_without_a_thread_nothing_goes_stale(self, settings):
        settings.REVOCATION_MAX_AGE_SECONDS = 0.0

        revocation.refresh().check(principal())


@pytest.mark.django_db(transaction=True)
class TestNews:
    """When this process noticed what, by its own clock alone."""

    def test_the_same_row_is_noticed_once(self):
        revoke("user", str(USER))
        first = revocation.refresh().noticed["user", str(USER)]

        assert revocation.refresh().noticed["user", str(USER)] is first

    def test_a_row_written_again_is_noticed_again_even_if_it_says_the_same(self):
        revoke("user", str(USER))
        first = revocation.refresh().noticed["user", str(USER)]

        revoke("user", str(USER))

        second = revocation.refresh().noticed["user", str(USER)]
        assert second.at > first.at
        assert second.not_before == first.not_before

    def test_concern_what_was_read_before_they_were_noticed(self):
        before = time.monotonic()
        revoke("application", str(APPLICATION))
        snapshot = revocation.refresh()

        assert snapshot.has_news_about(principal(), since=before)
        assert not snapshot.has_news_about(principal(), since=time.monotonic())

    @pytest.mark.parametrize(
        ("kind", "subject"),
        [
            ("user", USER),
            ("user", UUID(int=9)),
            ("application", APPLICATION),
            ("credential", "jti-1"),
        ],
    )
    def test_concern_user_owner_application_and_credential(self, kind, subject):
        revoke(kind, str(subject))
        snapshot = revocation.refresh()

        assert snapshot.has_news_about(principal(owner_id=UUID(int=9)), since=0.0)
        others = principal(
            user_id=uuid4(), owner_id=uuid4(), application_id=uuid4(), credential_id="jti-2"
        )
        assert not snapshot.has_news_about(others, since=0.0)

    def test_an_announcement_stays_until_no_process_can_keep_what_it_knew(self):
        now = datetime.now(UTC)
        revocation.announce_change(Revocation.Kind.CREDENTIAL, "k", now=now, reason="test")

        row = Revocation.objects.get()
        assert row.not_before == now
        assert row.expires_at - now > timedelta(seconds=CREDENTIAL_CACHE_SECONDS)

    def test_is_noticed_by_the_thread_when_it_is_nudged(self, in_background):
        revocation.snapshot()
        since = time.monotonic()

        revocation.announce_change(
            Revocation.Kind.CREDENTIAL, "jti-1", now=datetime.now(UTC), reason="test"
        )

        end = time.monotonic() + 5.0
        while not revocation.snapshot().has_news_about(principal(), since=since):
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def in_background(settings, monkeypatch):
    """The process's watcher as in production, on the committed rows; ended with the test."""
    settings.REVOCATION_IN_BACKGROUND = True
    own = Watcher()
    monkeypatch.setattr(revocation, "_watcher", own)
    yield own
    own._asked_at = float("-inf")
    settings.REVOCATION_REFRESH_SECONDS = 0.0
    revocation.nudge()
    thread = own._thread
    if thread is not None:
        thread.join(5)


def seconds_until_refused(limit: float = 10.0) -> float:
    started = time.monotonic()
    while time.monotonic() - started < limit:
        try:
            revocation.snapshot().check(principal())
        except RevokedCredentialError:
            return time.monotonic() - started
        time.sleep(0.01)
    raise AssertionError("The credential lives.")


@pytest.mark.django_db(transaction=True)
class TestTheThread:
    def test_starts_with_the_first_question_and_knows_what_is_committed(self, in_background):
        revoke("user", str(USER))

        assert in_background._thread is None
        with pytest.raises(RevokedCredentialError):
            revocation.snapshot().check(principal())
        assert in_background._thread.daemon

    def test_a_nudge_makes_it_known_within_a_second(self, in_background, settings):
        settings.REVOCATION_REFRESH_SECONDS = 4.0
        revocation.snapshot().check(principal())
        time.sleep(0.3)  # the thread has subscribed and waits

        with transaction.atomic():
            revoke("user", str(USER))

        assert seconds_until_refused() < 1.0

    def test_a_flood_of_nudges_keeps_it_busy_for_a_fifth_of_the_time(
        self, in_background, monkeypatch
    ):
        reads = []

        def read_a_long_table(*args, **options):
            reads.append(time.monotonic())
            time.sleep(0.1)
            return read_snapshot(*args, **options)

        monkeypatch.setattr(watcher, "read_snapshot", read_a_long_table)
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            revocation.snapshot()
            revocation.nudge()
            time.sleep(0.02)

        assert 2 <= len(reads) <= 5

    def test_a_transaction_that_fails_revokes_nobody(self, in_background):
        @transaction.atomic
        def fail_after_it() -> None:
            revoke("user", str(USER))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_after_it()
        revocation.nudge()
        time.sleep(0.3)

        revocation.snapshot().check(principal())

    def test_without_redis_the_clock_makes_it_known(self, in_background, settings):
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"
        revocation.snapshot().check(principal())

        with transaction.atomic():
            revoke("user", str(USER))

        assert seconds_until_refused() < 3.0

    def test_nobody_is_let_in_on_an_old_snapshot(self, in_background, settings, monkeypatch):
        settings.REVOCATION_REFRESH_SECONDS = 0.1
        settings.REVOCATION_MAX_AGE_SECONDS = 0.5
        revocation.snapshot().check(principal())
        seen = revocation.snapshot()

        with monkeypatch.context() as away:
            away.setattr(watcher, "read_snapshot", lose_the_database)
            time.sleep(1.0)
            with pytest.raises(StaleSnapshotError) as caught:
                revocation.snapshot().check(principal())
            started = time.monotonic()
            with pytest.raises(StaleSnapshotError):
                revocation.snapshot().check(principal())
            assert time.monotonic() - started < 0.1  # nobody waits for what is away
        assert (caught.value.code, caught.value.retry_after) == ("revocation_unknown", 2)
        assert seen.is_stale

        time.sleep(0.5)
        revocation.snapshot().check(principal())

    def test_a_database_that_hangs_holds_up_nobody(self, in_background, settings, monkeypatch):
        settings.REVOCATION_REFRESH_SECONDS = 0.1
        settings.REVOCATION_MAX_AGE_SECONDS = 0.3
        revocation.snapshot().check(principal())
        answered = threading.Event()

        def hang(*_: object, **__: object) -> None:
            answered.wait(10)
            lose_the_database()

        with monkeypatch.context() as hanging:
            hanging.setattr(watcher, "read_snapshot", hang)
            time.sleep(watcher.FIRST_LOOK_SECONDS)
            started = time.monotonic()
            with pytest.raises(StaleSnapshotError):
                revocation.snapshot().check(principal())
            assert time.monotonic() - started < 0.1
        answered.set()

    def test_its_session_killed_it_opens_another(self, in_background, settings):
        settings.REVOCATION_REFRESH_SECONDS = 0.1
        revocation.snapshot().check(principal())

        assert kill_sessions_of_the_thread() == 1
        time.sleep(0.5)

        revocation.snapshot().check(principal())
        with transaction.atomic():
            revoke("user", str(USER))
        assert seconds_until_refused() < 1.0
        assert not revocation.snapshot().is_stale

    def test_ends_when_nobody_asks_and_starts_again_when_somebody_does(
        self, in_background, settings, monkeypatch
    ):
        settings.REVOCATION_REFRESH_SECONDS = 0.05
        monkeypatch.setattr(watcher, "IDLE_SECONDS", 0.2)
        revocation.snapshot().check(principal())
        first = in_background._thread
        first.join(5)
        assert not first.is_alive()
        assert kill_sessions_of_the_thread() == 0  # it has left none

        with transaction.atomic():
            revoke("user", str(USER))

        assert seconds_until_refused() < 1.0
        assert in_background._thread is not first

    def test_many_threads_that_ask_first_share_one(self, in_background):
        before = threading.active_count()
        gate = threading.Barrier(20)
        failures = []

        def ask() -> None:
            gate.wait(10)
            try:
                revocation.snapshot().check(principal())
            except StaleSnapshotError as error:
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert threading.active_count() == before + 1

    def test_asking_needs_no_connection_of_the_caller(self, in_background):
        connected = []

        def ask() -> None:
            revocation.snapshot().check(principal())
            connected.append(connections["default"].connection is not None)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

        assert connected == [False]

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_forked_child_watches_for_itself(self, in_background):
        revocation.snapshot().check(principal())
        reading, writing = os.pipe()
        connection.close()
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            answer = b"no"
            try:
                if revocation._watcher is not in_background:
                    revocation.snapshot().check(principal())
                    os.write(writing, b"ready")
                    time.sleep(0.5)
                    seconds_until_refused()
                    answer = b"refused"
            finally:
                os.write(writing, answer)
                os._exit(0)
        assert os.read(reading, 16) == b"ready"
        with transaction.atomic():
            revoke("user", str(USER))

        assert os.read(reading, 16) == b"refused"
        os.waitpid(child, 0)
        assert seconds_until_refused() < 1.0  # and the parent's went on


def lose_the_database(*_: object, **__: object) -> None:
    from django.db import OperationalError

    raise OperationalError("away")


def kill_sessions_of_the_thread() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'agora revocations' AND datname = current_database()"
        )
        return cursor.rowcount
