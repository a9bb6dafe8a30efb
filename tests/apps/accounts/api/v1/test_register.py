import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import attempts
from core.models import AuditEntry, OutboxEvent
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.parallel import in_parallel

URL = "/api/v1/register"


def register(username="alice", password=PASSWORD, **fields):
    return APIClient().post(URL, {"username": username, "password": password, **fields})


def faults(answer):
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


@pytest.mark.django_db
class TestRegister:
    def test_makes_an_account_that_logs_in(self, sent_tasks):
        answer = register("Alice", email="Alice@Example.org", display_name="\u00c9lodie")

        assert answer.status_code == 201
        assert answer.json() == {
            "username": "Alice",
            "email": "Alice@Example.org",
            "display_name": "\u00c9lodie",
        }
        user = User.objects.get()
        assert (user.username_key, user.pending_email) == ("alice", "Alice@Example.org")
        assert (user.email, user.email_key, user.email_verified_at) == ("", "", None)
        assert user.is_staff is False
        assert sent_tasks == [("accounts.send_confirmation", {"user_id": str(user.pk)})]
        event = OutboxEvent.objects.get(kind="event")
        assert (event.type, event.payload) == ("user.registered", {"username": "Alice"})
        assert AuditEntry.objects.get().action == "accounts.user.registered"
        login = APIClient().post("/api/v1/login", {"username": "alice", "password": PASSWORD})
        assert login.status_code == 200

    def test_needs_no_address(self, sent_tasks):
        answer = register()

        assert answer.json() == {"username": "alice", "email": "", "display_name": ""}
        assert sent_tasks == []

    def test_stores_the_name_in_its_plain_form(self):
        assert register(" \uff21\ufb01na ").json()["username"] == "Afina"

    @pytest.mark.parametrize("twin", ["alice", "ALICE", "\uff21lice", " alice"])
    def test_a_taken_name_is_400(self, twin, assert_problem, sent_tasks):
        UserFactory(username="Alice")

        answer = register(twin, email="new@example.org")

        assert_problem(answer, 400, "taken")
        assert faults(answer) == [("#/username", "taken")]
        assert User.objects.count() == 1
        assert sent_tasks == []


@pytest.mark.django_db
class TestKnownAddress:
    @pytest.mark.parametrize(
        "address", ["alice@b\u00fccher.example", "ALICE@xn--bcher-kva.example"]
    )
    def test_makes_an_account_and_its_owner_gets_the_mail(self, address, sent_tasks):
        alice = UserFactory(username="alice", email="alice@b\u00fccher.example", confirmed=True)

        answer = register("mallory", email=address, display_name="M")

        assert answer.status_code == 201
        assert answer.json() == {"username": "mallory", "email": address, "display_name": "M"}
        assert sent_tasks == [("accounts.send_address_in_use", {"user_id": str(alice.pk)})]
        mallory = User.objects.get(username="mallory")
        assert (mallory.email, mallory.pending_email) == ("", address)
        assert AuditEntry.objects.get().object_id == str(mallory.pk)
        assert OutboxEvent.objects.get(kind="event").payload == {"username": "mallory"}

    def test_tells_nothing_afterwards_either(self, client_of):
        UserFactory(username="alice", email="alice@example.org", confirmed=True)
        told = []
        for name, email in (("mallory", "alice@example.org"), ("eve", "eve@example.org")):
            register(name, email=email)
            login = APIClient().post("/api/v1/login", {"username": name, "password": PASSWORD})
            by_email = APIClient().post("/api/v1/login", {"username": email, "password": "x"})
            me = client_of(User.objects.get(username=name)).get("/api/v1/me").json()
            told.append(
                (
                    login.status_code,
                    by_email.json()["code"],
                    me["email"],
                    me["email_verified_at"],
                    me["pending_email"] == email,
                    register(name).json()["code"],
                )
            )

        assert told == [(200, "invalid_credentials", "", None, True, "taken")] * 2

    def test_of_somebody_who_never_confirmed_it_is_nobodys(self, sent_tasks):
        UserFactory(username="mallory", email="alice@example.org")

        register("alice", email="alice@example.org")

        alice = User.objects.get(username="alice")
        assert sent_tasks == [("accounts.send_confirmation", {"user_id": str(alice.pk)})]

    def test_looks_like_a_new_one_in_every_header(self):
        UserFactory(username="alice", email="alice@example.org", confirmed=True)

        known = register("mallory", email="alice@example.org")
        new = register("eve", email="eve@example.org")

        assert known.headers.keys() == new.headers.keys()
        assert known.json().keys() == new.json().keys()

    def test_costs_one_hash_and_the_same_queries_as_a_new_one_does(self, hashed):
        UserFactory(username="alice", email="alice@example.org", confirmed=True)
        costs = []
        for name, email in (("mallory", "alice@example.org"), ("eve", "eve@example.org")):
            hashed.clear()
            with CaptureQueriesContext(connection) as queries:
                register(name, email=email)
            costs.append((len(hashed), [query["sql"].split()[0] for query in queries]))

        assert costs[0] == costs[1]
        assert costs[0][0] == 1


@pytest.mark.django_db
class TestRefusedRegistration:
    @pytest.mark.parametrize(
        "name",
        [
            "ab",
            ".abc",
            "a b c",
            "alice\n\nx",
            "\u0430lice",
            "al\u200bice",
            "alice@example.org",
            "al\u202eice",
            "\u0661\u0662\u0663",
            "al\u0131ce",
            "<script>",
            "a/b/c",
        ],
    )
    def test_a_name_that_could_be_mistaken(self, name, assert_problem):
        answer = register(name)

        assert_problem(answer, 400, "validation_failed")
        assert faults(answer) == [("#/username", "invalid_username")]
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            ({"username": "a" * 65}, ("#/username", "max_length")),
            ({"username": 123}, ("#/username", "invalid_type")),
            ({"username": ""}, ("#/username", "blank")),
            ({"email": "alice"}, ("#/email", "invalid_email")),
            ({"email": "a@b..example"}, ("#/email", "invalid_email")),
            ({"email": "a" * 250 + "@example.org"}, ("#/email", "max_length")),
            ({"email": "a@" + "x" * 64 + ".example"}, ("#/email", "invalid_email")),
            ({"password": "short"}, ("#/password", "password_too_short")),
            ({"password": "password123"}, ("#/password", "password_too_common")),
            ({"password": "90812345671"}, ("#/password", "password_entirely_numeric")),
            (
                {"username": "somebody-special", "password": "somebody-special"},
                ("#/password", "password_too_similar"),
            ),
            (
                {"email": "somebody@example.org", "password": "s0mebody"},
                ("#/password", "password_too_similar"),
            ),
            ({"password": "Alice-2026-winter"}, ("#/password", "password_like_name")),
            ({"password": "for \uff21LICE in winter"}, ("#/password", "password_like_name")),
            (
                {"email": "Wonder.Land@example.org", "password": "2026-wonder.LAND-2027"},
                ("#/password", "password_like_name"),
            ),
            ({"password": "x" * 129}, ("#/password", "max_length")),
            ({"display_name": "x" * 101}, ("#/display_name", "max_length")),
            ({"is_staff": True}, ("#/is_staff", "unknown_field")),
            ({"is_superuser": True}, ("#/is_superuser", "unknown_field")),
            (
                {"email_verified_at": "2026-01-01T00:00:00Z"},
                ("#/email_verified_at", "unknown_field"),
            ),
            ({"id": "x"}, ("#/id", "unknown_field")),
            ({"__proto__": {}}, ("#/__proto__", "unknown_field")),
        ],
    )
    def test_a_field_that_cannot_be(self, fields, fault, assert_problem):
        answer = register(**{"username": "alice", **fields})

        assert_problem(answer, 400, "validation_failed")
        assert fault in faults(answer)
        assert not User.objects.exists()

    def test_but_not_for_two_letters_that_are_in_many_words(self):
        assert register(email="or@example.org").status_code == 201

    @pytest.mark.parametrize("field", ["username", "password", "email", "display_name"])
    def test_nul_in_any_field(self, field, assert_problem):
        answer = register(**{"username": "alice", field: "correct\0horse"})

        assert_problem(answer, 400, "forbidden_character")
        assert not User.objects.exists()

    def test_lists_all_faults_at_once(self):
        answer = register("a b", email="x", password="short1X")  # noqa: S106 - refused

        assert {pointer for pointer, _ in faults(answer)} == {"#/username", "#/email", "#/password"}

    def test_hashes_nothing(self, hashed):
        register("a b")

        assert hashed == []


@pytest.mark.django_db
class TestFromOneAddress:
    def test_twenty_accounts_an_hour_whatever_their_addresses(self, assert_problem, sent_tasks):
        UserFactory(username="alice", email="alice@example.org", confirmed=True)
        for number in range(attempts.REGISTRATIONS_PER_IP):
            email = "" if number % 4 else "alice@example.org"
            assert register(f"person-{number}", email=email).status_code == 201
        sent = len(sent_tasks)

        refused = register("one-more")

        assert_problem(refused, 429, "too_many_attempts")
        assert attempts.HOUR - 30 <= int(refused["Retry-After"]) <= attempts.HOUR
        assert not User.objects.filter(username="one-more").exists()
        assert len(sent_tasks) == sent
        elsewhere = APIClient(REMOTE_ADDR="192.0.2.1")
        assert (
            elsewhere.post(URL, {"username": "one-more", "password": PASSWORD}).status_code == 201
        )

    @pytest.mark.parametrize("confirmed", [True, False])
    def test_one_mailbox_gets_five_mails_an_hour(
        self, confirmed, client_of, assert_problem, sent_tasks
    ):
        alice = UserFactory(username="alice", email="alice@example.org", confirmed=confirmed)
        change = {"email": "ALICE@example.org", "current_password": PASSWORD}
        assert client_of(alice).post("/api/v1/me/email", change).status_code == 202
        for number in range(attempts.CLAIMS_PER_ADDRESS - 1):
            client = APIClient(REMOTE_ADDR=f"192.0.2.{number}")
            body = {"username": f"person-{number}", "password": PASSWORD}
            body["email"] = "Alice@example.org"
            assert client.post(URL, body).status_code == 201

        refused = register("one-more", email="alice@EXAMPLE.org")

        assert_problem(refused, 429, "too_many_attempts")
        assert not User.objects.filter(username="one-more").exists()
        assert len(sent_tasks) == attempts.CLAIMS_PER_ADDRESS
        assert register("one-more").status_code == 201

    def test_hashes_nothing_for_who_is_refused(self, hashed):
        for _ in range(attempts.REGISTRATIONS_PER_IP):
            attempts.take(attempts.of_registration("127.0.0.1"))

        register("one-more")

        assert hashed == []

    def test_what_is_refused_for_its_fields_costs_no_account(self):
        for _ in range(attempts.REGISTRATIONS_PER_IP):
            assert register("a b").status_code == 400

        assert register("alice").status_code == 201

    def test_a_network_of_one_subscriber_is_one_address(self, assert_problem):
        for number in range(attempts.REGISTRATIONS_PER_IP):
            client = APIClient(REMOTE_ADDR=f"2001:db8::{number:x}")
            client.post(URL, {"username": f"person-{number}", "password": PASSWORD})

        refused = APIClient(REMOTE_ADDR="2001:db8::ffff").post(
            URL, {"username": "one-more", "password": PASSWORD}
        )

        assert_problem(refused, 429, "too_many_attempts")

    def test_does_not_ask_whose_token_comes_along(self, client_of, assert_problem):
        for number in range(attempts.REGISTRATIONS_PER_IP):
            register(f"person-{number}")
        client = client_of(UserFactory(username="alice"))

        answer = client.post(URL, {"username": "one-more", "password": PASSWORD})

        assert_problem(answer, 429, "too_many_attempts")


TWINS = ["alice", "ALICE", "Alice", "\uff21lice", "al\u2170ce"]  # the last has a roman numeral one


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_twins_of_one_name_make_one_account(self):
        answers = in_parallel(lambda n: register(TWINS[n % len(TWINS)]), count=20)

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [400] * 19
        assert {a.json()["code"] for a in answers if a.status_code == 400} == {"taken"}
        assert User.objects.count() == 1

    def test_the_last_of_the_hour_goes_to_one(self):
        for _ in range(attempts.REGISTRATIONS_PER_IP - 1):
            attempts.take(attempts.of_registration("127.0.0.1"))

        answers = in_parallel(lambda n: register(f"person-{n}"), count=8)

        assert sorted(answer.status_code for answer in answers) == [201] + [429] * 7
        assert User.objects.count() == 1

    def test_with_one_address_all_make_accounts_that_wait_for_it(self):
        answers = in_parallel(lambda n: register(f"person-{n}", email="A@example.org"), count=5)

        assert [answer.status_code for answer in answers] == [201] * 5
        assert User.objects.filter(pending_email="A@example.org").count() == 5
        mails = OutboxEvent.objects.filter(type="accounts.send_confirmation")
        assert mails.count() == 5
