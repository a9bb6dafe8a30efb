import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services, tasks
from apps.accounts.models import RefreshFamily, User
from apps.accounts.services import attempts
from apps.accounts.services.resetting import make_reset
from core.models import AuditEntry, OutboxEvent
from core.redis_client import limits_client
from core.security import lockout
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.parallel import in_parallel

ASK = "/api/v1/password-resets"
SET = "/api/v1/password-resets/confirm"
LOGIN = "/api/v1/login"
NEW = "another horse entirely"


def ask(email, **headers):
    return APIClient(**headers).post(ASK, {"email": email})


def reset(token, password=NEW):
    return APIClient().post(SET, {"token": token, "password": password})


def log_in(username, password):
    return APIClient().post(LOGIN, {"username": username, "password": password})


def run(sent_tasks):
    """What a worker would do with what was sent."""
    for name, arguments in list(sent_tasks):
        getattr(tasks, name.removeprefix("accounts."))(**arguments)


@pytest.fixture
def alice():
    return UserFactory(username="alice", email="alice@example.org", confirmed=True)


@pytest.mark.django_db
class TestAsking:
    def test_sends_a_link_that_sets_the_password_once(self, alice, sent_tasks, assert_problem):
        answer = ask("Alice@Example.org")

        assert (answer.status_code, answer.json()) == (202, {"email": "Alice@Example.org"})
        assert sent_tasks == [("accounts.send_password_reset", {"user_id": str(alice.pk)})]
        run(sent_tasks)
        [message] = mail.outbox
        assert message.to == ["alice@example.org"]
        token = re.search(r"---\n(\S+)\n---", message.body)[1]
        link = urlsplit(re.search(r"https?://\S+", message.body)[0])
        assert link.path == "/account/password-reset/confirm"
        assert parse_qs(link.query) == {"token": [token]}
        answer = reset(token)
        assert (answer.status_code, answer.content) == (204, b"")
        assert log_in("alice", NEW).status_code == 200
        assert log_in("alice", PASSWORD).status_code == 401
        assert_problem(reset(token, "a third horse altogether"), 400, "invalid_password_reset")

    @pytest.mark.parametrize(
        ("email", "fields"),
        [
            ("nobody@example.org", {}),
            ("alice@example.org", {}),  # not confirmed
            ("alice@example.org", {"confirmed": True, "is_active": False}),
            ("new@example.org", {"confirmed": True, "pending_email": "new@example.org"}),
        ],
    )
    def test_looks_and_costs_the_same_for_whoever_gets_no_link(self, email, fields, sent_tasks):
        UserFactory(username="bob", email="bob@example.org", confirmed=True)
        UserFactory(username="alice", email="alice@example.org", **fields)
        with CaptureQueriesContext(connection) as of_known:
            known = ask("bob@example.org")

        with CaptureQueriesContext(connection) as of_other:
            other = ask(email)

        assert (other.status_code, known.status_code) == (202, 202)
        assert other.headers.keys() == known.headers.keys()
        assert other.json() == {"email": email}
        assert [query["sql"].split()[0] for query in of_other] == [
            query["sql"].split()[0] for query in of_known
        ]
        assert [name for name, _ in sent_tasks] == ["accounts.send_password_reset"] * 2
        run(sent_tasks)
        assert [message.to for message in mail.outbox] == [["bob@example.org"]]

    def test_hashes_nothing(self, alice, hashed):
        hashed.clear()
        ask("alice@example.org")

        assert hashed == []

    @pytest.mark.parametrize("text", ["x", "a@b..example", "a b@example.org", ""])
    def test_needs_an_address(self, text, sent_tasks):
        answer = ask(text)

        assert answer.status_code == 400
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["#/email"]
        assert sent_tasks == []

    @pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
    def test_five_an_hour_for_one_address_however_it_is_written(self, alice, email, assert_problem):
        spellings = [email, email.upper(), f" {email}", email, email]
        statuses = [
            ask(spelling, REMOTE_ADDR=f"192.0.2.{n}").status_code
            for n, spelling in enumerate(spellings)
        ]

        refused = ask(email, REMOTE_ADDR="192.0.2.99")

        assert statuses == [202] * attempts.RESETS_PER_ADDRESS
        assert_problem(refused, 429, "too_many_attempts")
        assert attempts.HOUR - 5 <= int(refused["Retry-After"]) <= attempts.HOUR
        assert ask("other@example.org", REMOTE_ADDR="192.0.2.99").status_code == 202

    def test_twenty_an_hour_from_one_ip_address(self, assert_problem):
        for number in range(attempts.RESETS_PER_IP):
            assert ask(f"person-{number}@example.org").status_code == 202

        assert_problem(ask("one-more@example.org"), 429, "too_many_attempts")
        assert ask("one-more@example.org", REMOTE_ADDR="192.0.2.1").status_code == 202

    def test_is_closed_while_nothing_can_be_counted(self, assert_problem, settings, monkeypatch):
        from redis.exceptions import ConnectionError as RedisAwayError

        def away(*_):
            raise RedisAwayError

        monkeypatch.setattr(type(limits_client()), "execute_command", away)

        assert_problem(ask("alice@example.org"), 503, "limits_unavailable")


def change_password(user):
    services.set_password(
        user_id=user.pk, password=PASSWORD, actor=None, reason="x", now=timezone.now()
    )


def change_address(user):
    user.email = "new@example.org"
    user.fill_keys()
    user.save()


def deactivate(user):
    services.deactivate_user(user_id=user.pk, actor=None, reason="x", now=timezone.now())


@pytest.mark.django_db
class TestToken:
    @pytest.mark.parametrize("text", ["x", "a:b:c", "WyJ4Il0:1:2", "." * 1024])
    def test_forged_is_400(self, text, alice, assert_problem):
        assert_problem(reset(text), 400, "invalid_password_reset")

    def test_of_another_kind_is_400(self, alice, assert_problem):
        from apps.accounts.services.confirming import Confirmation, make_confirmation

        confirmation = make_confirmation(Confirmation(alice.pk, alice.email))

        assert_problem(reset(confirmation), 400, "invalid_password_reset")

    def test_after_an_hour_is_400(self, alice, assert_problem, monkeypatch):
        token = make_reset(alice)
        later = time.time() + 3601
        monkeypatch.setattr("django.core.signing.time.time", lambda: later)

        assert_problem(reset(token), 400, "invalid_password_reset")
        assert log_in("alice", PASSWORD).status_code == 200

    @pytest.mark.parametrize("change", [change_password, change_address, deactivate, User.delete])
    def test_of_an_account_that_has_changed_is_400(self, change, alice, assert_problem):
        token = make_reset(alice)
        change(alice)

        assert_problem(reset(token), 400, "invalid_password_reset")
        assert not any(user.check_password(NEW) for user in User.objects.all())

    def test_outlives_a_new_pepper_and_a_new_signing_key(self, alice, settings):
        token = make_reset(alice)
        settings.PEPPERS = ["a-new-pepper-" + "n" * 40, *settings.PEPPERS]
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "a-new-key-" + "k" * 60

        assert reset(token).status_code == 204

    def test_says_nothing_of_the_password(self, alice):
        import base64

        body = make_reset(alice).split(":")[0]
        text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()

        assert alice.password not in text
        assert "alice" not in text


@pytest.mark.django_db
class TestSetting:
    def test_ends_every_login_and_says_so(
        self, alice, sent_tasks, refresh_revocations, assert_problem
    ):
        tokens = log_in("alice", PASSWORD).json()

        assert reset(make_reset(alice)).status_code == 204

        assert RefreshFamily.objects.get().cause == "password_changed"
        refresh_revocations()
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        assert client.get("/api/v1/me/token").status_code == 401
        refreshed = APIClient().post("/api/v1/token/refresh", {"refresh": tokens["refresh"]})
        assert_problem(refreshed, 401, "invalid_token")
        entry = AuditEntry.objects.get(action="accounts.user.password_changed")
        assert (entry.actor_id, entry.reason) == (None, "By the link in a mail.")
        assert OutboxEvent.objects.filter(type="user.password_changed").count() == 1
        assert sent_tasks == [("accounts.send_password_changed", {"user_id": str(alice.pk)})]
        run(sent_tasks)
        [notice] = mail.outbox
        assert (notice.to, notice.subject) == (["alice@example.org"], "Your password was changed")
        assert "/account/password-reset" in notice.body
        assert NEW not in notice.body

    @pytest.mark.parametrize(
        ("password", "code"),
        [
            ("short", "password_too_short"),
            ("password123", "password_too_common"),
            ("elica777", "password_too_similar"),
            ("It is Alice again", "password_like_name"),
        ],
    )
    def test_obeys_the_rules_and_leaves_the_token_good(self, password, code, alice):
        token = make_reset(alice)

        answer = reset(token, password)

        assert answer.status_code == 400
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
            ("#/password", code)
        ]
        assert reset(token).status_code == 204

    @pytest.mark.django_db(transaction=True)
    def test_lets_the_owner_in_again_and_nobody_else(self, alice):
        UserFactory(username="bob")
        for name in ("alice", "bob"):
            for number in range(attempts.ACCOUNT_FAILURES):
                APIClient(REMOTE_ADDR=f"192.0.2.{number}").post(
                    LOGIN, {"username": name, "password": "wrong"}
                )
        assert log_in("alice", PASSWORD).status_code == 429

        assert reset(make_reset(alice)).status_code == 204

        assert log_in("alice", NEW).status_code == 200
        assert log_in("bob", PASSWORD).status_code == 429

    def test_does_not_open_an_address_that_guesses(self, alice):
        for number in range(attempts.IP_FAILURES):
            lockout.note_failure(attempts.of_login(f"name-{number}", "127.0.0.1"))

        assert reset(make_reset(alice)).status_code == 204

        assert log_in("alice", NEW).status_code == 429

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_with_one_token_sets_one(self, alice):
        token = make_reset(alice)
        answers = in_parallel(lambda n: reset(token, f"horse number {n} of them"), count=8)

        assert sorted(answer.status_code for answer in answers) == [204] + [400] * 7
        assert AuditEntry.objects.filter(action="accounts.user.password_changed").count() == 1
        winner = next(n for n, answer in enumerate(answers) if answer.status_code == 204)
        assert log_in("alice", f"horse number {winner} of them").status_code == 200

    def test_by_ones_own_hand_is_told_too(self, alice, sent_tasks, client_of):
        client_of(alice).post(
            "/api/v1/me/password", {"current_password": PASSWORD, "new_password": NEW}
        )

        assert sent_tasks == [("accounts.send_password_changed", {"user_id": str(alice.pk)})]

    def test_is_told_to_no_address_that_is_not_confirmed(self, sent_tasks):
        bob = UserFactory(email="bob@example.org")
        services.set_password(
            user_id=bob.pk, password=NEW, actor=None, reason="x", now=timezone.now()
        )
        tasks.send_password_changed(user_id=str(bob.pk))
        tasks.send_password_reset(user_id=str(bob.pk))

        assert sent_tasks == []
        assert mail.outbox == []
