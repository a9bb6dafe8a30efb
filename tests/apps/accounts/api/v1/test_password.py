import pytest
from rest_framework.test import APIClient

from apps.accounts.models import RefreshFamily, User
from apps.accounts.services import attempts
from core.models import AuditEntry, OutboxEvent
from core.security import revocation
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.parallel import in_parallel

URL = "/api/v1/me/password"
NEW = "another horse entirely"
WRONG = "not the password at all"


def log_in(password=PASSWORD):
    return APIClient().post("/api/v1/login", {"username": "alice", "password": password})


def ask(access):
    return APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {access}")


def change(access, current=PASSWORD, new=NEW):
    return APIClient().post(
        URL,
        {"current_password": current, "new_password": new},
        HTTP_AUTHORIZATION=f"Bearer {access}",
    )


@pytest.fixture
def alice(db):
    return UserFactory(username="alice")


@pytest.mark.usefixtures("alice")
class TestChangePassword:
    def test_the_new_one_works_and_the_old_one_does_not(self, alice):
        answer = change(log_in().json()["access"])

        assert answer.status_code == 200
        assert (log_in().status_code, log_in(NEW).status_code) == (401, 200)
        assert User.objects.get().password_changed_at > alice.password_changed_at

    def test_ends_every_login_and_starts_a_new_one(self, assert_problem):
        here, elsewhere = log_in().json(), log_in().json()

        fresh = change(here["access"]).json()
        revocation.refresh()

        for old in (here, elsewhere):
            assert_problem(ask(old["access"]), 401, "token_revoked")
            answer = APIClient().post("/api/v1/token/refresh", {"refresh": old["refresh"]})
            assert_problem(answer, 401, "invalid_token")
        assert fresh.keys() == {"access", "refresh", "token_type", "expires_in"}
        assert ask(fresh["access"]).status_code == 200
        ended = RefreshFamily.objects.exclude(revoked_at=None)
        assert {family.cause for family in ended} == {"password_changed"}
        assert ended.count() == 2

    def test_a_login_right_afterwards_works(self):
        change(log_in().json()["access"])
        pair = log_in(NEW).json()
        revocation.refresh()

        assert ask(pair["access"]).status_code == 200

    def test_is_written_down_and_announced(self, alice):
        change(log_in().json()["access"])

        entry = AuditEntry.objects.get(action="accounts.user.password_changed")
        assert (entry.actor_id, entry.object_id) == (alice.pk, str(alice.pk))
        assert entry.after["logins_ended"] == 1
        event = OutboxEvent.objects.get(type="user.password_changed")
        assert (event.payload, event.actor_id) == ({"username": "alice"}, alice.pk)

    def test_needs_a_token(self, assert_problem):
        assert_problem(change("x.y.z"), 401, "invalid_token")


@pytest.mark.usefixtures("alice")
class TestRefusedChange:
    def test_with_a_wrong_current_password_changes_nothing(self, assert_problem):
        pair = log_in().json()

        answer = change(pair["access"], current=WRONG)

        assert_problem(answer, 400, "wrong_password")
        assert answer.json()["errors"][0]["pointer"] == "#/current_password"
        revocation.refresh()
        assert ask(pair["access"]).status_code == 200
        assert log_in().status_code == 200

    def test_to_a_weak_one_changes_nothing(self, assert_problem):
        answer = change(log_in().json()["access"], new="short")

        assert_problem(answer, 400, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "#/new_password"
        assert log_in().status_code == 200

    def test_to_one_that_holds_the_name_changes_nothing(self, alice, assert_problem):
        answer = change(log_in().json()["access"], new="ALICE in the winter")

        assert_problem(
            answer, 400, "validation_failed", at=("#/new_password", "password_like_name")
        )
        assert log_in().status_code == 200

    def test_guessing_is_stopped(self, assert_problem):
        access = log_in().json()["access"]
        for _ in range(attempts.ACCOUNT_FAILURES):
            change(access, current=WRONG)

        assert_problem(change(access), 429, "too_many_failures")
        assert log_in().status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_hashes")
def test_of_many_guesses_at_once_ten_are_told_that_they_are_wrong():
    UserFactory(username="alice")
    access = log_in().json()["access"]

    answers = in_parallel(lambda _: change(access, current=WRONG), count=40)

    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes == ["too_many_failures"] * 30 + ["wrong_password"] * attempts.ACCOUNT_FAILURES
