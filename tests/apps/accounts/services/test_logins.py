"""What the API's tests cannot arrange: something happens while a password is being checked."""

import pytest
from django.utils import timezone

from apps.accounts import services
from apps.accounts.errors import (
    InvalidCredentialsError,
    TooManyFailuresError,
    WrongPasswordError,
)
from apps.accounts.models import RefreshFamily, User
from apps.accounts.services import Origin, attempts, hashing
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

NEW = "another horse entirely"
THIRD = "a third horse altogether"


@pytest.fixture
def meanwhile(monkeypatch):
    """`meanwhile(act)`: act runs once, between the check of a password and what follows it."""
    waiting = []
    matches = hashing.password_matches

    def checking(user, password):
        answer = matches(user, password)
        while waiting:
            waiting.pop()()
        return answer

    monkeypatch.setattr(hashing, "password_matches", checking)
    return waiting.append


def set_password(user):
    services.set_password(user_id=user.pk, password=NEW, actor=None, reason="x", now=timezone.now())


def switch_off(user):
    services.deactivate_user(user_id=user.pk, actor=None, reason="x", now=timezone.now())


def be_wrong(subjects):
    for _ in range(attempts.ACCOUNT_FAILURES):
        attempts.note_failure(subjects)


def log_in():
    return services.log_in(
        identifier="alice", password=PASSWORD, origin=Origin(), now=timezone.now()
    )


class TestLogIn:
    @pytest.mark.parametrize("act", [set_password, switch_off, User.delete])
    def test_opens_nothing_when_the_account_has_changed_meanwhile(self, act, meanwhile):
        alice = UserFactory(username="alice")
        meanwhile(lambda: act(alice))

        with pytest.raises(InvalidCredentialsError):
            log_in()
        assert not RefreshFamily.objects.exists()

    def test_opens_nothing_when_others_were_wrong_too_often_meanwhile(self, meanwhile):
        """The right one among many guesses at one moment must not stand out."""
        UserFactory(username="alice")
        meanwhile(lambda: be_wrong(attempts.of_login("alice", None)))

        with pytest.raises(TooManyFailuresError):
            log_in()
        assert not RefreshFamily.objects.exists()
        with pytest.raises(TooManyFailuresError):
            log_in()


class TestChangePassword:
    def test_changes_nothing_when_others_were_wrong_too_often_meanwhile(self, meanwhile):
        alice = UserFactory(username="alice")
        caller = services.read_access_token(log_in().access)
        meanwhile(lambda: be_wrong(attempts.of_password_check(alice.pk)))

        with pytest.raises(TooManyFailuresError):
            services.change_password(
                current_password=PASSWORD,
                new_password=THIRD,
                actor=caller,
                origin=Origin(),
                now=timezone.now(),
            )
        assert User.objects.get().check_password(PASSWORD)

    @pytest.mark.parametrize("act", [set_password, switch_off])
    def test_changes_nothing_when_the_account_has_changed_meanwhile(self, act, meanwhile):
        alice = UserFactory(username="alice")
        caller = services.read_access_token(log_in().access)
        meanwhile(lambda: act(alice))

        with pytest.raises(WrongPasswordError):
            services.change_password(
                current_password=PASSWORD,
                new_password=THIRD,
                actor=caller,
                origin=Origin(),
                now=timezone.now(),
            )
        assert not User.objects.get().check_password(THIRD)
        assert not RefreshFamily.objects.live().exists()
