"""Rows are locked in one order by everybody; a name can be locked where there is no row."""

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from core.db.locks import lock_in_order, lock_name, try_lock_name
from core.models import Revocation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rows():
    return [
        Revocation.objects.create(
            kind="user",
            subject=str(n),
            not_before=timezone.now(),
            expires_at=timezone.now(),
            reason="x",
        )
        for n in range(6)
    ]


class TestLockInOrder:
    def test_locks_the_rows_themselves_by_primary_key(self, rows, django_assert_num_queries):
        with transaction.atomic(), django_assert_num_queries(1) as captured:
            locked = list(lock_in_order(Revocation.objects.order_by("-reason", "?"), no_key=True))

        assert [row.pk for row in locked] == sorted(row.pk for row in rows)
        assert 'FOR NO KEY UPDATE OF "core_revocation"' in captured[0]["sql"]

    def test_the_stronger_lock_must_be_asked_for(self, rows, django_assert_num_queries):
        with transaction.atomic(), django_assert_num_queries(1) as captured:
            list(lock_in_order(Revocation.objects.all(), no_key=False))

        assert captured[0]["sql"].endswith('FOR UPDATE OF "core_revocation"')

    def test_threads_that_want_the_same_rows_from_both_ends_all_get_them(self, rows):
        failures = []

        def work(reverse: bool) -> None:
            try:
                for _ in range(20):
                    with transaction.atomic():
                        wanted = Revocation.objects.order_by("-subject" if reverse else "subject")
                        for row in lock_in_order(wanted, no_key=True):
                            Revocation.objects.filter(pk=row.pk).update(reason=str(reverse))
            except OperationalError as error:
                failures.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []


def elsewhere(function) -> object:
    """Its result in another thread, on another connection."""
    results = []

    def run() -> None:
        with transaction.atomic():
            results.append(function())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


class TestNames:
    def test_a_name_is_held_until_the_transaction_ends(self):
        with transaction.atomic():
            assert try_lock_name("purpose", "a")
            assert elsewhere(lambda: try_lock_name("purpose", "a")) is False
            assert elsewhere(lambda: try_lock_name("purpose", "b")) is True
            assert elsewhere(lambda: try_lock_name("other purpose", "a")) is True

        assert elsewhere(lambda: try_lock_name("purpose", "a")) is True

    def test_names_of_the_same_letters_are_different(self):
        with transaction.atomic():
            assert try_lock_name("purpose", "a", "bc")
            assert elsewhere(lambda: try_lock_name("purpose", "ab", "c")) is True
            assert elsewhere(lambda: try_lock_name("purpose", "abc")) is True

    def test_lock_name_waits_for_the_other_to_end(self):
        held, waited = threading.Event(), []

        def hold() -> None:
            with transaction.atomic():
                lock_name("purpose", "a")
                held.set()
                time.sleep(0.3)
            connection.close()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(5)
        started = time.monotonic()
        with transaction.atomic():
            lock_name("purpose", "a")
            waited.append(time.monotonic() - started)
        thread.join()

        assert waited[0] > 0.2
