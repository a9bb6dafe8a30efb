import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
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
        assert (user.username_key, user.email_key) == ("alice", "alice@example.org")
        assert (user.email_verified_at, user.is_staff) == (None, False)
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
    def test_gets_the_answer_of_a_new_one_and_its_owner_a_mail(self, address, sent_tasks):
        alice = UserFactory(username="alice", email="alice@b\u00fccher.example")

        answer = register("mallory", email=address, display_name="M")

        assert answer.status_code == 201
        assert answer.json() == {"username": "mallory", "email": address, "display_name": "M"}
        assert sent_tasks == [("accounts.send_address_in_use", {"user_id": str(alice.pk)})]
        assert User.objects.count() == 1
        assert not AuditEntry.objects.exists()
        assert not OutboxEvent.objects.filter(kind="event").exists()

    def test_looks_like_a_new_one_in_every_header(self):
        UserFactory(username="alice", email="alice@example.org")

        known = register("mallory", email="alice@example.org")
        new = register("eve", email="eve@example.org")

        assert known.headers.keys() == new.headers.keys()
        assert known.json().keys() == new.json().keys()

    def test_costs_one_hash_as_a_new_one_does(self, hashed):
        UserFactory(username="alice", email="alice@example.org")
        hashed.clear()
        register("mallory", email="alice@example.org")
        known = len(hashed)
        register("eve", email="eve@example.org")

        assert (known, len(hashed) - known) == (1, 1)


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


TWINS = ["alice", "ALICE", "Alice", "\uff21lice", "al\u2170ce"]  # the last has a roman numeral one


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_twins_of_one_name_make_one_account(self):
        answers = in_parallel(lambda n: register(TWINS[n % len(TWINS)]), count=20)

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [400] * 19
        assert {a.json()["code"] for a in answers if a.status_code == 400} == {"taken"}
        assert User.objects.count() == 1

    def test_twins_of_one_address_make_one_account_and_look_alike(self):
        answers = in_parallel(lambda n: register(f"person-{n}", email="A@example.org"), count=8)

        assert [answer.status_code for answer in answers] == [201] * 8
        assert User.objects.count() == 1
        notices = OutboxEvent.objects.filter(type="accounts.send_address_in_use")
        assert notices.count() == 7
