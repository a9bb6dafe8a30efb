import re
import time

import pytest
from django.core import mail
from rest_framework.test import APIClient

from apps.accounts import tasks
from apps.accounts.models import User
from apps.accounts.services.confirming import Confirmation, make_confirmation
from core.models import AuditEntry, OutboxEvent
from tests.factories.accounts import PASSWORD, UserFactory

CONFIRM_URL = "/api/v1/email-confirmations"
CHANGE_URL = "/api/v1/me/email"


def confirm(text):
    return APIClient().post(CONFIRM_URL, {"confirmation": text})


def run(sent_tasks):
    """What a worker would do with what was sent."""
    for name, arguments in sent_tasks:
        getattr(tasks, name.removeprefix("accounts."))(**arguments)


def mailed_confirmation():
    return re.search(r"---\n(\S+)\n---", mail.outbox[-1].body)[1]


@pytest.mark.django_db
class TestConfirmation:
    def test_of_a_registration_makes_the_address_a_login_name(self, sent_tasks):
        body = {"username": "alice", "password": PASSWORD, "email": "Alice@Example.org"}
        APIClient().post("/api/v1/register", body)
        run(sent_tasks)
        assert mail.outbox[0].to == ["Alice@Example.org"]

        answer = confirm(mailed_confirmation())

        assert (answer.status_code, answer.content) == (204, b"")
        login = {"username": "alice@example.org", "password": PASSWORD}
        assert APIClient().post("/api/v1/login", login).status_code == 200
        assert AuditEntry.objects.filter(action="accounts.user.email_confirmed").count() == 1
        assert OutboxEvent.objects.get(type="user.email_confirmed").payload == {"username": "alice"}

    def test_makes_it_the_true_owners_whoever_registered_with_it_before(self, sent_tasks):
        register = {"password": PASSWORD, "email": "owner@example.org"}
        APIClient().post("/api/v1/register", {**register, "username": "squatter"})
        APIClient().post("/api/v1/register", {**register, "username": "owner-1"})
        run(sent_tasks)
        assert [message.to for message in mail.outbox] == [["owner@example.org"]] * 2
        assert "Hello owner-1" in mail.outbox[1].body

        assert confirm(mailed_confirmation()).status_code == 204

        owner = User.objects.owning("owner@example.org").get()
        assert (owner.username, owner.email, owner.pending_email) == (
            "owner-1",
            "owner@example.org",
            "",
        )
        mailed_to_squatter = re.search(r"---\n(\S+)\n---", mail.outbox[0].body)[1]
        assert confirm(mailed_to_squatter).json()["code"] == "invalid_confirmation"
        assert User.objects.get(username="squatter").email == ""

    def test_twice_is_the_same_as_once(self):
        alice = UserFactory(username="alice", email="alice@example.org")
        text = make_confirmation(Confirmation(alice.pk, "alice@example.org"))
        confirm(text)
        alice.refresh_from_db()

        assert confirm(text).status_code == 204
        assert User.objects.get().email_verified_at == alice.email_verified_at

    @pytest.mark.parametrize("text", ["x", "a:b:c", "WyJ4Il0:1:2"])
    def test_forged_is_400(self, text, assert_problem):
        assert_problem(confirm(text), 400, "invalid_confirmation")

    def test_after_three_days_is_400(self, assert_problem, monkeypatch):
        alice = UserFactory(email="alice@example.org")
        text = make_confirmation(Confirmation(alice.pk, "alice@example.org"))
        later = time.time() + 3 * 24 * 3600 + 1
        monkeypatch.setattr("django.core.signing.time.time", lambda: later)

        assert_problem(confirm(text), 400, "invalid_confirmation")
        assert User.objects.get().email_verified_at is None

    def test_of_an_address_since_replaced_is_400(self, assert_problem):
        alice = UserFactory(email="alice@example.org")
        text = make_confirmation(Confirmation(alice.pk, "old@example.org"))

        assert_problem(confirm(text), 400, "invalid_confirmation")

    def test_of_somebody_gone_is_400(self, assert_problem):
        alice = UserFactory(email="alice@example.org", is_active=False)
        text = make_confirmation(Confirmation(alice.pk, "alice@example.org"))

        assert_problem(confirm(text), 400, "invalid_confirmation")


@pytest.mark.django_db
class TestChangeEmail:
    def test_takes_effect_when_it_is_confirmed(self, client_of, sent_tasks):
        alice = UserFactory(username="alice", email="alice@example.org", confirmed=True)
        client = client_of(alice)

        answer = client.post(CHANGE_URL, {"email": "new@example.org", "current_password": PASSWORD})

        assert (answer.status_code, answer.json()) == (202, {"pending_email": "new@example.org"})
        assert client.get("/api/v1/me").json()["email"] == "alice@example.org"
        run(sent_tasks)
        assert confirm(mailed_confirmation()).status_code == 204
        document = client.get("/api/v1/me").json()
        assert (document["email"], document["pending_email"]) == ("new@example.org", "")
        assert document["email_verified_at"] is not None

    def test_to_somebody_elses_looks_the_same_and_tells_them(self, client_of, sent_tasks):
        owner = UserFactory(username="owner", email="owner@example.org", confirmed=True)
        mallory = UserFactory(username="mallory")
        client = client_of(mallory)

        answer = client.post(
            CHANGE_URL, {"email": "OWNER@example.org", "current_password": PASSWORD}
        )

        assert (answer.status_code, answer.json()) == (202, {"pending_email": "OWNER@example.org"})
        assert client.get("/api/v1/me").json()["pending_email"] == "OWNER@example.org"
        run(sent_tasks)
        assert [message.to for message in mail.outbox] == [["owner@example.org"]]
        assert "---" not in mail.outbox[0].body
        owner.refresh_from_db()
        assert owner.email == "owner@example.org"

    def test_of_an_address_confirmed_by_another_first_fails(self, assert_problem):
        mallory = UserFactory(username="mallory", pending_email="alice@example.org")
        text = make_confirmation(Confirmation(mallory.pk, "alice@example.org"))
        UserFactory(username="alice", email="ALICE@example.org", confirmed=True)

        assert_problem(confirm(text), 400, "invalid_confirmation")
        mallory.refresh_from_db()
        assert mallory.email == ""

    def test_to_one_that_somebody_else_only_waits_for_sends_a_confirmation(
        self, client_of, sent_tasks
    ):
        UserFactory(username="mallory", email="alice@example.org")
        alice = UserFactory(username="alice")
        body = {"email": "alice@example.org", "current_password": PASSWORD}

        assert client_of(alice).post(CHANGE_URL, body).status_code == 202
        assert sent_tasks == [("accounts.send_confirmation", {"user_id": str(alice.pk)})]

    def test_to_ones_own_address_once_more_leaves_nothing_waiting(self, client_of, sent_tasks):
        alice = UserFactory(username="alice", email="alice@example.org", confirmed=True)
        body = {"email": "alice@example.org", "current_password": PASSWORD}
        client_of(alice).post(CHANGE_URL, body)
        run(sent_tasks)

        assert confirm(mailed_confirmation()).status_code == 204
        document = client_of(alice).get("/api/v1/me").json()
        assert (document["email"], document["pending_email"]) == ("alice@example.org", "")

    def test_needs_the_password(self, client_of, assert_problem, sent_tasks):
        alice = UserFactory()

        answer = client_of(alice).post(
            CHANGE_URL, {"email": "new@example.org", "current_password": "x"}
        )

        assert_problem(answer, 400, "wrong_password")
        assert sent_tasks == []

    def test_fills_nobodys_mailbox(self, client_of, assert_problem, sent_tasks):
        body = {"email": "victim@example.org", "current_password": PASSWORD}
        people = [client_of(UserFactory()) for _ in range(2)]

        for number in range(5):
            assert people[number % 2].post(CHANGE_URL, body).status_code == 202
        refused = people[0].post(CHANGE_URL, {**body, "email": "VICTIM@example.org"})

        assert_problem(refused, 429, "too_many_attempts")
        assert 3_500 < int(refused["Retry-After"]) <= 3_600
        assert len(sent_tasks) == 5
        other = {**body, "email": "other@example.org"}
        assert people[0].post(CHANGE_URL, other).status_code == 202

    def test_needs_an_address(self, client_of, assert_problem, sent_tasks):
        alice = UserFactory()

        answer = client_of(alice).post(CHANGE_URL, {"email": "x", "current_password": PASSWORD})

        assert_problem(answer, 400, "validation_failed")
        assert [e["pointer"] for e in answer.json()["errors"]] == ["#/email"]
        assert sent_tasks == []


@pytest.mark.django_db
class TestMail:
    def test_to_an_owner_goes_out_once_an_hour(self):
        alice = UserFactory(username="alice", email="alice@example.org", confirmed=True)
        for _ in range(3):
            tasks.send_address_in_use(user_id=str(alice.pk))

        assert [message.to for message in mail.outbox] == [["alice@example.org"]]
        assert "confirmed for the account alice" in mail.outbox[0].body

    def test_to_somebody_gone_or_confirmed_is_not_sent(self):
        gone = UserFactory(email="gone@example.org", is_active=False)
        confirmed = UserFactory(email="done@example.org", confirmed=True)
        for user in (gone, confirmed):
            tasks.send_confirmation(user_id=str(user.pk), from_a_newer_release="x")
        tasks.send_address_in_use(user_id=str(gone.pk))

        assert mail.outbox == []

    def test_about_an_address_in_use_goes_to_nobody_who_has_not_confirmed_it(self):
        mallory = UserFactory(username="mallory", email="alice@example.org")
        tasks.send_address_in_use(user_id=str(mallory.pk))

        assert mail.outbox == []
