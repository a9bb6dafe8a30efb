from datetime import timedelta

import pytest
from django.contrib.auth import hashers
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import RefreshFamily, RefreshToken
from apps.accounts.services import attempts, tokens
from core.models import AuditEntry
from core.security import revocation
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.parallel import in_parallel

URL = "/api/v1/login"
REFRESH_URL = "/api/v1/token/refresh"
LOGOUT_URL = "/api/v1/logout"
WRONG = "not the password at all"


def log_in(username="alice", password=PASSWORD, **headers):
    return APIClient().post(URL, {"username": username, "password": password}, **headers)


def refresh(token):
    return APIClient().post(REFRESH_URL, {"refresh": token})


def ask(access):
    return APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {access}")


@pytest.mark.django_db
class TestLogin:
    def test_answers_two_tokens(self):
        alice = UserFactory(username="alice")

        answer = log_in()

        assert answer.status_code == 200
        assert answer.json().keys() == {"access", "refresh", "token_type", "expires_in"}
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 900)
        assert ask(answer.json()["access"]).json()["id"] == str(alice.pk)

    def test_remembers_where_it_came_from(self):
        UserFactory(username="alice")
        log_in(HTTP_USER_AGENT="curl/8\x1b[31m" + "x" * 300, REMOTE_ADDR="192.0.2.7")

        family = RefreshFamily.objects.get()

        assert family.ip == "192.0.2.7"
        assert family.user_agent == ("curl/8[31m" + "x" * 300)[:200]

    def test_does_without_an_address_that_is_none(self):
        UserFactory(username="alice")

        assert log_in(REMOTE_ADDR="").status_code == 200
        assert RefreshFamily.objects.get().ip is None

    @pytest.mark.parametrize("name", ["ALICE", "\uff21lice", " alice "])
    def test_takes_any_spelling_of_the_name(self, name):
        UserFactory(username="alice")

        assert log_in(name).status_code == 200

    def test_takes_a_confirmed_address(self):
        UserFactory(username="alice", email="alice@b\u00fccher.example", confirmed=True)

        assert log_in("ALICE@xn--bcher-kva.example").status_code == 200

    @pytest.mark.parametrize("name", ["alice@example.org", "alice@", "a@b..c", "@"])
    def test_refuses_an_address_that_is_not_confirmed_or_none(self, name, assert_problem):
        UserFactory(username="alice", email="alice@example.org")

        assert_problem(log_in(name), 401, "invalid_credentials")

    def test_stores_the_password_under_todays_parameters(self, settings):
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
        alice = UserFactory(username="alice")
        alice.password = hashers.make_password(PASSWORD, hasher="md5")
        alice.save(update_fields=["password"])

        assert log_in().status_code == 200
        alice.refresh_from_db()
        assert alice.password.startswith("pbkdf2_sha256$")
        assert log_in().status_code == 200

    def test_stores_no_token_but_its_digest(self):
        UserFactory(username="alice")
        secret = log_in().json()["refresh"]

        token = RefreshToken.objects.get()

        assert len(token.digest) == 32
        assert secret.encode() not in bytes(token.digest)


@pytest.mark.django_db
class TestRefusedLogin:
    def test_tells_nothing_about_who_exists(self, assert_problem):
        UserFactory(username="alice")
        UserFactory(username="gone", is_active=False)
        bodies = []
        for name, password in (("alice", WRONG), ("nobody", WRONG), ("gone", PASSWORD)):
            answer = log_in(name, password)
            assert_problem(answer, 401, "invalid_credentials")
            bodies.append({**answer.json(), "request_id": ""})

        assert bodies[0] == bodies[1] == bodies[2]
        assert not RefreshFamily.objects.exists()

    @pytest.mark.parametrize("name", ["alice", "nobody", "gone", "unusable", "nobody@example.org"])
    def test_hashes_once_whoever_is_asked_for(self, name, hashed):
        UserFactory(username="alice")
        UserFactory(username="gone", is_active=False)
        UserFactory(username="unusable", password=None)
        hashed.clear()

        assert log_in(name, WRONG).status_code == 401
        assert len(hashed) == 1

    @pytest.mark.parametrize(
        ("body", "pointer", "code"),
        [
            ({"username": "alice"}, "#/password", "required"),
            ({"username": "alice", "password": "x" * 129}, "#/password", "max_length"),
            ({"username": "alice", "password": "x" * 10**6}, "#/password", "max_length"),
            ({"username": "alice", "password": 1}, "#/password", "invalid_type"),
            ({"username": ["alice"], "password": "x"}, "#/username", "invalid_type"),
            ({"username": "alice", "password": None}, "#/password", "null"),
            ({"username": "alice", "password": "x", "otp": "1"}, "#/otp", "unknown_field"),
        ],
    )
    def test_of_another_shape_is_refused_before_anything_is_hashed(
        self, body, pointer, code, hashed
    ):
        answer = APIClient().post(URL, body)

        assert answer.status_code == 400
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
        assert hashed == []

    @pytest.mark.parametrize("field", ["username", "password"])
    def test_nul_is_400(self, field):
        body = {"username": "alice", "password": PASSWORD, field: "a\0b"}

        assert APIClient().post(URL, body).status_code == 400

    def test_a_password_is_taken_to_the_letter(self, assert_problem):
        UserFactory(username="alice")

        assert_problem(log_in("alice", f" {PASSWORD}"), 401, "invalid_credentials")


@pytest.mark.django_db
class TestBruteForce:
    def test_closes_the_account_for_the_right_password_too(self, assert_problem):
        UserFactory(username="alice")
        statuses = [log_in("alice", f"{WRONG} {n}").status_code for n in range(20)]

        answer = log_in()

        assert statuses == [401] * attempts.ACCOUNT_FAILURES + [429] * 10
        assert_problem(answer, 429, "too_many_failures")
        assert 0 < int(answer["Retry-After"]) <= attempts.LOCK_SECONDS

    def test_closes_it_under_every_spelling_and_from_everywhere(self):
        UserFactory(username="alice")
        for _ in range(attempts.ACCOUNT_FAILURES):
            log_in("alice", WRONG)

        assert log_in("\uff21LICE ", REMOTE_ADDR="192.0.2.9").status_code == 429

    def test_closes_a_name_nobody_has_just_the_same(self):
        statuses = [log_in("nobody", WRONG).status_code for _ in range(12)]

        assert statuses == [401] * attempts.ACCOUNT_FAILURES + [429] * 2

    def test_leaves_other_accounts_open(self):
        UserFactory(username="alice")
        UserFactory(username="mallory")
        for _ in range(attempts.ACCOUNT_FAILURES):
            log_in("alice", WRONG)

        assert log_in("mallory").status_code == 200

    def test_starts_anew_after_a_success(self):
        UserFactory(username="alice")
        for _ in range(attempts.ACCOUNT_FAILURES - 1):
            log_in("alice", WRONG)

        assert log_in().status_code == 200
        assert log_in("alice", WRONG).status_code == 401
        assert log_in().status_code == 200

    def test_closes_an_address_that_guesses_at_many(self, monkeypatch):
        monkeypatch.setattr(attempts, "IP_FAILURES", 5)
        UserFactory(username="alice")
        for number in range(5):
            log_in(f"nobody-{number}", WRONG, REMOTE_ADDR="192.0.2.7")

        assert log_in(REMOTE_ADDR="192.0.2.7").status_code == 429
        assert log_in(REMOTE_ADDR="192.0.2.8").status_code == 200

    def test_an_own_account_does_not_open_an_address(self, monkeypatch):
        monkeypatch.setattr(attempts, "IP_FAILURES", 5)
        UserFactory(username="mallory")
        for number in range(4):
            log_in(f"nobody-{number}", WRONG)
        assert log_in("mallory").status_code == 200
        log_in("nobody-4", WRONG)

        assert log_in("mallory").status_code == 429


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_hashes")
class TestManyGuessesAtOnce:
    def test_ten_of_sixty_are_told_that_they_are_wrong(self):
        UserFactory(username="alice")

        answers = in_parallel(
            lambda n: log_in("alice", WRONG, REMOTE_ADDR=f"192.0.2.{n}"), count=60
        )

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [401] * attempts.ACCOUNT_FAILURES + [429] * 50
        assert {a.json()["code"] for a in answers if a.status_code == 429} == {"too_many_failures"}
        assert log_in(REMOTE_ADDR="192.0.2.99").status_code == 429

    def test_from_one_address_at_many_names_count_together(self, monkeypatch):
        monkeypatch.setattr(attempts, "IP_FAILURES", 5)

        answers = in_parallel(lambda n: log_in(f"nobody-{n}", WRONG), count=30)

        assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 25

    def test_while_nobody_was_wrong_too_often_all_who_are_right_pass(self):
        UserFactory(username="alice")
        for _ in range(attempts.ACCOUNT_FAILURES - 1):
            attempts.note_failure(attempts.of_login("alice", None))

        answers = in_parallel(lambda n: log_in(REMOTE_ADDR=f"192.0.2.{n}"), count=30)

        assert [answer.status_code for answer in answers] == [200] * 30


@pytest.mark.django_db
class TestRefresh:
    def test_answers_the_next_pair_of_the_same_login(self):
        UserFactory(username="alice")
        first = log_in().json()

        second = refresh(first["refresh"])

        assert second.status_code == 200
        assert second.json().keys() == {"access", "refresh", "token_type", "expires_in"}
        assert second.json()["refresh"] != first["refresh"]
        assert ask(second.json()["access"]).status_code == 200
        assert RefreshFamily.objects.count() == 1
        assert RefreshToken.objects.filter(used_at=None).count() == 1

    def test_a_second_time_ends_the_login(self, assert_problem):
        alice = UserFactory(username="alice")
        first = log_in().json()
        second = refresh(first["refresh"]).json()

        assert_problem(refresh(first["refresh"]), 401, "token_reused")
        revocation.refresh()
        assert_problem(refresh(second["refresh"]), 401, "invalid_token")
        assert_problem(ask(second["access"]), 401, "token_revoked")
        assert RefreshFamily.objects.get().cause == "token_reused"
        entry = AuditEntry.objects.get(action="accounts.login.token_reused")
        assert (entry.object_type, entry.object_id) == ("user", str(alice.pk))

    def test_a_third_time_changes_nothing_more(self, assert_problem):
        UserFactory(username="alice")
        first = log_in().json()
        refresh(first["refresh"])
        refresh(first["refresh"])
        ended = RefreshFamily.objects.get()

        assert_problem(refresh(first["refresh"]), 401, "token_reused")
        assert RefreshFamily.objects.get().row_version == ended.row_version
        assert AuditEntry.objects.filter(action="accounts.login.token_reused").count() == 1

    def test_leaves_other_logins_alone(self):
        UserFactory(username="alice")
        stolen, other = log_in().json(), log_in().json()
        refresh(stolen["refresh"])
        refresh(stolen["refresh"])
        revocation.refresh()

        assert ask(other["access"]).status_code == 200
        assert refresh(other["refresh"]).status_code == 200

    def test_for_a_deleted_user_is_401(self, assert_problem):
        alice = UserFactory(username="alice")
        token = log_in().json()["refresh"]
        alice.delete()

        assert_problem(refresh(token), 401, "invalid_token")

    def test_for_a_user_switched_off_is_401_and_spends_nothing(self, assert_problem):
        alice = UserFactory(username="alice")
        token = log_in().json()["refresh"]
        alice.is_active = False
        alice.save(update_fields=["is_active"])

        assert_problem(refresh(token), 401, "invalid_token")
        assert RefreshToken.objects.get().used_at is None

    def test_after_fourteen_days_is_401(self, assert_problem):
        UserFactory(username="alice")
        token = log_in().json()["refresh"]
        claims = tokens.read_refresh_token(token)
        old = tokens.make_refresh_token(
            user_id=claims.user_id,
            family_id=claims.family_id,
            token_id=claims.token_id,
            now=timezone.now() - timedelta(days=15),
        )

        assert_problem(refresh(old), 401, "token_expired")

    def test_takes_over_rights_that_have_changed(self):
        alice = UserFactory(username="alice")
        token = log_in().json()["refresh"]
        alice.is_staff = True
        alice.save(update_fields=["is_staff"])

        assert ask(refresh(token).json()["access"]).json()["is_staff"] is True

    @pytest.mark.parametrize("value", ["", "x", "a.b.c", 1, None, ["x"]])
    def test_of_garbage_is_refused(self, value):
        assert refresh(value).status_code == (401 if value in ("x", "a.b.c") else 400)


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_one_refreshes_and_the_login_ends(self):
        UserFactory(username="alice")
        token = log_in().json()["refresh"]

        answers = in_parallel(lambda _: refresh(token), count=4)

        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        assert {a.json()["code"] for a in answers if a.status_code == 401} == {"token_reused"}
        assert RefreshToken.objects.count() == 2
        assert RefreshFamily.objects.get().cause == "token_reused"


@pytest.mark.django_db
class TestLogout:
    def test_ends_the_login_and_its_access_tokens(self, assert_problem):
        UserFactory(username="alice")
        pair = log_in().json()

        answer = APIClient().post(LOGOUT_URL, {"refresh": pair["refresh"]})
        revocation.refresh()

        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(refresh(pair["refresh"]), 401, "invalid_token")
        assert_problem(ask(pair["access"]), 401, "token_revoked")

    def test_twice_is_the_same_as_once(self):
        UserFactory(username="alice")
        token = log_in().json()["refresh"]
        APIClient().post(LOGOUT_URL, {"refresh": token})
        version = RefreshFamily.objects.get().row_version

        assert APIClient().post(LOGOUT_URL, {"refresh": token}).status_code == 204
        assert RefreshFamily.objects.get().row_version == version

    def test_leaves_other_logins_alone(self):
        UserFactory(username="alice")
        one, other = log_in().json(), log_in().json()
        APIClient().post(LOGOUT_URL, {"refresh": one["refresh"]})
        revocation.refresh()

        assert ask(other["access"]).status_code == 200

    def test_of_garbage_is_401(self, assert_problem):
        assert_problem(APIClient().post(LOGOUT_URL, {"refresh": "x"}), 401, "invalid_token")


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _redis_away(self, settings):
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"

    @pytest.mark.django_db
    def test_nobody_logs_in(self, assert_problem):
        UserFactory(username="alice")

        answer = log_in()

        assert_problem(answer, 503, "limits_unavailable")
        assert int(answer["Retry-After"]) >= 1
        assert not RefreshFamily.objects.exists()
