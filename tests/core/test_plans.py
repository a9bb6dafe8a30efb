"""Which limits hold for whom: the plan's, else the default plan's, else those of the settings."""

import time

import pytest
from django.conf import settings as live_settings
from django.db import connection

from core import plans
from core.plans import DAY, PlanBook, Policy, WorkLimits, limits_of
from core.security import revocation
from core.security.watcher import Watcher

HERE = __name__  # where settings.PLAN_BOOK_READER finds the readers of this file

FREE = WorkLimits((Policy("burst", 10, 1), Policy("daily", 500, DAY, "day")), concurrent=2)
PARTNER = WorkLimits((Policy("burst", 200, 1),))
BOOK = PlanBook({"free": {"default": FREE}, "partner": {"default": PARTNER}}, default="free")
OF_SETTINGS = WorkLimits((Policy("burst", 7, 1), Policy("sustained", 70, 60)))
ROW_QUOTA = 31


def read_book(_database):
    return BOOK


def read_by_statement(database):
    """A book whose only quota comes from the database that was handed over."""
    with database.cursor() as cursor:
        cursor.execute("SELECT %s + COUNT(*)::int FROM core_revocation", [ROW_QUOTA])
        quota = cursor.fetchone()[0]
    return PlanBook({"free": {"default": WorkLimits((Policy("row", quota, 60),))}}, "free")


def read_what_is_not_there(database):
    with database.cursor() as cursor:
        cursor.execute("SELECT name FROM no_such_plans")


def raise_a_bug(_database):
    raise ZeroDivisionError


@pytest.fixture
def read_by(settings):
    """`read_by(reader)`: what reads the plans from now on, one of this file's functions."""

    def use(reader):
        settings.PLAN_BOOK_READER = f"{HERE}.{reader.__name__}"

    return use


@pytest.fixture(autouse=True)
def _of_settings(settings):
    settings.RATE_LIMITS = {
        "default": [("burst", 7, 1), ("sustained", 70, 60)],
        "predict": [("predict", 9, 60)],
    }


@pytest.fixture
def known(read_by):
    """This process has read the plans."""
    read_by(read_book)
    plans.refresh()


class TestLimitsOf:
    def test_somebody_unknown_has_those_of_the_settings(self, known):
        assert limits_of(None, "default") == OF_SETTINGS

    @pytest.mark.parametrize(("plan", "limits"), [("free", FREE), ("partner", PARTNER)])
    def test_a_plan_says_what_holds_for_those_who_have_it(self, known, plan, limits):
        assert limits_of(plan, "default") == limits

    @pytest.mark.parametrize("plan", ["gone", ""])
    def test_a_plan_that_is_not_there_counts_as_the_default_one(self, known, plan):
        assert limits_of(plan, "default") == FREE

    @pytest.mark.parametrize("plan", ["free", "partner", "gone"])
    def test_a_class_of_work_that_a_plan_is_silent_about_is_as_the_settings_say(self, known, plan):
        assert limits_of(plan, "predict") == WorkLimits((Policy("predict", 9, 60),))

    def test_without_a_default_plan_an_unknown_one_has_those_of_the_settings(
        self, settings, monkeypatch
    ):
        monkeypatch.setattr(plans, "_book", PlanBook({"free": {"default": FREE}}))

        assert limits_of("gone", "default") == OF_SETTINGS

    @pytest.mark.parametrize("plan", ["free", "", None])
    def test_before_any_plan_was_read_all_have_those_of_the_settings(self, plan):
        plans.forget()

        assert limits_of(plan, "default") == OF_SETTINGS

    def test_follow_the_settings_when_these_change(self, settings):
        assert limits_of(None, "default") == OF_SETTINGS

        settings.RATE_LIMITS = {"default": [("one", 1, 60)]}

        assert limits_of(None, "default") == WorkLimits((Policy("one", 1, 60),))

    def test_are_made_of_the_settings_once_and_not_at_each_call(self):
        assert limits_of(None, "default") is limits_of(None, "default")

    @pytest.mark.django_db
    def test_ask_no_database(self, known, django_assert_num_queries):
        with django_assert_num_queries(0):
            limits_of("free", "default")
            limits_of("gone", "predict")

    def test_a_class_of_work_that_nobody_knows_is_a_mistake_of_ours(self, known):
        with pytest.raises(KeyError, match="unheard-of"):
            limits_of("free", "unheard-of")


class TestWorkLimits:
    def test_know_their_smallest_quota(self):
        assert FREE.smallest_quota == 10
        assert OF_SETTINGS.smallest_quota == 7


class TestReading:
    @pytest.mark.django_db
    def test_refresh_reads_now_and_on_the_callers_connection(
        self, read_by, django_assert_num_queries
    ):
        read_by(read_by_statement)

        with django_assert_num_queries(1):
            book = plans.refresh()

        assert book.default == "free"
        assert limits_of("free", "default").smallest_quota == ROW_QUOTA

    @pytest.mark.django_db
    def test_what_was_known_stays_when_the_plans_cannot_be_read(self, known, read_by):
        read_by(read_what_is_not_there)

        assert plans.refresh() == BOOK
        assert limits_of("partner", "default") == PARTNER

    @pytest.mark.django_db
    def test_what_was_known_stays_while_the_database_is_away(self, known, read_by, log_lines):
        read_by(read_by_statement)

        plans.read_plan_book(away())

        assert limits_of("partner", "default") == PARTNER
        assert [line["message"] for line in log_lines()] == [
            "Plans cannot be read: OperationalError"
        ]

    def test_a_mistake_in_the_reader_is_not_hidden(self, known, read_by):
        read_by(raise_a_bug)

        with pytest.raises(ZeroDivisionError):
            plans.refresh()

    def test_a_plan_that_is_gone_from_the_table_is_gone_from_the_book(self, known, read_by):
        plans._book = PlanBook({"old": {"default": PARTNER}}, default="old")

        plans.refresh()

        assert limits_of("old", "default") == FREE

    def test_a_platform_without_plans_reads_none(self, known, settings):
        settings.PLAN_BOOK_READER = ""

        assert plans.refresh() == BOOK

    def test_forget_leaves_nothing(self, known):
        plans.forget()

        assert limits_of("partner", "default") == OF_SETTINGS


@pytest.mark.django_db(transaction=True)
class TestTheThread:
    """The one that keeps revocations fresh reads the plans at each look."""

    @pytest.fixture
    def in_background(self, settings, monkeypatch):
        settings.REVOCATION_IN_BACKGROUND = True
        settings.REVOCATION_REFRESH_SECONDS = 0.1
        own = Watcher()
        monkeypatch.setattr(revocation, "_watcher", own)
        yield own
        own._asked_at = float("-inf")
        own._thread.join(5)

    def test_knows_the_plans_before_the_first_credential_is_let_in(self, in_background, read_by):
        read_by(read_by_statement)

        revocation.snapshot().check_fresh()

        assert limits_of("free", "default").smallest_quota == ROW_QUOTA

    def test_an_edited_plan_is_live_after_its_next_look(self, in_background, read_by):
        read_by(read_by_statement)
        revocation.snapshot()

        read_by(read_book)  # as if staff had edited them meanwhile

        assert seconds_until(lambda: limits_of("partner", "default") == PARTNER) < 1.0

    def test_revocations_are_read_also_when_plans_cannot_be(self, in_background, read_by):
        read_by(read_what_is_not_there)

        revocation.snapshot().check_fresh()
        time.sleep(0.3)

        assert in_background._thread.is_alive()
        assert not revocation.snapshot().is_stale


def away():
    """A connection to a server that is not there."""
    database = connection.copy()
    database.settings_dict = {**live_settings.DATABASES["default"], "HOST": "127.0.0.1", "PORT": 1}
    return database


def seconds_until(holds, limit=5.0):
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > limit:
            raise AssertionError("It does not come about.")
        time.sleep(0.01)
    return time.monotonic() - started
