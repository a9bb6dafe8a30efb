import re

import pytest
from django.core import mail
from django.test import Client

from apps.accounts import tasks
from apps.accounts.models import User
from apps.accounts.services import attempts
from apps.accounts.services.confirming import Confirmation, make_confirmation
from apps.accounts.services.resetting import make_reset
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

ASK = "/account/password-reset"
SENT = "/account/password-reset/sent"
SET = "/account/password-reset/confirm"
CONFIRM = "/account/confirm-email"
NEW = "another horse entirely"


@pytest.fixture
def alice():
    return UserFactory(username="alice", email="alice@example.org", confirmed=True)


def link_in_mail():
    url = re.search(r"https?://\S+", mail.outbox[-1].body)[0]
    assert url.startswith("http://127.0.0.1:8000/")
    return url.removeprefix("http://127.0.0.1:8000")


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def token_in(answer):
    return re.search(r'name="token" value="([^"]+)"', answer.content.decode())[1]


class TestAskForAReset:
    @pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
    def test_leads_to_the_same_page_for_every_address(self, email, alice, sent_tasks):
        answer = Client().post(ASK, {"email": email})

        assert (answer.status_code, answer["Location"]) == (302, SENT)
        assert [name for name, _ in sent_tasks] == ["accounts.send_password_reset"]
        assert "If this is the confirmed address" in text_of(Client().get(SENT))

    def test_says_what_is_no_address(self, sent_tasks):
        answer = Client().post(ASK, {"email": "alice"})

        assert "Enter a valid email address." in text_of(answer)
        assert sent_tasks == []

    def test_counts_with_the_api(self, client):
        for _ in range(attempts.RESETS_PER_ADDRESS):
            client.post("/api/v1/password-resets", {"email": "a@example.org"}, "application/json")

        answer = client.post(ASK, {"email": "A@example.org"})

        assert "This was tried too often. Try again in" in text_of(answer)


class TestResetLink:
    def test_of_the_mail_sets_the_password(self, alice):
        tasks.send_password_reset(user_id=str(alice.pk))
        client = Client(enforce_csrf_checks=True)

        page = client.get(link_in_mail())
        answer = client.post(
            SET,
            {
                "token": token_in(page),
                "password": NEW,
                "again": NEW,
                "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
            },
        )

        assert (answer.status_code, answer["Location"]) == (302, "/account/login")
        assert "Your password is changed." in text_of(client.get("/account/login"))
        alice.refresh_from_db()
        assert alice.check_password(NEW)

    def test_opened_by_a_program_changes_nothing(self, alice):
        tasks.send_password_reset(user_id=str(alice.pk))
        link = link_in_mail()

        assert [Client().get(link).status_code, Client().head(link).status_code] == [200, 200]
        assert Client().get(link).status_code == 200

    @pytest.mark.parametrize("text", ["", "?token=x", "?token=a:b:c"])
    def test_that_does_not_hold_says_so(self, text, alice):
        answer = Client().get(f"{SET}{text}")

        assert answer.status_code == 400
        assert "This link does not work, or no longer" in text_of(answer)

    @pytest.mark.parametrize("body", [{}, {"token": "x"}, {"token": "x" * 2000}])
    def test_that_does_not_hold_sets_nothing(self, body, alice):
        answer = Client().post(SET, {**body, "password": NEW, "again": NEW})

        assert answer.status_code == 400
        alice.refresh_from_db()
        assert alice.check_password(PASSWORD)

    @pytest.mark.parametrize(
        ("password", "again", "words"),
        [
            (NEW, "another one", "The two passwords are not the same."),
            ("short", "short", "This password is too short."),
            ("password123", "password123", "This password is too common."),
            ("x" * 129, "x" * 129, "at most 128 characters"),
            ("", "", "This field is required."),
        ],
    )
    def test_says_what_is_wrong_with_a_password(self, password, again, words, alice):
        body = {"token": make_reset(alice), "password": password, "again": again}

        answer = Client().post(SET, body)

        assert answer.status_code == 200
        assert words in text_of(answer)
        assert token_in(answer) == body["token"]
        assert password == "" or f'value="{password}"' not in answer.content.decode()
        alice.refresh_from_db()
        assert alice.check_password(PASSWORD)

    def test_that_was_used_says_so(self, alice):
        token = make_reset(alice)
        body = {"token": token, "password": NEW, "again": NEW}
        Client().post(SET, body)

        assert Client().post(SET, body).status_code == 400
        assert Client().get(f"{SET}?token={token}").status_code == 400


class TestConfirmationLink:
    def test_of_the_mail_shows_what_it_would_confirm_and_confirms_by_its_button(self):
        alice = UserFactory(username="alice", email="alice@example.org")
        tasks.send_confirmation(user_id=str(alice.pk))
        client = Client(enforce_csrf_checks=True)

        page = client.get(link_in_mail())

        assert "Shall alice@example.org be the e-mail address of the account alice ?" in text_of(
            page
        )
        assert User.objects.get().email_verified_at is None
        answer = client.post(
            CONFIRM,
            {
                "token": token_in(page),
                "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
            },
        )
        assert (answer.status_code, "Your address is confirmed" in text_of(answer)) == (200, True)
        assert User.objects.get().email_verified_at is not None

    def test_needs_the_token_of_its_form(self):
        alice = UserFactory(email="alice@example.org")
        token = make_confirmation(Confirmation(alice.pk, "alice@example.org"))

        answer = Client(enforce_csrf_checks=True).post(CONFIRM, {"token": token})

        assert answer.status_code == 403
        assert User.objects.get().email_verified_at is None

    @pytest.mark.parametrize("fields", [{"is_active": False}, {"email": "new@example.org"}])
    def test_of_an_account_that_has_changed_shows_nothing_of_it(self, fields):
        alice = UserFactory(username="alice", **{"email": "alice@example.org", **fields})
        token = make_confirmation(Confirmation(alice.pk, "alice@example.org"))

        answers = [
            Client().get(f"{CONFIRM}?token={token}"),
            Client().post(CONFIRM, {"token": token}),
        ]

        assert [answer.status_code for answer in answers] == [400, 400]
        assert not any("alice" in text_of(answer) for answer in answers)

    @pytest.mark.parametrize("body", [{}, {"token": "x"}, {"token": "x" * 2000}])
    def test_that_does_not_hold_confirms_nothing(self, body):
        assert Client().post(CONFIRM, body).status_code == 400
        assert Client().get(CONFIRM, body).status_code == 400

    def test_of_an_address_taken_meanwhile_says_that_it_does_not_work(self):
        mallory = UserFactory(username="mallory", pending_email="alice@example.org")
        token = make_confirmation(Confirmation(mallory.pk, "alice@example.org"))
        UserFactory(username="alice", email="alice@example.org", confirmed=True)

        assert Client().post(CONFIRM, {"token": token}).status_code == 400


class TestPages:
    PATHS = ("/account/login", ASK, SENT, SET, CONFIRM)

    @pytest.mark.parametrize("path", PATHS)
    def test_need_no_script_and_load_only_what_is_ours(self, path):
        answer = Client().get(path)
        text = answer.content.decode()

        assert "<script" not in text
        assert " style=" not in text
        assert (
            "default-src 'none'; style-src 'self'; img-src 'self'"
            in (answer["Content-Security-Policy"])
        )
        assert "no-store" in answer["Cache-Control"]
        assert all(
            address.startswith(("/", "#"))
            for address in re.findall(r'(?:src|href)="([^"]*)"', text)
        )

    @pytest.mark.parametrize("path", ["/account/login", ASK])
    def test_have_a_label_for_every_input(self, path):
        text = Client().get(path).content.decode()

        inputs = re.findall(r'<input(?![^>]*type="hidden")[^>]* id="([^"]+)"', text)
        assert inputs
        assert set(inputs) <= set(re.findall(r'<label for="([^"]+)"', text))

    def test_tie_what_is_wrong_to_its_input(self):
        text = Client().post(ASK, {"email": "x"}).content.decode()

        assert 'aria-invalid="true"' in text
        described = re.search(r'aria-describedby="([^"]+)"', text)[1].split()
        assert all(f'id="{name}"' in text for name in described)
        assert "id_email_error" in described
