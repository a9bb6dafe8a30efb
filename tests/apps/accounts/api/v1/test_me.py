import pytest
from rest_framework.test import APIClient

from tests.factories.accounts import UserFactory

URL = "/api/v1/me"


@pytest.fixture
def alice():
    return UserFactory(username="alice", email="alice@example.org", display_name="Alice", bio="Hi.")


@pytest.mark.django_db
class TestShowMe:
    def test_says_all_that_is_mine(self, alice, client_of):
        answer = client_of(alice).get(URL)

        assert answer.status_code == 200
        document = answer.json()
        assert document.pop("created_at").endswith("Z")
        assert document.pop("updated_at").endswith("Z")
        assert document == {
            "id": str(alice.pk),
            "username": "alice",
            "display_name": "Alice",
            "bio": "Hi.",
            "email": "",
            "email_verified_at": None,
            "pending_email": "alice@example.org",
            "is_staff": False,
        }

    def test_has_an_address_once_it_is_confirmed(self, client_of):
        bob = UserFactory(username="bob", email="bob@example.org", confirmed=True)

        document = client_of(bob).get(URL).json()

        assert (document["email"], document["pending_email"]) == ("bob@example.org", "")
        assert document["email_verified_at"].endswith("Z")

    def test_without_a_token_is_401(self, assert_problem):
        assert_problem(APIClient().get(URL), 401, "not_authenticated")

    def test_carries_the_version(self, alice, client_of):
        client = client_of(alice)
        tag = client.get(URL)["ETag"]

        assert tag == '"v1"'
        assert client.get(URL, HTTP_IF_NONE_MATCH=tag).status_code == 304
        assert client.get(URL, HTTP_IF_NONE_MATCH='"v0"').status_code == 200

    def test_takes_no_parameter(self, alice, client_of, assert_problem):
        assert_problem(client_of(alice).get(URL, {"x": "1"}), 400, "unknown_parameter")


@pytest.mark.django_db
class TestChangeMe:
    def test_stores_what_was_sent_and_leaves_the_rest(self, alice, client_of):
        answer = client_of(alice).patch(URL, {"bio": "Curious."})

        assert answer.status_code == 200
        assert (answer.json()["bio"], answer.json()["display_name"]) == ("Curious.", "Alice")
        assert answer["ETag"] == '"v2"'
        alice.refresh_from_db()
        assert (alice.bio, alice.display_name, alice.row_version) == ("Curious.", "Alice", 2)

    def test_may_empty_a_field(self, alice, client_of):
        client_of(alice).patch(URL, {"display_name": ""})

        alice.refresh_from_db()
        assert alice.display_name == ""

    def test_with_the_version_read_is_stored(self, alice, client_of):
        answer = client_of(alice).patch(URL, {"bio": "x"}, HTTP_IF_MATCH='"v1"')

        assert answer.status_code == 200

    def test_with_another_version_changes_nothing(self, alice, client_of, assert_problem):
        answer = client_of(alice).patch(URL, {"bio": "x"}, HTTP_IF_MATCH='"v7"')

        assert_problem(answer, 412, "precondition_failed")
        alice.refresh_from_db()
        assert (alice.bio, alice.row_version) == ("Hi.", 1)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("id", "x"),
            ("username", "bob"),
            ("username_key", "bob"),
            ("email", "x@example.org"),
            ("email_key", "x"),
            ("email_verified_at", "2026-01-01T00:00:00Z"),
            ("is_staff", True),
            ("is_superuser", True),
            ("is_active", False),
            ("password", "x"),
            ("row_version", 9),
            ("created_at", "2026-01-01T00:00:00Z"),
            ("groups", []),
            ("user_permissions", []),
            ("pending_email", "x@example.org"),
            ("password_changed_at", None),
            ("__proto__", {}),
        ],
    )
    def test_takes_no_other_field(self, name, value, alice, client_of, assert_problem):
        answer = client_of(alice).patch(URL, {"bio": "x", name: value})

        assert_problem(answer, 400, "validation_failed")
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
            (f"#/{name}", "unknown_field")
        ]
        alice.refresh_from_db()
        assert (alice.bio, alice.row_version) == ("Hi.", 1)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"bio": "x" * 501}, "max_length"),
            ({"display_name": "x" * 101}, "max_length"),
            ({"bio": None}, "null"),
            ({"bio": 1}, "invalid_type"),
        ],
    )
    def test_refuses_what_does_not_fit(self, body, code, alice, client_of):
        answer = client_of(alice).patch(URL, body)

        assert answer.status_code == 400
        assert [e["code"] for e in answer.json()["errors"]] == [code]

    def test_of_a_user_switched_off_is_401(self, alice, client_of, assert_problem):
        client = client_of(alice)
        alice.is_active = False
        alice.save(update_fields=["is_active"])

        assert_problem(client.get(URL), 401, "invalid_token")
        assert_problem(client.patch(URL, {"bio": "x"}), 401, "invalid_token")


@pytest.mark.django_db
class TestUser:
    def test_shows_what_everybody_may_know(self, alice):
        answer = APIClient().get(f"/api/v1/users/{alice.pk}")

        assert answer.status_code == 200
        assert answer.json().keys() == {"id", "username", "display_name", "bio", "created_at"}
        assert (answer.json()["id"], answer.json()["username"]) == (str(alice.pk), "alice")

    def test_is_the_same_for_somebody_logged_in(self, alice, mallory, client_of):
        path = f"/api/v1/users/{alice.pk}"

        assert client_of(mallory).get(path).json() == APIClient().get(path).json()
        assert client_of(alice).get(path).json() == APIClient().get(path).json()

    def test_carries_the_version(self, alice):
        path = f"/api/v1/users/{alice.pk}"
        tag = APIClient().get(path)["ETag"]

        assert tag == '"v1-public"'
        assert APIClient().get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304

    def test_somebody_switched_off_or_unknown_is_404(self, alice, assert_problem):
        gone = UserFactory(is_active=False)

        assert_problem(APIClient().get(f"/api/v1/users/{gone.pk}"), 404, "user_not_found")
        unknown = f"/api/v1/users/{str(alice.pk)[:-4]}0000"
        assert_problem(APIClient().get(unknown), 404, "user_not_found")

    @pytest.mark.parametrize("name", ["alice", "1", "\u0661", "me", "..%2Fme"])
    def test_anything_but_an_id_is_404(self, name, assert_problem):
        assert_problem(APIClient().get(f"/api/v1/users/{name}"), 404, "not_found")
