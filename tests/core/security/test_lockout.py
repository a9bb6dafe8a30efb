import time

import pytest

from core.security import lockout
from core.security.lockout import AttemptsUnknownError, Subject
from tests.factories.parallel import in_parallel

ALICE = Subject("test", "alice", failures=3, seconds=60)
MALLORY = Subject("test", "mallory", failures=3, seconds=60)


class TestLockout:
    def test_closes_after_so_many_failures_for_so_long(self):
        for _ in range(2):
            lockout.note_failure([ALICE])
        assert lockout.locked_for([ALICE]) == 0

        lockout.note_failure([ALICE])

        assert 59 <= lockout.locked_for([ALICE]) <= 60

    def test_counts_each_subject_and_kind_by_itself(self):
        for _ in range(3):
            lockout.note_failure([ALICE])

        assert lockout.locked_for([MALLORY]) == 0
        assert lockout.locked_for([Subject("other", "alice", failures=3, seconds=60)]) == 0

    def test_is_closed_when_one_of_several_is(self):
        for _ in range(3):
            lockout.note_failure([ALICE])

        assert lockout.locked_for([MALLORY, ALICE]) > 0

    def test_opens_again(self):
        brief = Subject("test", "brief", failures=1, seconds=1)
        lockout.note_failure([brief])
        assert lockout.locked_for([brief]) == 1
        time.sleep(1.1)

        assert lockout.locked_for([brief]) == 0

    def test_the_last_failure_starts_the_time_anew(self):
        brief = Subject("test", "brief", failures=2, seconds=2)
        lockout.note_failure([brief])
        time.sleep(1.2)
        lockout.note_failure([brief])

        assert lockout.locked_for([brief]) == 2

    def test_more_failures_do_not_make_it_longer(self):
        brief = Subject("test", "brief", failures=1, seconds=2)
        lockout.note_failure([brief])
        time.sleep(1.2)
        lockout.note_failure([brief])

        assert lockout.locked_for([brief]) == 1

    def test_forgets_on_demand(self):
        for _ in range(3):
            lockout.note_failure([ALICE, MALLORY])
        lockout.forget_failures([ALICE])

        assert lockout.locked_for([ALICE]) == 0
        assert lockout.locked_for([MALLORY]) > 0

    def test_takes_any_text_for_a_name(self):
        lockout.note_failure([Subject("test", "\ud800\0 \n", failures=1, seconds=60)])

        assert lockout.locked_for([Subject("test", "\ud800\0 \n", failures=1, seconds=60)]) > 0

    def test_keeps_no_name(self):
        assert "alice" not in ALICE.key

    @pytest.mark.parametrize(
        "call",
        [
            lockout.locked_for,
            lockout.note_failure,
            lockout.note_success,
            lockout.forget_failures,
            lockout.take_attempt,
        ],
    )
    def test_without_redis_nobody_may_try(self, call, settings):
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"

        with pytest.raises(AttemptsUnknownError) as caught:
            call([ALICE])
        assert caught.value.retry_after == 1


class TestNoteFailure:
    def test_of_thirty_at_once_counts_the_allowed(self):
        answers = in_parallel(lambda _: lockout.note_failure([ALICE]), count=30)

        assert sum(answer == 0 for answer in answers) == 3
        assert {answer for answer in answers if answer} <= {59, 60}

    def test_refused_by_one_costs_the_others_nothing(self):
        for _ in range(3):
            lockout.note_failure([ALICE])
        for _ in range(5):
            assert lockout.note_failure([MALLORY, ALICE]) > 0

        assert [lockout.note_failure([MALLORY]) for _ in range(3)] == [0, 0, 0]


class TestNoteSuccess:
    def test_starts_the_first_anew_and_leaves_the_others(self):
        for _ in range(2):
            lockout.note_failure([ALICE, MALLORY])

        assert lockout.note_success([ALICE, MALLORY]) == 0

        assert [lockout.note_failure([ALICE]) for _ in range(3)] == [0, 0, 0]
        assert lockout.note_failure([MALLORY]) == 0
        assert lockout.note_failure([MALLORY]) > 0

    @pytest.mark.parametrize("closed", [ALICE, MALLORY])
    def test_that_comes_after_a_door_was_closed_opens_none(self, closed):
        for _ in range(3):
            lockout.note_failure([closed])

        assert 59 <= lockout.note_success([ALICE, MALLORY]) <= 60
        assert lockout.locked_for([closed]) > 0


class TestTakeAttempt:
    def test_allows_so_many_and_says_how_long_to_wait(self):
        assert [lockout.take_attempt([ALICE]) for _ in range(3)] == [0, 0, 0]

        assert 59 <= lockout.take_attempt([ALICE]) <= 60
        assert lockout.take_attempt([MALLORY]) == 0

    def test_refused_by_one_costs_the_others_nothing(self):
        for _ in range(3):
            lockout.take_attempt([ALICE])
        for _ in range(5):
            assert lockout.take_attempt([MALLORY, ALICE]) > 0

        assert [lockout.take_attempt([MALLORY]) for _ in range(3)] == [0, 0, 0]

    def test_is_whole_again_after_the_time(self):
        brief = Subject("test", "brief", failures=1, seconds=1)
        lockout.take_attempt([brief])
        assert lockout.take_attempt([brief]) == 1
        time.sleep(1.1)

        assert lockout.take_attempt([brief]) == 0

    def test_of_thirty_at_once_lets_the_allowed_through(self):
        answers = in_parallel(lambda _: lockout.take_attempt([ALICE]), count=30)

        assert sum(answer == 0 for answer in answers) == 3
