"""A prepared statement is made once a session, and is no statement of the caller's."""

import pytest
from django.db import DataError, ProgrammingError, connection, transaction

from core.db.prepared import Prepared

pytestmark = pytest.mark.django_db

DOUBLED = Prepared("test_doubled", ("int", "text"), "SELECT $1 * 2, $2")
HALVED = Prepared("test_halved", ("int",), "SELECT 1 / $1")
WRONG = Prepared("test_wrong", ("int",), "SELECT nothing FROM nowhere WHERE id = $1")


def plans_of(name):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = %s", [name]
        )
        return cursor.fetchall()


class TestPrepared:
    def test_counts_as_one_statement_from_the_first_time_on(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert DOUBLED.rows(21, "it's 100 %") == [(42, "it's 100 %")]
        with django_assert_num_queries(1):
            assert DOUBLED.rows(1, "") == [(2, "")]

    def test_is_planned_once_whatever_it_is_given(self):
        before = plans_of("test_doubled") or [(0, 0)]
        for number in range(8):
            DOUBLED.rows(number, "")

        assert plans_of("test_doubled") == [(before[0][0] + 8, 0)]

    def test_outlives_a_transaction_that_fails(self):
        with pytest.raises(DataError), transaction.atomic():
            HALVED.rows(0)

        assert HALVED.rows(1) == [(1,)]

    def test_that_cannot_be_made_is_an_error_of_django_and_is_tried_again(self):
        for _ in range(2):
            with pytest.raises(ProgrammingError, match="nowhere"), transaction.atomic():
                WRONG.rows(1)


@pytest.mark.django_db(transaction=True)
def test_a_new_session_makes_its_own():
    assert DOUBLED.rows(1, "") == [(2, "")]

    connection.close()

    assert DOUBLED.rows(1, "") == [(2, "")]
